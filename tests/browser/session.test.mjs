// Sessions in Chromium, with www/session.js: tabs, sleep, being offline, players across refreshes, and what pages of
// other sites can do. The gate runs in workerd with its Durable Objects.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { films, longFilms } from "../edge/film.mjs";
import { sign } from "../edge/gate.mjs";
import { startStage } from "./stage.mjs";

const ADMIN_SECRET = "development-admin-secret";
/** For how many seconds players play, instead of to the end of a short film: 600 for a soak. */
const SOAK = Number(process.env.PLAYGATE_SOAK ?? 0);
const HLS = "/videos/42/master.m3u8";
const MPD = "/videos/42/manifest.mpd";
const DAY = 86_400;
const limit = { timeout: 60_000 + SOAK * 1_500 };

let stage, foreign;
let count = 0;
/** What the origin signs for `/link/<access>/<sub>`. */
function sessionLink(gate, asked) {
  const [, access, sub] = asked.split("/");
  const now = gate.now();
  const open = Buffer.from("/videos/42/").toString("base64url");
  const fields = { exp: now + 60, iat: now, jti: `s-${++count}`, ses: `${access}.${7 * DAY}.${30 * DAY}.${open}`, sub };
  return `${gate.url}/.playgate/session?${sign("/.playgate/session", fields)}`;
}

before(async () => {
  const env = { ADMIN_SECRET };
  const long = SOAK ? await longFilms(SOAK) : [];
  stage = await startStage({ env, objects: (url) => [...films(url), ...long], mint: sessionLink, isSameSite: true });
  foreign = await startStage({ env, objects: films, mint: sessionLink });
}, { timeout: 180_000 });
after(() => Promise.all([stage?.stop(), foreign?.stop()]), { timeout: 30_000 });

/** Opens a session on a page, for access tokens of so many seconds. */
async function openSession(at, sub, access) {
  await at.page.evaluate(async ([gate, sub, access]) => {
    const { openSession } = await import("/session.js");
    window.ends = [];
    window.session = await openSession({
      gate,
      link: async () => (await fetch(`/link/${access}/${sub}`)).text(),
      ended: (reason) => window.ends.push(reason),
    });
  }, [at.gate.url, sub, access]);
}

/** What the gate says to a request with the page's token: its status, or the reason of its refusal. */
const outcome = (at) => at.page.evaluate(async (path) => {
  const answer = await fetch(await window.session.ready(path), { cache: "no-store" });
  return answer.headers.get("Playgate-Reason") ?? answer.status;
}, HLS);

const refreshes = (at) => at.requests.filter(({ path, status }) => path === "/.playgate/session/refresh" && status === 200).length;
const token = (at) => at.page.evaluate((path) => window.session.url(path), HLS);

async function onPages(number, use, from = stage) {
  const first = await from.open();
  const pages = [first];
  try {
    while (pages.length < number) pages.push(await from.open({ context: first.context }));
    return await use(...pages);
  } finally {
    await first.close();
  }
}

test("the cookie is as strict as browsers can be, and never sent to media", limit, () => onPages(1, async (at) => {
  const cookies = [];
  at.page.on("request", async (request) => cookies.push([new URL(request.url()).pathname, (await request.allHeaders()).cookie]));
  await openSession(at, "cookie", 600);
  const [cookie, ...others] = await at.context.cookies();
  assert.deepEqual(others, []);
  const { name, path, httpOnly, secure, sameSite, domain, expires } = cookie;
  assert.deepEqual({ name, path, httpOnly, secure, sameSite, domain }, {
    name: "__Secure-playgate-session", path: "/.playgate/session", httpOnly: true, secure: true, sameSite: "Strict", domain: "localhost",
  });
  assert.ok(Math.abs(expires - Date.now() / 1000 - 7 * DAY) < 60);
  assert.equal(await outcome(at), 200);
  assert.equal(await at.page.evaluate(() => fetch(window.session.url("/videos/42/master.m3u8"), { credentials: "include" }).then(({ status }) => status)), 200);
  assert.equal(await at.page.evaluate(() => document.cookie), "");
  assert.deepEqual(await at.page.evaluate(() => [Object.keys(localStorage), Object.keys(sessionStorage), location.search]), [[], [], ""]);
  await at.page.evaluate(() => window.session.refresh());
  await sleep(200);
  const sent = cookies.filter(([, cookie]) => cookie !== undefined).map(([path]) => path);
  assert.deepEqual([...new Set(sent)], ["/.playgate/session/refresh"]);
  assert.ok(cookies.some(([path]) => path.endsWith(HLS)));
}));

