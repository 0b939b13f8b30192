// Revocation: the Durable Object with its SQLite, as workerd runs them, and gates that follow it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { NOW, jwt, link, problem, sign, startGate } from "./gate.mjs";
import { ELSEWHERE, isNative } from "./native.mjs";

const SECRET = "development-admin-secret";
const URL_OF_CALLS = "https://cdn.example.com/.playgate/revocations";
const FILM = "/videos/42/film.mp4";

let gate;
// Each test starts when the knowledge of the one before is too old to decide.
let now = NOW;

before(async () => {
  gate = await startGate({
    objects: [
      [FILM.slice(1), "film", { httpMetadata: { contentType: "video/mp4" } }],
      ["videos/42/list.m3u8", "#EXTM3U\n#EXTINF:2,\nfilm.mp4\n#EXT-X-ENDLIST\n"],
    ],
    env: { ADMIN_SECRET: SECRET, FORMATS: "native" },
  });
});
after(() => gate.stop());

const until = NOW + 86_400;
const later = () => (now += 11);

async function call(method, body, { query = "", secret = SECRET, ...options } = {}) {
  const headers = secret === null ? {} : { Authorization: `Bearer ${secret}` };
  const text = typeof body === "object" ? JSON.stringify(body) : body;
  return gate.ask(URL_OF_CALLS + query, { method, headers, body: text, now, env: ELSEWHERE, ...options });
}

const revoke = (kind, value, more = {}) => call("POST", { kind, value, until, ...more });
const undo = (kind, value) => call("DELETE", undefined, { query: `?kind=${kind}&value=${encodeURIComponent(value)}` });

/** The reason for which a link is refused at a gate that has just asked; null if it is served. */
async function reasonFor(fields, options = {}) {
  const url = link(FILM, { exp: NOW + 100_000, ...fields });
  const response = await gate.ask(url, { now: later(), ...options });
  return response.status === 200 ? null : response.headers["playgate-reason"];
}

for (const [kind, value, fields] of [
  ["jti", "j1", { jti: "j1" }],
  ["sid", "s1", { sid: "s1" }],
  ["sub", "viewer-1", { sub: "viewer-1" }],
  ["kid", "main", {}],
  ["dir", "/videos/42/", {}],
  ["dir", "/", {}],
  ["all", undefined, {}],
]) {
  test(`${kind} ${value ?? ""} is revoked, and taken back`, async () => {
    assert.equal(await reasonFor(fields), null);
    assert.equal((await revoke(kind, value)).status, 201);
    assert.equal(await reasonFor(fields), "revoked");
    assert.equal((await undo(kind, value ?? "")).status, 204);
    assert.equal(await reasonFor(fields), null);
    assert.equal((await undo(kind, value ?? "")).status, 404);
  });
}

test("what is not named stays good", async () => {
  assert.equal((await revoke("sub", "viewer-2")).status, 201);
  assert.equal((await revoke("dir", "/videos/4/")).status, 201);
  assert.equal(await reasonFor({ sub: "viewer-1", sid: "viewer-2" }), null);
});

test("viewers learn the reason of an entry", async () => {
  assert.equal((await revoke("sub", "viewer-3", { reason: "signed_out" })).status, 201);
  assert.equal((await revoke("sid", "s3", { reason: "displaced" })).status, 201);
  assert.equal(await reasonFor({ sub: "viewer-3" }), "signed_out");
  assert.equal(await reasonFor({ sub: "viewer-3", sid: "s3" }), "displaced");
  // Only with a tag that is valid.
  const forged = link(FILM, { sub: "viewer-3" }).replace(/&sig=./, "&sig=-");
  const response = await gate.ask(forged, { now: later() });
  assert.equal(response.headers["playgate-reason"], "bad_signature");
});

test("tokens issued before a time are revoked, and newer ones are not", async () => {
  assert.equal((await revoke("sub", "viewer-4", { issued_before: NOW })).status, 201);
  assert.equal(await reasonFor({ sub: "viewer-4", iat: NOW - 1 }), "revoked");
  assert.equal(await reasonFor({ sub: "viewer-4" }), "revoked", "no time of issue");
  assert.equal(await reasonFor({ sub: "viewer-4", iat: NOW }), null);
});

