// The origin, the edge and a browser, for the tests of the page.
import { after, before } from "node:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

import { findBrowser } from "../../scripts/browser.mjs";
import { freePort, startServices } from "../../scripts/dev.mjs";
import { seed } from "../../scripts/seed.mjs";

/** What `before` has started: addresses and `page(options)`, which opens the page in a fresh profile. */
export const site = {};

/** Starts everything for the tests of one file, and ends it after them. */
export function useSite() {
  const folder = mkdtempSync(join(tmpdir(), "playgate-browser-"));
  let services;
  let browser;
  before(async () => {
    const state = join(folder, "state");
    await seed(state);
    const [originPort, edgePort] = [await freePort(), await freePort()];
    services = await startServices({ originPort, edgePort, state, log: "ignore" });
    browser = await chromium.launch({
      executablePath: findBrowser(),
      args: [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
      ],
    });
    Object.assign(site, { origin: services.origin, edge: services.edge, page: (options) => open(browser, options) });
  }, { timeout: 120_000 });
  after(async () => {
    await browser?.close();
    await services?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, { timeout: 30_000 });
}

/**
 * Opens the page. `problems` collects uncaught errors, what the content security policy blocked, and
 * `requests` what was asked of the edge, with the status of each answer.
 */
async function open(browser, { path = "/", init, viewport = { width: 1280, height: 900 } } = {}) {
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const problems = [];
  const requests = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    // A refused request shows in the console too, and refusals are what some tests are about.
    if (message.type() === "error" && !/Failed to load resource/.test(message.text())) problems.push(message.text());
  });
  page.on("response", (response) => {
    if (response.url().startsWith(site.edge)) requests.push({ url: response.url(), status: response.status() });
  });
  if (init) await page.addInitScript(init);
  await page.goto(site.origin + path);
  return { page, problems, requests, close: () => context.close() };
}

/** Waits until the film has run past `seconds`. */
export const playedTo = (page, seconds) => page.waitForFunction(
  (seconds) => {
    const video = document.querySelector("#video");
    return video.currentTime > seconds && video.readyState >= 2;
  },
  seconds,
);

/** Waits for the edge's answer to the inspected link. */
export async function edgeAnswer(page, status, reason) {
  await page.locator(`#edge-answer[data-status="${status}"][data-reason="${reason}"]`).waitFor();
}
