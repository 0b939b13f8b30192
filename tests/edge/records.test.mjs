// References, single use, and playbacks at once: the Durable Objects with their SQLite, as workerd runs them.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";

import { NOW, jwt, link, problem, sign, startGate, startOrigin } from "./gate.mjs";
import { ONE_TRANSACTION, onlyWorker } from "./native.mjs";

const SECRET = "development-admin-secret";
const HOST = "https://cdn.example.com";
const FILM = "/videos/42/film.mp4";
const LIST = "/videos/42/list.m3u8";

let gate;
// Each test starts when the knowledge of the one before is too old to decide.
let now = NOW;
const later = () => (now += 11);
let count = 0;
/** An id that no other test has. */
const fresh = (name) => `${name}-${++count}`;

before(async () => {
  gate = await startGate({
    objects: [
      [FILM.slice(1), Buffer.alloc(100_000, "film"), { httpMetadata: { contentType: "video/mp4" } }],
      [LIST.slice(1), "#EXTM3U\n#EXTINF:2,\nfilm.mp4\n#EXT-X-ENDLIST\n"],
    ],
    env: { ADMIN_SECRET: SECRET, FORMATS: "native" },
  });
});
after(() => gate.stop());

async function call(method, path, body, { secret = SECRET, ...options } = {}) {
  const headers = secret === null ? {} : { Authorization: `Bearer ${secret}` };
  const text = body !== null && typeof body === "object" ? JSON.stringify(body) : body;
  return gate.ask(`${HOST}/.playgate/${path}`, { method, headers, body: text, now, ...options });
}

const ask = (url, options = {}) => gate.ask(url, { now, ip: "203.0.113.1", ...options });

/** The reason for which a request is refused; its status if it is not. */
async function outcome(url, options) {
  const response = await ask(url, options);
  return response.headers["playgate-reason"] ?? response.status;
}

const exp = NOW + 100_000;

/** A request to a record, beside the gate. */
async function record(name, ...words) {
  const headers = { "x-test-object": JSON.stringify(words), "x-test-record": name };
  return JSON.parse((await gate.ask("http://gate/", { headers, now })).body);
}

// References

const newReference = () => `ref.${randomBytes(32).toString("base64url")}`;

/** Stores a link under a reference. */
async function store(url, reference = newReference()) {
  const response = await call("POST", "references", { link: url, reference });
  return { status: response.status, reference, ...JSON.parse(response.body) };
}

test("a reference stands for its token in every placement", async () => {
  later();
  const exact = await store(link(FILM, { exp, jti: fresh("ref") }));
  assert.deepEqual([exact.status, exact.expires, exact.link], [201, exp, `${HOST}${FILM}?pg=${exact.reference}`]);
  assert.equal(await outcome(exact.link), 200);
  assert.equal(await outcome(exact.link.replace("film", "other")), "bad_signature");
  const token = sign("/videos/42/", { exp, dir: 2, jti: fresh("ref") });
  const directory = await store(`${HOST}/${token}${FILM}`);
  assert.equal(directory.link, `${HOST}/pg=${directory.reference}${FILM}`);
  const name = `pg=${directory.reference}`;
  assert.equal(await outcome(directory.link), 200);
  assert.equal(await outcome(`${HOST}${FILM}`, { headers: { Cookie: `a=b; ${name}` } }), 200);
  assert.equal(await outcome(`${HOST}${FILM}`, { headers: { Authorization: `Bearer ${name}` } }), 200);
  assert.equal(await outcome(`${HOST}/${name}/videos/43/film.mp4`), "bad_signature");
  assert.equal(await outcome(`${HOST}/${name}${FILM}?${name}`), "ambiguous");
});

test("one look-up is enough for a playback", async () => {
  later();
  const token = sign("/videos/42/", { exp, dir: 2, jti: fresh("ref"), run: 14_400 });
  const { link: address, reference } = await store(`${HOST}/${token}${LIST}`);
  const list = (await ask(address)).body.toString();
  const [segment] = list.split("\n").filter((line) => line.includes("film.mp4"));
  assert.ok(!segment.includes("ref.") && segment.includes("sid="), "the addresses carry a token of their own");
  for (let n = 0; n < 5; n++) assert.equal(await outcome(`${HOST}${segment}`), 200);
  const hash = Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(`pg=${reference}`))).toString("base64url");
  const before = await record(`reference/${hash}`, "counted");
  for (let n = 0; n < 5; n++) assert.equal((await ask(address)).status, 200);
  assert.equal(await record(`reference/${hash}`, "counted"), before, "it is kept briefly");
  later();
  assert.equal((await ask(address)).status, 200);
  assert.equal(await record(`reference/${hash}`, "counted"), before + 1);
});

