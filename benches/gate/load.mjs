// `npm run bench:gate`: the native gate beside nginx, with wrk, in one run. nginx serves the same files plainly, with
// `secure_link`, and with `auth_request` to the gate. Then the memory at many idle connections.
//
// Takes nginx and wrk (Debian: apt-get install nginx-light wrk). `node benches/gate/load.mjs 3` runs three rounds.
import { createHash } from "node:crypto";
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { freePort } from "../../scripts/dev.mjs";
import { nginx } from "../../scripts/nginx.mjs";
import { exe, fail, run, target } from "../../scripts/setup.mjs";

const rounds = Number(process.argv[2] ?? 9);
const SECONDS = 2;
const CONNECTIONS = 32;
const IDLE = 9_000;
const SIZES = { "500 KB": 500_000, "1 KB": 1_000 };

if (!nginx || spawnSync("wrk", ["-v"]).error) fail("nginx or wrk is not installed; install both (Debian: apt-get install nginx-light wrk)");
run("cargo", ["build", "--locked", "--release", "--package", "playgate-cli"], { quiet: true });
const playgate = join(target, "release", `playgate${exe}`);
const folder = mkdtempSync(join(tmpdir(), "playgate-load-"));
chmodSync(folder, 0o755); // nginx reads as another user
const media = join(folder, "media");
mkdirSync(media);
for (const [name, size] of Object.entries(SIZES)) writeFileSync(join(media, fileOf(name)), Buffer.alloc(size, name));
const keys = join(folder, "keys.txt");
writeFileSync(keys, spawnSync(playgate, ["keygen"], { encoding: "utf8" }).stdout, { mode: 0o600 });

const ports = {};
for (const name of ["gate", "auth", "plain", "secure_link", "auth_request"]) ports[name] = await freePort();
writeFileSync(join(folder, "nginx.conf"), `
  daemon off; worker_processes 2; pid ${folder}/pid;
  events { worker_connections 4096; }
  http {
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; types { video/mp4 m4s; }
    client_body_temp_path ${folder}/1; proxy_temp_path ${folder}/2; fastcgi_temp_path ${folder}/3;
    uwsgi_temp_path ${folder}/4; scgi_temp_path ${folder}/5;
    upstream gate { server 127.0.0.1:${ports.auth}; keepalive 32; }
    server { listen 127.0.0.1:${ports.plain}; root ${media}; }
    server {
      listen 127.0.0.1:${ports.secure_link}; root ${media};
      secure_link $arg_md5,$arg_expires; secure_link_md5 "$secure_link_expires$uri secret";
      location / { if ($secure_link = "") { return 403; } }
    }
    server {
      listen 127.0.0.1:${ports.auth_request}; root ${media};
      location / { auth_request /_gate; }
      location = /_gate {
        internal; proxy_pass http://gate/auth; proxy_http_version 1.1; proxy_set_header Connection "";
        proxy_pass_request_body off; proxy_set_header Content-Length "";
        proxy_set_header X-Original-URI $request_uri; proxy_set_header X-Original-Method $request_method;
        proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
      }
    }
  }`);

const running = [];
const start = (command, args) => {
  const child = spawn(command, args, { cwd: folder, stdio: "ignore" });
  running.push(child);
  return child;
};

try {
  const gate = start(playgate, ["gate", "--keys", keys, "--root", media, "--listen", `127.0.0.1:${ports.gate}`]);
  start(playgate, ["gate", "--keys", keys, "--forward-auth", "nginx", "--listen", `127.0.0.1:${ports.auth}`]);
  start(nginx, ["-e", join(folder, "errors"), "-c", join(folder, "nginx.conf")]);
  for (const port of Object.values(ports)) await listens(port);
  for (const name of Object.keys(SIZES)) await compare(name);
  await idle(gate);
} finally {
  for (const child of running) {
    child.kill("SIGTERM");
    if (child.exitCode === null) await new Promise((resolve) => child.once("exit", resolve));
  }
  rmSync(folder, { recursive: true });
}

function fileOf(name) {
  return `${name.replace(" ", "-")}.m4s`;
}

/** Requests a second and the 99th percentile of each, in turns, so that what else the machine does concerns all. */
async function compare(name) {
  const path = `/${fileOf(name)}`;
  const urls = {
    "nginx, plain": `http://127.0.0.1:${ports.plain}${path}`,
    "nginx, secure_link": secureLink(path),
    "nginx, auth_request": signed(ports.auth_request, path),
    "playgate gate": signed(ports.gate, path),
  };
  const seen = Object.fromEntries(Object.keys(urls).map((who) => [who, { perSecond: [], late: [] }]));
  for (let round = 0; round < rounds; round++) {
    for (const [who, url] of Object.entries(urls)) {
      const { perSecond, late } = wrk(url);
      seen[who].perSecond.push(perSecond);
      seen[who].late.push(late);
    }
  }
  console.log(`\n${name}, ${CONNECTIONS} connections, medians of ${rounds} rounds`);
  const plain = seen["nginx, plain"].perSecond;
  for (const [who, { perSecond, late }] of Object.entries(seen)) {
    const ratios = perSecond.map((one, n) => one / plain[n]);
    const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2));
    console.log(`  ${who.padEnd(20)} ${Math.round(median(perSecond)).toString().padStart(7)}/s   ${median(ratios).toFixed(2)} of plain `
      + `(${least} to ${most})   p99 ${median(late).toFixed(1)} ms`);
  }
}

function wrk(url) {
  const { stdout } = spawnSync("wrk", ["-t2", `-c${CONNECTIONS}`, `-d${SECONDS}s`, "--latency", url], { encoding: "utf8" });
  if (/Non-2xx/.test(stdout)) fail(`requests were refused:\n${stdout}`);
  const [, late, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout);
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]),
    late: Number(late) * { us: 0.001, ms: 1, s: 1000 }[unit],
  };
}

/** The memory of the gate at many connections that wait after a request. */
async function idle(gate) {
  const sockets = [];
  for (let n = 0; n < IDLE; n++) {
    const socket = net.connect(ports.gate, "127.0.0.1");
    sockets.push(socket);
    await new Promise((resolve, reject) => socket.once("data", resolve).once("error", reject).write("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  }
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gate.pid}/status`, "utf8"));
  console.log(`\n${IDLE} idle connections: ${Math.round(kilobytes / 1000)} MB in all`);
  for (const socket of sockets) socket.destroy();
}

function signed(port, path) {
  const { stdout } = spawnSync(playgate, ["sign", "--keys", keys, "--expires-in", "1h", `http://127.0.0.1:${port}${path}`], { encoding: "utf8" });
  return stdout.trim();
}

function secureLink(path) {
  const expires = Math.floor(Date.now() / 1000) + 3_600;
  const md5 = createHash("md5").update(`${expires}${path} secret`).digest("base64url");
  return `http://127.0.0.1:${ports.secure_link}${path}?md5=${md5}&expires=${expires}`;
}

async function listens(port) {
  for (let tries = 0; tries < 200; tries++) {
    const isThere = await new Promise((resolve) => {
      const socket = net.connect(port, "127.0.0.1", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isThere) return;
    await sleep(50);
  }
  fail(`nothing listens on port ${port}`);
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
