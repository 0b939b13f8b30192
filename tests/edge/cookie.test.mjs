// The cookie that hands a directory token over: to pages whose later requests carry nothing else.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { NOW, PAGE, link, sign } from "./gate.mjs";
import { assertRefused, fieldsOf, startStores } from "./stores.mjs";

const HOST = "https://cdn.example.com";
const FOLDER = "/videos/42/";
const HLS = "application/vnd.apple.mpegurl";
const LIST = "#EXTM3U\n#EXTINF:2,\na.ts\n#EXT-X-ENDLIST\n";
const SET_COOKIE = "true";

const token = (fields) => sign(FOLDER, { dir: 2, ...fields });

/** What is set for a token, by hand. */
const cookie = (token, { left = 600, path = FOLDER } = {}) => [
  `${token}; Path=${path}; Max-Age=${left}; Secure; HttpOnly; SameSite=None; Partitioned`,
];

let stores;
before(
  async () => {
    stores = await startStores();
    for (const path of ["/videos/42/list.m3u8", "/videos/43/list.m3u8"])
      await stores.put(path, LIST, { type: HLS });
    for (const path of [
      "/videos/42/a.ts",
      "/videos/43/a.ts",
      "/public/a.txt",
      "/videos/42/sub/a.ts",
    ]) {
      await stores.put(path, "0123456789", { type: "video/mp2t" });
    }
  },
  { timeout: 900_000 },
);
after(() => stores?.stop());

const limit = { timeout: 30_000 };

