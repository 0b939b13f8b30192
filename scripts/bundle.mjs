// Writes what `wrangler deploy` would upload to build/edge. This needs no account and no network.
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { build, modified } from "./build.mjs";
import { root, run, wrangler } from "./setup.mjs";

export const directory = join(root, "build/edge");

/** Brings the bundle up to date with the sources. */
export function bundle() {
  build({ quiet: true, only: ["worker"] });
  const sources = ["build/worker/playgate.js", "build/worker/playgate_bg.wasm", ...readdirSync(join(root, "crates/worker")).filter((name) => name.endsWith(".mjs")).map((name) => `crates/worker/${name}`), "wrangler.toml", "package-lock.json"];
  const newest = Math.max(...sources.map((path) => modified(join(root, path))));
  if (modified(join(directory, "entry.js")) > newest) return;
  rmSync(directory, { recursive: true, force: true });
  run(process.execPath, [wrangler, "deploy", "--dry-run", "--outdir", directory], {
    quiet: true,
    env: { ...process.env, WRANGLER_SEND_METRICS: "false", CI: "true" },
  });
}

/** The uploaded files: names and bytes. */
export function uploaded() {
  const names = readdirSync(directory).filter((name) => name === "entry.js" || name.endsWith(".wasm"));
  return names.map((name) => [name, readFileSync(join(directory, name))]);
}
