// What nobody may find in a log: every tag that this suite has minted, sent or received.
import assert from "node:assert/strict";

const tags = new Set();

/** Base64url of 32 bytes: the form of a tag, and of the keys of the tests. */
const TAG = /(?<![\w-])[\w-]{43}(?![\w-])/g;

/** Writes down each tag in some texts. */
export function remember(...texts) {
  for (const text of texts) for (const [tag] of text.matchAll(TAG)) tags.add(tag);
}

/** The lines that have a tag which is known, or anything that looks like one. */
export function leaks(lines) {
  // With a letter or two beside it as well. Ids in lower case are none, nor are longer names.
  const looksLikeTag = /(?<![\w-])[\w-]{43,64}(?![\w-])/g;
  const suspects = (line) => (line.match(looksLikeTag) ?? []).filter((run) => /[A-Z]/.test(run));
  return lines.filter((line) => suspects(line).length > 0 || [...tags].some((tag) => line.includes(tag)));
}

/** Fails where a line leaks, and where the lines are not those that were written: the last is `canary`. */
export function assertSecretsKept(lines, canary) {
  assert.ok(lines.some((line) => line.includes(canary)), "the output was not collected");
  assert.deepEqual(leaks(lines), [], "a tag or a key is in the output");
}
