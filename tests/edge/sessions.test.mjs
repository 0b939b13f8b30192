// Sessions: start, refresh, sign out, theft, and what pages of other sites can do; with the Durable Objects as workerd
// runs them.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";

import { NOW, PAGE, jwt, link, problem, sign, startGate, startOrigin, vectors } from "./gate.mjs";
import { ELSEWHERE, ONE_TRANSACTION, isNative, onlyWorker } from "./native.mjs";

const ADMIN_SECRET = "development-admin-secret";
const EVENTS_SECRET = "whsec_ZGV2ZWxvcG1lbnQgZXZlbnRzIHNlY3JldA==";
const HOST = "https://cdn.example.com";
const START = `${HOST}/.playgate/session`;
const REFRESH = `${START}/refresh`;
const FILM = "/videos/42/film.mp4";
const LIST = "/videos/42/list.m3u8";
const NAME = "__Secure-playgate-session";
const MINUTE = 60;
const DAY = 86_400;

let gate, origin, receiver;
/** The events that the receiver got. */
const events = [];
// Each test starts when the knowledge of the one before is too old to decide.
let now = NOW;
const later = (seconds = 11) => (now += seconds);
let count = 0;
/** An id that no other test has. */
const fresh = (name) => `${name}-${++count}`;

before(async () => {
  origin = await startOrigin((request, response) => {
    if (!request.url.endsWith(".m3u8")) return response.end("media");
    response.setHeader("Content-Type", "application/vnd.apple.mpegurl");
    return response.end("#EXTM3U\n#EXTINF:2,\nfilm.mp4\n#EXT-X-ENDLIST\n");
  });
  receiver = await startOrigin((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      events.push(JSON.parse(Buffer.concat(chunks)));
      response.writeHead(204).end();
    });
  });
  const media = { MEDIA: null, ORIGIN: origin.url, FORMATS: "native,jwt", JWT_PATH: "/videos/{vid}/" };
  gate = await startGate({ env: { ADMIN_SECRET, EVENTS_SECRET, EVENTS_URL: `${receiver.url}/hook`, ...media } });
});
after(async () => {
  await gate.stop();
  await origin.stop();
  await receiver.stop();
});

const b64 = (text) => Buffer.from(text).toString("base64url");

/** The token of a session link, by the standard library alone. */
function sessionToken({ sub, jti = fresh("session"), open = ["/videos/42/"], access = 600, idle = 7 * DAY, absolute = 30 * DAY, ...more } = {}) {
  const ses = [access, idle, absolute, ...open.map(b64)].join(".");
  return sign("/.playgate/session", { exp: now + MINUTE, iat: now, jti, ses, sub, ...more });
}

/** Another first character of a tag. */
const forge = (_, first) => `sig=${first === "A" ? "B" : "A"}`;

/** What a browser sends from the page. */
const FROM_PAGE = { Origin: PAGE, "Sec-Fetch-Site": "same-site", "User-Agent": "a browser" };

const post = (url, { headers = {}, cookie, method = "POST", ...options } = {}) =>
  gate.ask(url, { method, now, ip: "203.0.113.1", headers: { ...FROM_PAGE, ...(cookie && { Cookie: `${NAME}=${cookie}` }), ...headers }, ...options });

/** What an answer says: its status, its body, and the refresh token that it sets. */
function read(response) {
  const [cookie] = response.headers["set-cookie"] ?? [];
  const [, refresh] = new RegExp(`^${NAME}=([^;]*);`).exec(cookie ?? "") ?? [];
  const body = response.body.length ? JSON.parse(response.body) : {};
  return { status: response.status, reason: response.headers["playgate-reason"], cookie, refresh, ...body };
}

async function start(options = {}, more) {
  return read(await post(`${START}?${sessionToken(options)}`, more));
}

const refresh = async (cookie, more) => read(await post(REFRESH, { cookie, ...more }));

/** The reason for which a request is refused; its status if it is not. */
async function outcome(url, options) {
  const response = await gate.ask(url, { now, ip: "203.0.113.1", ...options });
  return response.headers["playgate-reason"] ?? response.status;
}

const media = ({ tokens: [{ token }] }, path = FILM) => `${HOST}/${token}${path}`;

const operate = (method, path, body, options) =>
  gate.ask(`${HOST}/.playgate/${path}`, { method, now, env: ELSEWHERE, ...options, headers: { Authorization: `Bearer ${ADMIN_SECRET}` }, body: body && JSON.stringify(body) });