test("a reference that is deleted is dead everywhere, and so is what it was exchanged for", async () => {
  later();
  const token = sign("/videos/42/", { exp, dir: 2, jti: fresh("ref"), run: 14_400 });
  const { link: address, reference } = await store(`${HOST}/${token}${LIST}`);
  const list = (await ask(address)).body.toString();
  const [segment] = list.split("\n").filter((line) => line.includes("film.mp4"));
  assert.equal((await call("DELETE", `references?reference=${reference}`)).status, 204);
  later();
  assert.equal(await outcome(address), "unknown_reference");
  assert.equal(await outcome(`${HOST}${segment}`), "revoked");
  assert.equal(await outcome(`${HOST}/${token}${LIST}`), "revoked");
  assert.equal((await call("DELETE", `references?reference=${reference}`)).status, 404);
});

test("a store that others can write to opens nothing", async () => {
  later();
  const genuine = sign(FILM, { exp, jti: fresh("ref") });
  const { link: address, reference } = await store(`${HOST}${FILM}?${genuine}`);
  const name = `reference/${Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(`pg=${reference}`))).toString("base64url")}`;
  const tag = genuine.split("&sig=")[1];
  const forged = tag.startsWith("A") ? `B${tag.slice(1)}` : `A${tag.slice(1)}`;
  assert.ok(await record(name, "swap", tag, forged), "the store holds the token");
  assert.equal(await outcome(address), "bad_signature");
});

test("an unknown reference opens nothing", async () => {
  later();
  assert.equal(await outcome(`${HOST}${FILM}?pg=${newReference()}`), "unknown_reference");
  assert.equal(await outcome(`${HOST}${FILM}?pg=ref.short`), "malformed");
  const url = `${HOST}${FILM}?pg=${newReference()}`;
  assert.equal(await outcome(url, { env: { RECORDS: null } }), "state_required");
  for (const RECORDS of ["records that fail", "records that talk rubbish", "records that never answer"]) {
    const response = await ask(url, { env: { RECORDS } });
    assert.deepEqual([response.status, problem(response).reason], [503, "state_unavailable"], RECORDS);
  }
});

test("a reference is for a native link with an id", async () => {
  later();
  const good = link(FILM, { exp, jti: fresh("ref") });
  const first = await store(good);
  assert.equal((await store(good, first.reference)).status, 201, "again");
  const taken = await store(link(FILM, { exp, jti: fresh("ref") }), first.reference);
  assert.deepEqual([taken.status, taken.reason], [409, "reference_taken"]);
  const short = newReference().slice(0, -1);
  for (const [body, field] of [
    ["{", undefined],
    [{}, "reference"],
    [{ link: good }, "reference"],
    [{ link: good, reference: short }, "reference"],
    [{ link: good, reference: `pg=${newReference()}` }, "reference"],
    [{ link: 7, reference: newReference() }, "link"],
    [{ link: good, reference: newReference(), more: 1 }, "more"],
    [{ link: link(FILM, { exp }), reference: newReference() }, "link"],
    [{ link: link(FILM, { exp: NOW - 1, jti: "old" }), reference: newReference() }, "link"],
    [{ link: good.replace(/sig=./, "sig=_"), reference: newReference() }, "link"],
    [{ link: `${HOST}${FILM}?token=${jwt({ jti: "j" })}`, reference: newReference() }, "link"],
    [{ link: first.link, reference: newReference() }, "link"],
    [{ link: link("/.playgate/session", { exp, iat: NOW, jti: "s", ses: "1.1.1.L2Ev", sub: "v" }), reference: newReference() }, "link"],
    [{ link: `${HOST}${FILM}`, reference: newReference() }, "link"],
  ]) {
    const response = await call("POST", "references", body);
    assert.deepEqual([response.status, problem(response).field], [400, field], JSON.stringify(body));
  }
  // What it is bound to is checked when it is used.
  const bound = await store(link(FILM, { exp, ip: "c6336407-32", jti: fresh("ref") }));
  assert.equal(bound.status, 201);
  assert.equal(await outcome(bound.link), "wrong_network");
  assert.equal(await outcome(bound.link, { ip: "198.51.100.7" }), 200);
});

// Single use

