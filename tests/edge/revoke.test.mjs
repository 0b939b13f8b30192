// `playgate revoke`, `revocations`, `playbacks`, `sessions`, `sign --reference` and `sign --session` against the Worker.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { exe, target } from "../../scripts/setup.mjs";
import { NOW, link, startGate, vectors } from "./gate.mjs";

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
function run(args, { secret = SECRET, at = gate.url, env: more } = {}) {
  const env = { ...process.env, ...more, ...(secret && { PLAYGATE_ADMIN_SECRET: secret }) };
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

test("a link is stored under a reference, and deleted", async () => {
  const keys = { PLAYGATE_KEYS: vectors.keys };
  const url = `${gate.url}/film.mp4`;
  const signed = await run(["sign", "--reference", "--expires-in", "1h"], { at: url, env: keys });
  assert.deepEqual([signed.code, signed.stderr], [0, ""]);
  const address = signed.stdout.trim();
  assert.match(address, /^http:\/\/localhost:\d+\/film\.mp4\?pg=ref\.[\w-]{43}$/);
  const ask = (now) => gate.ask(address, { now });
  const now = inSeconds();
  assert.equal((await ask(now)).status, 200);
  const [reference] = /ref\.[\w-]+/.exec(address);
  assert.equal((await run(["revoke", "--reference", reference])).code, 0);
  assert.equal((await ask(now + 11)).headers["playgate-reason"], "unknown_reference");
  const again = await run(["revoke", "--reference", reference]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /there is no such reference/);
  const json = await run(["sign", "--reference", "--json"], { at: url, env: keys });
  assert.deepEqual(Object.keys(JSON.parse(json.stdout)), ["link", "reference", "expires"]);
  const wrong = await run(["sign", "--reference"], { at: url, env: keys, secret: "wrong-development-secret" });
  assert.equal(wrong.code, 3);
  assert.match(wrong.stderr, /refuses the secret/);
});

test("each single-use link has an id of its own", async () => {
  const keys = { PLAYGATE_KEYS: vectors.keys };
  const url = `${gate.url}/film.mp4`;
  const { stdout, stderr } = await run(["sign", "--uses", "1", url], { at: url, env: keys });
  const ids = stdout.trim().split("\n").map((address) => /&jti=([\w-]{22})&/.exec(address)?.[1]);
  assert.equal(new Set(ids).size, 2, stderr);
});

test("a viewer's playbacks are listed and ended", async () => {
  const now = inSeconds();
  const url = link("/film.mp4", { exp: now + 600, max: 2, sid: "sid-1", sub: "viewer-2" });
  assert.equal((await gate.ask(url, { now })).status, 200);
  let listed;
  for (let tries = 0; tries < 100; tries++) {
    listed = await run(["playbacks", "viewer-2"]);
    if (listed.stdout) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const [playback] = listed.stdout.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual([playback.sid, playback.until], ["sid-1", now + 600]);
  assert.equal((await run(["playbacks", "viewer-2", "--end", "--sid", "other"])).code, 1);
  assert.equal((await run(["playbacks", "viewer-2", "--end"])).code, 0);
  assert.equal((await run(["playbacks", "viewer-2"])).stdout, "");
  assert.equal((await gate.ask(url, { now: now + 11 })).headers["playgate-reason"], "revoked");
});

test("a session starts with the program's link, is listed, and ended", async () => {
  const env = { PLAYGATE_KEYS: vectors.keys };
  const signed = await run(["sign", "--session", "--sub", "viewer-3", "--open", "/videos/42/", "--claim", "role=viewer"], { env });
  assert.deepEqual([signed.code, signed.stderr], [0, ""]);
  const headers = { Origin: new URL(gate.url).origin, "User-Agent": "a browser" };
  const start = await gate.ask(signed.stdout.trim(), { method: "POST", headers, now: null });
  assert.equal(start.status, 200);
  const listed = await run(["sessions", "viewer-3"]);
  const [session] = listed.stdout.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual([session.user_agent, session.until - session.refreshed], ["a browser", 7 * 86_400]);
  const unknown = await run(["sessions", "viewer-3", "--end", "--sid", "other"]);
  assert.deepEqual([unknown.code, unknown.stderr], [1, "playgate: the viewer has no such session\n"]);
  assert.equal((await run(["sessions", "viewer-3", "--end", "--sid", session.sid])).code, 0);
  assert.deepEqual([(await run(["sessions", "viewer-3"])).stdout, (await run(["sessions", "viewer-3", "--end"])).code], ["", 0]);
});
