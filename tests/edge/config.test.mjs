// A broken configuration serves nothing, and the log names every fault.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { PAGE, jwt, link, problem, startGate, vectors } from "./gate.mjs";

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

const JWT = { FORMATS: "jwt", JWT_PATH: "/videos/{vid}/" };

const SERVER = { MEDIA: null, ORIGIN: "http://127.0.0.1:9" };

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
  [{ ORIGIN: "https://media.example.com" }, "ORIGIN: is set, but MEDIA is bound too"],
  [{ MEDIA: null, ORIGIN: "http://media.example.com" }, "ORIGIN: write https"],
  [{ MEDIA: null, ORIGIN: "media.example.com" }, "ORIGIN: write it like"],
  [{ MEDIA: null, ORIGIN: "https://media.example.com/?a" }, "ORIGIN: the path"],
  [{ ORIGIN_SECRET: SECRET }, "ORIGIN_SECRET: applies only with ORIGIN"],
  [{ PASS_HEADERS: "X-Cache" }, "PASS_HEADERS: applies only with ORIGIN"],
  [{ ...SERVER, ORIGIN_SECRET: "short" }, "ORIGIN_SECRET: write 16 to 256 characters"],
  [{ ...SERVER, ORIGIN_SECRET: `${SECRET} ${SECRET}` }, "ORIGIN_SECRET: write 16 to 256 characters"],
  [{ ...SERVER, ORIGIN_SECRET: [SECRET] }, "ORIGIN_SECRET: is not text"],
  [{ ...SERVER, PASS_HEADERS: "X-Cache: HIT" }, "PASS_HEADERS: entry 1: write names"],
  [{ ...SERVER, PASS_HEADERS: ["X-Cache"] }, "PASS_HEADERS: is not text"],
  [{ ...SERVER, PASS_HEADERS: "X-Cache,Set-Cookie" }, "PASS_HEADERS: entry 2: credentials"],
  [{ ...SERVER, PASS_HEADERS: "Playgate-Expires" }, "PASS_HEADERS: entry 1: the gate sets this field itself"],
  [{ ...SERVER, PASS_HEADERS: "access-control-allow-origin" }, "PASS_HEADERS: entry 1: the gate sets this field itself"],
  [{ ...SERVER, PASS_HEADERS: "CDN-Cache-Control" }, "PASS_HEADERS: entry 1: it would let caches"],
  [{ ...SERVER, PASS_HEADERS: "Alt-Svc" }, "PASS_HEADERS: entry 1: it applies to a single connection"],
  [{ ...SERVER, PASS_HEADERS: "Link" }, "PASS_HEADERS: entry 1: it would make browsers send addresses"],
  [{ ...SERVER, PASS_HEADERS: "Content-Security-Policy" }, "PASS_HEADERS: entry 1: it would make browsers"],
  [{ ...SERVER, PASS_HEADERS: "Surrogate-Key" }, "PASS_HEADERS: entry 1: it would control a server"],
  [{ PUBLIC: "public" }, "PUBLIC: entry 1"],
  [{ PUBLIC: "/public/,/" }, "PUBLIC: entry 2"],
  [{ AUDIENCE: "a b" }, "AUDIENCE: write 1 to 64 of A-Z"],
  [{ AUDIENCE: "https://edge.example.com/" }, "AUDIENCE: write 1 to 64 of A-Z"],
  [{ AUDIENCE: ["cdn"] }, "AUDIENCE: is not text"],
  [{ AUDIENCE: "https://edge.example.com/", ...JWT, FORMATS: "native,jwt" }, "AUDIENCE: write 1 to 64 of"],
  [{ AUDIENCE: "a\nb", ...JWT }, "AUDIENCE: write 1 to 256 printable"],
  [{ AUDIENCE: "a".repeat(257), ...JWT }, "AUDIENCE: write 1 to 256 printable"],
  [{ FORMATS: "jwt" }, "JWT_PATH: is missing; write the directory"],
  [{ FORMATS: "native,jwt" }, "JWT_PATH: is missing; write the directory"],
  [{ FORMATS: "jwt", JWT_PATH: " " }, "JWT_PATH: is missing; write the directory"],
  [{ FORMATS: "jwt", JWT_PATH: null }, "JWT_PATH: is missing; write the directory"],
  [{ FORMATS: "JWT" }, "FORMATS: write one or more of native, jwt, timed-hmac"],
  [{ ...JWT, FORMATS: "jwt," }, "FORMATS: write one or more of native, jwt, timed-hmac"],
  [{ ...JWT, FORMATS: "jwt,jwt" }, "FORMATS: write one or more of native, jwt, timed-hmac"],
  [{ ...JWT, FORMATS: ["jwt"] }, "FORMATS: is not text"],
  [{ FORMATS: true }, "FORMATS: is not text"],
  [{ JWT_PATH: "/videos/{vid}/" }, "JWT_PATH: applies only to JWTs, which are not read"],
  [{ FORMATS: "native", JWT_PATH: "/videos/{vid}/" }, "JWT_PATH: applies only to JWTs, which are not read"],
  [{ JWT_NAME: "jwt" }, "JWT_NAME: applies only to JWTs, which are not read"],
  [{ ISSUER: "joe" }, "ISSUER: applies only to JWTs, which are not read"],
  [{ ...JWT, JWT_PATH: "/videos/" }, "JWT_PATH: write a directory with one claim"],
  [{ ...JWT, JWT_PATH: "/videos/{vid}" }, "JWT_PATH: write a directory with one claim"],
  [{ ...JWT, JWT_PATH: "/{a}/{b}/" }, "JWT_PATH: write a directory with one claim"],
  [{ ...JWT, JWT_PATH: "/videos/{vid}/x" }, "JWT_PATH: a directory must end with a slash"],
  [{ ...JWT, JWT_PATH: "/videos/{exp}/" }, "JWT_PATH: the claim is not"],
  [{ ...JWT, JWT_PATH: "videos/{vid}/" }, "JWT_PATH: the path"],
  [{ ...JWT, JWT_PATH: "/../{vid}/" }, "JWT_PATH: the path"],
  [{ ...JWT, JWT_PATH: "/%7e/{vid}/" }, "JWT_PATH: the path is not canonical"],
  [{ ...JWT, JWT_PATH: {} }, "JWT_PATH: is not text"],
  [{ ...JWT, JWT_NAME: "pg" }, "JWT_NAME: write 1 to 64 of"],
  [{ ...JWT, JWT_NAME: "a b" }, "JWT_NAME: write 1 to 64 of"],
  [{ ...JWT, JWT_NAME: "a;b" }, "JWT_NAME: write 1 to 64 of"],
  [{ ...JWT, JWT_NAME: ["a"] }, "JWT_NAME: is not text"],
  [{ ...JWT, ISSUER: ["joe"] }, "ISSUER: is not text"],
  [{ ...JWT, UNSIGNED_PARAMS: "a,token" }, "UNSIGNED_PARAMS: entry 2: this name is reserved for tokens; remove it"],
  [{ ...JWT, FORWARD_PARAMS: "pg" }, "FORWARD_PARAMS: entry 1: this name is reserved for tokens; remove it"],
  [{ ...JWT, JWT_NAME: "t", FORWARD_PARAMS: "token,t" }, "FORWARD_PARAMS: entry 2: this name is reserved"],
  [{ LEEWAY: "1m" }, "LEEWAY: write"],
  [{ LEEWAY: 1.5 }, "LEEWAY: "],
  [{ LEEWAY: true }, "LEEWAY: is not text"],
  [{ LEEWAY: "301" }, "LEEWAY: write"],
  [{ MAX_LIFETIME: "0" }, "MAX_LIFETIME: write"],
  [{ MAX_RUN: "0" }, "MAX_RUN: write a number of seconds"],
  [{ MAX_RUN: "4h" }, "MAX_RUN: write a number of seconds"],
  [{ MAX_RUN: -1 }, "MAX_RUN: is not text"],
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
  [{ PUBLIC_EXTENSIONS: "ts,m3u8" }, "PUBLIC_EXTENSIONS: entry 2: manifests and keys"],
  [{ PUBLIC_EXTENSIONS: "MPD" }, "PUBLIC_EXTENSIONS: entry 1: manifests and keys"],
  [{ PUBLIC_EXTENSIONS: "ts\nKey" }, "PUBLIC_EXTENSIONS: entry 2: manifests and keys"],
  [{ PUBLIC_EXTENSIONS: ["ts"] }, "PUBLIC_EXTENSIONS: is not text"],
  [{ SET_COOKIE: "yes" }, 'SET_COOKIE: write "true" or "false"'],
  [{ SET_COOKIE: "True" }, "SET_COOKIE: write"],
  [{ SET_COOKIE: 1 }, "SET_COOKIE: write"],
  [{ SET_COOKIE: true }, "SET_COOKIE: is not text"],
  [{ ALLOW_ORIGINS: "https://www.example.com/" }, "ALLOW_ORIGINS: entry 1"],
  [{ ALLOW_ORIGINS: "https://www.example.com,*" }, "ALLOW_ORIGINS: entry 2"],
  [{ UNSIGNED_PARAMS: "utm_source,pg" }, "UNSIGNED_PARAMS: entry 2"],
  [{ UNSIGNED_PARAMS: "utm_*,p*" }, "UNSIGNED_PARAMS: entry 2: this name is reserved for tokens; remove it"],
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
  const faulty = async (env) => {
    assert.equal((await gate.ask(link(FILM), { env })).status, 503);
    const [{ errors }] = await gate.log();
    return errors.map((error) => error.split(":")[0]).sort();
  };
  assert.deepEqual(await faulty(env), ["AUDIENCE", "LEEWAY", "MEDIA", "PLAYGATE_KEYS", "PUBLIC"]);
  const jwt = { JWT_NAME: SECRET + "!", AUDIENCE: `${SECRET}\n`, UNSIGNED_PARAMS: "a b" };
  const all = ["AUDIENCE", "JWT_NAME", "JWT_PATH", "UNSIGNED_PARAMS"];
  assert.deepEqual(await faulty({ ...jwt, FORMATS: "jwt" }), all);
  assert.deepEqual(await faulty({ ...jwt, FORMATS: "native" }), all.filter((name) => name !== "JWT_PATH"));
  assert.deepEqual(await faulty({ ...jwt, FORMATS: "none", JWT_PATH: "x" }), ["FORMATS", ...all].sort());
  assert.deepEqual(await faulty({ FORMATS: SECRET, AUDIENCE: "https://edge.example.com" }), ["FORMATS"]);
  assert.deepEqual(await faulty({ JWT_PATH: SECRET, JWT_NAME: SECRET, ISSUER: SECRET }), [
    "ISSUER",
    "JWT_NAME",
    "JWT_PATH",
  ]);
});

test("a gate that lacks what JWTs open opens nothing", { timeout: 15_000 }, async () => {
  const own = jwt({ vid: "42" });
  const url = `https://cdn.example.com${FILM}?token=${own}`;
  assert.equal((await gate.ask(url, { env: JWT })).status, 200);
  for (const path of [null, "", " ", "/", "/videos/", "{vid}", "/{vid}", "//{vid}/"]) {
    const answer = await gate.ask(url, { env: { ...JWT, JWT_PATH: path } });
    assert.deepEqual([answer.status, answer.headers["playgate-reason"]], [503, "misconfigured"]);
    assert.ok(!answer.body.includes("0123"));
  }
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
    FORMATS: " ",
    JWT_PATH: "",
    JWT_NAME: " ",
    ISSUER: "\n",
  };
  const both = { ...JWT, FORMATS: " jwt , native", JWT_NAME: "t", ISSUER: "joe", UNSIGNED_PARAMS: "token" };
  for (const env of [undefined, good, both]) {
    assert.equal((await gate.ask(link(FILM), { env })).status, 200);
  }
});
