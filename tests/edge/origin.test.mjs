// A media server behind the gate: what it is asked, and what of its answers reaches the viewer.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";

import { NOW, PAGE, link, sign, startGate, startOrigin } from "./gate.mjs";

const FILM = "/videos/42/film.mp4";
const BYTES = "0123456789";

/** What the server answers, set by each test. */
let answer;
let gate;
let origin;
before(
  async () => {
    origin = await startOrigin((request, response) => answer(request, response));
    gate = await startGate();
  },
  { timeout: 900_000 },
);
after(async () => {
  await gate?.stop();
  await origin?.stop();
});

function media(request, response) {
  const headers = { "content-type": "video/mp4", "accept-ranges": "bytes", "etag": '"v1"' };
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  if (range) {
    const body = BYTES.slice(Number(range[1]), Number(range[2]) + 1);
    response.writeHead(206, {
      ...headers,
      "content-range": `bytes ${range[1]}-${range[2]}/10`,
      "content-length": body.length,
    });
    return response.end(body);
  }
  response.writeHead(200, { ...headers, "content-length": BYTES.length });
  return response.end(BYTES);
}

async function ask(url, { answers = media, env = {}, ...options } = {}) {
  answer = answers;
  origin.asked.length = 0;
  return gate.ask(url, { env: { MEDIA: null, ORIGIN: origin.url, ...env }, ...options });
}

test("the media comes from the server, without the token", { timeout: 15_000 }, async () => {
  const got = await ask(link(FILM));
  assert.deepEqual([got.status, got.body.toString()], [200, BYTES]);
  assert.equal(got.headers["content-type"], "video/mp4");
  assert.equal(got.headers["content-length"], "10");
  assert.equal(got.headers.etag, '"v1"');
  assert.equal(got.headers["playgate-expires"], String(NOW + 600));
  assert.deepEqual(
    origin.asked.map(({ method, url }) => [method, url]),
    [["GET", FILM]],
  );
});

test("all links to the same media ask for the same URL", { timeout: 15_000 }, async () => {
  const token = sign("/videos/42/", { dir: 2 });
  const links = [
    link(FILM),
    link(FILM, { exp: NOW + 60, sub: "viewer" }),
    `https://cdn.example.com/${token}${FILM}`,
    `https://cdn.example.com${FILM}?${token}&session=7`,
    `https://other.example.com${FILM}?${token}`,
    `https://cdn.example.com/videos/42/%66ilm.mp4?${token}`,
  ];
  const asked = new Set();
  for (const url of links) {
    assert.equal((await ask(url)).status, 200);
    assert.equal(origin.asked.length, 1);
    asked.add(`${origin.asked[0].headers.host}${origin.asked[0].url}`);
  }
  assert.deepEqual([...asked], [`${new URL(origin.url).host}${FILM}`]);
});

test("signed and listed parameters travel on, others do not", { timeout: 15_000 }, async () => {
  const env = { FORWARD_PARAMS: "v,_HLS_msn" };
  const folder = sign("/videos/42/", { dir: 2 });
  await ask(`https://cdn.example.com${FILM}?v=2&${folder}&_HLS_msn=7&session=1`, { env });
  assert.equal(origin.asked[0].url, `${FILM}?v=2&_HLS_msn=7`);
  const exact = sign(`${FILM}?quality=hd`);
  await ask(`https://cdn.example.com${FILM}?quality=hd&${exact}&_HLS_msn=7`, {});
  assert.equal(origin.asked[0].url, `${FILM}?quality=hd`);
});

test("a base path of the server stands before every path", { timeout: 15_000 }, async () => {
  await ask(link(FILM), { env: { ORIGIN: `${origin.url}/vod/` } });
  assert.equal(origin.asked[0].url, `/vod${FILM}`);
});

