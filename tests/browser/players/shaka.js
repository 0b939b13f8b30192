// Shaka Player behind the few words that the tests share.
import "/shaka.js";

const { shaka } = window;

export async function open(video, url, { credentials = false, buffer = 30, low = false, session = false } = {}) {
  const player = new shaka.Player();
  const refusals = [];
  const errors = [];
  const note = ({ code, category, data }) => {
    errors.push({ code, category });
    if (code === shaka.util.Error.Code.BAD_HTTP_STATUS) {
      const [, status, , headers] = data;
      refusals.push({ status, reason: headers["playgate-reason"] });
    }
  };
  player.addEventListener("error", ({ detail }) => note(detail));
  await player.attach(video);
  player.configure({
    abr: { restrictions: low ? { maxHeight: 180 } : {} },
    streaming: {
      bufferingGoal: buffer,
      updateIntervalSeconds: 0.2,
      retryParameters: { maxAttempts: 1 },
    },
  });
  player.getNetworkingEngine().registerRequestFilter((_, request) => {
    request.allowCrossSiteCredentials = credentials;
  });
  if (session) window.session.shaka(player);
  const ready = player.load(url).then(() => {
    const [text] = player.getTextTracks();
    if (text) player.selectTextTrack(text);
  });
  return {
    ready,
    shaka: player,
    refusals,
    errors,
    latency: () => ({ latency: player.getStats().liveLatency, target: null }),
    /** Where the picture of a moment is, by a storyboard. */
    async thumbnail(storyboard, time) {
      const { id } = await player.addThumbnailsTrack(storyboard, "text/vtt");
      const { uris, positionX, positionY } = await player.getThumbnails(id, time);
      return { uri: uris[0], positionX, positionY };
    },
    pick(height) {
      player.configure("abr.enabled", false);
      player.selectVariantTrack(player.getVariantTracks().find((track) => track.height === height));
    },
  };
}
