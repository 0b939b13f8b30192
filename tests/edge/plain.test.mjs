// Clients that keep nothing, no cookie and no header of their own: ffmpeg, and one that resolves
// each address against that of the document it stands in and fetches it.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";

import { decode, probe, withoutFfmpeg } from "./ffmpeg.mjs";
import { films, lockedFilm, manifest, sample, spell, spellings } from "./film.mjs";
import { directoryLink, startGate } from "./gate.mjs";

let gate;
before(async () => {
  gate = await startGate();
  const objects = films(gate.url);
  if (!withoutFfmpeg) {
    const locked = await lockedFilm();
    for (const spelling of Object.keys(spellings.hls)) {
      objects.push(...spell(locked, `videos/locked-${spelling}/`, spelling, gate.url));
    }
  }
  for (const [key, body] of objects) await gate.bucket.put(key, body);
}, { timeout: 120_000 });
after(() => gate?.stop());
beforeEach(() => gate.log());

const limit = { timeout: 60_000 };

/** Fails unless the gate admitted all that the test asked; how much that was. */
async function assertAdmitted() {
  const lines = await gate.log();
  // Not by status: ffmpeg takes the end of a presentation from a 404.
  assert.deepEqual(lines.filter(({ decision }) => decision !== "allow"), []);
  return lines.length;
}

for (const [kind, words] of Object.entries(spellings)) {
  for (const [spelling, addresses] of Object.entries(words)) {
    for (const place of ["path", "query"]) {
      test(`a plain client fetches every byte of ${kind}, ${place}, ${addresses}`, limit, async () => {
        const files = kind === "hls" ? playlistFiles : presentationFiles;
        const fetched = await files(directoryLink(gate, manifest(kind, spelling), place));
        const wanted = sample.filter(([name]) => (kind === "hls" ? /(mp4|m4s|vtt)$/ : /(mp4|m4s)$/).test(name));
        assert.deepEqual([...fetched.keys()].sort(), wanted.map(([name]) => name));
        for (const [name, bytes] of wanted) assert.ok(bytes.equals(fetched.get(name)), name);
        await assertAdmitted();
      });
    }
  }
}

const ask = (url) => fetch(url, { redirect: "error", signal: AbortSignal.timeout(10_000) });

for (const [kind, words] of Object.entries(spellings)) {
  for (const [spelling, addresses] of Object.entries(words)) {
    for (const place of ["path", "query"]) {
      test(`a link with run lasts past exp, not past run: ${kind}, ${place}, ${addresses}`, limit, async () => {
        const link = directoryLink(gate, manifest(kind, spelling), place, { lifetime: 5, run: 60 });
        const text = (await get(link)).toString();
        const [media] = kind === "hls" ? /^[^#\s].*$/m.exec(text) : presentation(text, link);
        const next = new URL(media, link);
        await gate.wait(20);
        await get(next);
        assert.equal((await ask(link)).headers.get("Playgate-Reason"), "expired");
        await gate.wait(60);
        assert.equal((await ask(next)).headers.get("Playgate-Reason"), "expired");
      });
    }
  }
}

async function get(url) {
  const response = await ask(url);
  assert.equal(response.status, 200, `${response.headers.get("Playgate-Reason")} ${new URL(url).pathname}`);
  return Buffer.from(await response.arrayBuffer());
}

const nameOf = (url) => new URL(url).pathname.split("/").at(-1);

/** Everything that a playlist leads to, other playlists aside: name to bytes. */
async function playlistFiles(url) {
  const files = new Map();
  const text = (await get(url)).toString();
  const references = [...text.matchAll(/^[^#\s].*$|(?<=URI=")[^"]+/gm)].map(([reference]) => reference);
  for (const reference of references) {
    const next = new URL(reference, url).href;
    if (!nameOf(next).endsWith(".m3u8")) files.set(nameOf(next), await get(next));
    else for (const [name, bytes] of await playlistFiles(next)) files.set(name, bytes);
  }
  return files;
}

/** Everything that a presentation leads to: name to bytes. */
async function presentationFiles(url) {
  const files = new Map();
  for (const next of presentation((await get(url)).toString(), url)) files.set(nameOf(next), await get(next));
  return files;
}

/** The addresses of a presentation: the start and ten segments of each representation. */
function presentation(text, url) {
  const plain = (text) => text.replaceAll("&amp;", "&");
  const base = new URL(plain(/<BaseURL>(.*?)<\/BaseURL>/.exec(text)?.[1] ?? ""), url);
  const numbers = Array.from({ length: 10 }, (_, index) => String(index + 1).padStart(2, "0"));
  return [...text.matchAll(/<Representation id="(\d)"(.*?)<\/Representation>/gs)].flatMap(([, id, inside]) => {
    const [start, media] = ["initialization", "media"].map((name) =>
      plain(new RegExp(`${name}="(.*?)"`).exec(inside)[1]).replace("$RepresentationID$", id));
    const segments = numbers.map((number) => media.replace("$Number%02d$", number));
    return [start, ...segments].map((reference) => new URL(reference, base).href);
  });
}

describe("ffmpeg", { skip: withoutFfmpeg }, () => {
  for (const [kind, words] of Object.entries(spellings)) {
    for (const [spelling, addresses] of Object.entries(words)) {
      for (const place of ["path", "query"]) {
        // It loses a BaseURL with an ampersand, escaped as it has to be, and takes the manifest's address.
        if (place === "query" && spelling === "based") continue;
        test(`plays ${kind} to the end, ${place}, ${addresses}`, limit, async () => {
          const link = directoryLink(gate, manifest(kind, spelling), place);
          assert.deepEqual(await decode(link), { frames: 480, seconds: 20 });
          assert.ok(await assertAdmitted() >= 20);
        });
      }
    }
    test(`ffprobe reads ${kind}`, limit, async () => {
      const { format, streams } = await probe(directoryLink(gate, manifest(kind, "relative"), "path"));
      assert.equal(Math.round(Number(format.duration)), 20);
      assert.deepEqual(new Set(streams.map(({ width }) => width).filter(Boolean)), new Set([320, 640]));
      await assertAdmitted();
    });
  }

  for (const [spelling, addresses] of Object.entries(spellings.hls)) {
    for (const place of ["path", "query"]) {
      test(`plays what is under a key, ${place}, ${addresses}`, limit, async () => {
        const link = directoryLink(gate, `/videos/locked-${spelling}/locked.m3u8`, place);
        assert.deepEqual(await decode(link), { frames: 192, seconds: 8 });
        await assertAdmitted();
      });
    }
  }
});