/** Waits until something is the case. */
async function until(isSo) {
  for (let tries = 0; tries < 500; tries++) {
    const found = await isSo();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return assert.fail("it does not happen");
}

/** How many commands the record of a viewer got. */
async function commands(sub) {
  const headers = { "x-test-object": JSON.stringify(["counted"]), "x-test-record": `viewer/${sub}` };
  return Number((await gate.ask("http://gate/", { headers, now })).body);
}

test("a session starts, is refreshed, and ends", async () => {
  later();
  const sub = fresh("viewer");
  const open = ["/videos/42/", "/audio/"];
  const first = await start({ sub, open, cl: b64('{"role":"viewer"}') });
  assert.equal(first.status, 200);
  assert.deepEqual(first.tokens.map(({ directory, expires }) => [directory, expires]), open.map((one) => [one, now + 600]));
  assert.ok(first.refresh_in >= 420 && first.refresh_in <= 480, String(first.refresh_in));
  assert.equal(first.session_expires, now + 30 * DAY);
  assert.match(first.cookie, new RegExp(
    `^${NAME}=pg=1&[\\w=&-]+; Path=/\\.playgate/session; Max-Age=604800; Secure; HttpOnly; SameSite=Strict$`));
  // Good as a path prefix and as bearer, for each directory.
  const [videos, audio] = first.tokens.map(({ token }) => token);
  assert.equal(await outcome(`${HOST}/${videos}${FILM}`), 200);
  assert.equal(await outcome(`${HOST}${FILM}`, { headers: { Authorization: `Bearer ${videos}` } }), 200);
  assert.equal(await outcome(`${HOST}/${audio}/audio/a.mp3`), 200);
  assert.equal(await outcome(`${HOST}/${audio}${FILM}`), "bad_signature");
  later(470);
  const second = await refresh(first.refresh);
  assert.equal(second.status, 200);
  assert.notEqual(second.refresh, first.refresh);
  assert.equal(second.tokens[0].expires, now + 600);
  assert.equal(second.session_expires, first.session_expires);
  assert.equal(await outcome(media(second)), 200);
  later(200);
  assert.equal(await outcome(media(first)), "expired");
  const end = await post(START, { method: "DELETE", cookie: second.refresh });
  assert.deepEqual([end.status, end.headers["set-cookie"]], [204, [`${NAME}=; Path=/.playgate/session; Max-Age=0; Secure; HttpOnly; SameSite=Strict`]]);
  assert.match((await refresh(second.refresh)).reason, /session_ended|signed_out/);
  later();
  assert.equal(await outcome(media(second)), "signed_out");
  // Again, or without a session: there is nothing to do.
  assert.equal((await post(START, { method: "DELETE", cookie: second.refresh })).status, 204);
  assert.equal((await post(START, { method: "DELETE" })).status, 204);
});

test("answers are stored by nobody, and only the page may read them", async () => {
  later();
  for (const response of [
    await post(`${START}?${sessionToken({ sub: fresh("viewer") })}`),
    await post(REFRESH),
    await post(START, { method: "DELETE" }),
  ]) {
    const { headers } = response;
    assert.equal(headers["cache-control"], "no-store");
    assert.equal(headers["access-control-allow-origin"], PAGE);
    assert.equal(headers["access-control-allow-credentials"], "true");
    assert.match(headers.vary, /Origin/);
  }
  const preflight = await post(START, { method: "OPTIONS", headers: { "Access-Control-Request-Method": "DELETE" } });
  assert.deepEqual([preflight.status, preflight.headers["access-control-allow-methods"]], [204, "DELETE, POST"]);
  for (const [url, method, allow] of [[START, "GET", "DELETE, OPTIONS, POST"], [REFRESH, "DELETE", "OPTIONS, POST"], [REFRESH, "GET", "OPTIONS, POST"]]) {
    const response = await post(url, { method });
    assert.deepEqual([response.status, response.headers.allow], [405, allow]);
  }
});

test("a link starts one session, within its minute", async () => {
  later();
  const sub = fresh("viewer");
  const token = sessionToken({ sub });
  const first = read(await post(`${START}?${token}`));
  assert.equal(first.status, 200);
  assert.equal(read(await post(`${START}?${token}`)).reason, "already_used");
  assert.equal((await refresh(first.refresh)).status, 200, "the session goes on");
  later(61);
  assert.equal(read(await post(`${START}?${token}`)).reason, "expired");
  const old = sessionToken({ sub });
  await post(START, { method: "DELETE", cookie: (await start({ sub })).refresh });
  later(60);
  assert.equal(read(await post(`${START}?${old}`)).reason, "expired");
});

test("only a session link starts a session", async () => {
  later();
  const [sub, jti] = [fresh("viewer"), fresh("session")];
  const session = await start({ sub });
  for (const [token, reason] of [
    // What an origin signs that signs any path.
    [sign("/.playgate/session", { exp: now + 60, iat: now, jti, sub }), "wrong_purpose"],
    [sign("/.playgate/", { exp: now + 60, dir: 1, iat: now, jti, sub }), "wrong_purpose"],
    [session.refresh, "wrong_purpose"],
    [session.tokens[0].token, "outside_scope"],
    [sign("/.playgate/session", { exp: now + 60, jti, ses: `600.600.600.${b64("/videos/42/")}`, sub }), "wrong_purpose"],
    [sign("/.playgate/session", { exp: now + 60, iat: now, jti, ses: `600.600.600.${b64("/videos/42/")}` }), "malformed"],
    [sign("/.playgate/session", { exp: now + 60, iat: now, jti, ses: `600.600.600.${b64("/.playgate/")}`, sub }), "malformed"],
    [sign("/.playgate/session", { exp: now + 3_601, iat: now, jti, ses: `600.600.600.${b64("/videos/42/")}`, sub }), "malformed"],
    [sign("/.playgate/session", { exp: now + 600, iat: now + 61, jti, ses: `600.600.600.${b64("/videos/42/")}`, sub }), "not_yet_valid"],
    [sign("/.playgate/session", { exp: now + 60, iat: now, jti, ses: `600.600.600.${b64("/videos/42/")}`, sub, run: 60 }), "wrong_purpose"],
    [sessionToken({ sub }).replace(/sig=(.)/, forge), "bad_signature"],
  ]) {
    assert.equal(read(await post(`${START}?${token}`)).reason, reason, token.split("&sig=")[0]);
  }
  assert.equal(read(await post(START)).reason, "missing");
  assert.equal(read(await post(START, { headers: { Authorization: `Bearer ${sessionToken({ sub })}` } })).reason, "missing");
  // And it opens nothing else.
  const token = sessionToken({ sub });
  for (const url of [`${HOST}/.playgate/sessions?${token}`, `${HOST}/.playgate/playbacks?${token}`]) assert.equal(await outcome(url), "unauthorized");
  assert.equal(await outcome(`${HOST}${FILM}?${sign(FILM, { exp: now + 60, iat: now, jti, ses: `600.600.600.${b64("/videos/42/")}`, sub })}`), "wrong_purpose");
  assert.equal(await outcome(`${HOST}${FILM}`, { headers: { Cookie: `${NAME}=${session.refresh}` } }), "missing");
  assert.equal(await outcome(`${HOST}${FILM}`, { headers: { Authorization: `Bearer ${session.refresh}` } }), "bad_signature");
});

test("only a good refresh token refreshes", async () => {
  later();
  const sub = fresh("viewer");
  const { refresh: good } = await start({ sub });
  const fields = { exp: now + DAY, iat: now, sid: fresh("session"), sub };
  for (const [cookie, reason] of [
    [good.replace(/sig=(.)/, forge), "bad_signature"],
    [good.replace("gen=1", "gen=2"), "bad_signature"],
    [good.replace(sub, `${sub}0`), "bad_signature"],
    [sessionToken({ sub }), "wrong_purpose"],
    [sign("/.playgate/session", fields), "wrong_purpose"],
    ["rubbish", "missing"],
    [`pg=1&${"x".repeat(9_000)}`, "malformed"],
    [sign("/.playgate/session", { ...fields, exp: now - 1, gen: 1 }), "expired"],
    // Signed by a key of the ring, but no session of this gate.
    [sign("/.playgate/session", { ...fields, gen: 1 }), "session_ended"],
    // Another viewer's session.
    [sign("/.playgate/session", { ...fields, gen: 1, sid: /sid=([^&]+)/.exec(good)[1], sub: fresh("viewer") }), "session_ended"],
  ]) {
    assert.equal((await refresh(cookie)).reason, reason, cookie.slice(0, 200));
  }
  const missing = await refresh();
  assert.deepEqual([missing.status, missing.reason], [401, "missing"]);
  const [, sid] = /sid=([^&]+)/.exec(good);
  for (const gen of [2, 3, 4294967295]) {
    const ahead = sign("/.playgate/session", { exp: now + DAY, gen, iat: now, sid, sub });
    assert.equal((await refresh(ahead)).reason, "session_ended", "a generation ahead");
  }
  assert.equal((await refresh(good)).status, 200, "and nothing changed");
});

test("two tabs and a lost answer get the same successor, and a thief is noticed", async () => {
  later();
  const sub = fresh("viewer");
  const first = await start({ sub });
  later(480);
  const answers = await Promise.all([refresh(first.refresh), refresh(first.refresh), refresh(first.refresh)]);
  assert.equal(new Set(answers.map(({ refresh: token }) => token)).size, 1);
  later(50);
  const again = await refresh(first.refresh);
  assert.equal(again.refresh, answers[0].refresh, "nobody has used the new tokens yet");
  // Once they are in use, the old one is too old.
  const before = await commands(sub);
  assert.equal(await outcome(media(again)), 200);
  await until(async () => (await commands(sub)) > before);
  const thief = await refresh(first.refresh, { ip: "198.51.100.66", headers: { "User-Agent": "another browser" } });
  assert.equal(thief.reason, "session_ended");
  assert.equal((await refresh(again.refresh)).reason, "session_ended", "the family ends");
  later();
  assert.equal(await outcome(media(again)), "session_ended");
  const { data } = await until(() => events.find(({ type }) => type === "session.stolen"));
  assert.deepEqual([data.kind, data.reason, data.sub], ["sid", "session_ended", sub]);
  assert.deepEqual(data.refreshes.map(({ network, user_agent: agent }) => [network, agent]),
    [["203.0.113.1", "a browser"], ["198.51.100.66", "another browser"]]);
  assert.ok(data.refreshes.every(({ time }) => time > NOW && time <= now));
  assert.ok(!JSON.stringify(data).includes("sig="));
  assert.ok((await gate.log()).some(({ type }) => type === "session.stolen"));
});

test("a laptop that slept between request and answer goes on", async () => {
  later();
  const first = await start({ sub: fresh("viewer") });
  later(480);
  const lost = await refresh(first.refresh);
  assert.equal(lost.status, 200);
  later(3_600);
  const again = await refresh(first.refresh);
  assert.equal(again.refresh, lost.refresh);
  assert.equal(await outcome(media(again)), 200);
  assert.equal((await refresh(again.refresh)).status, 200);
});

test("pages of other sites can do nothing", async () => {
  later();
  const sub = fresh("viewer");
  const { refresh: cookie } = await start({ sub });
  for (const headers of [
    { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" },
    { Origin: "https://evil.example", "Sec-Fetch-Site": "same-site" },
    { Origin: PAGE, "Sec-Fetch-Site": "cross-site" },
    { Origin: PAGE, "Sec-Fetch-Site": "none" },
    { Origin: "null", "Sec-Fetch-Site": "same-origin" },
    { Origin: "https://cdn.example.com.evil.example", "Sec-Fetch-Site": "same-site" },
    { Origin: "https://cdn.example.co", "Sec-Fetch-Site": "same-site" },
    { Origin: "http://cdn.example.com", "Sec-Fetch-Site": "same-site" },
    { Origin: "" },
  ]) {
    for (const [url, method] of [[`${START}?${sessionToken({ sub })}`, "POST"], [REFRESH, "POST"], [START, "DELETE"]]) {
      const response = await gate.ask(url, { method, now, headers: { Cookie: `${NAME}=${cookie}`, ...headers } });
      assert.deepEqual([response.status, problem(response).reason], [403, "cross_site"], JSON.stringify([headers, method]));
      assert.equal(response.headers["set-cookie"], undefined);
    }
  }
  // Pages of the gate itself; old browsers and programs, which send no Sec-Fetch-Site.
  for (const headers of [{ Origin: HOST, "Sec-Fetch-Site": "same-origin" }, { Origin: PAGE }, { Origin: HOST }]) {
    assert.equal(read(await gate.ask(`${START}?${sessionToken({ sub })}`, { method: "POST", now, headers })).status, 200);
  }
  // With ALLOW_ORIGINS = "*", anybody may read media, but no page of another origin has a session.
  const env = { ALLOW_ORIGINS: "*" };
  assert.equal(read(await post(`${START}?${sessionToken({ sub })}`, { env })).reason, "cross_site");
  assert.equal(read(await post(`${START}?${sessionToken({ sub })}`, { env, headers: { Origin: HOST } })).status, 200);
  assert.equal((await refresh(cookie)).status, 200, "nothing happened to the session");
});

test("cookies that another site of the domain tossed", async () => {
  later();
  const [victim, other] = [await start({ sub: fresh("viewer") }), await start({ sub: fresh("attacker") })];
  const send = async (...values) => read(await post(REFRESH, { headers: { Cookie: values.map((value) => `${NAME}=${value}`).join("; ") } }));
  // Rubbish and expired ones are ignored; of two good ones, nobody knows which one counts.
  assert.equal((await send("rubbish", victim.refresh.replace(/sig=(.)/, forge), victim.refresh)).status, 200);
  const { refresh: cookie } = await refresh(victim.refresh);
  for (const values of [[other.refresh, cookie], [cookie, other.refresh]]) assert.equal((await send(...values)).reason, "ambiguous");
  // Of two tokens of one session, the newer one counts.
  assert.equal((await send(victim.refresh, cookie, cookie)).status, 200);
  assert.equal((await send(...Array(16).fill("1"), cookie)).reason, "missing", "not more than sixteen");
  // Signing out ends both.
  const newest = [await refresh(cookie), await refresh(other.refresh)].map((one) => one.refresh);
  const cookies = newest.map((value) => `${NAME}=${value}`).join("; ");
  assert.equal((await post(START, { method: "DELETE", headers: { Cookie: cookies } })).status, 204);
  const ended = isNative ? "signed_out" : "session_ended"; // a native gate knows at once why
  for (const value of newest) assert.equal((await refresh(value)).reason, ended);
});

test("what the origin learns of the viewer is verified", async () => {
  later();
  const sub = fresh("viewer");
  const claims = '{"role":"viewer","seats":[1,2]}';
  const session = await start({ sub, cl: b64(claims) });
  const forged = { "Playgate-Subject": "admin", "Playgate-Session": "x", "Playgate-Claims": '{"role":"admin"}', "playgate-claims-2": "x" };
  const learned = async (url, env) => {
    const before = origin.asked.length;
    assert.equal(await outcome(url, { headers: forged, env }), 200);
    const { headers } = origin.asked[before];
    assert.equal(origin.asked.length, before + 1);
    return Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith("playgate-")));
  };
  const [, sid] = /sid=([^&]+)/.exec(session.tokens[0].token);
  const expected = { "playgate-subject": sub, "playgate-session": sid, "playgate-claims": claims };
  assert.deepEqual(await learned(media(session)), expected);
  assert.deepEqual(await learned(media(session, LIST)), expected);
  assert.deepEqual(await learned(link(FILM, { exp: now + 60 })), {}, "a link that names nobody");
  assert.deepEqual(await learned(media(session), { FORWARD_VIEWER: "false" }), {});
  const long = jwt({ vid: 42, exp: now + 60, long: "x".repeat(2_800) });
  assert.deepEqual(Object.keys(await learned(`${HOST}${FILM}?token=${long}`)), ["playgate-claims"]);
  const tooLong = jwt({ vid: 42, exp: now + 60, long: "\u{1f600}".repeat(500) });
  assert.deepEqual(await learned(`${HOST}${FILM}?token=${tooLong}`), {}, "with its escapes, it is longer than 4,096 bytes");
  const token = jwt({ vid: 42, sub: "josé", exp: now + 60, role: "editor", "naïve": ["é\u{1f600}"], nested: { a: null } });
  assert.deepEqual(await learned(`${HOST}${FILM}?token=${token}`), {
    "playgate-subject": "jos%C3%A9",
    "playgate-claims": '{"na\\u00efve":["\\u00e9\\ud83d\\ude00"],"nested":{"a":null},"role":"editor"}',
  });
});

