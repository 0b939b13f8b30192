// Play-until: exp says until when a playback may start, run how long it lasts from then on.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { NOW, PAGE, sign, vectors } from "./gate.mjs";
import {
  assertRefused,
  carried,
  entry,
  fieldsOf,
  references,
  signedBy,
  startStores,
} from "./stores.mjs";

const HOST = "https://cdn.example.com";
const FOLDER = "/videos/42/";
const HLS = "application/vnd.apple.mpegurl";
const DASH = "application/dash+xml";
const RUN = 14_400;
const MAX_NUMBER = Number.MAX_SAFE_INTEGER;

/** Every binding that a token can have. */
const BOUND = {
  aud: "cdn",
  cc: "PT.ES",
  dir: 2,
  dl: Buffer.from("São João.m3u8").toString("base64url"),
  ip: "cb007100-24",
  jti: "token-1",
  nbf: NOW - 10,
  sid: "session-1",
  sub: "viewer-1",
};
/** A viewer to whom they apply. */
const VIEWER = { env: { AUDIENCE: "cdn" }, country: "PT", ip: "203.0.113.9" };

const VOD = `#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-MAP:URI="init.mp4"
#EXTINF:2,
a.ts
#EXTINF:2,
/videos/42/a.ts
#EXTINF:2,
/videos/43/a.ts
#EXT-X-ENDLIST
`;
const MASTER = `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="b",URI="sound.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1
vod.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2
/videos/42/live.m3u8
`;
const LIVE = `#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:7
#EXTINF:2,
a.ts
#EXTINF:2,
/videos/42/a.ts
`;
const mpd = (kind, content = "") => `<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="${kind}">${content}<Period><AdaptationSet>
<Representation id="1"><SegmentTemplate duration="2" initialization="init.mp4" media="$Number$.ts"/>
</Representation></AdaptationSet></Period></MPD>
`;

/** The text with T for the token, as it stands in a playlist and in XML. */
const plain = (text, token) =>
  text.replaceAll(token, "T").replaceAll(token.replaceAll("&", "&amp;"), "T");

let stores;
before(
  async () => {
    stores = await startStores();
    for (const [name, body, type] of [
      ["vod.m3u8", VOD, HLS],
      ["master.m3u8", MASTER, HLS],
      ["live.m3u8", LIVE, HLS],
      ["sound.m3u8", VOD, HLS],
      ["event.m3u8", LIVE.replace("#EXTINF", "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXTINF"), HLS],
      ["live", LIVE, HLS],
      ["static.mpd", mpd("static"), DASH],
      ["dynamic.mpd", mpd("dynamic"), DASH],
      ["located.mpd", mpd("dynamic", `<Location>${HOST}/videos/42/dynamic.mpd</Location>`), DASH],
      ["film", "0123456789", "video/mp4"],
      ...["a.ts", "1.ts", "init.mp4"].map((name) => [name, "0123456789", "video/mp2t"]),
    ]) {
      await stores.put(FOLDER + name, body, { type });
    }
    await stores.put("/videos/43/a.ts", "secret", { type: "video/mp2t" });
  },
  { timeout: 900_000 },
);
after(() => stores?.stop());

const limit = { timeout: 30_000 };

/** The one token that addresses of a manifest carry. */
function tokenOf(text) {
  const tokens = new Set(text.replaceAll("&amp;", "&").match(/(?<=\/)pg=[^/]+/g));
  assert.equal(tokens.size, 1, text);
  return [...tokens][0];
}

