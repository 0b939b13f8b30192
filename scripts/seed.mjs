// Puts the sample media into the simulated R2 bucket, in one process.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { getPlatformProxy } from "wrangler";

import { root } from "./setup.mjs";

const MEDIA = join(root, "www", "media");

/** Every sample file: its key in the bucket and its bytes. The gate gets the types from the names. */
export function sampleMedia() {
  return readdirSync(MEDIA, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort()
    .map((file) => ({ key: relative(MEDIA, file).split(sep).join("/"), bytes: readFileSync(file) }));
}

/** Seeds the bucket below `state`, unless it already has the same media. */
export async function seed(state) {
  const media = sampleMedia();
  const hash = createHash("sha256");
  for (const { key, bytes } of media) hash.update(`${key}\0${bytes.length}\0`).update(bytes);
  const digest = hash.digest("hex");
  const stamp = join(state, "seeded");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;

  // Only the bucket: the Durable Object is not needed, and wrangler would warn of it.
  const [bucket] = /\[\[r2_buckets\]\][^[]*/.exec(readFileSync(join(root, "wrangler.toml"), "utf8"));
  const configPath = join(state, "seed.toml");
  mkdirSync(state, { recursive: true });
  writeFileSync(configPath, `name = "playgate"\ncompatibility_date = "2026-10-20"\n${bucket}`);
  const proxy = await getPlatformProxy({ configPath, persist: { path: join(state, "v3") } });
  for (const { key, bytes } of media) await proxy.env.MEDIA.put(key, bytes);
  await proxy.dispose();
  writeFileSync(stamp, digest);
}
