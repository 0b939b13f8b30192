// A broken configuration serves nothing, and the log names every fault.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { PAGE, link, problem, startGate, vectors } from "./gate.mjs";

const FILM = "/videos/42/film.mp4";

let gate;
before(
  async () => {
    gate = await startGate({
      objects: [
        [FILM.slice(1), "0123456789"],
        ["public/a.txt", "a"],
      ],
    });
  },
  { timeout: 900_000 },
);
after(() => gate?.stop());

const SECRET = /^main:([\w-]+)/.exec(vectors.keys)[1];

// Variables, and the start of each fault that the log has to name.
const BROKEN = [
  [{ PLAYGATE_KEYS: null }, "PLAYGATE_KEYS: is not set"],
  [{ PLAYGATE_KEYS: " " }, "PLAYGATE_KEYS: is not set"],
  [{ PLAYGATE_KEYS: 7 }, "PLAYGATE_KEYS: key ring, entry 1"],
  [{ PLAYGATE_KEYS: { main: SECRET } }, "PLAYGATE_KEYS: is not text"],
  [{ PLAYGATE_KEYS: `main:${SECRET}=` }, "PLAYGATE_KEYS: key ring, entry 1"],
  [{ PLAYGATE_KEYS: `main:${SECRET},main:${SECRET}` }, "PLAYGATE_KEYS: key ring, entry 2"],
  [{ MEDIA: null }, "MEDIA: is not bound"],
  [{ MEDIA: "a bucket" }, "MEDIA: is not an R2 bucket"],
  [{ ORIGIN: "https://media.example.com" }, "ORIGIN: is set although MEDIA is bound"],
  [{ MEDIA: null, ORIGIN: "http://media.example.com" }, "ORIGIN: write https"],
  [{ MEDIA: null, ORIGIN: "media.example.com" }, "ORIGIN: write it as"],
  [{ MEDIA: null, ORIGIN: "https://media.example.com/?a" }, "ORIGIN: the path"],
  [{ PUBLIC: "public" }, "PUBLIC: entry 1"],
  [{ PUBLIC: "/public/,/" }, "PUBLIC: entry 2"],
  [{ AUDIENCE: "a b" }, "AUDIENCE: write"],
  [{ AUDIENCE: ["cdn"] }, "AUDIENCE: is not text"],
  [{ LEEWAY: "1m" }, "LEEWAY: write"],
  [{ LEEWAY: 1.5 }, "LEEWAY: "],
  [{ LEEWAY: true }, "LEEWAY: is not text"],
  [{ LEEWAY: "301" }, "LEEWAY: write"],
  [{ MAX_LIFETIME: "0" }, "MAX_LIFETIME: write"],
  [{ MAX_LIFETIME: "-1" }, "MAX_LIFETIME: write"],
  [
    { MAX_MANIFEST_BYTES: "1023" },
    "MAX_MANIFEST_BYTES: write a number of bytes from 1024 to 8388608",
  ],
  [{ MAX_MANIFEST_BYTES: "8388609" }, "MAX_MANIFEST_BYTES: write"],
  [{ MAX_MANIFEST_BYTES: "2 MiB" }, "MAX_MANIFEST_BYTES: write"],
  [{ MAX_MANIFEST_BYTES: -1 }, "MAX_MANIFEST_BYTES: is not text"],
  [{ MAX_MANIFEST_BYTES: {} }, "MAX_MANIFEST_BYTES: is not text"],
  [{ PUBLIC_EXTENSIONS: ".ts" }, "PUBLIC_EXTENSIONS: entry 1"],
  [{ PUBLIC_EXTENSIONS: "m4s, mp4, *" }, "PUBLIC_EXTENSIONS: entry 3"],
  [{ PUBLIC_EXTENSIONS: "ts,m3u8" }, "PUBLIC_EXTENSIONS: entry 2: playlists and keys"],
  [{ PUBLIC_EXTENSIONS: "MPD" }, "PUBLIC_EXTENSIONS: entry 1: playlists and keys"],
  [{ PUBLIC_EXTENSIONS: "ts\nKey" }, "PUBLIC_EXTENSIONS: entry 2: playlists and keys"],
  [{ PUBLIC_EXTENSIONS: ["ts"] }, "PUBLIC_EXTENSIONS: is not text"],
  [{ SET_COOKIE: "yes" }, 'SET_COOKIE: write "true" or "false"'],
  [{ SET_COOKIE: "True" }, "SET_COOKIE: write"],
  [{ SET_COOKIE: 1 }, "SET_COOKIE: write"],
  [{ SET_COOKIE: true }, "SET_COOKIE: is not text"],
  [{ ALLOW_ORIGINS: "https://www.example.com/" }, "ALLOW_ORIGINS: entry 1"],
  [{ ALLOW_ORIGINS: "https://www.example.com,*" }, "ALLOW_ORIGINS: entry 2"],
  [{ UNSIGNED_PARAMS: "utm_source,pg" }, "UNSIGNED_PARAMS: entry 2"],
  [{ FORWARD_PARAMS: "a=b" }, "FORWARD_PARAMS: entry 1"],
];

