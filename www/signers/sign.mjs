// Signs a Playgate link with Node's standard library.
// The path is signed as it is written: percent-encode it first, with upper-case hex.
import { createHmac } from "node:crypto";

// Without dir the link opens this URL alone, with dir = 2 all below its first two directories.
function sign(url, kid, key, exp, dir = 0) {
  const token = `pg=1&exp=${exp}&kid=${kid}` + (dir ? `&dir=${dir}` : "");
  const target = "/" + url.split("/").slice(3).join("/"); // path and query; no scheme, no host
  const path = target.split("?")[0];
  const scope = dir ? path.split("/").slice(0, dir + 1).join("/") + "/" : target;
  const mac = createHmac("sha256", Buffer.from(key, "base64url"));
  const sig = mac.update(`${scope}\n${token}`).digest("base64url");
  return `${url}${url.includes("?") ? "&" : "?"}${token}&sig=${sig}`;
}

const [kid, key] = process.env.PLAYGATE_KEYS.split(",")[0].split(":");
const [url, exp, dir] = process.argv.slice(2);
console.log(sign(url, kid, key, Number(exp), Number(dir ?? 0)));
