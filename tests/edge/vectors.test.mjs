// Every vector, in workerd. The media comes from a server that writes down what it is asked, so
// that the clean URL is seen too.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startGate, startOrigin, vectors } from "./gate.mjs";

let gate;
let origin;
before(
  async () => {
    origin = await startOrigin();
    gate = await startGate();
  },
  { timeout: 900_000 },
);
after(async () => {
  await gate?.stop();
  await origin?.stop();
});

/** The variables that mean the same as a vector's gate. */
function variables({ audience, forward_params, leeway, max_lifetime, unsigned_params } = {}) {
  return {
    MEDIA: null,
    ORIGIN: origin.url,
    // The Worker takes no name that no token could carry; with any other name the verdict is the
    // same.
    AUDIENCE: audience?.length > 64 ? "other" : audience,
    FORWARD_PARAMS: forward_params?.join(","),
    LEEWAY: leeway?.toString(),
    MAX_LIFETIME: max_lifetime?.toString(),
    UNSIGNED_PARAMS: unsigned_params?.join(","),
  };
}

/** The verdict as the Worker shows it: in its answer, its log, and what the origin was asked. */
async function verdict({ request, gate: settings, now }) {
  const headers = {};
  if (request.cookie) headers.cookie = request.cookie;
  if (request.authorization) headers.authorization = request.authorization;
  origin.asked.length = 0;
  const answer = await gate.ask(request.url, {
    headers,
    env: variables(settings),
    now,
    country: request.client_country,
    ip: request.client_ip,
  });
  const [line, ...more] = await gate.log();
  assert.deepEqual(more, [], "one line of the log");
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
  assert.equal(answer.body.toString(), "media");
  assert.equal(origin.asked.length, 1);
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
async function expected({ request, expect, behind_url_parser: behind }) {
  const verdict = behind && (await gate.seen(request.url)) !== request.url ? behind : expect;
  if (verdict.verdict === "deny") return verdict;
  const clean_url = verdict.clean_url.replace(/^https?:\/\/[^/]+/, "");
  return { ...verdict, scope: verdict.scope.split("?")[0], clean_url };
}

test("there are vectors", () => assert.ok(vectors.vectors.length > 500));

for (const vector of vectors.vectors) {
  test(vector.name, { timeout: 15_000 }, async () => {
    assert.deepEqual(await verdict(vector), await expected(vector), vector.about);
  });
}
