// The Worker with its Durable Objects in workerd, for benches of what the objects do.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { bundle, uploaded } from "../../scripts/bundle.mjs";
import { freePort } from "../../scripts/dev.mjs";
import { fail } from "../../scripts/setup.mjs";

const ADMIN_SECRET = "development-admin-secret";

/** Asks for a path. */
export async function get(port, path) {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    await response.arrayBuffer();
    return response;
  } catch {
    // workerd restarts.
    return { status: 599, headers: new Headers() };
  }
}

/**
 * Starts workerd with two gates, as two isolates, that share the Durable Objects. `keys` are by
 * their ids.
 */
export async function start({ keys }) {
  bundle();
  const folder = mkdtempSync(join(tmpdir(), "playgate-bench-"));
  for (const [name, bytes] of uploaded()) writeFileSync(join(folder, name), bytes);
  const origin = "export default { fetch: () => new Response('film', { headers: { 'Content-Type': 'video/mp4' } }) };";
  writeFileSync(join(folder, "origin.mjs"), origin);
  mkdirSync(join(folder, "disk"));
  const ports = [await freePort(), await freePort(), await freePort()];
  const ring = [...keys].map(([kid, key]) => `${kid}:${key.toString("base64url")}`).join(",");
  const config = join(folder, "config.capnp");
  writeFileSync(config, capnp(ports, ring, join(folder, "disk")));
  const workerd = createRequire(import.meta.url)("workerd").default;
  const run = () => spawn(workerd, ["serve", config], { stdio: ["ignore", "ignore", "inherit"] });
  let server = run();
  const stop = () => {
    server.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  // Also if the bench gives up.
  process.once("exit", stop);
  const gates = ports.slice(0, 2);
  const ready = async () => {
    for (const port of gates) {
      for (let tries = 0; (await get(port, "/")).status !== 401; tries++) {
        if (tries === 100) fail("workerd does not start");
        await sleep(100);
      }
    }
  };
  await ready();
  const ask = async (port, method, path, body) => {
    const headers = { Authorization: `Bearer ${ADMIN_SECRET}` };
    try {
      return await fetch(`http://127.0.0.1:${port}/.playgate/${path}`, { method, headers, body: body && JSON.stringify(body) });
    } catch {
      return { status: 599 };
    }
  };
  const restart = async () => {
    server.kill("SIGKILL");
    await once(server, "exit");
    server = run();
    await ready();
  };
  return { ports: gates, ask, disk: join(folder, "disk"), restart, stop };
}

function capnp(ports, ring, disk) {
  const modules = uploaded()
    .map(([name]) => `(name = "${name}", ${name.endsWith(".js") ? "esModule" : "wasm"} = embed "${name}")`)
    .sort((a, b) => b.includes("esModule") - a.includes("esModule"))
    .join(", ");
  const worker = `compatibilityDate = "2026-10-20", modules = [${modules}]`;
  const texts = Object.entries({ PLAYGATE_KEYS: ring, ORIGIN: `http://127.0.0.1:${ports[2]}`, ADMIN_SECRET })
    .map(([name, text]) => `(name = "${name}", text = "${text}")`);
  const objects = ["DENYLIST Denylist", "RECORDS Record"].map((one) => one.split(" "));
  const bound = objects.map(([name, className]) =>
    `(name = "${name}", durableObjectNamespace = (className = "${className}", serviceName = "objects"))`);
  const gate = `(${worker}, bindings = [${[...texts, ...bound].join(", ")}])`;
  const home = objects.map(([, className]) => `(className = "${className}", uniqueKey = "${className}", enableSql = true)`);
  const own = objects.map(([name, className]) => `(name = "${name}", durableObjectNamespace = "${className}")`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "objects", worker = (${worker}, bindings = [${own.join(", ")}],
      durableObjectNamespaces = [${home.join(", ")}], durableObjectStorage = (localDisk = "disk"))),
    (name = "gate0", worker = ${gate}),
    (name = "gate1", worker = ${gate}),
    (name = "origin", worker = (compatibilityDate = "2026-10-20", modules = [(name = "main", esModule = embed "origin.mjs")])),
    (name = "disk", disk = (path = "${disk}", writable = true)),
    (name = "internet", network = (allow = ["local"])),
  ],
  sockets = [
    ${["gate0", "gate1", "origin"].map((name, n) => `(name = "s${n}", address = "127.0.0.1:${ports[n]}", http = (), service = "${name}")`).join(",\n    ")},
  ],
);
`;
}
