// The vectors through the WebAssembly in the browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { site, useSite } from "./site.mjs";

useSite();

/** A text as reports have it: what could be a tag is left out. */
const inShort = (text) => text.replace(/[\w-]{43,}/g, (run) => (/[A-Z]/.test(run) ? ".." : run));

/** Runs in the page: the verdicts, and the links of those vectors that say how they were signed. */
async function inBrowser([name, file]) {
  const core = await import(`./vendor/${name}.js`);
  await core.default({ module_or_path: new URL(`vendor/${name}_bg.wasm`, document.baseURI) });
  return file.vectors.map(({ request, gate = {}, keys = file.keys, now, sign }) => {
    const { client_ip: _, ...unknown } = request;
    let report;
    try {
      report = core.inspect(request, gate, keys, now);
    } catch (error) {
      // As at the edge: an address that is none is an address that is not known.
      if (!String(error).includes("client_ip")) throw error;
      report = core.inspect(unknown, gate, keys, now);
    }
    return { report, link: sign && core.sign(sign, keys, now).link };
  });
}

for (const [module, format] of [["playgate", "native"], ["playgate-jwt", "native"], ["playgate-jwt", "jwt"]]) {
  test(`${module}: every vector of ${format}.json has its verdict, and its link`, { timeout: 60_000 }, async () => {
    const file = JSON.parse(readFileSync(new URL(`../vectors/${format}.json`, import.meta.url), "utf8"));
    const { page, close } = await site.page();
    const results = await page.evaluate(inBrowser, [module, file]);
    assert.equal(results.length, file.vectors.length);
    for (const [n, { name, request, expect, sign }] of file.vectors.entries()) {
      // A client sends no fragment, and so the page looks at none.
      if (request.url.includes("#")) continue;
      const { report } = results[n];
      for (const [member, value] of Object.entries(expect)) {
        const isCut = report[member] !== value && typeof value === "string";
        assert.equal(report[member], isCut ? inShort(value) : value, `${name}: ${member}`);
      }
      assert.equal(report.field ?? undefined, expect.field, name);
      assert.equal(report.checks.length, 7, name);
      if (sign) assert.equal(results[n].link, request.url, name);
    }
    await close();
  });
}

test("a page's own back end, in JavaScript, signs session links", async () => {
  const { page, close } = await site.page();
  const [link, other, error] = await page.evaluate(async () => {
    const core = await import("./vendor/playgate-jwt.js");
    await core.default({ module_or_path: new URL("vendor/playgate-jwt_bg.wasm", document.baseURI) });
    const keys = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const request = { url: "https://cdn.example.com", sub: "viewer-1", open: ["/videos/42/"] };
    const sign = (more) => core.signSession({ ...request, ...more }, keys, 1767225000);
    let error;
    try {
      sign({ open: ["/"] });
    } catch (thrown) {
      error = thrown.message;
    }
    return [sign({ jti: "s1" }), sign({}), error];
  });
  // As `playgate sign --session` in tests/cli/sessions.rs.
  assert.deepEqual(link, {
    link: "https://cdn.example.com/.playgate/session?pg=1&exp=1767225060&kid=main&iat=1767225000&jti=s1" +
      "&ses=600.604800.2592000.L3ZpZGVvcy80Mi8&sub=viewer-1&sig=RwmaX8trHK4bigfxdGeU_Rn-tP1OL-3Grm76V814HJI",
    expires: 1767225060,
  });
  assert.match(other.link, /&jti=[\w-]{36}&/);
  assert.match(error, /^open: /);
  await close();
});
