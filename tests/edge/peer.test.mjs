// 2,000 requests to nginx and to the gate, which serve the same files: status, header fields of the entity and bodies
// agree, or a difference is listed here with the section that decides.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { nginx } from "../../scripts/nginx.mjs";
import { startGate } from "./gate.mjs";

const skip = !nginx && process.env.CI !== "true" && "nginx is not installed (Debian: apt-get install nginx-light)";
const limit = { timeout: 300_000, skip };

const TYPES = { "empty.mp4": "video/mp4", "one.mp4": "video/mp4", "ten.ts": "video/mp2t", "film.mp4": "video/mp4", "a b.m4s": "video/mp4", "notes.txt": "text/plain; charset=utf-8" };
const bytes = (length) => Buffer.from(Array.from({ length }, (_, n) => (n * 7) % 251));
const FILES = { "empty.mp4": bytes(0), "one.mp4": bytes(1), "ten.ts": bytes(10), "film.mp4": bytes(100_000), "a b.m4s": bytes(3_000), "notes.txt": bytes(40) };

let gate, peer, folder, port;
before(
  async () => {
    if (skip) return;
    folder = mkdtempSync(join(tmpdir(), "playgate-peer-"));
    chmodSync(folder, 0o755); // nginx reads as another user
    const media = join(folder, "media", "public");
    mkdirSync(media, { recursive: true });
    for (const [name, body] of Object.entries(FILES)) {
      writeFileSync(join(media, name), body);
      utimesSync(join(media, name), 1_700_000_000, 1_700_000_000);
    }
    port = await freePort();
    writeFileSync(join(folder, "nginx.conf"), `
      daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/errors;
      events {}
      http {
        access_log off;
        client_body_temp_path ${folder}/1; proxy_temp_path ${folder}/2; fastcgi_temp_path ${folder}/3;
        uwsgi_temp_path ${folder}/4; scgi_temp_path ${folder}/5;
        types { video/mp4 mp4 m4s; video/mp2t ts; "text/plain; charset=utf-8" txt; }
        server { listen 127.0.0.1:${port}; root ${folder}/media; }
      }`);
    peer = spawn(nginx, ["-e", join(folder, "errors"), "-c", join(folder, "nginx.conf")], { stdio: "ignore" });
    for (let tries = 0; tries < 100 && !(await reaches(port)); tries++) await new Promise((done) => setTimeout(done, 50));
    const objects = Object.entries(FILES).map(([name, body]) => [`public/${name}`, body, { httpMetadata: { contentType: TYPES[name] } }]);
    gate = await startGate({ objects, env: { PUBLIC: "/public/", LOG: "off" } });
  },
  { timeout: 900_000 },
);
after(async () => {
  await gate?.stop();
  if (peer) {
    peer.kill("SIGTERM");
    await new Promise((resolve) => peer.once("exit", resolve));
  }
  if (folder) rmSync(folder, { recursive: true });
});

async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port: free } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return free;
}

const reaches = (to) =>
  new Promise((resolve) => {
    const socket = net.connect(to, "127.0.0.1").once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });

const agent = new http.Agent({ keepAlive: false });
const askNginx = (method, path, headers) =>
  new Promise((resolve, reject) => {
    const sent = http.request({ agent, host: "127.0.0.1", port, method, path, headers, timeout: 10_000 }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk)).on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }));
    });
    sent.on("error", reject).end();
  });

/** What a request may have in place of `{etag}` and `{date}`: each server's own. */
function filled(headers, own) {
  const fill = (text) => text.replaceAll("{etag}", own.etag).replaceAll("{date}", own["last-modified"]);
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, fill(value)]));
}

/** Ranges in all forms (RFC 9110, section 14.1.1), good and bad ones. */
const RANGES = [
  "bytes=0-0", "bytes=0-1", "bytes=0-", "bytes=1-", "bytes=5-8", "bytes=9-9", "bytes=9-", "bytes=10-", "bytes=10-20",
  "bytes=99999-", "bytes=99999-99999", "bytes=99990-200000", "bytes=100000-", "bytes=0-99999", "bytes=-1", "bytes=-10",
  "bytes=-100000", "bytes=-100001", "bytes=-0", "bytes=0-9223372036854775807", "bytes=9223372036854775807-",
  "bytes=50000-50000", "bytes= 0-1", "bytes=0-1 ", "bytes=00-01", "BYTES=0-1", "items=0-1", "bytes", "bytes=", "bytes=-",
  "bytes=a-b", "bytes=5-4", "bytes=0", "bytes 0-1", "bytes=0-1,", "bytes=,0-1", "bytes=0-1,3-4", "bytes=0-1,0-1",
  "bytes=0-0,-1", "bytes=0-1, 5-", "bytes=0-,0-,0-",
];

