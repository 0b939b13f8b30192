// What holds for each proxy that asks a gate: the example is run as it is, with a real gate behind it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { ADMIN_SECRET, PAGE, ask, askHttp2, folder, startGate, startHung, startUpstream, without, write } from "./proxies.mjs";

/** Names that a proxy may read in a way of its own. The second of each pair is what it would open then. */
const ODD = [
  ["C# lesson.mp4", "C"],
  ["what?.mp4", "what"],
  ["100%.mp4", "100"],
  ["a%41.mp4", "aA.mp4"],
  ["a%2e%2e.mp4", "a...mp4"],
  ["a;b.mp4", "a"],
  ["a+b.mp4", "a b.mp4"],
  ["é ü.mp4", "e u.mp4"],
  ["a&b=c.mp4", "a&b"],
  ["(a)[b]{c}*.mp4", "(a)[b]{c}d.mp4"],
  ["$playgate_path.mp4", ".mp4"],
];

/** Every file says where it is. */
const file = (path) => [path, `file /${path}, 0123456789`];
const text = (path) => file(path.slice(1))[1];
const FILES = [
  "videos/42/film.mp4", "videos/42/other.mp4", "videos/42/index.html", "videos/42/list.m3u8", "videos/43/film.mp4", "videos/film.mp4",
  "film.mp4", "index.html", "public/poster.jpg", ...ODD.flatMap(([name, decoy]) => [`videos/42/${name}`, `videos/42/${decoy}`]),
].map(file);

const FILM = "/videos/42/film.mp4";
const OTHER = "/videos/43/film.mp4";
const limit = { timeout: 60_000 };

/** What a client may send in the hope that somebody believes it, with this address and this network address. */
const forged = (target, address) => [
  "X-Original-URI", "X-Original-Url", "X-Forwarded-Uri", "X-Forwarded-Path", "X-Rewrite-Url", "X-Envoy-Original-Path", "X-Accel-Redirect",
  "X-Sendfile", "X-Replaced-Path", "Playgate-Path", "Playgate_Path", "X_Original_URI", "X_Forwarded_Uri",
].map((name) => [name, target]).concat([
  "X-Original-Method", "X-Forwarded-Method", "X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override",
].map((name) => [name, "GET"]), [
  "X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Envoy-External-Address", "X_Forwarded_For",
].map((name) => [name, address]), [["Forwarded", `for=${address}`]]);

/** A client may name header fields here that a proxy must take away: so they must be added after that. */
const HOP = ["Connection", "Playgate-Subject, Playgate-Session, Playgate-Claims, Playgate-Path, X-Original-URI, X-Original-Method, X-Real-IP"];
const HOP_FORWARDED = ["Connection", "X-Forwarded-For, X-Forwarded-Uri, X-Forwarded-Method, X-Forwarded-Proto"];

/**
 * The tests of one proxy. `run({ gate, media, upstream })` starts it with the ports of the gate and, if there is one, of
 * a media server; otherwise it serves the folder `media`.
 */