test("operators list and end sessions", async () => {
  later();
  const sub = fresh("viewer");
  const [first, second] = [await start({ sub, jti: `${sub}-a` }), await start({ sub, jti: `${sub}-b` }, { ip: "198.51.100.2" })];
  const list = async () => JSON.parse((await operate("GET", `sessions?sub=${sub}`)).body).sessions;
  assert.deepEqual(await list(), [
    { sid: `${sub}-a`, started: now, refreshed: now, until: now + 7 * DAY, network: "203.0.113.1", user_agent: "a browser" },
    { sid: `${sub}-b`, started: now, refreshed: now, until: now + 7 * DAY, network: "198.51.100.2", user_agent: "a browser" },
  ]);
  assert.equal((await operate("DELETE", `sessions?sub=${sub}&sid=${sub}-a`)).status, 204);
  assert.equal((await operate("DELETE", `sessions?sub=${sub}&sid=${sub}-a`)).status, 404);
  assert.equal((await refresh(first.refresh)).reason, "session_ended");
  assert.equal((await list()).length, 1);
  assert.equal((await operate("DELETE", `sessions?sub=${sub}`)).status, 204);
  assert.deepEqual(await list(), []);
  later();
  for (const session of [first, second]) assert.equal(await outcome(media(session)), "session_ended");
  for (const [method, query] of [["GET", ""], ["GET", "?sub="], ["DELETE", "?sid=x"], ["DELETE", `?sub=${sub}&sid=`], ["GET", "?sub=a&x=1"]]) {
    assert.equal((await operate(method, `sessions${query}`)).status, 400, query);
  }
  assert.equal((await operate("POST", "sessions")).status, 405);
  assert.equal((await gate.ask(`${HOST}/.playgate/sessions?sub=${sub}`, { now })).status, 401);
});

