// The Worker's entry. Two synchronous calls into wasm decide on a request and on what the media store answers; what
// is between them is done here, with the platform's own objects.
import * as glue from "../../build/worker/playgate.js";
import module from "../../build/worker/playgate_bg.wasm";

glue.initSync({ module });
let gates = new WeakMap(); // by environment, so that a configuration is read once

// After a panic or a trap, memory is not to be trusted: a fresh instance serves the next request, and whoever waits
// for the media store belongs to the old one. Either shows as an exception of the call into wasm.
let instance = 1;
let isBroken = false;

function startOver() {
  gates = new WeakMap();
  glue.__wbg_reset_state();
  instance += 1;
  isBroken = false;
}

const CONDITIONS = ["If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since"];

function decide(request, env) {
  const { headers } = request;
  let parts = `${request.method}\n${request.url}`;
  for (const name of ["Origin", "Cookie", "Authorization", "CF-Connecting-IP", "Range", ...CONDITIONS]) {
    parts += `\n${headers.get(name) ?? ""}`;
  }
  if (!gates.has(env)) gates.set(env, new glue.Gate(env));
  return gates.get(env).decide(parts, request, Date.now());
}

/** Logs what a response has to say, and makes it: a line, a line feed, and `[status, headers, body]` in JSON. */
function respond(text, stored) {
  const end = text.indexOf("\n");
  if (end > 0) console.log(text.slice(0, end));
  const [status, headers, body] = JSON.parse(text.slice(end + 1));
  // The bytes of a bucket are encoded already as their header fields say.
  const encodeBody = stored?.httpEtag ? "manual" : "automatic";
  return new Response(stored ? stored.body : body, { status, headers, encodeBody });
}

// Finished answers by their text. Most echo nothing of a request, so they are few, and a Response is made of
// objects faster than of text. A redirect has a token of its own, and some refusals name a parameter: these
// are not kept.
const answers = new Map();

function answer(text) {
  const end = text.indexOf("\n");
  if (end > 0) console.log(text.slice(0, end));
  const json = text.slice(end + 1);
  let known = answers.get(json);
  if (!known) {
    const [status, headers, body] = JSON.parse(json);
    known = [body, { status, headers: new Headers(headers) }];
    const isOwn = status === 302 || body?.includes('"param":');
    if (!isOwn && answers.size < 1000) answers.set(json, known);
  }
  return new Response(...known);
}

/** Does what a plan says until there is a response. */
async function serve(plan, env) {
  const own = instance;
  // A plan of an instance that is gone is not to be touched: its memory is another's now.
  const isOver = () => isBroken || own !== instance;
  let next = plan.start();
  let store; // the last answer of the media store
  for (;;) {
    const [verb, ...words] = next.split("\n", 2);
    if (verb === "stored" || verb === "own") {
      plan.free();
      if (verb === "own") drop(store);
      return respond(next.slice(verb.length + 1), verb === "stored" ? store : null);
    }
    if (verb === "read") {
      const bytes = await read(store, next.split("\n")).catch(() => undefined);
      if (isOver()) break;
      if (bytes === undefined) {
        next = plan.failed();
        continue;
      }
      const response = plan.rewrite(bytes ?? undefined);
      plan.free();
      return manifest(response);
    }
    drop(store);
    store = await ask(next.split("\n"), env).catch(() => undefined);
    if (isOver()) break;
    const answer = describe(verb, store);
    if (answer === undefined) next = plan.failed();
    else next = verb === "fetch" ? plan.fetched(answer) : plan.found(answer);
  }
  drop(store);
  return refuse(new Error("the instance panicked"));
}

/** Asks the media store. */
function ask([verb, ...words], env) {
  if (verb === "fetch") {
    const [method, url, ...fields] = words;
    const headers = [];
    while (fields.length > 1) headers.push(fields.splice(0, 2));
    // No `cf` properties: the cache does by itself what a clean URL deserves.
    return fetch(url, { method, headers, redirect: "manual" });
  }
  const [key, ...range] = words;
  if (verb === "head") return env.MEDIA.head(key);
  if (range.length === 0) return env.MEDIA.get(key);
  const [offset, length, suffix] = range.map((text) => (text === "" ? undefined : Number(text)));
  return env.MEDIA.get(key, { range: suffix === undefined ? { offset, length } : { suffix } });
}

/** What the media store answered, in lines; undefined if it did not. */
function describe(verb, store) {
  if (store === undefined) return undefined;
  try {
    if (verb === "fetch") {
      let text = `${store.status}\n${store.body ? 1 : 0}`;
      for (const [name, value] of store.headers) text += `\n${name}\n${value}`;
      return text;
    }
    if (store === null) return "";
    const { size, httpEtag, uploaded, httpMetadata: of } = store;
    return [size, httpEtag, uploaded.getTime(), of.contentType, of.contentLanguage, of.contentDisposition,
      of.contentEncoding, of.cacheControl].join("\n");
  } catch {
    return undefined;
  }
}

/** Nobody reads the body; that a source cannot be told so is its own affair. */
function drop(store) {
  store?.body?.cancel().catch(() => {});
}

/** The bytes of a manifest; null if there are more than the limit. */
async function read(store, [, limit, compression]) {
  let { body } = store;
  if (compression) body = body.pipeThrough(new DecompressionStream(compression));
  const chunks = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > Number(limit)) return null;
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/** The response with a manifest: two lines as `respond` takes them, and the body. */
function manifest(bytes) {
  const first = bytes.indexOf(10);
  const second = bytes.indexOf(10, first + 1);
  const head = new TextDecoder().decode(second < 0 ? bytes : bytes.subarray(0, second));
  return respond(head, second < 0 ? null : { body: bytes.subarray(second + 1) });
}

function refuse(error) {
  console.error(JSON.stringify({ decision: "error", reason: "gate_error", error: error?.name }));
  const body = { type: "about:blank", title: "Service Unavailable", status: 503,
    reason: "gate_error", detail: "the gate failed, and serves nothing unchecked" };
  return Response.json(body, { status: 503, headers: { "Content-Type": "application/problem+json",
    "Cache-Control": "no-store", "Playgate-Reason": "gate_error",
    "X-Content-Type-Options": "nosniff" } });
}

/** A call into wasm threw, or what it said made no sense. */
function fail(error) {
  isBroken = true;
  return refuse(error);
}

export default {
  fetch(request, env) {
    try {
      if (isBroken) startOver();
      const verdict = decide(request, env);
      return typeof verdict === "string" ? answer(verdict) : serve(verdict, env).catch(fail);
    } catch (error) {
      return fail(error);
    }
  },
};
