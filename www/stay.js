// "Stay signed in": a session with access tokens of half a minute, and its tokens on a time line. A stolen refresh token
// is used elsewhere, and the gate notices.

import { fields } from "./link.js";
import { player } from "./player.js";
import { openSession } from "./session.js";
import { clock } from "./timeline.js";

const VIEWER = "viewer-2";
const DIRECTORY = "/videos/42/";
/** How much of the past and of the future the time line shows, in seconds. */
const PAST = 75;
const FUTURE = 30;
/** For how long an exchanged refresh token is still answered, in seconds, and one more. */
const GRACE = 11;

/** A session link from the origin, which has signed the viewer in. */
async function link(edge) {
  const answer = await fetch("sessions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ url: edge, sub: VIEWER, open: [DIRECTORY], access: "30s", claims: { role: "viewer" } }),
  });
  const { link, error } = await answer.json();
  if (!answer.ok) throw new Error(error);
  return link;
}

/** The thief: the server of this page, which browsers send the cookie, too. It answers without any token. */
async function steal(what) {
  const answer = await fetch(`.playgate/session/${what}`, { method: "POST" });
  return answer.json();
}

/** Starts the panel. `edge` is the origin of the gate; `null` if there is none. */
export function staySignedIn(edge) {
  const panel = document.querySelector("#stay");
  const part = (name) => panel.querySelector(`.${name}`);
  const [signIn, refresh, theft, signOut] = ["sign-in", "refresh", "steal", "sign-out"].map(part);
  let session = null;
  let isBusy = false;
  let bars = []; // tokens: { lane, from, until, generation }
  let marks = []; // what happened: { lane, at, kind }
  const screen = player({
    video: part("screen").querySelector("video"), status: part("status"), admitted: part("admitted"), refused: part("refused"),
  });

  const now = () => Date.now() / 1000;

  /** Adds a line to the log. */
  function say(kind, text) {
    const line = document.createElement("li");
    line.dataset.kind = kind;
    line.append(Object.assign(document.createElement("time"), { textContent: clock(now()) }), ` ${text}`);
    part("log").prepend(line);
    while (part("log").children.length > 8) part("log").lastChild.remove();
  }

  /** Notes a token that has just been made. */
  function note(lane, from, until, generation) {
    bars.push({ lane, from, until, generation });
    draw();
  }

  /** Ends the bars of a lane, or of all. */
  function cut(kind) {
    const at = now();
    for (const bar of bars) if (bar.until > at) [bar.until, bar.cut] = [at, kind];
    for (const lane of ["here", "elsewhere"]) if (bars.some((bar) => bar.lane === lane)) marks.push({ lane, at, kind });
    draw();
  }

  /** The access token in use, by what its address says. */
  function current() {
    if (!session) return null;
    const { exp, gen } = fields(session.url(`${DIRECTORY}master.m3u8`));
    return gen ? { until: Number(exp), generation: Number(gen) } : null;
  }

  function watch() {
    const token = current();
    const last = bars.findLast(({ lane }) => lane === "here");
    if (token && (last?.generation !== token.generation || last.until < token.until)) {
      note("here", now(), token.until, token.generation);
      say("pass", token.generation === 1
        ? "Signed in. The refresh token is in a cookie that no script can read."
        : `Refreshed: token ${token.generation}. Refresh token ${token.generation - 1} is used up.`);
    }
  }

  function buttons() {
    signIn.hidden = Boolean(session);
    for (const button of [refresh, theft, signOut]) button.disabled = !session || isBusy;
    signOut.disabled = !session;
  }

  async function start() {
    signIn.disabled = true;
    [bars, marks] = [[], []];
    part("log").replaceChildren();
    try {
      session = await openSession({ gate: edge, link: () => link(edge), ended });
      watch();
      const { ready } = session;
      // Neither buffer nor cache may answer instead of the gate.
      const fetchSetup = async ({ url }, init) => new Request(await ready(url), { ...init, cache: "no-store" });
      screen.play(session.url(`${DIRECTORY}master.m3u8`), undefined, true, { fetchSetup });
    } catch (error) {
      say("fail", `The session did not start: ${error.message}`);
    }
    signIn.disabled = false;
    buttons();
  }

  function ended(reason) {
    session = null;
    cut(reason === "signed_out" ? "out" : "alarm");
    screen.stop("refused", reason === "signed_out" ? "Signed out" : `The session has ended: ${reason}`);
    if (reason === "signed_out") say("pass", "Signed out. The gates refuse the access token within seconds.");
    buttons();
  }

  /** Steals the refresh token, waits until the gate can tell, and lets this browser refresh. */
  async function stealIt() {
    isBusy = true;
    buttons();
    try {
      const stolen = await steal("steal");
      if (stolen.status !== 200) return say("fail", `The thief got no token: ${stolen.reason}.`);
      const { generation, expires } = stolen;
      note("elsewhere", now(), expires, generation);
      say("fail", `A thief has used refresh token ${generation - 1} elsewhere, has token ${generation}, and plays. Nobody can tell yet.`);
      for (let left = GRACE; left > 0 && session; left--) {
        part("next").textContent = `This browser refreshes in ${left} s, with refresh token ${generation - 1}.`;
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
      part("next").textContent = "";
      await session?.refresh().catch(() => {});
      const thief = await steal("steal-again");
      const text = session ? "The gate has not noticed yet." :
        `Alarm: refresh token ${generation - 1} came back after token ${generation} was in use. The gate has ended the ` +
        `session and sent the event session.stolen. The thief's next refresh: ${thief.status} ${thief.reason}.`;
      say("fail", text);
    } catch {
      say("fail", "The server of this page does not answer. Run npm start.");
    } finally {
      isBusy = false;
      buttons();
    }
  }

  function draw() {
    const [low, high] = [now() - PAST, now() + FUTURE];
    const place = (time) => `${((Math.min(Math.max(time, low), high) - low) / (high - low)) * 100}%`;
    for (const lane of panel.querySelectorAll(".lane")) {
      const track = lane.querySelector(".track");
      const mine = bars.filter((bar) => bar.lane === lane.dataset.lane && bar.until > low);
      const ends = marks.filter((mark) => mark.lane === lane.dataset.lane && mark.at > low);
      track.replaceChildren(
        ...mine.flatMap(({ from, until, generation, cut }) => {
          const bar = Object.assign(document.createElement("span"), { className: "bar", textContent: generation });
          bar.style.left = place(from);
          bar.style.width = `calc(${place(until)} - ${place(from)})`;
          if (cut) bar.dataset.cut = cut;
          const joint = Object.assign(document.createElement("span"), { className: "joint" });
          joint.style.left = place(from);
          return from > low ? [bar, joint] : [bar];
        }),
        ...ends.map(({ at, kind }) => {
          const end = Object.assign(document.createElement("span"), { className: "stop" });
          end.dataset.kind = kind;
          end.style.left = place(at);
          return end;
        }),
      );
    }
    // The lanes start after their labels.
    part("needle").style.left = `calc(6.2rem + (100% - 6.2rem) * ${PAST / (PAST + FUTURE)})`;
  }

  if (!edge) {
    panel.querySelector(".notice").hidden = false;
    panel.querySelector(".halves").inert = true;
    return;
  }
  signIn.addEventListener("click", start);
  refresh.addEventListener("click", () => session?.refresh().then(watch, () => {}));
  theft.addEventListener("click", stealIt);
  signOut.addEventListener("click", () => session?.end().catch(() => say("fail", "The gate does not answer: still signed in.")));
  let isVisible = false;
  new IntersectionObserver(([{ isIntersecting }]) => { isVisible = isIntersecting; }).observe(panel);
  setInterval(() => {
    watch();
    if (isVisible && !document.hidden) draw();
  }, 500);
  buttons();
  draw();
}
