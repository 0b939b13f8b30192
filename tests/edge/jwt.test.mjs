// JSON Web Tokens beside native ones: what they open, what they carry into playback, and what is said of
// those that are refused.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { NOW, PAGE, jwt, problem, sign } from "./gate.mjs";
import { resolvesDots } from "./native.mjs";
import { assertRefused, carried, fieldsOf, references, startStores } from "./stores.mjs";

const HOST = "https://cdn.example.com";
const FOLDER = "/videos/42/";
const HLS = "application/vnd.apple.mpegurl";
const DASH = "application/dash+xml";
const RUN = 14_400;

const PATH = { JWT_PATH: "/videos/{vid}/" };
const ALONE = { ...PATH, FORMATS: "jwt" };
const BOTH = { ...PATH, FORMATS: "native,jwt" };

const token = (claims, header) => `token=${jwt({ vid: "42", ...claims }, header)}`;
const native = (fields) => sign(FOLDER, { dir: 2, ...fields });

/** The ways in which a token can come: URL and header fields. */
const placements = (path, token) => ({
  query: [`${HOST}${path}?${token}`, {}],
  path: [`${HOST}/${token}${path}`, {}],
  cookie: [`${HOST}${path}`, { cookie: token }],
  bearer: [`${HOST}${path}`, { authorization: `Bearer ${token.replace("token=", "")}` }],
});

// Addresses as they stand in a manifest, and with T for the token where they get one.
const ADDRESSES = [
  ["a.ts", "/T/videos/42/a.ts"],
  ["sub/b.ts?v=1", "/T/videos/42/sub/b.ts?v=1"],
  ["/videos/42/a.ts", "/T/videos/42/a.ts"],
  ["https://cdn.example.com/videos/42/sub/b.ts", "/T/videos/42/sub/b.ts"],
];
// What has a token is nobody's to replace, whatever it is worth.
const SIGNED = [
  "a.ts?token=x",
  "/videos/42/a.ts?v=1&token=x",
  "/token=x/videos/42/a.ts",
  `/${native({ exp: NOW + 60 })}/videos/42/a.ts`,
  "a.ts?pg=1",
  "https://cdn.example.com/token=x/videos/42/a.ts",
];
const OTHERS = ["/videos/43/a.ts", "/videos/421/a.ts", "https://other.example.com/videos/42/a.ts"];

const playlist = (addresses) =>
  ["#EXTM3U", ...addresses.flatMap((address) => ["#EXTINF:2,", address]), "#EXT-X-ENDLIST", ""].join("\n");
const escaped = (text) => text.replaceAll("&", "&amp;");
// In an MPD scheme and host are before the token.
const full = (address) => address.replace(/^(?=\/T\/)/, HOST);
const presentation = (addresses) => `<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>
<Representation id="1"><SegmentList duration="2">
${addresses.map((address) => `<SegmentURL media="${escaped(full(address))}"/>\n`).join("")}
</SegmentList></Representation>
</AdaptationSet></Period></MPD>
`;
const stay = [...SIGNED, ...OTHERS];
const stored = [...ADDRESSES.map(([address]) => address), ...stay];
const written = [...ADDRESSES.map(([, address]) => address), ...stay];
const inherited = [
  ...ADDRESSES.map(([address, written]) => (/^(\/|https:)/.test(address) ? written : address)),
  ...stay,
];
const MANIFESTS = [
  ["/videos/42/list.m3u8", HLS, playlist, references],
  [
    "/videos/42/list.mpd",
    DASH,
    presentation,
    (text) => [...text.matchAll(/media="([^"]+)"/g)].map(([, found]) => found.replaceAll("&amp;", "&")),
  ],
];
const LIVE = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:2,\na.ts\n";

