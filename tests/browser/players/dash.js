// dash.js behind the few words that the tests share.
import { MediaPlayer } from "/dash.js";

export function open(video, url, { credentials = false, buffer = 30, low = false, session = false } = {}) {
  const dash = MediaPlayer().create();
  dash.updateSettings({
    streaming: {
      // Its time server is on the internet.
      utcSynchronization: { enabled: false },
      abr: {
        autoSwitchBitrate: { video: !low, audio: false },
        initialBitrate: { video: low ? 100 : -1 },
      },
      buffer: { bufferTimeDefault: buffer, bufferTimeAtTopQuality: buffer, bufferTimeAtTopQualityLongForm: buffer },
      retryAttempts: { MediaSegment: 1, InitializationSegment: 1, MPD: 1 },
    },
  });
  if (session) window.session.dash(dash);
  if (credentials) dash.setXHRWithCredentialsForType("", true);
  const refusals = [];
  const errors = [];
  dash.on(MediaPlayer.events.ERROR, ({ error }) => {
    errors.push({ code: error.code, message: error.message });
    const { status, headers } = error.data?.response ?? {};
    if (status >= 400) refusals.push({ status, reason: headers["playgate-reason"] });
  });
  const ready = new Promise((resolve, reject) => {
    dash.on(MediaPlayer.events.STREAM_INITIALIZED, resolve);
    dash.on(MediaPlayer.events.ERROR, ({ error }) => reject(new Error(error.message)));
  });
  dash.initialize(video, url, true);
  return {
    ready,
    dash,
    refusals,
    errors,
    latency: () => ({ latency: dash.getCurrentLiveLatency(), target: dash.getTargetLiveDelay() }),
    pick(height) {
      const picked = dash.getRepresentationsByType("video").find((one) => one.height === height);
      dash.setRepresentationForTypeById("video", picked.id, true);
    },
  };
}