test(
  "the server sees ranges and conditions, and nothing of the viewer",
  { timeout: 15_000 },
  async () => {
    const token = sign("/videos/42/", { dir: 2 });
    const told = {
      "range": "bytes=2-3",
      "if-match": '"a"',
      "if-modified-since": "Sun, 06 Nov 1994 08:49:37 GMT",
      "if-none-match": '"b"',
      "if-range": '"v1"',
      "if-unmodified-since": "Sun, 06 Nov 1994 08:49:37 GMT",
    };
    const kept = {
      "cookie": `session=secret; ${token}`,
      "origin": PAGE,
      "referer": "https://www.example.com/film",
      "user-agent": "Player/1.0",
      "accept-language": "pt",
      "x-forwarded-for": "203.0.113.9",
      "x-custom": "1",
      "forwarded": "for=203.0.113.9",
    };
    const got = await ask(`https://cdn.example.com${FILM}`, {
      headers: { ...told, ...kept },
      ip: "203.0.113.9",
    });
    assert.equal(got.status, 206);
    const [{ headers }] = origin.asked;
    for (const [name, value] of Object.entries(told)) assert.equal(headers[name], value, name);
    for (const name of [...Object.keys(kept), "authorization", "cf-connecting-ip"]) {
      assert.equal(headers[name], undefined, name);
    }
    assert.ok(!JSON.stringify(headers).includes("sig="));
    await ask(`https://cdn.example.com${FILM}`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(origin.asked[0].headers.authorization, undefined);
  },
);

test("a part is passed on as a part", { timeout: 15_000 }, async () => {
  const got = await ask(link(FILM), { headers: { range: "bytes=2-3" } });
  assert.deepEqual([got.status, got.body.toString()], [206, "23"]);
  assert.equal(got.headers["content-range"], "bytes 2-3/10");
  assert.equal(got.headers["content-length"], "2");
});

test("several ranges are all of it", { timeout: 15_000 }, async () => {
  const got = await ask(link(FILM), { headers: { range: "bytes=0-1,4-5" } });
  assert.deepEqual([got.status, origin.asked[0].headers.range], [200, undefined]);
});

test("HEAD is HEAD", { timeout: 15_000 }, async () => {
  const got = await ask(link(FILM), { method: "HEAD", headers: { range: "bytes=0-1" } });
  assert.deepEqual([got.status, got.body.length, got.headers["content-length"]], [200, 0, "10"]);
  assert.deepEqual([origin.asked[0].method, origin.asked[0].headers.range], ["HEAD", undefined]);
});

test("304 is passed on", { timeout: 15_000 }, async () => {
  const answers = (_, response) => response.writeHead(304, { etag: '"v1"' }).end();
  const got = await ask(link(FILM), { answers, headers: { "if-none-match": '"v1"' } });
  assert.deepEqual([got.status, got.headers.etag, got.body.length], [304, '"v1"', 0]);
  assert.equal(got.headers["cache-control"], "private, max-age=600");
});

test("the gate's words replace the server's", { timeout: 15_000 }, async () => {
  const answers = (_, response) => {
    response.writeHead(200, {
      "access-control-allow-origin": "*",
      "access-control-expose-headers": "X-Secret",
      "age": "10",
      "cache-control": "public, max-age=100",
      "cdn-cache-control": "max-age=31536000",
      "connection": "close, x-hop",
      "expires": "Thu, 01 Jan 2099 00:00:00 GMT",
      "playgate-expires": "1",
      "playgate-reason": "expired",
      "set-cookie": ["a=b", "c=d"],
      "vary": "Accept",
      "www-authenticate": "Basic",
      "x-cache": "HIT",
      "x-hop": "1",
    });
    response.end("media");
  };
  const { headers } = await ask(link(FILM), { answers, headers: { origin: PAGE } });
  assert.equal(headers["access-control-allow-origin"], PAGE);
  assert.ok(!headers["access-control-expose-headers"].includes("X-Secret"));
  assert.equal(headers["cache-control"], "private, max-age=90");
  assert.equal(headers["playgate-expires"], String(NOW + 600));
  assert.equal(headers.vary, "Accept, Origin");
  assert.equal(headers["x-cache"], "HIT");
  for (const name of [
    "age",
    "cdn-cache-control",
    "expires",
    "playgate-reason",
    "set-cookie",
    "www-authenticate",
    "x-hop",
  ]) {
    assert.equal(headers[name], undefined, name);
  }
});

test("a redirect is not followed and not passed on", { timeout: 15_000 }, async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    const answers = (_, response) =>
      response.writeHead(status, { location: "/elsewhere" }).end("moved");
    const got = await ask(link(FILM), { answers });
    assert.deepEqual([got.status, got.headers["playgate-reason"]], [502, "bad_origin"]);
    assert.equal(got.headers.location, undefined);
    assert.equal(origin.asked.length, 1);
  }
});

