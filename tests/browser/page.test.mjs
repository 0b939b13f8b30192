// The page in Chromium: it plays through the gate from another origin, and shows why a link is refused.
import assert from "node:assert/strict";
import { test } from "node:test";

import { edgeAnswer, playedTo, site, useSite } from "./site.mjs";

useSite();

const limit = { timeout: 60_000 };
const text = (page, selector) => page.locator(selector).textContent();

test("plays HLS through the gate, seeks to the end, and nothing is refused", limit, async () => {
  const { page, problems, requests, close } = await site.page();
  await playedTo(page, 1);
  await page.evaluate(() => { document.querySelector("#video").currentTime = 16; });
  await playedTo(page, 17);
  await page.waitForFunction(() => document.querySelector("#video").ended);
  assert.equal(await text(page, "#refused-count"), "0");
  assert.ok(Number(await text(page, "#admitted-count")) > 10);
  assert.notEqual(new URL(site.edge).origin, new URL(page.url()).origin);
  const segments = requests.filter(({ url }) => /\/pg=1&[^/]+\/videos\/42\/.*\.m4s$/.test(url));
  assert.ok(segments.length >= 10, `${segments.length} segments`);
  assert.deepEqual(requests.filter(({ status }) => status >= 400), []);
  assert.deepEqual(problems, []);
  await close();
});

test("plays HLS without Media Source Extensions, as Safari does", limit, async () => {
  const init = () => {
    delete window.MediaSource;
    delete window.ManagedMediaSource;
    delete window.WebKitMediaSource;
  };
  const { page, requests, close } = await site.page({ init });
  await playedTo(page, 1);
  assert.match(await page.evaluate(() => document.querySelector("#video").currentSrc), /master\.m3u8$/);
  assert.deepEqual(requests.filter(({ status }) => status >= 400), []);
  await close();
});

test("plays the MP4 through an exact link, in ranges", limit, async () => {
  const { page, requests, close } = await site.page({ path: "/?source=film" });
  await playedTo(page, 1);
  await page.evaluate(() => { document.querySelector("#video").currentTime = 15; });
  await playedTo(page, 15.5);
  const film = requests.filter(({ url }) => url.includes("/film.mp4?pg=1&"));
  assert.ok(film.some(({ status }) => status === 206), JSON.stringify(film.map(({ status }) => status)));
  assert.equal(await text(page, "#refused-count"), "0");
  await close();
});

test("a tampered link is refused by browser and edge alike, and the player says why", limit, async () => {
  const { page, problems, close } = await site.page();
  await playedTo(page, 0.5);
  await edgeAnswer(page, "206", "");
  await page.click("#tamper");
  await edgeAnswer(page, "403", "bad_signature");
  await page.locator('#checks li[data-check="signature"][data-outcome="failed"]').waitFor();
  await page.locator('#verdict[data-verdict="deny"][data-reason="bad_signature"]').waitFor();
  assert.equal(await text(page, "#agreement"), "They agree.");
  await page.click("#play");
  await page.locator('#player-status[data-state="refused"]').waitFor();
  assert.match(await text(page, "#player-status"), /403 bad_signature/);
  assert.equal(await text(page, "#refused-count"), "1");
  assert.deepEqual(problems, []);
  await close();
});

test("a tampered directory link stops HLS with the reason shown", limit, async () => {
  const { page, close } = await site.page();
  await edgeAnswer(page, "206", ""); // The playground is there, and fills nothing in any more.
  await page.fill("#sign-url", `${site.edge}/videos/42/master.m3u8`);
  await page.check("[name=scope][value=directory]");
  await page.check("[name=place][value=path]");
  await edgeAnswer(page, "200", "");
  await page.click("#play");
  await playedTo(page, 0.5);
  await page.click("#tamper");
  await page.click("#play");
  await page.locator('#player-status[data-state="refused"]').waitFor();
  assert.match(await text(page, "#player-status"), /403 bad_signature/);
  await close();
});

