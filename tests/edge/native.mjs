// The native gate, as tests/gate runs it: the counterpart of the Worker in workerd (gate.mjs). `PLAYGATE_GATE=native`
// runs this suite against it, with its state in a file; `PLAYGATE_GATE=redis` with its state in Redis.
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

import { startRedis } from "../common/redis.mjs";
import { exe, root, run, target } from "../../scripts/setup.mjs";

const onRedis = process.env.PLAYGATE_GATE === "redis";
export const isNative = onRedis || process.env.PLAYGATE_GATE === "native";

/**
 * Another gate of the same deployment, by a variable that changes nothing. What it revokes, other gates learn within
 * DENYLIST_MAX_AGE. A native gate knows at once what it revokes itself.
 */
export const ELSEWHERE = { FORWARD_PARAMS: "elsewhere" };

/** What a native gate cannot fail at, or does not have: a test is skipped there, and says why. */
export const onlyWorker = (why) => (isNative ? { skip: why } : {});

export const ONE_TRANSACTION = "record and denylist change in one transaction; what if the list is full: crates/server/src/sqlite/tests.rs";

/** What a URL parser in front of a Worker resolves, and a native gate refuses: `..` in a path. */
export const resolvesDots = !isNative;

/** Starts the program on a free port. `variables` are those of all requests, `patience` is how long slow clients have. */
export async function startNative(variables, ask, patience = 60) {
  run("cargo", ["build", "--locked", "--package", "playgate-gate-test"], { quiet: true });
  const folder = await mkdtemp(join(tmpdir(), "playgate-gate-"));
  const media = join(folder, "media");
  await mkdir(media);
  const printed = [];
  const redis = onRedis ? await startRedis() : null;
  const state = redis?.url ?? join(folder, "state.db");
  const program = spawn(join(target, "debug", `playgate-gate-test${exe}`), [media, state], {
    cwd: root,
    env: { ...process.env, PLAYGATE_TEST_VARIABLES: JSON.stringify(variables), PLAYGATE_TEST_PATIENCE: String(patience) },
  });
  program.stderr.setEncoding("utf8").on("data", (text) => printed.push(text));
  const ended = new Promise((resolve) => program.once("exit", resolve));
  const address = await new Promise((resolve, reject) => {
    createInterface(program.stdout).once("line", (line) => {
      const [, hostname, port] = /^listening on (.+):(\d+)$/.exec(line);
      resolve({ hostname, port: Number(port) });
    });
    program.once("exit", (code) => reject(new Error(`the gate ended with ${code}: ${printed.join("")}`)));
    program.once("error", reject);
  });
  return {
    address,
    printed,
    /** The directory, as a bucket. */
    bucket: {
      async put(key, body, { httpMetadata = {} } = {}) {
        const file = join(media, key);
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, body);
        // A directory has no header fields: the program adds them.
        const labels = encodeURIComponent(JSON.stringify([key, httpMetadata]));
        await ask(address, { "x-test-metadata": labels });
      },
    },
    async dispose() {
      program.stdin.end();
      await ended;
      await redis?.stop();
      await rm(folder, { recursive: true });
    },
  };
}
