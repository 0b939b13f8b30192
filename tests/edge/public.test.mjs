// Paths that are served without a token.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { NOW, PAGE, sign } from "./gate.mjs";
import { resolvesDots } from "./native.mjs";
import { assertRefused, carried, fieldsOf, references, startStores } from "./stores.mjs";

const env = { PUBLIC: "/public/, /poster.jpg" };

const FOLDER = "/videos/42/";
const HLS = "application/vnd.apple.mpegurl";
const ADDRESSES = [
  "one.key",
  "init.MP4",
  "seg1.m4s",
  "/videos/42/seg1.m4s?v=1",
  "/videos/42/two.bin",
  "https://cdn.example.com/videos/42/seg1.m4s",
  "../43/seg1.m4s",
  "other.ts",
];
/** A playlist with these addresses: two keys, a start, and segments. */
function playlist([one, init, first, second, two, ...others]) {
  const key = (address) => `#EXT-X-KEY:METHOD=AES-128,URI="${address}"\n`;
  const segments = (addresses) => addresses.map((address) => `#EXTINF:2,\n${address}\n`).join("");
  const start = `#EXTM3U\n${key(one)}#EXT-X-MAP:URI="${init}"\n`;
  return `${start}${segments([first, second])}${key(two)}${segments(others)}#EXT-X-ENDLIST\n`;
}
const PLAYLIST = playlist(ADDRESSES);
const MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlist.m3u8\n";
const MPD = `<MPD type="static"><Period><AdaptationSet>
<SegmentTemplate duration="2" initialization="init.MP4" media="seg$Number$.m4s"/>
<Representation id="1"/></AdaptationSet></Period></MPD>
`;

let stores;
let gate;
before(
  async () => {
    stores = await startStores();
    gate = stores.gate;
    const forever = { cacheControl: "public, max-age=86400" };
    for (const [name, body, options] of [
      ["public/hello.txt", "hello", { httpMetadata: forever }],
      ["public/plain.txt", "plain"],
      ["public-not/secret.txt", "secret"],
      ["poster.jpg", "jpg"],
      ["poster.jpg.orig", "secret"],
      ["secret.txt", "secret"],
    ]) {
      await gate.bucket.put(name, body, options);
    }
    for (const [name, body, type] of [
      ["list.m3u8", PLAYLIST, HLS],
      ["master.m3u8", MASTER, HLS],
      ["list.mpd", MPD],
      ["list", PLAYLIST, HLS],
    ]) {
      await stores.put(FOLDER + name, body, { type });
    }
    for (const name of ["seg1.m4s", "init.MP4"]) {
      await stores.put(FOLDER + name, "0123456789", {
        type: "video/mp4",
        cache: "public, max-age=31536000, immutable",
      });
    }
    for (const name of ["one.key", "two.bin", "other.ts", "m4s", "a.m4s/b.ts", "a.mp4.ts"])
      await stores.put(FOLDER + name, "secret");
    await stores.put("/videos/43/seg1.m4s", "another");
  },
  { timeout: 900_000 },
);
after(() => stores?.stop());

const ask = (path, options) => gate.ask(`https://cdn.example.com${path}`, { env, ...options });

test(
  "a public path needs no token and keeps its own Cache-Control",
  { timeout: 15_000 },
  async () => {
    const answer = await ask("/public/hello.txt");
    assert.deepEqual([answer.status, answer.body.toString()], [200, "hello"]);
    assert.equal(answer.headers["cache-control"], "public, max-age=86400");
    assert.equal(answer.headers["playgate-expires"], undefined);
    assert.equal((await ask("/public/plain.txt")).headers["cache-control"], undefined);
  },
);

test("it is served as all media is", { timeout: 15_000 }, async () => {
  const part = await ask("/public/hello.txt", { headers: { range: "bytes=1-2" } });
  assert.deepEqual([part.status, part.body.toString()], [206, "el"]);
  const { etag } = part.headers;
  assert.equal(
    (await ask("/public/hello.txt", { headers: { "if-none-match": etag } })).status,
    304,
  );
  assert.equal((await ask("/public/none.txt")).status, 404);
  assert.equal((await ask("/public/hello.txt", { method: "POST" })).status, 405);
});

test("other spellings of the same path are the same", { timeout: 15_000 }, async () => {
  assert.equal((await ask("/p%75blic/hello.txt")).status, 200);
  assert.equal((await ask("/public/hello.txt?cache=no")).status, 200);
  assert.equal((await ask("/secret/../public/hello.txt")).status, resolvesDots ? 200 : 401);
  assert.equal((await ask("/poster.jpg")).status, 200);
});