test("a link may be used by one client", async () => {
  later();
  const url = link(FILM, { exp, jti: fresh("once"), uses: 1 });
  assert.equal(await outcome(url), 200);
  assert.equal(await outcome(url), 200, "the same client again");
  assert.equal(await outcome(url, { ip: "203.0.113.2" }), "already_used");
  later();
  assert.equal(await outcome(url), 200, "until it expires");
  // By a gate that remembers nothing.
  assert.equal(await outcome(url, { ip: "203.0.113.2", env: { LEEWAY: "1" } }), "already_used");
  assert.equal(await outcome(url, { env: { LEEWAY: "1" } }), 200);
});

test("scanners redeem nothing", async () => {
  later();
  const scanner = { ip: "192.0.2.1" };
  for (const fields of [{}, { run: 14_400 }]) {
    const url = link(FILM, { exp: now + 600, jti: fresh("once"), uses: 1, ...fields });
    for (const request of [
      { method: "HEAD" },
      { method: "OPTIONS" },
      { method: "POST" },
      { headers: { Range: "bytes=0-0" } },
      { headers: { Range: "bytes=0-1" } },
    ]) {
      const response = await ask(url, { ...scanner, ...request });
      assert.ok([200, 204, 206, 405].includes(response.status), `${JSON.stringify(request)} ${response.status}`);
      assert.equal(response.headers.location, undefined, "nor do they get a token");
    }
    assert.equal(await outcome(url.replace(/sig=./, "sig=_"), scanner), "bad_signature");
    const served = await ask(url);
    assert.equal(served.status, fields.run ? 302 : 200);
    assert.equal(await outcome(url, scanner), "already_used");
  }
  const token = sign("/videos/42/", { exp, dir: 2, jti: fresh("once"), uses: 1 });
  const list = `${HOST}/${token}${LIST}`;
  assert.equal(await outcome(list, { ...scanner, method: "HEAD", env: { SET_COOKIE: "true" } }), 200);
  const looked = await ask(list, { ...scanner, method: "HEAD", env: { SET_COOKIE: "true" } });
  assert.equal(looked.headers["set-cookie"], undefined);
  assert.equal(await outcome(list), 200);
  assert.equal(await outcome(list, { ...scanner, headers: { Range: "bytes=0-1" } }), "already_used", "a playlist is short");
});

test("a player fetches a film with many ranges", async () => {
  later();
  const url = link(FILM, { exp, jti: fresh("once"), uses: 1 });
  for (let n = 0; n < 40; n++) {
    // Now and then, another isolate.
    const env = n % 5 === 4 ? { env: { LEEWAY: String(n) } } : {};
    const response = await ask(url, { headers: { Range: `bytes=${n * 2500}-${n * 2500 + 2499}` }, ...env });
    assert.deepEqual([response.status, response.body.length], [206, 2500]);
  }
});

test("segments need no look-up, and carry an id of their playback", async () => {
  later();
  const token = sign("/videos/42/", { exp, dir: 2, jti: fresh("once"), uses: 1 });
  const response = await ask(`${HOST}/${token}${LIST}`);
  const [segment] = response.body.toString().split("\n").filter((line) => line.includes("film.mp4"));
  assert.match(segment, /&exp=1767325000&/, "it lasts as long as the link");
  assert.match(segment, /&sid=[\w-]{22}&/);
  assert.doesNotMatch(segment, /uses=/);
  assert.equal(await outcome(`${HOST}${segment}`, { ip: "203.0.113.9", env: { RECORDS: "records that fail" } }), 200);
  assert.equal(await outcome(`${HOST}/${token}${LIST}`, { ip: "203.0.113.9" }), "already_used");
});

for (const uses of [1, 3]) {
  test(`of 1,000 clients at once, ${uses} redeem`, async () => {
    later();
    const url = link(FILM, { exp, jti: fresh("once"), uses });
    const clients = Array.from({ length: 1_000 }, (_, n) => `10.0.${n >> 8}.${n & 255}`);
    const outcomes = await Promise.all(clients.map((ip) => outcome(url, { ip, headers: { Range: "bytes=0-9" } })));
    const number = (wanted) => outcomes.filter((one) => one === wanted).length;
    assert.deepEqual([number(206), number("already_used")], [uses, 1_000 - uses]);
  });
}

test("devices of one IPv6 network are one client", async () => {
  later();
  const url = link(FILM, { exp, jti: fresh("once"), uses: 1 });
  assert.equal(await outcome(url, { ip: "2001:db8:1:2::1" }), 200);
  assert.equal(await outcome(url, { ip: "2001:db8:1:2:ffff::2" }), 200);
  assert.equal(await outcome(url, { ip: "2001:db8:1:3::1" }), "already_used");
});