for (const name of ["bucket", "server"]) {
  describe(`from the ${name}`, () => {
    const ask = (url, { env, ...options } = {}) =>
      stores[name].ask(url, { env: { SET_COOKIE, ...env }, ...options });
    const setBy = async (...request) => (await ask(...request)).headers["set-cookie"];

    test("the first request with a link to a directory sets it", limit, async () => {
      for (const path of ["/videos/42/list.m3u8", "/videos/42/a.ts", "/videos/42/sub/a.ts"]) {
        for (const [url, headers] of [
          [`${HOST}${path}?${token()}`],
          [`${HOST}/${token()}${path}`],
          [`${HOST}${path}`, { authorization: `Bearer ${token()}` }],
          [`${HOST}${path}?${token()}`, { range: "bytes=0-1" }],
          [`${HOST}${path}?${token()}`, { cookie: `a=b; ${token({ exp: NOW + 60 })}` }],
        ]) {
          for (const method of ["GET", "HEAD"]) {
            const answer = await ask(url, { method, headers: { origin: PAGE, ...headers } });
            assert.ok([200, 206].includes(answer.status));
            assert.deepEqual(answer.headers["set-cookie"], cookie(token()));
            assert.match(answer.headers["cache-control"], /^private/);
            assert.equal(answer.headers["access-control-allow-credentials"], "true");
          }
        }
      }
    });

    test(
      "with it alone, all of the directory is open, and it is not set again",
      limit,
      async () => {
        const [set] = await setBy(`${HOST}${FOLDER}list.m3u8?${token()}`);
        const headers = { cookie: set.split(";")[0] };
        for (const path of ["/videos/42/list.m3u8", "/videos/42/a.ts", "/videos/42/sub/a.ts"]) {
          const answer = await ask(HOST + path, { headers });
          assert.equal(answer.status, 200);
          assert.equal(answer.headers["set-cookie"], undefined);
          assert.equal(answer.headers["playgate-expires"], String(NOW + 600));
          assertRefused(await ask(HOST + path, { headers, now: NOW + 600 }), 403, "expired");
        }
        assert.equal((await ask(`${HOST}${FOLDER}list.m3u8`, { headers })).body.toString(), LIST);
        assertRefused(await ask(`${HOST}/videos/43/a.ts`, { headers }), 403, "bad_signature");
      },
    );

    test("who has it gets none, beside a link as well", limit, async () => {
      for (const cookie of [token(), `a=b; ${token()}`, `${token()};a=b`]) {
        const answer = await ask(`${HOST}${FOLDER}a.ts?${token()}`, { headers: { cookie } });
        assert.deepEqual([answer.status, answer.headers["set-cookie"]], [200, undefined]);
      }
    });

    test("a cookie and a link of another directory", limit, async () => {
      const other = sign("/videos/43/", { dir: 2 });
      const headers = { cookie: token() };
      const answer = await ask(`${HOST}/videos/43/a.ts?${other}`, { headers });
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.headers["set-cookie"], cookie(other, { path: "/videos/43/" }));
      assertRefused(
        await ask(`${HOST}/videos/43/a.ts?${token()}`, { headers: { cookie: other } }),
        403,
        "bad_signature",
      );
    });

    test("the directory is that of the token", limit, async () => {
      const [wide, deep] = [sign("/videos/", { dir: 1 }), sign("/videos/42/sub/", { dir: 3 })];
      assert.deepEqual(
        await setBy(`${HOST}/videos/42/sub/a.ts?${wide}`),
        cookie(wide, { path: "/videos/" }),
      );
      assert.deepEqual(
        await setBy(`${HOST}/videos/42/sub/a.ts?${deep}`),
        cookie(deep, { path: "/videos/42/sub/" }),
      );
    });

    test("it lasts as long as the token", limit, async () => {
      const brief = token({ exp: NOW + 7 });
      assert.deepEqual(
        await setBy(`${HOST}${FOLDER}a.ts?${brief}`),
        cookie(brief, { left: 7 }),
      );
      const late = token({ exp: NOW });
      const env = { LEEWAY: "60" };
      assert.deepEqual(
        await setBy(`${HOST}${FOLDER}a.ts?${late}`, { env }),
        cookie(late, { left: 0 }),
      );
    });

    test("of several the first that is admitted counts", limit, async () => {
      const [wide, near] = [sign("/videos/", { dir: 1 }), token()];
      const old = token({ exp: NOW });
      const serves = async (path, ...cookies) => {
        const { headers, status } = await ask(`${HOST}${path}`, {
          headers: { cookie: cookies.join("; ") },
        });
        return headers["playgate-reason"] ?? status;
      };
      for (const path of [`${FOLDER}a.ts`, `${FOLDER}list.m3u8`]) {
        assert.equal(await serves(path, near, wide), 200, "nested directories");
        assert.equal(await serves(path, "pg=tossed", "pg=1&exp=1", old, near), 200);
        assert.equal(await serves(path, ...Array(7).fill("pg=x"), near), 200);
        assert.equal(await serves(path, ...Array(8).fill("pg=x"), near), "malformed");
        assert.equal(await serves(path, "pg=x", old, `${near.slice(0, -9)}AAAAAAAAA`), "expired", "the furthest");
      }
      assert.equal(await serves("/videos/43/list.m3u8", near, wide), 200);
    });

    test("with run, it is what the token was exchanged for", limit, async () => {
      const shown = token({ exp: NOW + 300, run: 14_400 });
      const lasting = token({ exp: NOW + 14_400 });
      const expected = cookie(lasting, { left: 14_400 });
      for (const url of [
        `${HOST}${FOLDER}list.m3u8?${shown}`,
        `${HOST}/${shown}${FOLDER}list.m3u8`,
      ]) {
        for (const method of ["GET", "HEAD"]) {
          const answer = await ask(url, { method });
          assert.deepEqual(answer.headers["set-cookie"], expected);
          assert.equal(answer.headers["playgate-expires"], String(NOW + 14_400));
        }
      }
      assert.equal(
        (await ask(`${HOST}${FOLDER}a.ts`, { headers: { cookie: lasting }, now: NOW + 14_399 }))
          .status,
        200,
      );
      // A file leads to the link that lasts, and that one sets it.
      const { headers } = await ask(`${HOST}${FOLDER}a.ts?${shown}`);
      assert.equal(headers["set-cookie"], undefined);
      assert.deepEqual(await setBy(HOST + headers.location), expected);
    });

    test("nothing else sets one", limit, async () => {
      const none = async (url, options) => {
        const { headers, status } = await ask(url, options);
        assert.equal(headers["set-cookie"], undefined, url);
        return status;
      };
      assert.equal(await none(link("/videos/42/a.ts")), 200, "an exact scope");
      assert.equal(
        await none(`${HOST}/public/a.txt`, { env: { PUBLIC: "/public/" } }),
        200,
        "a public file",
      );
      assert.equal(
        await none(`${HOST}/public/a.txt?${token()}`, { env: { PUBLIC: "/public/" } }),
        200,
      );
      assert.equal(await none(`${HOST}${FOLDER}a.ts?${token()}`, { now: NOW + 600 }), 403);
      assert.equal(await none(`${HOST}/videos/43/a.ts?${token()}`), 403);
      assert.equal(await none(`${HOST}${FOLDER}a.ts`), 401);
      assert.equal(await none(`${HOST}${FOLDER}a.ts?${token()}`, { method: "OPTIONS" }), 204);
      assert.equal(await none(`${HOST}${FOLDER}a.ts?${token()}`, { method: "POST" }), 405);
      assert.equal(await none(`${HOST}${FOLDER}none.ts?${token()}`), 404, "nothing is there");
      assert.equal(await none(`${HOST}${FOLDER}none.m3u8?${token({ run: 60 })}`), 404);
      assert.equal(
        await none(`${HOST}${FOLDER}list.m3u8?${token()}`, { headers: { "if-match": '"x"' } }),
        412,
      );
      for (const off of [null, "", "false"]) {
        assert.equal(
          await none(`${HOST}${FOLDER}a.ts?${token()}`, { env: { SET_COOKIE: off } }),
          200,
        );
        assert.equal(
          await none(`${HOST}${FOLDER}list.m3u8?${token({ run: 60 })}`, {
            env: { SET_COOKIE: off },
          }),
          200,
        );
      }
    });

    test("HEAD has the header fields of GET", limit, async () => {
      for (const path of ["list.m3u8", "a.ts"]) {
        const url = `${HOST}${FOLDER}${path}?${token()}`;
        assert.deepEqual(fieldsOf(await ask(url, { method: "HEAD" })), fieldsOf(await ask(url)));
      }
    });
  });
}

test("cookies of the server end at the gate, and the viewer's never reach it", limit, async () => {
  const { origin, server } = stores;
  server.put("/videos/42/set.ts", "x", { "set-cookie": "session=secret" });
  origin.asked.length = 0;
  const answer = await server.ask(`${HOST}/videos/42/set.ts?${token()}`, {
    env: { SET_COOKIE },
    headers: { cookie: "a=b" },
  });
  assert.deepEqual(answer.headers["set-cookie"], cookie(token()));
  assert.equal(origin.asked[0].headers.cookie, undefined);
});
