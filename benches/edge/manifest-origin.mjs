// Answers every request with one playlist.
export default {
  fetch(_, env) {
    return new Response(env.PLAYLIST, { headers: { "Content-Type": "application/vnd.apple.mpegurl" } });
  },
};
