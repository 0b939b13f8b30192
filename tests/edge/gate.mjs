// The gate, as the tests start it and ask it: the Worker as it would be uploaded, in workerd, bundled by wrangler and run
// by Miniflare; or the native gate (native.mjs).
//
// The bundle is not touched. A module around it (around.mjs) sets what a test sets: the clock, the
// variables and bindings, the client's address and country; and it keeps what is written to the
// console. Each gate is asked for all of that when it stops, and no tag may be in it (secrets.mjs).
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";

import { Log, LogLevel, Miniflare } from "miniflare";

import { bundle, directory, uploaded } from "../../scripts/bundle.mjs";
import { root } from "../../scripts/setup.mjs";
import { isNative, startNative } from "./native.mjs";
import { assertSecretsKept, remember } from "./secrets.mjs";

const read = (name) => JSON.parse(readFileSync(join(root, "tests/vectors", name), "utf8"));

/** The vectors of tests/vectors/native.json. Their keys are for development, known to everybody. */
export const vectors = read("native.json");
/** Those of JSON Web Tokens. */
export const jwtVectors = read("jwt.json");
/** Those of timed HMACs. */
export const timedHmacVectors = read("timed-hmac.json");
export const byName = (name) => vectors.vectors.find((vector) => vector.name === name);

/** A moment at which the vectors that pass do so. */
export const NOW = 1767225000;

/** The page that the tests let read answers. */
export const PAGE = "https://www.example.com";

const wranglerToml = readFileSync(join(root, "wrangler.toml"), "utf8");
const key = Buffer.from(/^main:([\w-]+)/.exec(vectors.keys)[1], "base64url");

/** The variables that mean the same as a vector's gate. */
export function variables(settings = {}) {
  const { audience, forward_params, leeway, max_lifetime, unsigned_params } = settings;
  return {
    // The Worker takes no name that no token could carry; with any other name the verdict is the
    // same.
    AUDIENCE: audience?.length > 64 ? "other" : audience,
    FORMATS: settings.formats?.join(","),
    FORWARD_PARAMS: forward_params?.join(","),
    ISSUER: settings.issuer,
    JWT_NAME: settings.jwt_name,
    JWT_PATH: settings.jwt_path,
    LEEWAY: leeway?.toString(),
    MAX_LIFETIME: max_lifetime?.toString(),
    TIMED_HMAC_PARAM: settings.timed_hmac_param,
    TIMED_HMAC_TTL: settings.timed_hmac_ttl?.toString(),
    TIMED_HMAC_URL_SAFE: settings.timed_hmac_url_safe?.toString(),
    UNSIGNED_PARAMS: unsigned_params?.join(","),
  };
}

/** A token for a scope, by the standard library alone. `fields` are those beside exp and kid. */
export function sign(scope, { exp = NOW + 600, ...fields } = {}) {
  const more = Object.keys(fields)
    .sort()
    .map((name) => `&${name}=${fields[name]}`)
    .join("");
  const token = `pg=1&exp=${exp}&kid=main${more}`;
  const sig = createHmac("sha256", key).update(`${scope}\n${token}`).digest("base64url");
  remember(sig);
  return `${token}&sig=${sig}`;
}

/** A JWT by the standard library alone: `claims` beside exp, `header` beside alg and typ. */
export function jwt(claims, header = { kid: "main" }) {
  const part = (members) => Buffer.from(JSON.stringify(members)).toString("base64url");
  const head = part({ alg: "HS256", typ: "JWT", ...header });
  const signed = `${head}.${part({ exp: NOW + 600, ...claims })}`;
  const sig = createHmac("sha256", key).update(signed).digest("base64url");
  remember(sig);
  return `${signed}.${sig}`;
}

/** A link to one file. */
export const link = (path, fields) => `https://cdn.example.com${path}?${sign(path, fields)}`;

/**
 * A link to the directory of `path` at a gate, as players get it, with the token in the path or in the
 * query. It lasts for `lifetime` seconds.
 */
export function directoryLink(gate, path, place = "path", { lifetime = 600, ...fields } = {}) {
  const scope = path.replace(/[^/]*$/, "");
  const token = sign(scope, { exp: gate.now() + lifetime, dir: scope.split("/").length - 2, ...fields });
  return place === "path" ? `${gate.url}/${token}${path}` : `${gate.url}${path}?${token}`;
}

/**
 * Starts a gate on a free port. `objects` are put into the bucket: [key, body, put options]; `env`
 * replaces variables (null takes one away, also the bucket); `native` says which of the two.
 */
