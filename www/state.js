// The settings of the page, kept in the query string so that they can be shared as a link. Only the
// members named here are written, never the key ring or a token.

const DEFAULTS = {
  url: "", lifetime: "10m", format: "native", scope: "exact", dir: "2", place: "query",
  claims: "vid=42", issuer: "", jwt_path: "/videos/{vid}/", gate_issuer: "", gate_audience: "",
  audience: "", country: "", ip: "", download: "", sub: "", sid: "", jti: "", not_before: "",
  run: "", preview: "",
  source: "hls", change: "", tab: "sign.py",
};

/** The state from the address bar, with defaults filled in. */
export function load() {
  const query = new URLSearchParams(location.search);
  return Object.fromEntries(
    Object.entries(DEFAULTS).map(([name, value]) => [name, query.get(name) ?? value]),
  );
}

/** Writes part of the state into the address bar; defaults are left out. */
export function save(some) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...load(), ...some })) {
    // A visitor may paste a signed link instead of a URL, and its token is a credential.
    const secret = /(^|[/?&])pg=\d|\be[wy3][\w-]*\.[\w-]+/.test(value);
    if (name in DEFAULTS && value !== DEFAULTS[name] && !secret) query.set(name, value);
  }
  const search = query.toString();
  history.replaceState(null, "", location.pathname + (search && `?${search}`) + location.hash);
}
