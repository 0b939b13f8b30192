// Path parameters (RFC 3986, section 3.3): a Java server takes what follows a `;` off each segment, and finds
// another file than the gate has decided on. A real Tomcat is behind ORIGIN here.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { sign, startGate, startOrigin } from "./gate.mjs";
import { askAt, startTomcat, withoutTomcat } from "./tomcat.mjs";

const HOST = "https://cdn.example.com";
const SECRET = "secret";
const FILES = [
  ["public/poster.jpg", "poster"],
  ["videos/42/film.mp4", `${SECRET} 42`],
  ["videos/42/seg1.m4s", "segment"],
  ["videos/42/a;b.mp4", "semicolon"],
  ["videos/43/film.mp4", `${SECRET} 43`],
];
const ENV = { PUBLIC: "/public/", PUBLIC_EXTENSIONS: "m4s, ts" };
const limit = { timeout: 60_000 };

describe("a Tomcat behind the gate", { skip: withoutTomcat }, () => {
  let [tomcat, origin, gate] = [];
  before(async () => {
    tomcat = await startTomcat(FILES);
    // Between them stands what writes down the paths that the gate asks for.
    origin = await startOrigin(async ({ url }, response) => {
      const { status, headers, body } = await askAt(tomcat.port, url);
      response.writeHead(status, { "content-type": headers["content-type"] ?? "text/plain" }).end(body);
    });
    gate = await startGate({ env: { MEDIA: null, ORIGIN: origin.url, ...ENV } });
  }, { timeout: 900_000 });
  after(async () => {
    await gate?.stop();
    await origin?.stop();
    await tomcat?.stop();
  });

  /** Whether Tomcat itself hands out a secret for a path. */
  const gives = async (path) => (await tomcat.ask(path)).body.includes(SECRET);

  /** Paths that are public, or below a directory that a token is for, until a server reads them. */
  const shapes = (semicolon, dots) => [
    `/public/${dots}${semicolon}/videos/42/film.mp4`,
    `/public/${dots}${semicolon}jsessionid=1/videos/42/film.mp4`,
    `/public/x/${dots}${semicolon}/${dots}${semicolon}/videos/42/film.mp4`,
    `/public${semicolon}x/${dots}${semicolon}/videos/42/film.mp4`,
    `/public/${semicolon}/${dots}${semicolon}/${dots}${semicolon}/videos/42/film.mp4`,
    `/public/.${semicolon}/${dots}${semicolon}/videos/42/film.mp4`,
    `/public/%2e${semicolon}/${dots}${semicolon}/videos/42/film.mp4`,
    `/videos/42/film.mp4${semicolon}x.m4s`,
    `/videos/42/film.mp4${semicolon}.ts`,
    `/videos/42/film.mp4${semicolon}jsessionid=1.m4s`,
    `/videos/42/film.mp4${semicolon}a=b${semicolon}c.TS`,
    `/videos${semicolon}a.ts/42/film.mp4${semicolon}x.m4s`,
    `/videos/42/x/${dots}${semicolon}/film.mp4${semicolon}x.m4s`,
  ];
  const SEMICOLONS = [";", "%3B", "%3b", "%253B"];
  const DOTS = ["..", "%2e%2e", ".%2E", "%2E."];
  const TRICKS = SEMICOLONS.flatMap((semicolon) => DOTS.flatMap((dots) => shapes(semicolon, dots)));

  test("Tomcat itself serves them", limit, async () => {
    for (const path of [
      "/public/..;/videos/42/film.mp4",
      "/public/%2e%2e;/videos/42/film.mp4",
      "/public/..;jsessionid=1/videos/42/film.mp4",
      "/videos/42/film.mp4;x.m4s",
      "/videos/42/film.mp4;jsessionid=1.m4s",
      "/videos/42/..;/43/film.mp4",
    ]) {
      assert.ok(await gives(path), path);
    }
    let count = 0;
    for (const path of new Set(TRICKS)) count += await gives(path);
    assert.ok(count >= 30, `${count} would do`);
  });

  test("the gate serves what it should from it", limit, async () => {
    for (const [url, body] of [
      [`${HOST}/public/poster.jpg`, "poster"],
      [`${HOST}/videos/42/seg1.m4s`, "segment"],
      [`${HOST}/videos/42/film.mp4?${sign("/videos/42/film.mp4")}`, `${SECRET} 42`],
      [`${HOST}/${sign("/videos/42/", { dir: 2 })}/videos/42/film.mp4`, `${SECRET} 42`],
      // The name of a file that has one, written as the signer says.
      [`${HOST}/videos/42/a%3Bb.mp4?${sign("/videos/42/a%3Bb.mp4")}`, "semicolon"],
    ]) {
      const answer = await gate.ask(url);
      assert.deepEqual([answer.status, answer.body.toString()], [200, body], url);
    }
  });

  /** Asks the gate, which serves no secret, and lets nothing through that Tomcat would give one for. */
  async function assertKept(url, options) {
    origin.asked.length = 0;
    const answer = await gate.ask(url, options);
    assert.ok(!answer.body.includes(SECRET), `${url} ${answer.status}`);
    for (const asked of origin.asked) assert.ok(!(await gives(asked.url)), `${url} asked for ${asked.url}`);
    return answer;
  }

  test("none of them opens anything without a token", limit, async () => {
    for (const path of new Set(TRICKS)) {
      const { status, headers } = await assertKept(HOST + path);
      const harmless = [200, 404].includes(status) && origin.asked.length > 0;
      assert.ok([401, 403].includes(status) || harmless, `${path} ${status} ${headers["playgate-reason"]}`);
      // A semicolon as it is never gets there.
      if (path.includes(";")) {
        assert.deepEqual(origin.asked, [], path);
        assert.ok(["missing", "path_not_canonical"].includes(headers["playgate-reason"]), path);
      }
    }
  });

  test("nor another directory than the token's", limit, async () => {
    const token = sign("/videos/42/", { dir: 2 });
    for (const semicolon of SEMICOLONS) {
      for (const dots of DOTS) {
        for (const path of [
          `/videos/42/${dots}${semicolon}/43/film.mp4`,
          `/videos/42/${dots}${semicolon}a=b/43/film.mp4`,
          `/videos/42/x/${dots}${semicolon}/${dots}${semicolon}/43/film.mp4`,
          `/videos/42/.${semicolon}/${dots}${semicolon}/43/film.mp4`,
          `/videos/42/${semicolon}/${dots}${semicolon}/${dots}${semicolon}/43/film.mp4`,
        ]) {
          for (const [url, options] of [
            [`${HOST}/${token}${path}`],
            [`${HOST}${path}?${token}`],
            [HOST + path, { headers: { cookie: token } }],
            [HOST + path, { headers: { authorization: `Bearer ${token}` } }],
          ]) {
            await assertKept(url, options);
            if (path.includes(";")) assert.deepEqual(origin.asked, [], url);
          }
        }
      }
    }
  });

  test("nor a signature over one", limit, async () => {
    for (const path of ["/public/..;/videos/42/film.mp4", "/videos/42/film.mp4;x.m4s", "/videos/42/..;/43/film.mp4"]) {
      const { headers } = await assertKept(`${HOST}${path}?${sign(path)}`);
      assert.equal(headers["playgate-reason"], "path_not_canonical");
      assert.deepEqual(origin.asked, []);
    }
  });
});