test("an entry ends by itself", async () => {
  assert.equal((await revoke("sub", "viewer-5", { until: now + 30 })).status, 201);
  assert.equal(await reasonFor({ sub: "viewer-5" }), "revoked");
  now += 30;
  assert.equal(await reasonFor({ sub: "viewer-5" }), null);
});

test("the same call again changes nothing", async () => {
  const first = await revoke("jti", "j6", { reason: "displaced" });
  assert.deepEqual(JSON.parse(first.body), { kind: "jti", value: "j6", until, reason: "displaced" });
  const again = await revoke("jti", "j6", { reason: "displaced" });
  assert.deepEqual([again.status, again.body.toString()], [200, first.body.toString()]);
  const longer = await revoke("jti", "j6", { until: until + 1 });
  assert.deepEqual(JSON.parse(longer.body), { kind: "jti", value: "j6", until: until + 1, reason: "revoked" });
});

test("a list has pages", async () => {
  for (let n = 0; n < 5; n++) assert.equal((await revoke("jti", `page-${n}`)).status, 201);
  const seen = [];
  let after = "";
  for (let pages = 0; pages < 20; pages++) {
    const { status, body } = await call("GET", undefined, { query: `?limit=2${after}` });
    assert.equal(status, 200);
    const page = JSON.parse(body);
    seen.push(...page.revocations.map(({ value }) => value));
    if (page.next === null) break;
    after = `&after=${page.next}`;
  }
  assert.deepEqual(seen.slice(-5), [0, 1, 2, 3, 4].map((n) => `page-${n}`));
  assert.equal(new Set(seen).size, seen.length);
});

test("a token may ask for newer knowledge", async () => {
  assert.equal(await reasonFor({ reval: 2 }), null);
  assert.equal((await revoke("jti", "j7")).status, 201);
  // The gate's knowledge is 3 seconds old: new enough for one token, and too old for the other.
  now += 3;
  const ask = (fields) => gate.ask(link(FILM, { exp: NOW + 100_000, jti: "j7", ...fields }), { now });
  assert.equal((await ask({})).status, 200);
  assert.equal((await ask({ reval: 2 })).headers["playgate-reason"], "revoked");
});

test("a shared answer that knows less than the gate is not used", async () => {
  later();
  // A gate of its own. Its second answer is shared in the data center: the first one names no log.
  const env = { LEEWAY: "9" };
  const ask = async (age, fields = {}) =>
    (await gate.ask(link(FILM, { exp: NOW + 100_000, ...fields }), { now: now + age, env })).headers["playgate-reason"] ?? 200;
  assert.equal(await ask(0), 200);
  assert.equal(await ask(2, { reval: 1 }), 200);
  assert.equal((await revoke("jti", "j14")).status, 201);
  // The shared answer is too old for this token, so the gate asks the object itself.
  assert.equal(await ask(4, { reval: 1, jti: "j14" }), "revoked");
  // The shared one is still new enough for others, but it lacks what the gate knows.
  assert.equal(await ask(6, { reval: 1 }), 200);
  assert.equal(await ask(6, { jti: "j14" }), "revoked");
  later();
});

test("a running playback ends at its next segment", async () => {
  const token = sign("/videos/42/", { exp: NOW + 100_000, dir: 2, sid: "s8" });
  const ask = () => gate.ask(`https://cdn.example.com/${token}${FILM}`, { now: later() });
  assert.equal((await ask()).status, 200);
  assert.equal((await revoke("sid", "s8")).status, 201);
  const stopped = await ask();
  assert.deepEqual([stopped.status, problem(stopped).reason], [403, "revoked"]);
});

test("without the secret there is no call", async () => {
  for (const secret of [null, "", "wrong", `${SECRET}x`, SECRET.slice(1)]) {
    const response = await call("POST", { kind: "all", until }, { secret });
    assert.deepEqual([response.status, problem(response).reason], [401, "unauthorized"]);
    assert.equal(response.headers["access-control-allow-origin"], undefined);
  }
  assert.equal(await reasonFor({}), null);
});

