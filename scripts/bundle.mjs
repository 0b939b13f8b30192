// Writes what `wrangler deploy` would upload to build/edge. This needs no account and no network.
import { cpSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { build, buildWorker, modified } from "./build.mjs";
import { root, run, wrangler } from "./setup.mjs";

export const directory = join(root, "build/edge");

/** Brings the bundle up to date with the sources. */
export function bundle() {
  build({ quiet: true, only: ["worker"] });
  const sources = ["build/worker/objects.mjs", "build/worker/playgate.js", "build/worker/playgate_bg.wasm", ...readdirSync(join(root, "crates/worker")).filter((name) => name.endsWith(".mjs")).map((name) => `crates/worker/${name}`), "wrangler.toml", "package-lock.json"];
  const newest = Math.max(...sources.map((path) => modified(join(root, path))));
  if (modified(join(directory, "entry.js")) > newest) return;
  rmSync(directory, { recursive: true, force: true });
  dryRun(["--outdir", directory]);
}

function dryRun(args) {
  run(process.execPath, [wrangler, "deploy", "--dry-run", ...args], {
    quiet: true,
    env: { ...process.env, WRANGLER_SEND_METRICS: "false", CI: "true" },
  });
}

/** Bundles a Worker with only these features, beside the usual one. Returns the directory that it is in. */
export function bundleWith(features) {
  const home = join(root, "build/with", features.join("-") || "none");
  buildWorker(true, features, home);
  const from = join(root, "crates/worker");
  cpSync(from, join(home, "crates/worker"), { recursive: true, filter: (path) => path === from || path.endsWith(".mjs") });
  // As docs/deploy.md says: without state, no Durable Objects.
  const unused = features.includes("state") ? /^\[build\]/ : /^\[+(build|durable_objects|exports)\b/;
  const sections = readFileSync(join(root, "wrangler.toml"), "utf8").split(/^(?=\[)/m);
  const config = join(home, "wrangler.toml");
  writeFileSync(config, sections.filter((section) => !unused.test(section)).join(""));
  const outDir = join(home, "edge");
  rmSync(outDir, { recursive: true, force: true });
  dryRun(["--config", config, "--outdir", outDir]);
  return outDir;
}

/** The uploaded files: names and bytes. */
export function uploaded(directory = join(root, "build/edge")) {
  const names = readdirSync(directory).filter((name) => name === "entry.js" || name.endsWith(".wasm"));
  return names.map((name) => [name, readFileSync(join(directory, name))]);
}
