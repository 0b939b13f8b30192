// What the gate writes down: one line for each decision, and no token in any, wherever a client or a signer
// put it. Every other suite checks its own output when its gate stops.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { NOW, jwt, link, sign, startGate } from "./gate.mjs";
import { isNative } from "./native.mjs";
import { assertSecretsKept, leaks, remember } from "./secrets.mjs";

const FILM = "/videos/42/film.mp4";
const HOST = "https://cdn.example.com";
const BOTH = { FORMATS: "native,jwt", JWT_PATH: "/videos/{vid}/" };
const limit = { timeout: 30_000 };

let gate;
before(async () => {
  gate = await startGate({ objects: [[FILM.slice(1), "0123456789"]] });
}, { timeout: 900_000 });
after(() => gate?.stop());

const exact = sign(FILM);
const folder = sign("/videos/42/", { dir: 2 });
const claims = jwt({ vid: "42" });
const tag = exact.slice(-43);
const encoded = (text) => text.replaceAll("=", "%3D").replaceAll("&", "%26");

/** Paths that a token hides in, and what the log may say of each, where it says something. */
const hides = (prefix) => [
  [`${prefix}x.txt?${exact}`, `${prefix}x.txt`],
  [`${prefix}x.txt?token=${claims}`, `${prefix}x.txt`],
  [`${prefix}${exact}/x.txt`, `${prefix}pg../x.txt`],
  [`${prefix}${encoded(exact)}/x.txt`, `${prefix}pg../x.txt`],
  [`${prefix}${encoded(exact).replaceAll("%", "%25")}`],
  [`${prefix}token=${claims}/x.txt`, `${prefix}token../x.txt`],
  [`${prefix}${claims}/x.txt`],
  [`${prefix}${claims}.txt`],
  [`${prefix}${tag}`, `${prefix}${tag.slice(0, 8)}..`],
  [`${prefix}sig-${tag}/a`],
  [`${prefix}x_${tag}_x/a`],
  [`${prefix}jwt/${tag.slice(0, 42)}`, `${prefix}jwt/${tag.slice(0, 8)}..`],
];

test("a public path is logged without what could be a token", limit, async () => {
  const env = { PUBLIC: "/public/", ...BOTH };
  for (const [path, said] of hides("/public/")) {
    for (const method of ["GET", "HEAD"]) {
      const headers = { cookie: folder, authorization: `Bearer ${exact}`, referer: `${HOST}/${folder}${FILM}` };
      await gate.log();
      await gate.ask(HOST + path, { method, env, headers });
      const [{ scope, decision }, ...more] = await gate.log();
      assert.deepEqual([decision, more], ["public", []], path);
      if (said) assert.equal(scope, said);
      assert.ok(!scope.includes(tag.slice(0, 42)) && !scope.includes(claims.split(".")[2]), scope);
    }
  }
});

test("a public extension too", limit, async () => {
  await gate.log();
  await gate.ask(`${HOST}/videos/${encoded(exact)}/1.ts?${exact}`, { env: { PUBLIC_EXTENSIONS: "ts" } });
  const [line] = await gate.log();
  assert.deepEqual([line.decision, line.scope], ["public", "/videos/pg../1.ts"]);
});

test("a scope is logged without what could be a token, admitted or refused", limit, async () => {
  for (const [path, said] of hides("/videos/42/")) {
    const [name, query] = path.split("?");
    const scopes = [sign("/videos/42/", { dir: 2 }), sign(name + (query ? `?${query}` : ""))];
    const urls = [
      `${HOST}${path}${query ? "&" : "?"}${scopes[1]}`,
      `${HOST}/${scopes[0]}${path}`,
      `${HOST}/${scopes[0].replace("kid=main", "kid=gone")}${path}`,
      `${HOST}/${folder}${path}`,
      `${HOST}${path}`,
      `${HOST}/token=${jwt({ vid: "42" })}${path}`,
    ];
    for (const url of urls) {
      for (const env of [{}, BOTH, { ...BOTH, FORMATS: "jwt" }]) {
        await gate.log();
        await gate.ask(url, { env });
        const lines = await gate.log();
        assert.equal(lines.length, 1);
        assert.ok(!JSON.stringify(lines).includes(tag.slice(0, 42)), JSON.stringify(lines));
        if (said && lines[0].decision === "allow" && lines[0].scope !== "/videos/42/") assert.equal(lines[0].scope, said);
      }
    }
  }
});

test("header fields are not logged", limit, async () => {
  const headers = { cookie: `pg=${exact}; token=${claims}`, authorization: `Bearer ${claims}`, origin: HOST };
  for (const method of ["GET", "HEAD", "OPTIONS", "POST", "DELETE"]) {
    for (const env of [{}, BOTH, { MEDIA: null }]) {
      await gate.log();
      await gate.ask(`${HOST}${FILM}?${folder}`, { method, env, headers });
      assert.deepEqual(leaks((await gate.log()).map((line) => JSON.stringify(line))), []);
    }
  }
});

test("a trap is logged by its kind, without its message", limit, async () => {
  await gate.log();
  const answer = await gate.ask(link(FILM), { env: { MEDIA: "a bucket that exhausts memory" } });
  assert.equal(answer.headers["playgate-reason"], "gate_error");
  const lines = await gate.log();
  assert.deepEqual(lines, [
    ...(isNative ? [{ decision: "error", reason: "gate_panicked" }] : []),
    { decision: "error", reason: "gate_error", error: isNative ? "Panic" : "RuntimeError" },
  ]);
});

test("by default only what was not served is logged, or all, or nothing", limit, async () => {
  const requests = [["GET", link(FILM), "allow"], ["GET", `${HOST}/public/none.txt`, "public"], ["OPTIONS", link(FILM), "preflight"],
    ["GET", `${HOST}${FILM}`, "deny"], ["POST", link(FILM), "deny"]];
  for (const [LOG, expected] of [
    [null, ["public", "deny", "deny"]],
    ["refused", ["public", "deny", "deny"]],
    ["all", ["allow", "public", "preflight", "deny", "deny"]],
    ["off", []],
  ]) {
    await gate.log();
    for (const [method, url] of requests) await gate.ask(url, { method, env: { LOG, PUBLIC: "/public/" } });
    const lines = await gate.log();
    assert.deepEqual(lines.map(({ decision }) => decision), expected);
    // A public file that is not there.
    if (LOG === "refused") assert.equal(lines[0].reason, "not_found");
  }
});

test("the check of every suite finds what it should", limit, async () => {
  const unseen = sign(FILM, { exp: NOW + 7 });
  for (const line of [unseen, `{"scope":"/${tag}/"}`, `x${tag}x`, `${"x".repeat(50)}${tag}`, "A".repeat(43), claims]) {
    assert.deepEqual(leaks(["fine", line]), [line]);
  }
  const lower = "0123456789abcdefghijklmnopqrstuvwxyz0123456";
  assert.deepEqual(leaks([lower]), []);
  remember(lower);
  assert.deepEqual(leaks([lower]), [lower], "one that was seen is known whatever it looks like");
  assert.throws(() => assertSecretsKept([], "canary"), /not collected/);
  const other = await startGate();
  await other.say(`here it is: ${unseen}`);
  await assert.rejects(() => other.stop(), /a tag or a key is in the output/);
});
