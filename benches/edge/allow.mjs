// How fast the edge serves what it admits, against a Worker that only passes requests through, and a gate in
// JavaScript with WebCrypto: workerd started directly, loaded by wrk, the Workers taking turns.
//
//   npm run bench:edge allow [rounds]
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { createRequire } from "node:module";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { Log, LogLevel, Miniflare } from "miniflare";

import { bundle, uploaded } from "../../scripts/bundle.mjs";
import { freePort } from "../../scripts/dev.mjs";
import { fail } from "../../scripts/setup.mjs";
import { load, median } from "./load.mjs";

const KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const DATE = "2026-10-20";
const ADMIN_SECRET = "development-admin-secret";
const SIZES = ["1KB", "500KB"];
/** A million takes some minutes to revoke: REVOKED=1000000 npm run bench:edge. */
const REVOKED = Number(process.env.REVOKED ?? 10_000);

const contenders = [
  { name: "pass-through", of: { ROLE: "passThrough" } },
  { name: "JavaScript gate", of: { ROLE: "gate", SECRET: KEY, LOG: "refused" } },
  { name: "JavaScript gate, LOG=all", of: { ROLE: "gate", SECRET: KEY, LOG: "all" } },
  { name: "playgate", of: { PLAYGATE_KEYS: `main:${KEY}` } },
  { name: "playgate, LOG=all", of: { PLAYGATE_KEYS: `main:${KEY}`, LOG: "all" } },
  { name: "playgate, nothing revoked", of: { PLAYGATE_KEYS: `main:${KEY}`, ADMIN_SECRET } },
  { name: `playgate, ${REVOKED} revoked`, of: { PLAYGATE_KEYS: `main:${KEY}`, ADMIN_SECRET }, revoked: REVOKED },
];

function link(size) {
  const path = `/videos/${size}/film.mp4`;
  const token = `pg=1&exp=${Math.floor(Date.now() / 1000) + 86_400}&kid=main`;
  const tag = createHmac("sha256", Buffer.from(KEY, "base64url")).update(`${path}\n${token}`).digest("base64url");
  return `${path}?${token}&sig=${tag}`;
}

/** Serves from a media server, and from a bucket as Miniflare has it, which takes most of the time there. */
export async function allow(rounds) {
  bundle();
  await compare("ORIGIN", rounds, await startWorkerd());
  await compare("R2, simulated", rounds, await startMiniflare());
}

async function compare(store, rounds, { ports, stop }) {
  try {
    for (const size of SIZES) {
      const urls = ports.map((port) => `http://127.0.0.1:${port}${link(size)}`);
      for (const [n, url] of urls.entries()) await answers(url, contenders[n].name, size);
      for (const [n, { revoked = 0 }] of contenders.entries()) await revoke(ports[n], revoked);
      const rates = urls.map(() => []);
      for (let round = -1; round < rounds; round++) {
        for (const [n, url] of urls.entries()) {
          const rate = await load(url);
          // The first round warms up.
          if (round >= 0) rates[n].push(rate);
        }
      }
      console.log(`${size} from ${store}, median of ${rounds} rounds`);
      for (const [n, { name }] of contenders.entries()) {
        const of = (base) => median(rates[n].map((rate, round) => rate / rates[base][round])).toFixed(2);
        console.log(`  ${name.padEnd(26)} ${Math.round(median(rates[n])).toString().padStart(7)}/s  ` +
          `${of(0)} of the pass-through  ${of(name.includes("all") ? 2 : 1)} of the JavaScript gate  ${of(3)} of playgate`);
      }
    }
  } finally {
    await stop();
  }
}

