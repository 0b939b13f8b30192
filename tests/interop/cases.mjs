// What the libraries and Playgate have to agree on. Times are real: PyJWT reads no other clock.
import { createHmac } from "node:crypto";

const now = Math.floor(Date.now() / 1000);
const soon = now + 3600;

// 64 bytes, so that they are enough for HS512 as well.
export const KEY = Buffer.from(Array.from({ length: 64 }, (_, n) => n)).toString("hex");
export const OTHER_KEY = Buffer.from(Array.from({ length: 64 }, (_, n) => n + 100)).toString("hex");

const ISSUER = "https://www.example.com";
const AUDIENCE = "edge-1";

/** Tokens that everybody mints, and that everybody admits. */
export const MINTED = [
  { name: "no more than it takes", payload: { vid: "42", exp: soon } },
  { name: "a claim that is a number", payload: { vid: 42, exp: soon } },
  { name: "typ", header: { typ: "JWT" }, payload: { vid: "42", exp: soon } },
  { name: "typ of RFC 9068", header: { typ: "at+jwt" }, payload: { vid: "42", exp: soon } },
  { name: "kid", header: { kid: "main" }, payload: { vid: "42", exp: soon } },
  { name: "typ and kid", header: { typ: "JWT", kid: "main" }, payload: { vid: "42", exp: soon } },
  { name: "another member in the header", header: { typ: "JWT", x5t: "AAECAwQ" }, payload: { vid: "42", exp: soon } },
  { name: "sub", payload: { vid: "42", exp: soon, sub: "viewer-8731" } },
  { name: "sub with any letters", payload: { vid: "42", exp: soon, sub: "Zoë \"Z\" O'Neil, 日本 \u{1f3ac}" } },
  { name: "iat", payload: { vid: "42", exp: soon, iat: now - 5 } },
  { name: "nbf", payload: { vid: "42", exp: soon, nbf: now - 5 } },
  { name: "jti and sid", payload: { vid: "42", exp: soon, jti: "b7f1", sid: "0d3e9b2c" } },
  { name: "run", payload: { vid: "42", exp: soon, run: 7200 } },
  { name: "iss that nobody asks for", payload: { vid: "42", exp: soon, iss: ISSUER } },
  { name: "iss", payload: { vid: "42", exp: soon, iss: ISSUER }, gate: { issuer: ISSUER } },
  { name: "aud", payload: { vid: "42", exp: soon, aud: AUDIENCE }, gate: { audience: AUDIENCE } },
  { name: "aud of a list of one", payload: { vid: "42", exp: soon, aud: [AUDIENCE] }, gate: { audience: AUDIENCE } },
  { name: "aud of a list", payload: { vid: "42", exp: soon, aud: ["edge-0", AUDIENCE] }, gate: { audience: AUDIENCE } },
  { name: "claims of no meaning here", payload: { vid: "42", exp: soon, name: "Zoë", admin: false, nothing: null, of: { many: [1, 2.5, { x: "y" }] } } },
  {
    name: "everything",
    header: { typ: "JWT", kid: "main" },
    payload: {
      exp: soon, nbf: now - 5, iat: now - 5, iss: ISSUER, aud: ["edge-0", AUDIENCE], sub: "viewer-8731", jti: "b7f1", sid: "0d3e9b2c", run: 7200, vid: "42",
      user: { id: 7, roles: ["a", "b"] },
    },
    gate: { issuer: ISSUER, audience: AUDIENCE },
  },
];

/**
 * Tokens that everybody mints and nobody admits, and why. `but` names the libraries that see it
 * otherwise: RFC 7519 leaves `exp` to the application, and of `aud` two of them say nothing until asked.
 */
export const REFUSED = [
  { name: "expired", payload: { vid: "42", exp: now - 5 }, reason: "expired" },
  { name: "not yet", payload: { vid: "42", exp: soon, nbf: soon - 5 }, reason: "not_yet_valid" },
  { name: "another key", payload: { vid: "42", exp: soon }, key: OTHER_KEY, reason: "bad_signature" },
  { name: "another key behind the same kid", header: { kid: "main" }, payload: { vid: "42", exp: soon }, key: OTHER_KEY, reason: "bad_signature" },
  { name: "HS384", payload: { vid: "42", exp: soon }, alg: "HS384", reason: "unsupported_algorithm" },
  { name: "HS512", payload: { vid: "42", exp: soon }, alg: "HS512", reason: "unsupported_algorithm" },
  { name: "none", payload: { vid: "42", exp: soon }, alg: "none", reason: "unsupported_algorithm" },
  { name: "another iss", payload: { vid: "42", exp: soon, iss: "https://www.example.org" }, gate: { issuer: ISSUER }, reason: "wrong_issuer" },
  { name: "iss with a slash more", payload: { vid: "42", exp: soon, iss: `${ISSUER}/` }, gate: { issuer: ISSUER }, reason: "wrong_issuer" },
  { name: "no iss", payload: { vid: "42", exp: soon }, gate: { issuer: ISSUER }, reason: "wrong_issuer" },
  { name: "another aud", payload: { vid: "42", exp: soon, aud: "edge-2" }, gate: { audience: AUDIENCE }, reason: "wrong_audience" },
  { name: "aud of a list of others", payload: { vid: "42", exp: soon, aud: ["edge-0", "edge-2"] }, gate: { audience: AUDIENCE }, reason: "wrong_audience" },
  { name: "aud of an empty list", payload: { vid: "42", exp: soon, aud: [] }, gate: { audience: AUDIENCE }, reason: "wrong_audience" },
  { name: "no aud", payload: { vid: "42", exp: soon }, gate: { audience: AUDIENCE }, reason: "wrong_audience" },
  { name: "aud at a gate without a name", payload: { vid: "42", exp: soon, aud: AUDIENCE }, reason: "wrong_audience", but: ["jose", "jsonwebtoken"] },
  { name: "no exp", payload: { vid: "42" }, reason: "missing_claim", but: ["jsonwebtoken"] },
];

