// Play-until for files that are no manifests: a link with run is answered by the way to the exchanged link.
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { read, withoutFfmpeg } from "./ffmpeg.mjs";
import { longFilm, sample } from "./film.mjs";
import { NOW, PAGE, jwt, sign, startGate, startOrigin } from "./gate.mjs";
import { assertRefused, entry, fieldsOf, startStores } from "./stores.mjs";

const HOST = "https://cdn.example.com";
const FOLDER = "/videos/42/";
const RUN = 14_400;
const BYTES = "0123456789";
const limit = { timeout: 30_000 };
// The type of the second is known when the store was asked.
const FILES = ["/videos/42/film.mp4", "/videos/42/film", "/videos/42/S%C3%A3o%20Jo%C3%A3o%20(1).mp4"];

/** Every binding that a token can have. */
const BOUND = {
  aud: "cdn",
  cc: "PT.ES",
  dl: Buffer.from("São João.mp4").toString("base64url"),
  ip: "cb007100-24",
  jti: "token-1",
  nbf: NOW - 10,
  sid: "session-1",
  sub: "viewer-1",
};
const VIEWER = { env: { AUDIENCE: "cdn" }, country: "PT", ip: "203.0.113.9" };

let stores;
before(async () => {
  stores = await startStores();
  for (const path of [...FILES, "/videos/42/a.ts"]) await stores.put(path, BYTES, { type: "video/mp4" });
  await stores.put("/videos/42/live", "#EXTM3U\n#EXTINF:2,\na.ts\n", { type: "application/vnd.apple.mpegurl" });
}, { timeout: 900_000 });
after(() => stores?.stop());

/** The scopes of a path: what is signed, and the fields that say so. */
const scopes = (path) => [[path, {}], [FOLDER, { dir: 2 }]];

/** An address with a token in the path or in the query, from its path on. */
const addressed = {
  path: (path, token) => `/${token}${path}`,
  query: (path, token) => `${path}?${token}`,
};

