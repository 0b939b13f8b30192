// The other way to gate: JavaScript and WebCrypto, as the platform's documentation shows it. A link is
// `/path?verify=<unix>-<base64 tag>` over path and time; a bad or old one is answered with 403.
const encoder = new TextEncoder();
const LIFETIME = 600;
let cached;

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const [issued, tag] = (url.searchParams.get("verify") ?? "").split(/-(.*)/s);
    if (!tag) return new Response("Missing query parameter", { status: 403 });
    // KEY_ONCE keeps the imported key between requests, which the documentation's example does not do.
    const key = (env.KEY_ONCE && cached) || (cached = await importKey(env.SECRET));
    const signature = Uint8Array.from(atob(tag), (character) => character.charCodeAt(0));
    const fits = await crypto.subtle.verify("HMAC", key, signature, encoder.encode(url.pathname + issued));
    if (!fits) return new Response("Invalid MAC", { status: 403 });
    if (Date.now() / 1000 > Number(issued) + LIFETIME) return new Response("URL expired", { status: 403 });
    return new Response("ok");
  },
};

function importKey(secret) {
  return crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}
