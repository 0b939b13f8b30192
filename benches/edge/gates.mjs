// What the bench lets Playgate's Worker take turns with: a Worker that only passes requests through, and a gate in
// JavaScript with WebCrypto that checks the same links; and the origin of all of them.
const encoder = new TextEncoder();
let key;

const PASSED = ["Range", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since"];

/** The media, from a server or a bucket. A gate passes on the fields that players seek and revalidate with, and no others. */
function fromStore(path, env, request) {
  if (env.ORIGIN && !request) return fetch(env.ORIGIN + path);
  if (env.ORIGIN) {
    const headers = {};
    for (const name of PASSED) {
      const value = request.headers.get(name);
      if (value !== null) headers[name] = value;
    }
    return fetch(env.ORIGIN + path, { method: request.method, headers, redirect: "manual" });
  }
  return env.MEDIA.get(path.slice(1)).then((object) => {
    const headers = new Headers();
    object.writeHttpMetadata(headers);
    headers.set("ETag", object.httpEtag);
    return new Response(object.body, { headers });
  });
}

const passThrough = (request, env) => fromStore(new URL(request.url).pathname, env);

async function gate(request, env) {
  const { pathname, search } = new URL(request.url);
  const [, signed, exp, kid, sig] = /^\?(pg=1&exp=(\d+)&kid=(\w+)[^]*)&sig=([\w-]{43})$/.exec(search) ?? [];
  const refuse = (reason, status = 403) => {
    if (env.LOG !== "off") console.log(JSON.stringify({ decision: "deny", reason, status, method: request.method, kid }));
    return new Response(reason, { status, headers: { "Cache-Control": "no-store" } });
  };
  if (!sig) return refuse("missing", 401);
  key ??= await crypto.subtle.importKey("raw", fromBase64(env.SECRET), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  const input = encoder.encode(`${pathname}\n${signed}`);
  if (!(await crypto.subtle.verify("HMAC", key, fromBase64(sig), input))) return refuse("bad_signature");
  const left = Number(exp) - Math.floor(Date.now() / 1000);
  if (left <= 0) return refuse("expired");
  const stored = await fromStore(pathname, env, request);
  const response = new Response(stored.body, stored);
  response.headers.set("Cache-Control", `private, max-age=${left}`);
  response.headers.set("Playgate-Expires", exp);
  response.headers.set("Playgate-Time-Left", String(left));
  response.headers.set("X-Content-Type-Options", "nosniff");
  for (const name of ["Set-Cookie", "Server", "Expires", "Age"]) response.headers.delete(name);
  if (env.LOG === "all") {
    console.log(JSON.stringify({ decision: "allow", status: response.status, method: request.method, kid, scope: pathname, placement: "query" }));
  }
  return response;
}

const fromBase64 = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));

const bodies = { "1KB": "x".repeat(1 << 10), "500KB": "x".repeat(500 << 10) };

function origin(request) {
  const [, , size] = new URL(request.url).pathname.split("/");
  return new Response(bodies[size], {
    headers: { "Content-Type": "video/mp4", "Cache-Control": "max-age=86400", ETag: '"a"', Server: "origin" },
  });
}

const roles = { gate, origin, passThrough };
export default { fetch: (request, env) => roles[env.ROLE](request, env) };