/** What is done to a good token, and what comes of it. Some say it in other words, and some take it. */
export const TAMPERED = [
  { name: "another payload", change: ([h, , s]) => [h, encode({ vid: "42", exp: soon + 1 }), s], reason: "bad_signature" },
  { name: "another header", change: ([, p, s]) => [encode({ alg: "HS256", typ: "JOSE" }), p, s], reason: "bad_signature" },
  { name: "another first bit of the signature", change: ([h, p, s]) => [h, p, flipped(s)], reason: "bad_signature" },
  { name: "no signature", change: ([h, p]) => [h, p, ""], reason: "malformed", also: ["bad_signature", "unsupported_algorithm"] },
  { name: "alg none over the signature", change: ([, p, s]) => [encode({ alg: "none" }), p, s], reason: "unsupported_algorithm" },
  { name: "alg in lower case", change: ([, p]) => signed(encode({ alg: "hs256" }), p), reason: "unsupported_algorithm" },
  { name: "no alg", change: ([, p]) => signed(encode({ typ: "JWT" }), p), reason: "unsupported_algorithm", also: ["malformed"] },
  { name: "a payload that is a list", change: ([h]) => signed(h, encode([{ vid: "42", exp: soon }])), reason: "malformed", but: ["jsonwebtoken"] },
  { name: "two parts", change: ([h, p]) => [h, p], reason: "malformed" },
  { name: "four parts", change: (parts) => [...parts, "AA"], reason: "malformed" },
  { name: "exp as text", change: ([h]) => signed(h, encode({ vid: "42", exp: String(soon) })), reason: "malformed", but: ["pyjwt"] },
  { name: "nbf as text", change: ([h]) => signed(h, encode({ vid: "42", exp: soon, nbf: String(now) })), reason: "malformed", but: ["pyjwt"] },
  { name: "an extension that is critical", change: ([, p]) => signed(encode({ alg: "HS256", crit: ["b65"], b65: true }), p), reason: "unknown_field", but: ["jsonwebtoken"] },
];

/** What `playgate sign` is told, the header and payload that come of it, and what the libraries check. */
export const SIGNED = [
  { name: "no more than it takes", options: ["--claim", "vid=42"], payload: { vid: "42" } },
  { name: "every option", gate: { issuer: ISSUER, audience: AUDIENCE },
    options: [
      "--claim", "vid=42", "--claim", "role=trial", "--issuer", ISSUER, "--audience", AUDIENCE, "--sub", "viewer-8731",
      "--jti", "b7f1", "--sid", "0d3e9b2c", "--not-before", String(now - 5), "--run", "7200",
    ],
    payload: {
      vid: "42", role: "trial", iss: ISSUER, sub: "viewer-8731", aud: AUDIENCE, nbf: now - 5, jti: "b7f1", sid: "0d3e9b2c", run: 7200,
    } },
  { name: "any letters", options: ["--claim", "vid=42", "--sub", "Zoë \"Z\" \\ 日本 \u{1f3ac}"], payload: { vid: "42", sub: "Zoë \"Z\" \\ 日本 \u{1f3ac}" } },
  { name: "another key", options: ["--claim", "vid=42", "--kid", "next"], payload: { vid: "42" }, kid: "next" },
  { name: "in the path", options: ["--claim", "vid=42", "--place", "path"], payload: { vid: "42" } },
  { name: "expired", options: ["--claim", "vid=42", "--now", String(now - 7200)], payload: { vid: "42" }, exp: now - 3600, reason: "expired" },
  { name: "not yet", options: ["--claim", "vid=42", "--not-before", String(soon - 600)], payload: { vid: "42" }, reason: "not_yet_valid" },
  { name: "another issuer", options: ["--claim", "vid=42", "--issuer", "https://www.example.org"], gate: { issuer: ISSUER }, reason: "wrong_issuer" },
  { name: "no issuer", options: ["--claim", "vid=42"], gate: { issuer: ISSUER }, reason: "wrong_issuer" },
  { name: "another audience", options: ["--claim", "vid=42", "--audience", "edge-2"], gate: { audience: AUDIENCE }, reason: "wrong_audience" },
  { name: "no audience", options: ["--claim", "vid=42"], gate: { audience: AUDIENCE }, reason: "wrong_audience" },
  { name: "a key that they do not have", options: ["--claim", "vid=42", "--kid", "next"], checkedWith: KEY, reason: "bad_signature" },
];

/** RFC 7515, appendix A.1: the header with its line break, the key, and the token. */
export const RFC7515 = {
  header: "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
  key: Buffer.from("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow", "base64url").toString("hex"),
  token:
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9" +
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ" +
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
};

/** Two parts and the signature over them. */
export function signed(header, payload, key = KEY) {
  const tag = createHmac("sha256", Buffer.from(key, "hex")).update(`${header}.${payload}`).digest("base64url");
  return [header, payload, tag];
}

export function encode(value) {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function flipped(signature) {
  const bytes = Buffer.from(signature, "base64url");
  bytes[0] ^= 0x80;
  return bytes.toString("base64url");
}
