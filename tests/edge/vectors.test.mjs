// Every vector, in workerd. The media comes from a server that writes down what it is asked, so
// that the clean URL is seen too.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { jwtVectors, startGate, startOrigin, timedHmacVectors, variables, vectors } from "./gate.mjs";

const FILES = { native: vectors, jwt: jwtVectors, "timed-hmac": timedHmacVectors };

let gate;
let origin;
before(
  async () => {
    origin = await startOrigin((request, response) => response.end(body(request.url)));
    gate = await startGate();
  },
  { timeout: 900_000 },
);
after(async () => {
  await gate?.stop();
  await origin?.stop();
});

const MPD = '<MPD mediaPresentationDuration="PT2S"><Period duration="PT2S"></Period></MPD>';

/** Playlists are read by the gate, so they have to be some. */
function body(url) {
  if (isPlaylist(url)) return "#EXTM3U\n";
  return isPresentation(url) ? MPD : "media";
}
const isPlaylist = (url) => /\.m3u8(\?|$)/i.test(url);
const isPresentation = (url) => /\.mpd(\?|$)/i.test(url);

/**
 * Whether the Worker takes the configuration of a vector: its ring has a key for each format that the gate reads, and
 * a star is only at the end of a name.
 */
function isConfigured(keys, { gate: { formats = ["native"], unsigned_params = [], forward_params = [] } = {} }) {
  const hasKey = (format) => keys.split("\n").some((key) => !key.includes("/") || key.startsWith(`${format}/`));
  const isName = (name) => name.trim() === "" || /^[^*]+\*?$/.test(name.trim());
  return formats.every(hasKey) && [...unsigned_params, ...forward_params].every(isName);
}

/** When a key of the ring retires. */
const retirement = (keys, kid) =>
  Number(new RegExp(`(?:^|/)${kid}:[^@\\n]+@(\\d+)$`, "m").exec(keys)?.[1] ?? Infinity);

/** The run of a token, wherever it is, and whether a native token may be made of it. */
function runOf({ request, gate: { formats = ["native"] } = {} }) {
  const sent = `${request.url} ${request.cookie} ${request.authorization}`;
  const payload = /[= ]e[\w-]+\.([\w-]+)\.[\w-]{43}/.exec(sent)?.[1];
  const run = payload
    ? JSON.parse(Buffer.from(payload, "base64url")).run
    : /&run=(\d+)/.exec(sent)?.[1];
  return formats.includes("native") ? Number(run ?? 0) : 0;
}

/** An answer, and its line of the log. */
async function ask(url, options) {
  origin.asked.length = 0;
  const answer = await gate.ask(url, options);
  const [line, ...more] = await gate.log();
  assert.deepEqual(more, [], "one line of the log");
  return { answer, line };
}

/** The verdict as the Worker shows it: in its answer, its log, and what the origin was asked. */
async function verdict(shared, { request, gate: settings, keys = shared, now }) {
  const headers = {};
  if (request.cookie) headers.cookie = request.cookie;
  if (request.authorization) headers.authorization = request.authorization;
  const options = {
    headers,
    env: { MEDIA: null, ORIGIN: origin.url, PLAYGATE_KEYS: keys, ...variables(settings) },
    now,
    country: request.client_country,
    ip: request.client_ip,
  };
  let { answer, line } = await ask(request.url, options);
  if (answer.status === 302) {
    // Play-until for a file: the token is exchanged, and asked with as a player does.
    assert.deepEqual([line.decision, line.status, origin.asked.length], ["allow", 302, 0]);
    ({ answer, line } = await ask(new URL(answer.headers.location, request.url).href, options));
    assert.equal(answer.status, 200);
  }
  if (answer.status !== 200) {
    assert.equal(origin.asked.length, 0, "the origin is not asked");
    const { field, reason, status } = JSON.parse(answer.body.toString());
    assert.equal(answer.headers["playgate-reason"], reason);
    assert.equal(answer.status, status);
    assert.deepEqual(
      [line.decision, line.reason, line.field, line.status],
      ["deny", reason, field, status],
    );
    return { verdict: "deny", reason, status, ...(field && { field }) };
  }
  assert.equal(origin.asked.length, 1);
  assert.match(answer.body.toString(), /^(#EXTM3U\n|<MPD .*<\/MPD>|media)/);
  return {
    verdict: "allow",
    kid: line.kid,
    expires: Number(answer.headers["playgate-expires"]),
    scope: line.scope,
    clean_url: origin.asked[0].url,
  };
}

/**
 * What the verdict has to be: `behind_url_parser` where workerd's parser changes the URL, which it
 * does not wherever browsers do. The host is the origin's, and the log has scopes without a query.
 */
async function expected(shared, vector) {
  const { request, now, expect, behind_url_parser: behind } = vector;
  const verdict = behind && (await gate.seen(request.url)) !== request.url ? behind : expect;
  if (verdict.verdict === "deny") return verdict;
  let clean_url = verdict.clean_url.replace(/^https?:\/\/[^/]+/, "");
  let { expires } = verdict;
  if (isPlaylist(clean_url) || isPresentation(clean_url)) {
    // What players ask of a live playlist travels on, wherever it stands.
    for (const param of request.url.split(/[?&#]/).slice(1)) {
      const is = /^_HLS_(msn|part|skip)=/.test(param) && !clean_url.includes(param);
      if (is) clean_url += (clean_url.includes("?") ? "&" : "?") + param;
    }
  }
  // And a token with `run` is exchanged for one that lasts so long, a day at most: at a manifest in a directory, and at
  // a file that would not last as long without.
  const run = runOf(vector);
  if (run > 0) {
    const until = now + Math.min(run, 86_400);
    const isFile = !isPlaylist(clean_url) && !isPresentation(clean_url);
    if (isFile ? until > expires : /&dir=/.test(request.url)) expires = until;
  }
  // Nothing outlasts its key.
  expires = Math.min(expires, retirement(vector.keys ?? shared, verdict.kid));
  // The log cuts ids of many characters, as they may be tags.
  const scope = verdict.scope.split("?")[0].replace(/[\w-]{32,}/g, (run) => (/[A-Z]/.test(run) ? `${run.slice(0, 8)}..` : run));
  return { ...verdict, expires, scope, clean_url };
}

for (const [format, { keys, vectors }] of Object.entries(FILES)) {
  describe(format, () => {
    test("there are vectors", () => assert.ok(vectors.length > (format === "timed-hmac" ? 80 : 500)));

    for (const vector of vectors) {
      test(vector.name, { timeout: 15_000 }, async () => {
        if (!isConfigured(vector.keys ?? keys, vector)) {
          const env = { PLAYGATE_KEYS: vector.keys ?? keys, ...variables(vector.gate) };
          const answer = await gate.ask(vector.request.url, { env, now: vector.now });
          await gate.log();
          assert.deepEqual([answer.status, answer.headers["playgate-reason"]], [503, "misconfigured"]);
          return;
        }
        assert.deepEqual(await verdict(keys, vector), await expected(keys, vector), vector.about);
      });
    }
  });
}
