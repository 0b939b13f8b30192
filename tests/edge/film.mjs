// The sample film in several spellings of the addresses in its manifests, each in a folder of its own.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { sampleMedia } from "../../scripts/seed.mjs";
import { ffmpeg, made } from "./ffmpeg.mjs";

const SAMPLE = "videos/42/";

/** What stands before an address of `folder` in its manifests, by spelling, where the gate is at `url`. */
const before = {
  relative: () => "",
  full: (url, folder) => `${url}/${folder}`,
  rooted: (_, folder) => `/${folder}`,
  based: () => "",
};

/** The spellings, with words for the names of tests. A BaseURL is DASH alone. */
export const spellings = {
  hls: { relative: "relative addresses", full: "full URLs", rooted: "absolute paths" },
  dash: { relative: "relative addresses", full: "full URLs", rooted: "absolute paths", based: "a BaseURL" },
};

const folderOf = (spelling) => (spelling === "relative" ? SAMPLE : `videos/${spelling}/`);

/** The path of a manifest of the film. */
export function manifest(kind, spelling) {
  return `/${folderOf(spelling)}${kind === "dash" ? "manifest.mpd" : "master.m3u8"}`;
}

/** The files of the film, less the one that is no segment: [name, bytes]. */
export const sample = sampleMedia()
  .filter(({ key }) => key.startsWith(SAMPLE) && !key.endsWith("film.mp4"))
  .map(({ key, bytes }) => [key.slice(SAMPLE.length), bytes]);

/** Every spelling of the film, for the bucket of the gate at `url`: [key, body]. */
export function films(url) {
  return Object.keys(spellings.dash).flatMap((spelling) => spell(sample, folderOf(spelling), spelling, url));
}

/** Files with the addresses of their manifests in one spelling. */
export function spell(files, folder, spelling, url) {
  const prefix = before[spelling](url, folder);
  const base = spelling === "based" ? `<BaseURL>${url}/${folder}</BaseURL>\n\t` : "";
  return files.map(([name, bytes]) => {
    if (name.endsWith(".m3u8")) bytes = playlist(bytes.toString(), prefix);
    if (name.endsWith(".mpd")) bytes = presentation(bytes.toString(), prefix, base);
    return [folder + name, bytes];
  });
}

const playlist = (text, prefix) => text.replace(/^(?=[^#\s])/gm, prefix).replace(/URI="/g, `$&${prefix}`);

const presentation = (text, prefix, base) =>
  text.replace(/(initialization|media)="/g, `$&${prefix}`).replace(/(?=<Period)/, base);

/** The film many times over, in one file that no player reads to its end before it has to: 14 minutes. */
export async function longFilm() {
  const film = sampleMedia().find(({ key }) => key === `${SAMPLE}film.mp4`).bytes;
  const files = await made(async (folder) => {
    writeFileSync(join(folder, "film.mp4"), film);
    const copy = ["-c", "copy", "-movflags", "+faststart"];
    await ffmpeg(["-stream_loop", "40", "-i", "film.mp4", ...copy, "long.mp4"], { cwd: folder });
  });
  return files.find(([name]) => name === "long.mp4")[1];
}

/** Eight seconds of the film under an AES-128 key: locked.m3u8, its segments and its key. */
export function lockedFilm() {
  const film = sampleMedia().find(({ key }) => key === `${SAMPLE}film.mp4`).bytes;
  return made(async (folder) => {
    writeFileSync(join(folder, "film.mp4"), film);
    writeFileSync(join(folder, "film.key"), Buffer.from("000102030405060708090a0b0c0d0e0f", "hex"));
    writeFileSync(join(folder, "key.info"), "film.key\nfilm.key\n");
    await ffmpeg([
      "-i", "film.mp4", "-t", "8", "-c", "copy", "-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod",
      "-hls_key_info_file", "key.info", "-hls_segment_filename", "locked_%d.ts", "locked.m3u8",
    ], { cwd: folder });
  });
}

/** A film of so many seconds, in segments, for HLS and DASH: [key, body], below videos/42/long/. */
export async function longFilms(seconds) {
  const film = sampleMedia().find(({ key }) => key === `${SAMPLE}film.mp4`).bytes;
  const files = await made(async (folder) => {
    writeFileSync(join(folder, "film.mp4"), film);
    const dash = ["-f", "dash", "-seg_duration", "2", "-hls_playlist", "1", "manifest.mpd"];
    await ffmpeg(["-stream_loop", "100", "-i", "film.mp4", "-t", String(seconds + 60), "-c", "copy", ...dash], { cwd: folder });
  });
  return files.filter(([name]) => name !== "film.mp4").map(([name, bytes]) => [`${SAMPLE}long/${name}`, bytes]);
}
