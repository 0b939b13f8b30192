// Signs a Playgate link with Node's standard library.
// The path is signed exactly as given: percent-encode it first, with upper-case hex digits.
import { createHmac } from "node:crypto";

// Without dir, the link opens only this URL. With dir = 2, it opens everything below the first two
// directories, and the token is in the path, so that the addresses in a playlist inherit it.
function sign(url, kid, key, exp, dir = 0) {
  const token = `pg=1&exp=${exp}&kid=${kid}` + (dir ? `&dir=${dir}` : "");
  const base = url.split("/").slice(0, 3).join("/"); // scheme and host are not signed
  const target = url.slice(base.length); // path and query are
  const path = target.split("?")[0];
  const scope = dir ? path.split("/").slice(0, dir + 1).join("/") + "/" : target;
  const mac = createHmac("sha256", Buffer.from(key, "base64url"));
  const sig = mac.update(`${scope}\n${token}`).digest("base64url");
  if (dir) return `${base}/${token}&sig=${sig}${target}`;
  return `${url}${url.includes("?") ? "&" : "?"}${token}&sig=${sig}`;
}

// The first key of the ring: `id:key` or `native/id:key`, followed by `@unix` if it retires.
const entry = /(?:^|[,\n])\s*(?:native\/)?([\w-]+):([^,\n]*)/;
const [, kid, text] = entry.exec(process.env.PLAYGATE_KEYS) ?? [];
if (!kid) throw new Error("the ring has no key for native links");
const [, key, retires] = /^\s*([\w-]{43,342})\s*(?:@(\d{1,10}))?\s*$/.exec(text) ?? [];
if (!key || /^[0-9a-f]+$/i.test(key)) throw new Error("the first key of the ring does not have the form that `playgate keygen` prints");
if (Number(retires) * 1000 <= Date.now()) throw new Error("the first key of the ring is retired");
const [url, exp, dir] = process.argv.slice(2);
console.log(sign(url, kid, key, Number(exp), Number(dir ?? 0)));