describe("players", { concurrency: SOAK ? 3 : 1 }, () => {
  for (const [name, player, path] of [["hls.js", "hls", HLS], ["dash.js", "dash", MPD], ["Shaka Player", "shaka", HLS]]) {
    test(`${name} plays across refreshes without a stall`, limit, () => onPages(1, async (at) => {
      const access = SOAK ? 20 : 5;
      await openSession(at, `player-${player}`, access);
      // The browser had no session yet.
      at.requests.length = 0;
      const address = await at.page.evaluate((path) => window.session.url(path), SOAK ? path.replace("42/", "42/long/") : path);
      await at.play(player, address, { session: true, buffer: 4 });
      await at.playedTo(0.3);
      const seen = await at.lookOn(SOAK || 15);
      at.assertAdmitted();
      const tokens = new Set(at.requests.map(({ path }) => /&gen=(\d+)/.exec(path)?.[1]).filter(Boolean));
      const expected = Math.floor((SOAK || 15) / access) - 1;
      assert.ok(tokens.size >= expected, `${tokens.size} tokens in use, of ${expected}`);
      assert.ok(seen.played > (SOAK || 15) * 0.9 && seen.standstill < 2, JSON.stringify(seen));
      if (SOAK) console.log(name, JSON.stringify({ ...seen, refreshes: refreshes(at), requests: at.requests.length }));
    }));
  }
});

test("two tabs have one session, and one of them refreshes", limit, () => onPages(2, async (one, other) => {
  await openSession(one, "tabs", 4);
  await openSession(other, "tabs", 4);
  assert.equal(one.requests.filter(({ path }) => path.startsWith("/.playgate/session?")).length, 1);
  assert.equal(other.requests.filter(({ path }) => path.startsWith("/.playgate/session?")).length, 0);
  assert.equal(await token(one), await token(other));
  await sleep(10_000);
  const sum = refreshes(one) + refreshes(other);
  assert.ok(sum >= 1 && sum <= 5, `${sum} refreshes for 10 s of tokens that last 4 s`);
  for (const at of [one, other]) assert.equal(await outcome(at), 200);
  fine(one, other);
}));

/** Nothing went wrong on these pages. */
function fine(...pages) {
  for (const at of pages) assert.deepEqual([at.refused().filter(({ status }) => status !== 401), at.problems], [[], []]);
}

test("a tab that hangs holds nobody up", limit, () => onPages(2, async (one, other) => {
  await openSession(one, "lock", 600);
  const before = await token(one);
  await other.page.evaluate((name) => {
    navigator.locks.request(name, () => new Promise(() => {}));
  }, `${one.gate.url}/.playgate/session`);
  await one.page.evaluate(() => window.session.refresh());
  assert.notEqual(await token(one), before);
  fine(one);
}));

test("a new tab and a reload need no new sign-in", limit, () => onPages(2, async (one, other) => {
  await openSession(one, "reload", 600);
  const first = await token(one);
  await one.page.reload();
  await openSession(one, "reload", 600);
  assert.notEqual(await token(one), first, "by the cookie alone");
  await openSession(other, "reload", 600);
  assert.equal(await token(other), await token(one), "from the other tab");
  const starts = [one, other].flatMap(({ requests }) => requests).filter(({ path }) => path.startsWith("/.playgate/session?"));
  assert.equal(starts.length, 1);
}));

