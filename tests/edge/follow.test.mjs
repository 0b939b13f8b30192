// A gate that follows the denylist of another one: a native gate, that of a native gate or of the Worker.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { link, problem, startGate } from "./gate.mjs";
import { isNative } from "./native.mjs";

const ADMIN_SECRET = "development-admin-secret";
const HOST = "https://cdn.example.com";
const FILM = "/film.mp4";
const objects = [["film.mp4", "film"]];
const now = () => Math.floor(Date.now() / 1000);

let leader, follower;
before(
  async () => {
    leader = await startGate({ objects, env: { ADMIN_SECRET } });
    const env = { ADMIN_SECRET, DENYLIST: leader.url, RECORDS: null, DENYLIST_REFRESH: "100ms", DENYLIST_MAX_AGE: "200ms" };
    follower = await startGate({ objects, env, native: true });
  },
  { timeout: 900_000 },
);
after(async () => {
  await follower?.stop();
  await leader?.stop();
});

const call = (gate, method, path, { body, secret = ADMIN_SECRET } = {}) =>
  gate.ask(`${HOST}/.playgate/${path}`, {
    method, now: null, headers: { Authorization: `Bearer ${secret}` }, body: body && JSON.stringify(body),
  });

async function reasonFor(fields) {
  const answer = await follower.ask(link(FILM, { exp: now() + 600, ...fields }), { now: null });
  return answer.headers["playgate-reason"] ?? answer.status;
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test(`a native gate takes what ${isNative ? "another native gate" : "the Worker"} was told`, { timeout: 60_000 }, async () => {
  assert.equal(await reasonFor({ jti: "j1" }), 200);
  const revocation = { kind: "jti", value: "j1", until: now() + 600 };
  assert.equal((await call(leader, "POST", "revocations", { body: revocation })).status, 201);
  await sleep(300);
  assert.equal(await reasonFor({ jti: "j1" }), "revoked");
  assert.equal(await reasonFor({ jti: "j2" }), 200);
  assert.equal((await call(leader, "DELETE", "revocations?kind=jti&value=j1")).status, 204);
  await sleep(300);
  assert.equal(await reasonFor({ jti: "j1" }), 200);
});

test("more than one answer holds reaches it", { timeout: 120_000 }, async () => {
  await leader.ask("http://gate/", { headers: { "x-test-object": JSON.stringify(["fill", 40_000]) }, now: null });
  const revocation = { kind: "jti", value: "j3", until: now() + 600 };
  assert.equal((await call(leader, "POST", "revocations", { body: revocation })).status, 201);
  await sleep(1_000);
  assert.equal(await reasonFor({ jti: "j3" }), "revoked");
});

test("what is not at this gate is not done here", { timeout: 60_000 }, async () => {
  const revocation = { kind: "jti", value: "j4", until: now() + 600 };
  for (const [method, path, body] of [
    ["POST", "revocations", revocation],
    ["GET", "revocations"],
    ["DELETE", "revocations?kind=jti&value=j3"],
    ["GET", "denylist"],
    ["GET", "sessions?sub=viewer-1"],
  ]) {
    const answer = await call(follower, method, path, { body });
    assert.equal(answer.status, method === "GET" && path === "denylist" ? 200 : 404, `${method} ${path}`);
  }
  assert.equal(await reasonFor({ max: 1, sub: "viewer-1" }), "state_required");
});

test("the denylist is for whoever has the secret, and asks for it as it is", { timeout: 60_000 }, async () => {
  assert.equal((await call(leader, "GET", "denylist", { secret: "x".repeat(24) })).status, 401);
  const whole = await call(leader, "GET", "denylist");
  assert.equal(whole.headers["content-type"], "application/octet-stream");
  assert.equal(whole.headers["cache-control"], "no-store");
  assert.equal(whole.body.subarray(0, 3).toString(), "PGL");
  for (const [query, field] of [["epoch=x", "epoch"], ["epoch=01", "epoch"], ["from=-1", "from"], ["from=1e3", "from"]]) {
    const answer = await call(leader, "GET", `denylist?${query}`);
    assert.deepEqual([answer.status, problem(answer).field], [400, field], query);
  }
  assert.equal((await call(leader, "POST", "denylist")).status, 405);
});

test("without an answer nothing is served", { timeout: 60_000 }, async () => {
  const env = { DENYLIST: "http://127.0.0.1:9", DENYLIST_MAX_AGE: "1s", DENYLIST_REFRESH: "1s" };
  const answer = await follower.ask(link(FILM, { exp: now() + 600 }), { now: null, env });
  assert.deepEqual([answer.status, answer.headers["playgate-reason"]], [503, "state_unavailable"]);
});