test("a redemption is remembered until the link expires, and no longer", async () => {
  later();
  const jti = fresh("once");
  assert.equal(await outcome(link(FILM, { exp: now + 60, jti, uses: 1 })), 200);
  await record(`redemption/${jti}`, "ring");
  assert.ok(await record(`redemption/${jti}`, "stored"));
  now += 60 + 3_600;
  await record(`redemption/${jti}`, "ring");
  assert.equal(await record(`redemption/${jti}`, "stored"), null);
});

test("what cannot be counted is not served", async () => {
  later();
  const once = link(FILM, { exp, jti: fresh("once"), uses: 1 });
  const limited = link(FILM, { exp, max: 1, sub: fresh("viewer") });
  for (const url of [once, limited]) {
    assert.equal(await outcome(url, { env: { RECORDS: null } }), "state_required");
    assert.equal(await outcome(url, { env: { ADMIN_SECRET: null } }), "state_required");
    for (const RECORDS of ["records that fail", "records that talk rubbish", "records that never answer"]) {
      assert.equal(await outcome(url, { env: { RECORDS } }), "state_unavailable");
    }
    const served = await ask(url);
    assert.equal(served.status, url === once ? 200 : 302);
    // Clients that nobody can tell apart are not counted.
    assert.equal(await outcome(url, { ip: undefined, env: { LEEWAY: "3" } }), "state_unavailable");
  }
});

test("who only looks gets two bytes, whatever the request and the store say", async () => {
  later();
  const range = { Range: "bytes=0-1" };
  for (const headers of [
    range,
    { ...range, "If-Range": '"other"' },
    { ...range, "If-Range": "Thu, 01 Jan 1970 00:00:00 GMT" },
    { ...range, "If-None-Match": "*" },
    { ...range, "If-Match": '"other"' },
    { ...range, "If-Modified-Since": "Thu, 01 Jan 2032 00:00:00 GMT" },
  ]) {
    const url = link(FILM, { exp: now + 600, jti: fresh("once"), uses: 1 });
    const response = await ask(url, { headers, ip: "192.0.2.1" });
    assert.deepEqual([response.status, response.body.length], [206, 2], JSON.stringify(headers));
    assert.equal(await outcome(url), 200, "it was not used");
  }
  for (const Range of ["bytes=0-2", "bytes=0-", "bytes=1-1", "bytes=-2", "bytes=0-0,2-2", "items=0-1"]) {
    const url = link(FILM, { exp: now + 600, jti: fresh("once"), uses: 1 });
    assert.ok([200, 206].includes(await outcome(url, { headers: { Range } })));
    assert.equal(await outcome(url, { ip: "192.0.2.1" }), "already_used", Range);
  }
  // A server that knows no ranges.
  const origin = await startOrigin((_, response) => response.writeHead(200, { "Content-Type": "video/mp4" }).end("film"));
  try {
    const env = { MEDIA: null, ORIGIN: origin.url };
    const url = link(FILM, { exp: now + 600, jti: fresh("once"), uses: 1 });
    assert.equal(await outcome(url, { headers: range, env }), "bad_origin");
    assert.equal(await outcome(url, { env }), 200);
  } finally {
    await origin.stop();
  }
});

test("a cookie that is of no use does not lock out", async () => {
  later();
  const fields = { exp, dir: 2 };
  const good = sign("/videos/42/", fields);
  const once = sign("/videos/42/", { ...fields, jti: fresh("once"), uses: 1 });
  assert.equal(await outcome(`${HOST}${FILM}`, { headers: { Cookie: once } }), 200);
  const stray = `pg=${newReference()}`;
  const other = { ip: "203.0.113.2" };
  for (const Cookie of [`${once}; ${good}`, `${good}; ${once}`, `${stray}; ${good}`, `${good}; ${stray}`, `${stray}; ${once}; ${good}`]) {
    assert.equal(await outcome(`${HOST}${FILM}`, { headers: { Cookie }, ...other }), 200, Cookie.replace(/sig=[^;]*/g, ""));
  }
  // Without another one, its own refusal counts.
  assert.equal(await outcome(`${HOST}${FILM}`, { headers: { Cookie: once }, ...other }), "already_used");
  assert.equal(await outcome(`${HOST}${FILM}`, { headers: { Cookie: stray } }), "unknown_reference");
  assert.equal(await outcome(`${HOST}${FILM}`, { headers: { Cookie: `a=/${stray}` } }), "missing");
  // Cookies count only if there is no token elsewhere.
  const failing = { RECORDS: "records that fail" };
  for (const headers of [{ Cookie: stray }, { Authorization: `Basic ${stray}` }]) {
    assert.equal(await outcome(link(FILM, { exp }), { headers, env: failing }), 200);
  }
  // Two references, for directories one in the other.
  const references = [];
  for (const [scope, dir] of [["/videos/", 1], ["/videos/42/", 2]]) {
    references.push(await store(`${HOST}/${sign(scope, { exp, dir, jti: fresh("ref") })}${FILM}`));
  }
  const [outer, inner] = references.map(({ reference }) => `pg=${reference}`);
  for (const Cookie of [`${outer}; ${inner}`, `${stray}; ${inner}`, `${stray}; ${inner}; ${outer}`]) {
    assert.equal(await outcome(`${HOST}${FILM}`, { headers: { Cookie } }), 200);
  }
  // Two playbacks of one viewer, of which one was displaced.
  const sub = fresh("viewer");
  const [tv, phone] = ["tv", "phone"].map((sid) => sign("/videos/42/", { ...fields, max: 1, sid: fresh(sid), sub }));
  for (const Cookie of [tv, phone, `${tv}; ${phone}`]) assert.equal(await outcome(`${HOST}${FILM}`, { headers: { Cookie } }), 200);
  assert.equal(await outcome(`${HOST}${FILM}`, { headers: { Cookie: `${tv}; ${phone}` }, env: { LEEWAY: "6" } }), 200);
  // A preview does not hide a whole link.
  const preview = sign("/videos/42/", { ...fields, pre: 2 });
  const list = await ask(`${HOST}${LIST}`, { headers: { Cookie: `${preview}; ${inner}` } });
  assert.doesNotMatch(list.body.toString(), /pre=/);
});