test("a server that asks for credentials is no usable answer", { timeout: 15_000 }, async () => {
  const answers = (_, response) => response.writeHead(401, { "www-authenticate": "Basic" }).end();
  const got = await ask(link(FILM), { answers });
  assert.deepEqual([got.status, got.headers["playgate-reason"]], [502, "bad_origin"]);
  assert.equal(got.headers["www-authenticate"], undefined);
});

test("the server's own errors are passed on and not kept", { timeout: 15_000 }, async () => {
  for (const status of [403, 404, 416, 500, 503]) {
    const answers = (_, response) =>
      response.writeHead(status, { "cache-control": "max-age=60" }).end("no");
    const got = await ask(link(FILM), { answers });
    assert.deepEqual([got.status, got.body.toString()], [status, "no"]);
    assert.equal(got.headers["cache-control"], "no-store");
    assert.equal(got.headers["playgate-reason"], undefined);
  }
});

test("a status that is none cannot end the instance", { timeout: 15_000 }, async () => {
  for (const status of [299, 600, 799, 999]) {
    const got = await ask(link(FILM), {
      answers: (_, response) => response.writeHead(status).end(),
    });
    assert.deepEqual(
      [got.status, got.headers["playgate-reason"]],
      [502, "bad_origin"],
      String(status),
    );
  }
  assert.equal((await ask(link(FILM))).status, 200);
});

test("no server is bad_origin", { timeout: 15_000 }, async () => {
  const got = await ask(link(FILM), { env: { ORIGIN: "http://127.0.0.1:9" } });
  assert.deepEqual([got.status, got.headers["playgate-reason"]], [502, "bad_origin"]);
});

test("an encoded body arrives as it was sent", { timeout: 15_000 }, async () => {
  const answers = (_, response) => {
    response.writeHead(200, {
      "content-type": "application/vnd.apple.mpegurl",
      "content-encoding": "gzip",
    });
    response.end(gzipSync("#EXTM3U\n"));
  };
  const got = await ask(link(FILM), { answers, headers: { "accept-encoding": "gzip" } });
  const { "content-encoding": encoding } = got.headers;
  assert.equal((encoding === "gzip" ? gunzipSync(got.body) : got.body).toString(), "#EXTM3U\n");
  assert.equal(got.headers["cache-control"], "private, max-age=0");
});

test("a download replaces the server's disposition", { timeout: 15_000 }, async () => {
  const answers = (_, response) =>
    response.writeHead(200, { "content-disposition": "inline" }).end("x");
  const dl = Buffer.from("Film.mp4").toString("base64url");
  const named = await ask(link(FILM, { dl }), { answers });
  assert.equal(named.headers["content-disposition"], 'attachment; filename="Film.mp4"');
  assert.equal((await ask(link(FILM), { answers })).headers["content-disposition"], "inline");
});

test("a public path is asked for with listed parameters alone", { timeout: 15_000 }, async () => {
  const env = { PUBLIC: "/public/", FORWARD_PARAMS: "v" };
  const got = await ask("https://cdn.example.com/public/a.txt?v=1&pg=2&x=3", { env });
  assert.deepEqual([got.status, origin.asked[0].url], [200, "/public/a.txt?v=1"]);
  assert.equal(got.headers["cache-control"], undefined);
});

test("a body is streamed, not gathered", { timeout: 15_000 }, async () => {
  let finish;
  const answers = (_, response) => {
    response.writeHead(200, { "content-length": 10 });
    response.write(BYTES.slice(0, 5));
    finish = () => response.end(BYTES.slice(5));
    setTimeout(finish, 200);
  };
  assert.equal((await ask(link(FILM), { answers })).body.toString(), BYTES);
});
