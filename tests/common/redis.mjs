// A Redis of its own for a test, on a free port. It writes nothing down, unless a test says so.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Starts a server. `options` are words of its command line. */
export async function startRedis(...options) {
  const folder = await mkdtemp(join(tmpdir(), "playgate-redis-"));
  const port = await freePort();
  const words = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--daemonize", "no", ...options];
  const program = spawn("redis-server", words, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(program, "exit");
  const printed = [];
  await new Promise((resolve, reject) => {
    program.once("error", reject);
    program.once("exit", (code) => reject(new Error(`redis-server ended with ${code}: ${printed.join("")}`)));
    program.stdout.setEncoding("utf8").on("data", (text) => {
      printed.push(text);
      if (text.includes("Ready to accept connections")) resolve();
    });
  });
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      program.kill("SIGKILL");
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
