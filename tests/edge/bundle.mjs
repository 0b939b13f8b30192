// What `wrangler deploy` would upload, in build/edge. No account and no network are needed.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "../../scripts/build.mjs";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
export const directory = join(root, "build/edge");

const lock = join(root, "build/edge.lock");
const LONGEST_WAIT = 15 * 60_000;

const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const pause = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Test files run beside each other: one of them builds, and the others wait for it. */
function withLock(work) {
  mkdirSync(dirname(lock), { recursive: true });
  for (const start = Date.now(); ; pause(100)) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    let owner = "";
    try {
      owner = readFileSync(lock, "utf8");
    } catch {
      continue; // it was given back just now
    }
    if (owner && !isAlive(Number(owner))) rmSync(lock, { force: true });
    if (Date.now() - start > LONGEST_WAIT) throw new Error(`${lock} is held by process ${owner}`);
  }
  try {
    return work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** Makes sure that the bundle is that of the sources as they are. */
export function bundle() {
  withLock(() => {
    build({ quiet: true, only: ["worker"] });
    const sources = [
      "build/worker/playgate.js",
      "src/worker/entry.mjs",
      "wrangler.toml",
      "package-lock.json",
    ];
    const newest = Math.max(...sources.map((path) => modified(join(root, path))));
    if (modified(join(directory, "entry.js")) > newest) return;
    rmSync(directory, { recursive: true, force: true });
    const wrangler = join(root, "node_modules/wrangler/bin/wrangler.js");
    const args = [wrangler, "deploy", "--dry-run", "--outdir", directory];
    const env = { ...process.env, WRANGLER_SEND_METRICS: "false", CI: "1" };
    const done = spawnSync(process.execPath, args, { cwd: root, env, encoding: "utf8" });
    if (done.status !== 0) throw new Error(`wrangler failed:\n${done.stdout}\n${done.stderr}`);
  });
}

/** The files that are uploaded: name and bytes. */
export function uploaded() {
  const names = readdirSync(directory).filter(
    (name) => name === "entry.js" || name.endsWith(".wasm"),
  );
  return names.map((name) => [name, readFileSync(join(directory, name))]);
}
