// A live broadcast through the gate: low-latency HLS in hls.js, a dynamic MPD in dash.js and Shaka
// Player, each for LIVE_SECONDS, all at the same time. Not one request is refused, and nothing stalls.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { withoutFfmpeg } from "../edge/ffmpeg.mjs";
import { directoryLink } from "../edge/gate.mjs";
import { startLive } from "./live.mjs";
import { placements, startStage } from "./stage.mjs";

const SECONDS = Number(process.env.LIVE_SECONDS ?? 120);
const START = 5; // seconds in which a player may still wait
const RENEWED = 20; // seconds that each of the renewed tokens lasts
const limit = { timeout: (SECONDS + 60) * 1000 };

let live;
let stage;

describe("a live broadcast", { skip: withoutFfmpeg, concurrency: true }, () => {
  before(async () => {
    live = await startLive(SECONDS);
    stage = await startStage({
      env: { MEDIA: null, ORIGIN: live.url, SET_COOKIE: "true" },
      mint: (gate, path) => directoryLink(gate, path, "path", { lifetime: RENEWED }),
    });
    live.behind(stage.gate.url);
  }, { timeout: 120_000 + SECONDS * 100 });
  after(async () => {
    await stage?.stop();
    await live?.stop();
  }, { timeout: 30_000 });

  const whole = { lifetime: SECONDS + 120 };
  const short = { lifetime: 10, run: SECONDS + 120 };

  for (const [placement, spelling, addresses] of [
    ["path", "relative", "relative addresses"],
    ["query", "full", "full URLs"],
    ["cookie", "rooted", "absolute paths"],
  ]) {
    const path = `/live/${spelling}/main.m3u8`;
    test(`low-latency HLS in hls.js, ${placement}, ${addresses}`, limit, (t) => broadcast(t, "hls", path, whole, {
      placement,
      pick: 90,
      // hls.js waits for parts, skips what it has, and fetches the parts of both renditions.
      asked: [/_HLS_msn=\d+&_HLS_part=\d/, /_HLS_skip=YES/, /high\/seg\d+\.\d\.m4s/, /low\/seg\d+\.\d\.m4s/],
    }));
  }

  const main = "/live/relative/main.m3u8";
  test("a token that is renewed while it plays", limit, (t) => broadcast(t, "hls", main, { lifetime: RENEWED }, {
    options: { renewAt: `/link${main}` },
    async and(at) {
      const renewals = await at.page.evaluate(() => window.player.renewals());
      assert.ok(renewals >= Math.floor(SECONDS / RENEWED), `${renewals} renewals`);
    },
  }));

  for (const [what, player, path] of [
    ["low-latency HLS in hls.js", "hls", "/live/full/main.m3u8"],
    ["a media playlist in hls.js", "hls", "/live/relative/high/live.m3u8"],
    ["a dynamic MPD in dash.js", "dash", "/live/relative/manifest.mpd"],
    ["a dynamic MPD in Shaka Player", "shaka", "/live/full/manifest.mpd"],
  ]) {
    test(`${what} past exp with run`, limit, (t) => broadcast(t, player, path, short));
  }
});

/** Plays for SECONDS without a refusal, a gap or a stall; with `pick`, the second half in that rendition. */
async function broadcast(t, player, path, fields, { placement = "path", options, pick, asked = [], and } = {}) {
  const at = await stage.open();
  try {
    await placements[placement].start(at, player, path, fields, options);
    await at.playedTo(0);
    await at.lookOn(START);
    const half = (SECONDS - START) / 2;
    const first = await at.lookOn(half);
    if (pick) await at.page.evaluate((height) => window.player.pick(height), pick);
    const second = await at.lookOn(half);
    const waits = first.waits + second.waits;
    const standstill = Math.max(first.standstill, second.standstill);
    const worst = Math.max(first.worst, second.worst);
    t.diagnostic(`${at.requests.length} requests, ${at.refused().length} refused; latency`
      + ` ${second.latency.toFixed(2)} s, at worst ${worst.toFixed(2)} s; longest standstill`
      + ` ${standstill.toFixed(2)} s; ${waits} waits`);
    at.assertAdmitted();
    const { isRight } = placements[placement];
    assert.deepEqual(at.requests.filter((asked) => !isRight(path, asked.path)).slice(0, 5), []);
    assert.ok(standstill < 1, `a standstill of ${standstill} s`);
    // It may play faster, to be nearer to what is live.
    const played = first.played + second.played;
    assert.ok(played > 2 * half - 1, `${played} s played in ${2 * half} s`);
    for (const pattern of asked) {
      assert.ok(at.requests.some(({ path }) => pattern.test(path)), `the player never asked for ${pattern}`);
      assert.ok(live.asked.some((path) => pattern.test(path)), `the origin was never asked for ${pattern}`);
    }
    await and?.(at);
  } finally {
    await at.close();
  }
}