test("nothing else is", { timeout: 15_000 }, async () => {
  for (const path of [
    "/secret.txt",
    "/public-not/secret.txt",
    "/public",
    "/PUBLIC/hello.txt",
    "/public/../secret.txt",
    "/public/%2e%2e/secret.txt",
    "/public%2f..%2fsecret.txt",
    "/public/..%2fsecret.txt",
    "/public/..%5csecret.txt",
    "/public//secret.txt",
    "//public/hello.txt",
    "/poster.jpg.orig",
    "/poster.jpgx",
    "/?/public/hello.txt",
  ]) {
    const answer = await ask(path);
    assert.equal(answer.status, 401, path);
    assert.ok(!answer.body.includes("secret"), path);
  }
});

test("the log says that it was public", { timeout: 15_000 }, async () => {
  await gate.log();
  await ask("/public/hello.txt");
  assert.deepEqual(await gate.log(), [
    { decision: "public", status: 200, method: "GET", scope: "/public/hello.txt" },
  ]);
});

const SEGMENTS = { PUBLIC_EXTENSIONS: "m4s, mp4" };
const token = (fields) => sign(FOLDER, { dir: 2, ...fields });

for (const name of ["bucket", "server"]) {
  describe(`segments that are public by their extension, from the ${name}`, () => {
    const get = (url, { env, ...options } = {}) =>
      stores[name].ask(/^https:/.test(url) ? url : `https://cdn.example.com${url}`, {
        env: { ...SEGMENTS, ...env },
        ...options,
      });

    test("they need no token, and every cache may keep them", { timeout: 15_000 }, async () => {
      for (const path of [
        "seg1.m4s",
        "init.MP4",
        "seg1%2Em4s",
        "seg1.m4s?v=1",
        `seg1.m4s?${token({ exp: NOW - 1 })}`,
        "seg1.m4s?pg=2",
      ]) {
        const answer = await get(FOLDER + path, { headers: { origin: PAGE } });
        assert.deepEqual([answer.status, answer.body.toString()], [200, "0123456789"], path);
        assert.equal(answer.headers["cache-control"], "public, max-age=31536000, immutable");
        for (const field of ["playgate-expires", "playgate-time-left", "set-cookie"])
          assert.equal(answer.headers[field], undefined);
        assert.equal(answer.headers["access-control-allow-origin"], PAGE);
        const head = await get(FOLDER + path, { method: "HEAD", headers: { origin: PAGE } });
        assert.deepEqual(fieldsOf(head), fieldsOf(answer));
      }
      assert.equal(
        (await get(`${FOLDER}seg1.m4s`, { headers: { range: "bytes=0-1" } })).status,
        206,
      );
      assert.equal((await get(`${FOLDER}none.m4s`)).status, 404);
      assert.equal(
        (await get(`${FOLDER}seg1.m4s`, { env: { PUBLIC_EXTENSIONS: null } })).status,
        401,
      );
    });

    test("nothing else is public", { timeout: 15_000 }, async () => {
      const paths = [
        "list.m3u8",
        "list.mpd",
        "list",
        "one.key",
        "two.bin",
        "other.ts",
        "m4s",
        ".m4s/",
        "a.m4s/b.ts",
        "a.mp4.ts",
        "seg1.m4s/",
        "seg1.m4s.",
        "other.ts?x.m4s",
        "other.ts#x.m4s",
        "other.ts;x.m4s/",
        "other.ts%3Fx.m4s/",
        "x.m4s%2F..%2Fother.ts",
        "x.m4s/../other.ts",
        "other.ts%00.m4s",
        "other.ts%0A.m4s",
        "%2e%2e/42//seg1.m4s",
        "other.ts%2F.m4s",
        "other.ts%5C.m4s",
      ];
      for (const path of paths) {
        const answer = await get(FOLDER + path);
        assert.equal(answer.status, 401, path);
        assert.ok(!answer.body.includes("secret"));
      }
    });

    test("a token in the path is verified all the same", { timeout: 15_000 }, async () => {
      const path = `${FOLDER}seg1.m4s`;
      const good = await get(`/${token()}${path}`);
      assert.deepEqual([good.status, good.headers["cache-control"]], [200, "private, max-age=600"]);
      assertRefused(await get(`/${token({ exp: NOW })}${path}`), 403, "expired");
      assertRefused(
        await get(
          `/${token().replace(/(?<=sig=)./, (first) => (first === "A" ? "B" : "A"))}${path}`,
        ),
        403,
        "bad_signature",
      );
      assertRefused(await get(`/${sign("/videos/43/", { dir: 2 })}${path}`), 403, "bad_signature");
      for (const start of ["pg=", "pg=1", "pg=x", "pg=2&exp=1&kid=main&sig=x"]) {
        const { status } = await get(`/${start}${path}`);
        assert.equal(status, 403, start);
      }
      // However it is spelled, it is never the name of a directory.
      const file = `/${token()}/seg1.m4s`;
      await stores.put(file, "secret");
      for (const start of ["/pg=", "/%70g=", "/p%67=", "/%70%67="]) {
        const answer = await get(file.replace("/pg=", start));
        assert.ok(![200, 404].includes(answer.status), `${start} ${answer.status}`);
      }
    });

    test(
      "rewritten manifests lead to them without a token, to all else with it",
      { timeout: 15_000 },
      async () => {
        for (const path of ["list.m3u8", "list"]) {
          for (const [place, url] of [
            ["query", `${FOLDER}${path}?${token()}`],
            ["path", `/${token()}${FOLDER}${path}`],
          ]) {
            const answer = await get(url);
            const inQuery = place === "query";
            const written = {
              "one.key": inQuery ? "/T/videos/42/one.key" : "one.key",
              "/videos/42/two.bin": "/T/videos/42/two.bin",
              "other.ts": inQuery ? "/T/videos/42/other.ts" : "other.ts",
              // A relative one would take the token along.
              "init.MP4": inQuery ? "init.MP4" : "/videos/42/init.MP4",
              "seg1.m4s": inQuery ? "seg1.m4s" : "/videos/42/seg1.m4s",
              "../43/seg1.m4s": inQuery ? "../43/seg1.m4s" : "/videos/43/seg1.m4s",
            };
            const expected = playlist(ADDRESSES.map((address) => written[address] ?? address));
            assert.equal(answer.body.toString().replaceAll(token(), "T"), expected, url);
            for (const reference of references(answer.body.toString())) {
              const address = new URL(reference, `https://cdn.example.com${url}`);
              const { status, headers } = await get(address.href);
              assert.equal(status, 200, reference);
              const isPublic = /\.(m4s|mp4)$/i.test(address.pathname);
              assert.equal(
                headers["playgate-expires"],
                isPublic ? undefined : String(NOW + 600),
                reference,
              );
              assert.equal(carried(address.href) === undefined, isPublic, reference);
            }
          }
        }
      },
    );

    test("with run, they lead away from the token that ends", { timeout: 15_000 }, async () => {
      for (const url of [
        `${FOLDER}list.m3u8?${token({ exp: NOW + 5, run: 60 })}`,
        `/${token({ exp: NOW + 5, run: 60 })}${FOLDER}list.m3u8`,
      ]) {
        const found = references((await get(url)).body.toString());
        assert.equal(found.length, 8);
        for (const reference of found) {
          const address = new URL(reference, `https://cdn.example.com${url}`).href;
          const isPublic = /\.(m4s|mp4)(\?|$)/i.test(address);
          assert.equal(
            carried(address)?.token,
            isPublic ? undefined : token({ exp: NOW + 60 }),
            address,
          );
          assert.equal((await get(address, { now: NOW + 59 })).status, 200);
        }
      }
    });

    test("not in a preview: who need no token see all of it", { timeout: 15_000 }, async () => {
      for (const list of ["list.m3u8", "list.mpd"])
        assertRefused(await get(`${FOLDER}${list}?${token({ pre: 2 })}`), 403, "no_preview");
    });

    test("in a presentation as well", { timeout: 15_000 }, async () => {
      assert.equal((await get(`${FOLDER}list.mpd?${token()}`)).body.toString(), MPD);
      const inPath = MPD.replace("init.MP4", "/videos/42/init.MP4").replace(
        "seg$",
        "/videos/42/seg$$",
      );
      assert.equal((await get(`/${token()}${FOLDER}list.mpd`)).body.toString(), inPath);
    });

    test("playlists lead to playlists with the token", { timeout: 15_000 }, async () => {
      const [variant] = references((await get(`${FOLDER}master.m3u8?${token()}`)).body.toString());
      assert.equal(variant, `/${token()}${FOLDER}list.m3u8`);
      assert.equal((await get(variant)).status, 200);
    });
  });
}

test("a public directory in a rewritten playlist", { timeout: 15_000 }, async () => {
  const text =
    "#EXTM3U\n#EXTINF:2,\na.ts\n#EXTINF:2,\nclips/b.ts\n#EXTINF:2,\n/videos/42/clips/b.ts\n";
  await stores.bucket.put(`${FOLDER}clips.m3u8`, text, { type: HLS });
  const written = async (url) =>
    (await ask(url, { env: { PUBLIC: "/videos/42/clips" } })).body
      .toString()
      .replaceAll(token(), "T");
  assert.equal(
    await written(`${FOLDER}clips.m3u8?${token()}`),
    text.replace("\na.ts", "\n/T/videos/42/a.ts"),
  );
  assert.equal(
    await written(`/${token()}${FOLDER}clips.m3u8`),
    text.replace("\nclips", "\n/videos/42/clips"),
  );
});
