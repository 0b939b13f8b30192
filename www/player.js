// The player: passes a link to hls.js or to the video element, counts admitted and refused requests,
// and shows over the picture why a request was refused.

const reduced = matchMedia("(prefers-reduced-motion: reduce)");
const hlsjs = import("./vendor/hls.mjs").then(({ default: Hls, FetchLoader }) => ({ Hls, FetchLoader }), () => ({}));

/** What the name of a reason does not tell a viewer. */
const MEANINGS = {
  displaced: "another playback took its place",
  revoked: "it was taken back",
  session_ended: "the session has ended",
  signed_out: "the viewer was signed out",
  too_many_playbacks: "the viewer has no place left",
};

/** Requests one byte of a link from the edge: `{ status, reason, expires }`; status 0 means no answer. */
export async function ask(link) {
  try {
    const answer = await fetch(link, {
      headers: { Range: "bytes=0-0" }, cache: "no-store", credentials: "omit",
    });
    answer.body?.cancel();
    return {
      status: answer.status,
      reason: answer.headers.get("Playgate-Reason"),
      expires: answer.headers.get("Playgate-Expires"),
    };
  } catch {
    return { status: 0, reason: null, expires: null };
  }
}

/** hls.js's loader, which also passes each answer to `seen`. The edge exposes the reason of a refusal. */
const watched = (FetchLoader, seen) => class extends FetchLoader {
  load(context, config, callbacks) {
    super.load(context, config, {
      ...callbacks,
      onSuccess(...args) {
        seen(args[3]);
        callbacks.onSuccess(...args);
      },
      onError(...args) {
        if (args[2]) seen(args[2]);
        callbacks.onError(...args);
      },
    });
  }
};

/**
 * Connects a video element to the counters and the status line, and returns `play` and `stop`. Calls `until` with the
 * time until which the gate serves, and `seen` with the address, the status and the reason of each answer. If the video
 * repeats, it asks for everything again.
 */
export function player({ video, status, admitted, refused, until = () => {}, seen = () => {} }) {
  let current = 0; // Numbers each play(), so that late answers to earlier ones are ignored.
  let hls = null;
  let link = "";

  const say = (state, text) => {
    status.dataset.state = state;
    status.textContent = text;
    status.hidden = !text;
  };
  const count = (element, n = 1) => {
    element.textContent = String(Number(element.textContent) + n);
  };
  const refuse = (code, reason) => {
    count(refused);
    const meaning = MEANINGS[reason] ? `, ${MEANINGS[reason]}` : "";
    say("refused", `Refused at the gate: ${code} ${reason ?? ""}`.trim() + meaning);
  };

  const note = (id) => ({ url, status: code, headers }) => {
    if (id !== current) return;
    const reason = headers.get("Playgate-Reason");
    if (code < 400) {
      count(admitted);
      until(Number(headers.get("Playgate-Expires")));
    } else if (code === 401 || code === 403) refuse(code, reason);
    seen({ url, status: code, reason });
  };

  // A video element does not report its requests, but the browser's performance log does.
  new PerformanceObserver((list) => {
    if (hls || !video.hasAttribute("src")) return;
    const good = list.getEntries().filter(({ initiatorType, name, responseStatus: code }) =>
      initiatorType === "video" && name !== video.poster && code >= 200 && code < 400);
    count(admitted, good.length);
  }).observe({ type: "resource" });

  async function explain(id, what) {
    const { status: code, reason } = await ask(link);
    if (id !== current) return;
    if (!code) say("failed", "The edge does not answer. Check that it is running.");
    else if (code === 401 || code === 403) refuse(code, reason);
    else say("failed", `The gate admits this link, but the player failed: ${what}.`);
  }

  video.addEventListener("loadedmetadata", () => status.dataset.state === "loading" && say("", ""));
  video.addEventListener("error", () => {
    if (!hls && video.hasAttribute("src")) explain(current, video.error?.message || "media error");
  });

  /** Stops, and shows why. */
  function stop(state, text) {
    current += 1;
    hls?.destroy();
    hls = null;
    video.removeAttribute("src");
    video.load();
    say(state, text);
  }

  /** Plays a link. `config` is for hls.js. */
  async function play(next, poster, start = !reduced.matches, config = {}) {
    stop("loading", "Loading");
    const id = current;
    link = next;
    admitted.textContent = refused.textContent = "0";
    video.poster = poster ?? "";

    const { Hls, FetchLoader } = await hlsjs;
    if (id !== current) return;
    const manifest = new URL(link).pathname.endsWith(".m3u8");
    if (manifest && Hls?.isSupported()) {
      // Buffer only a few seconds, so that requests continue while the film plays.
      const ahead = { maxBufferLength: 4, maxMaxBufferLength: 4 };
      // A film that repeats stands for a longer one: neither buffer nor cache may answer instead of the gate.
      const again = video.loop
        ? { backBufferLength: 0, fetchSetup: ({ url }, init) => new Request(url, { ...init, cache: "no-store" }) }
        : {};
      hls = new Hls({ enableWorker: false, loader: watched(FetchLoader, note(id)), ...ahead, ...again, ...config });
      hls.on(Hls.Events.ERROR, (_, error) => {
        if (!error.fatal || id !== current) return;
        hls.destroy();
        // For a refusal, the request itself shows the reason.
        if (![401, 403].includes(error.response?.code)) explain(id, error.details);
      });
      hls.loadSource(link);
      hls.attachMedia(video);
    } else if (manifest && !video.canPlayType("application/vnd.apple.mpegurl")) {
      say("failed", "This browser cannot play HLS; choose the MP4.");
      return;
    } else {
      video.src = link;
    }
    if (start) video.play().catch(() => {}); // If autoplay is blocked, the viewer can use the controls.
  }

  return { play, stop };
}
