// The playground with JWTs: pasted and minted ones, broken in every way, beside the edge that reads both
// formats.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";

import { edgeAnswer, playedTo, site, useSite } from "./site.mjs";

useSite();

const limit = { timeout: 60_000 };
const soon = () => Math.floor(Date.now() / 1000) + 600;
const base64url = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A JWT as any back end makes one, with the key that the page has. */
async function jwt(page, claims, header = { alg: "HS256", typ: "JWT" }) {
  const [, key] = (await page.inputValue("#keys")).split(":");
  const signed = `${base64url(header)}.${base64url(claims)}`;
  return `${signed}.${createHmac("sha256", Buffer.from(key, "base64url")).update(signed).digest("base64url")}`;
}

const refused = (page, reason) => page.locator(`#verdict[data-verdict="deny"][data-reason="${reason}"]`).waitFor();

/** Waits until browser and edge have said the same. */
async function agree(page, status, reason) {
  await edgeAnswer(page, status, reason);
  await page.locator('#agreement[data-same="true"]').waitFor();
}

/** Opens the page, ready to be typed into. */
async function bench(options) {
  const opened = await site.page(options);
  await opened.page.locator('#edge-answer[data-status^="2"], #edge-answer[data-status^="4"]').waitFor();
  return opened;
}

const loadsJwt = (page) => page.evaluate(() =>
  performance.getEntriesByType("resource").some(({ name }) => name.includes("playgate-jwt")));

test("a pasted JWT is read wherever it stands, and the larger core is fetched for it alone", limit, async () => {
  const { page, problems, close } = await bench();
  assert.equal(await loadsJwt(page), false);
  const token = await jwt(page, { vid: "42", exp: soon() });
  const film = `${site.edge}/videos/42/film.mp4`;
  for (const [pasted, link] of [
    [`${film}?token=${token}`],
    [`${site.edge}/token=${token}/videos/42/film.mp4`],
    [`${film}?v=2&token=${token}&t=10`],
    [token, `${film}?token=${token}`],
    [`Bearer ${token}`, `${film}?token=${token}`],
  ]) {
    await page.fill("#link", "");
    await edgeAnswer(page, "", "");
    await page.fill("#link", pasted);
    await agree(page, "206", "");
    assert.equal(await page.inputValue("#link"), link ?? pasted);
    await page.locator('#verdict[data-verdict="allow"]').waitFor();
  }
  assert.equal(await loadsJwt(page), true);
  assert.equal(await page.isChecked("[name=format][value=jwt]"), true);
  const rows = await page.locator("#fields tbody th").allTextContents();
  assert.deepEqual(rows, ["header", "alg", "typ", "payload", "vid", "exp", "signature", "sig"]);
  assert.equal(await page.locator('#checks [data-outcome="passed"]').count(), 6);
  assert.equal(await page.textContent("#signing-input"), token.slice(0, token.lastIndexOf(".")));
  // And a native link again.
  await page.fill("#link", `${film}?pg=1&exp=${soon()}&kid=main&sig=${"A".repeat(43)}`);
  await agree(page, "403", "bad_signature");
  assert.equal(await page.isChecked("[name=format][value=native]"), true);
  assert.deepEqual(problems, []);
  await close();
});

