// The playground: signs a link whenever the form changes, breaks the link on request, and compares
// the browser's verdict with the answer of the edge.

import { ask } from "./player.js";
import { bareJwt, changes, formatOf, jwtOf } from "./link.js";
import { showDetails, showReport } from "./report.js";
import { clock, timeline } from "./timeline.js";

const $ = (selector) => document.querySelector(selector);
const BINDINGS = ["audience", "country", "ip", "download", "sub", "sid", "jti", "not_before", "run", "preview"];
const NOT_IN_JWT = ["country", "ip", "download", "preview"];
const GATE = ["jwt_path", "gate_issuer", "gate_audience"];
const TEXTS = ["url", "lifetime", "dir", "claims", "issuer", ...BINDINGS, ...GATE];
// Reasons that only a gate with state gives.
const STATE = ["revoked", "signed_out", "displaced", "already_used", "too_many_playbacks", "unknown_reference"];
const CHOICES = ["format", "place", "scope"];

const seconds = () => Math.floor(Date.now() / 1000);

// `not before`: unix seconds, RFC 3339, or "+2m" from now, which still works in a shared address.
function moment(text, now) {
  const ahead = /^\+(\d+)([smhd]?)$/.exec(text);
  if (ahead) return now + Number(ahead[1]) * { "": 1, s: 1, m: 60, h: 3600, d: 86400 }[ahead[2]];
  if (/^\d+$/.test(text)) return Number(text);
  const unix = Date.parse(text) / 1000;
  return Number.isNaN(unix) ? text : unix;
}

// `vid=42, plan=basic` as `{ vid: "42", plan: "basic" }`.
function claims(text) {
  const pairs = text.split(/[\s,]+/).filter(Boolean).map((pair) => /^([^=]+)=(.+)$/.exec(pair)?.slice(1));
  if (pairs.includes(undefined)) throw new Error("claims: write name=value, separated by commas");
  const all = Object.fromEntries(pairs);
  if (Object.keys(all).length < pairs.length) throw new Error("claims: a name occurs twice; remove one");
  return all;
}

/** The content of the form, as the SignRequest of the core. */
function request(form, now) {
  const value = (name) => form.elements[name].value.trim();
  const asked = { url: value("url"), place: value("place") };
  const lifetime = value("lifetime");
  if (lifetime) asked.expires_in = /^\d+$/.test(lifetime) ? Number(lifetime) : lifetime;
  if (value("format") === "jwt") {
    Object.assign(asked, { format: "jwt", claims: claims(value("claims")) });
    if (value("issuer")) asked.issuer = value("issuer");
  } else if (value("scope") === "directory") asked.dir = Number(value("dir"));
  else asked.exact = true;
  for (const name of BINDINGS) {
    if (value(name) && !form.elements[name].disabled) asked[name] = value(name);
  }
  if (asked.country) asked.country = asked.country.split(/[\s,.]+/).filter(Boolean);
  if (asked.not_before) asked.not_before = moment(asked.not_before, now);
  return asked;
}

/** The settings of the gate on this page, as the Gate of the core. The edge of `npm start` reads both formats. */
function gate(form) {
  const value = (name) => form.elements[name].value.trim();
  if (value("format") !== "jwt") return {};
  const settings = { formats: ["native", "jwt"], jwt_path: value("jwt_path") };
  if (value("gate_issuer")) settings.issuer = value("gate_issuer");
  if (value("gate_audience")) settings.audience = value("gate_audience");
  return settings;
}

/**
 * Starts the playground. Each of `cores` has `sign` and `inspect`; the one for JWTs may be `null` until
 * `loadJwt` has loaded it. `edge` is the origin that may be asked. `state` is the initial state, and `save`
 * stores it. `play` plays a link.
 */
