// What no request should be able to bring about, and what happens all the same: the gate fails
// closed, says so, and serves the next request with a fresh instance.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { link, problem, sign, startGate } from "./gate.mjs";
import { isNative, onlyWorker } from "./native.mjs";

const FILM = "/videos/42/film.mp4";

let gate;
before(
  async () => {
    gate = await startGate({ objects: [[FILM.slice(1), "0123456789"]] });
  },
  { timeout: 900_000 },
);
after(() => gate?.stop());

// Each is a binding that cannot be: one makes the decision throw, the other makes the instance trap after it, or the native
// gate panic.
const TRAPS = { MEDIA: "a bucket that exhausts memory" };
const THROWS = isNative ? TRAPS : { MEDIA: "an object without a constructor" };

function isGateError(answer, method = "GET") {
  assert.equal(answer.status, 503);
  assert.equal(answer.headers["playgate-reason"], "gate_error");
  assert.equal(answer.headers["cache-control"], "no-store");
  assert.equal(answer.headers["content-type"], "application/problem+json");
  if (method !== "HEAD") assert.equal(problem(answer).reason, "gate_error");
}

async function serves() {
  const answer = await gate.ask(link(FILM));
  assert.deepEqual([answer.status, answer.body.toString()], [200, "0123456789"]);
}

test("each failure ends one instance, and no other request does", { timeout: 15_000, ...onlyWorker("it has no instances") }, async () => {
  const first = await gate.instance();
  for (const [n, env] of [THROWS, TRAPS, THROWS, TRAPS].entries()) {
    await serves();
    assert.equal(await gate.instance(), first + n);
    isGateError(await gate.ask(link(FILM), { env }));
  }
  await serves();
  assert.equal(await gate.instance(), first + 4);
});

test("a failure in the decision is answered once", { timeout: 15_000 }, async () => {
  for (const method of ["GET", "HEAD", ...(isNative ? [] : ["OPTIONS"])]) {
    isGateError(await gate.ask(link(FILM), { method, env: THROWS }), method);
    await serves();
  }
  assert.ok((await gate.log()).some((line) => line.reason === "gate_error"));
});

test("a trap after the decision is answered once", { timeout: 15_000 }, async () => {
  for (const method of ["GET", "HEAD"]) {
    isGateError(await gate.ask(link(FILM), { method, env: TRAPS }), method);
    await serves();
  }
  assert.ok((await gate.log()).some((line) => line.reason === "gate_error"));
});

test("requests beside a trap are answered", { timeout: 15_000 }, async () => {
  const asked = [undefined, TRAPS, undefined, TRAPS].map((env) => gate.ask(link(FILM), { env }));
  for (const [n, answer] of (await Promise.all(asked)).entries()) {
    if (n % 2 || answer.status !== 200) isGateError(answer);
  }
  await serves();
});

test("metadata that no header field can have is the store's fault, and no instance ends", { timeout: 15_000 }, async () => {
  const before = await gate.instance();
  for (const [n, contentType] of ["video/\rmp4", "video/\0mp4", "video/\nmp4", "video/\x7fmp4"].entries()) {
    await gate.bucket.put(`videos/42/odd_${n}.mp4`, "0123456789", { httpMetadata: { contentType } });
    for (const [method, headers] of [["GET", {}], ["HEAD", {}], ["GET", { range: "bytes=0-1" }]]) {
      const answer = await gate.ask(link(`/videos/42/odd_${n}.mp4`), { method, headers });
      assert.deepEqual([answer.status, answer.headers["playgate-reason"]], [502, "bad_store"], `${n} ${method}`);
    }
  }
  assert.equal(await gate.instance(), before);
});

test("the largest answer that a manifest may have leaves the instance alone", { timeout: 60_000 }, async () => {
  const before = await gate.instance();
  const id = "x".repeat(64);
  const segments = '<SegmentURL media="a"/>'.repeat(88_000);
  const mpd = `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><Representation
    id="1"><SegmentList>${segments}</SegmentList></Representation></AdaptationSet></Period></MPD>`;
  await gate.bucket.put("videos/42/large.mpd", mpd);
  const token = sign("/videos/42/", { dir: 2, jti: id, sid: id, sub: id });
  const beside = [1, 2, 3].map(() => gate.ask(link(FILM)));
  const answer = await gate.ask(`https://cdn.example.com/videos/42/large.mpd?${token}`);
  assert.ok(answer.status === 200 || answer.headers["playgate-reason"] === "manifest_too_large", answer.status);
  for (const other of await Promise.all(beside)) assert.equal(other.status, 200);
  assert.equal(await gate.instance(), before);
});

test("three of the largest MPDs at once leave the instance alone", { timeout: 60_000 }, async () => {
  const before = await gate.instance();
  const [segments, elements] = [150_000, 1_040_000];
  const mpd = `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><Representation
    id="1"><SegmentList>${'<SegmentURL media="a"/>'.repeat(segments)}</SegmentList></Representation></AdaptationSet>
    </Period>${"<a/>".repeat(elements - segments)}</MPD>`;
  await gate.bucket.put("videos/42/largest.mpd", mpd);
  const url = `https://cdn.example.com/videos/42/largest.mpd?${sign("/videos/42/", { dir: 2 })}`;
  const env = { MAX_MANIFEST_BYTES: String(8 << 20) };
  for (const answer of await Promise.all([1, 2, 3].map(() => gate.ask(url, { env, patience: 50 })))) {
    assert.equal(answer.status, 200);
    assert.ok(answer.body.length > 24 << 20, String(answer.body.length));
  }
  assert.equal(await gate.instance(), before);
});

test("many failures in a row leave nothing behind", { timeout: 30_000 }, async () => {
  for (let n = 0; n < 25; n += 1) {
    for (const env of [THROWS, TRAPS]) isGateError(await gate.ask(link(FILM), { env }));
  }
  await serves();
});
