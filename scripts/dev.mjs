// Runs the origin and the edge on this machine, for `npm start` and the browser tests.
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { startFront } from "./front.mjs";
import { exe, fail, root, target, wrangler } from "./setup.mjs";

const program = join(target, "release", `playgate${exe}`);

/**
 * The key ring and the operator's secret in .dev.vars, which `wrangler dev` reads. The first start makes the file, only
 * for this machine. An older file may have no secret.
 */
function developmentSecrets() {
  const file = join(root, ".dev.vars");
  if (!existsSync(file)) {
    const entry = execFileSync(program, ["keygen"], { encoding: "utf8" }).trim();
    const comment = "# Development keys, made by npm start. Do not use them elsewhere.";
    const secret = randomBytes(16).toString("hex");
    writeFileSync(file, `${comment}\nPLAYGATE_KEYS="${entry}"\nADMIN_SECRET="${secret}"\n`, { mode: 0o600 });
  }
  const text = readFileSync(file, "utf8");
  const value = (name) => new RegExp(`^${name}\\s*=\\s*"?([^"\\n]+)"?\\s*$`, "m").exec(text)?.[1];
  const keys = value("PLAYGATE_KEYS");
  if (keys) return { keys, secret: value("ADMIN_SECRET") };
  return fail(".dev.vars has no line PLAYGATE_KEYS=\"id:key\"; delete the file, and run npm start again to make a new one");
}

/** Whether the port is free. */
export function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** A free port. */
export function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/**
 * Starts both, and waits until both answer. Browsers reach the origin through front.mjs. Calls `onExit(name, code)` when
 * one of them exits. Returns their addresses and a function that stops them.
 */
export async function startServices({ originPort, edgePort, state, onExit, log = "inherit" }) {
  const origin = `http://localhost:${originPort}`;
  const edge = `http://localhost:${edgePort}`;
  const { keys, secret } = developmentSecrets();
  const innerPort = await freePort();
  const front = await startFront({ port: originPort, originPort: innerPort, edgePort, secret });
  const children = [];
  const start = (name, command, args, env) => {
    // A separate process group: an interrupt at the terminal reaches only this script, and the workerd
    // below wrangler is stopped too.
    const child = spawn(command, args, {
      cwd: root,
      detached: true,
      env: { ...process.env, ...env },
      stdio: ["ignore", log, log],
    });
    children.push(child);
    child.once("exit", (code) => onExit?.(name, code));
  };
  start("the origin", program, [
    "serve", "--dev",
    "--listen", `127.0.0.1:${innerPort}`,
    "--www", join(root, "build", "www"),
    "--edge", edge,
  ], { PLAYGATE_KEYS: keys });
  start("the edge", process.execPath, [
    wrangler, "dev",
    "--ip", "127.0.0.1",
    "--port", String(edgePort),
    "--inspector-port", "0",
    "--persist-to", state,
    "--var", `ALLOW_ORIGINS:${origin},http://127.0.0.1:${originPort}`,
    // The playground signs both formats.
    "--var", "FORMATS:native,jwt",
    "--var", "JWT_PATH:/videos/{vid}/",
    "--show-interactive-dev-session=false",
    "--log-level", "warn",
  ], { CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_SEND_METRICS: "false", CI: "true" });

  const alive = () => children.filter((child) => child.exitCode === null && child.signalCode === null);
  const kill = (signal) => {
    for (const child of alive()) {
      try {
        process.kill(-child.pid, signal);
      } catch (error) {
        if (error.code !== "ESRCH") throw error;
      }
    }
  };
  // However this process ends, stop them too.
  process.once("exit", () => kill("SIGKILL"));
  const stop = async () => {
    kill("SIGTERM");
    for (let tries = 0; tries < 50 && alive().length > 0; tries++) await sleep(100);
    kill("SIGKILL");
    await front.stop();
  };
  try {
    await Promise.all([answers(`http://127.0.0.1:${innerPort}/healthz`), answers(`${edge}/`)]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { origin, edge, stop };
}

/** Waits until an address sends any answer. */
async function answers(url) {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(100)) {
    try {
      await fetch(url, { signal: AbortSignal.timeout(2_000) });
      return;
    } catch {
      // Not yet.
    }
  }
  throw new Error(`${url} did not answer within a minute`);
}
