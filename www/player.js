// The player: hands a link to hls.js or to the video element, counts what the gate admitted and
// refused, and says over the picture why a request was refused.

const reduced = matchMedia("(prefers-reduced-motion: reduce)");
const hlsjs = import("./vendor/hls.mjs").then((module) => module.default, () => null);

/** Asks the edge for one byte of a link: `{ status, reason, expires }`; status 0 is no answer. */
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

/**
 * Ties a video element to the counters and the line over the picture; gives `play`. `until` is told until
 * when the gate serves on.
 */
export function player({ video, status, admitted, refused, until }) {
  let current = 0; // Each play() has a number, so that a late answer to an earlier one is dropped.
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
    say("refused", `Refused at the gate: ${code} ${reason ?? ""}`.trim());
  };

  // hls.js tells of each request, and the edge exposes the reason, so nothing is asked twice.
  const watch = (xhr, id) => xhr.addEventListener("loadend", () => {
    if (id !== current || !xhr.status) return;
    if (xhr.status < 400) {
      count(admitted);
      until(Number(xhr.getResponseHeader("Playgate-Expires")));
    }
    else if (xhr.status === 401 || xhr.status === 403) {
      refuse(xhr.status, xhr.getResponseHeader("Playgate-Reason"));
    }
  });

  // A video element tells nothing of its requests; the browser's own record of them does.
  new PerformanceObserver((list) => {
    if (hls) return;
    const good = list.getEntries().filter(({ initiatorType, name, responseStatus: code }) =>
      initiatorType === "video" && name !== video.poster && code >= 200 && code < 400);
    count(admitted, good.length);
  }).observe({ type: "resource" });

  async function explain(id, what) {
    const { status: code, reason } = await ask(link);
    if (id !== current) return;
    if (!code) say("failed", "The edge does not answer. Is it running?");
    else if (code === 401 || code === 403) refuse(code, reason);
    else say("failed", `The gate admits this link, but it cannot be played: ${what}.`);
  }

  video.addEventListener("loadedmetadata", () => status.dataset.state === "loading" && say("", ""));
  video.addEventListener("error", () => {
    if (!hls && video.hasAttribute("src")) explain(current, video.error?.message || "media error");
  });

  return async function play(next, poster, start = !reduced.matches) {
    const id = ++current;
    hls?.destroy();
    hls = null;
    link = next;
    admitted.textContent = refused.textContent = "0";
    video.removeAttribute("src");
    video.load();
    video.poster = poster ?? "";
    say("loading", "Loading");

    const Hls = await hlsjs;
    if (id !== current) return;
    const manifest = new URL(link).pathname.endsWith(".m3u8");
    if (manifest && Hls?.isSupported()) {
      // A few seconds ahead, so that the gate is asked for as long as the film runs.
      const ahead = { maxBufferLength: 4, maxMaxBufferLength: 4 };
      hls = new Hls({ enableWorker: false, xhrSetup: (xhr) => watch(xhr, id), ...ahead });
      hls.on(Hls.Events.ERROR, (_, error) => {
        if (!error.fatal || id !== current) return;
        hls.destroy();
        // A refusal is told by the request itself.
        if (![401, 403].includes(error.response?.code)) explain(id, error.details);
      });
      hls.loadSource(link);
      hls.attachMedia(video);
    } else if (manifest && !video.canPlayType("application/vnd.apple.mpegurl")) {
      say("failed", "This browser plays no HLS; choose the MP4.");
      return;
    } else {
      video.src = link;
    }
    if (start) video.play().catch(() => {}); // Where autoplay is refused, the controls are there.
  };
}