/** Conditions (RFC 9110, section 13.1), one and several. */
const CONDITIONS = [
  {}, { "If-None-Match": "{etag}" }, { "If-None-Match": '"other"' }, { "If-None-Match": "*" }, { "If-None-Match": 'W/{etag}' },
  { "If-None-Match": '"a", {etag}, "b"' }, { "If-Match": "{etag}" }, { "If-Match": '"other"' }, { "If-Match": "*" },
  { "If-Match": '"a", {etag}' }, { "If-Modified-Since": "{date}" }, { "If-Modified-Since": "Sun, 06 Nov 1994 08:49:37 GMT" },
  { "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT" }, { "If-Modified-Since": "rubbish" }, { "If-Unmodified-Since": "{date}" },
  { "If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:37 GMT" }, { "If-Unmodified-Since": "Fri, 01 Jan 2100 00:00:00 GMT" },
  { "If-Unmodified-Since": "rubbish" }, { "If-None-Match": '"other"', "If-Modified-Since": "{date}" },
  { "If-None-Match": "{etag}", "If-Modified-Since": "Sun, 06 Nov 1994 08:49:37 GMT" },
  { "If-Match": "{etag}", "If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:37 GMT" }, { "If-Match": "{etag}", "If-None-Match": "{etag}" },
];
const IF_RANGES = [undefined, "{etag}", '"other"', "W/{etag}", "{date}", "Sun, 06 Nov 1994 08:49:37 GMT", "rubbish"];
const METHODS = ["POST", "PUT", "DELETE", "PATCH", "PROPFIND", "TRACE"];

/** The requests: [method, path, headers]. */
function requests() {
  const paths = Object.keys(FILES).map((name) => `/public/${encodeURIComponent(name)}`);
  const made = [];
  for (const path of paths) {
    for (const range of RANGES) {
      for (const ifRange of IF_RANGES) {
        const headers = { Range: range };
        if (ifRange !== undefined) headers["If-Range"] = ifRange;
        made.push(["GET", path, headers]);
      }
    }
    for (const condition of CONDITIONS) {
      for (const method of ["GET", "HEAD"]) made.push([method, path, condition]);
      made.push(["GET", path, { ...condition, Range: "bytes=0-0" }]);
    }
    for (const method of METHODS) made.push([method, path, {}]);
    made.push(["HEAD", path, { Range: "bytes=0-0" }]);
  }
  for (const path of ["/public/none.mp4", "/public/", "/public/film.mp4/x", "/public/FILM.mp4"]) {
    for (const method of ["GET", "HEAD"]) made.push([method, path, {}], [method, path, { Range: "bytes=0-0" }], [method, path, { "If-None-Match": "*" }]);
  }
  return made;
}

const without = ({ method, path, headers }, ...names) => ({
  method, path, headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name))),
});
const elements = (range) => range.replace(/^bytes=/i, "").split(",").map((one) => one.trim()).filter(Boolean);
const isRange = (one) => /^(\d+)-(\d*)$|^-\d+$/.test(one) && !(Number(one.split("-")[0]) > Number(one.split("-")[1] || Infinity));

/**
 * What differs on purpose. Each says where that is decided, which requests it is about, and the request for which nginx
 * gives the right answer to them.
 */