for (const name of ["bucket", "server"]) {
  describe(`from the ${name}`, () => {
    const ask = (...request) => stores[name].ask(...request);

    for (const path of FILES) {
      test(`it leads to a link with every binding, less run: ${path}`, limit, async () => {
        for (const [scope, dir] of scopes(path)) {
          for (const address of Object.values(addressed)) {
            for (const now of [NOW, NOW + 299]) {
              const shown = sign(scope, { exp: NOW + 300, run: RUN, ...dir, ...BOUND });
              const url = HOST + address(path, shown);
              const answer = await ask(url, { now, headers: { origin: PAGE }, ...VIEWER });
              assert.deepEqual([answer.status, answer.body.length], [302, 0]);
              const location = address(path, sign(scope, { exp: now + RUN, ...dir, ...BOUND }));
              const { date, connection, "keep-alive": _, ...fields } = answer.headers;
              const exposed = fields["access-control-expose-headers"];
              assert.ok(exposed.includes("Playgate-Expires"));
              assert.deepEqual(fields, {
                "access-control-allow-credentials": "true",
                "access-control-allow-origin": PAGE,
                "access-control-expose-headers": exposed,
                "cache-control": "no-store",
                "content-length": "0",
                "location": location,
                "playgate-expires": String(now + RUN),
                "playgate-time-left": String(RUN),
                "vary": "Origin",
                "x-content-type-options": "nosniff",
              });
              // What it leads to is media, and leads nowhere else.
              for (const later of [now, NOW + 1000, now + RUN - 1]) {
                const media = await ask(HOST + location, { now: later, ...VIEWER });
                assert.deepEqual([media.status, media.body.toString()], [200, BYTES]);
                assert.equal(media.headers["playgate-expires"], String(now + RUN));
                assert.match(media.headers["content-disposition"], /^attachment; .*S%C3%A3o/);
              }
              assertRefused(await ask(HOST + location, { now: now + RUN, ...VIEWER }), 403, "expired");
              assertRefused(await ask(HOST + location, { ...VIEWER, ip: "203.0.114.9" }), 403, "wrong_network");
              assertRefused(await ask(url, { now: NOW + 300, ...VIEWER }), 403, "expired");
            }
          }
        }
      });

      test(`HEAD, ranges and conditions are led there too: ${path}`, limit, async () => {
        for (const [scope, dir] of scopes(path)) {
          const url = `${HOST}${path}?${sign(scope, { exp: NOW + 300, run: RUN, ...dir })}`;
          const first = await ask(url);
          const range = { range: "bytes=2-3" };
          for (const options of [
            { method: "HEAD" },
            { headers: range },
            { headers: { "if-none-match": "*" } },
            { headers: { "if-match": '"other"' } },
            { method: "HEAD", headers: range },
          ]) {
            const answer = await ask(url, options);
            assert.deepEqual([answer.status, answer.body.length], [302, 0]);
            assert.deepEqual(fieldsOf(answer), fieldsOf(first));
          }
          const next = HOST + first.headers.location;
          const part = await ask(next, { headers: range });
          assert.deepEqual([part.status, part.body.toString()], [206, "23"]);
          const head = await ask(next, { method: "HEAD" });
          assert.deepEqual([head.status, head.headers["content-length"]], [200, "10"]);
        }
      });
    }

    test("the rest of the query stays where it is", limit, async () => {
      const exact = { exp: NOW + 300, run: RUN };
      const lasting = { exp: NOW + RUN };
      const [film, dir] = [FILES[0], { dir: 2 }];
      for (const [asked, expected] of [
        [
          `${film}?quality=hd&a&${sign(`${film}?quality=hd&a`, exact)}&CMCD=bl%3D1&_HLS_msn=1`,
          `${film}?quality=hd&a&${sign(`${film}?quality=hd&a`, lasting)}&CMCD=bl%3D1&_HLS_msn=1`,
        ],
        [`${film}?v=1&${sign(FOLDER, { ...exact, ...dir })}&w=//x`, `${film}?v=1&${sign(FOLDER, { ...lasting, ...dir })}&w=//x`],
        [`/${sign(`${film}?v=1`, exact)}${film}?v=1&CMCD=x`, `/${sign(`${film}?v=1`, lasting)}${film}?v=1&CMCD=x`],
        [`/${sign(FOLDER, { ...exact, ...dir })}${film}?v=1`, `/${sign(FOLDER, { ...lasting, ...dir })}${film}?v=1`],
      ]) {
        const answer = await ask(HOST + asked);
        assert.deepEqual([answer.status, answer.headers.location], [302, expected]);
        assert.equal((await ask(HOST + expected, { now: NOW + 1000 })).status, 200);
      }
    });

    test("the way is on the viewer's host, whatever that is and whatever the path looks like", limit, async () => {
      for (const host of ["http://cdn.example.com", "https://other.example.com:8443", "https://[2001:db8::1]"]) {
        const answer = await ask(`${host}${FILES[0]}?${sign(FILES[0], { exp: NOW + 300, run: RUN })}`);
        assert.match(answer.headers.location, /^\/videos\/42\/film\.mp4\?pg=1&/);
      }
      const odd = "/https:/other.example.com/film.mp4";
      const { headers } = await ask(`${HOST}${odd}?${sign(odd, { exp: NOW + 300, run: RUN })}`);
      assert.equal(new URL(headers.location, HOST).host, "cdn.example.com");
    });

    test("from a cookie or a header field there is no way: the client sends the same again", limit, async () => {
      const token = sign(FOLDER, { exp: NOW + 300, run: RUN, dir: 2 });
      for (const path of FILES) {
        for (const headers of [{ cookie: token }, { authorization: `Bearer ${token}` }]) {
          for (const env of [{}, { SET_COOKIE: "true" }]) {
            const answer = await ask(HOST + path, { headers, env });
            assert.deepEqual([answer.status, answer.body.toString()], [200, BYTES]);
            assert.equal(answer.headers["playgate-expires"], String(NOW + 300));
            assertRefused(await ask(HOST + path, { headers, env, now: NOW + 300 }), 403, "expired");
          }
        }
      }
    });

    test("the cookie is that of the link that it leads to", limit, async () => {
      const env = { SET_COOKIE: "true" };
      for (const path of FILES) {
        const answer = await ask(`${HOST}${path}?${sign(FOLDER, { exp: NOW + 300, run: RUN, dir: 2 })}`, { env });
        assert.deepEqual([answer.status, answer.headers["set-cookie"]], [302, undefined]);
        const media = await ask(HOST + answer.headers.location, { env });
        assert.ok(media.headers["set-cookie"][0].startsWith(`${sign(FOLDER, { exp: NOW + RUN, dir: 2 })}; `));
      }
    });

    test("a link that lasts as long anyway is served as it is", limit, async () => {
      const retires = (at) => ({ PLAYGATE_KEYS: `${entry("main")}@${at}` });
      for (const [run, env, expires] of [
        [299, {}],
        [300, {}],
        [301, {}, NOW + 301],
        [RUN, { MAX_RUN: "300" }],
        [RUN, { MAX_RUN: "3600" }, NOW + 3600],
        [RUN, { MAX_LIFETIME: "300" }],
        [Number.MAX_SAFE_INTEGER, {}, NOW + 86_400],
        // The key takes along what came of its links.
        [RUN, retires(NOW + 300)],
        [RUN, retires(NOW + 1000), NOW + 1000],
      ]) {
        for (const path of FILES) {
          const answer = await ask(`${HOST}${path}?${sign(path, { exp: NOW + 300, run })}`, { env });
          assert.equal(answer.status, expires ? 302 : 200, `${run} ${JSON.stringify(env)}`);
          if (!expires) continue;
          assert.equal(answer.headers.location, `${path}?${sign(path, { exp: expires })}`);
          const next = HOST + answer.headers.location;
          assert.equal((await ask(next, { env, now: expires - 1 })).status, 200);
          assert.equal((await ask(next, { env, now: expires })).status, 403);
        }
      }
    });

    test("a segment is a file like others", limit, async () => {
      const token = sign(FOLDER, { exp: NOW + 300, run: RUN, dir: 2 });
      const answer = await ask(`${HOST}/${token}/videos/42/a.ts`);
      assert.equal(answer.headers.location, `/${sign(FOLDER, { exp: NOW + RUN, dir: 2 })}/videos/42/a.ts`);
    });

    test("a manifest is no file, by its name or by its type", limit, async () => {
      const answer = await ask(`${HOST}/videos/42/live?${sign(FOLDER, { exp: NOW + 300, run: RUN, dir: 2 })}`);
      assert.equal(answer.status, 200);
      assert.ok(answer.body.includes("#EXT-X-STREAM-INF"), answer.body.toString());
    });

    test("what is not there leads nowhere, once that is known", limit, async () => {
      const gone = await ask(`${HOST}/videos/42/none?${sign(FOLDER, { exp: NOW + 300, run: RUN, dir: 2 })}`);
      assert.deepEqual([gone.status, gone.headers.location], [404, undefined]);
      const token = sign("/videos/42/none.mp4", { exp: NOW + 300, run: RUN });
      const { status, headers } = await ask(`${HOST}/videos/42/none.mp4?${token}`);
      assert.equal(status, 302);
      assert.equal((await ask(HOST + headers.location)).status, 404);
    });

    test("a JWT leads to a native token, where one can say it", limit, async () => {
      const env = { FORMATS: "native,jwt", JWT_PATH: "/videos/{vid}/" };
      const lasting = sign(FOLDER, { exp: NOW + RUN, dir: 2, sub: "viewer-1" });
      const token = jwt({ vid: "42", exp: NOW + 300, run: RUN, sub: "viewer-1" });
      for (const path of FILES) {
        const inQuery = await ask(`${HOST}${path}?v=1&token=${token}&w=2`, { env });
        assert.equal(inQuery.headers.location, `${path}?v=1&${lasting}&w=2`);
        const inPath = await ask(`${HOST}/token=${token}${path}?v=1`, { env });
        assert.equal(inPath.headers.location, `/${lasting}${path}?v=1`);
        assert.equal((await ask(HOST + inPath.headers.location, { env, now: NOW + 1000 })).status, 200);
        const unsaid = jwt({ vid: "42", exp: NOW + 300, run: RUN, sub: "auth0|1" });
        for (const [shown, env_] of [[unsaid, env], [token, { ...env, FORMATS: "jwt" }]]) {
          const answer = await ask(`${HOST}${path}?token=${shown}`, { env: env_ });
          assert.deepEqual([answer.status, answer.headers["playgate-expires"]], [200, String(NOW + 300)]);
        }
      }
    });

    test("it is logged as one admitted request, without a token", limit, async () => {
      for (const path of FILES.slice(0, 2)) {
        await stores.gate.log();
        const { status } = await ask(`${HOST}${path}?${sign(FOLDER, { exp: NOW + 300, run: RUN, dir: 2 })}`);
        assert.equal(status, 302);
        assert.deepEqual(await stores.gate.log(), [
          { decision: "allow", status: 302, method: "GET", kid: "main", scope: FOLDER, placement: "query" },
        ]);
      }
    });

    test("each viewer is led elsewhere", limit, async () => {
      const seen = new Set();
      for (let n = 0; n < 20; n += 1) {
        const token = sign(FILES[0], { exp: NOW + 300, run: RUN, sub: `viewer-${n}` });
        seen.add((await ask(`${HOST}${FILES[0]}?${token}`)).headers.location);
      }
      assert.equal(seen.size, 20);
    });
  });
}

