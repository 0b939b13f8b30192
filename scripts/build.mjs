// Builds the Worker, the page and the program: `npm run build`, or one: `npm run build -- worker`.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(fileURLToPath(import.meta.url), "../..");
const target = resolve(root, process.env.CARGO_TARGET_DIR ?? "target");
const exe = process.platform === "win32" ? ".exe" : "";
const WASM = "wasm32-unknown-unknown";

/** What went wrong, in one sentence, and nothing to trace. */
class BuildError extends Error {}

function run(quiet, command, args, options = {}) {
  const stdio = quiet ? "pipe" : ["ignore", "inherit", "inherit"];
  const done = spawnSync(command, args, { cwd: root, stdio, encoding: "utf8", ...options });
  if (done.status !== 0) {
    if (quiet) process.stderr.write(`${done.stdout ?? ""}${done.stderr ?? ""}`);
    throw new BuildError(`${[command, ...args].join(" ")} failed`);
  }
}

const answers = (command, args) => spawnSync(command, args, { cwd: root, encoding: "utf8" });

function checkTools(quiet) {
  if (answers("cargo", ["--version"]).status !== 0) {
    throw new BuildError("cargo is missing: install Rust, see https://rustup.rs");
  }
  const sysroot = answers("rustc", ["--print", "sysroot"]).stdout.trim();
  if (existsSync(join(sysroot, "lib/rustlib", WASM))) return;
  if (answers("rustup", ["--version"]).status !== 0) {
    throw new BuildError(`Rust's target ${WASM} is missing: install the standard library for it`);
  }
  run(quiet, "rustup", ["target", "add", WASM]);
}

const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Links the library to wasm with a feature, and writes the module that loads it. */
function wasm(quiet, feature, profile, outDir, flags = "") {
  // Each has a target directory of its own: both files have the same name, and cargo would take one
  // for the other.
  const own = join(target, feature);
  run(quiet, "cargo", [
    "rustc",
    "--lib",
    "--crate-type",
    "cdylib",
    "--no-default-features",
    "--features",
    feature,
    "--target",
    WASM,
    "--profile",
    "edge",
    "--target-dir",
    own,
  ]);
  run(quiet, "cargo", ["build", "--release", "--package", "playgate-glue", "--target-dir", target]);
  const glue = join(target, "release", `playgate-glue${exe}`);
  const linked = join(own, WASM, profile, "playgate.wasm");
  const written = modified(join(outDir, "playgate_bg.wasm"));
  if (written > modified(linked) && written > modified(glue)) return;
  for (const old of ["playgate.js", "playgate_bg.wasm", "snippets"]) {
    rmSync(join(outDir, old), { recursive: true, force: true });
  }
  run(quiet, glue, [linked, outDir, "playgate"]);
}

const parts = {
  worker(quiet) {
    wasm(quiet, "worker", "edge", join(root, "build/worker"));
  },

  www(quiet) {
    const [from, to] = [join(root, "www"), join(root, "build/www")];
    const vendor = join(to, "vendor");
    mkdirSync(vendor, { recursive: true });
    cpSync(from, to, {
      recursive: true,
      filter: (path) => relative(from, path).split(sep)[0] !== "media",
    });
    const hls = join(root, "node_modules/hls.js");
    if (!existsSync(hls)) throw new BuildError("node_modules is missing: run npm install first");
    cpSync(join(hls, "dist/hls.mjs"), join(vendor, "hls.mjs"));
    cpSync(join(hls, "LICENSE"), join(vendor, "hls.LICENSE.txt"));
    // The page hashes little: SHA-256 as a loop is 6 KB less than unrolled.
    wasm(quiet, "wasm", "page", vendor, '--cfg sha2_backend="soft" --cfg sha2_backend_soft="compact"');
  },

  program(quiet) {
    run(quiet, "cargo", ["build", "--release", "--features", "cli", "--bin", "playgate"]);
  },
};

/** Builds the named parts, or all: worker, www, program. Throws one sentence where it fails. */
export function build({ quiet = false, only = Object.keys(parts) } = {}) {
  checkTools(quiet);
  for (const part of only) {
    if (!Object.hasOwn(parts, part)) {
      throw new BuildError(`there is no part ${part}; there are ${Object.keys(parts).join(", ")}`);
    }
    const started = Date.now();
    parts[part](quiet);
    if (!quiet) console.log(`built ${part} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  }
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const only = process.argv.slice(2);
  try {
    build(only.length > 0 ? { only } : {});
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(`build: ${error.message}`);
    process.exitCode = 1;
  }
}
