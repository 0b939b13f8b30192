// A link as text: its parts for the eye, and the ways to break it. What is valid is not decided
// here; the same core that runs at the edge does that.

const TOKEN = /pg=\d+(?:&[a-z]+=[\w.-]*)*/;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const OTHER_FILM = "/videos/43/film.mp4";

/** Cuts a link into `{ field, text }`; `field` is null outside the token. */
export function parts(link) {
  const token = TOKEN.exec(link);
  if (!token) return [{ field: null, text: link }];
  const fields = token[0].split("&").flatMap((text, i) => [
    ...(i ? [{ field: null, text: "&" }] : []),
    { field: text.slice(0, text.indexOf("=")), text },
  ]);
  return [
    { field: null, text: link.slice(0, token.index) },
    ...fields,
    { field: null, text: link.slice(token.index + token[0].length) },
  ];
}

/** The fields of the token in a link, as `{ exp: "1767225600", ... }`. */
export function fields(link) {
  const named = parts(link).filter((part) => part.field);
  return Object.fromEntries(named.map(({ field, text }) => [field, text.slice(field.length + 1)]));
}

/** Writes a link into an element, coloured by field. The signature looks short but copies whole. */
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

// Each takes a link and gives the broken one as `{ link, note }`, or null where it has no meaning.
export const changes = {
  tamper(link) {
    const sig = /sig=[\w-]{21}/.exec(link);
    if (!sig) return null;
    // Not the last character: its tail bits are grammar, and the point here is the tag.
    const at = sig.index + sig[0].length - 1;
    const was = link[at];
    const is = ALPHABET[(ALPHABET.indexOf(was) + 1) % ALPHABET.length];
    return {
      link: link.slice(0, at) + is + link.slice(at + 1),
      note: `Character 21 of the signature was ${was} and is ${is} now.`,
    };
  },

  widen(link) {
    const { pg, dir } = fields(link);
    if (!pg || dir === "1") return null;
    if (dir) {
      return {
        link: link.replace(`&dir=${dir}`, `&dir=${dir - 1}`),
        note: `dir says ${dir - 1} now, one directory higher. It was signed as ${dir}.`,
      };
    }
    // Fields stand in alphabetical order, so `dir` goes before the first one that sorts after it.
    return {
      link: link.replace(/&(?=(?:dl|ip|jti|nbf|pre|run|sid|sub|sig)=)/, "&dir=1&"),
      note: "The link was for one file; dir=1 asks for the whole first directory.",
    };
  },

  move(link) {
    const cut = /^(\w+:\/\/[^/?#]+)(\/pg=[^/]*)?([^?]*)(.*)$/s.exec(link);
    if (!cut) return null;
    return {
      link: cut[1] + (cut[2] ?? "") + OTHER_FILM + cut[4],
      note: `The same token, on ${OTHER_FILM}.`,
    };
  },
};
