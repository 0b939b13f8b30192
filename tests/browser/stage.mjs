// Players on a page of one site, the gate on another: http://127.0.0.1 and http://localhost, both of
// which browsers trust without TLS. Here for the tests of playback.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { chromium } from "playwright-core";

import { findBrowser } from "../../scripts/browser.mjs";
import { root } from "../../scripts/setup.mjs";
import { directoryLink, startGate } from "../edge/gate.mjs";

const HTML = `<!doctype html>
<meta charset="utf-8">
<title>Stage</title>
<link rel="icon" href="data:,">
<video muted playsinline width="320" height="180"></video>`;

const FILES = {
  "/hls.js": "node_modules/hls.js/dist/hls.mjs",
  "/dash.js": "node_modules/dashjs/dist/modern/esm/dash.all.min.js",
  "/shaka.js": "node_modules/shaka-player/dist/shaka-player.compiled-es2021.js",
  "/players/hls.js": "tests/browser/players/hls.js",
  "/players/dash.js": "tests/browser/players/dash.js",
  "/players/shaka.js": "tests/browser/players/shaka.js",
  "/session.js": "www/session.js",
};

/**
 * Starts the page's server, the gate and a browser. `env` is for the gate, and so are `objects(url)`,
 * which may need to know where it is; `mint(gate, asked)` answers what the page asks for below /link/. With `isSameSite`,
 * the page is on the gate's site.
 */
