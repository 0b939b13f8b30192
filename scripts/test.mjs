// `npm test`: runs every suite. `npm test -- edge` runs the suites with that name.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

import { fail, root, run, setUp } from "./setup.mjs";

await setUp();
const { build } = await import("./build.mjs");
const { bundle } = await import("./bundle.mjs");
const { findBrowser } = await import("./browser.mjs");
const { installPyJwt, python } = await import("../tests/interop/python.mjs");

const browser = findBrowser();
// What tests/edge tests of the Worker, and not of the native gate.
const ofWorker = /(size|smaller)\.test\.mjs$/;
// What needs state, and so is tested with each store.
const keepsState = /(events|follow|records|revoke|sessions|state)\.test\.mjs$/;
const suites = [
  ["native", "cargo", ["test"]],
  ["vectors", python, ["tests/vectors/make.py", "--check"]],
  ["vectors", python, ["tests/vectors/make_jwt.py", "--check"]],
  ["vectors", python, ["tests/vectors/make_timed_hmac.py", "--check"]],
  ["independent", python, ["tests/independent/playgate.py", "tests/vectors/native.json"]],
  ["independent", python, ["tests/independent/playgate_jwt.py", "tests/vectors/jwt.json"]],
  ["independent", python, ["tests/independent/playgate_timed_hmac.py", "tests/vectors/timed-hmac.json"]],
  ["signers", python, ["tests/independent/signers.py"]],
  ["interop", process.execPath, ["--test", "--test-reporter=spec", ...files("tests/interop")]],
  ["edge", process.execPath, ["--test", "--test-reporter=spec", ...files("tests/edge")]],
  ["gate", process.execPath, ["--test", "--test-reporter=spec", ...files("tests/edge").filter((file) => !ofWorker.test(file))], { PLAYGATE_GATE: "native" }],
  ["redis", "cargo", ["test", "--locked", "--package", "playgate-server", "--lib", "redis::", "--", "--ignored"]],
  ["redis", process.execPath, ["--test", "--test-reporter=spec", ...files("tests/edge").filter((file) => keepsState.test(file))], { PLAYGATE_GATE: "redis" }],
  ["redis", process.execPath, ["--test", "--test-reporter=spec", ...files("tests/redis")]],
  ["proxies", process.execPath, ["--test", "--test-reporter=spec", "--test-concurrency=2", ...files("tests/proxies")]],
  ["browser", process.execPath, ["--test", "--test-reporter=spec", "--test-concurrency=1", ...files("tests/browser")]],
];
// What a suite needs before it can run here, as a message.
const needs = {
  browser: () => (browser ? null : "no Chromium or Chrome was found; install one (Debian: apt-get install chromium) or set CHROME to its path"),
  interop: installPyJwt,
  redis: () => (spawnSync("redis-server", ["--version"]).error ? "no redis-server was found; install one (Debian: apt-get install redis-server)" : null),
};

function files(folder) {
  return readdirSync(join(root, folder)).filter((name) => name.endsWith(".test.mjs")).map((name) => join(folder, name));
}

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !suites.some(([suite]) => suite === name));
if (unknown) fail(`unknown suite ${unknown}; choose from ${[...new Set(suites.map(([suite]) => suite))].join(", ")}`);
let built = false;
const results = { passed: 0, failed: 0, skipped: 0 };
for (const [name, command, args, env] of suites) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`\n--- ${name}`);
  const lacking = needs[name]?.();
  if (lacking) {
    if (process.env.CI === "true") {
      console.error(`${name}: ${lacking}`);
      results.failed++;
    } else {
      console.log(`${name}: SKIPPED, ${lacking}`);
      results.skipped++;
    }
    continue;
  }
  if (["interop", "proxies", "redis"].includes(name)) build({ only: ["program"] });
  if ((name === "edge" || name === "browser") && !built) {
    build();
    bundle();
    built = true;
  }
  if (name === "gate") run("cargo", ["build", "--locked", "--package", "playgate-gate-test"]);
  const done = spawnSync(command, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
  if (done.error) console.error(`${name}: ${command} could not be started: ${done.error.message}`);
  results[done.status === 0 ? "passed" : "failed"]++;
}
console.log(`\nsuites: ${results.passed} passed, ${results.failed} failed, ${results.skipped} skipped`);
process.exit(results.failed === 0 ? 0 : 1);
