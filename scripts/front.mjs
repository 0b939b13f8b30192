// The server that browsers see in development: the page and its links come from `playgate serve`, and calls that end
// links go on to the edge, with the operator's secret. In production, your back end makes these calls: no browser gets
// the secret. It also plays the thief of the page's sessions.
import http from "node:http";

/** The calls of the page. */
const CALL = /^\/\.playgate\/(playbacks|revocations)(\?|$)/;

/** Starts the server on a port of the loopback address. `secret` is the gate's ADMIN_SECRET, or undefined. */
export async function startFront({ port, originPort, edgePort, secret }) {
  const thief = new Thief(edgePort);
  const server = http.createServer((request, response) => {
    if (THEFT.test(request.url)) {
      if (!isLocal(request.headers)) return refuse(response, 403, "foreign_page");
      return thief.act(request, response).catch(() => refuse(response, 502, "no_answer"));
    }
    if (!CALL.test(request.url)) return pass(request, response, originPort, request.headers);
    // As `playgate serve --dev` does: only pages of this server, under a local name.
    if (!isLocal(request.headers)) return refuse(response, 403, "foreign_page");
    if (!secret) return refuse(response, 503, "no_secret");
    const { "content-type": type, "content-length": length } = request.headers;
    const body = length === undefined ? {} : { "Content-Type": type ?? "", "Content-Length": length };
    return pass(request, response, edgePort, { ...body, Authorization: `Bearer ${secret}` });
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return {
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What the page asks of the thief. */
const THEFT = /^\/\.playgate\/session\/steal(-again)?$/;

/**
 * Steals refresh tokens, as malware in a browser could: cookies are sent to every port of a host. It uses them from
 * another browser, and tells the page no token.
 */
class Thief {
  constructor(edgePort) {
    this.edge = `http://localhost:${edgePort}`;
  }

  async act(request, response) {
    if (request.url.endsWith("/steal")) this.cookie = request.headers.cookie;
    const headers = { Cookie: this.cookie ?? "", Origin: this.edge, "User-Agent": "the thief's browser" };
    const answer = await fetch(`${this.edge}/.playgate/session/refresh`, { method: "POST", headers });
    const { tokens, reason } = await answer.json();
    let stolen = { reason };
    if (tokens) {
      [this.cookie] = answer.headers.get("Set-Cookie").split(";");
      const [{ token, directory, expires }] = tokens;
      // He plays: the token is seen in use.
      await fetch(`${this.edge}/${token}${directory}master.m3u8`).then((media) => media.body?.cancel());
      stolen = { generation: Number(/&gen=(\d+)/.exec(token)[1]), expires };
    }
    response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-store" });
    response.end(JSON.stringify({ status: answer.status, ...stolen }));
  }
}

/** Whether the request is for a name of this machine, so that no foreign name points here, and from no foreign page. */
function isLocal({ host, origin }) {
  return /^(localhost|127\.0\.0\.1)(:\d+)?$/i.test(host ?? "") && (origin === undefined || origin === `http://${host}`);
}

function refuse(response, status, reason) {
  response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
  response.end(JSON.stringify({ status, reason }));
}

function pass(request, response, port, headers) {
  const { method, url: path } = request;
  const onward = http.request({ host: "127.0.0.1", port, method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
    answer.once("error", () => response.destroy());
  });
  onward.once("error", () => (response.headersSent ? response.destroy() : refuse(response, 502, "no_answer")));
  response.once("close", () => onward.destroy());
  request.pipe(onward);
}
