// The Worker's entry. Synchronous calls into wasm decide on requests and process the media store's answers. The code
// here does the I/O between those calls, with the platform's own objects.
import { call, glue, instance, isGood, mend } from "./instance.mjs";

// The classes of Durable Objects, if the Worker is built with state.
export * from "../../build/worker/objects.mjs";

// By environment, so that each configuration is read once, and by instance. With each gate: how often it asks the
// denylist, in milliseconds, or 0.
let gates = new WeakMap();
let gatesOf = instance();

// What the gate decides if a request is one of its own calls.
const CALL = false;

// What is to be done in the background.
const ASK = 1;
const REPORT = 2;

/** How long to wait for one answer of an object, in milliseconds. */
const PATIENCE = 2_000;

/** Over how many milliseconds the isolates of a data center spread their questions: at most a fifth of the refresh. */
const SPREAD = 1_000;

/** How many entries of the log a question is rounded down to. */
const STEP = 256;

// In the order in which the gate reads them.
const FIELDS = ["Origin", "Cookie", "Authorization", "CF-Connecting-IP", "Range", "If-Match", "If-Modified-Since",
  "If-None-Match", "If-Range", "If-Unmodified-Since"];

// Only the session endpoints read these, so other requests need not wait for them.
const FIELDS_OF_SESSIONS = ["Sec-Fetch-Site", "User-Agent"];
const SESSIONS = "/.playgate/session";

/** The parts of a request that the gate reads, in lines. */
function partsOf(request) {
  let parts = `${request.method}\n${request.url}`;
  for (const name of FIELDS) parts += `\n${request.headers.get(name) ?? ""}`;
  if (request.url.includes(SESSIONS)) {
    for (const name of FIELDS_OF_SESSIONS) parts += `\n${request.headers.get(name) ?? ""}`;
  }
  return parts;
}

/** Decides on a request. `pending` is what an earlier decision returned. */
function decide(request, env, pending) {
  mend();
  if (gatesOf !== instance()) [gates, gatesOf] = [new WeakMap(), instance()];
  const parts = partsOf(request);
  return call(() => {
    if (!gates.has(env)) {
      const gate = new glue.Gate(env);
      gates.set(env, { gate, refresh: gate.refresh() });
    }
    return gates.get(env).gate.decide(parts, request, Date.now(), pending);
  });
}

// A cache of complete answers, by their text. Most answers contain nothing from the request, so there are few of them,
// and creating a Response from objects is faster than from text. Answers that contain a token are not cached, nor
// refusals that name a parameter.
const answers = new Map();

/** The response for a complete answer: a line for the log, a line feed, and `[status, headers, body]` as JSON. */
function answer(text) {
  const end = text.indexOf("\n");
  const json = text.slice(end + 1);
  let known = answers.get(json);
  if (!known) {
    const [status, headers, body] = JSON.parse(json);
    known = [body, { status, headers: new Headers(headers) }];
    const isOwn = status === 200 || status === 302 || "Set-Cookie" in headers || body?.includes('"param":');
    if (!isOwn && answers.size < 1000) answers.set(json, known);
  }
  log(text, end);
  return new Response(...known);
}

/** The response of a plan, from text in the same form. Throws if the platform rejects a header field. */
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

/**
 * Asks the denylist until the gate knows everything that is revoked, or an answer is missing. If `isShared`, the
 * isolates of a data center share the answers, so that the object gets one question for all of them.
 */
async function learn(env, isShared) {
  const own = instance();
  const { gate, refresh } = gates.get(env);
  const age = isShared ? refresh : 0;
  let asked = Date.now();
  let question = call(() => gate.ask(asked));
  for (let last; question !== undefined && question !== last; ) {
    const reply = await within(PATIENCE, () => askDenylist(question, asked, age, env)).catch(
      (error) => console.error(JSON.stringify({ decision: "error", reason: "denylist_failed", error: error?.name })),
    );
    if (!isGood(own)) return;
    const now = Date.now();
    if (reply === undefined) return call(() => gate.unanswered(now));
    last = question;
    question = call(() => gate.answered(new Uint8Array(reply.update), reply.asked, now));
    asked = now;
    await reply.store();
    if (!isGood(own)) return;
  }
  // The same question again: the answer does not fit what the gate knows.
  if (question !== undefined) call(() => gate.unanswered(Date.now()));
}

