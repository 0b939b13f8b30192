// Prints the size of the upload with each set of features, in KB (1,000 bytes) after `gzip -9`: the table in
// docs/deploy.md. It builds the Worker once for each.
import { gzipSync } from "node:zlib";

import { FEATURES } from "./build.mjs";
import { bundleWith, uploaded } from "./bundle.mjs";

const sets = [["all", FEATURES], ...FEATURES.map((name) => [`without ${name}`, FEATURES.filter((other) => other !== name)]), ["none", []]];
for (const [name, features] of sets) {
  const total = uploaded(bundleWith(features)).reduce((sum, [, bytes]) => sum + gzipSync(bytes, { level: 9 }).length, 0);
  console.log(`| ${name} | ${Math.round(total / 1000)} KB |`);
}
