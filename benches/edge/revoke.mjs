// How long it takes from a revocation to the first refusal, in two isolates of one workerd that share the Durable
// Objects. Each kind is revoked many times, at random moments; the objects restart in the middle.
//
//   npm run bench:revoke [times]
import { createHmac, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { fail } from "../../scripts/setup.mjs";
import { get, start } from "./deployment.mjs";

/** DENYLIST_MAX_AGE, in seconds. */
const M = 10;
/** How often each link is asked for, in milliseconds. */
const POLL = 200;
const KEYS = 15;

const now = () => Math.floor(Date.now() / 1000);

/** Measures. Fails if one takes longer than M. */
async function revoke(times) {
  for (let n = 0; n < KEYS; n++) keyOf(`k${n}`);
  keyOf("main");
  const deployment = await start({ keys });
  try {
    const seconds = new Map();
    const waiting = [];
    for (let n = 0; n < times; n++) {
      for (const kind of kinds(n, times)) waiting.push(measure(deployment, kind, seconds));
      await sleep(500 + Math.random() * 1_000);
      if (n === times >> 1) await deployment.restart();
    }
    await Promise.all(waiting);
    console.log(`seconds from the call to the first refusal in two isolates: number, least, median, most`);
    for (const [name, list] of seconds) {
      list.sort((a, b) => a - b);
      const [least, middle, most] = [list[0], list[list.length >> 1], list.at(-1)].map((one) => one.toFixed(1));
      console.log(`  ${name.padEnd(10)} ${String(list.length).padStart(4)} ${least.padStart(5)} ${middle.padStart(5)} ${most.padStart(5)}`);
      // A link is asked for only now and then, and the machine is busy.
      if (list.at(-1) > M + 1) fail(`${name} took ${most} s, and M is ${M} s`);
    }
  } finally {
    deployment.stop();
  }
}

/** What is revoked in a round: its name, the link that ends, and the call. */
function kinds(n, times) {
  const until = now() + 3_600;
  const film = `/videos/${n}/film.mp4`;
  const call = (kind, value, more = {}) => ["POST", "revocations", { kind, value, until, ...more }];
  // Those that concern everything spare what was issued later.
  const iat = now() - 10_000 * (times - n);
  return [
    { name: "jti", link: sign(film, { jti: `j${n}` }), call: call("jti", `j${n}`) },
    { name: "sid", link: sign(film, { sid: `s${n}` }), call: call("sid", `s${n}`) },
    { name: "sub", link: sign(film, { sub: `v${n}` }), call: call("sub", `v${n}`) },
    // A ring has at most 16 keys.
    ...(n < KEYS ? [{ name: "kid", link: sign(film, {}, `k${n}`), call: call("kid", `k${n}`) }] : []),
    { name: "dir", link: sign(`/gone/${n}/film.mp4`), call: call("dir", `/gone/${n}/`) },
    { name: "all before", link: sign(film, { iat }), call: call("all", undefined, { issued_before: iat + 1 }) },
    { name: "reference", link: sign(film, { jti: `r${n}` }), reference: `ref.${randomBytes(32).toString("base64url")}` },
  ];
}

async function measure({ ports, ask }, { name, link, call, reference }, seconds) {
  let path = link;
  if (reference) {
    const { status } = await ask(ports[0], "POST", "references", { link: `https://cdn.example.com${link}`, reference });
    if (status !== 201) fail(`a reference is answered with ${status}`);
    path = `${link.split("?")[0]}?pg=${reference}`;
    call = ["DELETE", `references?reference=${reference}`];
  }
  for (const port of ports) {
    const { status } = await get(port, path);
    if (status !== 200) fail(`${name} is not served before: ${status}`);
  }
  const start = performance.now();
  // The object may restart at this moment.
  for (let tries = 0; ; tries++) {
    const { status } = await ask(ports[0], ...call);
    if (status < 300) break;
    if (tries === 20) fail(`${name}: ${status}`);
    await sleep(100);
  }
  await Promise.all(ports.map(async (port) => {
    for (;;) {
      const { status, headers } = await get(port, path);
      const reason = headers.get("playgate-reason");
      if (reason === "revoked" || reason === "unknown_reference") break;
      if (status !== 200 && reason !== "state_unavailable" && status < 500) fail(`${name}: ${status} ${reason}`);
      await sleep(POLL);
    }
    seconds.set(name, [...(seconds.get(name) ?? []), (performance.now() - start) / 1000]);
  }));
}

const keys = new Map();
const keyOf = (kid) => {
  if (!keys.has(kid)) keys.set(kid, randomBytes(32));
  return keys.get(kid);
};

function sign(path, fields = {}, kid = "main") {
  const more = Object.keys(fields).sort().map((field) => `&${field}=${fields[field]}`).join("");
  // Issued in the future of all others, unless it says otherwise.
  const token = `pg=1&exp=${now() + 3_600}&kid=${kid}${fields.iat ? more : `&iat=${now()}${more}`}`;
  const tag = createHmac("sha256", keyOf(kid)).update(`${path}\n${token}`).digest("base64url");
  return `${path}?${token}&sig=${tag}`;
}

await revoke(Number(process.argv[2] ?? 100));