test("a call that is wrong says what is", async () => {
  for (const [method, body, query, status, field] of [
    ["POST", "{", "", 400],
    ["POST", "", "", 400],
    ["POST", { kind: "sub", value: "v" }, "", 400, "until"],
    ["POST", { kind: "sub", value: "v", until: 1 }, "", 400, "until"],
    ["POST", { kind: "sub", value: "", until }, "", 400, "value"],
    ["POST", { kind: "viewer", value: "v", until }, "", 400, "kind"],
    ["POST", { kind: "sub", value: "v", until, reason: "bored" }, "", 400, "reason"],
    ["POST", { kind: "jti", value: "v", until, issued_before: 1 }, "", 400, "issued_before"],
    ["POST", { kind: "sub", value: "v", until, and: 1 }, "", 400, "and"],
    ["POST", " ".repeat(20_000), "", 413],
    ["GET", undefined, "?limit=0", 400, "limit"],
    ["DELETE", undefined, "?kind=sub", 404],
    ["DELETE", undefined, "?value=v", 400, "kind"],
    ["PUT", undefined, "", 405],
    ["OPTIONS", undefined, "", 405],
    ["GET", undefined, "/v1", 404],
  ]) {
    const response = await call(method, body, { query });
    assert.equal(response.status, status, `${method} ${JSON.stringify(body)} ${query}`);
    assert.equal(response.headers["content-type"], "application/problem+json");
    assert.equal(problem(response).field, field);
  }
});

test("a revocation lasts as long as the leeway keeps its tokens", async () => {
  const end = now + 20;
  assert.equal((await revoke("jti", "j9", { until: end })).status, 201);
  now = end;
  assert.equal(await reasonFor({ jti: "j9", exp: end }, { env: { LEEWAY: "300" } }), "revoked");
});

test("the key of a JWT takes along what was exchanged for it", async () => {
  const key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
  const other = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
  const env = { PLAYGATE_KEYS: `nat:${other},jwt/main:${key}`, FORMATS: "native,jwt", JWT_PATH: "/videos/{vid}/" };
  const token = jwt({ exp: NOW + 100_000, vid: "42", run: 14_400 });
  const list = await gate.ask(`https://cdn.example.com/videos/42/list.m3u8?token=${token}`, { env, now: later() });
  assert.equal(list.status, 200);
  const [segment] = list.body.toString().split("\n").filter((line) => line.includes("film.mp4"));
  const ask = async () => (await gate.ask(`https://cdn.example.com${segment}`, { env, now: later() })).status;
  assert.equal(await ask(), 200);
  assert.equal((await revoke("kid", "main")).status, 201);
  assert.equal(await ask(), 403);
  assert.equal((await undo("kid", "main")).status, 204);
});

test("a playback that starts gets an id of its own, and can be revoked by it", async () => {
  const start = async (fields) => {
    const token = sign("/videos/42/", { exp: NOW + 100_000, dir: 2, run: 14_400, ...fields });
    const list = await gate.ask(`https://cdn.example.com/${token}/videos/42/list.m3u8`, { now: later() });
    const [address] = list.body.toString().split("\n").filter((line) => line.includes("film.mp4"));
    return { address, sid: /&sid=([\w-]+)&/.exec(address)[1] };
  };
  const [one, other, named] = [await start({}), await start({}), await start({ sid: "mine" })];
  assert.equal(named.sid, "mine");
  assert.match((await start({ reval: 60 })).address, /&reval=60&/);
  assert.match(one.sid, /^[\w-]{22}$/);
  assert.notEqual(one.sid, other.sid);
  assert.equal((await revoke("sid", one.sid)).status, 201);
  const ask = async ({ address }) => (await gate.ask(`https://cdn.example.com${address}`, { now: later() })).status;
  assert.deepEqual([await ask(one), await ask(other)], [403, 200]);
});

