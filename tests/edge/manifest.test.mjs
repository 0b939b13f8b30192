// Manifests as they are served: what has to carry the token does, and what the answer says of its
// body holds for the new one.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { brotliCompressSync, deflateSync, gunzipSync, gzipSync } from "node:zlib";

import { NOW, PAGE, link, problem, sign } from "./gate.mjs";
import { assertRefused, carried, fieldsOf, references, startStores } from "./stores.mjs";

const HOST = "https://cdn.example.com";
const FOLDER = "/videos/42/";
const HLS = "application/vnd.apple.mpegurl";
const DASH = "application/dash+xml";

const token = (fields) => sign(FOLDER, { dir: 2, ...fields });
const inQuery = (path, fields) => `${HOST}${path}?${token(fields)}`;
const inPath = (path, fields) => `${HOST}/${token(fields)}${path}`;

// Addresses as they stand in a manifest, and with T for the token where they get one.
const WITHIN = [
  ["a.ts", "/T/videos/42/a.ts"],
  ["sub/b.ts?v=1", "/T/videos/42/sub/b.ts?v=1"],
  ["./sub/../a.ts", "/T/videos/42/a.ts"],
  ["../42/a.ts", "/T/videos/42/a.ts"],
  ["S%C3%A3o%20Jo%c3%a3o.ts", "/T/videos/42/S%C3%A3o%20Jo%C3%A3o.ts"],
  ["/videos/42/a.ts", "/T/videos/42/a.ts"],
  ["https://cdn.example.com/videos/42/a.ts#t=1", "/T/videos/42/a.ts#t=1"],
  ["//cdn.example.com/videos/42/sub/b.ts", "/T/videos/42/sub/b.ts"],
];
const signedAlready = `/${sign(FOLDER, { dir: 2, exp: NOW + 60 })}/videos/42/a.ts`;
const OTHERS = [
  "/videos/43/a.ts",
  "../43/a.ts",
  "/videos/421/a.ts",
  "/videos/42",
  "/videos/42/../43/a.ts",
  "/videos/42/%2e%2e/43/a.ts",
  "/videos/42//a.ts",
  "https://other.example.com/videos/42/a.ts",
  "https://cdn.example.com.evil.example/videos/42/a.ts",
  "https://cdn.example.com@evil.example/videos/42/a.ts",
  "https://evil.example\\@cdn.example.com/videos/42/a.ts",
  "https://cdn.example.com:8443/videos/42/a.ts",
  "//other.example.com/videos/42/a.ts",
  "data:video/mp2t,0",
  "blob:https://cdn.example.com/videos/42/a.ts",
  "skd://videos/42/key",
  "urn:uuid:1",
  signedAlready,
];

/** A playlist with these addresses as segments and, where they can be, as keys. */
function playlist(addresses, lineEnd = "\n") {
  const lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:2", "# a comment", ""];
  for (const address of addresses) {
    lines.push(`#EXT-X-KEY:METHOD=AES-128,URI="${address}",IV=0x00`, "#EXTINF:2,a title", address);
  }
  return [...lines, "#EXT-X-ENDLIST", ""].join(lineEnd);
}

const escaped = (text) => text.replaceAll("&", "&amp;");

/** An MPD with these addresses as segments. In one that is rewritten T has scheme and host before it. */
function presentation(addresses) {
  const urls = addresses
    .map((address) => address.replace(/^(?=\/T\/)/, HOST))
    .map((address) => `\t\t<SegmentURL media="${escaped(address)}"/>\n`)
    .join("");
  return `<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>
\t<Representation id="1"><SegmentList duration="2">
${urls}\t</SegmentList></Representation>
</AdaptationSet></Period></MPD>
`;
}

const written = [...WITHIN.map(([, address]) => address), ...OTHERS];
const stored = [...WITHIN.map(([address]) => address), ...OTHERS];
const isRelative = (address) => !/^(\/|https:)/.test(address);
const inherited = [
  ...WITHIN.map(([address, written]) => (isRelative(address) ? address : written)),
  ...OTHERS,
];
const relative = ["a.ts", "sub/b.ts?v=1", "../42/a.ts"];

/** Path, type, what is stored, what comes of a link in the query, and of one in the path. */
const MANIFESTS = [
  [
    "/videos/42/list.m3u8",
    HLS,
    ...[stored, written, inherited].map((addresses) => playlist(addresses)),
  ],
  ["/videos/42/list.mpd", DASH, ...[stored, written, inherited].map(presentation)],
];