test("a refused JWT says why, and what to do", limit, async () => {
  const { page, close } = await bench();
  const exp = soon();
  for (const [claims, header, reason, hint] of [
    [{ film: "42", exp }, undefined, "missing_claim", /requires the claim vid/],
    [{ vid: "43", exp }, undefined, "outside_scope", /allows only \/videos\/43\//],
    [{ vid: "42" }, undefined, "missing_claim", /^$/],
    [{ vid: "42", exp }, { alg: "none" }, "unsupported_algorithm", /^$/],
    [{ vid: "42", exp, aud: "cdn-eu" }, undefined, "wrong_audience", /^$/],
    [{ vid: "42", exp: 1_000_000_000 }, undefined, "expired", /^$/],
    [{ vid: "4/2", exp }, undefined, "malformed", /^$/],
  ]) {
    await page.fill("#link", `${site.edge}/videos/42/film.mp4?token=${await jwt(page, claims, header)}`);
    await refused(page, reason);
    await agree(page, "403", reason);
    assert.match(await page.textContent("#hints"), hint, reason);
  }
  // The last one: the claim is marked by its own name.
  assert.equal(await page.textContent("#fields [data-fault] th"), "vid");
  // Of one that is not read to the end the times are shown, as what it says.
  await page.fill("#link", `${site.edge}/videos/42/film.mp4?token=${await jwt(page, { film: "43", exp })}`);
  await refused(page, "missing_claim");
  assert.match(await page.textContent("#timeline-text"), /^Claimed, not proven\. Until /);
  await close();
});

test("the gate's template, issuer and audience can be set", limit, async () => {
  const { page, close } = await bench({ path: "/?format=jwt&issuer=https://www.example.com" });
  await agree(page, "206", "");
  const allowed = () => page.locator('#verdict[data-verdict="allow"]').waitFor();
  await page.fill("#gate-path", "/films/{vid}/");
  await refused(page, "outside_scope");
  await page.fill("#gate-path", "/videos/{film}/");
  await refused(page, "missing_claim");
  await page.fill("#gate-path", "/videos/");
  await page.getByText("jwt_path: write a directory with one claim").waitFor();
  assert.equal(await page.textContent("#verdict p"), "not checked");
  await page.fill("#gate-path", "/{sub}/42/");
  await refused(page, "missing_claim");
  await page.fill("#sign-claims", "plan=basic");
  await page.click("#bindings summary");
  await page.fill("#b-sub", "videos");
  await allowed();
  await page.fill("#gate-issuer", "https://www.example.net");
  await refused(page, "wrong_issuer");
  await page.fill("#gate-issuer", "https://www.example.com");
  await allowed();
  await page.fill("#gate-audience", "cdn-eu");
  await refused(page, "wrong_audience");
  await page.fill("#b-audience", "cdn-eu");
  await allowed();
  await close();
});

test("a minted JWT plays HLS through the gate", limit, async () => {
  const { page, problems, requests, close } = await bench();
  await page.fill("#sign-url", `${site.edge}/videos/42/master.m3u8`);
  await page.check("[name=place][value=path]");
  await page.check("[name=format][value=jwt]");
  await page.waitForFunction(() => document.querySelector("#link").value.includes("/token=eyJ"));
  await agree(page, "200", "");
  requests.length = 0;
  await page.click("#play");
  await page.waitForFunction(() => document.querySelector("#played-link").dataset.link.includes("/token=eyJ"));
  await playedTo(page, 0.1);
  await playedTo(page, 1);
  assert.ok(requests.some(({ url }) => /\/token=eyJ[^/]+\/videos\/42\/.*\.m4s$/.test(url)));
  assert.deepEqual(requests.filter(({ status }) => status >= 400), []);
  const legend = await page.locator("#played-fields dt").allTextContents();
  assert.deepEqual(legend, ["alg", "typ", "kid", "vid", "exp", "sig"]);
  assert.match(await page.textContent("#time-left"), /^9 min/);
  await page.click("#tamper");
  await page.click("#play");
  await page.locator('#player-status[data-state="refused"]').waitFor();
  assert.match(await page.textContent("#player-status"), /403 bad_signature/);
  assert.deepEqual(problems, []);
  await close();
});

test("each way to break a JWT is refused for its own reason, and restore mends it", limit, async () => {
  const { page, close } = await bench({ path: "/?format=jwt" });
  for (const place of ["query", "path"]) {
    await page.check(`[name=place][value=${place}]`);
    await agree(page, "206", "");
    for (const [change, reason] of [
      ["tamper", "bad_signature"],
      ["move", "outside_scope"],
      ["expire", "expired"],
      ["widen", "bad_signature"],
    ]) {
      await page.click(`#${change}`);
      await refused(page, reason);
      await agree(page, "403", reason);
    }
    // The claim and the address were changed together, so that the signature alone can tell.
    assert.match(await page.inputValue("#link"), /\/videos\/43\/film\.mp4/);
    assert.equal(await page.locator('#fields tr:has(th:text-is("vid")) .value').textContent(), "43");
    assert.equal(await page.locator('#checks [data-check="grammar"][data-outcome="passed"]').count(), 1);
    await page.click("#restore");
    await agree(page, "206", "");
  }
  // Without that claim there is nothing to change.
  await page.fill("#sign-claims", "plan=basic");
  await refused(page, "missing_claim");
  await page.click("#widen");
  assert.equal(await page.textContent("#change-note"), "This link cannot be changed in this way.");
  await close();
});

test("what a JWT cannot say is off, and comes back with the native format", limit, async () => {
  const { page, close } = await bench({ path: "/?country=PT&download=Film.mp4&claims=vid%3D42,plan%3Dbasic" });
  await refused(page, "wrong_country");
  const boxes = () => page.evaluate(() => ["#sign-url", "#sign-lifetime", "#link", "#tamper", "#timeline"].map((part) => {
    const { x, y, width, height } = document.querySelector(part).getBoundingClientRect();
    return [part, x, y + scrollY, width, height];
  }));
  const before = await boxes();
  await page.check("[name=format][value=jwt]");
  await agree(page, "206", "");
  assert.deepEqual(await boxes(), before, "something moved");
  for (const name of ["country", "ip", "download", "preview"]) {
    assert.equal(await page.isDisabled(`[name=${name}]`), true, name);
  }
  assert.equal(await page.isVisible("[name=scope][value=exact]"), false);
  assert.equal(await page.isVisible("text=JWTs do not support them"), true);
  const fields = await page.locator("#fields tbody th[data-field]").allTextContents();
  assert.deepEqual(fields, ["alg", "typ", "kid", "vid", "plan", "exp", "sig"]);
  for (const wrong of ["vid", "vid=42 vid=43", "exp=1"]) {
    await page.fill("#sign-claims", wrong);
    await page.waitForFunction(() => document.querySelector("#sign-error").textContent.startsWith("Not signed. claims: "));
    assert.equal(await page.getAttribute("#link", "data-stale"), "");
    await page.fill("#sign-claims", "vid=42");
    await page.waitForFunction(() => document.querySelector("#sign-error").textContent === "");
  }
  await page.check("[name=format][value=native]");
  await refused(page, "wrong_country");
  assert.match(await page.inputValue("#link"), /&cc=PT&dl=/);
  await close();
});

test("the format is in the address, and the JWT is not", limit, async () => {
  const { page, close } = await bench();
  await page.check("[name=format][value=jwt]");
  await page.fill("#sign-claims", "vid=42, plan=basic");
  await page.fill("#gate-issuer", "https://www.example.com");
  await page.click("#move");
  await agree(page, "403", "outside_scope");
  const address = page.url();
  const link = await page.inputValue("#link");
  const key = await page.inputValue("#keys");
  for (const secret of [...link.match(/eyJ.*/)[0].split("."), key.split(":")[1]]) assert.ok(!address.includes(secret));
  await page.goto("about:blank");
  await page.goto(address);
  await agree(page, "403", "outside_scope");
  assert.equal(await page.isChecked("[name=format][value=jwt]"), true);
  assert.equal(await page.inputValue("#sign-claims"), "vid=42, plan=basic");
  assert.equal(await page.inputValue("#gate-issuer"), "https://www.example.com");
  assert.equal(await page.getAttribute("#move", "aria-pressed"), "true");
  // A whole link where a URL is asked for.
  const token = await jwt(page, { vid: "42", exp: soon() });
  for (const pasted of [`${site.edge}/videos/42/film.mp4?token=${token}`, token]) {
    await page.fill("#sign-url", pasted);
    await page.waitForFunction(() => document.querySelector("#sign-error").textContent !== "");
    assert.ok(!page.url().includes(token.slice(0, 20)), page.url());
    await page.fill("#sign-url", `${site.edge}/videos/42/film.mp4`);
  }
  await close();
});

test("a JWT is made and broken with the keyboard alone", limit, async () => {
  const { page, close } = await bench();
  await page.focus("[name=format][value=native]");
  await page.keyboard.press("ArrowRight");
  await page.locator("[name=format][value=jwt]:focus").waitFor();
  await agree(page, "206", "");
  const named = async () => page.evaluate(() => document.activeElement.name || document.activeElement.id);
  const order = [];
  for (let n = 0; n < 6; n++) {
    await page.keyboard.press("Tab");
    order.push(await named());
  }
  assert.deepEqual(order.slice(0, 5), ["url", "lifetime", "place", "claims", "issuer"]);
  await page.focus("[name=claims]");
  await page.keyboard.press("End");
  await page.keyboard.type("0");
  await agree(page, "403", "outside_scope");
  await page.keyboard.press("Backspace");
  await agree(page, "206", "");
  await page.focus("#link");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.locator("#widen:focus").waitFor();
  await page.keyboard.press("Enter");
  await agree(page, "403", "bad_signature");
  await close();
});

test("fits a phone with a JWT", limit, async () => {
  for (const width of [360, 390]) {
    const { page, close } = await bench({ path: "/?format=jwt&sub=viewer-1", viewport: { width, height: 780 } });
    await agree(page, "206", "");
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
    await close();
  }
});

test("where the larger core does not come, the page says so, and native links go on", limit, async () => {
  const { page, close } = await bench();
  await page.route("**/playgate-jwt*", (route) => route.abort());
  await page.check("[name=format][value=jwt]");
  await page.getByText("The JWT code could not be loaded. Reload this page.").waitFor();
  await page.check("[name=format][value=native]");
  await agree(page, "206", "");
  assert.equal(await page.textContent("#sign-error"), "");
  await close();
});
