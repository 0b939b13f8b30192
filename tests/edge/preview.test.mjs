// Previews: of a manifest fetched with `pre`, the first seconds and nothing behind them.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { sample } from "./film.mjs";
import { NOW, sign } from "./gate.mjs";
import { assertRefused, carried, fieldsOf, references, startStores } from "./stores.mjs";

const HOST = "https://cdn.example.com";
const FOLDER = "/videos/42/";
const HLS = "application/vnd.apple.mpegurl";

const preview = (fields) => sign(FOLDER, { dir: 2, pre: 4, ...fields });

/** Some segments of two seconds each. */
const THREE = `#EXT-X-TARGETDURATION:2
#EXTINF:2,
seg_0_01.m4s
#EXTINF:2,
seg_0_02.m4s
#EXTINF:2,
seg_0_03.m4s
`;
const period = (content) =>
  `<Period start="PT0S"><AdaptationSet><Representation id="1">
${content}</Representation></AdaptationSet></Period></MPD>`;
/** Playlists of which no preview can be cut. */
const UNCUT = [
  ["range.m3u8", "#EXTM3U\n#EXTINF:2,\n#EXT-X-BYTERANGE:100@0\nfilm.mp4\n#EXT-X-ENDLIST\n"],
  [
    "late-range.m3u8",
    `#EXTM3U\n${THREE}#EXTINF:2,\n#EXT-X-BYTERANGE:100@0\nseg_0_01.m4s\n#EXT-X-ENDLIST\n`,
  ],
  [
    "map-range.m3u8",
    `#EXTM3U\n#EXT-X-MAP:URI="film.mp4",BYTERANGE="100@0"\n${THREE}#EXT-X-ENDLIST\n`,
  ],
  ["window.m3u8", `#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n${THREE}`],
  ["window-late.m3u8", `#EXTM3U\n${THREE}#EXT-X-MEDIA-SEQUENCE:7\n`],
  [
    "one-file.mpd",
    `<MPD type="static" mediaPresentationDuration="PT20S">
${period("<BaseURL>film.mp4</BaseURL>")}`,
  ],
  [
    "live.mpd",
    `<MPD type="dynamic">
${period('<SegmentTemplate duration="2" media="seg_0_$Number%02d$.m4s"/>')}`,
  ],
];
const LOCKED = `#EXTM3U
#EXT-X-KEY:METHOD=AES-128,URI="one.key"
#EXTINF:2,
seg_0_01.m4s
#EXTINF:2,
seg_0_02.m4s
#EXT-X-KEY:METHOD=AES-128,URI="two.key"
#EXTINF:2,
seg_0_03.m4s
#EXT-X-ENDLIST
`;
const MIXED = `#EXTM3U
#EXTINF:2,
https://cdn.example.com/videos/42/seg_0_01.m4s?a=b
#EXTINF:2,
/videos/43/a.ts
#EXTINF:2,
seg_0_03.m4s
#EXT-X-ENDLIST
`;

let stores;
before(
  async () => {
    stores = await startStores();
    const files = [
      ...sample,
      ...UNCUT,
      ["locked.m3u8", LOCKED],
      ["mixed.m3u8", MIXED],
      ["one.key", "1"],
      ["two.key", "2"],
      ["film.mp4", "film"],
    ];
    for (const [name, bytes] of files) await stores.put(FOLDER + name, bytes);
    await stores.put("/videos/42/playlist", `#EXTM3U\n${THREE}`, { type: HLS });
    await stores.put("/videos/43/a.ts", "secret");
  },
  { timeout: 900_000 },
);
after(() => stores?.stop());

const limit = { timeout: 60_000 };
const nameOf = (url) => new URL(url).pathname.split("/").at(-1);

/** The segments of a representation of the sample, and its start, from the first to a last. */
const files = (id, last) => [
  `init_${id}.mp4`,
  ...Array.from({ length: last }, (_, n) => `seg_${id}_0${n + 1}.m4s`),
];

/**
 * How many segments of a playlist of the sample start within four seconds; those of sound are a
 * little shorter than two.
 */
