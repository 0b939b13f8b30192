// Every vector, in workerd. The media comes from a server that writes down what it is asked, so
// that the clean URL is seen too.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { jwtVectors, startGate, startOrigin, variables, vectors } from "./gate.mjs";

const FILES = { native: vectors, jwt: jwtVectors };

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

/** The verdict as the Worker shows it: in its answer, its log, and what the origin was asked. */
async function verdict(shared, { request, gate: settings, keys = shared, now }) {
  const headers = {};
  if (request.cookie) headers.cookie = request.cookie;
  if (request.authorization) headers.authorization = request.authorization;
  origin.asked.length = 0;
  const options = {
    headers,
    env: { MEDIA: null, ORIGIN: origin.url, PLAYGATE_KEYS: keys, ...variables(settings) },
    now,
    country: request.client_country,
    ip: request.client_ip,
  };
  let answer = await gate.ask(request.url, options);
  const [line, ...more] = await gate.log();
  assert.deepEqual(more, [], "one line of the log");
  if (answer.status === 302) {
    // A file with `run` is at the exchanged link, and the link stays as it is in all else.
    assert.deepEqual([line.decision, line.status, origin.asked], ["allow", 302, []]);
    answer = await gate.ask(new URL(answer.headers.location, request.url).href, options);
    assert.equal(answer.status, 200, answer.headers["playgate-reason"]);
    const [next] = await gate.log();
    assert.deepEqual([next.scope, next.kid], [line.scope, line.kid]);
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
async function expected({ request, gate: settings, now, expect, behind_url_parser: behind }) {
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
  const isManifest = isPlaylist(clean_url) || isPresentation(clean_url);
  const { run, isDirectory, isInUrl } = said(request, settings);
  if (run && (isManifest ? isDirectory : isInUrl)) {
    // A token with `run` is exchanged for one that lasts so long, a day at the most; a file's only where that
    // is longer.
    const end = now + Math.min(run, 86_400, settings?.max_lifetime ?? run);
    expires = isManifest ? end : Math.max(expires, end);
  }
  return { ...verdict, expires, scope: verdict.scope.split("?")[0], clean_url };
}

/** What the token of a request says that matters to the exchange. */
function said({ url, cookie, authorization }, settings) {
  const text = [url, cookie, authorization].join(" ");
  const [, payload] = /eyJ[\w-]*\.(eyJ[\w-]*)\./.exec(text) ?? [];
  const claims = payload && JSON.parse(Buffer.from(payload, "base64url"));
  // Where native tokens are not read, a JWT stays what it is.
  const isExchanged = !claims || settings?.formats?.includes("native");
  const run = claims ? isExchanged && claims.run : Number(/&run=(\d+)/.exec(text)?.[1]);
  return { run, isDirectory: claims !== undefined || text.includes("&dir="), isInUrl: /pg=1&exp|\.eyJ/.test(url) };
}

for (const [format, { keys, vectors }] of Object.entries(FILES)) {
  describe(format, () => {
    test("there are vectors", () => assert.ok(vectors.length > 500));

    for (const vector of vectors) {
      test(vector.name, { timeout: 15_000 }, async () => {
        assert.deepEqual(await verdict(keys, vector), await expected(vector), vector.about);
      });
    }
  });
}
