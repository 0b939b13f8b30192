// "Take it back": two players of one viewer, who may have one playback at a time. Ends playbacks, and measures how long
// a player goes on.

import { fields } from "./link.js";
import { player } from "./player.js";
import { clock, spell } from "./timeline.js";

const VIEWER = "viewer-1";
/** How long a revocation of this panel holds, in seconds. */
const HOLDS = 60;
/** How often the list of playbacks is updated, in milliseconds. */
const POLL = 2000;

const NO_OPERATOR = "This page cannot end links. Run npm start in the repository, and open the address that it prints. " +
  "That server sends these calls on to the gate, with the gate's ADMIN_SECRET from the file .dev.vars.";
const ADVICE = {
  no_secret: "This gate keeps no list of revoked links. Add the line ADMIN_SECRET=\"...\" to the file .dev.vars, " +
    "with 16 characters or more, and run npm start again.",
  unauthorized: "The gate has another ADMIN_SECRET than npm start has read. Run npm start again.",
  no_answer: "The edge does not answer. Check that it is running.",
};

/**
 * One of the gate's own calls. The server of this page sends it on with the operator's secret, which the page does not
 * have. Returns the answer; throws an error that says what to do.
 */
async function operate(method, path, asked) {
  const body = asked && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked) };
  const answer = await fetch(`.playgate/${path}`, { method, ...body, cache: "no-store" }).catch(() => null);
  const said = await answer?.json().catch(() => null);
  if (answer?.ok) return said;
  const { reason, detail } = said ?? {};
  throw new Error(ADVICE[reason] ?? (reason ? `The gate answered: ${reason}, ${detail}.` : NO_OPERATOR));
}

/** A link for one more playback of the viewer. Without an id, two links of the same second would be the same link. */
async function mint(edge) {
  const answer = await fetch("links", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      url: `${edge}/videos/42/master.m3u8`, expires_in: "1m", run: "1h", sub: VIEWER, max: 1, jti: crypto.randomUUID(),
    }),
  });
  const { link, error } = await answer.json();
  if (!answer.ok) throw new Error(error);
  return link;
}

/**
 * One of the two players. Calls `on.start(seat, clicked)` once the gate admits its playback, `on.change()` when the list
 * of playbacks may have changed, and `on.end(seat, sid)` to end its playback.
 */
function seat(root, edge, on) {
  const part = (name) => root.querySelector(`.${name}`);
  let state = "idle"; // or starting, playing, refused
  let address = ""; // one of the playback's own addresses
  let clicked = 0; // when Play was
  let ending = null; // `{ since, what }` while it plays on, although something has ended it

  const runs = () => state === "starting" || state === "playing";
  const own = {
    sid: () => fields(address).sid,
    /** From `since` on, the playback is to end because of `what`. */
    ends(since, what) {
      if (state === "playing") ending ??= { since, what };
    },
    /** It is not to end after all. */
    staysOn() {
      if (!ending) return;
      ending = null;
      part("went-on").textContent = "\u2013";
    },
    /** The viewer leaves. */
    leave(why) {
      if (!runs()) return;
      stop("idle", "Not playing");
      become("idle", why);
      tellGate();
    },
  };

  const video = root.querySelector("video");
  // The film is short. If it begins again before its end is in the buffer, the player asks as it would in a long one.
  video.addEventListener("timeupdate", () => {
    if (video.currentTime > video.duration - 5) video.currentTime = 0;
  });

  const { play, stop } = player({
    video, status: part("status"), admitted: part("admitted"), refused: part("refused"),
    seen({ url, status, reason }) {
      if (!runs()) return;
      if (status === 401 || status === 403) {
        const after = ending ? ` ${passed()} after “${ending.what}”` : "";
        become("refused", `Refused as ${reason}${after}.`);
        tellGate();
      } else if (status < 400) {
        if (fields(url).sid) address = url;
        part("sid").textContent = own.sid() ?? "\u2013";
        if (state === "playing") return;
        become("playing", "");
        on.start(own, clicked);
      }
    },
  });

  function become(next, text) {
    state = next;
    ending = null;
    part("play").textContent = { idle: "Play", refused: "Play again" }[state] ?? "Leave";
    part("result").textContent = text;
  }

  /** Shows how long it has played on, and returns that. */
  function passed() {
    const seconds = `${((performance.now() - ending.since) / 1000).toFixed(1)} s`;
    part("went-on").textContent = seconds;
    return seconds;
  }

  /** Tells the gate that the playback is over, so that its place is free. This also works while the page closes. */
  function tellGate() {
    if (address) navigator.sendBeacon(`${edge}/.playgate/playbacks/end`, address);
    address = "";
    on.change();
  }

  async function start() {
    const id = performance.now();
    clicked = id;
    become("starting", "");
    part("went-on").textContent = part("sid").textContent = "\u2013";
    try {
      const link = await mint(edge);
      if (state === "starting" && clicked === id) play(link, undefined, true);
    } catch (error) {
      if (clicked !== id) return;
      stop("failed", `The origin did not mint a link: ${error.message}`);
      become("idle", "");
    }
  }

  part("play").addEventListener("click", () => {
    if (!runs()) start();
    else own.leave("The player told the gate that it has left, so its place is free.");
  });
  part("end").addEventListener("click", () => {
    if (own.sid()) on.end(own, own.sid());
    else part("result").textContent = "There is no playback to end.";
  });
  setInterval(() => ending && passed(), 100);
  return own;
}