test("of several cookies, one that may be good waits for newer knowledge", async () => {
  const cookie = (fields) => sign("/videos/42/", { exp: NOW + 100_000, dir: 2, ...fields });
  assert.equal((await revoke("jti", "j10")).status, 201);
  assert.equal(await reasonFor({}), null);
  now += 3;
  for (const fields of [[{ jti: "j10" }, { reval: 2 }], [{ reval: 2 }, { jti: "j10" }], [{ pre: 2 }, { reval: 2 }]]) {
    const headers = { Cookie: fields.map(cookie).join("; ") };
    assert.equal((await gate.ask(`https://cdn.example.com${FILM}`, { headers, now })).status, 200);
    now += 3;
  }
});

const object = async (...call) => {
  // A million rows take a while.
  const { body } = await gate.ask("http://gate/", { headers: { "x-test-object": JSON.stringify(call) }, now, patience: 60 });
  return JSON.parse(body);
};

test("an object that was restored makes every gate read again", async () => {
  for (let n = 0; n < 5; n++) assert.equal((await revoke("jti", `lost-${n}`)).status, 201);
  assert.equal(await reasonFor({ jti: "lost-4" }), "revoked");
  await object("lose", 3);
  assert.equal(await reasonFor({ jti: "lost-4" }), null, "it is lost");
  assert.equal(await reasonFor({ jti: "lost-1" }), "revoked");
  for (let n = 0; n < 5; n++) assert.equal((await revoke("jti", `new-${n}`)).status, 201);
  for (let n = 0; n < 5; n++) assert.equal(await reasonFor({ jti: `new-${n}` }), "revoked");
});

test("what has ended goes, what has not stays", async () => {
  const before = await object("stored");
  const kept = before.filter(({ current }) => current).map(({ value }) => value);
  await object("fill", 5_000);
  await object("ring");
  const after = await object("stored");
  assert.deepEqual(after.map(({ seq }) => seq), after.map((_, n) => n));
  assert.deepEqual(after.map(({ value }) => value).filter((value) => !kept.includes(value)), []);
  assert.equal(await reasonFor({ jti: "new-4" }), "revoked");
  assert.equal((await revoke("jti", "newest")).status, 201);
  assert.equal(await reasonFor({ jti: "newest" }), "revoked");
  assert.equal((await undo("jti", "newest")).status, 204);
  assert.equal(await reasonFor({ jti: "newest" }), null);
});

test("a gate reads every tile", async () => {
  const names = ["in-tile-0", "in-tile-1", "in-tile-2"];
  for (const name of names) {
    assert.equal((await revoke("jti", name)).status, 201);
    await object("fill", 16_384);
  }
  for (const name of names) assert.equal(await reasonFor({ jti: name }), "revoked", name);
  assert.equal(await reasonFor({ jti: "in-no-tile" }), null);
  await object("ring");
  for (const name of names) assert.equal(await reasonFor({ jti: name }), "revoked", `${name} after a new log`);
});

test("in the background a gate takes what another one was told", async () => {
  const ask = async (time, env) => (await gate.ask(link(FILM, { exp: NOW + 100_000, jti: "j12" }), { now: time, env })).status;
  // Two gates, by their environments.
  const gates = [{ AUDIENCE: null }, { ISSUER: null }];
  later();
  for (const env of gates) assert.equal(await ask(now, env), 200);
  assert.equal((await revoke("jti", "j12")).status, 201);
  // The gate that revokes asks as well, up to a second later.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const before = await object("counted");
  let asked = before;
  for (const env of gates) {
    assert.equal(await ask(now + 6, env), 200, "it is served, and the gate asks in the background");
    let status = 200;
    for (let tries = 0; tries < 100 && status === 200; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      status = await ask(now + 6, env);
    }
    assert.equal(status, 403);
    // The gates of a data center share an answer. A native one asks for itself.
    asked += isNative ? 1 : asked === before ? 1 : 0;
    assert.equal(await object("counted"), asked);
  }
  now += 6;
});