test("after a new password, one call ends every session and every link issued before", async () => {
  later();
  const sub = fresh("viewer");
  const old = await start({ sub });
  const signed = link(FILM, { exp: now + DAY, iat: now, sub });
  const waiting = `${START}?${sessionToken({ sub })}`;
  const late = sessionToken({ sub });
  assert.equal(await outcome(signed), 200);
  later(1);
  const revocation = { kind: "sub", value: sub, issued_before: now, until: now + 2 * DAY, reason: "signed_out" };
  assert.equal((await operate("POST", "revocations", revocation)).status, 201);
  // At once, by the record; and by no gate that has not heard of it yet.
  assert.equal((await refresh(old.refresh)).reason, "session_ended");
  const unheard = read(await post(`${START}?${late}`));
  const after = await start({ sub });
  assert.equal(after.status, 200, "who signs in again has a new session");
  later();
  assert.equal(await outcome(media(old)), "signed_out");
  assert.equal(await outcome(signed), "signed_out");
  assert.equal(read(await post(waiting)).reason, "signed_out", "a link that was not used yet");
  // Nor by a gate that has not heard of it.
  assert.equal(unheard.reason, "session_ended");
  assert.equal(await outcome(media(after)), 200);
  later(3 * DAY);
  assert.notEqual((await refresh(old.refresh)).status, 200, "nor when the revocation has ended");
});

