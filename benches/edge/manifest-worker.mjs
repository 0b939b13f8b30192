// The JavaScript Worker that the bench lets Playgate's take turns with, and the origin of both.
import { concatenating, resolving } from "./manifest-rewrite.mjs";

const SCOPE = "/videos/42/";

/** Fetches a playlist and gives its addresses the token that came in the query. It verifies nothing. */
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const token = url.search.slice(1);
    const answer = await fetch(env.ORIGIN + url.pathname);
    const rewrite = env.HOW === "resolving" ? resolving : concatenating;
    const body = rewrite(await answer.text(), token, url, SCOPE);
    const headers = { "Content-Type": answer.headers.get("Content-Type"), "Cache-Control": "private" };
    return new Response(body, { headers });
  },
};
