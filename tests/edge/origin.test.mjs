// A media server behind the gate: what it is asked, and what of its answers reaches the viewer.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
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

test("a star names every parameter that starts so", { timeout: 15_000 }, async () => {
  const token = sign(FILM);
  const added = "utm_source=mail&utm_medium=a%20b&utm_=1";
  const [one, others] = [`https://cdn.example.com${FILM}?${added}`, `https://cdn.example.com/${token}${FILM}?${added}`];
  for (const [url, headers] of [
    [`https://cdn.example.com${FILM}?${token}&${added}`],
    [others],
    [one, { cookie: token }],
    [one, { authorization: `Bearer ${token}` }],
  ]) {
    const refused = await ask(url, { headers });
    assert.equal(refused.status, 403);
    assert.equal(origin.asked.length, 0);
    for (const env of [{ UNSIGNED_PARAMS: "utm_*" }, { UNSIGNED_PARAMS: "ref, utm*" }]) {
      const got = await ask(url, { env, headers });
      assert.deepEqual([got.status, origin.asked[0].url], [200, FILM], got.headers["playgate-reason"]);
      const more = await ask(`${url}&xutm_source=1`, { env, headers });
      assert.equal(more.status, 403);
      await ask(url, { env: { ...env, FORWARD_PARAMS: "utm_m*" }, headers });
      assert.equal(origin.asked[0].url, `${FILM}?utm_medium=a%20b`);
    }
  }
  // A name stays one name: a star in it is one in the request.
  assert.equal((await ask(`${link(FILM)}&utm_*=1`, { env: { UNSIGNED_PARAMS: "utm_source" } })).status, 403);
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
  const env = { PASS_HEADERS: "X-Cache, X-Hop" };
  const { headers } = await ask(link(FILM), { answers, env, headers: { origin: PAGE } });
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

/**
 * The fields of the registry of HTTP field names that a response may have, and those that browsers and
 * servers act on beside it; less what Node or workerd would not carry as it is.
 */
const FIELDS = {
  passed: `accept-ranges cmsd-dynamic cmsd-static content-digest content-disposition content-language content-md5
    content-type date digest etag last-modified repr-digest retry-after server-timing vary`,
  kept: `a-im accept-ch accept-patch accept-post accept-signature access-control access-control-allow-credentials
    access-control-allow-headers access-control-allow-methods access-control-allow-origin
    access-control-expose-headers access-control-max-age activate-storage-access age allow alpn alt-svc alt-used
    alternates attribution-reporting-register-source attribution-reporting-register-trigger
    authentication-control authentication-info available-dictionary c-ext c-man c-opt c-pep cache-control
    cache-group-invalidation cache-groups cache-status cal-managed-id capsule-protocol cdn-cache-control cdn-loop
    cert-not-after cert-not-before clear-site-data client-cert client-cert-chain cloudflare-cdn-cache-control
    configuration-context content-base content-id content-location content-script-type
    content-security-policy content-security-policy-report-only content-style-type content-version cookie2
    critical-ch cross-origin-embedder-policy cross-origin-embedder-policy-report-only cross-origin-opener-policy
    cross-origin-opener-policy-report-only cross-origin-resource-policy dav default-style delta-base deprecation
    derived-from destination dictionary-id differential-id document-policy document-policy-report-only dpop-nonce
    edge-control expect-ct expires ext getprofile host-signature im integrity-policy
    integrity-policy-report-only link link-template location memento-datetime meter method-check nel
    no-vary-search observe-browsing-topics opt optional origin-agent-cluster origin-trial oscore ota-version p3p
    pep permissions-policy permissions-policy-report-only pics-label playgate-expires-not playgate-origin-secret
    playgate-reason pragma preference-applied priority profileobject protocol protocol-info proxy-authenticate
    proxy-authentication-info proxy-features proxy-instruction proxy-status public public-key-pins
    public-key-pins-report-only referrer-policy refresh reply-to report-to reporting-endpoints
    require-document-policy resource-freshness safe schedule-reply schedule-tag sec-session-registration
    secure-session-registration sec-websocket-accept sec-websocket-protocol security-scheme server service-worker
    service-worker-allowed set-cookie set-cookie2 set-login set-txn setprofile signature signature-input slug
    soapaction sourcemap speculation-rules status-uri strict-transport-security sunset supports-loading-mode
    surrogate-control surrogate-key tcn timing-allow-origin title uri use-as-dictionary variant-vary via
    want-content-digest warning www-authenticate x-accel-expires x-accel-redirect x-cache
    x-content-security-policy x-content-type-options-not x-dns-prefetch-control x-frame-options x-internal
    x-permitted-cross-domain-policies x-powered-by x-robots-tag x-sendfile x-sourcemap x-ua-compatible
    x-webkit-csp x-xss-protection`,
};
const names = (list) => list.split(/\s+/).filter(Boolean);
/** What the gate says itself, with the platform. */
const OWN = `cache-control connection content-length keep-alive playgate-expires playgate-time-left
  transfer-encoding vary x-content-type-options access-control-allow-credentials access-control-allow-origin
  access-control-expose-headers`;

function everyField(status) {
  return (_, response) => {
    for (const name of [...names(FIELDS.passed), ...names(FIELDS.kept)]) response.setHeader(name, "from-the-server");
    response.setHeader("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    response.setHeader("etag", '"v1"');
    response.writeHead(status).end(status === 304 ? undefined : "media");
  };
}

for (const [what, status, url, env] of [
  ["media", 200, link(FILM)],
  ["a manifest", 200, `https://cdn.example.com/videos/42/list.m3u8?${sign("/videos/42/list.m3u8")}`],
  ["304", 304, link(FILM)],
  ["an error", 404, link(FILM)],
  ["an error that is public", 503, "https://cdn.example.com/public/a.txt", { PUBLIC: "/public/" }],
]) {
  test(`of every registered field those of the list pass, and no other: ${what}`, { timeout: 15_000 }, async () => {
    const got = await ask(url, { answers: everyField(status), env, headers: { origin: PAGE } });
    assert.equal(got.status, status);
    const passed = Object.keys(got.headers).filter((name) => !names(OWN).includes(name));
    // What is said to caches is for the server to say of what is public.
    const expected = names(FIELDS.passed).filter((name) => name !== "vary");
    const allowed = [...expected, ...(env ? ["age", "expires"] : [])].sort();
    assert.deepEqual(passed.sort(), allowed);
    assert.equal(got.headers.vary, "from-the-server, Origin");
    const told = JSON.stringify([got.headers["cache-control"], got.headers["access-control-allow-origin"]]);
    assert.ok(!told.includes("from-the-server"), told);
  });
}

test("nor in a manifest that is rewritten", { timeout: 15_000 }, async () => {
  const answers = (_, response) => {
    for (const name of names(FIELDS.kept)) response.setHeader(name, "from-the-server");
    response.writeHead(200, { "content-type": "application/vnd.apple.mpegurl", "cmsd-static": "ot=m" });
    response.end("#EXTM3U\n#EXTINF:2,\n/videos/42/a.ts\n");
  };
  const url = `https://cdn.example.com/videos/42/list.m3u8?${sign("/videos/42/", { dir: 2 })}`;
  const got = await ask(url, { answers });
  assert.ok(got.body.includes("/pg=1"));
  assert.equal(got.headers["cmsd-static"], "ot=m");
  const kept = names(FIELDS.kept).filter((name) => !names(OWN).includes(name));
  for (const name of kept) assert.equal(got.headers[name], undefined, name);
});

test("the operator lets others pass, and pages may read them", { timeout: 15_000 }, async () => {
  const env = { PASS_HEADERS: "X-Cache,\n cross-origin-resource-policy , Timing-Allow-Origin" };
  const got = await ask(link(FILM), { answers: everyField(200), env, headers: { origin: PAGE } });
  for (const name of ["x-cache", "cross-origin-resource-policy", "timing-allow-origin"])
    assert.equal(got.headers[name], "from-the-server");
  assert.equal(got.headers["x-internal"], undefined);
  const exposed = got.headers["access-control-expose-headers"].split(", ");
  for (const name of ["Playgate-Expires", "CMSD-Static", "x-cache"]) assert.ok(exposed.includes(name), name);
  assert.equal((await ask(link(FILM), { answers: everyField(200), env })).headers["access-control-expose-headers"], undefined);
});

describe("the secret of the origin", () => {
  const SECRET = "origin-secret-0123456789";
  const env = { ORIGIN_SECRET: SECRET };
  const FIELD = "playgate-origin-secret";

  test("is with every request that the server gets", { timeout: 15_000 }, async () => {
    const manifest = `https://cdn.example.com/videos/42/list.m3u8?${sign("/videos/42/", { dir: 2 })}`;
    // A path that may be a manifest, and is none, is asked for twice.
    const unknown = `https://cdn.example.com/videos/42/live?${sign("/videos/42/", { dir: 2 })}`;
    for (const [url, options] of [
      [link(FILM)],
      [link(FILM), { method: "HEAD" }],
      [link(FILM), { headers: { "range": "bytes=0-1", "if-none-match": '"v0"' } }],
      [manifest],
      [unknown, { headers: { range: "bytes=0-1" } }],
      ["https://cdn.example.com/public/a.txt", { env: { ...env, PUBLIC: "/public/" } }],
    ]) {
      await ask(url, { env, ...options });
      assert.ok(origin.asked.length > 0);
      for (const { headers } of origin.asked) assert.equal(headers[FIELD], SECRET);
    }
    assert.equal(origin.asked.length, 1);
  });

  test("is the gate's alone", { timeout: 15_000 }, async () => {
    await ask(link(FILM), { headers: { [FIELD]: "a viewer's" } });
    assert.equal(origin.asked[0].headers[FIELD], undefined, "without a secret");
    await ask(link(FILM), { env, headers: { [FIELD]: "a viewer's" } });
    assert.equal(origin.asked[0].headers[FIELD], SECRET);
  });

  test("reaches neither a viewer nor the log nor another host", { timeout: 15_000 }, async () => {
    await gate.log();
    const echo = ({ headers }, response) => {
      for (const name of [FIELD, "x-echo", "content-location"]) response.setHeader(name, String(headers[FIELD]));
      response.end("media");
    };
    const elsewhere = (_, response) => response.writeHead(302, { location: `${origin.url}/other` }).end();
    const broken = (_, response) => response.writeHead(299).end();
    for (const answers of [media, echo, elsewhere, broken]) {
      const got = await ask(link(FILM), { answers, env });
      assert.equal(origin.asked.length, 1);
      assert.ok(!JSON.stringify([got.headers, got.body.toString()]).includes(SECRET));
    }
    await ask(link(FILM), { env: { ...env, ORIGIN: "http://127.0.0.1:9" } });
    await ask(link(FILM), { env: { ...env, PLAYGATE_KEYS: null } });
    await ask(link(FILM), { env: { ORIGIN_SECRET: `${SECRET} ` + "x" } });
    const written = JSON.stringify(await gate.log());
    assert.ok(written.includes("bad_origin") && written.includes("misconfigured"));
    assert.ok(!written.includes(SECRET), written);
  });

  test("a server that wants it serves the gate and refuses everybody else", { timeout: 15_000 }, async () => {
    const closed = (request, response) =>
      request.headers[FIELD] === SECRET ? media(request, response) : response.writeHead(403).end();
    assert.equal((await ask(link(FILM), { answers: closed, env })).status, 200);
    assert.equal((await fetch(origin.url + FILM)).status, 403);
    assert.equal((await ask(link(FILM), { answers: closed })).status, 403);
  });
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