test("a stale gate cannot launder a session past a revocation", async () => {
  later();
  const sub = fresh("viewer");
  const session = await start({ sub });
  const until = now + DAY;
  later(1);
  // Everything issued before now: no record is told.
  assert.equal((await operate("POST", "revocations", { kind: "all", issued_before: now, until })).status, 201);
  const refreshed = await refresh(session.refresh);
  later();
  assert.equal(refreshed.status, 200, "this gate has not heard of it yet");
  later();
  assert.equal(await outcome(media(refreshed)), "revoked");
  assert.equal((await refresh(refreshed.refresh)).reason, "revoked");
  assert.equal((await operate("DELETE", "revocations?kind=all")).status, 204);
  later();
});

test("a key that retires in the middle of a session, and one that is revoked", async () => {
  later();
  const sub = fresh("viewer");
  const [main, next] = vectors.keys.split("\n");
  const session = await start({ sub }, { env: { PLAYGATE_KEYS: main } });
  assert.match(session.refresh, /kid=main/);
  later(480);
  const both = { PLAYGATE_KEYS: `${next},${main}@${now + 3_600}` };
  const second = await refresh(session.refresh, { env: both });
  assert.match(second.refresh, /kid=next/);
  assert.match(second.tokens[0].token, /kid=next/);
  later(3_700);
  assert.equal((await refresh(second.refresh, { env: { PLAYGATE_KEYS: next } })).status, 200);
  // A key that was stolen: what it started ends, though another key has signed since.
  const other = await start({ sub }, { env: { PLAYGATE_KEYS: main } });
  const third = await refresh(other.refresh, { env: { PLAYGATE_KEYS: `${next},${main}` } });
  assert.match(third.refresh, /kid=next/);
  assert.equal((await operate("POST", "revocations", { kind: "kid", value: "main", until: now + DAY })).status, 201);
  later();
  const refused = await refresh(third.refresh, { env: { PLAYGATE_KEYS: `${next},${main}` } });
  assert.equal(refused.reason, "revoked");
  // The token was exchanged all the same, so nothing looks like a theft later.
  assert.match(refused.refresh, /gen=3/);
  assert.equal((await operate("DELETE", "revocations?kind=kid&value=main")).status, 204);
  later(120);
  assert.equal((await refresh(refused.refresh, { env: both, ip: "198.51.100.9" })).status, 200, "it was a mistake");
});

