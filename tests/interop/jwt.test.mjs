// JWTs between Playgate and three libraries that know nothing of it, each way: what a library mints the
// program verifies, what the program signs a library verifies, and what one refuses the others refuse.
// The tokens are in cases.mjs, the libraries in adapters.mjs.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, describe, test } from "node:test";

import { exe, target } from "../../scripts/setup.mjs";
import { PyJwt, jose, jsonwebtoken } from "./adapters.mjs";
import { KEY, MINTED, OTHER_KEY, REFUSED, RFC7515, SIGNED, TAMPERED, encode, signed } from "./cases.mjs";

const program = join(target, "release", `playgate${exe}`);
const pyjwt = new PyJwt();
after(() => pyjwt.close());
const libraries = { jose, jsonwebtoken, pyjwt };

const HOST = "https://cdn.example.com";
const PATH = "/videos/42/film.mp4";
const ring = [["main", KEY], ["next", Buffer.from(KEY, "hex").reverse().toString("hex")]];
const keyOf = (kid) => new Map(ring).get(kid);

for (const [who, library] of Object.entries(libraries)) {
  describe(`${who} mints, Playgate admits`, () => {
    for (const { name, header = {}, payload, gate = {} } of MINTED) {
      test(name, async () => {
        const token = await library.mint(header, payload, KEY, "HS256");
        // Each library says what is asked of it, and admits that itself.
        const checked = await library.check(token, KEY, gate);
        assert.deepEqual(checked.payload, payload);
        assert.deepEqual({ ...checked.header, alg: undefined }, { ...header, alg: undefined });
        const wanted = { verdict: "allow", kid: "main", expires: payload.exp, scope: "/videos/42/", clean_url: HOST + PATH };
        for (const [place, verdict] of everywhere(token, gate)) assert.deepEqual(verdict, wanted, place);
        const [elsewhere] = verdicts([`${HOST}/videos/43/film.mp4?token=${token}`], gate);
        assert.equal(elsewhere.reason, "outside_scope");
      });
    }
  });

  describe(`${who} mints, and all refuse`, () => {
    for (const { name, header = {}, payload, key = KEY, alg = "HS256", gate = {}, reason, but = [] } of REFUSED) {
      test(name, async () => {
        const token = await library.mint(header, payload, key, alg);
        for (const [place, verdict] of everywhere(token, gate)) assert.equal(verdict.reason, reason, place);
        for (const [checker, { check }] of entries()) {
          const checked = await check(token, KEY, gate);
          assert.equal(checked.reason, but.includes(checker) ? undefined : reason, checker);
        }
      });
    }
  });

  describe(`${who} mints, somebody tampers, and all refuse`, () => {
    for (const { name, change, reason, also = [], but = [] } of TAMPERED) {
      test(name, async () => {
        const token = await library.mint({ typ: "JWT" }, MINTED[0].payload, KEY, "HS256");
        const changed = change(token.split(".")).join(".");
        for (const [place, verdict] of everywhere(changed, {})) assert.equal(verdict.reason, reason, place);
        for (const [checker, { check }] of entries()) {
          const checked = await check(changed, KEY, {});
          if (but.includes(checker)) assert.ok(checked.payload, `${checker} refuses it now: ${checked.reason}`);
          else assert.ok([reason, ...also].includes(checked.reason), `${checker}: ${checked.reason}`);
        }
      });
    }
  });

  describe(`Playgate signs, ${who} verifies`, () => {
    for (const { name, options, payload, gate = {}, kid = "main", exp, checkedWith = keyOf(kid), reason } of SIGNED) {
      test(name, async () => {
        const before = Math.floor(Date.now() / 1000);
        const link = sign(options);
        const token = link.match(/[/?]token=([^/&]+)/)[1];
        const checked = await library.check(token, checkedWith, gate);
        assert.equal(checked.reason, reason);
        if (reason) return;
        const { exp: expires, iat } = checked.payload;
        // Where the token names a viewer or a playback, it says when it was signed.
        const issued = payload.sub || payload.sid ? { iat } : {};
        assert.deepEqual(checked.payload, { ...payload, exp: exp ?? expires, ...issued });
        if (payload.sub || payload.sid) assert.ok(iat >= before && iat <= before + 60, `issued at ${iat}`);
        assert.ok(expires >= before + 3600 && expires <= before + 3660, `it expires at ${expires}`);
        assert.deepEqual(checked.header, { alg: "HS256", typ: "JWT", kid });
        const [verdict] = verdicts([link], gate);
        assert.equal(verdict.verdict, "allow");
      });
    }
  });

  test(`RFC 7515, appendix A.1: ${who} and Playgate take its key and its header`, async () => {
    // The token expired in 2011, and a signature is checked before that.
    assert.equal((await library.check(RFC7515.token, RFC7515.key, {})).reason, "expired");
    assert.equal((await library.check(RFC7515.token, OTHER_KEY, {})).reason, "bad_signature");
    const payload = encode(MINTED[0].payload);
    const token = signed(RFC7515.header, payload, RFC7515.key).join(".");
    assert.deepEqual((await library.check(token, RFC7515.key, {})).payload, MINTED[0].payload);
    const keys = `rfc7515-a1:${Buffer.from(RFC7515.key, "hex").toString("base64url")}`;
    const [verdict, published] = verdicts([`${HOST}${PATH}?token=${token}`, `${HOST}${PATH}?token=${RFC7515.token}`], {}, keys);
    assert.equal(verdict.kid, "rfc7515-a1");
    assert.equal(published.reason, "missing_claim");
  });
}

function entries() {
  const bound = (library) => ({ check: library.check.bind(library) });
  return Object.entries(libraries).map(([name, library]) => [name, bound(library)]);
}

/** The gate's verdict for each placement. */
function everywhere(token, gate) {
  const [query, behind, path] = verdicts([
    `${HOST}${PATH}?token=${token}`, `${HOST}${PATH}?a=1&token=${token}&b=2`, `${HOST}/token=${token}${PATH}`,
  ], gate);
  const beside = (option, value) => run(["verify", "--json", ...gateOptions(gate), option, value, HOST + PATH])[0];
  return [
    ["query", query],
    ["query, between others", behind],
    ["path", path],
    ["cookie", beside("--cookie", `a=b; token=${token}`)],
    ["bearer", beside("--authorization", `Bearer ${token}`)],
  ];
}

function verdicts(links, gate, keys) {
  return run(["verify", "--json", "--stdin", ...gateOptions(gate)], `${links.join("\n")}\n`, keys);
}

function gateOptions({ issuer, audience }) {
  return [
    "--format", "jwt", "--jwt-path", "/videos/{vid}/",
    ...(issuer ? ["--issuer", issuer] : []), ...(audience ? ["--audience", audience] : []),
  ];
}

function sign(options) {
  const done = playgate(["sign", "--format", "jwt", "--expires-in", "1h", ...options, HOST + PATH]);
  assert.equal(done.status, 0, done.stderr);
  return done.stdout.trim();
}

/** The answers, one for each line. */
function run(args, input, keys) {
  const done = playgate(args, input, keys);
  assert.ok(done.status === 0 || done.status === 1, done.stderr);
  return done.stdout.trim().split("\n").map((line) => JSON.parse(line));
}

function playgate(args, input = "", keys) {
  const text = ring.map(([kid, key]) => `${kid}:${Buffer.from(key, "hex").toString("base64url")}`).join(",");
  const done = spawnSync(program, args, { input, encoding: "utf8", env: { ...process.env, PLAYGATE_KEYS: keys ?? text } });
  if (done.error) throw done.error;
  return done;
}
