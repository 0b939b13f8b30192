// Python, and PyJWT for it: in the build folder, so that nothing is installed into the machine's own.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { root } from "../../scripts/setup.mjs";

export const python = process.platform === "win32" ? "python" : "python3";
export const packages = join(root, "build", "python");

const requirements = join(root, "tests", "interop", "requirements.txt");

/** Installs PyJWT where it is not there yet. Returns what to do where that cannot be done. */
export function installPyJwt() {
  const wanted = readFileSync(requirements, "utf8");
  const installed = join(packages, "installed.txt");
  if (existsSync(installed) && readFileSync(installed, "utf8") === wanted) return null;
  const pip = (...args) => spawnSync(python, ["-m", "pip", "--disable-pip-version-check", ...args], { encoding: "utf8" });
  if (pip("--version").status !== 0) return "PyJWT is installed with pip, which is not there; install it (Debian: apt-get install python3-pip)";
  rmSync(packages, { recursive: true, force: true });
  const done = pip("install", "--quiet", "--require-hashes", "--only-binary", ":all:", "--target", packages, "-r", requirements);
  if (done.status !== 0) return `pip could not install PyJWT: ${done.stderr.trim()}`;
  writeFileSync(installed, wanted);
  return null;
}
