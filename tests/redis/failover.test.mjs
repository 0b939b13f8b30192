// Three gates, a Redis with two replicas and three sentinels, and what befalls them while viewers come: kills, failovers, and
// a primary that hangs and comes back. `PLAYGATE_SOAK=100000` takes as many viewers instead of a few.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { freePort } from "../../scripts/dev.mjs";
import { exe, target } from "../../scripts/setup.mjs";
import { folder, start } from "../common/program.mjs";
import { startRedis, startSentinel } from "../common/redis.mjs";

const VIEWERS = Number(process.env.PLAYGATE_SOAK ?? 2_000);
/** How many come at a time. */
const CROWD = 48;
/** DENYLIST_MAX_AGE, in milliseconds, and what a request may take. */
const MAX_AGE = 2_000;
const SLACK = 500;

const ADMIN_SECRET = "development-admin-secret";
const program = join(target, "release", `playgate${exe}`);
const own = folder();
const media = join(own, "media");
mkdirSync(media);
writeFileSync(join(media, "film.mp4"), "a film");
const keys = join(own, "keys.txt");
writeFileSync(keys, execFileSync(program, ["keygen"]), { mode: 0o600 });
const [, kid, secret] = /^(\w+):([\w-]+)/.exec(readFileSync(keys, "utf8"));
const key = Buffer.from(secret, "base64url");
const exp = Math.floor(Date.now() / 1000) + 7_200;

/** The link of a viewer. `fields` are more of the token's, such as `uses`. */
function link(viewer, fields = {}) {
  const all = Object.entries({ ...fields, sub: viewer }).sort();
  const token = `pg=1&exp=${exp}&kid=${kid}${all.map(([name, value]) => `&${name}=${value}`).join("")}`;
  const sig = createHmac("sha256", key).update(`/film.mp4\n${token}`).digest("base64url");
  return `/film.mp4?${token}&sig=${sig}`;
}

/** A link that is for one client. */
const single = (viewer) => link(viewer, { jti: viewer, uses: 1 });

/** A gate at a port, which can be killed and start again. */
async function startGate(sentinels, replicas) {
  const port = await freePort();
  const env = {
    PATH: process.env.PATH,
    ADMIN_SECRET,
    DENYLIST_REFRESH: "500ms",
    DENYLIST_MAX_AGE: `${MAX_AGE}ms`,
    LOG: "off",
    PLAYBACKS_OVER_LIMIT: "refuse",
    STATE: `redis+sentinel://${sentinels.map((sentinel) => `127.0.0.1:${sentinel.port}`).join(",")}/film`,
    STATE_REPLICAS: String(replicas),
    TRUSTED_PROXIES: "127.0.0.1",
  };
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  let running;
  const gate = {
    async start() {
      running = start(program, ["gate", "--keys", keys, "--root", media, "--listen", `127.0.0.1:${port}`], { env });
      await running.says("listening on");
    },
    stop: (signal) => running.stop(signal),
    said: () => running.said(),
    /** Asks for a path, as a client in the network of this number. Resolves to status, reason and body; 0 without an answer. */
    ask(path, { client = 0, method = "GET", body, headers } = {}) {
      const address = `10.${client >> 16 & 255}.${client >> 8 & 255}.${client & 255}`;
      return new Promise((resolve) => {
        const sent = http.request({ agent, port, path, method, timeout: 10_000, headers: { "x-forwarded-for": address, ...headers } });
        sent.on("timeout", () => sent.destroy());
        sent.on("error", () => resolve({ status: 0 }));
        sent.on("response", (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (chunk) => (text += chunk));
          response.on("error", () => resolve({ status: 0 }));
          response.on("end", () => resolve({ status: response.statusCode, reason: response.headers["playgate-reason"], text }));
        });
        sent.end(body);
      });
    },
    revoke(value) {
      return gate.ask("/.playgate/revocations", {
        method: "POST",
        headers: { authorization: `Bearer ${ADMIN_SECRET}`, "content-type": "application/json" },
        body: JSON.stringify({ kind: "sub", value, until: exp }),
      });
    },
  };
  await gate.start();
  return gate;
}

