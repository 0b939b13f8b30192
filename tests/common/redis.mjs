// Redis and its sentinels, each on a free port of its own.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { freePort } from "../../scripts/dev.mjs";
import { folder, start } from "./program.mjs";

const program = "redis-server";

/** Starts a server that writes nothing down, unless `options`, words of its command line, say so. */
export async function startRedis(...options) {
  const port = await freePort();
  return serverOf(port, ["--port", String(port), "--dir", folder(), "--save", "", ...options]);
}

/** Starts what watches the server at a port, which it calls `name`, and replaces it within seconds. */
export async function startSentinel(name, primary) {
  const port = await freePort();
  // It writes there what it learns.
  const file = join(folder(), "sentinel.conf");
  writeFileSync(file, [
    `port ${port}`,
    "sentinel resolve-hostnames no",
    `sentinel monitor ${name} 127.0.0.1 ${primary} 2`,
    `sentinel down-after-milliseconds ${name} 1000`,
    `sentinel failover-timeout ${name} 5000`,
    `sentinel parallel-syncs ${name} 2`,
  ].join("\n"));
  return serverOf(port, [file, "--sentinel"], "+monitor master");
}

async function serverOf(port, args, ready = "Ready to accept connections") {
  const words = [...args, "--bind", "127.0.0.1"];
  let running;
  const server = {
    port,
    url: `redis://127.0.0.1:${port}`,
    async start() {
      running = start(program, words);
      await running.says(ready);
    },
    signal: (signal) => running.child.kill(signal),
    stop: () => running.stop("SIGKILL"),
  };
  await server.start();
  return server;
}
