// How fast the edge serves and refuses. Refusals: against a JavaScript Worker that does the same with WebCrypto,
// workerd started directly with one configuration, loaded by wrk, the Workers taking turns. What is served:
// allow.mjs.
//
//   npm run bench:edge [rounds]
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { createRequire } from "node:module";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { bundle, uploaded } from "../../scripts/bundle.mjs";
import { freePort } from "../../scripts/dev.mjs";
import { fail } from "../../scripts/setup.mjs";
import { allow } from "./allow.mjs";
import { load, median } from "./load.mjs";

const workerd = createRequire(import.meta.url)("workerd").default;
const ROUNDS = Number(process.argv[2] ?? 7);
const KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

bundle();
await allow(ROUNDS);

const path = "/videos/42/film.mp4";
const token = `pg=1&exp=1767225600&kid=main`;
const flip = (tag) => (tag.startsWith("A") ? "B" : "A") + tag.slice(1);
const playgateTag = createHmac("sha256", Buffer.from(KEY, "base64url")).update(`${path}\n${token}`).digest("base64url");
const issued = Math.floor(Date.now() / 1000);
const webcryptoTag = createHmac("sha256", KEY).update(`${path}${issued}`).digest("base64");
const webcryptoLink = `${path}?verify=${issued}-${encodeURIComponent(flip(webcryptoTag))}`;

const playgateLink = `${path}?${token}&sig=${flip(playgateTag)}`;

const contenders = [
  { name: "WebCrypto, key imported each time", link: webcryptoLink, worker: "webcrypto", bindings: { SECRET: KEY } },
  { name: "WebCrypto, key imported once", link: webcryptoLink, worker: "webcrypto", bindings: { SECRET: KEY, KEY_ONCE: "1" } },
  { name: "JavaScript gate", link: playgateLink, worker: "gates", bindings: { ROLE: "gate", SECRET: KEY, LOG: "refused" } },
  { name: "playgate", link: playgateLink, worker: "playgate", bindings: { PLAYGATE_KEYS: `main:${KEY}` } },
  { name: "playgate, LOG=off", link: playgateLink, worker: "playgate", bindings: { PLAYGATE_KEYS: `main:${KEY}`, LOG: "off" } },
];
for (const contender of contenders) contender.port = await freePort();

// workerd embeds files from beside its configuration.
const folder = mkdtempSync(join(tmpdir(), "playgate-bench-"));
for (const [name, bytes] of uploaded()) writeFileSync(join(folder, name), bytes);
for (const name of ["webcrypto.mjs", "gates.mjs"]) copyFileSync(new URL(name, import.meta.url), join(folder, name));
const config = join(folder, "config.capnp");
writeFileSync(config, capnp());
const server = spawn(workerd, ["serve", config], { stdio: ["ignore", "ignore", "inherit"] });
process.once("exit", () => {
  server.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

for (const { name, port, link } of contenders) {
  for (let tries = 0; ; tries++) {
    const answer = await fetch(`http://127.0.0.1:${port}${link}`).catch(() => null);
    if (answer?.status === 403) break;
    if (tries === 50) fail(`${name} does not refuse: ${answer?.status ?? "no answer"}`);
    await sleep(100);
  }
}

const rates = contenders.map(() => []);
for (let round = -1; round < ROUNDS; round++) {
  for (const [n, { port, link }] of contenders.entries()) {
    const rate = await load(`http://127.0.0.1:${port}${link}`, { refused: true });
    // The first round warms up.
    if (round >= 0) rates[n].push(rate);
  }
}
console.log(`refusals in workerd, median of ${ROUNDS} rounds`);
for (const [n, { name }] of contenders.entries()) {
  const of = (base) => median(rates[n].map((rate, round) => rate / rates[base][round])).toFixed(2);
  console.log(`  ${name.padEnd(34)} ${Math.round(median(rates[n])).toString().padStart(7)}/s  ` +
    `${of(1)} of WebCrypto with its key imported once  ${of(2)} of the JavaScript gate`);
}
process.exit(0);

function capnp() {
  const modules = uploaded().map(([name]) =>
    `(name = "${name}", ${name.endsWith(".js") ? "esModule" : "wasm"} = embed "${name}")`);
  // The first one is the entry.
  modules.sort((a, b) => b.includes("esModule") - a.includes("esModule"));
  const workers = contenders.map(({ worker, bindings }) => {
    const own = worker === "playgate" ? modules : [`(name = "main", esModule = embed "${worker}.mjs")`];
    const texts = Object.entries({ ...bindings, ORIGIN: "http://127.0.0.1:9" }).map(([name, text]) => `(name = "${name}", text = "${text}")`);
    return `(compatibilityDate = "2026-10-20", modules = [${own.join(", ")}], bindings = [${texts.join(", ")}])`;
  });
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${workers.map((worker, n) => `(name = "s${n}", worker = ${worker})`).join(",\n    ")},
    (name = "internet", network = (allow = ["local"])),
  ],
  sockets = [${contenders.map(({ port }, n) => `(name = "s${n}", address = "127.0.0.1:${port}", http = (), service = "s${n}")`).join(", ")}],
);
`;
}
