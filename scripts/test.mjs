// `npm test`: everything, native, edge and browser. `npm test -- edge` runs the suites of that name.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

import { fail, root, setUp } from "./setup.mjs";

await setUp();
const { build } = await import("./build.mjs");
const { bundle } = await import("./bundle.mjs");
const { findBrowser } = await import("./browser.mjs");

const python = process.platform === "win32" ? "python" : "python3";
const browser = findBrowser();
const suites = [
  ["native", "cargo", ["test"]],
  ["vectors", python, ["tests/vectors/make.py", "--check"]],
  ["independent", python, ["tests/independent/playgate.py", "tests/vectors/native.json"]],
  ["signers", python, ["tests/independent/signers.py"]],
  ["edge", process.execPath, ["--test", "--test-reporter=spec", ...files("tests/edge")]],
  ["browser", process.execPath, ["--test", "--test-reporter=spec", "--test-concurrency=1", ...files("tests/browser")]],
];

function files(folder) {
  return readdirSync(join(root, folder)).filter((name) => name.endsWith(".test.mjs")).map((name) => join(folder, name));
}

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !suites.some(([suite]) => suite === name));
if (unknown) fail(`there is no suite ${unknown}; there are ${suites.map(([suite]) => suite).join(", ")}`);
let built = false;
const results = { passed: 0, failed: 0, skipped: 0 };
for (const [name, command, args] of suites) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`\n--- ${name}`);
  if (name === "browser" && !browser) {
    const how = "no Chromium or Chrome was found; install one (Debian: apt-get install chromium) or set CHROME to its path";
    if (process.env.CI === "true") {
      console.error(`browser: ${how}`);
      results.failed++;
    } else {
      console.log(`browser: SKIPPED, ${how}`);
      results.skipped++;
    }
    continue;
  }
  if ((name === "edge" || name === "browser") && !built) {
    build();
    bundle();
    built = true;
  }
  const done = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (done.error) console.error(`${name}: ${command} could not be started: ${done.error.message}`);
  results[done.status === 0 ? "passed" : "failed"]++;
}
console.log(`\nsuites: ${results.passed} passed, ${results.failed} failed, ${results.skipped} skipped`);
process.exit(results.failed === 0 ? 0 : 1);