/** Revokes tokens that are not asked for. */
async function revoke(port, count) {
  const headers = { Authorization: `Bearer ${ADMIN_SECRET}` };
  const until = Math.floor(Date.now() / 1000) + 86_400;
  let next = 0;
  const some = async () => {
    for (let n; (n = next++) < count; ) {
      const body = JSON.stringify({ kind: "jti", value: `other-${n}`, until });
      const { status } = await fetch(`http://127.0.0.1:${port}/.playgate/revocations`, { method: "POST", headers, body });
      if (status !== 201 && status !== 200) fail(`a revocation is answered with ${status}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, 32) }, some));
}

async function answers(url, name, size) {
  for (let tries = 0; ; tries++) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.status === 200 && (await answer.text()).length >= Number.parseInt(size, 10) << 10) return;
    if (tries === 50) fail(`${name} does not serve: ${answer?.status ?? "no answer"}`);
    await sleep(100);
  }
}

async function startWorkerd() {
  const folder = mkdtempSync(join(tmpdir(), "playgate-bench-"));
  for (const [name, bytes] of uploaded()) writeFileSync(join(folder, name), bytes);
  copyFileSync(new URL("gates.mjs", import.meta.url), join(folder, "gates.mjs"));
  const ports = [];
  for (let n = 0; n <= contenders.length; n++) ports.push(await freePort());
  const config = join(folder, "config.capnp");
  const disk = join(folder, "disk");
  mkdirSync(disk);
  writeFileSync(config, capnp(ports, disk));
  const server = spawn(createRequire(import.meta.url)("workerd").default, ["serve", config], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const stop = () => {
    server.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  // Also if the bench gives up.
  process.once("exit", stop);
  return { ports: ports.slice(0, -1), stop };
}

function capnp(ports, disk) {
  // The first module is the entry.
  const modules = uploaded()
    .map(([name]) => `(name = "${name}", ${name.endsWith(".js") ? "esModule" : "wasm"} = embed "${name}")`)
    .sort((a, b) => b.includes("esModule") - a.includes("esModule"));
  const workers = [...contenders, { of: { ROLE: "origin" } }].map(({ of }, n) => {
    const bindings = Object.entries({ ...of, ORIGIN: `http://127.0.0.1:${ports.at(-1)}` });
    const own = of.ROLE ? ['(name = "main", esModule = embed "gates.mjs")'] : modules;
    const texts = bindings.map(([name, text]) => `(name = "${name}", text = "${text}")`);
    const object = of.ADMIN_SECRET ? `,
      durableObjectNamespaces = [(className = "Denylist", uniqueKey = "denylist${n}", enableSql = true)],
      durableObjectStorage = (localDisk = "disk")` : "";
    if (object) texts.push('(name = "DENYLIST", durableObjectNamespace = "Denylist")');
    return `(compatibilityDate = "${DATE}", modules = [${own.join(", ")}],
      bindings = [${texts.join(", ")}]${object})`;
  });
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${workers.map((worker, n) => `(name = "s${n}", worker = ${worker})`).join(",\n    ")},
    (name = "disk", disk = (path = "${disk}", writable = true)),
    (name = "internet", network = (allow = ["local"])),
  ],
  sockets = [${ports.map((port, n) => `(name = "s${n}", address = "127.0.0.1:${port}", http = (), service = "s${n}")`).join(", ")}],
);
`;
}

async function startMiniflare() {
  const gates = readFileSync(new URL("gates.mjs", import.meta.url), "utf8");
  const running = [];
  for (const { of } of contenders) {
    const own = Object.fromEntries(uploaded().map(([name, bytes]) => [name, name.endsWith(".js")
      ? { type: "esm", contents: bytes.toString() }
      : { type: "wasm", contents: new Uint8Array(bytes) }]));
    const modules = of.ROLE ? { "gates.js": { type: "esm", contents: gates } } : own;
    const text = ([name, value]) => [name, { type: "text", value }];
    const env = {
      ...Object.fromEntries(Object.entries(of).map(text)),
      MEDIA: { type: "r2", name: "media" },
      ...(of.ADMIN_SECRET && { DENYLIST: { type: "durable-object", worker: "bench", exportName: "Denylist" } }),
    };
    const config = {
      name: "bench",
      compatibilityDate: DATE,
      ...(of.ADMIN_SECRET && { exports: { Denylist: { type: "durable-object", storage: "sqlite" } } }),
      manifest: { mainModule: of.ROLE ? "gates.js" : "entry.js", modulesRoot: "/", modules },
      env,
    };
    const miniflare = new Miniflare({ workers: [{ config }], host: "127.0.0.1", port: 0, cf: false, log: new Log(LogLevel.NONE), handleStructuredLogs() {} });
    const { port } = await miniflare.ready;
    const bucket = await miniflare.getR2Bucket("MEDIA");
    for (const size of SIZES) {
      await bucket.put(`videos/${size}/film.mp4`, "x".repeat(Number.parseInt(size, 10) << 10), { httpMetadata: { contentType: "video/mp4" } });
    }
    running.push({ miniflare, port });
  }
  return { ports: running.map(({ port }) => port), stop: () => Promise.all(running.map(({ miniflare }) => miniflare.dispose())) };
}
