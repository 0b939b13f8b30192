// examples/nginx.conf, in Debian's nginx.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { example, folder, freePort, startProxy } from "./proxies.mjs";
import { suite } from "./suite.mjs";

/** nginx writes temporary files to places that only root can use. */
const TEMPORARY = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

async function run({ gate, media = "/nonexistent", upstream }) {
  const own = folder();
  const port = await freePort();
  const socket = `unix:${join(own, "media.sock")}`;
  const temporary = TEMPORARY.map((name) => `${name}_temp_path ${join(own, name)};`).join("\n");
  const conf = join(own, "nginx.conf");
  writeFileSync(conf, example("nginx.conf", [
    ["listen 80;", `listen 127.0.0.1:${port};`],
    ["server 127.0.0.1:8787;", `server 127.0.0.1:${gate};`],
    ["server unix:/run/playgate-media.sock;", `server ${upstream ? `127.0.0.1:${upstream}` : socket};`],
    ["listen unix:/run/playgate-media.sock;", `listen ${socket};`],
    ["root /srv/media;", `root ${media};`],
    ["pid /run/nginx.pid;", `pid ${join(own, "nginx.pid")};`],
    ["/var/log/nginx/", `${own}/`, 2],
    ["worker_processes auto;", "worker_processes 1;"],
    ["http {\n", `http {\n${temporary}\n`],
  ]));
  return startProxy("nginx", port, ["-c", conf, "-e", join(own, "error.log"), "-g", "daemon off;"]);
}

suite("nginx", run, {
  servesFiles: true,
  copiesFields: true,
  hidden: "/_playgate",
  gone: [500],
  hung: [500],
});
