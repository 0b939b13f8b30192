// examples/traefik.yml and examples/traefik-routes.yml, in Traefik.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { example, folder, freePort, startProxy } from "./proxies.mjs";
import { suite } from "./suite.mjs";

async function run({ gate, upstream }) {
  const own = folder();
  const [port, inner] = [await freePort(), await freePort()];
  const [config, routes] = [join(own, "traefik.yml"), join(own, "traefik-routes.yml")];
  writeFileSync(config, example("traefik.yml", [
    ['address: ":80"', `address: "127.0.0.1:${port}"`],
    ["address: 127.0.0.1:8786", `address: 127.0.0.1:${inner}`],
    ["/etc/traefik/traefik-routes.yml", routes],
  ]));
  writeFileSync(routes, example("traefik-routes.yml", [
    ["http://127.0.0.1:8786/", `http://127.0.0.1:${inner}/`],
    ["http://127.0.0.1:8787", `http://127.0.0.1:${gate}`],
    ["http://127.0.0.1:8080", `http://127.0.0.1:${upstream}`],
  ]));
  return startProxy("traefik", port, ["--configfile", config]);
}

suite("traefik", run, {
  cacheControl: "private, no-cache",
  missingCacheControl: "private, no-cache",
  keepsQuery: true,
  gone: [502],
  hung: [504],
});
