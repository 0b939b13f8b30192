// The Worker's entry. Synchronous calls into wasm decide on a request, and on what the media store answers; what is
// between them is done here, with the platform's own objects.
import * as glue from "../../build/worker/playgate.js";
import module from "../../build/worker/playgate_bg.wasm";

glue.initSync({ module });
let gates = new WeakMap(); // by environment, so that a configuration is read once

// After a panic or a trap, memory is not to be trusted: a fresh instance serves the next request. Both show as an
// exception of a call into wasm. Requests that wait for the media store belong to the old instance.
let instance = 1;
let isBroken = false;

function startOver() {
  gates = new WeakMap();
  glue.__wbg_reset_state();
  instance += 1;
  isBroken = false;
}

/** Calls into wasm. */
function call(work) {
  try {
    return work();
  } catch (error) {
    isBroken = true;
    throw error;
  }
}

// In the order in which the gate reads them.
const FIELDS = ["Origin", "Cookie", "Authorization", "CF-Connecting-IP", "Range", "If-Match", "If-Modified-Since",
  "If-None-Match", "If-Range", "If-Unmodified-Since"];

function decide(request, env) {
  let parts = `${request.method}\n${request.url}`;
  for (const name of FIELDS) parts += `\n${request.headers.get(name) ?? ""}`;
  return call(() => {
    if (!gates.has(env)) gates.set(env, new glue.Gate(env));
    return gates.get(env).decide(parts, request, Date.now());
  });
}

// Finished answers by their text. Most echo nothing of a request, so they are few, and a Response is made of
// objects faster than of text. A redirect has a token of its own, and some refusals name a parameter: these
// are not kept.
const answers = new Map();

/** The response to a finished answer: a line for the log, a line feed, and `[status, headers, body]` in JSON. */
function answer(text) {
  const end = text.indexOf("\n");
  const json = text.slice(end + 1);
  let known = answers.get(json);
  if (!known) {
    const [status, headers, body] = JSON.parse(json);
    known = [body, { status, headers: new Headers(headers) }];
    const isOwn = status === 302 || body?.includes('"param":');
    if (!isOwn && answers.size < 1000) answers.set(json, known);
  }
  log(text, end);
  return new Response(...known);
}

/** The response of a plan, in the same form. It throws if the platform does not take a header field. */
function respond(text, body, encodeBody = "automatic") {
  const end = text.indexOf("\n");
  const [status, headers, own] = JSON.parse(text.slice(end + 1));
  const response = new Response(body ?? own, { status, headers, encodeBody });
  log(text, end);
  return response;
}

function log(text, end) {
  if (end > 0) console.log(text.slice(0, end));
}

/** Does what a plan says until there is a response. */
async function serve(plan, env) {
  const own = instance;
  // The memory of a plan whose instance is gone belongs to the new one.
  const isOver = () => isBroken || own !== instance;
  let next = call(() => plan.start());
  let stored; // the media store's last answer
  // A plan asks at most eight questions.
  for (let steps = 0; steps < 20; steps++) {
    const [verb, ...words] = next.split("\n");
    if (verb === "stored" || verb === "own") {
      const text = next.slice(verb.length + 1);
      try {
        const response = verb === "own" ? respond(text) : respond(text, stored.body, stored.encodeBody);
        if (verb === "own") drop(stored);
        call(() => plan.free());
        return response;
      } catch (error) {
        if (isOver()) throw error;
        next = call(() => plan.failed());
      }
    } else if (verb === "read") {
      const bytes = await read(stored.body, words).catch(() => undefined);
      if (isOver()) break;
      if (bytes === undefined) {
        next = call(() => plan.failed());
        continue;
      }
      const text = call(() => plan.rewrite(bytes ?? undefined));
      const body = call(() => plan.takeBody());
      try {
        const response = respond(text, body);
        call(() => plan.free());
        return response;
      } catch (error) {
        if (isOver()) throw error;
        next = call(() => plan.failed());
      }
    } else {
      drop(stored);
      stored = await ask(verb, words, env).catch(() => undefined);
      if (isOver()) break;
      if (stored === undefined) next = call(() => plan.failed());
      else if (verb === "fetch") next = call(() => plan.fetched(stored.text));
      else next = call(() => plan.found(stored.text));
    }
  }
  drop(stored);
  return refuse("Restarted");
}

/** Asks the media store. Its answer in lines, and its body. */
async function ask(verb, words, env) {
  if (verb === "fetch") {
    const [method, url, ...fields] = words;
    const wanted = [];
    while (fields.length > 1) wanted.push(fields.splice(0, 2));
    // No `cf` properties: the cache does by itself what a clean URL deserves.
    const { status, headers, body } = await fetch(url, { method, headers: wanted, redirect: "manual" });
    let text = `${status}\n${body ? 1 : 0}`;
    for (const [name, value] of headers) text += `\n${name}\n${value}`;
    return { text, body };
  }
  const [key, ...range] = words;
  const object = verb === "head" ? await env.MEDIA.head(key) : await env.MEDIA.get(key, readRange(range));
  if (object === null) return { text: "" };
  const { size, httpEtag, uploaded, httpMetadata, body } = object;
  const { contentType, contentLanguage, contentDisposition, contentEncoding, cacheControl } = httpMetadata;
  const text = [size, httpEtag, uploaded.getTime(), contentType, contentLanguage, contentDisposition,
    contentEncoding, cacheControl].join("\n");
  // Objects are stored in the encoding that their metadata names: the platform must not encode them again.
  return { text, body, encodeBody: "manual" };
}

function readRange(words) {
  if (words.length === 0) return undefined;
  const [offset, length, suffix] = words.map((word) => (word === "" ? undefined : Number(word)));
  return { range: suffix === undefined ? { offset, length } : { suffix } };
}

/** Cancels a body that nobody reads. If that fails, nobody minds. */
function drop(stored) {
  stored?.body?.cancel().catch(() => {});
}

/** The bytes of a manifest; null if there are more than the limit. */
async function read(stream, [limit, compression]) {
  const decoded = compression ? stream.pipeThrough(new DecompressionStream(compression)) : stream;
  const chunks = [];
  let size = 0;
  for await (const chunk of decoded) {
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

/** The answer where the gate cannot decide. `error` is the kind of failure. */
function refuse(error) {
  console.error(JSON.stringify({ decision: "error", reason: "gate_error", error }));
  const body = { type: "about:blank", title: "Service Unavailable", status: 503,
    reason: "gate_error", detail: "the gate failed, and serves nothing unchecked" };
  return Response.json(body, { status: 503, headers: { "Content-Type": "application/problem+json",
    "Cache-Control": "no-store", "Playgate-Reason": "gate_error",
    "X-Content-Type-Options": "nosniff" } });
}

export default {
  fetch(request, env) {
    try {
      if (isBroken) startOver();
      const verdict = decide(request, env);
      if (typeof verdict === "string") return answer(verdict);
      return serve(verdict, env).catch((error) => refuse(error?.name));
    } catch (error) {
      return refuse(error?.name);
    }
  },
};
