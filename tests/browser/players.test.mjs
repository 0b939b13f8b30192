// hls.js, dash.js and Shaka Player through the gate, from a page of another site: to the end, with a
// seek and another rendition, and not one request is refused.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { films, manifest, spellings } from "../edge/film.mjs";
import { directoryLink } from "../edge/gate.mjs";
import { startStage } from "./stage.mjs";

let stage;
before(async () => {
  stage = await startStage({ env: { SET_COOKIE: "true" }, objects: films });
}, { timeout: 120_000 });
after(() => stage?.stop(), { timeout: 30_000 });

const limit = { timeout: 60_000 };
const players = [
  ["hls.js", "hls", "hls"],
  ["dash.js", "dash", "dash"],
  ["Shaka Player, HLS", "shaka", "hls"],
  ["Shaka Player, DASH", "shaka", "dash"],
];

/** Plays in the low rendition, seeks, goes on in the high one, and runs to the end. */
async function watch(at, player, url, options) {
  await at.play(player, url, { buffer: 4, low: true, ...options });
  await at.playedTo(0.5);
  await at.seek(10);
  await at.playedTo(10.2);
  await at.page.evaluate(() => window.player.pick(360));
  await at.hurry();
  await at.ended();
  at.assertAdmitted();
  const segments = (rendition) => at.requests.filter(({ path }) => path.includes(`/seg_${rendition}_`)).length;
  for (const rendition of [1, 0, 2]) assert.ok(segments(rendition) >= 2, `${segments(rendition)} of ${rendition}`);
}

const placements = {
  async path(at, player, path) {
    await watch(at, player, directoryLink(stage.gate, path, "path"));
    assert.deepEqual(at.requests.filter(({ path }) => !path.startsWith("/pg=1&")), []);
  },
  async query(at, player, path) {
    await watch(at, player, directoryLink(stage.gate, path, "query"));
    const [first, ...others] = at.requests;
    assert.ok(first.path.startsWith(`${path}?pg=1&`));
    assert.deepEqual(others.filter((other) => !other.path.startsWith("/pg=1&") && other.path !== first.path), []);
  },
  async cookie(at, player, path) {
    const link = directoryLink(stage.gate, path, "query");
    const status = await at.page.evaluate(async (link) => (await fetch(link, { credentials: "include" })).status, link);
    assert.equal(status, 200);
    at.requests.length = 0;
    await watch(at, player, stage.gate.url + path, { credentials: true });
    assert.deepEqual(at.requests.filter(({ path }) => path.includes("pg=")), []);
  },
};

for (const [name, player, kind] of players) {
  describe(name, { concurrency: 3 }, () => {
    for (const [placement, play] of Object.entries(placements)) {
      for (const [spelling, addresses] of Object.entries(spellings[kind])) {
        test(`${placement}, ${addresses}`, limit, async () => {
          const at = await stage.open();
          try {
            await play(at, player, manifest(kind, spelling));
          } finally {
            await at.close();
          }
        });
      }
    }
  });
}
