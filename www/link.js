// Splits a link into parts to display, and breaks it on request. This file does not decide what is
// valid; the same core that runs at the edge does that.

const NATIVE = /pg=\d+(?:&[a-z]+=[\w.-]*)*/;
const JWT = /(?<=[/?&]token=)([\w-]*)\.([\w-]*)\.([\w-]*)/;
const ADDRESS = /^(\w+:\/\/[^/?#]+)(\/(?:pg|token)=[^/]*)?([^?]*)(.*)$/s;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const OTHER_FILM = "/videos/43/film.mp4";

/** The format of the token in a link: `native`, `jwt`, or `null` if there is no token. */
export function formatOf(link) {
  if (/^(?:\w+:\/\/[^/?#]*)?\/token=|[?&]token(?:[=&]|$)/.test(link)) return "jwt";
  return NATIVE.test(link) ? "native" : null;
}

/** The JWT in a text that contains only a JWT, optionally after `Bearer`; otherwise `null`. */
export function bareJwt(text) {
  return /^(?:bearer\s+)?(e[wy3][\w-]*\.[\w-]+\.[\w-]*)$/i.exec(text)?.[1] ?? null;
}

/** Cuts a link into `{ field, text }`; `field` is null outside the token. */
export function parts(link) {
  const native = NATIVE.exec(link);
  const token = native ?? JWT.exec(link);
  if (!token) return [{ field: null, text: link }];
  const [between, named] = native
    ? ["&", native[0].split("&").map((text) => [text.slice(0, text.indexOf("=")), text])]
    : [".", [["header", token[1]], ["payload", token[2]], ["sig", token[3]]]];
  const fields = named.flatMap(([field, text], i) =>
    [...(i ? [{ field: null, text: between }] : []), { field, text }]);
  return [
    { field: null, text: link.slice(0, token.index) },
    ...fields,
    { field: null, text: link.slice(token.index + token[0].length) },
  ];
}

/** The members of a JWT's header or payload; empty if it cannot be read. */
function decode(part) {
  try {
    const bytes = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
    const text = new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

function encode(members) {
  const bytes = new TextEncoder().encode(JSON.stringify(members));
  const base64 = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The JWT in a link: its parts as text and decoded; `null` if there is no JWT. */
export function jwtOf(link) {
  const found = JWT.exec(link);
  if (!found) return null;
  const [, header, payload, sig] = found;
  return { header, payload, sig, members: decode(header), claims: decode(payload) };
}

/** The fields of the token in a link, as `{ exp: "1767225600", ... }`. */
export function fields(link) {
  const jwt = formatOf(link) === "jwt" && jwtOf(link);
  if (jwt) {
    const shown = ([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)];
    return Object.fromEntries(Object.entries({ ...jwt.members, ...jwt.claims, sig: jwt.sig }).map(shown));
  }
  const named = parts(link).filter((part) => part.field);
  return Object.fromEntries(named.map(({ field, text }) => [field, text.slice(field.length + 1)]));
}

/** Writes a link into an element, coloured by field. The signature is shortened on screen but copied in full. */
export function show(element, link) {
  element.dataset.link = link;
  element.replaceChildren(...parts(link).map(({ field, text }) => {
    const span = document.createElement("span");
    if (field) span.dataset.field = field;
    if (field !== "sig" || text.length < 24) {
      span.textContent = text;
      return span;
    }
    const middle = document.createElement("span");
    middle.className = "folded";
    middle.textContent = text.slice(12, -4);
    span.append(text.slice(0, 12), middle, text.slice(-4));
    return span;
  }));
}

/** A JWT with a changed claim, and the address to match: only the signature check can detect this. */
function forge(link, template) {
  const { payload, claims } = jwtOf(link) ?? {};
  const [hole, name] = /\{([^{}]+)\}/.exec(template) ?? [];
  const address = ADDRESS.exec(link);
  if (!payload || !address || !Object.hasOwn(claims, name)) return null;
  const was = String(claims[name]);
  const is = was === "43" ? "42" : "43";
  const forged = encode({ ...claims, [name]: is });
  const [, origin, token = "", path, query] = address;
  const file = path.slice(path.lastIndexOf("/") + 1);
  return {
    link: (origin + token + template.replace(hole, is) + file + query).replace(`.${payload}.`, `.${forged}.`),
    note: `The claim ${name} and the address now have ${is}. The token was signed with ${was}.`,
  };
}

// Each takes a link and returns the broken one as `{ link, note }`, or null if the change does not apply.
export const changes = {
  tamper(link) {
    const before = /sig=(?=[\w-]{21})/.exec(link) ?? /[?&/]token=[\w-]*\.[\w-]*\.(?=[\w-]{21})/.exec(link);
    if (!before) return null;
    // Not the last character: its tail bits are grammar, and the point here is the tag.
    const at = before.index + before[0].length + 20;
    const was = link[at];
    const is = ALPHABET[(ALPHABET.indexOf(was) + 1) % ALPHABET.length];
    return {
      link: link.slice(0, at) + is + link.slice(at + 1),
      note: `Character 21 of the signature was ${was} and is now ${is}.`,
    };
  },

  /** `template` is the gate's JWT_PATH, which turns a claim into a directory. */
  widen(link, template) {
    if (formatOf(link) === "jwt") return forge(link, template);
    const { pg, dir } = fields(link);
    if (!pg || dir === "1") return null;
    if (dir) {
      return {
        link: link.replace(`&dir=${dir}`, `&dir=${dir - 1}`),
        note: `dir is now ${dir - 1}, one directory higher. The token was signed with ${dir}.`,
      };
    }
    // Fields are in alphabetical order, so `dir` goes before the first one that sorts after it.
    return {
      link: link.replace(/&(?=(?:dl|ip|jti|nbf|pre|run|sid|sub|sig)=)/, "&dir=1&"),
      note: "The link was for one file; dir=1 requests the whole first directory.",
    };
  },

  move(link) {
    const address = ADDRESS.exec(link);
    if (!address) return null;
    const [, origin, token = "", , query] = address;
    return {
      link: origin + token + OTHER_FILM + query,
      note: `The same token, moved to ${OTHER_FILM}.`,
    };
  },
};
