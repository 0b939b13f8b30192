// A session with a Playgate gate: access tokens in memory only, refreshed ahead of time by one tab for all.

/** Continues this browser's session, or starts one with `link()`. Calls `ended(reason)` once, when it is over. */
export async function openSession({ gate, link, ended }) {
  const home = `${gate}/.playgate/session`;
  const channel = new BroadcastChannel(home);
  let state = { n: 0 }; // The gate's nth answer; at the end, the reason.
  let before, arrived, failures, renewing;

  // One clock may be set, the other may stop in sleep. Too old is safe.
  const age = () => Math.max(Date.now() - state.asked, performance.now() - arrived) / 1000;
  const timer = setInterval(() => age() > state.refresh_in && Math.random() < 2 ** -failures && renew(), 1000);

  function take(next, told) {
    if (state.reason || next.n <= state.n) return;
    if (!told) channel.postMessage(next);
    if (next.reason) {
      clearInterval(timer);
      channel.close();
      if (arrived) queueMicrotask(() => ended?.(next.reason));
    }
    state = next;
    arrived = performance.now();
    failures = 0;
  }
  channel.onmessage = ({ data }) => {
    if (data.n < state.n) channel.postMessage(state);
    take(data, true);
  };

  const call = (method, url) =>
    fetch(url, { method, credentials: "include", keepalive: true, signal: AbortSignal.timeout(8000) });
  // Only a refusal by the gate has a reason, and ends a session.
  const ask = (url) => call("POST", url).then((answer) => answer.status < 500 && answer.json()).catch(() => false);

  async function work() {
    await new Promise((resolve) => setTimeout(resolve, 50)); // Other tabs may know more.
    if (state !== before) return;
    const asked = Date.now();
    let body = await ask(`${home}/refresh`);
    if (body.reason && link && !before.n) body = await link().then(ask, () => false);
    if (body.tokens) take({ ...body, asked, n: before.n + 1 });
    else if (body.reason || !before.n) take({ reason: "unreachable", ...body }, !before.n);
    else failures++;
  }
  const renew = () => {
    if (state.reason) return;
    before = state;
    channel.postMessage(state);
    // Who holds the lock for longer is frozen.
    return renewing ??= navigator.locks.request(home, { signal: AbortSignal.timeout(9000) }, work)
      .catch(work).finally(() => renewing = null);
  };

  const rewrite = (url) => {
    const path = url.slice(url.indexOf("/", gate.length + 1));
    const [best] = (state.tokens ?? []).filter(({ directory }) => path.startsWith(directory))
      .sort((a, b) => b.directory.length - a.directory.length);
    return best && url.startsWith(`${gate}/pg=`) ? `${gate}/${best.token}${path}` : url;
  };
  const ready = async (url = "") => {
    if (age() > state.refresh_in * 1.2) await renew();
    return rewrite(url);
  };

  await renew();
  if (state.reason) throw new Error(state.reason);
  addEventListener("online", renew);
  return {
    url: (path) => rewrite(`${gate}/pg=${path}`).replace("/pg=/", "/"),
    rewrite,
    ready,
    refresh: renew,
    end() {
      take({ reason: "signed_out" });
      return call("DELETE", home).then(({ ok }) => ok, () => false);
    },
    hls: {
      xhrSetup: async (xhr, url) => xhr.open("GET", await ready(url)),
      fetchSetup: async ({ url }, init) => new Request(await ready(url), init),
    },
    dash: (player) => player.addRequestInterceptor(async (request) =>
      Object.assign(request, { url: await ready(request.url) })),
    shaka: (player) => player.getNetworkingEngine().registerRequestFilter(async (_, request) => {
      request.uris = await Promise.all(request.uris.map(ready));
    }),
  };
}