let stores;
before(
  async () => {
    stores = await startStores();
    for (const [path, type, text] of MANIFESTS) await stores.put(path, text(stored), { type });
    await stores.put(`${FOLDER}live.m3u8`, LIVE, { type: HLS });
    await stores.put(`${FOLDER}one.m3u8`, playlist(["/videos/42/a.ts"]), { type: HLS });
    for (const path of ["/videos/42/a.ts", "/videos/42/sub/b.ts", "/a/42/b/c/1.ts"])
      await stores.put(path, "0123456789", { type: "video/mp2t" });
    for (const path of ["/videos/43/a.ts", "/videos/42x/a.ts", "/token=x/a.ts", "/token=x/videos/42/a.ts"])
      await stores.put(path, "secret", { type: "video/mp2t" });
  },
  { timeout: 900_000 },
);
after(() => stores?.stop());

const limit = { timeout: 30_000 };
const opens = (answer) => assert.deepEqual([answer.status, answer.body.toString()], [200, "0123456789"]);

for (const name of ["bucket", "server"]) {
  describe(`from the ${name}`, () => {
    const ask = (url, { env = BOTH, ...options } = {}) => stores[name].ask(url, { env, ...options });

    test("a token opens its directory, wherever it stands", limit, async () => {
      for (const env of [ALONE, BOTH]) {
        for (const claims of [{}, { vid: 42 }, { iat: NOW, roles: ["a"], name: "São" }]) {
          const places = { ...placements(`${FOLDER}a.ts`, token(claims)) };
          places.last = [`${HOST}${FOLDER}a.ts?v=1&${token(claims)}`, {}];
          places.middle = [`${HOST}${FOLDER}a.ts?v=1&${token(claims)}&w=2`, {}];
          for (const [place, [url, headers]] of Object.entries(places)) {
            const answer = await ask(url, { env, headers });
            opens(answer);
            assert.equal(answer.headers["playgate-expires"], String(NOW + 600), place);
            assert.equal(answer.headers["playgate-time-left"], "600");
            assert.match(answer.headers["cache-control"], /^private/);
            const head = await ask(url, { env, headers, method: "HEAD" });
            assert.deepEqual([head.status, fieldsOf(head)], [200, fieldsOf(answer)]);
            const part = await ask(url, { env, headers: { ...headers, range: "bytes=2-4" } });
            assert.deepEqual([part.status, part.body.toString()], [206, "234"]);
            assert.equal(part.headers["content-range"], "bytes 2-4/10");
            for (const other of ["43/a.ts", "42x/a.ts", "42", "42/../43/a.ts"]) {
              const beside = url.replace("/videos/42/a.ts", `/videos/${other}`);
              const isRefusedAsIs = other.includes("..") && !resolvesDots;
              assertRefused(await ask(beside, { env, headers }), 403, isRefusedAsIs ? "path_not_canonical" : "outside_scope");
            }
          }
        }
      }
    });

    test("it ends at exp, also where that is a fraction", limit, async () => {
      const [url] = placements(`${FOLDER}a.ts`, token({ exp: NOW + 60.9, nbf: NOW - 0.5 })).query;
      const answer = await ask(url);
      assert.equal(answer.headers["playgate-expires"], String(NOW + 60));
      opens(await ask(url, { now: NOW + 59 }));
      assertRefused(await ask(url, { now: NOW + 60 }), 403, "expired");
      assertRefused(await ask(url, { now: NOW - 1 }), 403, "not_yet_valid");
    });

    test("the operator's name and template are those that count", limit, async () => {
      const env = { FORMATS: "native, jwt", JWT_NAME: "a.t-1", JWT_PATH: "/a/{sub}/b/" };
      const own = token({ sub: "42" }).replace("token", "a.t-1");
      const places = placements("/a/42/b/c/1.ts", own);
      for (const [url, headers] of [places.query, places.path, places.cookie]) {
        opens(await ask(url, { env, headers }));
        assertRefused(await ask(url.replace("/b/c/", "/c/c/"), { env, headers }), 403, "outside_scope");
      }
      const { bearer: _, ...unnamed } = placements("/a/42/b/c/1.ts", token({ sub: "42" }));
      for (const [url, headers] of Object.values(unnamed))
        assertRefused(await ask(url, { env, headers }), 401, "missing");
    });

    for (const [path, type, text, found] of MANIFESTS) {
      test(`${path}: its addresses carry the token, and open`, limit, async () => {
        for (const env of [ALONE, BOTH]) {
          const own = token({ sub: "auth0|7", jti: "1" });
          const expected = { query: written, path: inherited, cookie: stored, bearer: stored };
          for (const [place, [url, headers]] of Object.entries(placements(path, own))) {
            const answer = await ask(url, { env, headers });
            assert.equal(answer.status, 200, answer.headers["playgate-reason"]);
            assert.equal(answer.headers["content-type"], type);
            assert.equal(answer.headers["playgate-expires"], String(NOW + 600));
            assert.equal(Number(answer.headers["content-length"]), answer.body.length);
            assert.equal(answer.body.toString().replaceAll(own, "T"), text(expected[place]), place);
            const head = await ask(url, { env, headers, method: "HEAD" });
            assert.deepEqual([head.status, fieldsOf(head)], [200, fieldsOf(answer)]);
            // A player sends cookie and header field along by itself.
            const within = found(answer.body.toString()).slice(0, ADDRESSES.length);
            for (const reference of within) {
              const address = new URL(reference, url).href;
              if (place === "query") assert.equal(carried(reference)?.token, own);
              opens(await ask(address, { env, headers, now: NOW + 599 }));
              assertRefused(await ask(address, { env, headers, now: NOW + 600 }), 403, "expired");
            }
          }
        }
      });

      test(`${path}: next to native links`, limit, async () => {
        for (const [own, of] of [
          [token(), "token="],
          [native(), "pg="],
        ]) {
          const [url] = placements(path, own).query;
          const answer = await ask(url);
          assert.equal(
            answer.body.toString().replaceAll(own, "T").replaceAll(escaped(own), "T"),
            text(written),
          );
          for (const reference of found(answer.body.toString()).slice(0, ADDRESSES.length)) {
            assert.ok(carried(reference).token.startsWith(of));
            opens(await ask(new URL(reference, HOST).href));
          }
        }
      });

      test(`${path}: the entity tag is that of the token`, limit, async () => {
        const [url] = placements(path, token()).query;
        const { etag } = (await ask(url)).headers;
        assert.match(etag, /^"[!-~]+"$/);
        assert.equal((await ask(url)).headers.etag, etag);
        for (const other of [token({ exp: NOW + 601 }), token({ sub: "7" }), token({}, {}), native()]) {
          const [url] = placements(path, other).query;
          const answer = await ask(url, { headers: { "if-none-match": etag } });
          assert.equal(answer.status, 200);
          assert.notEqual(answer.headers.etag, etag);
        }
        assert.equal((await ask(url, { headers: { "if-none-match": etag } })).status, 304);
        assertRefused(await ask(url, { headers: { "if-match": '"x"' } }), 412, "precondition_failed");
      });
    }

    test("the cookie has the token, the directory and its end, and it opens", limit, async () => {
      for (const env of [ALONE, BOTH].map((env) => ({ ...env, SET_COOKIE: "true" }))) {
        const own = token();
        const { cookie: _, ...others } = placements(`${FOLDER}a.ts`, own);
        const { path: manifest } = placements(`${FOLDER}list.m3u8`, own);
        for (const [url, headers] of [...Object.values(others), manifest]) {
          for (const method of ["GET", "HEAD"]) {
            const [set, ...more] = (await ask(url, { env, headers, method })).headers["set-cookie"];
            assert.deepEqual(more, []);
            assert.equal(
              set,
              `${own}; Path=${FOLDER}; Max-Age=600; ` +
                "Secure; HttpOnly; SameSite=None; Partitioned",
            );
            const cookie = set.split(";")[0];
            for (const path of ["a.ts", "sub/b.ts"]) {
              const answer = await ask(HOST + FOLDER + path, { env, headers: { cookie } });
              opens(answer);
              assert.equal(answer.headers["set-cookie"], undefined);
            }
            const again = await ask(url, { env, headers: { ...headers, cookie } });
            assert.equal(again.headers["set-cookie"], undefined, "who has it gets none");
          }
        }
      }
    });

    test("a cookie that a browser would drop is not set", limit, async () => {
      const env = { ...BOTH, SET_COOKIE: "true" };
      const attributes =
        "; Path=/videos/42/; Max-Age=600; " +
        "Secure; HttpOnly; SameSite=None; Partitioned";
      // Three characters of a claim are four of a token.
      const long = (length) => {
        const of = (fill) => token({ fill: "x".repeat(fill) });
        return of(Math.floor(((length - of(0).length) * 3) / 4));
      };
      const [fits, not, longest] = [4096 - attributes.length, 4100 - attributes.length, 4102].map(long);
      assert.ok(fits.length + attributes.length <= 4096);
      assert.ok(not.length + attributes.length > 4096);
      assert.ok(longest.length > 4096);
      for (const [own, is] of [[fits, true], [not, false], [longest, false]]) {
        for (const path of ["a.ts", "one.m3u8"]) {
          const [url] = placements(FOLDER + path, own).query;
          const answer = await ask(url, { env });
          assert.equal(answer.status, 200);
          assert.equal(answer.headers["set-cookie"]?.[0].split(";")[0], is ? own : undefined);
        }
        const { body } = await ask(placements(`${FOLDER}one.m3u8`, own).query[0], { env });
        opens(await ask(HOST + references(body.toString())[0], { env }));
      }
      const host = { ...env, JWT_NAME: "__Host-jwt" };
      const named = token().replace("token", "__Host-jwt");
      const answer = await ask(placements(`${FOLDER}a.ts`, named).query[0], { env: host });
      assert.deepEqual([answer.status, answer.headers["set-cookie"]], [200, undefined]);
    });

    test("a cookie of the other format is no obstacle", limit, async () => {
      const env = { ...BOTH, SET_COOKIE: "true" };
      for (const [own, other] of [[token(), native()], [native(), token()]]) {
        const [url] = placements(`${FOLDER}a.ts`, own).query;
        const answer = await ask(url, { env, headers: { cookie: `a=b; ${other}` } });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers["set-cookie"][0].split(";")[0], own);
        for (const cookie of [other, `${own}; ${other}`, `pg=x; token=x; ${other}`])
          opens(await ask(`${HOST}${FOLDER}a.ts`, { env, headers: { cookie: `a=b; ${cookie}` } }));
      }
      // Where no native token is read, its cookie is nobody's.
      const cookie = native();
      const answer = await ask(`${HOST}${FOLDER}a.ts`, { env: { ...env, ...ALONE }, headers: { cookie } });
      assertRefused(answer, 401, "missing");
    });

    const CLAIMS = { nbf: NOW - 10, jti: "j-1", sid: "s_1", sub: "viewer-7" };

    test("run: the addresses carry a native token that lasts so long", limit, async () => {
      const more = { aud: ["x", "edge.1"], iat: NOW, iss: "joe" };
      const shown = token({ exp: NOW + 300, run: RUN, ...more, ...CLAIMS });
      const env = { ...BOTH, AUDIENCE: "edge.1", ISSUER: "joe" };
      for (const [path, , text, found] of MANIFESTS) {
        for (const now of [NOW, NOW + 299]) {
          const lasting = sign(FOLDER, { exp: now + RUN, aud: "edge.1", dir: 2, iat: NOW, ...CLAIMS });
          for (const [url, headers] of Object.values(placements(path, shown))) {
            const answer = await ask(url, { env, now, headers });
            assert.equal(answer.status, 200, answer.headers["playgate-reason"]);
            const body = answer.body.toString().replaceAll(escaped(lasting), "T").replaceAll(lasting, "T");
            assert.equal(body, text(written));
            assert.equal(answer.headers["playgate-expires"], String(now + RUN));
            assert.equal(answer.headers["playgate-time-left"], String(RUN));
            assert.equal(answer.headers["cache-control"], "private, no-cache");
            assert.ok(!answer.body.includes("run=") && !answer.body.includes("eyJ"));
          }
          const { body } = await ask(placements(path, shown).query[0], { env, now });
          for (const reference of found(body.toString()).slice(0, ADDRESSES.length)) {
            assert.equal(carried(reference).token, lasting);
            const url = new URL(reference, HOST).href;
            for (const later of [now, NOW + 300, now + RUN - 1]) opens(await ask(url, { env, now: later }));
            assertRefused(await ask(url, { env, now: now + RUN }), 403, "expired");
            assertRefused(await ask(url.replace("/42/", "/43/"), { env }), 403, "bad_signature");
          }
        }
      }
    });

    test("run: a link that is over starts nothing, and leeway gives no more", limit, async () => {
      const [url] = placements(`${FOLDER}one.m3u8`, token({ exp: NOW, run: RUN })).query;
      assertRefused(await ask(url), 403, "expired");
      const answer = await ask(url, { env: { ...BOTH, LEEWAY: "60" }, now: NOW + 59 });
      const lasting = sign(FOLDER, { exp: NOW + RUN, dir: 2 });
      assert.equal(references(answer.body.toString())[0], `/${lasting}/videos/42/a.ts`);
      const capped = await ask(url, { env: { ...BOTH, MAX_LIFETIME: "60" }, now: NOW - 7 });
      const [address] = references(capped.body.toString());
      assert.equal(carried(address).token, sign(FOLDER, { exp: NOW + 53, dir: 2 }));
    });

    test("run: a live playlist is reloaded at an address that lasts, by cookie too", limit, async () => {
      const lasting = sign(FOLDER, { exp: NOW + RUN, dir: 2 });
      const env = { ...BOTH, SET_COOKIE: "true" };
      for (const [url, headers] of Object.values(placements(`${FOLDER}live.m3u8`, token({ run: RUN })))) {
        const answer = await ask(url, { env, headers });
        const own = `/${lasting}/videos/42/live.m3u8`;
        assert.equal(answer.body.toString().trimEnd().split("\n").at(-1), own);
        const set = headers.cookie ? undefined : lasting;
        assert.equal(answer.headers["set-cookie"]?.[0].split(";")[0], set);
        const reload = await ask(HOST + own, { env, now: NOW + RUN - 1 });
        assert.equal(reload.body.toString(), LIVE);
      }
    });

    test("run: where no native token can say it, the JWT goes on to its end", limit, async () => {
      const url = "https://edge.example.com/";
      const odd = { AUDIENCE: url, ...ALONE };
      for (const [claims, env] of [
        [{}, ALONE],
        [CLAIMS, ALONE],
        [{ aud: url }, odd],
        [{ aud: ["x", url] }, odd],
        [{ sub: "auth0|7" }, BOTH],
        [{ sub: "São" }, BOTH],
        [{ sub: "7&exp=9007199254740991" }, BOTH],
        [{ jti: "a.b" }, BOTH],
        [{ sid: "x\r\nSet-Cookie: a=b" }, BOTH],
        [{ sub: "x".repeat(65) }, BOTH],
      ]) {
        const own = token({ exp: NOW + 300, run: RUN, ...claims });
        for (const [path, , text] of MANIFESTS) {
          const places = placements(path, own);
          for (const [place, expected] of [["query", written], ["path", inherited], ["cookie", stored]]) {
            const [address, headers] = places[place];
            const answer = await ask(address, { env, headers });
            assert.equal(answer.body.toString().replaceAll(own, "T"), text(expected), place);
            assert.equal(answer.headers["playgate-expires"], String(NOW + 300));
            assert.equal(answer.headers["playgate-time-left"], "300");
            assert.equal(answer.headers["set-cookie"], undefined);
          }
        }
        const answer = await ask(placements(`${FOLDER}one.m3u8`, own).query[0], {
          env: { ...env, SET_COOKIE: "true" },
        });
        assert.match(answer.headers["set-cookie"][0], / Max-Age=300;/);
        const [address] = references(answer.body.toString());
        assert.equal(address, `/${own}/videos/42/a.ts`);
        opens(await ask(HOST + address, { env, now: NOW + 299 }));
        assertRefused(await ask(HOST + address, { env, now: NOW + 300 }), 403, "expired");
        const live = await ask(placements(`${FOLDER}live.m3u8`, own).query[0], { env });
        assert.equal(live.body.toString(), LIVE.replace("\na.ts", `\n/${own}/videos/42/a.ts`));
      }
    });

    test("a subject that is a number is one of digits", limit, async () => {
      const own = token({ run: RUN, sub: 8731 });
      const { body } = await ask(placements(`${FOLDER}one.m3u8`, own).query[0]);
      assert.equal(
        carried(references(body.toString())[0]).token,
        sign(FOLDER, { exp: NOW + RUN, dir: 2, sub: 8731 }),
      );
    });

    test("two tokens are ambiguous, of one format or of two", limit, async () => {
      const [one, two] = [token(), token({ exp: NOW + 601 })];
      const bare = two.replace("token=", "");
      const a = `${FOLDER}a.ts`;
      for (const [env, url, headers] of [
        [ALONE, `${HOST}${a}?${one}&${two}`],
        [ALONE, `${HOST}${a}?${one}&token`],
        [ALONE, `${HOST}/${one}${a}?${two}`],
        [ALONE, `${HOST}/${one}/${two}${a}`],
        [ALONE, `${HOST}${a}?${one}`, { authorization: `Bearer ${bare}` }],
        [ALONE, `${HOST}/${one}${a}`, { authorization: `Bearer ${bare}` }],
        [BOTH, `${HOST}${a}?${one}&${native()}`],
        [BOTH, `${HOST}${a}?${native()}&${one}`],
        [BOTH, `${HOST}/${one}${a}?${native()}`],
        [BOTH, `${HOST}/${native()}${a}?${one}`],
        [BOTH, `${HOST}/${one}/${native()}${a}`],
        [BOTH, `${HOST}/${native()}/${one}${a}`],
        [BOTH, `${HOST}/${native()}${a}`, { authorization: `Bearer ${bare}` }],
        [BOTH, `${HOST}${a}?${one}`, { authorization: `Bearer ${native()}` }],
      ]) {
        assertRefused(await ask(url, { env, headers }), 403, "ambiguous");
      }
      // A cookie counts only where there is no other.
      for (const cookie of [two, native(), `${two}; ${native()}`]) {
        opens(await ask(`${HOST}${a}?${one}`, { headers: { cookie } }));
        opens(await ask(`${HOST}${a}?${native()}`, { headers: { cookie } }));
      }
    });

    test("where no JWT is read, its name is a word like any other", limit, async () => {
      const env = { PUBLIC_EXTENSIONS: "ts", UNSIGNED_PARAMS: "token", FORWARD_PARAMS: "token" };
      const exact = (path) => `${HOST}${path}?${sign(path)}`;
      const answer = await ask(exact("/token=x/a.ts"), { env: {} });
      assert.deepEqual([answer.status, answer.body.toString()], [200, "secret"]);
      assert.equal((await ask(`${HOST}/token=x/a.ts`, { env })).body.toString(), "secret");
      assert.equal((await ask(`${exact("/videos/42/one.m3u8")}&token=x`, { env })).status, 200);
      for (const [url, headers] of Object.values(placements(`${FOLDER}one.m3u8`, token())))
        assertRefused(await ask(url, { env, headers }), 401, "missing");
      const { authorization } = placements("", token()).bearer[1];
      const cookie = token();
      opens(await ask(exact(`${FOLDER}a.ts`), { env: {}, headers: { authorization, cookie } }));
    });

    test("a path with a token is verified, also where its extension is public", limit, async () => {
      const env = { ...BOTH, PUBLIC_EXTENSIONS: "ts", PUBLIC: "/token=x/" };
      assertRefused(await ask(`${HOST}/token=x/videos/42/a.ts`, { env }), 403, "malformed");
      assertRefused(await ask(`${HOST}/${token()}/videos/43/a.ts`, { env }), 403, "outside_scope");
      assertRefused(await ask(`${HOST}/${token({ exp: NOW })}${FOLDER}a.ts`, { env }), 403, "expired");
      opens(await ask(`${HOST}/${token()}${FOLDER}a.ts`, { env }));
      const open = await ask(`${HOST}${FOLDER}a.ts?${token({ exp: NOW })}`, { env });
      assert.equal(open.headers["playgate-expires"], undefined, "a public file");
      // A manifest's addresses of public files lose a token that was exchanged, and get none.
      const { body } = await ask(placements(`${FOLDER}one.m3u8`, token()).query[0], { env });
      assert.deepEqual(references(body.toString()), ["/videos/42/a.ts"]);
    });
  });
}