export function suite(name, run, traits) {
  describe(name, { skip: without(name) }, () => {
    let [gate, proxy, viaUpstream, upstream] = [];
    before(async () => {
      gate = await startGate(name);
      upstream = await startUpstream(FILES);
      const own = folder();
      write(own, FILES);
      viaUpstream = await run({ gate: gate.port, upstream: upstream.port });
      proxy = traits.servesFiles ? await run({ gate: gate.port, media: own }) : viaUpstream;
    }, { timeout: 180_000 });
    after(async () => {
      if (proxy !== viaUpstream) await proxy?.stop();
      await viaUpstream?.stop();
      await upstream?.stop();
      await gate?.stop();
    });

    /** Asks the proxy; what serves media is asked in both ways. */
    const get = (path, options) => ask(proxy.port, path, options);
    const sign = (...args) => gate.sign(...args);
    const withHeaders = (...headers) => ({ headers });

    test("a link serves its file, whole and in part", limit, async () => {
      const link = sign(FILM, "--sub", "viewer-1");
      for (const port of new Set([proxy.port, viaUpstream.port])) {
        const whole = await ask(port, link);
        assert.deepEqual([whole.status, whole.body], [200, text(FILM)]);
        assert.equal(whole.headers["content-type"], "video/mp4");
        assert.deepEqual(whole.all("cache-control"), [traits.cacheControl ?? "private, max-age=600"]);
        if (traits.copiesFields) assert.equal(whole.headers["playgate-time-left"], "600");
        assert.equal(whole.headers["x-content-type-options"], "nosniff");
        const part = await ask(port, link, withHeaders(["Range", "bytes=5-9"]));
        assert.deepEqual([part.status, part.body], [206, text(FILM).slice(5, 10)]);
        assert.equal(part.headers["content-range"], `bytes 5-9/${text(FILM).length}`);
        const head = await ask(port, link, { method: "HEAD" });
        assert.deepEqual([head.status, head.body], [200, ""]);
        assert.equal(head.headers["content-length"], String(text(FILM).length));
      }
    });

    test("a file that does not exist is not kept in caches as if it did", limit, async () => {
      const { status, all } = await get(sign("/videos/42/none.mp4"));
      assert.equal(status, 404);
      assert.deepEqual(all("cache-control"), [traits.missingCacheControl ?? "no-store"]);
      // Neither an index nor a redirect to one.
      for (const path of ["/videos/42/", "/videos/42", "/"]) assert.equal((await get(sign(path))).status, 404, path);
    });

    test("a directory's token, wherever it is", limit, async () => {
      const inPath = sign("/videos/42/list.m3u8");
      const token = /^\/([^/]+)\//.exec(inPath)[1];
      for (const path of ["/videos/42/list.m3u8", "/videos/42/other.mp4"]) {
        for (const [target, headers] of [
          [`/${token}${path}`, []],
          [`${path}?${token}`, []],
          [path, [["Cookie", `theme=dark; ${token}; x=y`]]],
          [path, [["Authorization", `Bearer ${token}`]]],
        ]) {
          const answer = await get(target, { headers });
          assert.deepEqual([answer.status, answer.body], [200, text(path)], target);
          if (headers[0]?.[0] !== "Cookie") assert.match(answer.headers["set-cookie"], /^pg=1&.*Path=\/videos\/42\/;.*HttpOnly/);
        }
        for (const [target, headers] of [
          [`/${token}${OTHER}`, []],
          [`${OTHER}?${token}`, []],
          [OTHER, [["Cookie", token]]],
          [OTHER, [["Authorization", `Bearer ${token}`]]],
        ]) {
          assert.equal((await get(target, { headers })).status, 403, target);
        }
      }
    });

    test("refusals say why, to the viewer and in the log", limit, async () => {
      const link = sign(FILM);
      const expired = sign(FILM, "--expires-at", "2020-01-01T00:00:00Z", "--now", "2019-12-31T23:00:00Z");
      await gate.log();
      for (const [target, status, reason] of [
        [FILM, 401, "missing"],
        ["/auth", 401, "missing"],
        [expired, 403, "expired"],
        [link.replace(/sig=.{4}/, "sig=AAAA"), 403, "bad_signature"],
        [link.replace(FILM, OTHER), 403, "bad_signature"],
        [`${FILM}?pg=1`, 403, "malformed"],
        [`${link}&x=y`, 403, "unsigned_parameter"],
      ]) {
        const answer = await get(target, withHeaders(["Origin", PAGE]));
        assert.deepEqual([answer.status, answer.headers["playgate-reason"]], [status, reason], target);
        assert.doesNotMatch(answer.body, /file \//);
        assert.equal(answer.headers["cache-control"], "no-store");
        // The page may read it.
        assert.deepEqual(answer.all("access-control-allow-origin"), [PAGE]);
        const [line] = await gate.log();
        assert.equal(line.reason, reason);
      }
    });

    test("methods other than GET and HEAD are refused", limit, async () => {
      const link = sign(FILM);
      upstream.asked.length = 0;
      for (const port of new Set([proxy.port, viaUpstream.port])) {
        for (const method of ["POST", "PUT", "DELETE", "PATCH", "PROPFIND"]) {
          const answer = await ask(port, link, { method, body: "x=y", headers: forged(link, "203.0.113.7") });
          assert.deepEqual([answer.status, answer.headers["playgate-reason"]], [403, "method_not_allowed"], method);
        }
      }
      assert.deepEqual(upstream.asked, []);
    });

    test("files with odd names are those that were signed", limit, async () => {
      for (const [file, decoy] of ODD) {
        for (const place of ["query", "path"]) {
          const link = sign(`/videos/42/${file}`, "--encode", "--place", place);
          for (const port of new Set([proxy.port, viaUpstream.port])) {
            const { status, body } = await ask(port, link);
            assert.deepEqual([status, body], [200, text(`/videos/42/${file}`)], `${link}, not ${decoy}`);
          }
        }
      }
    });

    test("odd spellings open nothing else", limit, async () => {
      const exact = /\?(.*)/.exec(sign(FILM))[1];
      const directory = /^\/([^/]+)\//.exec(sign("/videos/42/list.m3u8"))[1];
      const spellings = [];
      for (const path of ["/videos/42/film.mp4", "/videos/43/film.mp4"]) {
        for (const shape of [
          (p) => p, (p) => `/${p}`, (p) => p.replace("/42", "//42"), (p) => p.replace("/film", "//film"), (p) => p.replace("/film", "/./film"),
          (p) => p.replace("/film", "/x/../film"), (p) => `/x/..${p}`, (p) => `/..${p}`, (p) => p.replace("/film", "/%2e/film"),
          (p) => p.replace("/film", "%2ffilm"), (p) => p.replace("/film", "%2Ffilm"), (p) => p.replace("/film", "%5cfilm"), (p) => p.replace("/film", "\\film"),
          (p) => p.replace("film", "f%69lm"), (p) => p.replace("film", "f%2569lm"), (p) => p.replace("film", "FILM"), (p) => `${p}/`, (p) => `${p}/.`,
          (p) => `${p}%00`, (p) => `${p}%00.jpg`, (p) => `${p};x`, (p) => `${p}%3bx`, (p) => `${p}%23x`, (p) => `${p}%3fx`, (p) => `${p}%20`, (p) => `${p}.`,
          (p) => p.replace("/videos", "/public/../videos"), (p) => p.replace("/videos", "/public/%2e%2e/videos"), (p) => p.replace("/videos", "/public/..;/videos"),
          (p) => p.replace("/videos", "/.playgate/../videos"), (p) => p.replace("/videos", "/.playgate/%2e%2e/videos"), (p) => p.replace("/videos", "/.playgate//../../videos"),
          (p) => p.replace("/videos", "/auth/../videos"), (p) => `${p}#x`, (p) => `${p}#/../other.mp4`, (p) => p.replace("/film", "/é/../film"), (p) => `${p}\xff`,
          (p) => `http://evil.example${p}`, (p) => `http://evil.example/${p}`,
        ]) {
          spellings.push(shape(path));
        }
      }
      for (const path of [
        "/videos/42/../43/film.mp4", "/videos/42/%2e%2e/43/film.mp4", "/videos/42/.%2E/43/film.mp4", "/videos/42/..%2f43/film.mp4",
        "/videos/42/..%5c43/film.mp4", "/videos/42/..;/43/film.mp4", "/videos/42/..%3b/43/film.mp4", "/videos/42/%252e%252e/43/film.mp4",
        "/videos/42//../43/film.mp4", "/videos/42/x/../../43/film.mp4", "/videos/42/../../film.mp4", "/videos/42/../../../../film.mp4",
        "/videos/42/%c0%ae%c0%ae/43/film.mp4", "/videos/42/%uff0e%uff0e/43/film.mp4", "/videos/43/../42/film.mp4", "/videos/42\\..\\43\\film.mp4",
      ]) {
        spellings.push(path);
      }
      let served = 0;
      /** Asks, where only what these texts say may be served. */
      const check = async (target, options, allowed) => {
        for (const port of new Set([proxy.port, viaUpstream.port])) {
          // A connection without an answer is a refusal, too.
          const { status, body } = await ask(port, target, options).catch(() => ({ status: 400, body: "" }));
          if (/file \//.test(body)) {
            served++;
            assert.ok(allowed.includes(body) && status === 200, `${status} ${target}: ${body}`);
          } else {
            assert.ok(status >= 400 || body === "", `${status} ${target}: ${body}`);
          }
        }
      };
      const below = FILES.filter(([path]) => path.startsWith("videos/42/")).map(([, words]) => words);
      for (const path of spellings) {
        const at = path.startsWith("http:") ? path.indexOf("/", 8) : 0;
        const [host, rest] = [path.slice(0, at), path.slice(at)];
        // Without a token, nothing is served, except what is public.
        await check(path, {}, []);
        await check(path, withHeaders(["Authorization", `Bearer ${exact}`]), [text(FILM)]);
        await check(path, withHeaders(["Cookie", directory]), below);
        await check(`${path}?${exact}`, {}, [text(FILM)]);
        await check(`${path}?${directory}`, {}, below);
        await check(`${host}/${directory}${rest}`, {}, below);
        // The token's segment itself is not a directory to leave.
        await check(`${host}/${directory}/..${rest}`, {}, []);
        await check(`${host}/${directory}/%2e%2e${rest}`, {}, []);
        await check(`${host}/x/../${directory}${rest}`, {}, below);
        await check(`${host}//${directory}${rest}`, {}, below);
      }
      for (const target of ["*", "evil.example:80", "evil.example", "http://evil.example", "?x=y", ""]) {
        for (const method of ["GET", "OPTIONS", "CONNECT"]) await check(target, { method, headers: [["Authorization", `Bearer ${exact}`]] }, []);
      }
      assert.ok(served >= 10, `only ${served} were served: is the test asking right?`);
    });

    test("long addresses", limit, async () => {
      const link = sign(`${FILM}?x=${"a".repeat(7_500)}`);
      assert.ok(link.length < 8_192);
      const { status, body } = await get(link);
      assert.deepEqual([status, body], [200, text(FILM)]);
      for (const length of [8_192, 20_000, 100_000]) {
        for (const target of [`${sign(FILM)}&x=${"a".repeat(length)}`, `/${"a/".repeat(length / 2)}../..${FILM}`]) {
          const answer = await get(target).catch(() => ({ status: 400, body: "" }));
          assert.ok(answer.status >= 400 && !/file \//.test(answer.body), `${length} ${answer.status}`);
        }
      }
    });

    test("header fields of the client decide nothing", limit, async () => {
      const link = sign(FILM);
      const directory = sign("/videos/42/list.m3u8");
      const twice = (fields) => [...fields, ...fields];
      for (const port of new Set([proxy.port, viaUpstream.port])) {
        for (const fields of [
          forged(link, "203.0.113.7"), twice(forged(link, "203.0.113.7")), forged(directory, "203.0.113.7"), [...forged(link, "203.0.113.7"), HOP],
          forged("/public/poster.jpg", "203.0.113.7"), forged("/.playgate/session", "203.0.113.7"), forged("", ""),
        ]) {
          // Not to serve what has no token,
          for (const target of [OTHER, FILM, "/auth", "/_playgate"]) {
            const answer = await ask(port, target, { headers: fields });
            assert.equal(answer.status, traits.hidden === target ? 404 : 401, target);
            assert.doesNotMatch(answer.body, /file \//);
          }
        }
        for (const target of [OTHER, sign(OTHER), "/videos/42/other.mp4"]) {
          // nor another file than that of the token.
          for (const fields of [forged(target, "203.0.113.7"), twice(forged(target, "203.0.113.7")), [...forged(target, ""), HOP]]) {
            const { status, body } = await ask(port, link, { headers: fields });
            assert.deepEqual([status, body], [200, text(FILM)], target);
          }
        }
      }
    });

    test("the client's address is that of the connection", limit, async () => {
      // That of the proxy is 127.0.0.1.
      const from = "127.0.0.2";
      const [here, elsewhere] = [sign(FILM, "--ip", `${from}/32`), sign(FILM, "--ip", "203.0.113.0/24", "--ip", "127.0.0.1/32")];
      for (const headers of [
        [], forged(FILM, "203.0.113.7"), forged(FILM, "203.0.113.7, 203.0.113.8"), [...forged(FILM, "203.0.113.7"), ...forged(FILM, "203.0.113.8")],
        [...forged(FILM, "203.0.113.7"), HOP], [HOP],
        ...(traits.refusesHop ? [] : [[...forged(FILM, "203.0.113.7"), HOP_FORWARDED], [HOP_FORWARDED]]),
      ]) {
        assert.equal((await get(here, { from, headers })).status, 200);
        const answer = await get(elsewhere, { from, headers });
        assert.deepEqual([answer.status, answer.headers["playgate-reason"]], [403, "wrong_network"]);
      }
      if (traits.refusesHop) assert.equal((await get(here, { from, headers: [HOP_FORWARDED] })).status, 400);
    });

    test("the media server learns who is watching, from the gate alone", limit, async () => {
      const known = (headers) => Object.entries(headers).filter(([field]) => /^playgate.(subject|session|claims)$/.test(field));
      const lies = ["Playgate-Path", "Playgate-Subject", "playgate-subject", "Playgate-Session", "Playgate-Claims", "Playgate_Subject", "PLAYGATE_SESSION", "playgate_claims"];
      const forgeries = lies.flatMap((field) => [[field, "evil"], [field, "evil"]]);
      for (const headers of [[], forgeries, [HOP], [...forgeries, HOP], [["Connection", "close, playgate-subject"], ...forgeries]]) {
        for (const [options, expected] of [
          [["--sub", "viewer-1"], { "playgate-subject": "viewer-1" }],
          [["--sub", "viewer-1", "--sid", "session-1"], { "playgate-subject": "viewer-1", "playgate-session": "session-1" }],
          [[], {}],
        ]) {
          upstream.asked.length = 0;
          const { status } = await ask(viaUpstream.port, sign(FILM, ...options), { headers });
          assert.equal(status, 200);
          const [{ headers: seen, rawHeaders }] = upstream.asked;
          assert.deepEqual(Object.fromEntries(known(seen).filter(([, value]) => value !== "")), expected);
          assert.ok(!rawHeaders.includes("evil"), String(rawHeaders));
          assert.equal(seen["playgate-path"], undefined);
        }
      }
    });

    test("the media server gets no token", limit, async () => {
      const inQuery = sign(FILM);
      const directory = sign("/videos/42/list.m3u8");
      const token = /^\/([^/]+)\//.exec(directory)[1];
      const more = [["Referer", `https://cdn.example.com${directory}`]];
      for (const [target, headers] of [
        [inQuery, []], [directory, []], [FILM, [["Cookie", token]]], [FILM, [["Authorization", `Bearer ${token}`]]],
      ]) {
        upstream.asked.length = 0;
        assert.equal((await ask(viaUpstream.port, target, { headers: [...headers, ...more] })).status, 200, target);
        const [{ url, rawHeaders }] = upstream.asked;
        assert.doesNotMatch(String(rawHeaders), /sig=/);
        if (traits.keepsQuery && target === inQuery) assert.equal(url, target);
        else assert.doesNotMatch(url, /pg=|sig=/);
      }
      // HTTP/1.1 knows one field alone: who sends two may be refused. HTTP/2 knows several.
      upstream.asked.length = 0;
      const { status } = await ask(viaUpstream.port, FILM, withHeaders(["Cookie", "a=b"], ["Cookie", token]));
      assert.equal(status, traits.twoCookies ?? 200);
      assert.doesNotMatch(JSON.stringify(upstream.asked), /sig=/);
      if (traits.h2c) assert.deepEqual(await askHttp2(viaUpstream.port, FILM, { cookie: ["a=b", token, "c=d"] }), { status: 200, body: text(FILM) });
      assert.doesNotMatch(JSON.stringify(upstream.asked), /sig=/);
    });

    test("pages that may play, and others", limit, async () => {
      const link = sign(FILM);
      const admitted = await get(link, withHeaders(["Origin", PAGE]));
      assert.deepEqual([admitted.status, admitted.all("access-control-allow-origin")], [200, [PAGE]]);
      assert.match(admitted.all("access-control-expose-headers").join(), /Playgate-Reason/);
      assert.match(admitted.all("vary").join(), /Origin/);
      const other = await get(link, withHeaders(["Origin", "https://evil.example"]));
      assert.deepEqual(other.all("access-control-allow-origin"), []);
      const asks = [["Access-Control-Request-Method", "GET"], ["Access-Control-Request-Headers", "range,authorization"]];
      const preflight = await get(FILM, { method: "OPTIONS", headers: [["Origin", PAGE], ...asks] });
      assert.deepEqual([preflight.status, preflight.all("access-control-allow-origin")], [200, [PAGE]]);
      assert.match(preflight.headers["access-control-allow-headers"], /Authorization.*Range/);
      assert.equal(preflight.body, "");
      const denied = await get(FILM, { method: "OPTIONS", headers: [["Origin", "https://evil.example"], ...asks] });
      assert.deepEqual(denied.all("access-control-allow-origin"), []);
      assert.doesNotMatch(denied.body, /file \//);
    });

    test("public files need no token", limit, async () => {
      for (const port of new Set([proxy.port, viaUpstream.port])) {
        const { status, body, all } = await ask(port, "/public/poster.jpg");
        assert.deepEqual([status, body], [200, text("/public/poster.jpg")]);
        // What the media server says stays; files of a folder say nothing.
        const own = traits.cacheControl ?? "public, max-age=86400";
        assert.deepEqual(all("cache-control"), port === viaUpstream.port ? [own] : []);
      }
    });

    test("a name for downloads", { ...limit, skip: !traits.copiesFields && "the proxy does not copy it" }, async () => {
      const { headers } = await get(sign(FILM, "--download", "Film 42.mp4"));
      assert.match(headers["content-disposition"], /^attachment; filename="Film 42.mp4"/);
    });

    test("the gate's own calls pass, and a revocation counts at once", limit, async () => {
      const link = sign(FILM, "--sub", "viewer-2");
      const calls = "/.playgate/revocations";
      const secret = ["Authorization", `Bearer ${ADMIN_SECRET}`];
      const unknown = await get(calls);
      assert.deepEqual([unknown.status, unknown.headers["playgate-reason"]], [401, "unauthorized"]);
      assert.equal((await get(calls, withHeaders(["Authorization", "Bearer wrong-admin-secret"]))).status, 401);
      assert.deepEqual(JSON.parse((await get(calls, withHeaders(secret))).body).revocations, []);
      assert.equal((await get(link)).status, 200);
      const body = JSON.stringify({ kind: "sub", value: "viewer-2", until: Math.floor(Date.now() / 1000) + 3600 });
      const done = await get(calls, { method: "POST", body, headers: [secret, ["Content-Type", "application/json"]] });
      assert.equal(done.status, 201, done.body);
      const refused = await get(link);
      assert.deepEqual([refused.status, refused.headers["playgate-reason"]], [403, "revoked"]);
      assert.equal((await get(`${calls}?kind=sub&value=viewer-2`, { method: "DELETE", headers: [secret] })).status, 204);
      assert.equal((await get(link)).status, 200);
      // The secret opens no media.
      assert.ok((await get(FILM, withHeaders(secret))).status >= 400);
    });

    test("a body that is too long costs nobody else an answer", limit, async () => {
      const link = sign(FILM);
      for (const [target, method, status] of [["/.playgate/revocations", "POST", 413], [FILM, "OPTIONS", traits.longOptions ?? 200], [FILM, "POST", 403]]) {
        for (let round = 0; round < 20; round++) {
          const headers = [["Authorization", `Bearer ${ADMIN_SECRET}`]];
          // A proxy may end the connection instead.
          const long = await get(target, { method, body: "x".repeat(100_000), headers }).catch(() => ({ status }));
          assert.equal(long.status, status, `${method} ${target}`);
          assert.equal((await get(link)).status, 200);
        }
      }
    });

    test("one use for one client", limit, async () => {
      const link = sign(FILM, "--uses", "1", "--jti", "once");
      const from = "127.0.0.2";
      // The same network may ask again, as a player does.
      for (const [status, headers] of [[200, []], [206, [["Range", "bytes=0-1"]]], [200, forged(FILM, "203.0.113.7")]]) {
        const answer = await get(link, { from, headers });
        assert.deepEqual([answer.status, answer.headers["playgate-reason"] ?? ""], [status, ""]);
      }
      const other = await get(link, { from: "127.0.1.1", headers: forged(FILM, from) });
      assert.deepEqual([other.status, other.headers["playgate-reason"]], [403, "already_used"]);
    });

    test("without an answer of the gate, nothing is served", { timeout: 120_000 }, async () => {
      const targets = [sign(FILM), sign("/videos/42/list.m3u8"), "/public/poster.jpg", FILM];
      const refused = async (statuses) => {
        upstream.asked.length = 0;
        await Promise.all([proxy, viaUpstream].flatMap(({ port }) => targets.map(async (target) => {
          const started = Date.now();
          const { status, body } = await ask(port, target, { headers: forged(targets[0], "203.0.113.7") });
          assert.ok(statuses.includes(status), `${status} ${target}`);
          assert.doesNotMatch(body, /file \//);
          assert.ok(Date.now() - started < 15_000, `after ${Date.now() - started} ms`);
        })));
        assert.deepEqual(upstream.asked, []);
      };
      await gate.stop();
      await refused(traits.gone);
      const hung = await startHung(gate.port);
      try {
        await refused(traits.hung);
        assert.ok(hung.count() > 0, "nobody asked");
      } finally {
        await hung.stop();
      }
      // A gate that is meant for another proxy does not read what a client says in its way.
      await gate.log();
      await gate.start(name === "nginx" ? "caddy" : "nginx");
      await refused([403]);
      const [{ reason }] = await gate.log();
      assert.equal(reason, "misconfigured");
      await gate.stop();
      await gate.start();
      for (const { port } of [proxy, viaUpstream]) assert.equal((await ask(port, targets[0])).status, 200);
    });
  });
}
