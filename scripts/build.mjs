// Builds the Worker, the page and the program: `npm run build`, or one: `npm run build -- worker`.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

import { exe, fail, root, run, target } from "./setup.mjs";

const WASM = "wasm32-unknown-unknown";

/** What is linked to wasm: the package, its features, and the name of the files that come of it. */
const modules = {
  worker: { package: "playgate-worker", features: "", name: "playgate" },
  page: { package: "playgate-js", features: "", name: "playgate" },
  // The page loads it once there is a JWT to sign or to read.
  pageWithJwt: { package: "playgate-js", features: "formats", name: "playgate-jwt" },
};

function checkTools(quiet) {
  const says = (command, ...args) => spawnSync(command, args, { cwd: root, encoding: "utf8" });
  if (says("cargo", "--version").status !== 0) fail("cargo is missing; install Rust with rustup, see https://rustup.rs");
  const sysroot = says("rustc", "--print", "sysroot").stdout.trim();
  if (existsSync(join(sysroot, "lib/rustlib", WASM))) return;
  if (says("rustup", "--version").status !== 0) {
    fail(`Rust's target ${WASM} is missing; install its standard library, with rustup: rustup target add ${WASM}`);
  }
  run("rustup", ["target", "add", WASM], { quiet });
}

/** When a file was written; 0 where there is none. */
export const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Links a package to wasm with some features, and writes the module that loads it. */
function wasm(quiet, { package: crate, features, name }, { profile, flags = [] }, outDir) {
  // Each has a target directory of its own: what cargo links has the same name each time, and it would
  // take one for the other.
  const own = join(target, [crate, features].filter(Boolean).join("-"));
  // Whoever builds it, wherever: the paths of this machine are not in the result.
  const cargoHome = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
  // Beyond this an instance traps, and the next request gets a fresh one: Workers have no more.
  const memory = `-Clink-arg=--max-memory=${128 << 20}`;
  const RUSTFLAGS = [memory, `--remap-path-prefix=${join(cargoHome, "registry", "src")}=`, "-Clink-arg=-O2", ...flags].join(" ");
  run("cargo", [
    "rustc", "--locked", "--package", crate, "--lib", "--crate-type", "cdylib", "--features", features, "--target", WASM, "--profile", profile, "--target-dir", own,
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

const parts = {
  worker(quiet) {
    wasm(quiet, modules.worker, { profile: "edge" }, join(root, "build/worker"));
  },

  www(quiet) {
    const [from, to] = [join(root, "www"), join(root, "build/www")];
    const vendor = join(to, "vendor");
    mkdirSync(vendor, { recursive: true });
    for (const name of readdirSync(to)) {
      if (name !== "vendor") rmSync(join(to, name), { recursive: true });
    }
    // The media is for the bucket: the origin would hand it out to everybody.
    cpSync(from, to, { recursive: true, filter: (path) => relative(from, path).split(sep)[0] !== "media" });
    const hls = join(root, "node_modules/hls.js");
    cpSync(join(hls, "dist/hls.mjs"), join(vendor, "hls.mjs"));
    cpSync(join(hls, "LICENSE"), join(vendor, "hls.LICENSE.txt"));
    // The page hashes little: SHA-256 as a loop is 6 KB less than unrolled.
    const flags = ['--cfg sha2_backend="soft"', '--cfg sha2_backend_soft="compact"'];
    for (const module of [modules.page, modules.pageWithJwt]) wasm(quiet, module, { profile: "page", flags }, vendor);
  },

  program(quiet) {
    run("cargo", ["build", "--locked", "--release", "--package", "playgate-cli"], { quiet });
  },
};

/** Builds the named parts, or all: worker, www, program. Ends the script with one sentence where it fails. */
export function build({ quiet = false, only = Object.keys(parts) } = {}) {
  checkTools(quiet);
  for (const part of only) {
    if (!Object.hasOwn(parts, part)) fail(`there is no part ${part}; there are ${Object.keys(parts).join(", ")}`);
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
