// Events: signed webhooks, in the form of Standard Webhooks, to a receiver on this machine.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";

import { link, startGate, startOrigin, vectors } from "./gate.mjs";

const ADMIN_SECRET = "development-admin-secret";
const EVENTS_SECRET = "whsec_ZGV2ZWxvcG1lbnQgZXZlbnRzIHNlY3JldA==";
const HOST = "https://cdn.example.com";
const now = () => Math.floor(Date.now() / 1000);

let gate, receiver;
/** What the receiver got, and the statuses that it answers with. */
const received = [];
let statuses = [];

before(async () => {
  receiver = await startOrigin((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const { method, headers } = request;
      received.push({ method, headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(statuses.shift() ?? 204).end();
    });
  });
  const env = { ADMIN_SECRET, EVENTS_URL: `${receiver.url}/hook`, EVENTS_SECRET, FORMATS: "native" };
  gate = await startGate({ objects: [["film.mp4", "film", { httpMetadata: { contentType: "video/mp4" } }]], env });
});
after(async () => {
  await gate.stop();
  await receiver.stop();
});

const call = (method, path, body) =>
  gate.ask(`${HOST}/.playgate/${path}`, { method, headers: { Authorization: `Bearer ${ADMIN_SECRET}` }, body: body && JSON.stringify(body), now: null });

/** The next events, by which a receiver would act. */
async function events(number) {
  for (let tries = 0; received.length < number && tries < 1_000; tries++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(received.length, number);
  return received.splice(0).map(({ method, headers, body }) => {
    const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature } = headers;
    const key = Buffer.from(EVENTS_SECRET.slice("whsec_".length), "base64");
    const tag = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
    assert.deepEqual([method, signature, headers["content-type"]], ["POST", `v1,${tag}`, "application/json"]);
    assert.ok(Math.abs(timestamp - now()) < 30);
    assert.match(id, /^msg_[\w-]{36}$/);
    return { id, ...JSON.parse(body) };
  });
}

test("a revocation is told, and that it was undone", async () => {
  const until = now() + 600;
  const revocation = { kind: "sub", value: "viewer-1", issued_before: until - 600, until, reason: "signed_out" };
  assert.equal((await call("POST", "revocations", revocation)).status, 201);
  const [created] = await events(1);
  assert.deepEqual([created.type, created.data], ["revocation.created", revocation]);
  assert.ok(Math.abs(Date.parse(created.timestamp) / 1000 - now()) < 30);
  assert.equal((await call("POST", "revocations", revocation)).status, 200, "nothing changes, so nothing is told");
  assert.equal((await call("DELETE", "revocations?kind=sub&value=viewer-1")).status, 204);
  const [undone] = await events(1);
  assert.deepEqual([undone.type, undone.data.value], ["revocation.undone", "viewer-1"]);
  assert.notEqual(undone.id, created.id);
});

test("a revocation of everything has no value", async () => {
  const until = now() + 2;
  assert.equal((await call("POST", "revocations", { kind: "all", issued_before: 1, until })).status, 201);
  const [created] = await events(1);
  assert.deepEqual(created.data, { kind: "all", issued_before: 1, until, reason: "revoked" });
  assert.equal((await call("DELETE", "revocations?kind=all")).status, 204);
  await events(1);
});

test("a displaced playback is told with its viewer", async () => {
  await gate.log();
  for (const sid of ["first", "second"]) {
    const url = link("/film.mp4", { exp: now() + 600, max: 1, sid, sub: "viewer-2" });
    assert.equal((await gate.ask(url, { now: null })).status, 200);
    // Counted in the background, one after the other.
    for (let tries = 0; tries < 100; tries++) {
      const { body } = await call("GET", "playbacks?sub=viewer-2");
      if (body.includes(sid)) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  const [displaced] = await events(1);
  const { until, ...data } = displaced.data;
  assert.ok(until > now());
  assert.equal(displaced.type, "playback.displaced");
  assert.deepEqual(data, { kind: "sid", value: "first", reason: "displaced", sub: "viewer-2" });
  const lines = (await gate.log()).filter(({ decision }) => decision === "event");
  assert.deepEqual(lines, [{ decision: "event", reason: "displaced", type: "playback.displaced" }], "the log names nobody");
});

test("an event is sent again until it is taken, with the same id", async () => {
  statuses = [500];
  assert.equal((await call("POST", "revocations", { kind: "jti", value: "j1", until: now() + 600 })).status, 201);
  const [first] = await events(1);
  const start = Date.now();
  const [second] = await events(1);
  assert.deepEqual(second, first);
  assert.ok(Date.now() - start > 3_000, "after a while");
  // A receiver that has gone gets no more of it.
  statuses = [410];
  assert.equal((await call("POST", "revocations", { kind: "jti", value: "j2", until: now() + 600 })).status, 201);
  await events(1);
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  assert.equal(received.length, 0);
});

test("a receiver that is down delays nothing else", async () => {
  statuses = [503, 503, 503];
  for (const value of ["k1", "k2", "k3"]) {
    const { status } = await call("POST", "revocations", { kind: "jti", value, until: now() + 600 });
    assert.equal(status, 201);
  }
  // What the gate knew before is too old for this link.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const url = link("/film.mp4", { exp: now() + 600, jti: "k3", reval: 1 });
  assert.equal((await gate.ask(url, { now: null })).headers["playgate-reason"], "revoked");
  const first = await events(3);
  const again = await events(3);
  assert.deepEqual(again.map(({ id }) => id).sort(), first.map(({ id }) => id).sort());
  assert.ok(vectors.keys && !JSON.stringify(again).includes("sig="), "events have no token");
});
