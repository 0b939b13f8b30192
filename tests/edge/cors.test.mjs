// Who may read the answers from a page of another origin.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { NOW, PAGE, link, startGate } from "./gate.mjs";

const FILM = "/videos/42/film.mp4";

let gate;
before(
  async () => {
    gate = await startGate({ objects: [[FILM.slice(1), "0123456789"]] });
  },
  { timeout: 900_000 },
);
after(() => gate?.stop());

/** The CORS fields of an answer, and Vary. */
function cors({ headers }) {
  const names = Object.keys(headers).filter(
    (name) => name.startsWith("access-control-") || name === "vary",
  );
  return Object.fromEntries(
    names.sort().map((name) => [name.replace("access-control-", ""), headers[name]]),
  );
}

const EXPOSED =
  "Content-Length, Content-Range, Accept-Ranges, ETag, Date, Playgate-Reason, Playgate-Expires, Playgate-Time-Left, CMSD-Static, CMSD-Dynamic";
const READABLE = {
  "allow-credentials": "true",
  "allow-origin": PAGE,
  "expose-headers": EXPOSED,
  "vary": "Origin",
};

test("a listed origin may read media and refusals", { timeout: 15_000 }, async () => {
  const headers = { origin: PAGE };
  for (const options of [{}, { method: "HEAD" }, { now: NOW + 601 }, { method: "POST" }]) {
    assert.deepEqual(cors(await gate.ask(link(FILM), { headers, ...options })), READABLE);
  }
  assert.deepEqual(
    cors(await gate.ask(link(FILM), { headers: { ...headers, range: "bytes=99-" } })),
    READABLE,
  );
  assert.deepEqual(cors(await gate.ask(link("/none"), { headers })), READABLE);
});

test("other origins may not", { timeout: 15_000 }, async () => {
  for (const origin of [
    undefined,
    "null",
    "http://www.example.com",
    `${PAGE}.evil.example`,
    "https://example.com",
    `${PAGE}:8443`,
  ]) {
    const headers = origin ? { origin } : {};
    assert.deepEqual(cors(await gate.ask(link(FILM), { headers })), { vary: "Origin" }, origin);
    assert.deepEqual(
      cors(await gate.ask(link(FILM), { method: "OPTIONS", headers })),
      { vary: "Origin" },
      origin,
    );
  }
});

test("a preflight is answered before any check", { timeout: 15_000 }, async () => {
  const headers = {
    "origin": PAGE,
    "access-control-request-method": "GET",
    "access-control-request-headers": "range",
  };
  for (const url of [link(FILM), `https://cdn.example.com${FILM}`, "https://cdn.example.com//"]) {
    const answer = await gate.ask(url, { method: "OPTIONS", headers });
    assert.equal(answer.status, 204);
    assert.equal(answer.body.length, 0);
    const { "allow-headers": allowed, ...rest } = cors(answer);
    assert.deepEqual(rest, {
      "allow-credentials": "true",
      "allow-methods": "GET, HEAD, OPTIONS",
      "allow-origin": PAGE,
      "max-age": "86400",
      "vary": "Origin",
    });
    for (const name of [
      "Authorization",
      "Range",
      "If-Match",
      "If-None-Match",
      "If-Modified-Since",
      "If-Range",
      "CMCD-Object",
    ]) {
      assert.ok(allowed.split(", ").includes(name), name);
    }
  }
});

test("an asterisk is every origin without credentials", { timeout: 15_000 }, async () => {
  const env = { ALLOW_ORIGINS: "*" };
  const headers = { origin: "https://anything.example" };
  assert.deepEqual(cors(await gate.ask(link(FILM), { env, headers })), {
    "allow-origin": "*",
    "expose-headers": EXPOSED,
  });
  const preflight = cors(await gate.ask(link(FILM), { env, headers, method: "OPTIONS" }));
  assert.equal(preflight["allow-origin"], "*");
  assert.equal(preflight["allow-credentials"], undefined);
});

test("without origins there is no CORS", { timeout: 15_000 }, async () => {
  const env = { ALLOW_ORIGINS: null };
  for (const method of ["GET", "OPTIONS"]) {
    assert.deepEqual(
      cors(await gate.ask(link(FILM), { env, method, headers: { origin: PAGE } })),
      {},
    );
  }
});