let stores;
before(
  async () => {
    stores = await startStores();
    for (const [path, type, body] of MANIFESTS) await stores.put(path, body, { type });
    await stores.put("/videos/42/relative.m3u8", playlist(relative), { type: HLS });
    await stores.put("/videos/42/relative.mpd", presentation(relative), { type: DASH });
    for (const name of ["a.ts", "sub/b.ts", "S%C3%A3o%20Jo%C3%A3o.ts"]) {
      await stores.put(`/videos/42/${name}`, "0123456789", { type: "video/mp2t" });
    }
  },
  { timeout: 900_000 },
);
after(() => stores?.stop());

const limit = { timeout: 30_000 };

/** A manifest with T for the token. */
const without = (token, body) =>
  body.toString().replaceAll(token, "T").replaceAll(escaped(token), "T");

/** An answer with all that one with a rewritten manifest has. */
function assertRewritten(answer, expected, of) {
  assert.equal(answer.status, 200, answer.headers["playgate-reason"]);
  assert.equal(without(of, answer.body), expected);
  assert.equal(Number(answer.headers["content-length"]), answer.body.length);
  assertOfThisBody(answer);
}

/** That no header field speaks of the stored bytes. */
function assertOfThisBody({ headers }) {
  const others = [
    "accept-ranges",
    "content-encoding",
    "content-md5",
    "content-range",
    "digest",
    "last-modified",
  ];
  for (const name of others) assert.equal(headers[name], undefined, name);
  assert.match(headers["cache-control"], /^private, /);
}

