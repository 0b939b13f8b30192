// Programs and folders that are gone when a test ends.
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** What is left to do when this process ends, whatever ends it. */
const leftovers = new Set();
process.once("exit", () => {
  for (const clear of leftovers) clear();
});

/** A folder that is gone when this process ends. Others may read it: nginx gives up its rights. */
export function folder() {
  const made = mkdtempSync(join(tmpdir(), "playgate-test-"));
  chmodSync(made, 0o755);
  leftovers.add(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** Starts a program, and keeps what it writes. */
export function start(command, args, options) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  let said = "";
  const gone = new Promise((resolve) => child.once("close", resolve));
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
  child.once("error", (error) => (said += error));
  const kill = () => child.kill("SIGKILL");
  leftovers.add(kill);
  const isRunning = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  return {
    child,
    said: () => said,
    isRunning,
    /** Waits until it has written a text. */
    async says(text) {
      for (const end = Date.now() + 20_000; !said.includes(text); await sleep(20)) {
        if (isRunning() && Date.now() < end) continue;
        await this.stop("SIGKILL");
        throw new Error(`${command} did not start: ${said.slice(-2000)}`);
      }
    },
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      const late = setTimeout(kill, 5_000);
      if (child.pid !== undefined) await gone;
      clearTimeout(late);
      leftovers.delete(kill);
    },
  };
}
