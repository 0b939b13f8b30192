// hls.js, dash.js and Shaka Player through the gate, from a page of another site: to the end, with a
// seek and another rendition, and not one request is refused.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { withoutFfmpeg } from "../edge/ffmpeg.mjs";
import { films, lockedFilm, manifest, spell, spellings } from "../edge/film.mjs";
import { directoryLink } from "../edge/gate.mjs";
import { placements, startStage } from "./stage.mjs";

const STORYBOARD = `WEBVTT

00:00.000 --> 00:10.000
sprite.jpg#xywh=0,0,320,180

00:10.000 --> 00:20.000
sprite.jpg#xywh=320,0,320,180
`;

let stage;
before(async () => {
  const locked = withoutFfmpeg ? [] : await lockedFilm();
  stage = await startStage({
    env: { SET_COOKIE: "true" },
    objects(url) {
      const film = films(url);
      const [, picture] = film.find(([key]) => key.endsWith("poster.jpg"));
      return [
        ...film,
        ["videos/42/thumbs.vtt", STORYBOARD],
        ["videos/42/sprite.jpg", picture],
        ...Object.keys(spellings.hls).flatMap((spelling) => spell(locked, `videos/locked-${spelling}/`, spelling, url)),
      ];
    },
  });
}, { timeout: 120_000 });
after(() => stage?.stop(), { timeout: 30_000 });

const limit = { timeout: 60_000 };
const players = [
  ["hls.js", "hls", "hls"],
  ["dash.js", "dash", "dash"],
  ["Shaka Player, HLS", "shaka", "hls"],
  ["Shaka Player, DASH", "shaka", "dash"],
];

/** Runs `use(at)` with a page of its own. */
async function onPage(use) {
  const at = await stage.open();
  try {
    return await use(at);
  } finally {
    await at.close();
  }
}

const count = (at, pattern) => at.requests.filter(({ path }) => pattern.test(path)).length;

for (const [name, player, kind] of players) {
  describe(name, { concurrency: 3 }, () => {
    for (const [placement, { start, isRight }] of Object.entries(placements)) {
      for (const [spelling, addresses] of Object.entries(spellings[kind])) {
        test(`${placement}, ${addresses}`, limit, (t) => onPage(async (at) => {
          const path = manifest(kind, spelling);
          await start(at, player, path, {}, { buffer: 4, low: true });
          await at.playedTo(0.5);
          await at.seek(8);
          await at.playedTo(8.2);
          await at.page.evaluate(() => window.player.pick(360));
          await at.hurry();
          await at.ended();
          at.assertAdmitted();
          assert.deepEqual(at.requests.filter((asked) => !isRight(path, asked.path)), []);
          for (const seen of [/seg_1_/, /seg_0_/, /seg_2_/, ...(kind === "hls" ? [/subtitles\.vtt/] : [])]) {
            assert.ok(count(at, seen) > 0, String(seen));
          }
          t.diagnostic(`${at.requests.length} requests, ${at.refused().length} refused`);
        }));
      }
    }
  });
}

// The gate's clock is moved, so one after the other; each with several links at once.
for (const [name, player, kind] of players) {
  test(`${name}: a link with run plays on past exp, and no longer than run`, limit, async () => {
    const links = [["path", "relative"], ["path", "full"], ["query", "rooted"], ["cookie", "relative"]];
    const pages = [];
    const all = (step) => Promise.all(pages.map(step));
    try {
      for (const [placement, spelling] of links) {
        const at = await stage.open();
        pages.push(at);
        const { start } = placements[placement];
        await start(at, player, manifest(kind, spelling), { lifetime: 20, run: 60 }, { buffer: 4, low: true });
      }
      await all((at) => at.playedTo(0.5));
      await stage.gate.wait(25);
      const before = pages.map((at) => count(at, /seg_/));
      await all((at) => at.seek(8));
      await all((at) => at.playedTo(8.5));
      pages.forEach((at, index) => {
        at.assertAdmitted();
        assert.ok(count(at, /seg_/) > before[index]);
      });
      await stage.gate.wait(60);
      await all((at) => at.seek(17));
      await all((at) => at.until(() => window.player.refusals.length > 0));
      for (const at of pages) {
        const [refusal] = await at.page.evaluate(() => window.player.refusals);
        assert.deepEqual(refusal, { status: 403, reason: "expired" });
      }
    } finally {
      await all((at) => at.close());
    }
  });
}

describe("a preview", { concurrency: 3 }, () => {
  for (const [name, player, kind] of players) {
    for (const [placement, spelling] of [["path", "relative"], ["query", "full"], ["cookie", "relative"]]) {
      const addresses = spellings[kind][spelling];
      test(`${name} plays its seconds and ends, ${placement}, ${addresses}`, limit, () => onPage(async (at) => {
        await placements[placement].start(at, player, manifest(kind, spelling), { pre: 6 }, { low: true });
        await at.playedTo(0.5);
        await at.hurry();
        await at.ended();
        at.assertAdmitted();
        const seconds = await at.page.evaluate(() => document.querySelector("video").currentTime);
        assert.ok(seconds > 5.5 && seconds < 8.5, `ended at ${seconds}`);
        assert.equal(count(at, /seg_\d_(0[5-9]|10)/), 0);
        // The token of the manifest opens no segment, also none that is listed.
        const segment = directoryLink(stage.gate, "/videos/42/seg_0_01.m4s", "path", { pre: 6 });
        const ask = async (url) => (await fetch(url)).headers.get("Playgate-Reason");
        const reason = await at.page.evaluate(ask, segment);
        assert.equal(reason, "outside_preview");
      }));
    }
  }
});

describe("HLS under a key", { skip: withoutFfmpeg, concurrency: 3 }, () => {
  for (const [placement, { start, isRight }] of Object.entries(placements)) {
    for (const [spelling, addresses] of Object.entries(spellings.hls)) {
      test(`hls.js, ${placement}, ${addresses}`, limit, () => onPage(async (at) => {
        const path = `/videos/locked-${spelling}/locked.m3u8`;
        await start(at, "hls", path, {}, {});
        await at.playedTo(0.2);
        await at.hurry();
        await at.ended();
        at.assertAdmitted();
        assert.deepEqual(at.requests.filter((asked) => !isRight(path, asked.path)), []);
        assert.ok(count(at, /film\.key/) > 0);
      }));
    }
  }
});

test("a storyboard, its sprite and the poster inherit the token from the path", limit, () => onPage(async (at) => {
  const link = (name) => directoryLink(stage.gate, `/videos/42/${name}`);
  await at.play("shaka", link("master.m3u8"), { low: true });
  const { uri, positionX } = await at.page.evaluate((link) => window.player.thumbnail(link, 12), link("thumbs.vtt"));
  assert.equal(positionX, 320);
  const sizes = await at.page.evaluate((addresses) => Promise.all(addresses.map(async (address) => {
    const picture = new Image();
    picture.src = address;
    await picture.decode();
    return picture.naturalWidth;
  })), [uri, link("poster.jpg")]);
  assert.deepEqual(sizes, [640, 640]);
  at.assertAdmitted();
  for (const name of [/^\/pg=1&.*thumbs\.vtt/, /^\/pg=1&.*sprite\.jpg/, /^\/pg=1&.*poster\.jpg/]) {
    assert.ok(count(at, name) > 0, String(name));
  }
}));
