// How many refreshes a second the gate does in workerd, with its Durable Objects on disk: of one viewer, and of many.
//
//   npm run bench:sessions [viewers]
import { createHmac, randomBytes } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

import { fail } from "../../scripts/setup.mjs";
import { start } from "./deployment.mjs";

const NAME = "__Secure-playgate-session";
/** How many requests are under way at a time. */
const AT_ONCE = 32;
const SECONDS = 5;

const key = randomBytes(32);
const keys = new Map([["main", key]]);

function sessionToken(sub, jti) {
  const now = Math.floor(Date.now() / 1000);
  const open = Buffer.from("/videos/42/").toString("base64url");
  const token = `pg=1&exp=${now + 60}&kid=main&iat=${now}&jti=${jti}&ses=600.604800.2592000.${open}&sub=${sub}`;
  const tag = createHmac("sha256", key).update(`/.playgate/session\n${token}`).digest("base64url");
  return `${token}&sig=${tag}`;
}

async function post(port, path, cookie) {
  const url = `http://127.0.0.1:${port}/.playgate/session${path}`;
  const headers = { Origin: `http://127.0.0.1:${port}`, ...(cookie && { Cookie: `${NAME}=${cookie}` }) };
  const response = await fetch(url, { method: "POST", headers });
  const body = await response.text();
  if (response.status !== 200) fail(`${response.status} ${body}`);
  return response.headers.get("Set-Cookie").slice(NAME.length + 1).split(";")[0];
}

/** Does `work(n)` for n from 0, many at a time, until `isOver(n)`. Returns how many and how many a second. */
async function rate(work, isOver) {
  const from = performance.now();
  let next = 0;
  let done = 0;
  const lane = async () => {
    while (!isOver(next)) {
      await work(next++);
      done++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return { done, aSecond: done / ((performance.now() - from) / 1000) };
}

const forSeconds = (seconds) => {
  const end = performance.now() + seconds * 1000;
  return () => performance.now() > end;
};

/** The bytes of the databases in a folder. Other files come and go. */
function sizeOf(folder) {
  const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".sqlite"));
  return files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

const viewers = Number(process.argv[2] ?? 10_000);
const deployment = await start({ keys });
const [port] = deployment.ports;
try {
  // One viewer with one session: each refresh needs the answer of the one before.
  let cookie = await post(port, `?${sessionToken("one", "one")}`);
  const one = { done: 0, from: performance.now() };
  for (const isOver = forSeconds(SECONDS); !isOver(); one.done++) cookie = await post(port, "/refresh", cookie);
  console.log(`one session, one after the other: ${(one.done / ((performance.now() - one.from) / 1000)).toFixed(0)} refreshes a second`);

  // One viewer with 32 sessions: one object does them all.
  const own = await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => post(port, `?${sessionToken("many", `m${n}`)}`)));
  const lanes = own.map((_, n) => n);
  const busy = await rate(async () => {
    const lane = lanes.pop();
    own[lane] = await post(port, "/refresh", own[lane]);
    lanes.push(lane);
  }, forSeconds(SECONDS));
  console.log(`one viewer, ${AT_ONCE} sessions at once: ${busy.aSecond.toFixed(0)} refreshes a second`);

  const cookies = new Array(viewers);
  const starts = await rate(async (n) => { cookies[n] = await post(port, `?${sessionToken(`v${n}`, `s${n}`)}`); }, (n) => n >= viewers);
  console.log(`${viewers} viewers: ${starts.aSecond.toFixed(0)} starts a second`);
  const before = sizeOf(deployment.disk);
  const all = await rate(async (n) => { cookies[n] = await post(port, "/refresh", cookies[n]); }, (n) => n >= viewers);
  console.log(`${viewers} viewers: ${all.aSecond.toFixed(0)} refreshes a second, ${AT_ONCE} at once`);
  const again = await rate(async (n) => { cookies[n] = await post(port, "/refresh", cookies[n]); }, (n) => n >= viewers);
  console.log(`${viewers} viewers, again: ${again.aSecond.toFixed(0)} refreshes a second`);
  console.log(`on disk: ${(before / viewers).toFixed(0)} bytes for each viewer before, ${(sizeOf(deployment.disk) / viewers).toFixed(0)} after`);
} finally {
  deployment.stop();
}
process.exit(0);