export function playground({ cores, loadJwt, edge, keys, state, save, play }) {
  const form = $("#sign-form");
  const link = $("#link");
  const buttons = document.querySelectorAll("[data-change]");
  const film = `${edge ?? "https://cdn.example.com"}/videos/42/film.mp4`;
  const draw = timeline($("#timeline"), $("#timeline-text"));
  const format = form.elements.format;
  const core = () => cores[format.value];
  let base = ""; // the link before any change
  let pasted = false; // whether the link was pasted instead of signed from the form
  let loading = null;
  let change = state.change;
  let report = null;
  let drawn = { key: "", url: "" };
  let timer = 0;
  let asked = 0;

  function fill() {
    $("#keys").value = keys;
    for (const name of TEXTS) form.elements[name].value = state[name];
    for (const name of CHOICES) form.elements[name].value = state[name];
    if (!format.value) format.value = "native";
    if (!state.url) form.elements.url.value = film;
    $("#bindings").open = BINDINGS.some((name) => state[name]);
  }

  function keep() {
    const names = [...TEXTS, ...CHOICES];
    const value = Object.fromEntries(names.map((name) => [name, form.elements[name].value.trim()]));
    if (value.url === film) value.url = "";
    save({ ...value, change });
  }

  /** Shows the fields of the format, and loads the core that it needs. */
  function showFormat() {
    for (const part of document.querySelectorAll("[data-format]")) part.hidden = part.dataset.format !== format.value;
    for (const name of NOT_IN_JWT) form.elements[name].disabled = format.value === "jwt";
    if (!core()) loading ??= load();
  }

  async function load() {
    $("#sign-error").textContent = "";
    cores.jwt = await loadJwt();
    loading = null;
    if (!cores.jwt) $("#sign-error").textContent = "The JWT code could not be loaded. Reload this page.";
    else if (pasted) look();
    else signAgain();
  }

  /** Signs the form's request at a time. On an error, shows it next to the form and returns null. */
  function sign(extra = {}, now = seconds()) {
    try {
      const asked = { ...request(form, now), ...extra };
      const { link: signed } = core().sign(asked, $("#keys").value, now);
      $("#sign-error").textContent = "";
      return signed;
    } catch (error) {
      $("#sign-error").textContent = `Not signed. ${error.message ?? error}`;
      return null;
    }
  }

  const breaks = {
    ...changes,
    // A real signature over a time in the past: only the age of this link is wrong.
    expire() {
      const now = seconds();
      const past = { expires_in: undefined, not_before: undefined, expires_at: now - 60 };
      const expired = sign(past, now - 120);
      const note = "Correctly signed, but it expired a minute ago.";
      return expired && { link: expired, note };
    },
  };

  function apply(name) {
    const template = form.elements.jwt_path.value.trim();
    const changed = name ? breaks[name]?.(base, template) : { link: base, note: "" };
    change = changed ? name : "";
    link.value = changed?.link ?? base;
    $("#change-note").textContent = changed?.note ?? "This link cannot be changed in this way.";
    for (const button of buttons) {
      const { change: name } = button.dataset;
      if (name) button.setAttribute("aria-pressed", String(name === change));
    }
    keep();
    look();
    askSoon();
  }

  function signAgain() {
    pasted = false;
    showFormat();
    const signed = core() ? sign() : null;
    link.toggleAttribute("data-stale", signed === null);
    form.elements.dir.disabled = form.elements.scope.value !== "directory";
    if (signed === null) return keep();
    base = signed;
    apply(change);
  }

  /** Runs the checks on the current link, and draws them if anything changed. */
  function look() {
    const url = link.value.trim();
    const now = seconds();
    const settings = gate(form);
    let error = core() ? "" : "Loading the JWT code.";
    try {
      report = url && core() ? core().inspect({ url }, settings, $("#keys").value, now) : null;
    } catch (thrown) {
      report = null;
      error = thrown.message ?? String(thrown);
    }
    const jwt = formatOf(url) === "jwt" ? jwtOf(url) : null;
    // A JWT's times can be read even if the JWT is malformed.
    const said = (name) => (Number.isInteger(jwt?.claims[name]) ? jwt.claims[name] : null);
    draw(report && {
      ...report,
      not_before: report.not_before ?? said("nbf"),
      expires: report.expires ?? said("exp"),
    }, now);
    // Announce only a new verdict: screen readers should not read every second.
    const key = JSON.stringify([url, settings, error, report?.verdict, report?.reason]);
    if (key === drawn.key) {
      if (report) showDetails(report);
      return;
    }
    // The same link has another verdict, because it became valid or expired: ask the edge again.
    if (url === drawn.url && !error) askSoon();
    drawn = { key, url };
    const claim = /\{(.*)\}/.exec(settings.jwt_path)?.[1];
    showReport(report, jwt && { members: Object.keys(jwt.members).length, claim });
    $("#verdict").dataset.verdict = report?.verdict ?? "";
    tell($("#verdict"), report?.status ?? "", report?.reason,
      report ? (report.reason ?? "admitted") : "not checked", report?.detail ?? error);
    compare();
  }

  function tell(element, status, reason, headline, detail) {
    element.dataset.status = status;
    element.dataset.reason = reason ?? "";
    element.querySelector("p").textContent = headline;
    element.querySelector("small").textContent = (detail ?? "").replaceAll("`", "");
  }

  function askSoon() {
    clearTimeout(timer);
    asked += 1;
    const url = link.value.trim();
    const answer = $("#edge-answer");
    $("#agreement").textContent = "";
    // Ask only this gate: a link for another host may be valid there, and must not be sent.
    if (!edge || !url.startsWith(`${edge}/`)) {
      const why = edge ? "The link is for another host." : "There is no edge.";
      tell(answer, "", "", "not asked", why);
      return;
    }
    tell(answer, "", "", "asking", "");
    timer = setTimeout(async (id) => {
      const { status, reason, expires } = await ask(url);
      if (id !== asked) return;
      const outcome = reason ?? (status < 400 ? "admitted" : "");
      const until = expires ? `Playgate-Expires: ${expires} (${clock(Number(expires))})` : "";
      if (status) tell(answer, status, reason, `${status} ${outcome}`.trim(), until);
      else tell(answer, "", "", "no answer", "Check that the edge is running.");
      compare();
    }, 250, asked);
  }

  function compare() {
    const { status, reason } = $("#edge-answer").dataset;
    $("#agreement").textContent = "";
    if (!status || !report) return;
    const same = (report.reason ?? "") === reason;
    $("#agreement").dataset.same = String(same);
    $("#agreement").textContent = same ? "They agree."
      : ["wrong_network", "wrong_country", "wrong_audience"].includes(report.reason)
        ? "They differ: only the edge knows the client's address and country and its own audience."
        : report.reason === "state_required" || STATE.includes(reason)
        ? "They differ: only the edge knows what was revoked, and who plays."
        : "They differ: the key rings, the settings or the clocks are not the same.";
  }

  fill();
  signAgain();
  setInterval(look, 1000);

  form.addEventListener("input", signAgain);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    signAgain();
  });
  link.addEventListener("input", () => {
    const alone = bareJwt(link.value.trim());
    if (alone) {
      const url = form.elements.url.value.trim();
      link.value = `${url}${url.includes("?") ? "&" : "?"}token=${alone}`;
    }
    base = link.value.trim();
    pasted = true;
    link.removeAttribute("data-stale");
    format.value = formatOf(base) ?? format.value;
    showFormat();
    apply("");
    if (alone) $("#change-note").textContent = "The JWT is now in the URL of step 1.";
    link.focus();
  });
  $("#gate").addEventListener("input", () => {
    // Changing the claim depends on the template.
    apply(change);
  });
  for (const button of buttons) {
    button.addEventListener("click", () => apply(button.dataset.change));
  }
  $("#play").addEventListener("click", () => play(link.value.trim()));
  return { link: () => link.value.trim() };
}