test("a stream plays on behind the end of its link, and no longer than its run, and the page says why", limit, async () => {
  const url = encodeURIComponent(`${site.edge}/videos/42/master.m3u8`);
  const { page, requests, close } = await site.page({
    path: `/?source=link&url=${url}&scope=directory&place=path&lifetime=3s&run=12s`,
  });
  await playedTo(page, 0.2);
  await page.locator('#verdict[data-reason="expired"]').waitFor();
  const segments = () => requests.filter(({ url }) => url.endsWith(".m4s"));
  const before = segments().length;
  await playedTo(page, 4.5);
  assert.ok(segments().length > before, "it asked on");
  assert.deepEqual(segments().filter(({ status }) => status !== 200), []);
  await page.locator('#player-status[data-state="refused"]').waitFor();
  assert.match(await text(page, "#player-status"), /403 expired/);
  await page.waitForFunction(() => document.querySelector("#time-left").textContent === "expired");
  await close();
});

test("expire, move and widen are refused for their own reasons, and restore mends the link", limit, async () => {
  const { page, close } = await site.page();
  await edgeAnswer(page, "206", "");
  await page.click("#expire");
  await edgeAnswer(page, "403", "expired");
  await page.locator('#checks li[data-check="times"][data-outcome="failed"]').waitFor();
  await page.click("#move");
  await edgeAnswer(page, "403", "bad_signature");
  assert.match(await page.locator("#link").inputValue(), /\/videos\/43\/film\.mp4/);
  await page.click("#restore");
  await edgeAnswer(page, "206", "");
  await page.check("[name=scope][value=directory]");
  await edgeAnswer(page, "206", "");
  await page.click("#widen");
  await edgeAnswer(page, "403", "bad_signature");
  assert.match(await text(page, "#hints"), /dir=2/);
  await close();
});

test("a link runs out while it is looked at", limit, async () => {
  const { page, close } = await site.page({ path: "/?lifetime=4s" });
  await page.locator('#verdict[data-verdict="allow"]').waitFor();
  await page.locator('#verdict[data-reason="expired"]').waitFor();
  await edgeAnswer(page, "403", "expired");
  await close();
});

test("works with the keyboard alone", limit, async () => {
  const { page, close } = await site.page();
  await edgeAnswer(page, "206", "");
  await page.focus("#link");
  await page.keyboard.press("Tab");
  await page.locator("#tamper:focus").waitFor();
  await page.keyboard.press("Enter");
  await edgeAnswer(page, "403", "bad_signature");
  await page.focus("#tab-py");
  await page.keyboard.press("ArrowRight");
  await page.locator('#tab-mjs[aria-selected="true"]').waitFor();
  await page.waitForFunction(() => document.querySelector("#signer pre").textContent.includes("createHmac"));
  await close();
});

test("the state is in the address, and neither key nor token is", limit, async () => {
  const { page, close } = await site.page();
  await edgeAnswer(page, "206", "");
  await page.fill("#sign-lifetime", "2h");
  await page.check("[name=scope][value=directory]");
  await page.click("#widen");
  await edgeAnswer(page, "403", "bad_signature");
  const address = page.url();
  const [key, link] = [await page.inputValue("#keys"), await page.inputValue("#link")];
  assert.ok(!address.includes(key.split(":")[1]) && !address.includes("sig="), "a secret is in the address");
  await page.goto("about:blank");
  await page.goto(address);
  await edgeAnswer(page, "403", "bad_signature");
  assert.equal(await page.inputValue("#sign-lifetime"), "2h");
  assert.equal(await page.getAttribute("#widen", "aria-pressed"), "true");
  assert.match(await page.inputValue("#link"), /&dir=1&/);
  assert.match(link, /&dir=1&/);
  await close();
});

test("fits a phone", limit, async () => {
  for (const width of [360, 390]) {
    const { page, close } = await site.page({ viewport: { width, height: 780 } });
    await edgeAnswer(page, "206", "");
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
    await close();
  }
});
