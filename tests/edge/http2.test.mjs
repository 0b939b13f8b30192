// The native gate over HTTP/2 without TLS, as proxies and load balancers speak it. In front of a Worker, Cloudflare does.
import assert from "node:assert/strict";
import http2 from "node:http2";
import { after, before, test } from "node:test";

import { NOW, link, sign, startGate } from "./gate.mjs";
import { isNative } from "./native.mjs";

const limit = { timeout: 30_000, skip: !isNative && "a Worker gets HTTP/1.1" };
const FILM = "/videos/42/film.mp4";
const BYTES = Buffer.alloc(1_500_000, "film");

let gate, session;
before(
  async () => {
    if (limit.skip) return;
    gate = await startGate({ objects: [[FILM.slice(1), BYTES]] });
    session = http2.connect(gate.url);
  },
  { timeout: 900_000 },
);
after(async () => {
  session?.close();
  await gate?.stop();
});

function ask(url, headers = {}) {
  const { host, pathname, search } = new URL(url);
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":path": pathname + search, ":authority": host, "x-test-now": String(NOW * 1000), ...headers });
    const chunks = [];
    stream.on("response", (answer) => (stream.answer = answer)).on("data", (chunk) => chunks.push(chunk)).on("error", reject);
    stream.on("end", () => resolve({ status: stream.answer[":status"], headers: stream.answer, body: Buffer.concat(chunks) }));
    stream.setTimeout(10_000, () => stream.close());
  });
}

test("films, ranges and refusals", limit, async () => {
  const whole = await ask(link(FILM));
  assert.deepEqual([whole.status, whole.headers["content-length"]], [200, String(BYTES.length)]);
  assert.ok(whole.body.equals(BYTES));
  const part = await ask(link(FILM), { range: "bytes=4-7" });
  assert.deepEqual([part.status, part.body.toString()], [206, "film"]);
  assert.deepEqual([(await ask(`https://h${FILM}`)).status, (await ask(link("/videos/43/a.ts"))).status], [401, 404]);
  const head = await ask(link(FILM), { ":method": "HEAD" });
  assert.deepEqual([head.status, head.headers["content-length"], head.body.length], [200, String(BYTES.length), 0]);
});

test("many at once on one connection", limit, async () => {
  const answers = await Promise.all(Array.from({ length: 60 }, () => ask(link(FILM))));
  assert.ok(answers.every(({ status, body }) => status === 200 && body.equals(BYTES)));
});

test("cookies that come one by one are one field (RFC 9113, section 8.2.3)", limit, async () => {
  const cookie = ["a=1", sign("/videos/42/", { dir: 2 }), "b=2"];
  assert.equal((await ask(`https://cdn.example.com${FILM}`, { cookie })).status, 200);
});

test("a client that takes nothing of an answer, and one that asks for nothing, are let go", { ...limit, timeout: 60_000 }, async (t) => {
  const quick = await startGate({ objects: [[FILM.slice(1), BYTES]], patience: 1 });
  const connections = [];
  t.after(async () => {
    for (const connection of connections) connection.destroy();
    await quick.stop();
  });
  const connect = (options) => {
    const connection = http2.connect(quick.url, options).on("error", () => {});
    connections.push(connection);
    return connection;
  };
  const { pathname, search } = new URL(link(FILM));
  const head = { ":path": pathname + search, ":authority": "h", "x-test-now": String(NOW * 1000) };
  // Room for one byte of each answer. Pings are answered all the time.
  const stalled = connect({ settings: { initialWindowSize: 1 } });
  for (let n = 0; n < 20; n++) stalled.request(head).on("error", () => {}).pause();
  const idle = connect();
  idle.request({ ...head, ":path": FILM }).on("error", () => {}).resume();
  const start = Date.now();
  await Promise.all([stalled, idle].map((connection) => new Promise((resolve) => connection.once("close", resolve))));
  assert.ok(Date.now() - start < 25_000);
  const answer = await new Promise((resolve) => connect().request(head).once("response", resolve).resume());
  assert.equal(answer[":status"], 200);
});