for (const name of ["bucket", "server"]) {
  describe(`from the ${name}`, () => {
    const put = (...file) => stores[name].put(...file);
    const ask = (...request) => stores[name].ask(...request);

    for (const [path, type, , expected, inherited] of MANIFESTS) {
      test(
        `a link to ${path} in the query: all within the scope get the token`,
        limit,
        async () => {
          const answer = await ask(inQuery(path));
          assertRewritten(answer, expected, token());
          assert.equal(answer.headers["content-type"], type);
          const found = path.endsWith(".mpd")
            ? [...answer.body.toString().matchAll(/media="([^"]+)"/g)].map(([, text]) =>
                text.replaceAll("&amp;", "&"),
              )
            : references(answer.body.toString());
          const mine = found.filter((reference) => carried(reference)?.token === token());
          assert.equal(mine.length, WITHIN.length * (path.endsWith(".mpd") ? 1 : 2));
          for (const reference of new Set(mine)) {
            const { status, body } = await ask(
              new URL(reference, inQuery(path)).href.split("#")[0],
            );
            assert.deepEqual([status, body.toString()], [200, "0123456789"], reference);
          }
        },
      );

      test(`a link to ${path} in the path: relative addresses inherit it`, limit, async () => {
        const answer = await ask(inPath(path));
        assertRewritten(answer, inherited, token());
      });
    }

    test("with relative addresses alone, a link in the path changes no byte", limit, async () => {
      for (const [path, text] of [
        ["/videos/42/relative.m3u8", playlist(relative)],
        ["/videos/42/relative.mpd", presentation(relative)],
      ]) {
        assertRewritten(await ask(inPath(path)), text, token());
      }
    });

    test("HEAD has the header fields of GET, and no body", limit, async () => {
      for (const [path] of MANIFESTS) {
        for (const url of [inQuery(path), inPath(path)]) {
          const headers = { origin: PAGE };
          const got = await ask(url, { headers });
          const head = await ask(url, { method: "HEAD", headers });
          assert.deepEqual([head.status, head.body.length], [200, 0]);
          assert.deepEqual(fieldsOf(head), fieldsOf(got));
        }
      }
    });

    test("the entity tag is that of the token", limit, async () => {
      for (const [path] of MANIFESTS) {
        const tag = async (url) => (await ask(url)).headers.etag;
        const [first, again, other] = [
          await tag(inQuery(path)),
          await tag(inQuery(path)),
          await tag(inQuery(path, { exp: NOW + 60 })),
        ];
        assert.match(first, /^"[!-~]+"$/);
        assert.equal(first, again);
        assert.notEqual(first, other);
        const untouched = (await ask(`${HOST}${path}`, { headers: { cookie: token() } })).headers
          .etag;
        assert.notEqual(first, untouched);
        for (const method of ["GET", "HEAD"]) {
          const given = (headers) => ask(inQuery(path), { method, headers });
          for (const list of [first, `W/${first}`, `"x", ${first}`, "*"]) {
            const answer = await given({ "if-none-match": list });
            assert.deepEqual(
              [answer.status, answer.body.length, answer.headers.etag],
              [304, 0, first],
              list,
            );
            assert.equal(answer.headers["cache-control"], "private, max-age=0");
            assert.equal(answer.headers["playgate-expires"], String(NOW + 600));
          }
          for (const list of [untouched, other, '"x"', `"${token()}"`]) {
            assert.equal((await given({ "if-none-match": list })).status, 200, list);
          }
          for (const list of [first, "*", `"x", ${first}`]) {
            assert.equal((await given({ "if-match": list })).status, 200, list);
          }
          for (const list of [untouched, other, `W/${first}`]) {
            assertRefused(await given({ "if-match": list }), 412, "precondition_failed");
          }
        }
      }
    });

    test("dates and ranges are ignored", limit, async () => {
      const later = new Date(Date.now() + 1e9).toUTCString();
      const earlier = "Sun, 06 Nov 1994 08:49:36 GMT";
      for (const [path, , , expected] of MANIFESTS) {
        const { etag } = (await ask(inQuery(path))).headers;
        for (const headers of [
          { "if-modified-since": later },
          { "if-unmodified-since": earlier },
          { range: "bytes=0-9" },
          { range: "bytes=-1" },
          { range: "bytes=99999999-" },
          { "range": "bytes=0-9", "if-range": etag },
        ]) {
          assertRewritten(await ask(inQuery(path), { headers }), expected, token());
        }
      }
    });

    test("it is kept as long as the store says, and never beyond the token", limit, async () => {
      for (const [cache, expected] of [
        [undefined, "private, max-age=0"],
        ["public, max-age=60", "private, max-age=60"],
        ["max-age=86400, immutable", "private, max-age=600"],
        ["no-cache", "private, no-cache"],
        ["no-store, max-age=60", "private, no-store"],
      ]) {
        await put("/videos/42/cache.m3u8", playlist(relative), { type: HLS, cache });
        for (const method of ["GET", "HEAD"]) {
          const { headers } = await ask(inQuery("/videos/42/cache.m3u8"), { method });
          assert.equal(headers["cache-control"], expected);
        }
      }
      await put("/videos/42/cache.m3u8", playlist(relative), { type: HLS, cache: "max-age=60" });
      const { headers } = await ask(inQuery("/videos/42/cache.m3u8", { exp: NOW + 5 }));
      assert.equal(headers["cache-control"], "private, max-age=5");
    });

    test("it is known by its type, or else by its extension", limit, async () => {
      for (const [path, type, text] of [
        ["/videos/42/live", "application/x-mpegURL", playlist(relative)],
        ["/videos/42/live.php", "Audio/MPEGurl; charset=utf-8", playlist(relative)],
        ["/videos/42/type.m3u8", "text/plain", playlist(relative)],
        ["/videos/42/TYPE.M3U8", "binary/octet-stream", playlist(relative)],
        ["/videos/42/type.mpd", "text/xml", presentation(relative)],
        ["/videos/42/manifest", "video/vnd.mpeg.dash.mpd", presentation(relative)],
        ["/videos/42/dash.m3u8", DASH, presentation(relative)],
      ]) {
        await put(path, text, { type });
        const answer = await ask(inQuery(path));
        assert.equal(answer.headers["content-type"], type);
        const { length } = text.match(/[ab]\.ts/g);
        assert.equal(without(token(), answer.body).split("/T/").length - 1, length, path);
        assertOfThisBody(answer);
      }
    });

    test("what is stored compressed is rewritten and readable", limit, async () => {
      for (const [path, type, text, expected] of MANIFESTS) {
        for (const [encoding, bytes] of [
          ["gzip", gzipSync(text)],
          ["identity", text],
        ]) {
          const compressed = path.replace("list", `list-${encoding}`);
          await put(compressed, bytes, { type, encoding });
          for (const headers of [{}, { "accept-encoding": "gzip" }]) {
            const answer = await ask(inQuery(compressed), { headers });
            const { "content-encoding": coding } = answer.headers;
            const body = coding === "gzip" ? gunzipSync(answer.body) : answer.body;
            assert.equal(without(token(), body), expected);
            assert.equal(answer.headers["last-modified"], undefined);
          }
          const head = await ask(inQuery(compressed), { method: "HEAD" });
          assert.equal(
            Number(head.headers["content-length"]),
            (await ask(inQuery(compressed))).body.length,
          );
        }
      }
    });

    test("what cannot be read is bad_manifest, and nothing of it is sent", limit, async () => {
      // A frame of Zstandard (RFC 8878), which no runtime of the gate decodes.
      const zstd = Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), Buffer.from("secret")]);
      const utf16 = Buffer.from(`\ufeff${playlist(relative)}`, "utf16le");
      const cut = Buffer.concat([
        Buffer.from("#EXTM3U\n#EXTINF:2,S"),
        Buffer.from([0xc3]),
        Buffer.from("\na.ts\n"),
      ]);
      for (const [path, body, more] of [
        [
          "/videos/42/html.m3u8",
          "<!doctype html><title>Sign in</title>secret",
          { type: "text/html" },
        ],
        [
          "/videos/42/html.mpd",
          "<!doctype html><title>Sign in</title>secret",
          { type: "text/html" },
        ],
        ["/videos/42/empty.m3u8", "", { type: HLS }],
        ["/videos/42/empty.mpd", "", { type: DASH }],
        ["/videos/42/open.mpd", "<MPD><Period>secret", { type: DASH }],
        [
          "/videos/42/entity.mpd",
          '<!DOCTYPE MPD [<!ENTITY a "secret">]><MPD>&a;</MPD>',
          { type: DASH },
        ],
        ["/videos/42/json.m3u8", '{"error": "secret"}', { type: HLS }],
        ["/videos/42/utf16.m3u8", utf16, { type: HLS }],
        ["/videos/42/latin.m3u8", cut, { type: HLS }],
        ["/videos/42/latin.mpd", Buffer.from("<MPD>S\xe3o</MPD>", "latin1"), { type: DASH }],
        ["/videos/42/zstd.m3u8", zstd, { type: HLS, encoding: "zstd" }],
      ]) {
        await put(path, body, more);
        for (const url of [inQuery(path), inPath(path)]) {
          const answer = await ask(url, { headers: { origin: PAGE } });
          assertRefused(answer, 502, "bad_manifest");
          assert.equal(answer.headers["access-control-allow-origin"], PAGE);
          assert.equal(answer.headers["cache-control"], "no-store");
          assert.equal(problem(answer).reason, "bad_manifest");
          assert.ok(!answer.body.includes("secret"), path);
          assertRefused(await ask(url, { method: "HEAD" }), 502, "bad_manifest");
        }
        const untouched = await ask(`${HOST}${path}`, { headers: { cookie: token() } });
        assert.equal(untouched.status, 200, "nothing of it has to be read");
      }
    });

    test("a byte order mark is kept, and a list may have no header", limit, async () => {
      for (const [path, before, type] of [
        ["/videos/42/mark.m3u8", "\ufeff#EXTM3U\n#EXTINF:2,\n~a.ts\n", HLS],
        ["/videos/42/radio.m3u", "~one.mp3\r\n~two.mp3\r\n", "audio/x-mpegurl"],
      ]) {
        await put(path, before.replaceAll("~", ""), { type });
        const answer = await ask(inQuery(path));
        assertRewritten(answer, before.replaceAll("~", "/T/videos/42/"), token());
      }
    });

    test("a manifest that asks for too much is refused", limit, async () => {
      const define = '#EXT-X-DEFINE:NAME="a",VALUE="b"\n';
      await put("/videos/42/much.m3u8", `#EXTM3U\n${define.repeat(1001)}`, { type: HLS });
      const answer = await ask(inQuery("/videos/42/much.m3u8"));
      assertRefused(answer, 502, "manifest_too_complex");
      assert.equal(problem(answer).reason, "manifest_too_complex");
    });

    test("a broken compression is an answer of 502", limit, async () => {
      await put("/videos/42/cut.m3u8", gzipSync(playlist(stored)).subarray(0, 60), {
        type: HLS,
        encoding: "gzip",
      });
      await put("/videos/42/none.m3u8", playlist(stored), { type: HLS, encoding: "gzip" });
      for (const path of ["/videos/42/cut.m3u8", "/videos/42/none.m3u8"]) {
        const answer = await ask(inQuery(path));
        assert.equal(answer.status, 502, path);
        assert.ok(!answer.body.includes("EXTM3U"));
      }
    });

    test("a manifest may have 2 MiB, or what the operator says", limit, async () => {
      const of = (size) => {
        const head = "#EXTM3U\n#EXTINF:2,\na.ts\n#";
        return head + "x".repeat(size - head.length);
      };
      for (const [size, env, status] of [
        [1 << 21, {}, 200],
        [(1 << 21) + 1, {}, 502],
        [1 << 22, {}, 502],
        [1024, { MAX_MANIFEST_BYTES: "1024" }, 200],
        [1025, { MAX_MANIFEST_BYTES: "1024" }, 502],
        [1 << 22, { MAX_MANIFEST_BYTES: "8388608" }, 200],
      ]) {
        await put("/videos/42/large.m3u8", of(size), { type: HLS });
        for (const url of [inQuery("/videos/42/large.m3u8"), inPath("/videos/42/large.m3u8")]) {
          const answer = await ask(url, { env });
          assert.equal(answer.status, status, String(size));
          if (status === 200) {
            assert.ok(answer.body.length >= size);
            continue;
          }
          assertRefused(answer, 502, "manifest_too_large");
          assert.ok(!answer.body.includes("EXTM3U") && answer.body.length < 1000);
        }
      }
    });

    test("a small file that decompresses to a large one is too large", limit, async () => {
      const bomb = gzipSync(Buffer.alloc(64 << 20, "#EXTM3U\n"));
      await put("/videos/42/bomb.m3u8", bomb, { type: HLS, encoding: "gzip" });
      assertRefused(await ask(inQuery("/videos/42/bomb.m3u8")), 502, "manifest_too_large");
    });

    test("a manifest that grows beyond all bounds is too large", limit, async () => {
      await put("/videos/42/short.m3u8", `#EXTM3U\n${"a\n".repeat((1 << 20) - 4)}`, { type: HLS });
      assertRefused(await ask(inQuery("/videos/42/short.m3u8")), 502, "manifest_too_large");
      assert.equal((await ask(inPath("/videos/42/short.m3u8"))).status, 200, "nothing grows");
    });

    test("ten thousand segments", limit, async () => {
      const names = Array.from({ length: 10_000 }, (_, n) => `seg${n}.ts`);
      const text = (prefix) => {
        const segments = names.map((name) => `#EXTINF:4.000,\n${prefix}${name}\n`);
        return `#EXTM3U\n${segments.join("")}#EXT-X-ENDLIST\n`;
      };
      await put("/videos/42/long.m3u8", text(""), { type: HLS });
      const answer = await ask(inQuery("/videos/42/long.m3u8"));
      assertRewritten(answer, text("/T/videos/42/"), token());
      assertRewritten(await ask(inPath("/videos/42/long.m3u8")), text(""), token());
    });

    test("line ends stay as they are", limit, async () => {
      await put("/videos/42/crlf.m3u8", playlist(stored, "\r\n"), { type: HLS });
      assertRewritten(
        await ask(inQuery("/videos/42/crlf.m3u8")),
        playlist(written, "\r\n"),
        token(),
      );
      await put("/videos/42/cr.m3u8", playlist(relative, "\r"), { type: HLS });
      const text = (await ask(inQuery("/videos/42/cr.m3u8"))).body.toString();
      assert.equal(text.split(token()).length - 1, 2 * relative.length);
    });

    test(
      "a token that no address has to carry leaves it untouched, part by part",
      limit,
      async () => {
        for (const [path, type, text] of MANIFESTS) {
          const url = `${HOST}${path}`;
          const requests = [
            [url, { cookie: token() }],
            [url, { authorization: `Bearer ${token()}` }],
            [link(path), {}],
            [`${HOST}/${sign(path)}${path}`, {}],
          ];
          for (const [url, headers] of requests) {
            const answer = await ask(url, { headers });
            assert.deepEqual([answer.status, answer.body.toString()], [200, text]);
            assert.equal(answer.headers["content-type"], type);
            assert.equal(answer.headers["accept-ranges"], "bytes");
            assert.ok(answer.headers["last-modified"]);
            const part = await ask(url, { headers: { ...headers, range: "bytes=3-9" } });
            assert.deepEqual([part.status, part.body.toString()], [206, text.slice(3, 10)]);
            assert.equal(part.headers["content-range"], `bytes 3-9/${text.length}`);
            const same = await ask(url, {
              headers: { ...headers, "if-none-match": answer.headers.etag },
            });
            assert.deepEqual([same.status, same.headers.etag], [304, answer.headers.etag]);
          }
        }
      },
    );

    test("what turns out to be no manifest is served as before", limit, async () => {
      for (const path of ["/videos/42/film", "/videos/42/film.php"]) {
        await put(path, "0123456789", { type: "video/mp4" });
        for (const url of [inQuery(path), inPath(path)]) {
          const whole = await ask(url);
          assert.deepEqual([whole.status, whole.body.toString()], [200, "0123456789"]);
          const part = await ask(url, { headers: { range: "bytes=2-3" } });
          assert.deepEqual([part.status, part.body.toString()], [206, "23"]);
          assert.equal(part.headers["content-range"], "bytes 2-3/10");
          assert.equal(part.headers["cache-control"], "private, max-age=600");
          const same = await ask(url, { headers: { "if-none-match": whole.headers.etag } });
          assert.deepEqual([same.status, same.body.length], [304, 0]);
          const head = await ask(url, { method: "HEAD" });
          assert.deepEqual(
            [head.status, head.body.length, head.headers["content-length"]],
            [200, 0, "10"],
          );
        }
      }
    });

    describe("variables of the player's query", () => {
      const PATH = "/videos/42/query.m3u8";
      const TEXT = `#EXTM3U
#EXT-X-DEFINE:QUERYPARAM="v"
#EXTINF:2,
{$v}/seg.ts
#EXTINF:2,
/videos/42/{$v}/seg.ts
#EXT-X-KEY:METHOD=AES-128,URI="{$v}.key"
#EXTINF:2,
https://cdn.example.com{$v}
`;
      before(() => put(PATH, TEXT, { type: HLS }));

      test("take their value where addresses get the token", limit, async () => {
        const answer = await ask(`${inQuery(PATH)}&v=hd`);
        const expected = TEXT.replace("{$v}/seg", "/T/videos/42/hd/seg")
          .replace("/videos/42/{$v}", "/T/videos/42/hd")
          .replace("{$v}.key", "/T/videos/42/hd.key");
        assertRewritten(answer, expected, token());
        const before = await ask(`${HOST}${PATH}?v=hd&${token()}`);
        assertRewritten(before, expected, token());
      });

      test("lead no token out of the scope, and write no line", limit, async () => {
        let rewritten = 0;
        for (const value of [
          "..",
          "..%2F43",
          "%2e%2e/43",
          "../../43",
          "%2Fvideos%2F43",
          "https:%2F%2Fevil.example",
          "https://evil.example",
          "//evil.example",
          "%2F%2Fevil.example",
          "@evil.example/",
          ".evil.example/",
          ":8443/videos/42/a.ts",
          "\\\\evil.example",
          "%5C%5Cevil.example",
          "x%0A%23EXT-X-KEY:METHOD=NONE",
          "x%0D%0Ahttps://evil.example",
          "x%22,URI=%22https://evil.example",
          "%00",
          "%FF",
          "%C3%A4",
          "%",
          "data:,",
          "skd://x",
          "{$v}",
          "%7B$v%7D",
          "",
          "a?b#c",
          "pg=1",
          "%2Fpg=1&exp=1",
          "a".repeat(3000),
        ]) {
          for (const url of [`${inQuery(PATH)}&v=${value}`, `${inPath(PATH)}?v=${value}`]) {
            const answer = await ask(url);
            // Not every URL gets so far.
            if (answer.status !== 200) continue;
            rewritten++;
            const text = answer.body.toString();
            assert.equal(text.split(/\r\n|\n|\r/).length, TEXT.split("\n").length, value);
            assert.equal((text.match(/URI=/g) ?? []).length, 1, value);
            for (const reference of references(text)) {
              const at = reference.indexOf(token());
              if (at < 0) continue;
              assert.equal(at, 1, reference);
              const { host, pathname } = new URL(reference, HOST);
              assert.equal(host, "cdn.example.com", reference);
              assert.ok(pathname.startsWith(`/${token()}/videos/42/`), `${value}: ${pathname}`);
            }
          }
        }
        assert.ok(rewritten > 50, String(rewritten));
      });
    });
  });
}