const DIFFERENCES = [
  ["HEAD has no ranges: RFC 9110, section 14.2 defines Range for GET",
    ({ method, headers }) => method === "HEAD" && headers.Range, (request) => without(request, "Range")],
  ["empty elements of a list are ignored: RFC 9110, section 5.6.1.2",
    ({ headers: { Range: range } }) => /^bytes=(,|.*,$)/.test(range ?? "") && elements(range).length === 1,
    ({ method, path, headers }) => ({ method, path, headers: { ...headers, Range: `bytes=${elements(headers.Range)[0]}` } })],
  ["several ranges get the whole file, without a multipart body: RFC 9110, section 14.2, a server may ignore Range",
    ({ headers: { Range: range } }) => range && elements(range).length > 1, (request) => without(request, "Range", "If-Range")],
  ["a Range that is none is ignored: RFC 9110, section 14.2",
    ({ headers: { Range: range } }) => /^bytes/i.test(range ?? "") && !(/^bytes=/i.test(range) && elements(range).every(isRange) && elements(range).length),
    (request) => without(request, "Range", "If-Range")],
  ["If-Modified-Since is ignored beside If-None-Match: RFC 9110, section 13.1.3",
    ({ headers }) => headers["If-None-Match"] && headers["If-Modified-Since"], (request) => without(request, "If-Modified-Since")],
  ["a later date is not modified since, whatever it is: RFC 9110, section 13.1.3; nginx compares for equality",
    ({ headers }) => /2100/.test(headers["If-Modified-Since"]),
    ({ method, path, headers }) => ({ method, path, headers: { ...headers, "If-Modified-Since": "{date}" } })],
  ["If-Unmodified-Since is ignored beside If-Match: RFC 9110, section 13.1.4",
    ({ headers }) => headers["If-Match"] && headers["If-Unmodified-Since"], (request) => without(request, "If-Unmodified-Since")],
  ["a date that is none is ignored: RFC 9110, section 13.1.4",
    ({ headers }) => headers["If-Unmodified-Since"] === "rubbish", (request) => without(request, "If-Unmodified-Since")],
];

test("nginx and the gate agree on 2,000 requests", limit, async () => {
  const all = requests();
  assert.ok(all.length >= 2_000, String(all.length));
  // A date is a strong validator only once it is older (RFC 9110, section 8.8.2.2).
  await new Promise((done) => setTimeout(done, 2_100));
  const own = {};
  for (const [, path] of all) {
    own[path] ??= {
      nginx: (await askNginx("HEAD", path, {})).headers,
      gate: (await gate.ask(`http://gate${path}`, { method: "HEAD", now: null })).headers,
    };
  }
  const used = new Set();
  const faults = [];
  for (const [method, path, headers] of all) {
    let asked = { method, path, headers };
    for (const [why, isAbout, rightly] of DIFFERENCES) {
      if (!isAbout(asked)) continue;
      used.add(why);
      asked = rightly(asked);
    }
    const theirs = await askNginx(method, path, filled(asked.headers, own[path].nginx));
    const ours = await gate.ask(`http://gate${path}`, { method, headers: filled(headers, own[path].gate), now: null });
    const wanted = told(asked, described(theirs, own[path].nginx));
    const got = described(ours, own[path].gate);
    if (JSON.stringify(wanted) !== JSON.stringify(got)) faults.push({ method, path, headers, wanted, got });
  }
  const kinds = [...new Set(faults.map(({ method, path, headers, wanted, got }) => `${method} ${path} ${JSON.stringify(headers)}: ${JSON.stringify([wanted, got])}`.slice(0, 600)))];
  assert.equal(faults.length, 0, `${faults.length} of ${all.length}:\n${kinds.slice(0, 200).join("\n")}`);
  assert.deepEqual(DIFFERENCES.map(([why]) => why).filter((why) => !used.has(why)), []);
});

/** What no request to nginx tells: it serves no ranges of an empty file, and answers 403 for a directory. */
function told({ path, headers: { Range: range, "If-Range": condition } }, wanted) {
  // There is nothing at that key.
  if (path === "/public/") return { status: 404 };
  const isRanged = /^bytes=/i.test(range ?? "") && [200, 416].includes(wanted.status);
  if (path !== "/public/empty.mp4" || !isRanged) return wanted;
  const holds = [undefined, "{etag}", "{date}"].includes(condition);
  // The last bytes of nothing are nothing. Every first byte is after the end (RFC 9110, section 14.1.2).
  const isOfEnd = /^-0*[1-9]/.test(elements(range)[0]);
  if (holds && !isOfEnd) return { status: 416, range: "bytes */0" };
  return { status: 200, type: "video/mp4", length: "0", body: "", etag: true, modified: true };
}

/** What of an answer must agree: validators by whether they are the server's own, bodies of errors not at all. */
function described({ status, headers, body }, own) {
  const isEntity = status === 200 || status === 206;
  return {
    status,
    range: headers["content-range"],
    ...(isEntity && { type: headers["content-type"], length: headers["content-length"], body: body.toString("latin1") }),
    ...((isEntity || status === 304) && { etag: headers.etag === own.etag, modified: headers["last-modified"] === own["last-modified"] }),
  };
}