export async function startStage({ env = {}, objects = () => [], mint, isSameSite = false } = {}) {
  let gate;
  const pages = await startPages((asked) => mint(gate, asked), isSameSite ? "localhost" : "127.0.0.1");
  let browser;
  const stop = async () => {
    await browser?.close();
    await gate?.stop();
    await pages.stop();
  };
  try {
    gate = await startGate({ env: { ALLOW_ORIGINS: pages.url, ...env } });
    for (const [key, body] of objects(gate.url)) await gate.bucket.put(key, body);
    browser = await chromium.launch({
      executablePath: findBrowser(),
      args: [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
      ],
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { gate, pages, stop, open: (options) => open(browser, pages, gate, options) };
}

async function startPages(mint, host) {
  const server = http.createServer((request, response) => {
    const send = (type, body) => response.writeHead(200, { "Content-Type": type }).end(body);
    if (request.url === "/") return send("text/html", HTML);
    if (request.url.startsWith("/link/")) return send("text/plain", mint(request.url.slice("/link".length)));
    const file = FILES[request.url];
    if (file) return send("text/javascript", readFileSync(join(root, file)));
    return response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://${host}:${server.address().port}`,
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * Opens the page in a fresh profile, without cookies, or in another tab of `context`. `requests` collects what was asked of the gate
 * with the status of each answer, `broken` what got none, `problems` uncaught errors.
 */
async function open(browser, pages, gate, { context: shared } = {}) {
  const context = shared ?? (await browser.newContext());
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const [requests, broken, problems] = [[], [], []];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("response", (response) => {
    const url = response.url();
    if (url.startsWith(gate.url)) requests.push({ path: url.slice(gate.url.length), status: response.status() });
  });
  page.on("requestfailed", (request) => {
    // Players give up requests themselves: on a seek, on a switch, at the end.
    const why = request.failure()?.errorText;
    if (why !== "net::ERR_ABORTED") broken.push({ url: request.url(), why });
  });
  await page.goto(pages.url);
  const refused = () => requests.filter(({ status }) => status >= 400);
  /** Waits until `condition(given)` holds on the page. Where it never does, the player tells why. */
  const until = async (condition, given) => {
    try {
      await page.waitForFunction(condition, given);
    } catch {
      const state = await page.evaluate(() => {
        const { currentTime, readyState, paused } = document.querySelector("video");
        const { errors, refusals } = window.player;
        return { currentTime, readyState, paused, errors, refusals };
      });
      assert.fail(`it does not play on: ${JSON.stringify(state)}, after ${JSON.stringify(requests.slice(-3))}`);
    }
  };
  return {
    context,
    gate,
    page,
    requests,
    broken,
    problems,
    refused,
    /** Fails unless each request was admitted and answered. */
    assertAdmitted() {
      assert.deepEqual(refused().slice(0, 5), []);
      assert.deepEqual(broken.slice(0, 5), []);
      assert.deepEqual(problems, []);
    },
    /** Plays `url` in one of players/. What it returns is on the page as `window.player`. */
    play: (player, url, options = {}) => page.evaluate(async ([player, url, options]) => {
      const video = document.querySelector("video");
      const { open } = await import(`/players/${player}.js`);
      window.player = await open(video, url, options);
      // A player that cannot go on says so, or nothing.
      const { ready, errors } = window.player;
      const late = new Promise((_, reject) => setTimeout(reject, 15_000));
      await Promise.race([ready, late]).catch((error) => {
        throw new Error(`not ready: ${error?.message ?? error ?? "no word"} ${JSON.stringify(errors)}`);
      });
      video.play().catch(() => {}); // Waiting for it is for those who look on.
    }, [player, url, options]),
    /** Waits until it has played to a moment, in seconds of the film. */
    playedTo: (seconds) => until((seconds) => {
      const video = document.querySelector("video");
      return video.currentTime > seconds && video.readyState >= 2;
    }, seconds),
    seek: (seconds) => page.evaluate((seconds) => { document.querySelector("video").currentTime = seconds; }, seconds),
    hurry: () => page.evaluate(() => { document.querySelector("video").playbackRate = 8; }),
    /**
     * Looks on for so many seconds: the film's time at start and end, the longest standstill and what
     * the player says of its latency, all in seconds.
     */
    lookOn: (seconds) => page.evaluate(async (seconds) => {
      const video = document.querySelector("video");
      const [first, started] = [video.currentTime, performance.now()];
      let [time, moved, standstill, waits] = [first, started, 0, 0];
      const latencies = [];
      video.addEventListener("waiting", () => waits++);
      while (performance.now() - started < seconds * 1000) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        const now = performance.now();
        standstill = Math.max(standstill, (now - moved) / 1000);
        if (video.currentTime !== time) [time, moved] = [video.currentTime, now];
        latencies.push(window.player.latency());
      }
      const sorted = latencies.map(({ latency }) => latency).sort((a, b) => a - b);
      const { target } = latencies.at(-1);
      const at = (share) => sorted[Math.floor(share * (sorted.length - 1))];
      return { played: video.currentTime - first, standstill, waits, latency: at(0.5), worst: at(1), target };
    }, seconds),
    ended: () => until(() => document.querySelector("video").ended),
    until,
    close: () => context.close(),
  };
}

/**
 * How a token comes to the gate: `start(at, player, path, fields, options)` plays that path, and
 * `isRight(path, asked)` says whether a request has its token where it should.
 */
export const placements = {
  path: {
    start: (at, player, path, fields, options) =>
      at.play(player, directoryLink(at.gate, path, "path", fields), options),
    isRight: (_, asked) => asked.startsWith("/pg=1&"),
  },
  // The manifest that was asked for leads on in the path.
  query: {
    start: (at, player, path, fields, options) =>
      at.play(player, directoryLink(at.gate, path, "query", fields), options),
    isRight: (path, asked) => asked.startsWith("/pg=1&") || asked.startsWith(`${path}?pg=1&`),
  },
  // The first answer hands the cookie over; a player needs to know nothing but to send it.
  cookie: {
    async start(at, player, path, fields, options) {
      const link = directoryLink(at.gate, path, "query", fields);
      const ask = async (link) => (await fetch(link, { credentials: "include" })).status;
      const status = await at.page.evaluate(ask, link);
      assert.equal(status, 200);
      const [{ partitionKey }] = await at.page.context().cookies();
      assert.equal(partitionKey, "http://127.0.0.1");
      at.requests.length = 0;
      await at.play(player, at.gate.url + path, { credentials: true, ...options });
    },
    isRight: (_, asked) => !asked.includes("pg="),
  },
};