test("a session counts as one playback, and comes back after it was displaced", async () => {
  later();
  const sub = fresh("viewer");
  const [tv, phone] = [await start({ sub, max: 1 }), await start({ sub, max: 1 })];
  assert.equal(await outcome(media(tv)), 200);
  assert.equal(await outcome(media(tv, LIST)), 200);
  assert.equal(await outcome(media(phone)), 200);
  later();
  assert.equal(await outcome(media(tv)), "displaced");
  let again = await refresh(tv.refresh);
  assert.equal(again.status, 200, "the session goes on");
  assert.equal(await outcome(media(again)), 200);
  later();
  assert.equal(await outcome(media(phone)), "displaced");
  assert.equal(await outcome(media(again)), 200);
  // An operator ends the playbacks: the sessions may start others.
  assert.equal((await operate("DELETE", `playbacks?sub=${sub}`)).status, 204);
  later();
  assert.equal(await outcome(media(again)), "revoked");
  again = await refresh(again.refresh);
  assert.equal(await outcome(media(again)), 200);
  assert.equal((await post(START, { method: "DELETE", cookie: again.refresh })).status, 204);
  later();
  assert.equal(await outcome(media(again)), "signed_out");
});

test("the gate without an answer", async () => {
  later();
  const sub = fresh("viewer");
  const { refresh: cookie } = await start({ sub });
  for (const RECORDS of ["records that fail", "records that talk rubbish", "records that never answer"]) {
    const env = { RECORDS };
    assert.equal(read(await post(`${START}?${sessionToken({ sub })}`, { env })).reason, "state_unavailable");
    assert.equal((await refresh(cookie, { env })).reason, "state_unavailable");
    const end = await post(START, { method: "DELETE", cookie, env });
    assert.deepEqual([end.status, end.headers["set-cookie"]], [503, undefined], "not signed out");
  }
  // Links are revoked all the same, and the operator learns that it is not all.
  const revocation = { kind: "sub", value: fresh("viewer"), until: now + DAY };
  const failing = { RECORDS: "records that fail" };
  const revoked = await operate("POST", "revocations", revocation, { env: failing });
  assert.deepEqual([revoked.status, problem(revoked).reason], [503, "state_unavailable"]);
  assert.equal((await operate("POST", "revocations", revocation)).status, 200, "it is on the list");
  const env = { DENYLIST: "a denylist that fails" };
  assert.equal((await refresh(cookie, { env })).reason, "state_unavailable");
  assert.equal((await post(REFRESH, { cookie, env: { RECORDS: null } })).status, 401, "without records there are no sessions");
  assert.equal((await post(REFRESH, { cookie, env: { ADMIN_SECRET: null, EVENTS_URL: null, EVENTS_SECRET: null } })).status, 405, "nor without state");
  assert.equal((await refresh(cookie)).status, 200);
});

