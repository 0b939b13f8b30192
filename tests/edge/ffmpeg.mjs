// ffmpeg, for tests that make media of their own or play as it does.
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const isThere = ["ffmpeg", "ffprobe"].every((name) => spawnSync(name, ["-version"]).status === 0);

/** Why tests that need it are skipped; false where they are not. Nothing is skipped with CI=true. */
export const withoutFfmpeg = !isThere && process.env.CI !== "true"
  && "no ffmpeg was found; install one (Debian: apt-get install ffmpeg)";

const run = promisify(execFile);
const quiet = ["-nostdin", "-hide_banner", "-loglevel", "error"];

/** Runs ffmpeg, for a minute at most; what it prints. */
export async function ffmpeg(args, options) {
  const { stdout } = await run("ffmpeg", [...quiet, ...args], { timeout: 60_000, maxBuffer: 1 << 26, ...options });
  return stdout;
}

/** Plays a link to the end as any player without a browser would: the pictures and sounds that it decoded. */
export async function decode(link) {
  const told = await ffmpeg(["-i", link, "-map", "0:v:0", "-map", "0:a:0", "-progress", "pipe:1", "-f", "null", "-"]);
  const last = (name) => Number([...told.matchAll(new RegExp(`^${name}=(\\d+)$`, "gm"))].at(-1)?.[1]);
  return { frames: last("frame"), seconds: Math.round(last("out_time_us") / 1e6) };
}

/** Reads a link to its end without decoding it, from a moment on, in seconds: how many it has read. */
export async function read(link, from = 0) {
  const args = ["-ss", String(from), "-i", link, "-map", "0:v:0", "-c", "copy", "-progress", "pipe:1", "-f", "null", "-"];
  const told = await ffmpeg(args);
  return Math.round(Number([...told.matchAll(/^out_time_us=(\d+)$/gm)].at(-1)?.[1] ?? 0) / 1e6);
}

/** What ffprobe says of a link. */
export async function probe(link) {
  const args = ["-v", "error", "-of", "json", "-show_format", "-show_streams", link];
  return JSON.parse((await run("ffprobe", args, { timeout: 60_000 })).stdout);
}

/** The files that `make(folder)` writes: [name, bytes]. The folder is gone afterwards. */
export async function made(make) {
  const folder = mkdtempSync(join(tmpdir(), "playgate-media-"));
  try {
    await make(folder);
    return readdirSync(folder).sort().map((name) => [name, readFileSync(join(folder, name))]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
