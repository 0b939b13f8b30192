// The Worker's entry. One synchronous call decides: most requests to a gate need nothing else.
import * as glue from "../../build/worker/playgate.js";
import module from "../../build/worker/playgate_bg.wasm";

glue.initSync({ module });
let gates = new WeakMap(); // by environment, so that a configuration is read once
const waiting = new Set(); // what ends each request whose media is on its way

// After a panic or a trap, memory is not to be trusted: nobody waits for it any longer, and a fresh
// instance serves the next request. The panic hook says so by setting a property.
let isBroken = false;
Object.defineProperty(glue.__worker_init_state(), "criticalError", { set: giveUp });

function giveUp() {
  isBroken = true;
  for (const end of waiting) end(new Error("the instance panicked"));
}

function startOver() {
  gates = new WeakMap();
  glue.__wbg_reset_state();
  isBroken = false;
}

function decide(request, env) {
  const field = (name) => request.headers.get(name);
  const asked = [request.method, request.url, field("Origin"), field("Cookie"),
    field("Authorization"), field("CF-Connecting-IP")].join("\n");
  if (!gates.has(env)) gates.set(env, new glue.Gate(env));
  return gates.get(env).decide(asked, request, Date.now());
}

// Finished answers by their text. Most echo nothing of a request, so they are few, and a Response is made of
// objects faster than of text. A redirect has a token of its own, and some refusals name a parameter: these
// are not kept.
const answers = new Map();

function answer(text) {
  let known = answers.get(text);
  if (!known) {
    const [status, headers, body] = JSON.parse(text);
    known = [body, { status, headers: new Headers(headers) }];
    const isOwn = status === 302 || body?.includes('"param":');
    if (!isOwn && answers.size < 1000) answers.set(text, known);
  }
  return new Response(...known);
}

async function serve(response) {
  let end;
  try {
    return await Promise.race([response, new Promise((_, reject) => waiting.add(end = reject))]);
  } catch (error) {
    return refuse(error);
  } finally {
    waiting.delete(end);
  }
}

function refuse(error) {
  console.error(JSON.stringify({ decision: "error", reason: "gate_error", error: error?.name }));
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
      if (typeof verdict !== "string") return serve(verdict);
      const end = verdict.indexOf("\n");
      console.log(verdict.slice(0, end));
      return answer(verdict.slice(end + 1));
    } catch (error) {
      giveUp();
      return refuse(error);
    }
  },
};
