// Conditional requests (RFC 9110, section 13), against the bucket.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { link, startGate } from "./gate.mjs";

const FILM = "/videos/42/film.mp4";

let gate;
let etag;
let modified;
let now;
before(
  async () => {
    gate = await startGate({
      objects: [[FILM.slice(1), "0123456789", { httpMetadata: { contentType: "video/mp4" } }]],
    });
    // The store stamps objects with the real time: the gate's clock is set behind it.
    now = Math.floor(Date.now() / 1000) + 60;
    ({ etag, "last-modified": modified } = (await ask({})).headers);
  },
  { timeout: 900_000 },
);
after(() => gate?.stop());

const ask = (headers, options = {}) => {
  return gate.ask(link(FILM, { exp: now + 600 }), { now, headers, ...options });
};
const date = (offset) => new Date(Date.parse(modified) + offset * 1000).toUTCString();

async function gives(status, headers) {
  for (const method of ["GET", "HEAD"]) {
    const answer = await ask(headers, { method });
    assert.equal(answer.status, status, `${method} ${JSON.stringify(headers)}`);
    if (status === 200 && method === "GET") assert.equal(answer.body.toString(), "0123456789");
    if (status === 304) {
      assert.equal(answer.body.length, 0);
      assert.equal(answer.headers.etag, etag);
      assert.equal(answer.headers["cache-control"], "private, max-age=600");
      assert.equal(answer.headers["content-type"], undefined);
    }
    if (status === 412) assert.equal(answer.headers["playgate-reason"], "precondition_failed");
  }
}

test("the validators are strong", () => {
  assert.match(etag, /^"[^"]+"$/);
  assert.equal(new Date(modified).toUTCString(), modified);
});

test("If-None-Match", { timeout: 15_000 }, async () => {
  for (const list of [etag, `W/${etag}`, "*", `"x", ${etag}`, `"a,b" ,W/${etag}`]) {
    await gives(304, { "if-none-match": list });
  }
  for (const list of ['"x"', etag.slice(1, -1), '"x", "y"'])
    await gives(200, { "if-none-match": list });
});

test("If-Match", { timeout: 15_000 }, async () => {
  for (const list of [etag, "*", `"x", ${etag}`]) await gives(200, { "if-match": list });
  for (const list of ['"x"', `W/${etag}`]) await gives(412, { "if-match": list });
});

test("If-Modified-Since", { timeout: 15_000 }, async () => {
  await gives(304, { "if-modified-since": modified });
  await gives(304, { "if-modified-since": date(30) });
  await gives(200, { "if-modified-since": date(-1) });
  await gives(200, { "if-modified-since": "yesterday" });
});

test("If-Unmodified-Since", { timeout: 15_000 }, async () => {
  await gives(200, { "if-unmodified-since": modified });
  await gives(412, { "if-unmodified-since": date(-1) });
  await gives(200, { "if-unmodified-since": "yesterday" });
});

test("tags come before dates", { timeout: 15_000 }, async () => {
  await gives(200, { "if-none-match": '"x"', "if-modified-since": modified });
  await gives(304, { "if-none-match": etag, "if-modified-since": date(-1) });
  await gives(200, { "if-match": etag, "if-unmodified-since": date(-1) });
  await gives(412, { "if-match": '"x"', "if-none-match": etag });
});

test("If-Range", { timeout: 15_000 }, async () => {
  const range = "bytes=2-3";
  for (const holds of [etag, modified]) {
    const answer = await ask({ range, "if-range": holds });
    assert.deepEqual([answer.status, answer.body.toString()], [206, "23"], holds);
    assert.equal(answer.headers["content-range"], "bytes 2-3/10");
  }
  for (const fails of ['"x"', `W/${etag}`, date(-1), date(1), "x"]) {
    const answer = await ask({ range, "if-range": fails });
    assert.deepEqual([answer.status, answer.body.toString()], [200, "0123456789"], fails);
    assert.equal(answer.headers["content-range"], undefined);
  }
  await gives(200, { "if-range": '"x"' });
});

test(
  "a range that cannot be had is 416 only where If-Range holds",
  { timeout: 15_000 },
  async () => {
    assert.equal((await ask({ "range": "bytes=10-", "if-range": etag })).status, 416);
    assert.equal((await ask({ "range": "bytes=10-", "if-range": '"x"' })).status, 200);
  },
);

test("conditions come before the range", { timeout: 15_000 }, async () => {
  assert.equal((await ask({ "range": "bytes=2-3", "if-none-match": etag })).status, 304);
  assert.equal((await ask({ "range": "bytes=2-3", "if-match": '"x"' })).status, 412);
  assert.equal((await ask({ "range": "bytes=2-3", "if-match": etag })).status, 206);
  assert.equal((await ask({ "range": "bytes=10-", "if-none-match": etag })).status, 304);
});
