// hls.js behind the few words that the tests share.
import Hls from "/hls.js";

export function open(video, url, { credentials = false, buffer = 30, low = false, renewAt, session = false } = {}) {
  const renewal = renewAt && renewing(renewAt);
  const hls = new Hls({
    maxBufferLength: buffer,
    maxMaxBufferLength: buffer,
    maxLiveSyncPlaybackRate: 1.2,
    xhrSetup(xhr, url) {
      if (renewal) xhr.open("GET", renewal.current(url));
      xhr.withCredentials = credentials;
      renewal?.watch(xhr);
    },
    ...(session && window.session.hls),
  });
  const refusals = [];
  const errors = [];
  hls.on(Hls.Events.ERROR, (_, { details, fatal, networkDetails, response }) => {
    errors.push({ details, fatal, at: video.currentTime });
    if (response?.code >= 400) {
      refusals.push({ status: response.code, reason: networkDetails.getResponseHeader("Playgate-Reason") });
    }
  });
  const ready = new Promise((resolve, reject) => {
    hls.once(Hls.Events.MANIFEST_PARSED, () => {
      if (low) hls.loadLevel = hls.levels.findIndex(({ height }) => height === 180);
      resolve();
    });
    hls.on(Hls.Events.ERROR, (_, { details, fatal }) => fatal && reject(new Error(details)));
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  return {
    ready,
    hls,
    refusals,
    errors,
    renewals: () => renewal.count,
    latency: () => ({ latency: (Date.now() - hls.playingDate) / 1000, target: hls.targetLatency }),
    pick(height) {
      hls.nextLevel = hls.levels.findIndex((level) => level.height === height);
    },
  };
}

/**
 * Renews the token in the path: five seconds before the gate says that the one in use ends, a new link
 * comes from the page's own server, and every address is asked for with its token from then on.
 */
function renewing(renewAt) {
  let token;
  let expires = 0;
  const renewal = {
    count: 0,
    current: (url) => (token ? url.replace(/\/pg=1&[^/]*/, token) : url),
    watch: (xhr) => xhr.addEventListener("load", () => {
      const told = Number(xhr.getResponseHeader("Playgate-Expires"));
      if (told <= expires) return;
      expires = told;
      setTimeout(async () => {
        const link = await (await fetch(renewAt)).text();
        token = /\/pg=1&[^/]*/.exec(link)[0];
        renewal.count++;
      }, (expires - 5) * 1000 - Date.now());
    }),
  };
  return renewal;
}