const any = (list) => list[Math.floor(Math.random() * list.length)];
/** The numbers of two clients, each in a network (/24) of its own. */
const networks = (n) => [n << 8, (n << 8) + (1 << 23)].map((network) => network >>> 0 & 0xffffff);

/** Waits until something is so. */
async function until(what, check, pause = 50) {
  const end = Date.now() + 90_000;
  for (; !(await check()); await sleep(pause)) assert.ok(Date.now() < end, `${what}, after 90 s`);
}

/** Runs viewers and operators at three gates, while `story` lets things befall them. */
async function scenario(t, confirming, story) {
  const durable = ["--appendonly", "yes", "--repl-diskless-sync-delay", "0"];
  const first = await startRedis(...durable);
  const replicas = [];
  for (let n = 0; n < 2; n++) replicas.push(await startRedis(...durable, "--replicaof", "127.0.0.1", String(first.port)));
  const servers = [first, ...replicas];
  const sentinels = [];
  for (let n = 0; n < 3; n++) sentinels.push(await startSentinel("film", first.port));
  // A sentinel that has not yet heard of a replica cannot make it the primary.
  const acquainted = () => until("the sentinels do not know all", async () => {
    const replies = await Promise.all(sentinels.map((sentinel) => redis(sentinel, "SENTINEL MASTER film")));
    return replies.every((reply) => /num-slaves\r\n\$1\r\n2\r/.test(reply) && /num-other-sentinels\r\n\$1\r\n2\r/.test(reply));
  });
  const gates = [];
  for (let n = 0; n < 3; n++) gates.push(await startGate(sentinels, confirming));
  t.after(async () => {
    isOver = true;
    next = Infinity;
    for (const gate of gates) await gate.stop("SIGKILL");
    for (const server of [...servers, ...sentinels]) await server.stop();
  });

  let [next, lastAdmitted, isOver] = [0, Date.now(), false];
  const figures = { requests: 0, refused: 0, admitted: 0, rivals: 0, revoked: 0, checks: 0, longestGap: 0 };
  async function ask(gate, path, options) {
    const answer = await gate.ask(path, options);
    figures.requests++;
    if (answer.status === 200) {
      figures.admitted++;
      figures.longestGap = Math.max(figures.longestGap, Date.now() - lastAdmitted);
      lastAdmitted = Date.now();
    } else if (answer.status !== 403) {
      figures.refused++;
    }
    return answer;
  }
  // What needs a record cannot be answered from memory.
  let healths = 0;
  async function healthy() {
    for (const end = Date.now() + 60_000; Date.now() < end; await sleep(100)) {
      const answers = await Promise.all(gates.map((gate) => gate.ask(single(`healthy-${healths++}`))));
      if (answers.every(({ status }) => status === 200)) return;
    }
    assert.fail(`a gate does not come back: ${gates.map((gate) => gate.said().slice(-500)).join("\n")}`);
  }
  await acquainted();
  await healthy();

  // Quiet: how long it takes until all gates know.
  const learned = [];
  for (let n = 0; n < 20; n++) {
    const path = link(`quiet-${n}`);
    for (const gate of gates) assert.equal((await gate.ask(path)).status, 200);
    const told = Date.now();
    assert.equal((await gates[n % 3].revoke(`quiet-${n}`)).status, 201);
    for (const gate of gates) await until("a gate does not learn", async () => (await gate.ask(path)).status !== 200, 2);
    learned.push(Date.now() - told);
  }
  learned.sort((a, b) => a - b);

  // Viewers come. The link of each is for one client; of every eighth, two clients want it at the same time. Every fourth has
  // two links instead, for one playback at a time, and starts both on two devices.
  const isPlayback = (n) => n % 4 === 1;
  const violations = [];
  const winners = [];
  async function visit(n) {
    const clients = networks(n);
    const rivals = n % 8 === 0 || isPlayback(n) ? clients : clients.slice(0, 1);
    const admitted = await Promise.all(rivals.map(async (client, device) => {
      const path = isPlayback(n) ? link(`v${n}`, { max: 1, sid: `s${n}-${device}` }) : single(`v${n}`);
      for (const end = Date.now() + 60_000; Date.now() < end && next < Infinity; await sleep(50)) {
        const { status, reason } = await ask(any(gates), path, { client });
        if (status === 200) return client;
        if (status === 403) return assert.equal(reason, isPlayback(n) ? "too_many_playbacks" : "already_used"), null;
      }
      return violations.push(`viewer ${n} got no answer`), null;
    }));
    if (rivals.length > 1) figures.rivals++;
    const won = admitted.filter((client) => client !== null);
    if (won.length !== 1) violations.push(`${won.length} clients opened the links of viewer ${n}`);
    winners[n] = won[0];
  }
  const crowd = Array.from({ length: CROWD }, async () => {
    while (next < VIEWERS || !isOver) {
      await visit(next++);
      // Enough have come, but something is still to befall the gates.
      if (next > VIEWERS) await sleep(200);
    }
  });

  // Meanwhile, others are revoked, and come again.
  const ended = [];
  const revoker = (async () => {
    for (let n = 0; !isOver || n < 20; n++) {
      const value = `r${n}`;
      const { status } = await any(gates).revoke(value);
      if (status === 201 || status === 200) ended.push({ path: link(value), since: Date.now() });
      await sleep(50);
    }
    figures.revoked = ended.length;
  })();
  const checkers = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      const due = ended.filter(({ since }) => Date.now() - since > MAX_AGE + SLACK);
      if (due.length === 0) {
        await sleep(50);
        continue;
      }
      // The newest are those that a failover could lose.
      const one = Math.random() < 0.5 ? due.at(-1 - Math.floor(Math.random() * Math.min(due.length, 20))) : any(due);
      const { status } = await any(gates).ask(one.path);
      figures.checks++;
      if (status === 200) violations.push(`opened ${Date.now() - one.since} ms after it was revoked: ${one.path.split("&sig")[0]}`);
    }
  });

  const began = Date.now();
  const events = [];
  async function befalls(what, work) {
    const at = Date.now();
    figures.longestGap = 0;
    await work();
    await healthy();
    await acquainted();
    events.push(`${what}: ${figures.longestGap} ms without an admitted request, ${Date.now() - at} ms until all was well`);
  }
  const primary = async () => {
    let found;
    await until("no primary is named", async () => {
      const reply = await redis(sentinels[1], "SENTINEL get-master-addr-by-name film");
      found = servers.find(({ port }) => reply.includes(`\r\n${port}\r\n`));
      return found;
    });
    return found;
  };
  /** Waits until the sentinels have told a server that it is the primary no more. */
  const demoted = (server) => until("the old primary is not told", async () => (await redis(server, "ROLE")).includes("slave"), 200);
  await story({ befalls, demoted, gates, healthy, primary, sentinels, servers });
  for (let came = -1; next < VIEWERS; await sleep(10_000)) {
    assert.ok(next > came, "no viewer gets on");
    came = next;
  }
  isOver = true;
  await Promise.all([...crowd, revoker, ...checkers]);
  const took = (Date.now() - began) / 1000;

  // All that was counted is still known, to every gate.
  const came = next;
  next = 0;
  const again = Array.from({ length: CROWD }, async () => {
    while (next < came) {
      const n = next++;
      // A playback that is not watched frees its place.
      if (isPlayback(n)) continue;
      const [one, other] = networks(n);
      const foreign = winners[n] === one ? other : one;
      const { status, reason } = await ask(any(gates), single(`v${n}`), { client: foreign });
      if (status !== 403 || reason !== "already_used") violations.push(`a second client at the link of viewer ${n}: ${status} ${reason}`);
    }
  });
  await Promise.all(again);
  for (const { path } of ended) {
    for (const gate of gates) if ((await gate.ask(path)).status === 200) violations.push("a revoked link opens in the end");
  }

  const [, used] = /used_memory:(\d+)/.exec(await redis(await primary(), "INFO memory"));
  const [, keysKept] = /:(\d+)/.exec(await redis(await primary(), "DBSIZE"));

  for (const line of [
    `${came} viewers in ${took.toFixed(0)} s, ${figures.rivals} with two clients at once; ${figures.requests} requests, ${figures.refused} refused for want of an answer`,
    `${ended.length} viewers revoked, ${figures.checks} times asked again later than ${MAX_AGE + SLACK} ms`,
    `until all gates know of a revocation: median ${learned[10]} ms, worst ${learned.at(-1)} ms`,
    `${keysKept} keys in ${(used / 1e6).toFixed(1)} MB of memory`,
    ...events,
  ]) t.diagnostic(line);
  assert.deepEqual(violations.slice(0, 20), []);
  assert.ok(ended.length > 5 && figures.checks > 100, "too few were revoked");
}