// Playbacks at once

/** Starts a playback: the address of its segment, its id, or the reason why it does not start. */
async function start(fields, options = {}) {
  const token = sign("/videos/42/", { exp, dir: 2, run: 14_400, ...fields });
  const response = await ask(`${HOST}/${token}${LIST}`, options);
  if (response.status !== 200) return { reason: response.headers["playgate-reason"] };
  const [segment] = response.body.toString().split("\n").filter((line) => line.includes("film.mp4"));
  return { segment: `${HOST}${segment}`, sid: /&sid=([\w-]+)&/.exec(segment)[1] };
}

const ips = ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"];

test("over the limit the oldest playback ends", async () => {
  later();
  const sub = fresh("viewer");
  const playbacks = [];
  for (const ip of ips.slice(0, 2)) playbacks.push(await start({ max: 2, sub }, { ip }));
  for (const { segment } of playbacks) assert.equal(await outcome(segment), 200);
  now += 1;
  playbacks.push(await start({ max: 2, sub }, { ip: ips[2] }));
  later();
  const outcomes = [];
  for (const { segment } of playbacks) outcomes.push(await outcome(segment));
  assert.deepEqual(outcomes, ["displaced", 200, 200]);
  // Another viewer has places of its own.
  assert.ok((await start({ max: 2, sub: fresh("viewer") })).sid);
});

test("or the new one does not start", async () => {
  later();
  const [sub, env] = [fresh("viewer"), { PLAYBACKS_OVER_LIMIT: "refuse" }];
  const first = await start({ max: 1, sub }, { ip: ips[0], env });
  assert.equal((await start({ max: 1, sub }, { ip: ips[1], env })).reason, "too_many_playbacks");
  later();
  assert.equal(await outcome(first.segment, { env }), 200);
  // A place is free again 90 seconds after the last request.
  now += 91;
  assert.ok((await start({ max: 1, sub }, { ip: ips[1], env })).sid);
  // And who asks again then has none. It was reported in the background.
  assert.equal(await outcome(first.segment, { env }), 200);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await outcome(first.segment, { env }), "too_many_playbacks");
});

test("a player that fetches the playlist again goes on with the same playback", async () => {
  later();
  const sub = fresh("viewer");
  const first = await start({ max: 1, sub });
  for (const env of [undefined, { LEEWAY: "1" }, { LEEWAY: "2" }]) {
    assert.equal((await start({ max: 1, sub }, { env })).sid, first.sid);
  }
  later();
  assert.equal(await outcome(first.segment), 200);
  const other = await start({ max: 1, sub }, { ip: ips[1] });
  assert.notEqual(other.sid, first.sid);
  later();
  assert.equal(await outcome(first.segment), "displaced");
  // It does not go on as a new one. But a viewer who comes back later gets one.
  assert.equal((await start({ max: 1, sub })).reason, "displaced");
  now += 91;
  const again = await start({ max: 1, sub });
  assert.ok(again.sid !== first.sid && again.sid !== other.sid);
  assert.equal(await outcome(again.segment), 200);
});

