// What the tests of manifests share: both stores with the same files, and tokens read by the
// standard library alone.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";

import { NOW, startGate, startOrigin, vectors } from "./gate.mjs";
import { remember } from "./secrets.mjs";

const ring = new Map(
  vectors.keys.split("\n").map((entry) => {
    const [, id, key] = /^(?:\w+\/)?([^:]+):([^@]+)/.exec(entry);
    return [id, { entry: `${id}:${key}`, key: Buffer.from(key, "base64url") }];
  }),
);

/** An entry of a key ring, without the moment of its retirement. */
export const entry = (kid) => ring.get(kid).entry;

/** A token by any key of the vectors: `fields` in the order of the wire format. */
export function signedBy(kid, scope, { exp = NOW + 600, ...fields } = {}) {
  const more = Object.keys(fields)
    .sort()
    .map((name) => `&${name}=${fields[name]}`)
    .join("");
  const token = `pg=1&exp=${exp}&kid=${kid}${more}`;
  const sig = createHmac("sha256", ring.get(kid).key)
    .update(`${scope}\n${token}`)
    .digest("base64url");
  remember(sig);
  return `${token}&sig=${sig}`;
}

/** The token in the path of an address, and the address without it; nothing where it has none. */
export function carried(address) {
  const [, token, path] = /^(?:https?:\/\/[^/]+)?\/((?:pg|token)=[^/]*)(\/.*)$/.exec(address) ?? [];
  return token && { token, path };
}

/** Every address of a playlist, in their order. */
export const references = (text) =>
  [...text.matchAll(/(?<=^(?!#)|URI=")[^"\r\n]+/gm)].map(([reference]) => reference);

/** The header fields of an answer that do not change from one moment or connection to the next. */
export const fieldsOf = ({ headers: { date, connection, "keep-alive": _, ...fields } }) => fields;

export function assertRefused(answer, status, reason) {
  assert.deepEqual([answer.status, answer.headers["playgate-reason"]], [status, reason]);
}

/**
 * A gate with a bucket, and a media server that it asks where a test takes that one. `put` takes
 * the stored header fields by their names: `type`, `encoding`, `cache`.
 */
export async function startStores() {
  const files = new Map();
  const origin = await startOrigin((request, response) => serve(files, request, response));
  const gate = await startGate();
  const bucket = {
    name: "bucket",
    env: {},
    async put(path, body, { type, encoding, cache } = {}) {
      const httpMetadata = { contentType: type, contentEncoding: encoding, cacheControl: cache };
      const known = Object.entries(httpMetadata).filter(([, value]) => value);
      await gate.bucket.put(decodeURIComponent(path.slice(1)), body, {
        httpMetadata: Object.fromEntries(known),
      });
    },
  };
  const server = {
    name: "server",
    env: { MEDIA: null, ORIGIN: origin.url },
    put(path, body, { type, encoding, cache, ...more } = {}) {
      const headers = {
        "content-type": type,
        "content-encoding": encoding,
        "cache-control": cache,
        ...more,
      };
      files.set(path, { body, headers });
    },
  };
  for (const store of [bucket, server]) {
    store.ask = (url, { env, ...options } = {}) =>
      gate.ask(url, { env: { ...store.env, ...env }, ...options });
  }
  return {
    gate,
    origin,
    bucket,
    server,
    async put(...file) {
      for (const store of [bucket, server]) await store.put(...file);
    },
    async stop() {
      await gate.stop();
      await origin.stop();
    },
  };
}

/** A small media server: entity tags, a date, one range, `If-None-Match`. */
function serve(files, request, response) {
  const file = files.get(request.url.split("?")[0]);
  if (!file) return response.writeHead(404, { "content-type": "text/plain" }).end("nothing here");
  if (typeof file.body === "function") return file.body(request, response);
  const body = Buffer.from(file.body);
  const etag = `"${createHmac("sha256", "").update(body).digest("hex").slice(0, 12)}"`;
  const headers = {
    etag,
    "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT",
    "accept-ranges": "bytes",
    ...file.headers,
  };
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) response.setHeader(name, value);
  }
  if (request.headers["if-none-match"] === etag) return response.writeHead(304).end();
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
  const part = first ? body.subarray(Number(first), Number(last) + 1) : body;
  if (first) response.setHeader("content-range", `bytes ${first}-${last}/${body.length}`);
  response.writeHead(first ? 206 : 200, { "content-length": part.length });
  return response.end(request.method === "HEAD" ? undefined : part);
}
