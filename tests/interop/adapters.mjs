// Three libraries behind one face:
//   mint(header, payload, key, alg)            a token
//   check(token, key, { issuer, audience })    { header, payload }, or { reason } in Playgate's words
// A library checks what its manual says to check: algorithms HS256, `exp` required, and where there is an
// issuer or an audience, these.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

import * as joseLibrary from "jose";
import jsonwebtokenLibrary from "jsonwebtoken";

import { packages, python } from "./python.mjs";

const bytes = (hex) => Buffer.from(hex, "hex");

export const jose = {
  async mint(header, payload, key, alg) {
    if (alg === "none") return new joseLibrary.UnsecuredJWT(payload).encode();
    return new joseLibrary.SignJWT(payload).setProtectedHeader({ alg, ...header }).sign(bytes(key));
  },
  async check(token, key, { issuer, audience }) {
    try {
      const options = { algorithms: ["HS256"], requiredClaims: ["exp"], issuer, audience };
      const { protectedHeader: header, payload } = await joseLibrary.jwtVerify(token, bytes(key), options);
      return { header, payload };
    } catch (error) {
      if (error.reason === "invalid") return { reason: "malformed" };
      return { reason: reasonOf(JOSE, [error.code, error.claim].filter(Boolean).join(" "), error.message) };
    }
  },
};

const JOSE = {
  ERR_JOSE_ALG_NOT_ALLOWED: "unsupported_algorithm",
  ERR_JOSE_NOT_SUPPORTED: "unknown_field",
  "ERR_JWT_CLAIM_VALIDATION_FAILED aud": "wrong_audience",
  "ERR_JWT_CLAIM_VALIDATION_FAILED exp": "missing_claim",
  "ERR_JWT_CLAIM_VALIDATION_FAILED iss": "wrong_issuer",
  "ERR_JWT_CLAIM_VALIDATION_FAILED nbf": "not_yet_valid",
  "ERR_JWT_EXPIRED exp": "expired",
  ERR_JWT_INVALID: "malformed",
  ERR_JWS_INVALID: "malformed",
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: "bad_signature",
};

export const jsonwebtoken = {
  async mint(header, payload, key, alg) {
    // It puts `typ` and `iat` into each token, but for those that say not to.
    const options = { algorithm: alg, header: { typ: undefined, ...header }, noTimestamp: !payload.iat };
    return jsonwebtokenLibrary.sign(payload, alg === "none" ? "" : bytes(key), options);
  },
  async check(token, key, { issuer, audience }) {
    try {
      return jsonwebtokenLibrary.verify(token, bytes(key), { algorithms: ["HS256"], complete: true, issuer, audience });
    } catch (error) {
      return { reason: reasonOf(JSONWEBTOKEN, error.message.split(".")[0], error.name) };
    }
  },
};

const JSONWEBTOKEN = {
  "invalid algorithm": "unsupported_algorithm",
  "invalid exp value": "malformed",
  "invalid nbf value": "malformed",
  "invalid signature": "bad_signature",
  "jwt audience invalid": "wrong_audience",
  "jwt expired": "expired",
  "jwt issuer invalid": "wrong_issuer",
  "jwt malformed": "malformed",
  "jwt not active": "not_yet_valid",
  // What it says where there is a key and the token is of algorithm `none`.
  "jwt signature is required": "unsupported_algorithm",
};

/** PyJWT, in a process of its own. */
export class PyJwt {
  #process = spawn(python, [join(import.meta.dirname, "pyjwt.py")], {
    env: { ...process.env, PYTHONPATH: packages, PYTHONIOENCODING: "utf-8" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  #lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();

  async mint(header, payload, key, alg) {
    return (await this.#ask({ mint: { header, payload, alg }, key })).token;
  }

  async check(token, key, { issuer = null, audience = null }) {
    const { error, ...answer } = await this.#ask({ check: token, key, issuer, audience });
    return error ? { reason: reasonOf(PYJWT, error) } : answer;
  }

  close() {
    this.#process.stdin.end();
  }

  async #ask(question) {
    this.#process.stdin.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("PyJWT ended");
    return JSON.parse(value);
  }
}

const PYJWT = {
  DecodeError: "malformed",
  ExpiredSignatureError: "expired",
  ImmatureSignatureError: "not_yet_valid",
  InvalidAlgorithmError: "unsupported_algorithm",
  InvalidAudienceError: "wrong_audience",
  InvalidIssuerError: "wrong_issuer",
  InvalidSignatureError: "bad_signature",
  InvalidTokenError: "unknown_field",
  "MissingRequiredClaimError aud": "wrong_audience",
  "MissingRequiredClaimError exp": "missing_claim",
  "MissingRequiredClaimError iss": "wrong_issuer",
};

function reasonOf(reasons, said, more = "") {
  return reasons[said] ?? `${said} (${more})`;
}