test("brotli cannot be read from a bucket", limit, async () => {
  const { bucket, server } = stores;
  const file = [
    "/videos/42/br.m3u8",
    brotliCompressSync(playlist(relative)),
    { type: HLS, encoding: "br" },
  ];
  await bucket.put(...file);
  assertRefused(await bucket.ask(inQuery("/videos/42/br.m3u8")), 502, "bad_manifest");
  const untouched = await bucket.ask(`${HOST}/videos/42/br.m3u8`, { headers: { cookie: token() } });
  assert.equal(untouched.headers["content-encoding"], "br");
  server.put(...file);
  const expected = playlist([
    "/T/videos/42/a.ts",
    "/T/videos/42/sub/b.ts?v=1",
    "/T/videos/42/a.ts",
  ]);
  assertRewritten(await server.ask(inQuery("/videos/42/br.m3u8")), expected, token());
});

test("other encodings of a bucket", limit, async () => {
  const { bucket } = stores;
  for (const [encoding, bytes] of [
    ["GZIP", gzipSync],
    ["x-gzip", gzipSync],
    ["deflate", deflateSync],
  ]) {
    await bucket.put("/videos/42/other.m3u8", bytes(playlist(relative)), { type: HLS, encoding });
    const answer = await bucket.ask(inQuery("/videos/42/other.m3u8"));
    assert.equal(answer.body.toString().split(token()).length - 1, 2 * relative.length, encoding);
  }
});

