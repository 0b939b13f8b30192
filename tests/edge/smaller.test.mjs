// The smallest Worker: without JWTs, timed HMACs, state and manifests. It serves links, and refuses what it lacks.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Log, LogLevel, Miniflare } from "miniflare";

import { bundleWith, uploaded } from "../../scripts/bundle.mjs";
import { root } from "../../scripts/setup.mjs";
import { sign, vectors } from "./gate.mjs";

const FILM = "/videos/42/film.mp4";
const LIST = "/videos/42/a.m3u8";
const PLAYLIST = "#EXTM3U\n#EXTINF:4,\nhttps://cdn.example.com/videos/42/1.ts\n";
const HOUR = { exp: Math.floor(Date.now() / 1000) + 3600 };

let files;
let miniflare;

/** The configuration of a Worker with these variables. */
function worker(name, variables) {
  const text = Object.entries({ PLAYGATE_KEYS: vectors.keys, ...variables }).map(([key, value]) => [key, { type: "text", value }]);
  const modules = Object.fromEntries(files.map(([file, bytes]) => [file, file.endsWith(".js")
    ? { type: "esm", contents: bytes.toString() } : { type: "wasm", contents: new Uint8Array(bytes) }]));
  return {
    config: {
      name,
      compatibilityDate: /^compatibility_date = "(.+)"$/m.exec(readFileSync(join(root, "wrangler.toml"), "utf8"))[1],
      manifest: { mainModule: "entry.js", modulesRoot: root, modules },
      env: { MEDIA: { type: "r2", name: "media" }, ...Object.fromEntries(text) },
    },
  };
}

/** Starts a gate with these variables, in the place of the last one. Returns what it prints. */
async function start(variables = {}) {
  await miniflare?.dispose();
  const printed = [];
  const handleStructuredLogs = ({ message }) => printed.push(message);
  miniflare = new Miniflare({ workers: [worker("playgate", variables)], cf: false, log: new Log(LogLevel.NONE), handleStructuredLogs });
  const bucket = await miniflare.getR2Bucket("MEDIA");
  for (const [path, body] of [[FILM, "0123456789"], [LIST, PLAYLIST]]) await bucket.put(path.slice(1), body);
  return printed;
}

before(() => {
  files = uploaded(bundleWith([]));
}, { timeout: 900_000 });
after(() => miniflare?.dispose());

/** The status, and the reason or the body. */
async function get(path) {
  const response = await miniflare.dispatchFetch(`https://cdn.example.com${path}`, { redirect: "manual" });
  const body = await response.text();
  return [response.status, response.headers.get("Playgate-Reason") ?? body];
}

const inPath = (path, fields) => `/${sign("/videos/42/", { ...HOUR, dir: 2, ...fields })}${path}`;
const exact = (path, fields) => `${path}?${sign(path, { ...HOUR, ...fields })}`;

test("links open files and playlists, as they are stored", { timeout: 30_000 }, async () => {
  await start();
  assert.deepEqual(await get(FILM), [401, "missing"]);
  assert.deepEqual(await get(exact(FILM)), [200, "0123456789"]);
  assert.deepEqual(await get(inPath(FILM)), [200, "0123456789"]);
  assert.equal((await get(exact(FILM, { run: 14_400 })))[0], 302);
  assert.deepEqual(await get(inPath(LIST)), [200, PLAYLIST]);
  assert.deepEqual(await get(exact(LIST)), [200, PLAYLIST]);
});

test("what it lacks is refused", { timeout: 30_000 }, async () => {
  await start();
  for (const fields of [{ pre: 30 }, { run: 14_400 }]) {
    assert.deepEqual(await get(inPath(LIST, fields)), [403, "manifests_required"]);
  }
  assert.deepEqual(await get(`${LIST}?${sign("/videos/42/", { ...HOUR, dir: 2 })}`), [403, "manifests_required"]);
  for (const fields of [{ reval: 5 }, { jti: "j", uses: 1 }, { max: 1, sub: "v" }]) {
    assert.deepEqual(await get(exact(FILM, fields)), [403, "state_required"]);
  }
  assert.deepEqual(await get("/.playgate/revocations"), [401, "missing"]);
});

test("settings for what it lacks are errors", { timeout: 30_000 }, async () => {
  const variables = { FORMATS: "native,jwt,timed-hmac", ADMIN_SECRET: "0123456789abcdef", MAX_MANIFEST_BYTES: "65536" };
  const printed = await start({ ...variables, JWT_PATH: "/videos/{vid}/", TIMED_HMAC_TTL: "3h" });
  assert.deepEqual(await get(exact(FILM)), [503, "misconfigured"]);
  await miniflare.dispose();
  miniflare = undefined;
  for (const error of ["FORMATS: this gate was built without JWT", "MAX_MANIFEST_BYTES: this gate was built without manifests",
    "ADMIN_SECRET: this gate was built without state"]) {
    assert.ok(printed.some((line) => line.includes(error)), `${error}: ${printed.join("\n")}`);
  }
});