test("the media server never sees a token", limit, async () => {
  const { origin, server } = stores;
  origin.asked.length = 0;
  const env = { ...BOTH, FORWARD_PARAMS: "v" };
  const secret = token({ run: RUN });
  for (const path of ["a.ts", "one.m3u8", "list.mpd", "none.ts"]) {
    const places = placements(FOLDER + path, secret);
    places.query[0] += "&v=1&w=2";
    for (const [url, headers] of Object.values(places)) {
      for (const method of ["GET", "HEAD"]) {
        const { status, headers: { location } } = await server.ask(url, { env, headers, method });
        if (status === 302) await server.ask(HOST + location, { env, headers, method });
      }
    }
    const { authorization } = places.bearer[1];
    await server.ask(`${HOST}${FOLDER}${path}?${native()}`, { env: {}, headers: { authorization } });
  }
  assert.ok(origin.asked.length >= 30, String(origin.asked.length));
  for (const { url, headers } of origin.asked) {
    assert.match(url, /^\/videos\/42\/[a-z.0-9]+(\?v=1)?$/i);
    assert.equal(headers.authorization, undefined);
    assert.equal(headers.cookie, undefined);
    assert.ok(!/eyJ|pg=|token/.test(JSON.stringify([url, headers])));
  }
});

const part = (json) => Buffer.from(json).toString("base64url");