/**
 * Learns in the foreground. Of the requests that wait in an isolate, one asks; the others cannot share its promise, so
 * they look whether it has finished.
 */
async function learnNow(env, isShared) {
  const state = gates.get(env);
  // A request that was cancelled does not say that it has finished.
  const isLearning = () => Date.now() - state.learningSince < PATIENCE;
  if (isShared && isLearning()) {
    while (isLearning()) await sleep(20);
    return;
  }
  state.learningSince = Date.now();
  try {
    await learn(env, isShared);
  } finally {
    state.learningSince = undefined;
  }
}

/**
 * Learns in the background, a moment later: the isolates of a data center that share an answer are due at the same time,
 * and only the first of them has to ask the object.
 */
async function learnSoon(env) {
  const state = gates.get(env);
  if (Date.now() - state.dueSince < 2 * PATIENCE) return;
  state.dueSince = Date.now();
  try {
    await sleep(Math.random() * Math.min(SPREAD, state.refresh / 5));
    await learn(env, true);
  } finally {
    state.dueSince = undefined;
  }
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The answer to a question, and when it was asked. An answer that was kept is at most `age` milliseconds old. */
async function askDenylist(question, asked, age, env) {
  const [epoch, next] = question.split("\n");
  // The isolates of a data center do not have the same entries. They ask the same question all the same.
  const from = Number(next) - (Number(next) % STEP);
  const seconds = Math.floor(age / 1000);
  // Without an epoch, the question is the same in every deployment.
  const cache = seconds > 0 && epoch !== "" ? caches.default : undefined;
  const key = `https://denylist.invalid/${epoch}/${from}`;
  // Where there is no cache, as in a plain workerd, all ask the object.
  const kept = await quietly(() => cache?.match(key));
  const keptAt = Number(kept?.headers.get("Playgate-Asked"));
  // It may be of an isolate that knew less.
  const isUseful = Number(kept?.headers.get("Playgate-End")) >= Number(next);
  if (isUseful && (kept.headers.has("Playgate-Full") || (keptAt <= asked && keptAt > asked - age))) {
    // A full tile never changes, and says nothing about what came after it.
    return { update: await kept.arrayBuffer(), asked: keptAt, store() {} };
  }
  drop(kept);
  const { update, end, isFull } = await env.DENYLIST.getByName("denylist").since(epoch, from, Number(next));
  const headers = { "Cache-Control": `max-age=${isFull ? 31_536_000 : seconds}`, "Playgate-Asked": String(asked), "Playgate-End": String(end) };
  if (isFull) headers["Playgate-Full"] = "1";
  return { update, asked, store: () => quietly(() => cache?.put(key, new Response(update, { headers }))) };
}

/** The result of `work`, or undefined if it fails. */
async function quietly(work) {
  try {
    return await work();
  } catch {
    return undefined;
  }
}

/** The result of `work`, unless it takes longer than `patience`. */
async function within(patience, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new DOMException("no answer", "TimeoutError")), patience);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Decides once everything that the request needs was asked: the denylist, and one record after the other. */
async function decideInformed(request, env, ctx, pending) {
  const own = instance();
  // A request asks the denylist at most twice, and three records.
  for (let questions = 0; questions < 10; questions++) {
    const question = call(() => pending.question());
    if (question === undefined) {
      const isShared = call(() => pending.asksShared(Date.now()));
      await learnNow(env, isShared);
    } else if (!(await settle(pending, question, env))) break;
    if (!isGood(own)) break;
    const verdict = decide(request, env, pending);
    if (verdict instanceof glue.Pending) {
      pending = verdict;
      continue;
    }
    inBackground(env, ctx);
    return typeof verdict === "string" ? answer(verdict) : await serve(verdict, env);
  }
  return refuse("Restarted");
}

/** Asks a record what is pending. Returns whether the instance is still good. */
async function settle(pending, question, env) {
  const own = instance();
  const asked = Date.now();
  const answer = await askRecord(question, env);
  if (!isGood(own)) return false;
  call(() => gates.get(env).gate.settle(pending, answer, asked));
  return true;
}

/** Sends a report. */
async function send(report, env) {
  const isDone = await settle(report, call(() => report.question()), env);
  if (isDone) call(() => report.free());
}

