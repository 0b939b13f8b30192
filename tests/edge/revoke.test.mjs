// `playgate revoke` and `playgate revocations` against the Worker.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { exe, target } from "../../scripts/setup.mjs";
import { NOW, link, startGate } from "./gate.mjs";

const SECRET = "development-admin-secret";
const program = join(target, "release", `playgate${exe}`);

let gate;
before(async () => {
  gate = await startGate({
    objects: [["film.mp4", "film", { httpMetadata: { contentType: "video/mp4" } }]],
    env: { ADMIN_SECRET: SECRET },
  });
});
after(() => gate.stop());

/** Runs the program: its exit code, and what it wrote. */
function run(args, { secret = SECRET, at = gate.url } = {}) {
  const env = { ...process.env, ...(secret && { PLAYGATE_ADMIN_SECRET: secret }) };
  return new Promise((resolve) => {
    execFile(program, [...args, at], { env, timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? error.code : 0, stdout, stderr });
    });
  });
}

const inSeconds = () => Math.floor(Date.now() / 1000);

test("a viewer's links are revoked, listed, and given back", async () => {
  const before = inSeconds();
  const revoked = await run(["revoke", "--sub", "viewer 1/é", "--issued-before", "now", "--for", "7d", "--reason", "signed_out"]);
  assert.equal(revoked.code, 0, revoked.stderr);
  const { issued_before, until, ...rest } = JSON.parse(revoked.stdout);
  assert.deepEqual(rest, { kind: "sub", value: "viewer 1/é", reason: "signed_out" });
  assert.ok(issued_before >= before && issued_before <= inSeconds());
  assert.equal(until - issued_before, 7 * 86_400);

  const listed = await run(["revocations"]);
  assert.deepEqual([listed.code, listed.stdout], [0, revoked.stdout]);

  const undone = await run(["revoke", "--undo", "--sub", "viewer 1/é"]);
  assert.deepEqual([undone.code, undone.stdout, undone.stderr], [0, "", ""]);
  assert.equal((await run(["revocations"])).stdout, "");
  const again = await run(["revoke", "--undo", "--sub", "viewer 1/é"]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /there is no such revocation/);
});

test("every link is revoked at once", async () => {
  const now = inSeconds();
  const url = link("/film.mp4", { exp: now + 600 });
  const ask = (time) => gate.ask(url, { now: time });
  assert.equal((await ask(now)).status, 200);
  assert.equal((await run(["revoke", "--all", "--until", String(now + 86_400)])).code, 0);
  assert.equal((await ask(now + 11)).headers["playgate-reason"], "revoked");
  assert.equal((await run(["revoke", "--undo", "--all"])).code, 0);
  assert.equal((await ask(now + 22)).status, 200);
});

test("all pages are listed", async () => {
  const headers = { Authorization: `Bearer ${SECRET}` };
  for (let n = 0; n < 1_002; n++) {
    const body = JSON.stringify({ kind: "jti", value: `j${n}`, until: inSeconds() + 3_600 });
    const { status } = await gate.ask("http://gate/.playgate/revocations", { method: "POST", headers, body, now: inSeconds() });
    assert.equal(status, 201);
  }
  const { stdout } = await run(["revocations"]);
  const values = stdout.trim().split("\n").map((line) => JSON.parse(line).value);
  assert.deepEqual(values, Array.from({ length: 1_002 }, (_, n) => `j${n}`));
});

test("what goes wrong is said, without the secret", async () => {
  const [jti, length] = [["--jti", "j"], ["--for", "1h"]];
  for (const [args, options, code, message] of [
    [["revoke", ...jti, ...length], { secret: "another-secret-of-length" }, 3, /the gate refuses the secret; use its ADMIN_SECRET/],
    [["revoke", ...jti, ...length], { secret: null }, 2, /no secret for the gate/],
    [["revoke", ...jti], {}, 2, /say how long it lasts/],
    [["revoke", ...length], {}, 2, /--all\|--dir/],
    [["revoke", ...jti, "--sub", "v", ...length], {}, 2, /cannot be used with/],
    [["revoke", ...jti, ...length, "--issued-before", "now"], {}, 2, /`issued_before` is only for sub, dir and all/],
    [["revoke", "--dir", "videos", ...length], {}, 2, /value/],
    [["revoke", ...jti, "--until", "1"], {}, 2, /has passed/],
    [["revoke", ...jti, ...length], { at: "http://cdn.example.com" }, 2, /clear text/],
    [["revoke", ...jti, ...length], { at: "http://127.0.0.1:9" }, 3, /cannot reach the gate/],
  ]) {
    const { code: exited, stdout, stderr } = await run(args, options);
    assert.deepEqual([exited, stdout], [code, ""], `${args} ${stderr}`);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /development-admin|another-secret/);
  }
});