// Whether a client goes on at the address that it was led to, or goes back to the first one, which is over by
// then. tests/browser/file.test.mjs has the one of browsers.
describe("clients, once the link is over", () => {
  const LONG = "/videos/42/long.mp4";
  const withoutCurl = spawnSync("curl", ["--version"]).status !== 0 && process.env.CI !== "true"
    && "no curl was found; install one (Debian: apt-get install curl)";
  let [gate, origin, film, atFirst] = [];
  before(async () => {
    film = withoutFfmpeg ? Buffer.concat(sample.map(([, bytes]) => bytes)) : await longFilm();
    let asked = 0;
    origin = await startOrigin(async ({ headers: { range } }, response) => {
      // The link is over once the media is on its way.
      if (asked++ === 0) await atFirst?.();
      const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
      const end = last ? Number(last) : film.length - 1;
      response.writeHead(first ? 206 : 200, {
        "content-type": "video/mp4",
        "accept-ranges": "bytes",
        "content-length": end - Number(first ?? 0) + 1,
        ...(first && { "content-range": `bytes ${first}-${end}/${film.length}` }),
      });
      response.end(film.subarray(Number(first ?? 0), end + 1));
    });
    gate = await startGate({ env: { MEDIA: null, ORIGIN: origin.url } });
    gate.restart = (then) => {
      [asked, atFirst] = [0, then];
      return gate.log();
    };
  }, { timeout: 900_000 });
  after(async () => {
    await gate?.stop();
    await origin?.stop();
  });

  const link = (fields) => `${gate.url}${LONG}?${sign(LONG, { exp: gate.now() + 20, ...fields })}`;
  const over = () => gate.wait(60);
  const answers = async () => (await gate.log()).map(({ status, reason }) => reason ?? status);

  test("fetch tells the address that lasts", limit, async () => {
    await gate.restart();
    const url = link({ run: 3600 });
    const part = (url, from) => fetch(url, { headers: { range: `bytes=${from}-${from + 9}` } });
    const first = await part(url, 0);
    assert.deepEqual([first.status, first.redirected], [206, true]);
    await over();
    assert.equal((await part(url, 10)).status, 403);
    const next = await part(first.url, 10);
    assert.deepEqual(Buffer.from(await next.arrayBuffer()), film.subarray(10, 20));
    await first.arrayBuffer();
  });

  test("curl goes back to the first, and tells the one that lasts", { skip: withoutCurl, ...limit }, async () => {
    await gate.restart();
    const url = link({ run: 3600 });
    const curl = async (url, range) => {
      const args = ["-sS", "-L", "-o", "/dev/null", "-r", range, "-w", "%{http_code} %{url_effective}", "--max-time", "20"];
      return (await promisify(execFile)("curl", [...args, url])).stdout.split(" ");
    };
    const [status, lasting] = await curl(url, "0-9");
    assert.equal(status, "206");
    await over();
    assert.equal((await curl(url, "10-19"))[0], "403");
    assert.equal((await curl(lasting, "10-19"))[0], "206");
  });

  describe("ffmpeg", { skip: withoutFfmpeg }, () => {
    test("reads on", { timeout: 60_000 }, async () => {
      await gate.restart(over);
      assert.equal(await read(link({ run: 3600 })), 820);
      assert.deepEqual((await answers()).slice(0, 2), [302, 206]);
    });

    test("goes back to the first where it seeks", limit, async () => {
      await gate.restart();
      assert.equal(await read(link({ run: 3600 }), 700), 120, "in time");
      assert.deepEqual(await answers(), [302, 206, 302, 206]);
      await gate.restart(over);
      const sought = (await read(link({ run: 3600 }), 700)) > 0;
      // That of Debian 12 does. One that does not is no worse.
      assert.deepEqual(await answers(), sought ? [302, 206, 206] : [302, 206, "expired"]);
      console.log(`ffmpeg ${sought ? "keeps the address that lasts" : "goes back to the first address"}`);
    });
  });
});