test("ended sessions leave nothing", async () => {
  later();
  const sub = fresh("viewer");
  const stored = async () => {
    const headers = { "x-test-object": JSON.stringify(["stored"]), "x-test-record": `viewer/${sub}` };
    const { body } = await gate.ask("http://gate/", { headers, now });
    return body.toString() === "null" ? 0 : Object.keys(JSON.parse(body)).length;
  };
  const sizes = [];
  for (let n = 0; n < 60; n++) {
    const { refresh: cookie } = await start({ sub });
    assert.equal((await post(START, { method: "DELETE", cookie })).status, 204);
    sizes.push(await stored());
    later(MINUTE);
  }
  later(2 * 3_600);
  const headers = { "x-test-object": JSON.stringify(["ring"]), "x-test-record": `viewer/${sub}` };
  await gate.ask("http://gate/", { headers, now });
  assert.equal(await stored(), 0);
  assert.ok(Math.max(...sizes) < 4_000, `${Math.max(...sizes)} bytes`);
});

test("what the operator configures holds for sessions, too", async () => {
  later();
  const sub = fresh("viewer");
  const named = { AUDIENCE: "eu" };
  assert.equal((await start({ sub }, { env: named })).reason, "wrong_audience");
  const first = await start({ sub, aud: "eu" }, { env: named });
  assert.match(first.tokens[0].token, /&aud=eu&/);
  assert.equal(await outcome(media(first), { env: named }), 200);
  assert.equal((await refresh(first.refresh, { env: named })).status, 200);
  assert.equal((await refresh(first.refresh)).reason, "wrong_audience");
  const short = { MAX_LIFETIME: "120" };
  const second = await start({ sub }, { env: short });
  assert.equal(second.tokens[0].expires, now + 120);
  assert.ok(second.refresh_in <= 96);
  assert.equal((await refresh(second.refresh, { env: short })).status, 200);
  // A link that expired a moment ago starts one session, even so.
  const tolerant = { LEEWAY: "300" };
  const token = sessionToken({ sub });
  later(200);
  assert.equal(read(await post(`${START}?${token}`, { env: tolerant })).status, 200);
  assert.equal(read(await post(`${START}?${token}`, { env: tolerant })).reason, "already_used");
  // Without native tokens there are no sessions.
  const foreign = { FORMATS: "jwt" };
  assert.equal((await start({ sub }, { env: foreign })).reason, "missing");
});