test("two tabs for an hour", limit, () => onPages(2, async (one, other) => {
  // The clock of the whole browser.
  const { clock } = one.context;
  await clock.install();
  await openSession(one, "hour", 600);
  await openSession(other, "hour", 600);
  const before = refreshes(one) + refreshes(other);
  for (let minute = 0; minute < 60; minute++) {
    await stage.gate.wait(60);
    await clock.fastForward(60_000);
    await sleep(150);
    for (const at of [one, other]) assert.equal(await outcome(at), 200, `minute ${minute}`);
  }
  const sum = refreshes(one) + refreshes(other) - before;
  assert.ok(sum >= 6 && sum <= 9, `${sum} refreshes in an hour`);
  fine(one, other);
}));

test("a laptop that slept goes on", limit, () => onPages(1, async (at) => {
  await openSession(at, "sleep", 4);
  const client = await at.context.newCDPSession(at.page);
  await client.send("Page.setWebLifecycleState", { state: "frozen" });
  await sleep(6_000);
  await client.send("Page.setWebLifecycleState", { state: "active" });
  assert.equal(await outcome(at), 200);
  fine(at);
}));

test("offline and back", limit, () => onPages(1, async (at) => {
  await openSession(at, "offline", 5);
  at.requests.length = 0;
  await at.play("hls", await token(at), { session: true, buffer: 8 });
  await at.playedTo(0.3);
  await at.context.setOffline(true);
  await sleep(7_000);
  await at.context.setOffline(false);
  await at.playedTo(14);
  assert.deepEqual(at.refused(), []);
  assert.deepEqual([await at.page.evaluate(() => window.ends), at.problems], [[], []]);
}));

test("signing out in one tab stops the other", limit, () => onPages(2, async (one, other) => {
  await openSession(one, "out", 600);
  await openSession(other, "out", 600);
  const address = await token(other);
  await one.page.evaluate(() => window.session.end());
  await other.page.waitForFunction(() => window.ends.length > 0);
  assert.deepEqual(await other.page.evaluate(() => window.ends), ["signed_out"]);
  assert.deepEqual(await one.context.cookies(), []);
  const refused = await other.page.evaluate(async (address) => {
    for (const from = performance.now(); performance.now() - from < 12_000; await new Promise((resolve) => setTimeout(resolve, 200))) {
      const answer = await fetch(address, { cache: "no-store" });
      if (answer.status === 403) return answer.headers.get("Playgate-Reason");
    }
    return null;
  }, address);
  assert.equal(refused, "signed_out");
}));

test("signing out outlives the page", limit, () => onPages(1, async (at) => {
  await openSession(at, "leave", 600);
  await at.page.evaluate(() => {
    window.session.end();
    location.href = "about:blank";
  });
  await at.page.waitForURL("about:blank");
  for (let tries = 0; tries < 50 && (await at.context.cookies()).length > 0; tries++) await sleep(100);
  assert.deepEqual(await at.context.cookies(), []);
}));

test("a page of another site can neither start nor refresh a session", limit, () => onPages(1, async (at) => {
  const answers = await at.page.evaluate(async (gate) => {
    const link = await (await fetch("/link/600/foreign")).text();
    const ask = async (url, options) => {
      const answer = await fetch(url, { credentials: "include", ...options }).catch(() => null);
      return answer && [answer.status, answer.headers.get("Playgate-Reason")];
    };
    return [
      await ask(link, { method: "POST" }),
      await ask(`${gate}/.playgate/session/refresh`, { method: "POST" }),
      await ask(`${gate}/.playgate/session`, { method: "DELETE" }),
    ];
  }, at.gate.url);
  // ALLOW_ORIGINS lists the page: it may read media, and the refusal.
  assert.deepEqual(answers, Array(3).fill([403, "cross_site"]));
  // A form needs no leave to send.
  const answered = at.page.waitForResponse((response) => response.url().includes("/.playgate/session"));
  await at.page.evaluate(async () => {
    const form = document.body.appendChild(document.createElement("form"));
    form.method = "post";
    form.action = await (await fetch("/link/600/foreign")).text();
    form.submit();
  });
  assert.equal((await answered).status(), 403);
  assert.deepEqual(await at.context.cookies(), []);
}, foreign));