test("what the server says of its own bytes is not passed on", limit, async () => {
  const { server } = stores;
  server.put("/videos/42/fields.m3u8", playlist(relative), {
    "type": HLS,
    "content-md5": "x",
    "digest": "x",
    "repr-digest": "x",
    "content-digest": "x",
    "x-cache": "HIT",
    "age": "50",
    "cache": "max-age=60",
    "vary": "Accept",
    "set-cookie": "a=b",
    "playgate-expires": "1",
  });
  const { headers } = await server.ask(inQuery("/videos/42/fields.m3u8"), {
    headers: { origin: PAGE },
  });
  for (const name of [
    "content-md5",
    "digest",
    "repr-digest",
    "content-digest",
    "age",
    "set-cookie",
    "last-modified",
    "accept-ranges",
  ]) {
    assert.equal(headers[name], undefined, name);
  }
  assert.equal(headers["x-cache"], "HIT");
  assert.equal(headers["cache-control"], "private, max-age=10");
  assert.equal(headers["playgate-expires"], String(NOW + 600));
  assert.equal(headers["playgate-time-left"], "600");
  assert.equal(headers.vary, "Accept, Origin");
});

test("a weak tag of the server stays weak, and none or a broken one is none", limit, async () => {
  const { server } = stores;
  const ask = (headers) => server.ask(inQuery("/videos/42/tag.m3u8"), { headers });
  server.put("/videos/42/tag.m3u8", playlist(relative), { type: HLS, etag: 'W/"v1"' });
  const { etag } = (await ask({})).headers;
  assert.match(etag, /^W\/"v1-.+"$/);
  assert.equal((await ask({ "if-none-match": etag })).status, 304);
  assertRefused(await ask({ "if-match": etag }), 412, "precondition_failed");
  for (const broken of ["", "v1", '"']) {
    server.put("/videos/42/tag.m3u8", playlist(relative), { type: HLS, etag: broken });
    const answer = await ask({ "if-none-match": '"v1"' });
    assert.equal(answer.status, 200);
    if (broken !== '"') assert.equal(answer.headers.etag, undefined);
  }
});