test("a refusal says why to the page that may read it", limit, async () => {
  const { bucket } = stores;
  const env = { ...BOTH, ISSUER: "joe", AUDIENCE: "edge.1" };
  const fits = { iss: "joe", aud: "edge.1" };
  const [head, payload, sig] = jwt({ vid: "42", ...fits }).split(".");
  for (const [own, reason, field] of [
    [token(fits, { alg: "none" }), "unsupported_algorithm"],
    [token(fits, { alg: "RS256" }), "unsupported_algorithm"],
    [token({ ...fits, vid: undefined }), "missing_claim", "claim"],
    [token({ ...fits, exp: undefined }), "missing_claim", "exp"],
    [token({ ...fits, iss: "jane" }), "wrong_issuer"],
    [token({ ...fits, iss: undefined }), "wrong_issuer"],
    [token({ ...fits, vid: "43" }), "outside_scope"],
    [token({ ...fits, aud: ["edge.2"] }), "wrong_audience"],
    [token({ ...fits, vid: "../42" }), "malformed", "claim"],
    [token({ ...fits, exp: "1767225600" }), "malformed", "exp"],
    [token(fits, { kid: "gone" }), "unknown_key"],
    [token(fits, { crit: ["x"] }), "unknown_field"],
    [token({ ...fits, fill: "x".repeat(4000) }), "malformed", "token"],
    [`token=${head}.${payload}.${sig.slice(0, -1)}`, "malformed", "sig"],
    [`token=${head}.${payload}.`, "malformed", "sig"],
    [`token=${head}.${part("[]")}.${sig}`, "malformed", "payload"],
    [`token=${part("{}")}.${payload}.${sig}`, "unsupported_algorithm"],
    ["token=", "malformed", "header"],
    [token({ ...fits, exp: NOW }), "expired"],
    [`${token(fits).slice(0, -2)}AA`, "bad_signature"],
  ]) {
    for (const [place, [url, headers]] of Object.entries(placements(`${FOLDER}a.ts`, own))) {
      if (place === "bearer" && own === "token=") continue;
      for (const method of ["GET", "HEAD"]) {
        const answer = await bucket.ask(url, { env, method, headers: { origin: PAGE, ...headers } });
        assertRefused(answer, 403, reason);
        assert.equal(answer.headers["access-control-allow-origin"], PAGE);
        assert.ok(answer.headers["access-control-expose-headers"].includes("Playgate-Reason"));
        assert.equal(answer.headers["cache-control"], "no-store");
        assert.equal(answer.headers["set-cookie"], undefined);
        if (method === "HEAD") continue;
        const { detail, ...said } = problem(answer);
        assert.equal(said.field, field, reason);
        assert.match(detail, /^[\x20-\x7e]{10,120}$/);
        assert.ok(!answer.body.includes("eyJ"));
      }
    }
  }
  const none = await bucket.ask(`${HOST}${FOLDER}a.ts`, { env });
  assertRefused(none, 401, "missing");
  assert.equal(none.headers["www-authenticate"], "Bearer");
});

