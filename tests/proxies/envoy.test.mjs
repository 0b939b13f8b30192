// examples/envoy.yaml, in Envoy.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { example, folder, freePort, startProxy } from "./proxies.mjs";
import { suite } from "./suite.mjs";

async function run({ gate, upstream }) {
  const port = await freePort();
  const file = join(folder(), "envoy.yaml");
  writeFileSync(file, example("envoy.yaml", [
    ["address: 0.0.0.0, port_value: 80 ", `address: 127.0.0.1, port_value: ${port} `],
    ["port_value: 8787 ", `port_value: ${gate} `],
    ['"http://127.0.0.1:8787"', `"http://127.0.0.1:${gate}"`],
    ["port_value: 8080 ", `port_value: ${upstream} `],
  ]));
  return startProxy("envoy", port, ["-c", file, "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warn"]);
}

suite("envoy", run, {
  copiesFields: true,
  gone: [503],
  hung: [503],
  refusesHop: true,
  twoCookies: 401,
  h2c: true,
  longOptions: 413,
});
