// Builds the Worker, the page and the program (`npm run build`), or only one of them (`npm run build -- worker`).
// PLAYGATE_FEATURES names what the Worker can do, by default everything: docs/deploy.md, "A smaller Worker".
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

import { exe, fail, root, run, target } from "./setup.mjs";

const WASM = "wasm32-unknown-unknown";

/** What a Worker can do beside the rest: the features of playgate-worker. */
export const FEATURES = ["jwt", "manifests", "state", "timed-hmac"];

/** The WebAssembly modules: package, features, and the name of the output files. */
const modules = {
  page: { package: "playgate-js", features: "", name: "playgate" },
  // The page loads this once there is a JWT to sign or read.
  pageWithJwt: { package: "playgate-js", features: "formats", name: "playgate-jwt" },
};

function checkTools(quiet) {
  const says = (command, ...args) => spawnSync(command, args, { cwd: root, encoding: "utf8" });
  if (says("cargo", "--version").status !== 0) fail("cargo is not installed; install Rust with rustup, see https://rustup.rs");
  const sysroot = says("rustc", "--print", "sysroot").stdout.trim();
  if (existsSync(join(sysroot, "lib/rustlib", WASM))) return;
  if (says("rustup", "--version").status !== 0) {
    fail(`Rust's target ${WASM} is not installed; with rustup, run: rustup target add ${WASM}`);
  }
  run("rustup", ["target", "add", WASM], { quiet });
}

/** When a file was last written; 0 if it does not exist. */
export const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Links a package with these features to WebAssembly, and writes the module that loads it. */
function wasm(quiet, { package: crate, features, name, isAll = true }, profile, outDir) {
  // Each module has its own target directory, because cargo's output has the same name for all of them.
  const own = join(target, [crate, isAll ? features : features.replaceAll(",", "-") || "none"].filter(Boolean).join("-"));
  // With fewer features the dependencies are the same.
  const all = join(target, crate);
  if (!isAll && !existsSync(own) && existsSync(all)) cpSync(all, own, { recursive: true, preserveTimestamps: true });
  // Builds are reproducible: the output does not contain the paths of this machine.
  const cargoHome = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
  // Workers have 128 MiB. Beyond that an instance traps, and the next request gets a new one.
  const memory = `-Clink-arg=--max-memory=${128 << 20}`;
  // Requests hash little data. As a loop, SHA-256 is smaller than unrolled, and so faster between other code.
  const sha256 = '--cfg sha2_backend="soft" --cfg sha2_backend_soft="compact"';
  const RUSTFLAGS = [memory, sha256, `--remap-path-prefix=${join(cargoHome, "registry", "src")}=`, "-Clink-arg=-O2"].join(" ");
  run("cargo", [
    "rustc", "--locked", "--package", crate, "--lib", "--crate-type", "cdylib", ...(isAll ? [] : ["--no-default-features"]), "--features", features, "--target", WASM, "--profile", profile, "--target-dir", own,
  ], { quiet, env: { ...process.env, RUSTFLAGS } });
  run("cargo", ["build", "--locked", "--release", "--package", "playgate-glue"], { quiet });
  const glue = join(target, "release", `playgate-glue${exe}`);
  const linked = join(own, WASM, profile, `${crate.replaceAll("-", "_")}.wasm`);
  const written = modified(join(outDir, `${name}_bg.wasm`));
  if (written > modified(linked) && written > modified(glue)) return;
  for (const old of [`${name}.js`, `${name}_bg.wasm`, "snippets"]) {
    rmSync(join(outDir, old), { recursive: true, force: true });
  }
  run(glue, [linked, outDir, name], { quiet });
}

/** The features that PLAYGATE_FEATURES names: a list separated by commas. */
function asked() {
  const names = process.env.PLAYGATE_FEATURES?.split(",").map((name) => name.trim()).filter(Boolean) ?? FEATURES;
  const unknown = names.find((name) => !FEATURES.includes(name));
  if (unknown) fail(`PLAYGATE_FEATURES: unknown feature ${unknown}; choose from ${FEATURES.join(", ")}`);
  return names;
}

/** Builds the wasm of a Worker with these features, and the list of its Durable Objects, below `home`. */
export function buildWorker(quiet, names, home) {
  const outDir = join(home, "build/worker");
  const features = FEATURES.filter((name) => names.includes(name)).join(",");
  const objects = names.includes("state") ? { denylist: "Denylist", record: "Record" } : {};
  const lines = Object.entries(objects).map(([file, name]) => `export { ${name} } from "../../crates/worker/${file}.mjs";\n`);
  const list = `// Features: ${features || "none"}\n${lines.join("")}`;
  // Of other features, nothing is left.
  const known = join(outDir, "objects.mjs");
  if (!existsSync(known) || readFileSync(known, "utf8") !== list) {
    rmSync(outDir, { recursive: true, force: true });
    mkdirSync(outDir, { recursive: true });
    writeFileSync(known, list);
  }
  const module = { package: "playgate-worker", features, isAll: features === FEATURES.join(","), name: "playgate" };
  wasm(quiet, { ...module, features: module.isAll ? "" : features }, "edge", outDir);
}

const parts = {
  worker(quiet) {
    buildWorker(quiet, asked(), root);
  },

  www(quiet) {
    const [from, to] = [join(root, "www"), join(root, "build/www")];
    const vendor = join(to, "vendor");
    mkdirSync(vendor, { recursive: true });
    for (const name of readdirSync(to)) {
      if (name !== "vendor") rmSync(join(to, name), { recursive: true });
    }
    // The media belongs in the bucket: the origin would serve it to everyone.
    cpSync(from, to, { recursive: true, filter: (path) => relative(from, path).split(sep)[0] !== "media" });
    const hls = join(root, "node_modules/hls.js");
    cpSync(join(hls, "dist/hls.mjs"), join(vendor, "hls.mjs"));
    cpSync(join(hls, "LICENSE"), join(vendor, "hls.LICENSE.txt"));
    for (const module of [modules.page, modules.pageWithJwt]) wasm(quiet, module, "page", vendor);
  },

  program(quiet) {
    run("cargo", ["build", "--locked", "--release", "--package", "playgate-cli"], { quiet });
  },
};

/** Builds the named parts (worker, www, program), or all. If it fails, ends the script with one sentence. */
export function build({ quiet = false, only = Object.keys(parts) } = {}) {
  checkTools(quiet);
  for (const part of only) {
    if (!Object.hasOwn(parts, part)) fail(`unknown part ${part}; choose from ${Object.keys(parts).join(", ")}`);
    const started = Date.now();
    if (!quiet) console.log(`Building ${part} ...`);
    parts[part](quiet);
    if (!quiet) console.log(`Built ${part} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const only = process.argv.slice(2);
  build(only.length > 0 ? { only } : {});
}
