// examples/Caddyfile, in Caddy.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { example, folder, freePort, startProxy } from "./proxies.mjs";
import { suite } from "./suite.mjs";

const FILES = `file_server {
						index .no-index
						disable_canonical_uris
					}`;

async function run({ gate, media = "/nonexistent", upstream }) {
  const own = folder();
  const port = await freePort();
  const file = join(own, "Caddyfile");
  writeFileSync(file, example("Caddyfile", [
    ["\ncdn.example.com {", `\nhttp://cdn.example.com:${port} {`],
    ["\tadmin off\n", "\tadmin off\n\tdefault_bind 127.0.0.1\n"],
    ["reverse_proxy 127.0.0.1:8787 {", `reverse_proxy 127.0.0.1:${gate} {`, 2],
    ["root * /srv/media\n", `root * ${media}\n`],
    // As the comment there says.
    ...(upstream ? [[FILES, `reverse_proxy 127.0.0.1:${upstream}`]] : []),
  ]));
  return startProxy("caddy", port, ["run", "--adapter", "caddyfile", "--config", file], { XDG_DATA_HOME: own, XDG_CONFIG_HOME: own });
}

suite("caddy", run, {
  servesFiles: true,
  copiesFields: true,
  gone: [502],
  hung: [504],
});