test("a playback that asks for media keeps its place", async () => {
  later();
  const [sub, env] = [fresh("viewer"), { PLAYBACKS_OVER_LIMIT: "refuse" }];
  const { segment } = await start({ max: 1, sub }, { env });
  for (let seconds = 0; seconds < 300; seconds += 6) {
    now += 6;
    assert.equal(await outcome(segment, { env }), 200);
    // What runs in the background has the time of its request.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal((await start({ max: 1, sub }, { ip: ips[1], env })).reason, "too_many_playbacks");
  const name = `viewer/${sub}`;
  assert.ok((await record(name, "counted")) < 20, "not with every request");
});

test("a token with an id of its own counts as one playback", async () => {
  later();
  const sub = fresh("viewer");
  const own = (sid) => sign("/videos/42/", { exp, dir: 2, max: 1, sid, sub });
  const [first, second] = [own(fresh("sid")), own(fresh("sid"))];
  assert.equal(await outcome(`${HOST}/${first}${LIST}`), 200);
  assert.equal(await outcome(`${HOST}/${second}${LIST}`), 200);
  later();
  assert.equal(await outcome(`${HOST}/${first}${LIST}`), "displaced");
  // Who never asks for the playlist is counted all the same, before anything is served.
  const third = own(fresh("sid"));
  assert.equal(await outcome(`${HOST}/${third}${FILM}`), 200);
  later();
  assert.equal(await outcome(`${HOST}/${second}${LIST}`), "displaced");
  const refuse = { PLAYBACKS_OVER_LIMIT: "refuse" };
  const viewer = fresh("viewer");
  const many = Array.from({ length: 20 }, () => link(FILM, { exp, max: 1, sid: fresh("sid"), sub: viewer }));
  const outcomes = await Promise.all(many.map((url) => outcome(url, { env: refuse })));
  assert.deepEqual(outcomes.filter((one) => one !== "too_many_playbacks"), [200]);
  const unknown = own(fresh("sid"));
  const env = { RECORDS: "records that fail", LEEWAY: "4" };
  for (const path of [FILM, LIST, FILM]) assert.equal(await outcome(`${HOST}/${unknown}${path}`, { env }), "state_unavailable");
});

test("a file gets an address with an id for its playback", async () => {
  later();
  const url = link(FILM, { exp, max: 1, sub: fresh("viewer") });
  const first = await ask(url);
  assert.equal(first.status, 302);
  const own = `${HOST}${first.headers.location}`;
  assert.match(own, /&max=1&sid=[\w-]{22}&/);
  assert.equal((await ask(url)).headers.location, first.headers.location, "it is the same playback");
  for (const ip of ["2001:db8::1", ips[1], "2001:db8::1"]) assert.equal(await outcome(own, { ip }), 200, "of both address families");
  assert.equal((await ask(url, { ip: ips[1] })).status, 302);
  later();
  assert.equal(await outcome(own), "displaced");
  // Where there is no address to redirect to, a network is a playback.
  const bearer = sign(FILM, { exp, max: 1, sub: fresh("viewer") });
  const file = (ip) => outcome(`${HOST}${FILM}`, { ip, headers: { Authorization: `Bearer ${bearer}` } });
  assert.deepEqual([await file(ips[0]), await file(ips[1]), await file(ips[1])], [200, 200, 200]);
  now += 31;
  assert.equal(await file(ips[0]), "displaced");
  now += 91;
  assert.equal(await file(ips[0]), 200, "the other one has paused");
});

test("whatever a page loads is one playback", async () => {
  for (const env of [{ PLAYBACKS_OVER_LIMIT: "refuse" }, { PLAYBACKS_OVER_LIMIT: "displace" }]) {
    later();
    const token = sign("/videos/42/", { exp, dir: 2, max: 1, sub: fresh("viewer") });
    const poster = await ask(`${HOST}/${token}${FILM}`, { env });
    assert.equal(poster.status, 302);
    assert.equal(await outcome(`${HOST}${poster.headers.location}`, { env }), 200);
    const list = await ask(`${HOST}/${token}${LIST}`, { env });
    const [segment] = list.body.toString().split("\n").filter((line) => line.includes("film.mp4"));
    for (const headers of [{ Cookie: token }, { Authorization: `Bearer ${token}` }]) {
      for (const path of [LIST, FILM, LIST, FILM]) assert.equal(await outcome(`${HOST}${path}`, { headers, env }), 200);
    }
    later();
    assert.equal(await outcome(`${HOST}${segment}`, { env }), 200);
    // A JWT is not exchanged where its key is bound to JWTs.
    const key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const jwts = { ...env, PLAYGATE_KEYS: `jwt/main:${key}`, FORMATS: "jwt", JWT_PATH: "/videos/{vid}/" };
    const claims = jwt({ exp, max: 1, sub: `${fresh("viewer")}@example.com`, vid: "42" });
    for (const path of [LIST, FILM, LIST, FILM]) assert.equal(await outcome(`${HOST}/token=${claims}${path}`, { env: jwts }), 200);
    assert.equal(await outcome(`${HOST}/token=${claims}${LIST}`, { env: jwts, ip: ips[1] }), env.PLAYBACKS_OVER_LIMIT === "refuse" ? "too_many_playbacks" : 200);
  }
});

test("a displaced player does not go on with the original address", async () => {
  later();
  const token = sign("/videos/42/", { exp, dir: 2, max: 1, run: 14_400, sub: fresh("viewer") });
  const poll = (ip) => outcome(`${HOST}/${token}${LIST}`, { ip });
  let served = 0;
  for (let round = 0; round < 30; round++) {
    now += 4;
    for (const ip of ips.slice(0, 3)) served += (await poll(ip)) === 200 ? 1 : 0;
  }
  // One of three, but for the moments in which the copies of the denylist are old.
  assert.ok(served < 50, `${served} of 90`);
});

test("a playback that starts after everything before was revoked plays", async () => {
  later();
  const sub = fresh("viewer");
  const first = await start({ max: 1, sub, iat: now - 1 });
  const until = now + 600;
  for (const revocation of [{ kind: "sub", value: sub }, { kind: "dir", value: "/videos/" }]) {
    assert.equal((await call("POST", "revocations", { ...revocation, issued_before: now, until })).status, 201);
  }
  later();
  assert.equal(await outcome(first.segment), "revoked");
  const second = await start({ max: 1, sub, iat: now });
  for (let seconds = 0; seconds < 60; seconds += 12) {
    later();
    assert.equal(await outcome(second.segment), 200);
  }
  assert.equal((await call("DELETE", "revocations?kind=dir&value=/videos/")).status, 204);
  later();
});

test("ids that look alike are not mixed up", async () => {
  later();
  const key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
  const env = { PLAYGATE_KEYS: `jwt/main:${key}`, FORMATS: "jwt", JWT_PATH: "/videos/{vid}/", PLAYBACKS_OVER_LIMIT: "refuse" };
  const film = (sub, sid) => outcome(`${HOST}${FILM}?token=${jwt({ exp, max: 1, sub, sid, vid: "42" })}`, { env });
  assert.equal(await film("ann b", "other"), 200);
  assert.equal(await film("ann", "b c"), 200);
  assert.equal(await film("ann b", "c"), "too_many_playbacks");
  assert.equal(await film("ann\nb", "c"), "malformed");
});

test("a record of another version is an answer that is missing, and breaks nothing", async () => {
  later();
  const sub = fresh("viewer");
  assert.equal(await outcome(link(FILM, { exp, max: 1, sid: "s", sub })), 200);
  await record(`viewer/${sub}`, "spoil");
  const instance = await gate.instance();
  const env = { LEEWAY: "5" };
  assert.equal(await outcome(link(FILM, { exp, max: 1, sid: "s", sub }), { env }), "state_unavailable");
  assert.equal(await outcome(link(FILM, { exp })), 200);
  assert.equal(await gate.instance(), instance);
});

test("a page that closes frees the place", async () => {
  later();
  const [sub, env] = [fresh("viewer"), { PLAYBACKS_OVER_LIMIT: "refuse" }];
  const first = await start({ max: 1, sub }, { env });
  const end = (body, options = {}) =>
    call("POST", "playbacks/end", body, { secret: null, env, headers: { "Content-Type": "text/plain" }, ...options });
  for (const body of ["", "https://cdn.example.com/", first.segment.replace(/sig=./, "sig=_"), link(FILM, { sub })]) {
    const response = await end(body);
    assert.deepEqual([response.status, problem(response).reason], [400, "bad_request"]);
  }
  assert.equal((await start({ max: 1, sub }, { ip: ips[1], env })).reason, "too_many_playbacks");
  assert.equal((await end(first.segment)).status, 204);
  assert.equal((await end(first.segment)).status, 204, "again");
  assert.ok((await start({ max: 1, sub }, { ip: ips[1], env })).sid);
  // Who leaves and stays is displaced.
  later();
  assert.equal(await outcome(first.segment, { env }), "displaced");
  assert.equal((await call("GET", "playbacks/end", undefined, { secret: null })).status, 405);
});

test("an operator lists a viewer's playbacks, and ends one or all", async () => {
  later();
  const sub = fresh("viewer");
  const playbacks = [];
  for (const ip of ips.slice(0, 3)) playbacks.push(await start({ max: 3, sub }, { ip }));
  const list = async () => JSON.parse((await call("GET", `playbacks?sub=${sub}`)).body).playbacks;
  const listed = await list();
  assert.deepEqual(listed.map(({ sid }) => sid), playbacks.map(({ sid }) => sid));
  assert.deepEqual(Object.keys(listed[0]), ["sid", "started", "kept", "until"]);
  assert.equal((await call("DELETE", `playbacks?sub=${sub}&sid=${playbacks[0].sid}`)).status, 204);
  assert.equal((await call("DELETE", `playbacks?sub=${sub}&sid=unknown`)).status, 404);
  assert.deepEqual((await list()).map(({ sid }) => sid), playbacks.slice(1).map(({ sid }) => sid));
  later();
  assert.deepEqual([await outcome(playbacks[0].segment), await outcome(playbacks[1].segment)], ["revoked", 200]);
  // One that pauses for long has no place, but its tokens are good.
  now += 91;
  assert.equal((await list()).length, 0);
  assert.equal((await call("DELETE", `playbacks?sub=${sub}`)).status, 204);
  later();
  for (const { segment } of playbacks) assert.equal(await outcome(segment), "revoked");
  assert.equal((await call("DELETE", `playbacks?sub=${sub}&sid=`)).status, 400);
  for (const [method, path, status, field] of [
    ["GET", "playbacks", 400, "sub"],
    ["DELETE", "playbacks?sid=x", 400, "sub"],
    ["POST", "playbacks?sub=x", 405],
    ["GET", "references", 405],
    ["DELETE", "references", 400, "reference"],
    ["DELETE", `playbacks?sub=${sub}&sID=x`, 400],
    ["DELETE", `playbacks?sub=${sub}&sid`, 400],
    ["DELETE", `playbacks?sub=${sub}&sub=x`, 400, "sub"],
    ["GET", "playbacks?sub=%FF", 400, "sub"],
    ["GET", "revocations?limit=%2B5", 400, "limit"],
    ["DELETE", "references?reference=x", 400, "reference"],
    ["GET", "other", 404],
  ]) {
    const response = await call(method, path);
    assert.deepEqual([response.status, problem(response).field], [status, field], `${method} ${path}`);
    assert.equal((await call(method, path, undefined, { secret: "wrong" })).status, 401);
  }
});

test("1,000 playbacks at once: as many run as the token allows", async () => {
  later();
  const [sub, env] = [fresh("viewer"), { PLAYBACKS_OVER_LIMIT: "refuse" }];
  const token = sign("/videos/42/", { exp, dir: 2, max: 5, run: 14_400, sub });
  const clients = Array.from({ length: 1_000 }, (_, n) => `10.1.${n >> 8}.${n & 255}`);
  const outcomes = await Promise.all(clients.map((ip) => outcome(`${HOST}/${token}${LIST}`, { ip, env })));
  const number = (wanted) => outcomes.filter((one) => one === wanted).length;
  assert.deepEqual([number(200), number("too_many_playbacks")], [5, 995]);
  const { playbacks } = JSON.parse((await call("GET", `playbacks?sub=${sub}`)).body);
  assert.equal(playbacks.length, 5);
});

test("an hour of the clock, back and forth, frees every place", async () => {
  later();
  const [sub, env] = [fresh("viewer"), { PLAYBACKS_OVER_LIMIT: "refuse" }];
  assert.ok((await start({ max: 1, sub }, { env })).sid);
  now -= 3_600;
  assert.equal((await start({ max: 1, sub }, { ip: ips[1], env })).reason, "too_many_playbacks");
  now += 91;
  assert.ok((await start({ max: 1, sub }, { ip: ips[1], env })).sid);
  now += 3_600;
  assert.ok((await start({ max: 1, sub }, { ip: ips[2], env })).sid);
});

test("a displacement that cannot be told to the denylist does not happen", onlyWorker(ONE_TRANSACTION), async () => {
  later();
  const sub = fresh("viewer");
  const first = await start({ max: 1, sub });
  await record(`viewer/${sub}`, "cutOff", true);
  assert.equal((await start({ max: 1, sub }, { ip: ips[1] })).reason, "state_unavailable");
  await record(`viewer/${sub}`, "cutOff", false);
  later();
  assert.equal(await outcome(first.segment), 200);
  assert.ok((await start({ max: 1, sub }, { ip: ips[1] })).sid);
  later();
  assert.equal(await outcome(first.segment), "displaced");
});