test("a session ends although the denylist fails, which learns of it later", onlyWorker(ONE_TRANSACTION), async () => {
  later();
  const sub = fresh("viewer");
  const object = (...words) => {
    const headers = { "x-test-object": JSON.stringify(words), "x-test-record": `viewer/${sub}` };
    return gate.ask("http://gate/", { headers, now });
  };
  const [one, two, playing] = [await start({ sub }), await start({ sub }), await start({ sub, max: 1 })];
  later(480);
  const [next, other] = [await refresh(two.refresh), await refresh((await refresh(two.refresh)).refresh)];
  await object("cutOff", true);
  assert.equal((await post(START, { method: "DELETE", cookie: one.refresh })).status, 204);
  assert.equal((await refresh(one.refresh)).reason, "session_ended");
  assert.equal((await refresh(two.refresh)).reason, "session_ended", "a theft");
  assert.equal((await refresh(other.refresh)).reason, "session_ended");
  // Another playback does not start before the one that it displaces is on the list.
  assert.equal(await outcome(media(playing)), 200);
  const second = await start({ sub, max: 1 });
  assert.equal(await outcome(media(second)), "state_unavailable");
  later();
  assert.equal(await outcome(media(next)), 200, "the gates do not know yet");
  const before = events.filter(({ type }) => type === "session.stolen").length;
  await object("ring");
  assert.equal(await outcome(media(next)), 200, "the denylist still fails");
  await object("cutOff", false);
  await object("ring");
  later();
  assert.equal(await outcome(media(one)), "signed_out");
  assert.equal(await outcome(media(next)), "session_ended");
  await until(() => events.filter(({ type }) => type === "session.stolen").length > before);
});

test("playbacks and tokens of a session end with it, whatever they are called", async () => {
  later();
  const sub = fresh("viewer");
  const first = await start({ sub, jti: `${sub}-x`, max: 1 });
  later(470);
  assert.equal(await outcome(media(first)), 200);
  const second = await refresh(first.refresh);
  // Not played before another session displaces it.
  const other = await start({ sub, max: 1 });
  assert.equal(await outcome(media(other)), 200);
  later();
  const third = await refresh(second.refresh);
  assert.match(third.tokens[0].token, new RegExp(`&sid=${sub}-x-2&`));
  assert.equal((await post(START, { method: "DELETE", cookie: third.refresh })).status, 204);
  later(125);
  // The first token has expired by now, by which the playback was known.
  assert.equal(await outcome(media(first)), "expired");
  for (const session of [second, third]) assert.match(await outcome(media(session)), /displaced|signed_out/);
  // An operator's call that names the session.
  const named = await start({ sub, jti: `${sub}-y`, max: 2 });
  assert.equal((await operate("POST", "revocations", { kind: "sid", value: `${sub}-y`, until: now + DAY })).status, 201);
  later();
  assert.equal(await outcome(media(named)), "revoked");
  assert.equal((await refresh(named.refresh)).reason, "revoked");
});

test("an ended playback stays ended as long as its tokens last", async () => {
  later();
  const sub = fresh("viewer");
  const first = await start({ sub, max: 1 });
  assert.equal(await outcome(media(first)), 200);
  later(470);
  const second = await refresh(first.refresh);
  assert.equal((await operate("DELETE", `playbacks?sub=${sub}`)).status, 204);
  later(300);
  assert.equal(await outcome(media(second)), "revoked");
  assert.equal(await outcome(media(await refresh(second.refresh))), 200, "the session starts another one");
});
