// The other way to give a playlist's addresses a token: split, replace, join.
//
// Two sorts of it. One resolves each address, as a gate has to that cannot tell what is in a playlist; the other
// only looks how an address begins, and is right for playlists that it knows.

/** Resolves each address against the playlist's own. */
export function resolving(playlist, token, base, scope) {
  const sign = (address) => {
    const url = new URL(address, base);
    if (url.origin !== base.origin || !url.pathname.startsWith(scope)) return address;
    return `/${token}${url.pathname}${url.search}${url.hash}`;
  };
  return each(playlist, sign);
}

/** Knows two ways to begin: with the playlist's own folder in full, and with a name. */
export function concatenating(playlist, token, base, scope) {
  const folder = base.href.slice(0, base.href.lastIndexOf("/") + 1);
  const path = base.pathname.slice(0, base.pathname.lastIndexOf("/") + 1);
  const sign = (address) => {
    if (address.startsWith(folder)) return `/${token}${path}${address.slice(folder.length)}`;
    if (address.includes(":") || address.startsWith("/")) return address;
    return `/${token}${path}${address}`;
  };
  return each(playlist, sign);
}

function each(playlist, sign) {
  return playlist
    .split("\n")
    .map((line) => {
      if (line === "") return line;
      if (line.startsWith("#")) return line.replace(/URI="([^"]*)"/, (_, address) => `URI="${sign(address)}"`);
      return sign(line);
    })
    .join("\n");
}