for (const name of ["bucket", "server"]) {
  describe(`from the ${name}`, () => {
    const ask = (...request) => stores[name].ask(...request);

    /** The ways in which a link to a path can be used: URL and header fields. */
    const placements = (path, token) => [
      [`${HOST}/${token}${path}`],
      [`${HOST}${path}?${token}`],
      [`${HOST}${path}`, { cookie: token }],
      [`${HOST}${path}`, { authorization: `Bearer ${token}` }],
    ];

    test(
      "the addresses carry a token with every binding, less run, that lasts from now on",
      limit,
      async () => {
        const shown = sign(FOLDER, { exp: NOW + 300, run: RUN, ...BOUND });
        for (const now of [NOW, NOW + 100, NOW + 299]) {
          const expected = sign(FOLDER, { exp: now + RUN, ...BOUND });
          for (const [url, headers] of placements("/videos/42/vod.m3u8", shown)) {
            const answer = await ask(url, {
              now,
              headers: { origin: PAGE, ...headers },
              ...VIEWER,
            });
            assert.equal(answer.status, 200, answer.headers["playgate-reason"]);
            assert.equal(
              plain(answer.body.toString(), expected),
              VOD.replace("init.mp4", "/T/videos/42/init.mp4")
                .replaceAll("\na.ts", "\n/T/videos/42/a.ts")
                .replaceAll("\n/videos/42/a.ts", "\n/T/videos/42/a.ts"),
            );
            assert.equal(answer.headers["playgate-expires"], String(now + RUN));
            assert.equal(answer.headers["playgate-time-left"], String(RUN));
            assert.equal(answer.headers["cache-control"], "private, no-cache");
            assert.equal(answer.headers["last-modified"], undefined);
            assert.equal(Number(answer.headers["content-length"]), answer.body.length);
            assert.match(answer.headers["content-disposition"], /S%C3%A3o%20Jo%C3%A3o\.m3u8$/);
            const exposed = answer.headers["access-control-expose-headers"].split(", ");
            for (const field of ["Playgate-Expires", "Playgate-Time-Left"])
              assert.ok(exposed.includes(field), field);
            const head = await ask(url, {
              method: "HEAD",
              now,
              headers: { origin: PAGE, ...headers },
              ...VIEWER,
            });
            assert.deepEqual(fieldsOf(head), fieldsOf(answer));
          }
        }
      },
    );

    test("it opens what the link opened, until run is over", limit, async () => {
      const shown = sign(FOLDER, { exp: NOW + 300, run: RUN, ...BOUND });
      const { body } = await ask(`${HOST}${FOLDER}vod.m3u8?${shown}`, VIEWER);
      const addresses = references(body.toString())
        .filter(carried)
        .map((reference) => HOST + reference);
      assert.equal(addresses.length, 3);
      for (const url of addresses) {
        for (const now of [NOW, NOW + 300, NOW + RUN - 1]) {
          const answer = await ask(url, { now, ...VIEWER });
          assert.deepEqual([answer.status, answer.body.toString()], [200, "0123456789"]);
          assert.equal(answer.headers["playgate-expires"], String(NOW + RUN));
        }
        for (const now of [NOW + RUN, NOW + RUN + 1])
          assertRefused(await ask(url, { now, ...VIEWER }), 403, "expired");
        const later = { now: NOW + 301 };
        assertRefused(await ask(url, { ...VIEWER, ...later, country: "FR" }), 403, "wrong_country");
        assertRefused(
          await ask(url, { ...VIEWER, ...later, country: undefined }),
          403,
          "wrong_country",
        );
        assertRefused(
          await ask(url, { ...VIEWER, ...later, ip: "203.0.114.9" }),
          403,
          "wrong_network",
        );
        assertRefused(
          await ask(url, { ...VIEWER, ...later, env: { AUDIENCE: "other" } }),
          403,
          "wrong_audience",
        );
        assertRefused(await ask(url, { ...VIEWER, ...later, env: {} }), 403, "wrong_audience");
        assertRefused(await ask(url, { ...VIEWER, now: NOW - 11 }), 403, "not_yet_valid");
        assertRefused(await ask(url.replace(FOLDER, "/videos/43/"), VIEWER), 403, "bad_signature");
        assertRefused(
          await ask(url.replace(/videos\/42\/.*/, "videos/42"), VIEWER),
          403,
          "outside_scope",
        );
        assertRefused(await ask(url.replace("&dir=2", "&dir=1"), VIEWER), 403, "bad_signature");
      }
    });

    test("a late request starts nothing", limit, async () => {
      const shown = sign(FOLDER, { exp: NOW + 300, run: RUN, dir: 2 });
      for (const [url, headers] of placements("/videos/42/vod.m3u8", shown)) {
        assertRefused(await ask(url, { now: NOW + 300, headers }), 403, "expired");
      }
    });

    test("what was exchanged is not exchanged again", limit, async () => {
      const shown = sign(FOLDER, { exp: NOW + 300, run: RUN, dir: 2 });
      const lasting = sign(FOLDER, { exp: NOW + RUN, dir: 2 });
      const first = (await ask(`${HOST}${FOLDER}master.m3u8?${shown}`)).body.toString();
      assert.equal(tokenOf(first), lasting);
      for (const reference of references(first)) {
        const answer = await ask(HOST + reference, { now: NOW + 1000 });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers["playgate-expires"], String(NOW + RUN));
        assert.equal(answer.headers["cache-control"], "private, max-age=0");
        assert.equal(tokenOf(answer.body.toString()), lasting);
        assert.ok(answer.body.includes("\na.ts\n"), "relative addresses inherit it");
      }
      for (const [url, headers] of placements("/videos/42/master.m3u8", lasting)) {
        const answer = await ask(url, { now: NOW + 1000, headers });
        for (const { token } of references(answer.body.toString()).map(carried).filter(Boolean))
          assert.equal(token, lasting);
        assert.equal(answer.headers["playgate-expires"], String(NOW + RUN));
      }
    });

    test("the request's key signs, and takes along what it signed", limit, async () => {
      const [main, next] = ["main", "next"].map(entry);
      const start = async (keys, fields = { ...BOUND }) => {
        const shown = signedBy("next", FOLDER, { exp: NOW + 300, run: RUN, ...fields });
        const options = { ...VIEWER, env: { ...VIEWER.env, PLAYGATE_KEYS: keys } };
        return [await ask(`${HOST}${FOLDER}vod.m3u8?${shown}`, options), options];
      };
      for (const [keys, ends] of [
        [`${next},${main}`, NOW + RUN],
        [`${main},${next}`, NOW + RUN],
        [`${main}@${NOW - 1000},${next}`, NOW + RUN],
        [`${main},${next}@${NOW + RUN + 1}`, NOW + RUN],
        [`${main},${next}@${NOW + 7}`, NOW + 7],
      ]) {
        const [answer, options] = await start(keys);
        assert.equal(
          tokenOf(answer.body.toString()),
          signedBy("next", FOLDER, { exp: ends, ...BOUND }),
          keys,
        );
        assert.equal(answer.headers["playgate-expires"], String(ends));
        const [address] = references(answer.body.toString());
        assert.equal((await ask(HOST + address, options)).status, 200);
        const without = { ...options, env: { ...options.env, PLAYGATE_KEYS: main } };
        assertRefused(await ask(HOST + address, without), 403, "unknown_key");
      }
      const [retired] = await start(`${main},${next}@${NOW}`);
      assertRefused(retired, 403, "retired_key");
      const [foreign] = await start(`${main},jwt/${next}`);
      assertRefused(foreign, 403, "unknown_key");
    });

    test(
      "run starts with the request, and not after exp where clocks may differ",
      limit,
      async () => {
        const shown = sign(FOLDER, { exp: NOW, run: RUN, dir: 2 });
        const url = `${HOST}${FOLDER}vod.m3u8?${shown}`;
        assertRefused(await ask(url), 403, "expired");
        for (const [now, exp] of [
          [NOW - 30, NOW - 30 + RUN],
          [NOW, NOW + RUN],
          [NOW + 59, NOW + RUN],
        ]) {
          const answer = await ask(url, { now, env: { LEEWAY: "60" } });
          assert.equal(tokenOf(answer.body.toString()), sign(FOLDER, { exp, dir: 2 }));
          assert.equal(answer.headers["playgate-expires"], String(exp));
          assert.equal(answer.headers["playgate-time-left"], String(exp - now));
        }
        assertRefused(await ask(url, { now: NOW + 60, env: { LEEWAY: "60" } }), 403, "expired");
      },
    );

    test("the cap on lifetimes holds for what is minted here too", limit, async () => {
      const env = { MAX_LIFETIME: "3600" };
      for (const run of [RUN, MAX_NUMBER]) {
        const shown = sign(FOLDER, { exp: NOW + 300, run, dir: 2 });
        const answer = await ask(`${HOST}${FOLDER}vod.m3u8?${shown}`, { env, now: NOW + 7 });
        assert.equal(tokenOf(answer.body.toString()), sign(FOLDER, { exp: NOW + 3607, dir: 2 }));
        const [address] = references(answer.body.toString());
        assert.equal((await ask(HOST + address, { env, now: NOW + 7 })).status, 200);
      }
      const brief = sign(FOLDER, { exp: NOW + 300, run: 60, dir: 2 });
      const answer = await ask(`${HOST}${FOLDER}vod.m3u8?${brief}`, { env });
      assert.equal(tokenOf(answer.body.toString()), sign(FOLDER, { exp: NOW + 60, dir: 2 }));
    });

    test("run has a cap, a day unless the operator says otherwise", limit, async () => {
      const longest = `${HOST}${FOLDER}vod.m3u8?${sign(FOLDER, { exp: NOW + 300, run: MAX_NUMBER, dir: 2 })}`;
      for (const [env, exp] of [
        [{}, NOW + 86_400],
        [{ MAX_RUN: "3600" }, NOW + 3600],
        [{ MAX_RUN: "604800" }, NOW + 604_800],
        [{ MAX_RUN: "604800", MAX_LIFETIME: "7200" }, NOW + 7200],
      ]) {
        const answer = await ask(longest, { env });
        assert.equal(tokenOf(answer.body.toString()), sign(FOLDER, { exp, dir: 2 }));
        assert.equal(answer.headers["playgate-expires"], String(exp));
        assert.equal((await ask(HOST + references(answer.body.toString())[0], { env })).status, 200);
      }
    });

    test("the entity tag is that of what was minted", limit, async () => {
      const url = `${HOST}${FOLDER}vod.m3u8?${sign(FOLDER, { exp: NOW + 300, run: RUN, dir: 2 })}`;
      const { etag } = (await ask(url)).headers;
      assert.equal((await ask(url, { headers: { "if-none-match": etag } })).status, 304);
      const later = await ask(url, { now: NOW + 1, headers: { "if-none-match": etag } });
      assert.equal(later.status, 200);
      assert.notEqual(later.headers.etag, etag);
      assert.equal(tokenOf(later.body.toString()), sign(FOLDER, { exp: NOW + 1 + RUN, dir: 2 }));
    });

    for (const path of ["live.m3u8", "event.m3u8", "live"]) {
      test(`a live playlist is reloaded at an address that lasts: ${path}`, limit, async () => {
        const shown = sign(FOLDER, { exp: NOW + 300, run: RUN, dir: 2 });
        const lasting = sign(FOLDER, { exp: NOW + RUN, dir: 2 });
        const [own] = placements(FOLDER + path, lasting)[0];
        for (const [url, headers] of placements(FOLDER + path, shown)) {
          const answer = await ask(url, { headers });
          assert.equal(answer.headers["content-type"], HLS);
          assert.equal(answer.headers["cache-control"], "private, no-cache");
          const lines = answer.body.toString().trimEnd().split("\n");
          assert.deepEqual([lines.length, lines[0], HOST + lines[2]], [3, "#EXTM3U", own]);
          assert.match(lines[1], /^#EXT-X-STREAM-INF:BANDWIDTH=\d+$/);
        }
        const reload = async (now) => {
          const answer = await ask(own, { now });
          assert.equal(answer.headers["playgate-expires"], String(NOW + RUN));
          return answer.body.toString();
        };
        const first = await reload(NOW);
        assert.ok(
          first.includes("\na.ts\n") && first.includes(`\n/${lasting}/videos/42/a.ts\n`),
          first,
        );
        for (const now of [NOW + 2, NOW + 301, NOW + RUN - 1])
          assert.equal(await reload(now), first);
        for (const reference of references(first)) {
          assert.equal((await ask(new URL(reference, own).href, { now: NOW + 301 })).status, 200);
        }
        assertRefused(await ask(own, { now: NOW + RUN }), 403, "expired");
      });
    }

    test(
      "the lasting address has the player's query, less its delivery directives",
      limit,
      async () => {
        const shown = sign(FOLDER, { exp: NOW + 300, run: RUN, dir: 2 });
        const answer = await ask(
          `${HOST}/${shown}${FOLDER}live.m3u8?_HLS_msn=9&v=1&_HLS_part=1&CMCD=a&w=%0A`,
        );
        assert.ok(
          answer.body
            .toString()
            .endsWith(`/${sign(FOLDER, { exp: NOW + RUN, dir: 2 })}${FOLDER}live.m3u8?v=1&w=%0A\n`),
          answer.body.toString(),
        );
      },
    );

    test("a dynamic MPD is reloaded at an address that lasts", limit, async () => {
      const shown = sign(FOLDER, { exp: NOW + 300, run: RUN, dir: 2 });
      const lasting = sign(FOLDER, { exp: NOW + RUN, dir: 2 });
      const segments = (text) =>
        text
          .replace("init.mp4", `${HOST}/T/videos/42/init.mp4`)
          .replace("$Number$", `${HOST}/T/videos/42/$$Number$$`);
      const located = (name) => mpd("dynamic", `<Location>${HOST}/T/videos/42/${name}</Location>`);
      for (const [name, expected] of [
        ["dynamic.mpd", segments(located("dynamic.mpd"))],
        ["located.mpd", segments(located("dynamic.mpd"))],
        ["static.mpd", segments(mpd("static"))],
      ]) {
        for (const [url, headers] of placements(FOLDER + name, shown)) {
          const answer = await ask(url, { headers });
          assert.equal(plain(answer.body.toString(), lasting), expected, url);
          assert.equal(answer.headers["playgate-expires"], String(NOW + RUN));
        }
      }
      const own = `${HOST}/${lasting}${FOLDER}dynamic.mpd`;
      const reloads = await Promise.all(
        [NOW, NOW + 301].map(async (now) => (await ask(own, { now })).body.toString()),
      );
      assert.deepEqual(reloads, [mpd("dynamic"), mpd("dynamic")]);
      assert.equal((await ask(new URL("1.ts", own).href, { now: NOW + 301 })).status, 200);
    });

    test("a manifest of exact scope stays as it is", limit, async () => {
      const exact = sign("/videos/42/vod.m3u8", { exp: NOW + 300, run: RUN });
      const answer = await ask(`${HOST}/videos/42/vod.m3u8?${exact}`);
      assert.deepEqual(
        [answer.body.toString(), answer.headers["playgate-expires"]],
        [VOD, String(NOW + 300)],
      );
    });

    test(
      "it is asked for again each time, and not stored where the store says so",
      limit,
      async () => {
        const shown = sign(FOLDER, { exp: NOW + 300, run: RUN, dir: 2 });
        for (const [cache, expected] of [
          ["public, max-age=86400", "private, no-cache"],
          ["no-cache", "private, no-cache"],
          ["max-age=60, no-store", "private, no-store"],
        ]) {
          await stores[name].put(`${FOLDER}cache.m3u8`, VOD, { type: HLS, cache });
          const { headers } = await ask(`${HOST}${FOLDER}cache.m3u8?${shown}`);
          assert.equal(headers["cache-control"], expected);
        }
      },
    );

    test("an error exchanges nothing", limit, async () => {
      const shown = sign(FOLDER, { exp: NOW + 300, run: RUN, dir: 2 });
      for (const [url, headers] of placements("/videos/42/none.m3u8", shown)) {
        const answer = await ask(url, { headers, env: { SET_COOKIE: "true" } });
        assert.equal(answer.status, 404);
        assert.equal(answer.headers["playgate-expires"], String(NOW + 300));
        assert.equal(answer.headers["playgate-time-left"], "300");
        assert.equal(answer.headers["set-cookie"], undefined);
      }
    });

    test(
      "no line of the log has a token, neither the one shown nor the one minted",
      limit,
      async () => {
        await stores.gate.log();
        await ask(
          `${HOST}${FOLDER}master.m3u8?${sign(FOLDER, { exp: NOW + 300, run: RUN, dir: 2 })}`,
        );
        const lines = await stores.gate.log();
        assert.deepEqual(lines, [
          {
            decision: "allow",
            status: 200,
            method: "GET",
            kid: "main",
            scope: FOLDER,
            placement: "query",
          },
        ]);
      },
    );
  });
}

test("the vectors' keys are these", () => {
  assert.ok(vectors.keys.startsWith(`${entry("main")}\n${entry("next")}\n`));
  assert.equal(signedBy("main", FOLDER, { dir: 2 }), sign(FOLDER, { dir: 2 }));
});
