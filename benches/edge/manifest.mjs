// How fast a playlist of 10,000 segments gets its token: the native rewriter against JavaScript in this
// process, and the Worker against a JavaScript one in workerd, which fetch it from the same origin. All of
// them take turns, and their answers are compared first.
//
//   npm run bench:manifest [rounds]
import { spawn, spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createRequire } from "node:module";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { bundle, uploaded } from "../../scripts/bundle.mjs";
import { freePort } from "../../scripts/dev.mjs";
import { fail, root } from "../../scripts/setup.mjs";
import { load, median } from "./load.mjs";
import { concatenating, resolving } from "./manifest-rewrite.mjs";

const ROUNDS = Number(process.argv[2] ?? 7);
const KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const PATH = "/videos/42/manifest.m3u8";

const cleanups = [];
process.once("exit", () => cleanups.forEach((cleanup) => cleanup()));
const playlist = await againstNode();
await inWorkerd(playlist);
process.exit(0);

/** Prints how the native rewriter compares with V8, and returns a playlist. */
async function againstNode() {
  const program = benchProgram();
  const times = 20;
  const playlists = [];
  console.log(`a playlist of 10,000 segments, median of ${ROUNDS} rounds of ${times}`);
  for (const name of ["hls_query_relative", "hls_path_absolute"]) {
    const native = spawn(program, ["--serve", name], { stdio: ["pipe", "pipe", "inherit"] });
    cleanups.push(() => native.kill());
    const lines = createInterface({ input: native.stdout })[Symbol.asyncIterator]();
    const line = async () => (await lines.next()).value ?? fail("the benchmark ended");
    const token = await line();
    const [before, after] = [await line(), await line()].map((path) => {
      const text = readFileSync(path, "utf8");
      rmSync(path);
      return text;
    });
    playlists.push(before);
    const base = new URL(`https://cdn.example.com${PATH}`);
    const contenders = { resolving, concatenating };
    for (const [how, rewrite] of Object.entries(contenders)) {
      if (rewrite(before, token, base, "/videos/42/") !== after) fail(`${how} writes something else`);
    }
    const took = { native: [], resolving: [], concatenating: [] };
    for (let round = -2; round < ROUNDS; round++) {
      native.stdin.write(`${times}\n`);
      const turn = { native: Number(await line()) / times };
      for (const [how, rewrite] of Object.entries(contenders)) {
        const start = process.hrtime.bigint();
        for (let n = 0; n < times; n++) rewrite(before, token, base, "/videos/42/");
        turn[how] = Number(process.hrtime.bigint() - start) / times;
      }
      // The first rounds warm up.
      if (round >= 0) for (const how in turn) took[how].push(turn[how]);
    }
    native.stdin.end();
    await once(native, "exit");
    console.log(`${name.padEnd(20)} native ${(median(took.native) / 1e6).toFixed(2)} ms`);
    for (const how in contenders) {
      const ratios = took[how].map((time, round) => time / took.native[round]);
      console.log(`  ${how.padEnd(14)} ${(median(took[how]) / 1e6).toFixed(2)} ms  times the native ${median(ratios).toFixed(1)}`);
    }
  }
  return playlists[0];
}