test("gates of different deployments share nothing", async () => {
  assert.equal((await revoke("jti", "j13")).status, 201);
  later();
  // The first request of each makes it ask in the background.
  for (const env of [{ DENYLIST: "a denylist that fails later", LEEWAY: "1" }, { LEEWAY: "2" }]) {
    assert.equal((await gate.ask(`https://cdn.example.com${FILM}`, { method: "OPTIONS", now, env })).status, 204);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const response = await gate.ask(link(FILM, { exp: NOW + 100_000, jti: "j13" }), { now, env: { LEEWAY: "2" } });
  assert.equal(response.status, 403);
});

test("each call leaves a line in the log, without what was revoked", async () => {
  await gate.log();
  assert.equal((await revoke("sub", "viewer-11")).status, 201);
  assert.deepEqual(await gate.log(), [
    { decision: "event", reason: "revoked", type: "revocation.created" },
    { decision: "call", status: 201, method: "POST" },
  ]);
});

test("1,000 calls at once are carried out one after the other", async () => {
  const statuses = await Promise.all(Array.from({ length: 1_000 }, (_, n) => revoke("jti", `parallel-${n % 10}`)));
  const count = (status) => statuses.filter((response) => response.status === status).length;
  assert.deepEqual([count(201), count(200)], [10, 990]);
});

for (const DENYLIST of ["a denylist that fails", "a denylist that never answers", "a denylist that talks rubbish"]) {
  test(`${DENYLIST}: a gate that knows nothing serves nothing, whatever the policy`, async () => {
    const url = link(FILM, { exp: NOW + 100_000 });
    for (const DENYLIST_OUTAGE of ["closed", "60s"]) {
      const response = await gate.ask(url, { now, env: { DENYLIST, DENYLIST_OUTAGE } });
      assert.deepEqual([response.status, problem(response).reason], [503, "state_unavailable"]);
    }
  });
}

for (const [DENYLIST_OUTAGE, expected] of [["closed", [200, 503, 503, 503]], ["60s", [200, 200, 503, 503]]]) {
  test(`a denylist that fails later: ${DENYLIST_OUTAGE}`, async () => {
    const env = { DENYLIST: "a denylist that fails later", DENYLIST_OUTAGE };
    const ask = async (age, fields = {}) =>
      (await gate.ask(link(FILM, { exp: NOW + 100_000, ...fields }), { now: now + age, env })).status;
    const statuses = [await ask(0), await ask(30), await ask(61), await ask(64, { reval: 5 })];
    assert.deepEqual(statuses, expected);
    now += 70;
  });
}

test("without state a token that asks for it is refused, and the calls are paths like any other", async () => {
  const env = { ADMIN_SECRET: null };
  const refused = await gate.ask(link(FILM, { reval: 10 }), { env });
  assert.deepEqual([refused.status, problem(refused).reason], [403, "state_required"]);
  assert.equal((await call("GET", undefined, { env })).status, 401);
  assert.equal((await gate.ask(URL_OF_CALLS, { env })).status, 401);
});

test("a clock that was ahead does not keep what has ended", async () => {
  assert.equal((await revoke("jti", "before-it")).status, 201);
  await object("comesFromTheFuture");
  assert.equal((await revoke("jti", "clock-ahead")).status, 201);
  // Every few minutes, and on Cloudflare with each revocation.
  if (isNative) await object("sweep");
  const { compact_at } = await object("identity");
  assert.ok(compact_at <= (now + 86_400) * 1000 + 60_000, `${compact_at}`);
});

test("viewers cannot fill the log, and it is not written anew for nothing", { timeout: 120_000 }, async () => {
  const displaced = (sid) => object("adds", ["sid", sid, "", until, "displaced"].join("\n"));
  await object("fillUp", 899_999, until);
  const { epoch } = await object("identity");
  assert.equal(await displaced("p1"), null, "the last one that has room");
  // Its older row is not needed any more: too little to make every gate read a million entries.
  assert.equal((await undo("sid", "p1")).status, 204);
  assert.equal(await displaced("p2"), "the denylist is full");
  assert.equal((await object("identity")).epoch, epoch);
  assert.equal((await revoke("jti", "of-the-operator")).status, 201);
  await object("fillUp", 1_000_000, until);
  assert.equal((await revoke("jti", "one-too-many")).status, 507);
});
