// Every reason: its status, its header fields, its body. Nothing of the request comes back.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import {
  NOW,
  PAGE,
  byName,
  jwtVectors,
  link,
  problem,
  startGate,
  startOrigin,
  variables,
  vectors,
} from "./gate.mjs";

const FILM = "/videos/42/film.mp4";

let gate;
let origin;
before(
  async () => {
    gate = await startGate({ objects: [[FILM.slice(1), "0123456789"]] });
    origin = await startOrigin((_, response) => response.writeHead(302, { location: "/" }).end());
  },
  { timeout: 900_000 },
);
after(async () => {
  await gate?.stop();
  await origin?.stop();
});

const TITLES = {
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  412: "Precondition Failed",
  416: "Range Not Satisfiable",
  502: "Bad Gateway",
  503: "Service Unavailable",
};

/** Checks all of an answer to a request from the page that may read it. */
async function refuses(url, reason, status, options = {}, field) {
  const headers = { origin: PAGE, ...options.headers };
  const answer = await gate.ask(url, { ...options, headers });
  assert.equal(answer.headers["playgate-reason"], reason);
  assert.equal(answer.status, status);
  assert.equal(answer.headers["cache-control"], "no-store");
  assert.equal(answer.headers["x-content-type-options"], "nosniff");
  assert.equal(answer.headers["access-control-allow-origin"], PAGE);
  assert.equal(answer.headers.vary, "Origin");
  for (const name of ["Playgate-Reason", "Playgate-Expires", "Playgate-Time-Left"]) {
    assert.ok(answer.headers["access-control-expose-headers"].split(", ").includes(name));
  }
  assert.equal(answer.headers["www-authenticate"], status === 401 ? "Bearer" : undefined);
  assert.equal(answer.headers.allow, status === 405 ? "GET, HEAD, OPTIONS" : undefined);
  assert.equal(answer.headers.etag, undefined);
  assert.equal(answer.headers["content-type"], "application/problem+json");
  if (options.method === "HEAD") return answer;
  assert.equal(Number(answer.headers["content-length"]), answer.body.length);
  const { detail, ...rest } = problem(answer);
  const expected = { type: "about:blank", title: TITLES[status], status, reason };
  // Of the request nothing is echoed but the name of a parameter that was added.
  const param = reason === "unsigned_parameter" ? rest.param : undefined;
  if (reason === "unsigned_parameter") assert.match(new URL(url).search, new RegExp(`[?&]${rest.param}(=|&|$)`));
  assert.deepEqual(rest, { ...expected, ...(field && { field }), ...(param && { param }) });
  assert.match(detail, /^[\x20-\x7e]{10,120}$/);
  for (const part of new URL(url).href.split(/[/?&=]/).filter((part) => part.length > 8)) {
    assert.ok(!answer.body.includes(part), `the body repeats ${part}`);
  }
  return answer;
}

// The core's reasons, each by the first vector that has it, of each format.
const CORE = [
  "ambiguous",
  "bad_signature",
  "expired",
  "expires_too_far",
  "lifetime_too_long",
  "malformed",
  "missing",
  "missing_claim",
  "not_yet_valid",
  "outside_preview",
  "outside_scope",
  "path_not_canonical",
  "retired_key",
  "state_required",
  "unknown_field",
  "unknown_key",
  "unsigned_parameter",
  "unsupported_algorithm",
  "unsupported_version",
  "wrong_audience",
  "wrong_country",
  "wrong_issuer",
  "wrong_network",
  "wrong_purpose",
];
const FILES = { native: vectors, jwt: jwtVectors };
const reasonsOf = ({ vectors }) => new Set(vectors.map(({ expect }) => expect.reason).filter(Boolean));

for (const [format, { keys, vectors }] of Object.entries(FILES)) {
  for (const reason of reasonsOf({ vectors })) {
    test(`${reason}, ${format}`, { timeout: 15_000 }, async () => {
      const vector = vectors.find(({ expect, behind_url_parser }) => {
        return expect.reason === reason && !behind_url_parser;
      });
      const { request, gate: settings, now, expect } = vector;
      const headers = {};
      if (request.cookie) headers.cookie = request.cookie;
      if (request.authorization) headers.authorization = request.authorization;
      const env = { PLAYGATE_KEYS: vector.keys ?? keys, ...variables(settings) };
      const options = { headers, env, now, country: request.client_country, ip: request.client_ip };
      await refuses(request.url, reason, expect.status, options, expect.field);
      await refuses(request.url, reason, expect.status, { ...options, method: "HEAD" }, expect.field);
    });
  }
}

test("the vectors have no reason that is not tested here", () => {
  const reasons = new Set(Object.values(FILES).flatMap((file) => [...reasonsOf(file)]));
  assert.deepEqual([...reasons].sort(), CORE);
});

test("method_not_allowed", { timeout: 15_000 }, async () => {
  for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
    await refuses(link(FILM), "method_not_allowed", 405, { method });
  }
});

test("not_found", { timeout: 15_000 }, async () => {
  for (const path of ["/videos/42/flim.mp4", "/videos/42/", "/", "/%FF", `/${"a".repeat(1025)}`]) {
    const answer = await refuses(link(path), "not_found", 404);
    assert.equal(answer.headers["playgate-expires"], String(NOW + 600));
  }
  await refuses(link("/videos/42/flim.mp4"), "not_found", 404, { method: "HEAD" });
  await refuses(link("/videos/42/flim.mp4"), "not_found", 404, { headers: { range: "bytes=0-" } });
  await refuses(link("/videos/42/flim.mp4"), "not_found", 404, { headers: { "if-match": "*" } });
});

test("range_not_satisfiable", { timeout: 15_000 }, async () => {
  const answer = await refuses(link(FILM), "range_not_satisfiable", 416, {
    headers: { range: "bytes=10-" },
  });
  assert.equal(answer.headers["content-range"], "bytes */10");
});

test("precondition_failed", { timeout: 15_000 }, async () => {
  await refuses(link(FILM), "precondition_failed", 412, { headers: { "if-match": '"another"' } });
});

test("bad_store", { timeout: 15_000 }, async () => {
  const env = { MEDIA: "a bucket that fails" };
  for (const headers of [{}, { range: "bytes=0-1" }, { "if-none-match": "*" }]) {
    await refuses(link(FILM), "bad_store", 502, { env, headers });
  }
});

test("bad_origin", { timeout: 15_000 }, async () => {
  await refuses(link(FILM), "bad_origin", 502, { env: { MEDIA: null, ORIGIN: origin.url } });
});

test("misconfigured", { timeout: 15_000 }, async () => {
  await refuses(link(FILM), "misconfigured", 503, { env: { PLAYGATE_KEYS: null } });
});

test("a link that passes is not refused", { timeout: 15_000 }, async () => {
  const answer = await gate.ask(byName("film_query").request.url, { headers: { origin: PAGE } });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["playgate-reason"], undefined);
  assert.equal(answer.body.toString(), "0123456789");
});
