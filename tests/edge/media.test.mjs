// What is served from the bucket, and with which header fields.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";

import { NOW, link, problem, sign, startGate } from "./gate.mjs";
import { onlyWorker } from "./native.mjs";

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

// Names as somebody would choose who wants more than to name a file.
const NAMES = [
  "film.mp4",
  "São João.mp4",
  "Ünïcödé ½.mp4",
  "фильм.mp4",
  "映画.mp4",
  "فيلم.mp4",
  "🎬🍿.mp4",
  "👨‍👩‍👧‍👦.mp4",
  "gpj.\u202efdp.exe",
  "\u200f\u202ba.mp4",
  "\u0301",
  "e\u0301\u0327\u0327.mp4",
  "\ufeffbom.mp4",
  "\u2028\u2029.mp4",
  "\u0085\u009f.mp4",
  "\ufffd\uffff.mp4",
  "\u{10ffff}",
  "a\u00a0b.mp4",
  " leading and trailing ",
  ".",
  "..",
  "../../etc/passwd",
  "..\\..\\boot.ini",
  "C:\\a.mp4",
  "a/b\\c.mp4",
  'a".mp4',
  'a"; filename="b.exe',
  "a;filename=b",
  "a; filename*=UTF-8''b.exe",
  "a'b'c.mp4",
  "UTF-8''x",
  "=?utf-8?Q?b.exe?=",
  "=?utf-8?B?Yi5leGU=?=",
  "%0d%0aSet-Cookie: a=b",
  "100%.mp4",
  "%41%",
  "a\\",
  '\\"',
  "a,b",
  "<script>alert(1)</script>",
  "{}[]()@:?=&#+~|^`$!*",
  "x".repeat(255),
  "é".repeat(127),
  "\u{1f3ac}".repeat(63),
  "a b\u3000c.mp4",
];

const base64url = (name) => Buffer.from(name).toString("base64url");

/** The parameters of a Content-Disposition, by the grammar of RFC 6266 and RFC 8187 alone. */
function disposition(value) {
  const [, quoted, rest] = /^attachment; filename="((?:[^"\\]|\\.)*)"(.*)$/.exec(value) ?? [];
  assert.notEqual(quoted, undefined, value);
  const encoded = /^; filename\*=UTF-8''((?:[\w!#$&+.^`|~-]|%[\dA-F]{2})+)$/;
  const [, extended] = encoded.exec(rest) ?? [];
  assert.equal(extended === undefined, rest === "", value);
  return { plain: quoted, name: extended === undefined ? quoted : decodeURIComponent(extended) };
}

test("nothing in a name is more than a name", { timeout: 30_000 }, async () => {
  const { headers: without } = await gate.ask(link("/videos/42/film.mp4"));
  for (const name of NAMES) {
    for (const method of ["GET", "HEAD"]) {
      const { status, headers } = await gate.ask(
        link("/videos/42/film.mp4", { dl: base64url(name) }),
        { method },
      );
      assert.equal(status, 200, name);
      const { "content-disposition": value, ...others } = headers;
      assert.deepEqual(
        Object.keys(others).sort(),
        Object.keys(without).sort(),
        "no other header field",
      );
      assert.match(value, /^[ -~]+$/);
      // Of several fields Node makes one, with a comma that the grammar has not.
      const shown = disposition(value);
      // A name is one file: what parts folders does not.
      assert.equal(shown.name, name.replace(/[/\\]/g, "_"));
      assert.match(shown.plain, /^[^"\\/%]*$/);
      assert.ok(shown.plain.length <= name.length);
    }
  }
});

test("what is no name is refused, and nothing of it is sent", { timeout: 15_000 }, async () => {
  const controls = [..."\0\u0001\t\n\r\u001b\u001f\u007f"].map((control) =>
    base64url(`a${control}Set-Cookie: a=b`),
  );
  const broken = [
    "",
    base64url("x".repeat(256)),
    base64url(`${"é".repeat(127)}xx`),
    Buffer.from([0xff]).toString("base64url"),
    Buffer.from([0xc3, 0x28]).toString("base64url"),
    Buffer.from([0xed, 0xa0, 0x80]).toString("base64url"),
    Buffer.from([0xc0, 0xaf]).toString("base64url"),
    `${base64url("a")}==`,
    "YR",
    "a",
    "a+b/",
    "Film.mp4",
    "YQ%0D%0A",
    "YQ%22",
    "%59%51",
  ];
  for (const dl of [...controls, ...broken]) {
    const answer = await gate.ask(link("/videos/42/film.mp4", { dl }));
    assert.equal(answer.status, 403, dl);
    assert.equal(answer.headers["playgate-reason"], "malformed", dl);
    assert.equal(problem(answer).field, "dl", dl);
    assert.equal(answer.headers["content-disposition"], undefined);
    assert.equal(answer.headers["set-cookie"], undefined);
  }
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
    {
      decision: "deny",
      reason: "expired",
      status: 403,
      method: "GET",
      kid: "main",
      scope,
      placement: "query",
    },
    { decision: "preflight", status: 204, method: "OPTIONS" },
  ]);
});

test("decisions are counted where there is a data set", { timeout: 15_000, ...onlyWorker("a native gate has metrics") }, async () => {
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
  const { status, headers } = await gate.ask(link("/videos/42/film.mp4", { jti: "t1", run: 3600, sid: "s1" }));
  assert.equal(status, 302);
  assert.equal((await gate.ask(`https://cdn.example.com${headers.location}`)).status, 200);
});

test("of an object's metadata the fields of its media are served, and no other", { timeout: 15_000 }, async () => {
  await gate.bucket.put("videos/42/said.mp4", "0123456789", {
    httpMetadata: {
      contentType: "video/mp4",
      contentLanguage: "pt",
      contentDisposition: "inline",
      cacheControl: "max-age=60",
      cacheExpiry: new Date(Date.UTC(2099, 0, 1)),
    },
    customMetadata: { "link": "<https://other.example/>;rel=preload", "refresh": "0", "report-to": "x", "set-cookie": "a=b" },
  });
  const { headers } = await gate.ask(link("/videos/42/said.mp4"));
  const own = ["connection", "keep-alive", "transfer-encoding"];
  assert.deepEqual(Object.keys(headers).filter((name) => !own.includes(name)).sort(), [
    "accept-ranges",
    "cache-control",
    "content-disposition",
    "content-language",
    "content-length",
    "content-type",
    "date",
    "etag",
    "last-modified",
    "playgate-expires",
    "playgate-time-left",
    "vary",
    "x-content-type-options",
  ].filter((name) => name !== "date" || headers.date));
});
