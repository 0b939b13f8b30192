// How fast V8 verifies a JWT: the Worker's gate against `jose`, and against `jsonwebtoken`, on the same
// tokens in this process, taking turns.
//
//   npm run bench:jwt [rounds]
//
// The gate gets a request as the Worker's entry passes it, and admits it: it finds the token, verifies it, checks the
// path, and says what to fetch. The media is not part of the time. The others verify the token only.
import { createSecretKey, webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { SignJWT, jwtVerify } from "jose";
import jsonwebtoken from "jsonwebtoken";

import { build } from "../../scripts/build.mjs";
import { fail, root } from "../../scripts/setup.mjs";

const ROUNDS = Number(process.argv[2] ?? 51);
const TIMES = 400;
const KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const ISSUER = "https://www.example.com";
const AUDIENCE = "edge-1";
const bytes = new Uint8Array(Buffer.from(KEY, "base64url"));
const imported = await webcrypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
const secret = createSecretKey(bytes);

/** The gate recognizes its bucket by the name of the class. */
class R2Bucket {}

build({ quiet: true, only: ["worker"] });
const glue = await import("../../build/worker/playgate.js");
glue.initSync({ module: readFileSync(join(root, "build/worker/playgate_bg.wasm")) });

const exp = 4102444800;
const claims = { vid: "42", sub: "viewer-8731", exp, iat: 1767225000 };
const tokens = [
  { name: "usual", header: {}, claims, checks: {} },
  { name: "kid", header: { kid: "main" }, claims, checks: {} },
  { name: "bound", header: { kid: "main" }, claims: { ...claims, iss: ISSUER, aud: AUDIENCE }, checks: { issuer: ISSUER, audience: AUDIENCE } },
];
// The gate logs each request.
const print = console.log;
console.log = () => {};
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

print(`verifying a JWT in V8, median of ${ROUNDS} rounds of ${TIMES}`);
for (const { name, header, claims, checks } of tokens) {
  const token = await new SignJWT(claims).setProtectedHeader({ alg: "HS256", typ: "JWT", ...header }).sign(bytes);
  const contenders = { playgate: await gate(token, checks), ...libraries(token, checks) };
  const took = Object.fromEntries(Object.keys(contenders).map((who) => [who, []]));
  for (let round = -5; round < ROUNDS; round++) {
    for (const [who, verify] of Object.entries(contenders)) {
      const start = process.hrtime.bigint();
      for (let n = 0; n < TIMES; n++) {
        const verdict = verify();
        if (verdict instanceof Promise) await verdict;
      }
      // The first rounds warm up.
      if (round >= 0) took[who].push(Number(process.hrtime.bigint() - start) / TIMES);
    }
  }
  print(`${name.padEnd(6)} playgate ${(median(took.playgate) / 1000).toFixed(2)} µs`);
  for (const who of Object.keys(contenders).slice(1)) {
    const [theirs, ours] = [median(took[who]), median(took.playgate)];
    print(`  ${who.padEnd(24)} ${(theirs / 1000).toFixed(2)} µs  times playgate's ${(theirs / ours).toFixed(1)}`);
  }
}

/** The Worker's gate, asked for a file with the token in the query. */
async function gate(token, { issuer, audience }) {
  const env = {
    PLAYGATE_KEYS: `main:${KEY}`, FORMATS: "native,jwt", JWT_PATH: "/videos/{vid}/", MEDIA: new R2Bucket(),
    ...(issuer ? { ISSUER: issuer } : {}), ...(audience ? { AUDIENCE: audience } : {}),
  };
  const gate = new glue.Gate(env);
  const url = `https://cdn.example.com/videos/42/film.mp4?token=${token}`;
  const request = new Request(url);
  const decide = () => {
    const plan = gate.decide(`GET\n${url}\n\n\n\n203.0.113.9`, request, Date.now());
    if (typeof plan === "string") fail(`the gate does not admit it: ${plan}`);
    const next = plan.start();
    plan.free();
    return next;
  };
  if (!decide().startsWith("get\n")) fail("the gate does not ask for the media");
  return decide;
}

function libraries(token, checks) {
  const options = { algorithms: ["HS256"], requiredClaims: ["exp"], ...checks };
  const sync = { algorithms: ["HS256"], ...checks };
  return {
    "jose, CryptoKey": () => jwtVerify(token, imported, options),
    "jose, raw key": () => jwtVerify(token, bytes, options),
    "jsonwebtoken, KeyObject": () => jsonwebtoken.verify(token, secret, sync),
  };
}