/** Starts the panel. `edge` is the origin of the gate; `null` if there is none. */
export function takeBack(edge) {
  const panel = document.querySelector("#take-back");
  const notice = panel.querySelector(".notice");
  const body = panel.querySelector("tbody");
  const say = (text) => { panel.querySelector("#ended").textContent = text; };
  let isVisible = false;
  let asked = 0; // numbers the questions for the list, so that a late answer is ignored

  /** Shows what is wrong; nothing is if `text` is empty. */
  function warn(text) {
    if (notice.textContent !== text) notice.textContent = text;
    notice.hidden = !text;
  }

  /** Carries out a call that ends what these players play. */
  async function end(what, players, call) {
    const since = performance.now();
    for (const player of players) player.ends(since, what);
    say("");
    try {
      await call();
      say(`${what}: the gate has it on its list.`);
    } catch (error) {
      for (const player of players) player.staysOn();
      say(`${what} failed. ${error.message}`);
    }
    list();
  }

  const now = () => Math.ceil(Date.now() / 1000);
  const revoke = (what) => operate("POST", "revocations", { ...what, issued_before: now(), until: now() + HOLDS });

  async function list() {
    if (!isVisible || document.hidden) return;
    const id = ++asked;
    try {
      const { playbacks } = await operate("GET", `playbacks?sub=${VIEWER}`);
      if (id !== asked) return;
      warn("");
      body.replaceChildren(...(playbacks.length ? playbacks.map(row) : [cells("td", "none")]));
    } catch (error) {
      if (id === asked) warn(error.message);
    }
  }

  function cells(first, ...texts) {
    const row = document.createElement("tr");
    const make = (text, i) => Object.assign(document.createElement(i ? "td" : first), { textContent: text });
    row.append(...texts.map(make));
    row.firstChild.colSpan = texts.length > 1 ? 1 : 4;
    return row;
  }

  function row({ sid, started, kept }) {
    const at = seats.findIndex((seat) => seat.sid() === sid);
    const ago = spell(Math.max(0, Date.now() / 1000 - kept));
    const line = cells("th", sid, ["first", "second"][at] ?? "elsewhere", clock(started), `${ago} ago`);
    line.firstChild.scope = "row";
    return line;
  }

  const template = panel.querySelector("template");
  const seats = ["First player", "Second player"].map((name, i) => {
    const root = template.content.firstElementChild.cloneNode(true);
    root.id = ["first", "second"][i];
    root.setAttribute("aria-label", name);
    root.querySelector("h3").textContent = name;
    root.querySelector("video").setAttribute("aria-label", `Sample film, ${name.toLowerCase()}`);
    template.before(root);
    return seat(root, edge, {
      change: list,
      start(started, clicked) {
        for (const other of seats) if (other !== started) other.ends(clicked, `Play in the ${name.toLowerCase()}`);
        list();
      },
      end: (one, sid) =>
        end("End this playback", [one], () => operate("DELETE", `playbacks?sub=${VIEWER}&sid=${encodeURIComponent(sid)}`)),
    });
  });

  if (!edge) {
    warn(NO_OPERATOR);
    for (const part of panel.querySelectorAll(".halves")) part.inert = true;
    return;
  }
  panel.querySelector("#end-viewer").addEventListener("click", () =>
    end("End this viewer", seats, () => revoke({ kind: "sub", value: VIEWER, reason: "signed_out" })));
  panel.querySelector("#end-all").addEventListener("click", () =>
    end("Revoke everything before now", seats, () => revoke({ kind: "all" })));
  addEventListener("pagehide", ({ persisted }) => {
    // A page that is kept may be shown again.
    if (persisted) return;
    for (const seat of seats) seat.leave("The page was left, so the playback has ended.");
  });
  new IntersectionObserver(([{ isIntersecting }]) => {
    isVisible = isIntersecting;
    list();
  }).observe(panel);
  setInterval(list, POLL);
}
