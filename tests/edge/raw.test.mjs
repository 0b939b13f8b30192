// A media server that writes what no library would: the native gate gets it as it is. In front of a Worker, the platform
// reads it.
import assert from "node:assert/strict";
import http2 from "node:http2";
import net from "node:net";
import { after, before, test } from "node:test";

import { NOW, link, startGate } from "./gate.mjs";
import { isNative } from "./native.mjs";

const limit = { timeout: 30_000, skip: !isNative && "the platform of a Worker reads answers" };
const FILM = "/film.mp4";

let gate, origin, answers;
before(
  async () => {
    if (limit.skip) return;
    origin = net.createServer((socket) => {
      let asked = 0;
      socket.on("error", () => {}).on("data", () => {
        const text = answers(asked++);
        if (text === undefined) socket.destroy();
        else socket.write(text);
      });
    });
    await new Promise((resolve) => origin.listen(0, "127.0.0.1", resolve));
    gate = await startGate({ env: { MEDIA: null, ORIGIN: `http://127.0.0.1:${origin.address().port}` } });
  },
  { timeout: 900_000 },
);
after(async () => {
  await gate?.stop();
  origin?.close();
});

const chunked = (fields, ...chunks) =>
  `HTTP/1.1 200 OK\r\n${fields}Transfer-Encoding: chunked\r\n\r\n${chunks.map((one) => `${one.length.toString(16)}\r\n${one}\r\n`).join("")}0\r\n`;

test("trailers reach nobody", limit, async () => {
  answers = () => `${chunked("Trailer: Set-Cookie\r\n", "film")}Set-Cookie: a=b\r\nX-Secret: yes\r\n\r\n`;
  const { pathname, search } = new URL(link(FILM));
  const session = http2.connect(gate.url);
  const stream = session.request({ ":path": pathname + search, ":authority": "h", "x-test-now": String(NOW * 1000) });
  const trailers = [];
  stream.on("trailers", (fields) => trailers.push(fields));
  let body = "";
  for await (const chunk of stream) body += chunk;
  session.close();
  assert.deepEqual([body, trailers], ["film", []]);
});

test("a length beside chunks says nothing (RFC 9112, section 6.3)", limit, async () => {
  for (const length of [2, 9]) {
    answers = () => `${chunked(`Content-Length: ${length}\r\n`, "fi", "lm")}\r\n`;
    const { status, body, headers } = await gate.ask(link(FILM));
    assert.deepEqual([status, body.toString(), headers["content-length"]], [200, "film", undefined], String(length));
  }
});

test("a connection that was kept and is closed is not a failure", limit, async () => {
  answers = (nth) => (nth === 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfilm" : undefined);
  for (let n = 0; n < 5; n++) {
    const { status, body } = await gate.ask(link(FILM));
    assert.deepEqual([status, body.toString()], [200, "film"]);
  }
  // A server that never answers is one.
  answers = () => undefined;
  assert.equal((await gate.ask(link(FILM))).headers["playgate-reason"], "bad_origin");
});

test("a body of a call that breaks off is the client's fault", limit, async () => {
  const text = "POST /.playgate/playbacks/end HTTP/1.1\r\nHost: h\r\nx-test-env: {\"ADMIN_SECRET\":\"development-admin-secret\"}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
  const { port } = new URL(gate.url);
  const answer = await new Promise((resolve, reject) => {
    let said = "";
    net.connect(port, "127.0.0.1").on("error", reject).on("data", (chunk) => (said += chunk)).on("close", () => resolve(said)).write(text);
  });
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.match(answer, /"bad_request"/);
});

test("an answer before the end of a body leaves the connection to the next request", limit, async () => {
  const { port } = new URL(gate.url);
  const body = "x".repeat(20_000);
  const socket = net.connect(port, "127.0.0.1");
  let said = "";
  const answers = new Promise((resolve, reject) => {
    socket.on("error", reject).on("close", () => resolve(said)).on("data", (chunk) => {
      said += chunk;
      if ((said.match(/HTTP\/1\.1 /g) ?? []).length === 2) socket.end();
    });
  });
  socket.write(`POST ${FILM} HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n`);
  // The head comes first, as behind a proxy that sends bodies on while they come.
  await new Promise((resolve) => setTimeout(resolve, 100));
  socket.write(`${body}GET ${FILM} HTTP/1.1\r\nHost: h\r\n\r\n`);
  assert.deepEqual((await answers).match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 405", "HTTP/1.1 401"]);
});