const limit = { timeout: 240_000 + VIEWERS * 20 };

test("anything is killed, or hangs until it is replaced", limit, (t) => scenario(t, 1, async ({ befalls, demoted, gates, healthy, primary, sentinels, servers }) => {
  await befalls("a gate is killed", async () => {
    await gates[0].stop("SIGKILL");
    await gates[0].start();
  });
  await befalls("a sentinel is killed", async () => {
    await sentinels[0].stop();
    await sentinels[0].start();
  });
  await befalls("a sentinel hangs, and connections are lost", async () => {
    sentinels[0].signal("SIGSTOP");
    await redis(await primary(), "CLIENT KILL TYPE normal");
    await healthy();
    sentinels[0].signal("SIGCONT");
  });
  const killed = await primary();
  await befalls("the primary is killed", () => killed.stop());
  // It takes itself for the primary until the sentinels tell it.
  await befalls("it comes back", () => killed.start());
  await demoted(killed);
  const hung = await primary();
  assert.notEqual(hung, killed);
  await befalls("the primary hangs", async () => {
    hung.signal("SIGSTOP");
    await sleep(6_000);
    await healthy();
    hung.signal("SIGCONT");
  });
  await demoted(hung);
  await befalls("a replica is killed", async () => {
    const now = await primary();
    const replica = servers.find((server) => server !== now);
    await replica.stop();
    await replica.start();
  });
}));

// For some seconds there are two primaries, and one of the replicas still follows the old one. So all have to confirm.
test("another primary while the old one goes on", limit, (t) => scenario(t, 2, async ({ befalls, demoted, primary, sentinels, servers }) => {
  const switched = await primary();
  await befalls("the operator switches to another primary", async () => {
    assert.match(await redis(sentinels[1], "SENTINEL FAILOVER film"), /OK/);
    await until("there is no other primary", async () => (await primary()) !== switched);
  });
  await demoted(switched);
  const hung = await primary();
  await befalls("the primary hangs until another one is there", async () => {
    hung.signal("SIGSTOP");
    const others = servers.filter((server) => server !== hung);
    await until("there is no other primary", async () => {
      const roles = await Promise.all(others.map((server) => redis(server, "ROLE")));
      return roles.some((role) => role.includes("master"));
    }, 5);
    hung.signal("SIGCONT");
  });
  await demoted(hung);
}));

/** The reply of a server to a command, as it is sent; nothing if there is none. */
function redis({ port }, command) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`${command}\r\n`));
    let reply = "";
    socket.setTimeout(2_000, () => socket.destroy());
    socket.on("data", (data) => {
      reply = data.toString();
      socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(reply));
  });
}
