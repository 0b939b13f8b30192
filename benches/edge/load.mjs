// What the benches of the edge share: load by wrk, and medians.
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";

import { fail } from "../../scripts/setup.mjs";

const SECONDS = 3;

if (spawnSync("wrk", ["--version"]).error) fail("wrk is not installed; Debian: apt-get install wrk");

export const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** Requests per second, of answers that serve or of refusals. */
export async function load(url, { refused = false } = {}) {
  // Not synchronously: Miniflare reads its Workers' logs in this process.
  const { stdout } = await promisify(execFile)("wrk", ["-t1", "-c16", `-d${SECONDS}s`, url]);
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1];
  if (!rate || (/Non-2xx/.test(stdout) && !refused)) fail(`wrk said: ${stdout}`);
  return Number(rate);
}