function shown(id) {
  const text = sample.find(([name]) => name === `media_${id}.m3u8`)[1].toString();
  let start = 0;
  return [...text.matchAll(/#EXTINF:([\d.]+)/g)].filter(
    ([, duration]) => (start += Number(duration)) - Number(duration) < 4,
  ).length;
}

/** The ways in which a token can be shown: URL and header fields. */
const placements = (path, token) => [
  [`${HOST}/${token}${path}`],
  [`${HOST}${path}?${token}`],
  [`${HOST}${path}`, { cookie: token }],
  [`${HOST}${path}`, { authorization: `Bearer ${token}` }],
];

for (const name of ["bucket", "server"]) {
  describe(`from the ${name}`, () => {
    const ask = (...request) => stores[name].ask(...request);

    async function get(url, options) {
      const answer = await ask(url, options);
      assert.equal(answer.status, 200, `${answer.headers["playgate-reason"]} ${nameOf(url)}`);
      return answer;
    }

    /** All that a player finds which follows addresses and knows nothing else: address to bytes. */
    async function follow(url, headers, found = new Map()) {
      const { body } = await get(url, { headers });
      found.set(url, body);
      if (nameOf(url).endsWith(".m3u8")) {
        for (const reference of references(body.toString()))
          await follow(new URL(reference, url).href, {}, found);
      }
      return found;
    }

    test("two segments of two seconds each, for four", limit, async () => {
      for (const [url, headers] of placements("/videos/42/media_0.m3u8", preview())) {
        const answer = await get(url, { headers });
        const text = answer.body.toString();
        assert.match(text, /#EXT-X-ENDLIST\n$/);
        assert.equal(text.match(/#EXTINF:2\.000000,\n/g).length, 2);
        const visible = text.replace(/\/pg=[^/]*\/videos\/42\//g, "@");
        const expected = sample
          .find(([name]) => name === "media_0.m3u8")[1]
          .toString()
          .replace(/(#EXTINF.*\nseg_0_(0[3-9]|10)\.m4s\n)+/, "")
          .replaceAll("seg_0", "@seg_0")
          .replace("init_0", "@init_0");
        assert.equal(visible, expected);
        assert.equal(Number(answer.headers["content-length"]), answer.body.length);
        assert.equal(answer.headers["playgate-expires"], String(NOW + 600));
        assert.deepEqual(fieldsOf(await ask(url, { method: "HEAD", headers })), fieldsOf(answer));
      }
    });

    test("each address has a token of its own, for the whole of that file", limit, async () => {
      const { body } = await get(`${HOST}${FOLDER}media_0.m3u8?${preview({ sub: "viewer-1" })}`);
      const found = references(body.toString()).map(carried);
      assert.deepEqual(
        found.map(({ path }) => path),
        files(0, 2).map((name) => FOLDER + name),
      );
      for (const { token, path } of found) {
        // Neither a directory nor a preview any more.
        assert.equal(token, sign(path, { sub: "viewer-1" }));
      }
    });

    test(
      "from the master playlist a player gets so far by following addresses alone",
      limit,
      async () => {
        for (const [url, headers] of placements("/videos/42/master.m3u8", preview())) {
          const found = await follow(url, headers);
          const expected = [
            ...[0, 1, 2].flatMap((id) => [`media_${id}.m3u8`, ...files(id, shown(id))]),
            "master.m3u8",
            "subtitles.m3u8",
            "subtitles.vtt",
          ];
          assert.deepEqual([...found.keys()].map(nameOf).sort(), expected.sort());
          for (const [address, bytes] of found) {
            if (nameOf(address).endsWith(".m3u8")) continue;
            assert.ok(bytes.equals(sample.find(([name]) => name === nameOf(address))[1]), address);
          }
        }
      },
    );

    test(
      "what is behind the end opens to none of the tokens at hand, wherever they are shown",
      limit,
      async () => {
        const found = await follow(`${HOST}${FOLDER}master.m3u8?${preview()}`);
        const tokens = new Set([
          preview(),
          ...[...found.keys()].map((url) => carried(url)?.token).filter(Boolean),
        ]);
        assert.equal(tokens.size, 12, "one for manifests, one for each file");
        for (const path of [
          "seg_0_03.m4s",
          "seg_0_10.m4s",
          "seg_1_03.m4s",
          "seg_2_10.m4s",
          "film.mp4",
          "one.key",
        ]) {
          for (const token of tokens) {
            const reason = token === preview() ? "outside_preview" : "bad_signature";
            for (const [url, headers] of placements(FOLDER + path, token)) {
              assertRefused(await ask(url, { headers }), 403, reason);
              assertRefused(await ask(url, { headers, method: "HEAD" }), 403, reason);
            }
          }
        }
        // Nor do segments before it without their own.
        const [url] = placements(`${FOLDER}seg_0_01.m4s`, preview())[0];
        assertRefused(await ask(url), 403, "outside_preview");
        for (const more of ["?a.m3u8", "?x=/a.m3u8", "/a.m3u8/..", "%2Fa.m3u8"]) {
          assert.notEqual((await ask(`${url}${more}`)).status, 200, more);
        }
        for (const [field, value] of [
          ["&pre=4", ""],
          ["&pre=4", "&pre=40"],
          ["&dir=2", "&dir=1"],
        ]) {
          const changed = preview().replace(field, value);
          assert.equal(
            (await ask(`${HOST}${FOLDER}media_0.m3u8?${changed}`)).headers["playgate-reason"],
            "bad_signature",
          );
        }
      },
    );

    test("of a presentation, so many segments of each representation", limit, async () => {
      for (const [url, headers] of placements("/videos/42/manifest.mpd", preview())) {
        const text = (await get(url, { headers })).body.toString();
        assert.ok(text.includes('mediaPresentationDuration="PT4S"'), text);
        assert.ok(!text.includes("SegmentTemplate"));
        const representations = [
          ...text.matchAll(/<Representation id="(\d)".*?<\/Representation>/gs),
        ];
        assert.deepEqual(
          representations.map(([, id]) => id),
          ["0", "1", "2"],
        );
        for (const [inside, id] of representations) {
          const addresses = [...inside.matchAll(/(?:media|sourceURL)="([^"]+)"/g)].map(([, text]) =>
            text.replaceAll("&amp;", "&"),
          );
          assert.deepEqual(
            addresses.map((address) => carried(address).path),
            files(id, 2).map((name) => FOLDER + name),
          );
          for (const address of addresses) {
            const { body } = await get(new URL(address, url).href);
            assert.ok(body.equals(sample.find(([name]) => name === nameOf(HOST + address))[1]));
          }
        }
      }
    });

    test("with run, it lasts", limit, async () => {
      const token = sign(FOLDER, { exp: NOW + 300, dir: 2, pre: 4, run: 14_400 });
      const found = await follow(`${HOST}${FOLDER}master.m3u8?${token}`);
      const lasting = sign(FOLDER, { exp: NOW + 14_400, dir: 2, pre: 4 });
      let followed = 0;
      for (const url of [...found.keys()].slice(1)) {
        const { token, path } = carried(url);
        if (path.endsWith(".m3u8")) assert.equal(token, lasting);
        else assert.equal(token, sign(path, { exp: NOW + 14_400 }), path);
        assert.equal((await ask(url, { now: NOW + 14_399 })).status, 200);
        assertRefused(await ask(url, { now: NOW + 14_400 }), 403, "expired");
        followed++;
      }
      assert.equal(followed, 15);
      assertRefused(await ask(`${HOST}/${lasting}${FOLDER}seg_0_03.m4s`), 403, "outside_preview");
    });

    test("keys go with their segments", limit, async () => {
      const { body } = await get(`${HOST}${FOLDER}locked.m3u8?${preview()}`);
      const found = references(body.toString()).map((reference) =>
        carried(reference).path.slice(FOLDER.length),
      );
      assert.deepEqual(found, ["one.key", "seg_0_01.m4s", "seg_0_02.m4s"]);
      for (const reference of references(body.toString())) await get(HOST + reference);
    });

    test(
      "absolute addresses, parameters of their own, and others of another directory",
      limit,
      async () => {
        const { body } = await get(`${HOST}${FOLDER}mixed.m3u8?${preview({ pre: 6 })}`);
        const [first, other, last] = references(body.toString());
        assert.equal(carried(first).path, `${FOLDER}seg_0_01.m4s?a=b`);
        assert.equal(carried(first).token, sign(`${FOLDER}seg_0_01.m4s?a=b`));
        await get(HOST + first);
        assertRefused(await ask(HOST + first.replace("?a=b", "?a=c")), 403, "bad_signature");
        assert.equal(other, "/videos/43/a.ts");
        await get(HOST + last);
      },
    );

    test("where nothing can be cut there is no preview", limit, async () => {
      for (const [file] of UNCUT) {
        for (const [url, headers] of placements(FOLDER + file, preview())) {
          for (const method of ["GET", "HEAD"]) {
            const answer = await ask(url, { method, headers });
            assertRefused(answer, 403, "no_preview");
            assert.equal(answer.headers["cache-control"], "no-store");
            assert.ok(!answer.body.includes("seg_0_") && !answer.body.includes("film.mp4"), file);
          }
        }
        assert.equal(
          (await ask(`${HOST}${FOLDER}${file}?${sign(FOLDER, { dir: 2 })}`)).status,
          200,
          "it is for others",
        );
      }
    });

    test("only what is named like a manifest is one", limit, async () => {
      for (const path of [
        "/videos/42/playlist",
        "/videos/42/film.mp4",
        "/videos/42/",
        "/videos/42/subtitles.vtt",
      ]) {
        for (const [url, headers] of placements(path, preview())) {
          assertRefused(await ask(url, { headers }), 403, "outside_preview");
        }
      }
    });

    test("a part or the rest of a manifest cannot be asked for", limit, async () => {
      for (const [url, headers] of placements("/videos/42/media_0.m3u8", preview())) {
        const whole = await get(url, { headers });
        for (const range of ["bytes=0-9", "bytes=200-", "bytes=-100"]) {
          const answer = await get(url, {
            headers: { ...headers, range, "if-range": whole.headers.etag },
          });
          assert.ok(answer.body.equals(whole.body));
        }
        const stored = (
          await ask(`${HOST}${FOLDER}media_0.m3u8`, {
            headers: { cookie: sign(FOLDER, { dir: 2 }) },
          })
        ).headers.etag;
        assert.notEqual(whole.headers.etag, stored);
        assert.equal(
          (await ask(url, { headers: { ...headers, "if-none-match": whole.headers.etag } })).status,
          304,
        );
        assert.equal(
          (await ask(url, { headers: { ...headers, "if-none-match": stored } })).status,
          200,
        );
      }
      const tags = await Promise.all(
        [4, 5].map(
          async (pre) =>
            (await get(`${HOST}${FOLDER}media_0.m3u8?${preview({ pre })}`)).headers.etag,
        ),
      );
      assert.notEqual(tags[0], tags[1]);
    });

    test("a preview longer than the film is the film", limit, async () => {
      const { body } = await get(`${HOST}${FOLDER}media_0.m3u8?${preview({ pre: 86_400 })}`);
      assert.equal(references(body.toString()).length, 11);
      const { body: mpd } = await get(`${HOST}${FOLDER}manifest.mpd?${preview({ pre: 86_400 })}`);
      assert.ok(mpd.includes('"PT20.0S"'));
      assert.equal(mpd.toString().match(/<SegmentURL /g).length, 30);
    });
  });
}

test("a preview of an exact scope cannot be", limit, async () => {
  const answer = await stores.bucket.ask(
    `${HOST}${FOLDER}media_0.m3u8?${sign(`${FOLDER}media_0.m3u8`, { pre: 4 })}`,
  );
  assert.equal(answer.status, 403, "the whole playlist would be handed out");
});
