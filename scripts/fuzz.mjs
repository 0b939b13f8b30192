// Runs a fuzz target with libFuzzer, starting from the manifests and vectors of the tests. Corpus and findings stay
// under target/.
//
//   npm run fuzz -- hls 60       runs a target for this many seconds; the targets are listed below
//   npm run fuzz -- hls FILE     runs one input again, such as a finding
//
// The flags are those of cargo-fuzz without the sanitizers, which the stable toolchain does not have.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { spawnSync } from "node:child_process";

import { exe, fail, root, run, target } from "./setup.mjs";

const [name, input = "60"] = process.argv.slice(2);
const TARGETS = ["dash", "hls", "jwt", "preview", "state", "verify"];
if (!TARGETS.includes(name)) fail(`choose a target: ${TARGETS.join(", ")}`);

const triple = /^host: (.*)$/m.exec(spawnSync("rustc", ["-vV"], { encoding: "utf8" }).stdout)?.[1];
if (!triple) fail("rustc is not installed; install Rust with rustup, see https://rustup.rs");
const coverage = ["level=4", "inline-8bit-counters", "pc-table", "trace-compares"];
const flags = [
  "--cfg=fuzzing",
  "-Cpasses=sancov-module",
  ...coverage.map((option) => `-Cllvm-args=-sanitizer-coverage-${option}`),
  "-Ccodegen-units=1",
  "-Cdebug-assertions",
  "-Coverflow-checks",
];
const folder = join(target, "fuzz");
// With --target, the flags do not apply to build scripts and macros.
run("cargo", ["build", "--release", "--quiet", "--package", "playgate-fuzz", "--features", "libfuzzer", "--bin", `fuzz_${name}`, "--target", triple], {
  env: { ...process.env, CARGO_TARGET_DIR: folder, CARGO_ENCODED_RUSTFLAGS: flags.join("\x1f"), CARGO_PROFILE_RELEASE_LTO: "off" },
});
const program = join(folder, triple, "release", `fuzz_${name}${exe}`);

if (existsSync(input)) {
  run(program, [resolve(input)]);
} else {
  if (!/^[1-9]\d*$/.test(input)) fail(`${input} is neither a number of seconds nor a file`);
  const [corpus, seeds, found] = ["corpus", "seeds", "found"].map((what) => join(folder, what, name));
  for (const path of [corpus, seeds, found]) mkdirSync(path, { recursive: true });
  for (const [seed, bytes] of seedsOf(name)) writeFileSync(join(seeds, seed), bytes);
  run(program, [corpus, seeds, `-max_total_time=${input}`, "-timeout=10", "-max_len=4096", "-print_final_stats=1", `-artifact_prefix=${found}/`]);
}

function* seedsOf(name) {
  if (name === "state") return;
  if (name === "jwt" || name === "verify") {
    const file = name === "jwt" ? "jwt.json" : "native.json";
    const { vectors } = JSON.parse(readFileSync(join(root, "tests", "vectors", file), "utf8"));
    for (const { name, request } of vectors) {
      yield [name, [request.url, request.cookie ?? "", request.authorization ?? ""].join("\n")];
    }
    if (name === "verify") return;
    // Headers and payloads; the target signs them.
    const folder = join(root, "tests", "fuzz", "jwt");
    for (const file of readdirSync(folder)) yield [file, readFileSync(join(folder, file))];
    return;
  }
  for (const kind of name === "preview" ? ["dash", "hls"] : [name]) {
    const folder = join(root, "tests", "manifests", kind);
    for (const file of readdirSync(folder)) yield [file, readFileSync(join(folder, file))];
  }
}
