// What is uploaded and what a page loads stays small: both are fetched and compiled at a cold
// start.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { gzipSync } from "node:zlib";

import { build } from "../../scripts/build.mjs";
import { bundle, uploaded } from "../../scripts/bundle.mjs";
import { root } from "../../scripts/setup.mjs";

before(() => {
  bundle();
  build({ quiet: true, only: ["www"] });
}, { timeout: 900_000 });

const kilobytes = (bytes) => gzipSync(bytes, { level: 9 }).length / 1000;

test("the uploaded Worker is below 290 KB, compressed", () => {
  const sizes = uploaded().map(([name, bytes]) => [name, kilobytes(bytes)]);
  assert.ok(sizes.length >= 2, "the script and the wasm");
  const total = sizes.reduce((sum, [, size]) => sum + size, 0);
  console.log(`Worker: ${total.toFixed(1)} KB`);
  assert.ok(total < 290, `${total} KB`);
});

for (const [module, limit] of [["playgate", 90], ["playgate-jwt", 142]]) {
  test(`the page's ${module}.wasm is below ${limit} KB, compressed`, () => {
    const size = kilobytes(readFileSync(join(root, `build/www/vendor/${module}_bg.wasm`)));
    console.log(`${module}: ${size.toFixed(1)} KB`);
    assert.ok(size < limit, `${size} KB`);
  });
}

test("www/session.js is below 3 KB as it is", () => {
  const { length } = readFileSync(join(root, "www/session.js"));
  assert.ok(length < 3000, `${length} bytes`);
});
