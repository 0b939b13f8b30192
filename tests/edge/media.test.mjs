// What is served from the bucket, and with which header fields.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";

import { NOW, link, sign, startGate } from "./gate.mjs";

const STORED = {
  contentType: "text/vtt",
  contentLanguage: "pt",
  contentDisposition: "inline",
  contentEncoding: "gzip",
  cacheControl: "public, max-age=60",
};
const VTT = gzipSync("WEBVTT\n");

let gate;
before(
  async () => {
    gate = await startGate({
      objects: [
        ["videos/42/film.mp4", "0123456789"],
        ["videos/42/master.m3u8", "#EXTM3U\n"],
        ["videos/42/pt.vtt", VTT, { httpMetadata: STORED }],
        ["videos/42/São João 100%.mp4", "festa"],
        ["private.mp4", "x", { httpMetadata: { cacheControl: "no-store" } }],
      ],
    });
  },
  { timeout: 900_000 },
);
after(() => gate?.stop());

test("the stored type, encoding and language are kept", { timeout: 15_000 }, async () => {
  const answer = await gate.ask(link("/videos/42/pt.vtt"));
  assert.equal(answer.headers["content-type"], "text/vtt");
  assert.equal(answer.headers["content-language"], "pt");
  assert.equal(answer.headers["content-disposition"], "inline");
  assert.equal(answer.headers["content-encoding"], "gzip");
  assert.ok(answer.body.equals(VTT), "the bytes are those that were stored");
  assert.equal(gunzipSync(answer.body).toString(), "WEBVTT\n");
});

test("a type is guessed where none is stored", { timeout: 15_000 }, async () => {
  const type = async (path) => (await gate.ask(link(path))).headers["content-type"];
  assert.equal(await type("/videos/42/film.mp4"), "video/mp4");
  assert.equal(await type("/videos/42/master.m3u8"), "application/vnd.apple.mpegurl");
});

test("HEAD has the header fields of GET", { timeout: 15_000 }, async () => {
  for (const path of ["/videos/42/film.mp4", "/videos/42/pt.vtt", "/videos/42/none.mp4"]) {
    const got = await gate.ask(link(path));
    const head = await gate.ask(link(path), { method: "HEAD" });
    assert.equal(head.status, got.status);
    assert.equal(head.body.length, 0);
    const fields = ({ date, connection, "keep-alive": _, ...rest }) => rest;
    assert.deepEqual(fields(head.headers), fields(got.headers));
    assert.equal(Number(got.headers["content-length"]), got.body.length);
  }
});

test("gated media is private, and fresh no longer than its link", { timeout: 15_000 }, async () => {
  const cache = async (path, exp) => {
    const { headers } = await gate.ask(link(path, { exp }));
    assert.equal(headers["playgate-expires"], String(exp));
    return headers["cache-control"];
  };
  assert.equal(await cache("/videos/42/film.mp4", NOW + 600), "private, max-age=600");
  assert.equal(await cache("/videos/42/film.mp4", NOW + 1), "private, max-age=1");
  assert.equal(await cache("/videos/42/pt.vtt", NOW + 600), "private, max-age=60");
  assert.equal(await cache("/videos/42/pt.vtt", NOW + 30), "private, max-age=30");
  assert.equal(await cache("/videos/42/master.m3u8", NOW + 600), "private, max-age=0");
  assert.equal(await cache("/private.mp4", NOW + 600), "private, no-store");
});

test("a directory link opens what is below, in every placement", { timeout: 15_000 }, async () => {
  const token = sign("/videos/42/", { dir: 2 });
  const url = "https://cdn.example.com/videos/42/film.mp4";
  const asked = [
    [`${url}?${token}`],
    [`https://cdn.example.com/${token}/videos/42/film.mp4`],
    [url, { headers: { cookie: `theme=dark; ${token}` } }],
    [url, { headers: { authorization: `Bearer ${token}` } }],
  ];
  for (const [link, options] of asked) {
    const answer = await gate.ask(link, options);
    assert.deepEqual([answer.status, answer.body.toString()], [200, "0123456789"]);
  }
});

test("a path is decoded once to find its object", { timeout: 15_000 }, async () => {
  const path = "/videos/42/S%C3%A3o%20Jo%C3%A3o%20100%25.mp4";
  assert.equal((await gate.ask(link(path))).body.toString(), "festa");
});

test("a download has its name, whatever it is", { timeout: 15_000 }, async () => {
  const named = async (name) => {
    const dl = Buffer.from(name).toString("base64url");
    const answer = await gate.ask(link("/videos/42/film.mp4", { dl }));
    assert.equal(answer.status, 200);
    return answer.headers["content-disposition"];
  };
  assert.equal(await named("Film.mp4"), 'attachment; filename="Film.mp4"');
  assert.equal(
    await named('São"; filename="x.exe'),
    'attachment; filename="S_o_; filename=_x.exe"; ' +
      "filename*=UTF-8''S%C3%A3o%22%3B%20filename%3D%22x.exe",
  );
});

test("every answer forbids to guess types", { timeout: 15_000 }, async () => {
  for (const options of [
    {},
    { method: "HEAD" },
    { method: "OPTIONS" },
    { method: "POST" },
    { now: NOW + 601 },
  ]) {
    const answer = await gate.ask(link("/videos/42/film.mp4"), options);
    assert.equal(answer.headers["x-content-type-options"], "nosniff", JSON.stringify(options));
  }
});

test("one line of the log, without token and address", { timeout: 15_000 }, async () => {
  await gate.log();
  const url = link("/videos/42/film.mp4");
  await gate.ask(url);
  await gate.ask(url, { now: NOW + 601 });
  await gate.ask(url, { method: "OPTIONS" });
  const lines = await gate.log();
  const scope = "/videos/42/film.mp4";
  assert.deepEqual(lines, [
    { decision: "allow", status: 200, method: "GET", kid: "main", scope, placement: "query" },
    { decision: "deny", reason: "expired", status: 403, method: "GET", kid: "main", scope, placement: "query" },
    { decision: "preflight", status: 204, method: "OPTIONS" },
  ]);
});

test("decisions are counted where there is a data set", { timeout: 15_000 }, async () => {
  await gate.log();
  const url = link("/videos/42/film.mp4");
  await gate.ask(url, { env: { ANALYTICS: "a data set" } });
  await gate.ask(url, { env: { ANALYTICS: "a data set" }, now: NOW + 601 });
  const points = (await gate.log()).filter((line) => line.point).map((line) => line.point);
  assert.deepEqual(points, [
    { indexes: ["allow"], blobs: ["allow", "", "GET", "query", "main"], doubles: [200] },
    { indexes: ["expired"], blobs: ["deny", "expired", "GET", "query", "main"], doubles: [403] },
  ]);
  const full = await gate.ask(url, { env: { ANALYTICS: "a data set that is full" } });
  assert.equal(full.status, 200, "a count that cannot be written changes nothing");
});

test("tokens with run, jti and sid are tokens", { timeout: 15_000 }, async () => {
  const answer = await gate.ask(link("/videos/42/film.mp4", { jti: "t1", run: 3600, sid: "s1" }));
  assert.equal(answer.status, 200);
});
