// "Stay signed in" in Chromium, against the Worker and its Durable Objects in workerd: the tokens on the time line, the
// stolen refresh token and the alarm.
import assert from "node:assert/strict";
import { test } from "node:test";

import { site, useSite } from "./site.mjs";

useSite();

const limit = { timeout: 90_000 };
const has = (page, selector, pattern) => page.locator(`#stay ${selector}`).filter({ hasText: pattern }).first().waitFor({ timeout: 30_000 });

async function panel() {
  const opened = await site.page();
  await opened.page.waitForFunction(() => document.querySelector("#played-link").textContent);
  await opened.page.locator("#stay").evaluate((panel) => panel.scrollIntoView());
  return opened;
}

async function signIn(page) {
  await page.click("#stay .sign-in");
  await has(page, ".log li", "Signed in");
  await page.waitForFunction(() => document.querySelector("#stay video").currentTime > 0.3);
}

/** The numbers of the tokens in a lane. */
const bars = (page, lane) => page.locator(`#stay [data-lane=${lane}] .bar`).allTextContents();

test("a refresh makes a joint, and the player goes on", limit, async () => {
  const { page, problems, requests, close } = await panel();
  assert.ok(await page.locator("#stay .steal").isDisabled());
  await signIn(page);
  assert.deepEqual(await bars(page, "here"), ["1"]);
  await page.click("#stay .refresh");
  await has(page, ".log li", "Refreshed: token 2.");
  assert.deepEqual(await bars(page, "here"), ["1", "2"]);
  assert.equal(await page.locator("#stay [data-lane=here] .joint").count(), 2);
  // By itself, before the token's 30 seconds have passed.
  await has(page, ".log li", "Refreshed: token 3.");
  await page.waitForResponse((response) => response.url().includes("&gen=3&") && response.url().endsWith(".m4s"));
  const time = await page.evaluate(() => document.querySelector("#stay video").currentTime);
  await page.waitForFunction((time) => document.querySelector("#stay video").currentTime !== time, time);
  assert.equal(await page.locator("#stay .refused").first().textContent(), "0");
  const media = requests.filter(({ url }) => url.includes("&gen="));
  assert.ok(media.every(({ status }) => status < 400));
  await page.click("#stay .sign-out");
  await has(page, ".log li", "Signed out.");
  await has(page, ".status", "Signed out");
  assert.equal(await page.locator("#stay [data-lane=here] .stop[data-kind=out]").count(), 1);
  assert.deepEqual(problems, []);
  await close();
});

test("a stolen refresh token is noticed, and the session ends for both", limit, async () => {
  const { page, problems, close } = await panel();
  await signIn(page);
  await page.click("#stay .steal");
  await has(page, ".log li", "A thief has used refresh token 1 elsewhere, has token 2, and plays.");
  assert.deepEqual(await bars(page, "elsewhere"), ["2"]);
  await has(page, ".next", "This browser refreshes in");
  await has(page, ".log li", "The thief's next refresh: 403 session_ended.");
  await has(page, ".status", "The session has ended: session_ended");
  for (const lane of ["here", "elsewhere"]) {
    assert.equal(await page.locator(`#stay [data-lane=${lane}] .stop[data-kind=alarm]`).count(), 1, lane);
  }
  // A new sign-in starts another session.
  await signIn(page);
  assert.deepEqual(await bars(page, "here"), ["1"]);
  assert.deepEqual(problems, []);
  await close();
});