for (const [env, fault] of BROKEN) {
  test(`${fault} (${Object.keys(env)})`, { timeout: 15_000 }, async () => {
    await gate.log();
    const all = { PUBLIC: "/public/", ...env };
    for (const [method, url] of [
      ["GET", link(FILM)],
      ["HEAD", link(FILM)],
      ["OPTIONS", link(FILM)],
      ["POST", link(FILM)],
      ["GET", "https://cdn.example.com/public/a.txt"],
    ]) {
      const answer = await gate.ask(url, { method, env: all, headers: { origin: PAGE } });
      assert.equal(answer.status, 503);
      assert.equal(answer.headers["playgate-reason"], "misconfigured");
      assert.equal(answer.headers["cache-control"], "no-store");
      if (method === "HEAD") continue;
      assert.equal(problem(answer).reason, "misconfigured");
      assert.ok(
        !answer.body.includes(Object.keys(env)[0]),
        "what is wrong is nobody else's business",
      );
    }
    const [first, ...lines] = await gate.log();
    assert.equal(first.errors.length, 1, first.errors.join());
    assert.ok(first.errors[0].startsWith(fault), first.errors[0]);
    assert.equal(lines.length, 5, "said once, and a line for each request");
    for (const line of lines)
      assert.deepEqual([line.decision, line.reason], ["error", "misconfigured"]);
    assert.ok(!JSON.stringify([first, lines]).includes(SECRET), "a key in the log");
  });
}

test("several faults are named at once", { timeout: 15_000 }, async () => {
  await gate.log();
  const env = { PLAYGATE_KEYS: null, MEDIA: null, LEEWAY: "x", PUBLIC: "x", AUDIENCE: "?" };
  await gate.ask(link(FILM), { env });
  const [{ errors }] = await gate.log();
  const names = errors.map((error) => error.split(":")[0]);
  assert.deepEqual(names.sort(), ["AUDIENCE", "LEEWAY", "MEDIA", "PLAYGATE_KEYS", "PUBLIC"]);
});

test("a good configuration beside them still serves", { timeout: 15_000 }, async () => {
  const good = {
    AUDIENCE: "",
    LEEWAY: 5,
    MAX_LIFETIME: "86400",
    UNSIGNED_PARAMS: " a , b ",
    FORWARD_PARAMS: "v",
    MAX_MANIFEST_BYTES: 4194304,
    PUBLIC_EXTENSIONS: " m4s ,\n ts,, ",
    SET_COOKIE: "false",
  };
  for (const env of [undefined, good]) {
    assert.equal((await gate.ask(link(FILM), { env })).status, 200);
  }
});