/** The answer of a record to a command; undefined if there is none. */
async function askRecord([record, command], env) {
  try {
    return new Uint8Array(await within(PATIENCE, () => env.RECORDS.getByName(record).apply(command)));
  } catch (error) {
    console.error(JSON.stringify({ decision: "error", reason: "record_failed", error: error?.name }));
    return undefined;
  }
}

/** Carries out one of the gate's own calls. */
async function carryOut(request, env) {
  const own = instance();
  const body = request.body ? await read(request.body, [call(() => glue.maxBody())]) : new Uint8Array();
  if (!isGood(own)) return refuse("Restarted");
  const next = (...asked) =>
    call(() => gates.get(env).gate.call(partsOf(request), body ?? undefined, Date.now(), asked.length > 0, asked[0]));
  let text = next();
  if (typeof text !== "string") {
    const answer = await askRecord(text, env);
    if (!isGood(own)) return refuse("Restarted");
    text = next(answer);
  }
  const [home, verb, ...words] = text.split("\n");
  const denylist = home === "denylist" ? env.DENYLIST.getByName("denylist") : undefined;
  const response = verb === "since" && denylist ? await updateOf(denylist, words)
    : respond(denylist ? await denylist.manage(verb, words) : text.slice("answer\n".length));
  console.log(JSON.stringify({ decision: "call", status: response.status, method: request.method }));
  return response;
}

/** What is new in the denylist, for a gate that follows this one. */
async function updateOf(denylist, [epoch, from]) {
  const { update } = await denylist.since(epoch, Number(from), Number(from));
  return new Response(update, { headers: { "Content-Type": "application/octet-stream", "Cache-Control": "no-store" } });
}

/** Carries out the steps of a plan until there is a response. */
async function serve(plan, env) {
  // If the instance is gone, the plan's memory now belongs to the new one.
  const own = instance();
  const isOver = () => !isGood(own);
  let next = call(() => plan.start());
  let stored; // the media store's last answer
  try {
    // A plan takes at most eight steps.
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
  } catch (error) {
    drop(stored);
    throw error;
  }
  drop(stored);
  return refuse("Restarted");
}

/** Sends a request to the media store. Returns its answer in lines, and its body. */
async function ask(verb, words, env) {
  if (verb === "fetch") {
    const [method, url, ...fields] = words;
    const wanted = {};
    for (let n = 0; n + 1 < fields.length; n += 2) wanted[fields[n]] = fields[n + 1];
    // No `cf` properties: the URL has no token, so the default cache behavior is right.
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

/** Cancels an unused body. A failure to do so does not matter. */
function drop(stored) {
  stored?.body?.cancel().catch(() => {});
}

/** The bytes of a manifest; null if they exceed the limit. */
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

/** The answer if the gate fails. `error` is the kind of failure. */
function refuse(error) {
  console.error(JSON.stringify({ decision: "error", reason: "gate_error", error }));
  const body = { type: "about:blank", title: "Service Unavailable", status: 503,
    reason: "gate_error", detail: "the gate failed, so it serves nothing" };
  return Response.json(body, { status: 503, headers: { "Content-Type": "application/problem+json",
    "Cache-Control": "no-store", "Playgate-Reason": "gate_error",
    "X-Content-Type-Options": "nosniff" } });
}

/** Starts what a gate with state has to do in the background. */
function inBackground(env, ctx) {
  const { gate, refresh } = gates.get(env);
  // Without state there is nothing to ask.
  const due = refresh > 0 ? call(() => gate.due(Date.now())) : 0;
  if (due & ASK) ctx.waitUntil(learnSoon(env).catch(() => {}));
  if (due & REPORT) {
    for (let report; (report = call(() => gate.report(Date.now()))) !== undefined; ) {
      ctx.waitUntil(send(report, env).catch(() => {}));
    }
  }
}

export default {
  fetch(request, env, ctx) {
    try {
      const verdict = decide(request, env);
      // It asks in the foreground.
      const isPending = verdict instanceof glue.Pending;
      if (!isPending) inBackground(env, ctx);
      if (typeof verdict === "string") return answer(verdict);
      const response = isPending ? decideInformed(request, env, ctx, verdict)
        : verdict === CALL ? carryOut(request, env) : serve(verdict, env);
      return response.catch((error) => refuse(error?.name));
    } catch (error) {
      return refuse(error?.name);
    }
  },
};
