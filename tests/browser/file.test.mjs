// A single file in Chromium's own player, which is hls.js's native path as well: a link with run is over, and
// seeks go on at the address that it led to.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { withoutFfmpeg } from "../edge/ffmpeg.mjs";
import { longFilm } from "../edge/film.mjs";
import { sign } from "../edge/gate.mjs";
import { startStage } from "./stage.mjs";

const FILM = "/videos/42/long.mp4";
const limit = { timeout: 60_000 };

describe("a single file", { skip: withoutFfmpeg }, () => {
  let stage;
  before(async () => {
    const film = await longFilm();
    stage = await startStage({ objects: () => [[FILM.slice(1), film]] });
  }, { timeout: 120_000 });
  after(() => stage?.stop(), { timeout: 30_000 });

  /** A link that is about to be over: `fields` beside its exp. */
  function link(place, scope, fields) {
    const token = sign(scope, { exp: stage.gate.now() + 20, ...(scope !== FILM && { dir: 2 }), ...fields });
    return place === "path" ? `${stage.gate.url}/${token}${FILM}` : `${stage.gate.url}${FILM}?${token}`;
  }

  /**
   * Opens the link, waits until it is over, and seeks to a part that was not read yet. How that ended, and
   * what was asked before and after.
   */
  async function seekLate(url, crossOrigin) {
    const at = await stage.open();
    try {
      await at.page.evaluate(([url, crossOrigin]) => new Promise((resolve, reject) => {
        const video = document.querySelector("video");
        video.crossOrigin = crossOrigin;
        video.addEventListener("loadeddata", resolve);
        video.addEventListener("error", () => reject(new Error(video.error.message)));
        video.src = url;
      }), [url, crossOrigin]);
      const before = at.requests.splice(0);
      await stage.gate.wait(60);
      const ended = await at.page.evaluate(() => new Promise((resolve) => {
        const video = document.querySelector("video");
        video.addEventListener("seeked", () => resolve("seeked"));
        video.addEventListener("error", () => resolve("error"));
        setTimeout(() => resolve(video.readyState < 2 ? "stalled" : "seeked"), 15_000);
        video.currentTime = 700;
      }));
      return { ended, before, after: at.requests };
    } finally {
      await at.close();
    }
  }

  for (const place of ["query", "path"]) {
    for (const [scope, what] of [[FILM, "exact"], ["/videos/42/", "directory"]]) {
      for (const crossOrigin of [null, "anonymous"]) {
        test(`is sought in after exp: ${place}, ${what}, crossorigin ${crossOrigin}`, limit, async () => {
          const { ended, before, after } = await seekLate(link(place, scope, { run: 3600 }), crossOrigin);
          assert.deepEqual(before.slice(0, 2).map(({ status }) => status), [302, 206]);
          const lasting = before[1].path;
          assert.notEqual(before[0].path, lasting);
          assert.equal(ended, "seeked");
          assert.ok(after.length > 0, "it had to ask");
          for (const request of after) assert.deepEqual(request, { path: lasting, status: 206 });
        });
      }
    }
  }

  test("cannot be without run", limit, async () => {
    await stage.gate.log();
    const { ended } = await seekLate(link("query", FILM, {}), null);
    assert.notEqual(ended, "seeked");
    const refused = (await stage.gate.log()).filter(({ decision }) => decision === "deny");
    assert.ok(refused.some(({ reason }) => reason === "expired"), JSON.stringify(refused));
  });
});
