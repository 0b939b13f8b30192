// Prepares every script: installs the pinned packages, and finds a Node that can run them.
// Imports only modules of Node itself.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
export const target = resolve(root, process.env.CARGO_TARGET_DIR ?? "target");
export const exe = process.platform === "win32" ? ".exe" : "";
export const wrangler = join(root, "node_modules", "wrangler", "bin", "wrangler.js");

/** Ends the script with one sentence that says what is wrong and what to do. */
export function fail(sentence) {
  console.error(`playgate: ${sentence}`);
  process.exit(1);
}

/**
 * Runs a command in the repository. If it fails, ends the script. Shows the output; with `quiet`, only
 * if the command fails.
 */
export function run(command, args, { quiet = false, ...options } = {}) {
  const stdio = ["ignore", quiet ? "pipe" : "inherit", quiet ? "pipe" : "inherit"];
  const done = spawnSync(command, args, { cwd: root, stdio, encoding: "utf8", maxBuffer: 1 << 26, ...options });
  if (done.error?.code === "ENOENT") fail(`${command} is not installed; ${hint[command] ?? "install it"}`);
  if (done.error) fail(`${command} could not be started: ${done.error.message}`);
  if (done.status === 0) return;
  if (quiet) process.stderr.write(done.stdout + done.stderr);
  fail(`this command failed; see the output above: ${[basename(command), ...args.filter((arg) => arg.length < 60)].join(" ")}`);
}

const hint = {
  cargo: "install Rust with rustup, see https://rustup.rs",
  npm: "install Node.js with npm, see https://nodejs.org",
};

/**
 * Installs the packages of package-lock.json if they are missing. Then restarts in the pinned Node if the
 * current one is too old for them: `npm run` puts the pinned one first on the path, but at the first start
 * it is not yet installed.
 */
export async function setUp() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 18) fail(`Node ${process.versions.node} is too old; install Node 18 or later`);
  if (!isInstalled()) {
    console.log("Installing the pinned packages ...");
    run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  }
  if (major > 22 || (major === 22 && minor >= 12)) return;
  const pinned = join(root, "node_modules", ".bin", "node");
  const child = spawn(pinned, process.argv.slice(1), { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.once("error", () => fail(`Node ${process.versions.node} is older than 22.12, and the pinned one is not installed; run npm ci`));
  process.exit(await new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1))));
}

/** Whether node_modules matches package-lock.json. npm keeps a copy of that file there. */
function isInstalled() {
  const copy = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(copy)) return false;
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const there = JSON.parse(readFileSync(copy, "utf8")).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === "" || optional || there[path]?.version === version,
  );
}
