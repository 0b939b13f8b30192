// Paths that are served without a token.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startGate } from "./gate.mjs";

const env = { PUBLIC: "/public/, /poster.jpg" };

let gate;
before(
  async () => {
    gate = await startGate({
      objects: [
        ["public/hello.txt", "hello", { httpMetadata: { cacheControl: "public, max-age=86400" } }],
        ["public/plain.txt", "plain"],
        ["public-not/secret.txt", "secret"],
        ["poster.jpg", "jpg"],
        ["poster.jpg.orig", "secret"],
        ["secret.txt", "secret"],
      ],
    });
  },
  { timeout: 900_000 },
);
after(() => gate?.stop());

const ask = (path, options) => gate.ask(`https://cdn.example.com${path}`, { env, ...options });

test(
  "a public path needs no token and keeps its own Cache-Control",
  { timeout: 15_000 },
  async () => {
    const answer = await ask("/public/hello.txt");
    assert.deepEqual([answer.status, answer.body.toString()], [200, "hello"]);
    assert.equal(answer.headers["cache-control"], "public, max-age=86400");
    assert.equal(answer.headers["playgate-expires"], undefined);
    assert.equal((await ask("/public/plain.txt")).headers["cache-control"], undefined);
  },
);

test("it is served as all media is", { timeout: 15_000 }, async () => {
  const part = await ask("/public/hello.txt", { headers: { range: "bytes=1-2" } });
  assert.deepEqual([part.status, part.body.toString()], [206, "el"]);
  const { etag } = part.headers;
  assert.equal(
    (await ask("/public/hello.txt", { headers: { "if-none-match": etag } })).status,
    304,
  );
  assert.equal((await ask("/public/none.txt")).status, 404);
  assert.equal((await ask("/public/hello.txt", { method: "POST" })).status, 405);
});

test("other spellings of the same path are the same", { timeout: 15_000 }, async () => {
  assert.equal((await ask("/p%75blic/hello.txt")).status, 200);
  assert.equal((await ask("/public/hello.txt?cache=no")).status, 200);
  assert.equal((await ask("/secret/../public/hello.txt")).status, 200);
  assert.equal((await ask("/poster.jpg")).status, 200);
});

test("nothing else is", { timeout: 15_000 }, async () => {
  for (const path of [
    "/secret.txt",
    "/public-not/secret.txt",
    "/public",
    "/PUBLIC/hello.txt",
    "/public/../secret.txt",
    "/public/%2e%2e/secret.txt",
    "/public%2f..%2fsecret.txt",
    "/public/..%2fsecret.txt",
    "/public/..%5csecret.txt",
    "/public//secret.txt",
    "//public/hello.txt",
    "/poster.jpg.orig",
    "/poster.jpgx",
    "/?/public/hello.txt",
  ]) {
    const answer = await ask(path);
    assert.equal(answer.status, 401, path);
    assert.ok(!answer.body.includes("secret"), path);
  }
});

test("the log says that it was public", { timeout: 15_000 }, async () => {
  await gate.log();
  await ask("/public/hello.txt");
  assert.deepEqual(await gate.log(), [
    { decision: "public", status: 200, method: "GET", scope: "/public/hello.txt" },
  ]);
});
