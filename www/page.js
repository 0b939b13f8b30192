// Starts the page: finds the edge, mints links for the player, and loads the core.

import { fields, formatOf, show } from "./link.js";
import { ask, player } from "./player.js";
import { playground } from "./playground.js";
import { takeBack } from "./revoke.js";
import { load, save } from "./state.js";
import { staySignedIn } from "./stay.js";
import { tabs } from "./tabs.js";
import { clock, spell } from "./timeline.js";

const $ = (selector) => document.querySelector(selector);
const state = load();

function notice(text) {
  $("#notice").textContent = text;
  $("#notice").hidden = false;
}

async function dev() {
  const answer = await fetch("dev.json").catch(() => null);
  if (answer?.ok) return answer.json();
  notice("This page needs an origin and an edge. Run npm start in the repository, " +
    "and open the address that it prints.");
  return { edge: null, keys: "" };
}

/** Loads `playgate`, or `playgate-jwt`, which also reads and signs JWTs and is twice as large. */
async function core(name) {
  try {
    const module = await import(`./vendor/${name}.js`);
    await module.default({ module_or_path: new URL(`vendor/${name}_bg.wasm`, import.meta.url) });
    return module;
  } catch (error) {
    console.error(error);
    notice("This browser could not load the signer. Run npm start in the repository to build it, " +
      "and reload this page.");
    return null;
  }
}

// A link to a playlist also opens its segments and the poster; the film has its own link.
async function mint(edge) {
  const answer = await fetch("links", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify([
      { url: `${edge}/videos/42/master.m3u8`, expires_in: "5m", run: "4h" },
      { url: `${edge}/videos/42/film.mp4`, expires_in: "10m" },
    ]),
  });
  const links = await answer.json();
  if (!answer.ok) throw new Error(links.error);
  return { hls: links[0].link, film: links[1].link, expires: links[0].expires };
}

const NOTES = {
  hls: "One link opens the manifest, its segments, the subtitles and the poster. The gate checks every " +
    "request. The link can start playback for five minutes; playback can then last for four hours.",
  film: "An exact link opens only this file.",
  link: "The current link of the playground, with all changes.",
};

const MEANINGS = {
  pg: () => "token, version 1",
  exp: (value) => `admitted until ${clock(Number(value))}`,
  kid: (value) => `signed with the key “${value}”`,
  dir: (value) => `opens everything below the first ${value} path segments`,
  pre: (value) => `opens only the first ${spell(value)}`,
  run: (value) => `playback may last ${spell(value)}`,
  sig: () => "HMAC-SHA-256 over scope and token",
  // Fields of a JWT
  alg: (value) => (value === "HS256" ? "HMAC-SHA-256" : value),
  iss: (value) => `issued by “${value}”`,
};
const JWT_SIG = "HMAC-SHA-256 over header and payload";

function legend(link) {
  const jwt = formatOf(link) === "jwt";
  return Object.entries(fields(link)).flatMap(([name, value]) => {
    const term = Object.assign(document.createElement("dt"), { textContent: name });
    term.dataset.field = name;
    const meaning = jwt && name === "sig" ? JWT_SIG : MEANINGS[name]?.(value) ?? value;
    return [term, Object.assign(document.createElement("dd"), { textContent: meaning })];
  });
}

function watching(edge) {
  let lasts = 0; // the time until which the gate serves what is being played
  const { play } = player({
    until: (unix) => { lasts = unix; },
    video: $("#video"), status: $("#player-status"),
    admitted: $("#admitted-count"), refused: $("#refused-count"),
  });
  let minted = null;

  async function start(source, link) {
    $(`[name=source][value=${source}]`).checked = true;
    save({ source });
    try {
      const fresh = minted && minted.expires * 1000 - Date.now() > 60_000;
      if (edge && !fresh) minted = await mint(edge);
    } catch (error) {
      const status = $("#player-status");
      status.dataset.state = "failed";
      status.textContent = `The origin did not mint a link: ${error.message}`;
      return;
    }
    const playing = source === "link" ? link : minted?.[source];
    if (!playing || !URL.canParse(playing)) return;
    lasts = 0;
    $("#source-note").textContent = NOTES[source];
    show($("#played-link"), playing);
    $("#played-fields").replaceChildren(...legend(playing));
    play(playing, minted ? new URL("poster.jpg", minted.hls).href : undefined);
  }

  setInterval(() => {
    const { exp } = fields($("#played-link").dataset.link ?? "");
    const left = (lasts || Number(exp)) - Date.now() / 1000;
    $("#time-left").textContent = !exp ? "\u2013" : left > 0 ? spell(left) : "expired";
  }, 1000);
  return { start, renew: () => { minted = null; } };
}

function copies(button, text) {
  button.addEventListener("click", async () => {
    const done = await navigator.clipboard.writeText(text()).then(() => true, () => false);
    button.textContent = done ? "Copied" : "Not allowed";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

copies($("#copy-played"), () => $("#played-link").dataset.link ?? "");
copies($("#copy-link"), () => $("#link").value.trim());
copies($("#copy-signer"), () => $("#signer pre").textContent);
tabs({ list: $("#tabs"), panel: $("#signer"), chosen: state.tab, save: (tab) => save({ tab }) });

const { edge, keys } = await dev();
const watch = watching(edge);
takeBack(edge);
staySignedIn(edge);
const loadJwt = () => core("playgate-jwt");
const loaded = await core("playgate");
const bench = loaded && playground({
  cores: { native: loaded, jwt: state.format === "jwt" ? await loadJwt() : null },
  loadJwt, edge, keys, state, save,
  play: (link) => {
    watch.start("link", link);
    $("#watch").scrollIntoView();
  },
});
const source = () => $("[name=source]:checked").value;
const first = ["film", "link"].includes(state.source) ? state.source : "hls";
// Until now, input would have been overwritten.
for (const part of document.querySelectorAll(".bench")) part.inert = !loaded;
if (edge) watch.start(first === "link" && !bench ? "hls" : first, bench?.link());
else $("#player-status").textContent = "There is no edge to play from. Run npm start.";
$("#source").addEventListener("change", () => watch.start(source(), bench?.link()));
$("#renew").addEventListener("click", () => {
  watch.renew();
  watch.start(source() === "link" ? "hls" : source());
});