test("a server that does not say how long a manifest is, or never ends", limit, async () => {
  const { server } = stores;
  const closed = { now: false };
  const write = (response, chunk, times) => {
    response.writeHead(200, { "content-type": HLS });
    response.write("#EXTM3U\n");
    response.on("close", () => (closed.now = true));
    const more = () => {
      while (times-- > 0) if (!response.write(chunk)) return void response.once("drain", more);
      response.end();
    };
    more();
  };
  server.put("/videos/42/chunked.m3u8", (_, response) => write(response, "#EXTINF:2,\na.ts\n", 3));
  const answer = await server.ask(inQuery("/videos/42/chunked.m3u8"));
  const expected = `#EXTM3U\n${"#EXTINF:2,\n/T/videos/42/a.ts\n".repeat(3)}`;
  assertRewritten(answer, expected, token());
  closed.now = false;
  server.put("/videos/42/endless.m3u8", (_, response) =>
    write(response, `#${"x".repeat(9999)}\n`, Infinity),
  );
  const endless = await server.ask(inQuery("/videos/42/endless.m3u8"));
  assertRefused(endless, 502, "manifest_too_large");
  assert.ok(!endless.body.includes("EXTM3U"));
  for (let tries = 0; !closed.now && tries < 50; tries++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(closed.now, "the gate does not read on");
});

test("an answer that turns out to be no manifest is not read to its end", limit, async () => {
  const { origin, server } = stores;
  let open = 0;
  server.put("/videos/42/long", (request, response) => {
    open++;
    response.on("close", () => open--);
    const isPart = "range" in request.headers;
    response.writeHead(isPart ? 206 : 200, {
      "content-type": "video/mp4",
      "content-length": isPart ? 1 : 1 << 30,
    });
    const more = () => {
      while (response.writable && response.write(Buffer.alloc(1 << 16)));
      response.once("drain", more);
    };
    if (isPart) response.end("x");
    else more();
  });
  origin.asked.length = 0;
  const part = await server.ask(inQuery("/videos/42/long"), { headers: { range: "bytes=0-0" } });
  assert.deepEqual([part.status, part.body.toString()], [206, "x"]);
  assert.deepEqual(
    origin.asked.map(({ headers }) => headers.range),
    [undefined, "bytes=0-0"],
  );
  const head = await server.ask(inQuery("/videos/42/long"), { method: "HEAD" });
  assert.equal(head.status, 200);
  for (let tries = 0; open && tries < 50; tries++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(open, 0);
});

test(
  "an answer of a proxy that changed it (203) is a manifest like every other",
  limit,
  async () => {
    stores.server.put("/videos/42/proxy.m3u8", (_, response) =>
      response.writeHead(203, { "content-type": HLS }).end("#EXTM3U\na.ts\n"),
    );
    assertRewritten(
      await stores.server.ask(inQuery("/videos/42/proxy.m3u8")),
      "#EXTM3U\n/T/videos/42/a.ts\n",
      token(),
    );
  },
);

test("a server that breaks off in a manifest", limit, async () => {
  stores.server.put("/videos/42/broken.m3u8", (_, response) => {
    response.writeHead(200, { "content-type": HLS, "content-length": 1000 });
    response.write("#EXTM3U\n#EXTINF:2,\na.ts\n");
    setTimeout(() => response.destroy(), 50);
  });
  const answer = await stores.server.ask(inQuery("/videos/42/broken.m3u8"));
  assertRefused(answer, 502, "bad_origin");
});

test("errors of the server for a manifest are passed on and not kept", limit, async () => {
  for (const status of [403, 404, 410, 500, 503]) {
    stores.server.put("/videos/42/gone.m3u8", (_, response) =>
      response.writeHead(status, { "content-type": HLS, "cache-control": "max-age=60" }).end("no"),
    );
    for (const url of [inQuery("/videos/42/gone.m3u8"), inPath("/videos/42/gone.m3u8")]) {
      const answer = await stores.server.ask(url);
      assert.deepEqual([answer.status, answer.body.toString()], [status, "no"]);
      assert.equal(answer.headers["cache-control"], "no-store");
      const head = await stores.server.ask(url, { method: "HEAD" });
      assert.deepEqual([head.status, head.body.length], [status, 0]);
    }
  }
  for (const status of [302, 401]) {
    stores.server.put("/videos/42/gone.m3u8", (_, response) =>
      response.writeHead(status, { location: "/" }).end(),
    );
    assertRefused(await stores.server.ask(inQuery("/videos/42/gone.m3u8")), 502, "bad_origin");
  }
  assertRefused(await stores.bucket.ask(inQuery("/videos/42/gone.m3u8")), 404, "not_found");
});

test("the server is asked for all of a manifest, once", limit, async () => {
  const { origin, server } = stores;
  for (const method of ["GET", "HEAD"]) {
    origin.asked.length = 0;
    const headers = {
      "range": "bytes=0-1",
      "if-none-match": '"x"',
      "if-modified-since": "Sun, 06 Nov 1994 08:49:37 GMT",
    };
    await server.ask(inQuery("/videos/42/list.m3u8"), { method, headers });
    assert.equal(origin.asked.length, 1);
    const [asked] = origin.asked;
    assert.deepEqual([asked.method, asked.url], ["GET", "/videos/42/list.m3u8"]);
    for (const name of Object.keys(headers)) assert.equal(asked.headers[name], undefined, name);
    assert.ok(!JSON.stringify(asked.headers).includes("sig="));
  }
});

test(
  "delivery directives reach the server with playlists, and with nothing else",
  limit,
  async () => {
    const { origin, server } = stores;
    const directives = "_HLS_msn=7&_HLS_part=2&_HLS_skip=YES";
    server.put("/videos/42/live", playlist(relative), { type: HLS });
    const asked = async (url, options) => {
      origin.asked.length = 0;
      assert.equal((await server.ask(url, options)).status, 200, url);
      assert.equal(origin.asked.length, 1);
      return origin.asked[0].url;
    };
    for (const path of ["/videos/42/list.m3u8", "/videos/42/live", "/videos/42/list.mpd"]) {
      const exact = link(path);
      for (const [url, headers] of [
        [`${inQuery(path)}&session=1&${directives}`],
        [`${inPath(path)}?${directives}&session=1`],
        [`${exact}&${directives}`],
        [`${HOST}${path}?${directives}`, { cookie: token() }],
      ]) {
        assert.equal(await asked(url, { headers }), `${path}?${directives}`);
      }
    }
    for (const url of [
      `${inQuery("/videos/42/a.ts")}&${directives}`,
      `${inPath("/videos/42/a.ts")}?${directives}`,
      `${link("/videos/42/a.ts")}&${directives}`,
    ]) {
      assert.equal(await asked(url), "/videos/42/a.ts");
    }
  },
);