test("the log has no token, and no kid that could be none", limit, async () => {
  const { bucket, gate } = stores;
  await gate.log();
  const say = async (own, env = ALONE) => {
    await bucket.ask(placements(`${FOLDER}a.ts`, own).path[0], { env });
    const [line, ...more] = await gate.log();
    assert.deepEqual(more, []);
    assert.ok(!/eyJ|token=/.test(JSON.stringify(line)), JSON.stringify(line));
    return line;
  };
  const denied = { decision: "deny", method: "GET", status: 403 };
  for (const kid of [
    'a"b',
    "a\nb",
    '","decision":"allow',
    "a b",
    "a.b",
    "",
    "é",
    "\u0000",
    "\u2028",
    "x".repeat(33),
    jwt({ vid: "42" }),
    token(),
    native(),
    "</script>",
  ]) {
    assert.deepEqual(await say(token({}, { kid })), {
      ...denied,
      reason: "unknown_key",
      scope: "/videos/42/",
      placement: "path",
    });
  }
  assert.equal((await say(token({}, { kid: "gone" }))).kid, "gone");
  assert.deepEqual(await say(token({ sub: 'a"\n', jti: token(), sid: "é" })), {
    decision: "allow",
    status: 200,
    method: "GET",
    kid: "main",
    scope: "/videos/42/",
    placement: "path",
  });
  assert.equal((await say(token({}, {}))).kid, "main", "the key that fitted");
  assert.equal((await say(`${token({}, {}).slice(0, -2)}AA`)).kid, undefined);
  assert.deepEqual(await say(token({}, { kid: 7 })), { ...denied, reason: "malformed", field: "kid" });
  // Nor where a token stands in a path, and none belongs.
  const inside = `${HOST}/videos/42/${token()}/a.ts?${native()}`;
  for (const url of [inside, inside.replace("dir=2", "dir=3"), inside.replace("?", `?${token()}&`)]) {
    await bucket.ask(url, { env: BOTH });
    const [line, ...more] = await gate.log();
    assert.deepEqual(more, []);
    assert.ok(!JSON.stringify(line).includes("eyJ"), JSON.stringify(line));
  }
});

test("the longest tokens, in the longest of manifests", { timeout: 60_000 }, async () => {
  const { bucket } = stores;
  const longest = token({ fill: "x".repeat(2920) });
  assert.ok(longest.length > 4050 && longest.length <= 4102, String(longest.length));
  for (const [path, text, type] of [
    ["huge.m3u8", playlist(Array(100_000).fill("a")), HLS],
    ["huge.mpd", presentation(Array(80_000).fill("a")), DASH],
  ]) {
    assert.ok(text.length < 1 << 21);
    await bucket.put(FOLDER + path, text, { type });
    const places = placements(FOLDER + path, longest);
    const grown = await bucket.ask(places.query[0], { env: ALONE });
    assertRefused(grown, 502, "manifest_too_large");
    const same = await bucket.ask(places.path[0], { env: ALONE });
    assert.deepEqual([same.status, same.body.toString() === text], [200, true], "nothing grows");
  }
  opens(await bucket.ask(placements(`${FOLDER}a.ts`, longest).query[0], { env: ALONE }));
});
