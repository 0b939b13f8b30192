// The player: passes a link to hls.js or to the video element, counts admitted and refused requests,
// and shows over the picture why a request was refused.

const reduced = matchMedia("(prefers-reduced-motion: reduce)");
const hlsjs = import("./vendor/hls.mjs").then((module) => module.default, () => null);

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

/**
 * Connects a video element to the counters and the status line, and returns `play`. Calls `until` with the
 * time until which the gate serves.
 */
export function player({ video, status, admitted, refused, until }) {
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
    say("refused", `Refused at the gate: ${code} ${reason ?? ""}`.trim());
  };

  // hls.js reports each request, and the edge exposes the reason, so no request is repeated.
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

  // A video element does not report its requests, but the browser's performance log does.
  new PerformanceObserver((list) => {
    if (hls) return;
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
      // Buffer only a few seconds, so that requests continue while the film plays.
      const ahead = { maxBufferLength: 4, maxMaxBufferLength: 4 };
      hls = new Hls({ enableWorker: false, xhrSetup: (xhr) => watch(xhr, id), ...ahead });
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
  };
}
