// What every script needs before it starts: the pinned packages, and a Node that can run them.
// Imports nothing that has to be installed first.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
export const target = resolve(root, process.env.CARGO_TARGET_DIR ?? "target");
export const exe = process.platform === "win32" ? ".exe" : "";
export const wrangler = join(root, "node_modules", "wrangler", "bin", "wrangler.js");

/** Ends the script with one sentence that says what to do. */
export function fail(sentence) {
  console.error(`playgate: ${sentence}`);
  process.exit(1);
}

/**
 * Runs a command in the repository; ends the script where it fails. What it prints is shown, or with
 * `quiet` only where it fails.
 */
export function run(command, args, { quiet = false, ...options } = {}) {
  const stdio = ["ignore", quiet ? "pipe" : "inherit", quiet ? "pipe" : "inherit"];
  const done = spawnSync(command, args, { cwd: root, stdio, encoding: "utf8", maxBuffer: 1 << 26, ...options });
  if (done.error?.code === "ENOENT") fail(`${command} is not installed; ${hint[command] ?? "install it"}`);
  if (done.error) fail(`${command} could not be started: ${done.error.message}`);
  if (done.status === 0) return;
  if (quiet) process.stderr.write(done.stdout + done.stderr);
  fail(`this failed, see above: ${[basename(command), ...args.filter((arg) => arg.length < 60)].join(" ")}`);
}

const hint = {
  cargo: "install Rust with rustup, see https://rustup.rs",
  npm: "install Node.js with npm, see https://nodejs.org",
};

/**
 * Installs the packages of package-lock.json where they are not there yet, and goes on in the pinned
 * Node where this one is older than they need: `npm run` puts the pinned one first on the path, but at
 * the first start it is not there to be found.
 */
export async function setUp() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 18) fail(`Node ${process.versions.node} is too old to start from; install Node 18 or later`);
  if (!isInstalled()) {
    console.log("Installing the pinned packages ...");
    run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  }
  if (major > 22 || (major === 22 && minor >= 12)) return;
  const pinned = join(root, "node_modules", ".bin", "node");
  const child = spawn(pinned, process.argv.slice(1), { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.once("error", () => fail(`Node ${process.versions.node} is older than 22.12, and the pinned one did not install; run npm ci`));
  process.exit(await new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1))));
}

/** Whether node_modules holds what package-lock.json asks for; npm keeps its own copy there. */
function isInstalled() {
  const copy = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(copy)) return false;
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const there = JSON.parse(readFileSync(copy, "utf8")).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === "" || optional || there[path]?.version === version,
  );
}