/** Builds the bench and returns its path. */
function benchProgram() {
  const done = spawnSync("cargo", ["bench", "--bench", "manifest", "--no-run", "--message-format=json"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (done.status !== 0) fail(`the benchmark does not build: ${done.stderr}`);
  const messages = done.stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  return messages.find(({ target, executable }) => executable && target?.name === "manifest").executable;
}

async function inWorkerd(playlist) {
  bundle();
  const now = Math.floor(Date.now() / 1000);
  const signed = `pg=1&exp=${now + 86_400}&kid=main&dir=2`;
  const tag = createHmac("sha256", Buffer.from(KEY, "base64url")).update(`/videos/42/\n${signed}`).digest("base64url");
  const token = `${signed}&sig=${tag}`;

  const folder = mkdtempSync(join(tmpdir(), "playgate-bench-"));
  for (const [name, bytes] of uploaded()) writeFileSync(join(folder, name), bytes);
  for (const name of ["manifest-origin.mjs", "manifest-rewrite.mjs", "manifest-worker.mjs"]) {
    copyFileSync(new URL(name, import.meta.url), join(folder, name));
  }
  writeFileSync(join(folder, "playlist"), playlist);
  const names = ["playgate", "resolving", "concatenating", "origin"];
  const ports = [];
  for (const _ of names) ports.push(await freePort());
  const config = join(folder, "config.capnp");
  writeFileSync(config, capnp(names, ports));
  const workerd = createRequire(import.meta.url)("workerd").default;
  const server = spawn(workerd, ["serve", config], { stdio: ["ignore", "ignore", "inherit"] });
  cleanups.push(() => {
    server.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  });

  const urls = ports.slice(0, 3).map((port) => `http://127.0.0.1:${port}${PATH}?${token}`);
  const answers = [];
  for (const [n, url] of urls.entries()) {
    for (let tries = 0; ; tries++) {
      const answer = await fetch(url).catch(() => null);
      if (answer?.status === 200) {
        answers.push(await answer.text());
        break;
      }
      if (tries === 50) fail(`${names[n]} does not answer: ${answer?.status ?? "nothing"}`);
      await sleep(100);
    }
  }
  if (answers.some((answer) => answer !== answers[0])) fail("the Workers answer differently");
  if (!answers[0].includes(`\n/${token}/videos/42/segment_00000.m4s\n`)) fail("the token is not in the answers");

  const rates = urls.map(() => []);
  for (let round = -1; round < ROUNDS; round++) {
    for (const [n, url] of urls.entries()) {
      const rate = await load(url);
      if (round >= 0) rates[n].push(rate);
    }
  }
  console.log(`the same playlist through workerd, median of ${ROUNDS} rounds`);
  for (const [n, name] of names.slice(0, 3).entries()) {
    const ratios = rates[0].map((rate, round) => rate / rates[n][round]);
    console.log(`${name.padEnd(16)} ${median(rates[n]).toFixed(1).padStart(7)}/s  Playgate's is ${median(ratios).toFixed(2)} of it`);
  }
}

function capnp(names, ports) {
  const modules = uploaded().map(([name]) =>
    `(name = "${name}", ${name.endsWith(".js") ? "esModule" : "wasm"} = embed "${name}")`);
  // The first one is the entry.
  modules.sort((a, b) => b.includes("esModule") - a.includes("esModule"));
  const date = "2026-10-20";
  const origin = `(name = "ORIGIN", text = "http://127.0.0.1:${ports[3]}")`;
  const javascript = (how) => `(
    compatibilityDate = "${date}",
    modules = [
      (name = "manifest-worker.mjs", esModule = embed "manifest-worker.mjs"),
      (name = "manifest-rewrite.mjs", esModule = embed "manifest-rewrite.mjs"),
    ],
    bindings = [${origin}, (name = "HOW", text = "${how}")],
  )`;
  const sockets = names.map((name, n) => `(name = "${name}", address = "127.0.0.1:${ports[n]}", http = (), service = "${name}")`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${names.map((name) => `(name = "${name}", worker = .${name})`).join(", ")},
    (name = "internet", network = (allow = ["local"])),
  ],
  sockets = [${sockets.join(", ")}],
);
const playgate :Workerd.Worker = (
  compatibilityDate = "${date}",
  modules = [${modules.join(", ")}],
  bindings = [(name = "PLAYGATE_KEYS", text = "main:${KEY}"), ${origin}],
);
const resolving :Workerd.Worker = ${javascript("resolving")};
const concatenating :Workerd.Worker = ${javascript("concatenating")};
const origin :Workerd.Worker = (
  compatibilityDate = "${date}",
  modules = [(name = "main", esModule = embed "manifest-origin.mjs")],
  bindings = [(name = "PLAYLIST", text = embed "playlist")],
);
`;
}