export async function startGate({ objects = [], env = {}, native = isNative, patience } = {}) {
  const variables = { PLAYGATE_KEYS: vectors.keys, ALLOW_ORIGINS: PAGE, LOG: "all", ...env };
  const running = native
    ? await startNative(variables, (address, headers) => request(undefined, address, "http://gate/", { headers }), patience)
    : await startWorker(variables);
  const { address, printed } = running;
  const bucket = env.MEDIA === null ? null : running.bucket;
  for (const [name, body, options] of objects) await bucket.put(name, body, options);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  const ask = (url, options) => request(agent, address, url, options);
  let ahead = 0;
  return {
    ask,
    bucket,
    /** Where players find it: a name that browsers trust without TLS. */
    url: `http://localhost:${address.port}`,
    /** The time of those that do not say what time it is, in seconds. */
    now: () => Math.floor(Date.now() / 1000) + ahead,
    /** Moves that time on. */
    async wait(seconds) {
      ahead += seconds;
      await ask("http://gate/", { headers: { "x-test-ahead": String(ahead * 1000) } });
    },
    /** The number of the wasm instance, counted from 1. */
    async instance() {
      const { body } = await ask("http://gate/", { headers: { "x-test-instance": "tell" } });
      return Number(body);
    },
    /** The URL as a Worker sees it: workerd has a parser of its own. */
    async seen(url) {
      return (await ask(url, { headers: { "x-test-seen": "url" } })).body.toString();
    },
    /** What was written to the console since the last time: one object for each line. */
    async log() {
      const { body } = await ask("http://gate/", { headers: { "x-test-log": "take" } });
      return JSON.parse(body.toString()).map((line) => JSON.parse(line));
    },
    /** Writes a line to the console. */
    say: (line) => ask("http://gate/", { headers: { "x-test-say": line } }),
    /** Ends it, and fails where a tag was in anything that it wrote. */
    async stop() {
      const canary = `canary ${crypto.randomUUID()}`;
      try {
        await this.say(canary);
        const { body } = await ask("http://gate/", { headers: { "x-test-output": "all" } });
        printed.push(...JSON.parse(body.toString()));
      } finally {
        agent.destroy();
        await running.dispose();
      }
      assertSecretsKept(printed, canary);
    },
  };
}

/** Starts workerd. */
async function startWorker(variables) {
  bundle();
  const around = readFileSync(join(root, "tests/edge/around.mjs"), "utf8");
  const modules = { "around.js": { type: "esm", contents: around } };
  for (const [name, bytes] of uploaded()) {
    modules[name] = name.endsWith(".js")
      ? { type: "esm", contents: bytes.toString() }
      : { type: "wasm", contents: new Uint8Array(bytes) };
  }
  const printed = []; // what workerd says beside the Worker's console
  const miniflare = new Miniflare({
    workers: [
      {
        config: {
          name: "playgate",
          compatibilityDate: /^compatibility_date = "(.+)"$/m.exec(wranglerToml)[1],
          manifest: { mainModule: "around.js", modulesRoot: directory, modules },
          exports: {
            Denylist: { type: "durable-object", storage: "sqlite" },
            Record: { type: "durable-object", storage: "sqlite" },
          },
          env: bindings(variables),
        },
      },
    ],
    host: "127.0.0.1",
    port: 0,
    cf: false,
    log: new Log(LogLevel.NONE),
    handleStructuredLogs: ({ message }) => printed.push(message),
    handleUncaughtError: (error) => printed.push(`${error} ${error.stack}`),
  });
  const address = await miniflare.ready;
  const bucket = variables.MEDIA === null ? null : await miniflare.getR2Bucket("MEDIA");
  return { address, bucket, printed, dispose: () => miniflare.dispose() };
}

/** The bindings of a Worker: variables, and the bucket unless it is taken away. */
function bindings({ MEDIA, ...variables }) {
  const set = Object.entries(variables).filter(([, value]) => value !== null);
  return {
    DENYLIST: { type: "durable-object", worker: "playgate", exportName: "Denylist" },
    RECORDS: { type: "durable-object", worker: "playgate", exportName: "Record" },
    ...(MEDIA !== null && { MEDIA: { type: "r2", name: "media" } }),
    ...Object.fromEntries(set.map(([name, value]) => [name, { type: "text", value }])),
  };
}

/**
 * Whether a request can carry the URL as it is written: workerd answers some bytes with 400 before
 * any Worker sees them.
 */
const isCarried = (url) => /^https?:\/\/[^/?#]+\/[\x21-\x7e]*$/.test(url) && !/["#<>`]/.test(url);

/**
 * Asks the gate for a URL, byte for byte. `env` replaces variables (null takes one away), `now` is
 * in seconds, `country` and `ip` are what the edge knows of the client, `patience` is how many seconds to wait.
 */
function request(agent, address, url, options = {}) {
  const { method = "GET", headers = {}, body, env, now = NOW, country, ip, patience = 10 } = options;
  const written = isCarried(url) ? url : new URL(url).href.split("#")[0];
  const [, scheme, host, path] = /^(https?):\/\/([^/]+)(.*)$/s.exec(written);
  const told = { "x-test-scheme": scheme };
  // Without it, the gate has the time of this machine.
  if (now !== null) told["x-test-now"] = String(now * 1000);
  if (env) told["x-test-env"] = JSON.stringify(env);
  if (country) told["x-test-country"] = country;
  if (ip) told["x-test-ip"] = ip;
  return new Promise((resolve, reject) => {
    const sent = http.request({
      agent,
      host: address.hostname,
      port: address.port,
      method,
      path,
      headers: { host, ...told, ...headers },
      timeout: patience * 1000,
    });
    sent.on("timeout", () => sent.destroy(new Error(`no answer to ${method} within ${patience} s`)));
    sent.on("error", reject);
    sent.on("response", (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const body = Buffer.concat(chunks);
        remember(url, JSON.stringify([headers, response.headers]), body.toString("latin1"));
        resolve({ status: response.statusCode, headers: response.headers, body });
      });
    });
    sent.end(body);
  });
}

/** The JSON of a problem. */
export const problem = (response) => JSON.parse(response.body.toString());

/** A media server on a free port, which writes down what it is asked. */
export async function startOrigin(answer = (_, response) => response.end("media")) {
  const asked = [];
  const server = http.createServer((request, response) => {
    asked.push({ method: request.method, url: request.url, headers: request.headers });
    answer(request, response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    asked,
    url: `http://127.0.0.1:${server.address().port}`,
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
