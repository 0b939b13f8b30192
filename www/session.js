/** A session at a Playgate gate. Tokens stay in memory; one tab refreshes for all. */
export async function openSession({ gate, link, ended }) {
  const home = `${gate}/.playgate/session`;
  const tabs = new BroadcastChannel(home);
  let state = { n: 0 }; // the nth answer, or why it ended
  let ticks, pause, busy; // ticks stop in sleep; nobody sets them

  const isDue = (late = 1) => !(Math.max((Date.now() - state.at) / 1000, ticks) < state.refresh_in * late);

  function take(next, ours) {
    if (state.reason || next.n <= state.n) return;
    const { n } = state;
    state = next;
    ticks = pause = 0;
    if (ours) tabs.postMessage(next);
    if (!next.reason) return;
    clearInterval(timer);
    tabs.close();
    if (n) ended?.(next.reason);
  }
  tabs.onmessage = ({ data }) => data.n < state.n ? tabs.postMessage(state) : take(data);

  const send = (method, url) =>
    fetch(url, { method, credentials: "include", keepalive: true, signal: AbortSignal.timeout(8000) });
  const post = (url) => send("POST", url).then((it) => it.status < 500 && it.json()).catch(() => {});

  async function work() {
    await new Promise((done) => setTimeout(done, 50)); // for other tabs
    if (state.reason || !isDue()) return;
    const { n } = state, at = Date.now();
    let it = await post(`${home}/refresh`);
    if (it?.reason && link && !n) it = await link().then(post, () => {});
    if (it?.tokens) take({ ...it, at, n: n + 1 }, true);
    else if (it?.reason || !n) take({ reason: "no_answer", ...it, n: Infinity }, n);
    else pause = 5 + 10 * Math.random();
  }
  // Without it if a tab hangs: two refreshes get one answer.
  const lock = () => navigator.locks.request(home, { signal: AbortSignal.timeout(9000) }, work).catch(work);
  const refresh = () => busy ||= lock().finally(() => { busy = 0; });
  const timer = setInterval(() => ++ticks && isDue() && --pause < 0 && refresh(), 1000);

  const url = (address) => {
    const path = address.replace(gate, "").replace(/^\/pg=[^/]*/, "");
    const it = state.tokens?.find(({ directory }) => path.startsWith(directory));
    return it ? `${gate}/${it.token}${path}` : address;
  };
  const ready = async (address) => {
    if (isDue(1.2)) await refresh();
    return url(address);
  };

  tabs.postMessage(state);
  await refresh();
  if (state.reason) throw new Error(state.reason);
  addEventListener("online", refresh);
  return {
    url, ready,
    refresh: () => refresh(state.refresh_in = 0),
    async end() {
      if (!(await send("DELETE", home)).ok) throw new Error("not signed out");
      take({ reason: "signed_out", n: Infinity }, true);
    },
    hls: { xhrSetup: async (xhr, address) => xhr.open("GET", await ready(address)) },
    dash: (player) => player.addRequestInterceptor(async (it) => Object.assign(it, { url: await ready(it.url) })),
    shaka: (player) => player.getNetworkingEngine().registerRequestFilter(
      async (_, it) => { it.uris = await Promise.all(it.uris.map(ready)); }),
  };
}
