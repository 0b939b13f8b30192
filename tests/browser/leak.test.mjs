// Presentations that send players to another host, in every spelling that players and parsers read in their
// own ways. The other host listens, and sees no token: not in an address, nor in a header.
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, test } from "node:test";

import { sample } from "../edge/film.mjs";
import { directoryLink } from "../edge/gate.mjs";
import { startStage } from "./stage.mjs";

/** Presentations by name: what the film's is made into, where the other host is at `other`. */
const presentations = {
  "a plain base": (mpd, other) => base(mpd, `<BaseURL>${other}/</BaseURL>`),
  "a base in another namespace": (mpd, other) => base(mpd, `<BaseURL xmlns="urn:x">${other}/</BaseURL>`),
  "a base with a foreign prefix": (mpd, other) => base(mpd, `<d:BaseURL xmlns:d="urn:x">${other}/</d:BaseURL>`),
  "a base with an unbound prefix": (mpd, other) => base(mpd, `<d:BaseURL>${other}/</d:BaseURL>`),
  "a base with a bound prefix beside a plain one": (mpd, other) => base(mpd, `<d:BaseURL
    xmlns:d="urn:mpeg:dash:schema:mpd:2011">${other}/</d:BaseURL><BaseURL>/videos/42/</BaseURL>`),
  "a foreign prefix after a plain base": (mpd, other) => base(mpd, `<BaseURL>/videos/42/</BaseURL><d:BaseURL
    xmlns:d="urn:x">${other}/</d:BaseURL>`),
  "a base in a comment that some end early": (mpd, other) => base(mpd, `<!--><BaseURL>${other}/</BaseURL>-->`),
  "a base in a processing instruction": (mpd, other) => base(mpd, `<?a ><BaseURL>${other}/</BaseURL><?b ?>`),
  "a base with references in CDATA": (mpd, other) =>
    base(mpd, `<BaseURL><![CDATA[${other.replace("h", "&#104;")}/]]></BaseURL>`),
  "a base with a comment in it": (mpd, other) => base(mpd, `<BaseURL>x#<!-- -->${other}/</BaseURL>`),
  "a base with a comment before it": (mpd, other) => base(mpd, `<BaseURL>/videos/42/<!-- -->${other}/</BaseURL>`),
  "a base with a comment first that some end early": (mpd, other) =>
    base(mpd, `<BaseURL><!-->${other}/-->/videos/42/</BaseURL>`),
  "a base with a comment last that some end early": (mpd, other) =>
    base(mpd, `<BaseURL>/videos/42/<!-->${other}/--></BaseURL>`),
  "a base with a processing instruction first": (mpd, other) => base(mpd, `<BaseURL><?a >${other}/?>/videos/42/</BaseURL>`),
  "a Location with a comment first": (mpd, other) =>
    base(live(mpd), `<Location><!-->${other}/-->/videos/42/manifest.mpd</Location>`),
  "content steering with a comment first": (mpd, other) => base(live(mpd), `<ContentSteering
    defaultServiceLocation="a" queryBeforeStart="true"><!-->${other}/-->/videos/42/steering.json</ContentSteering>`),
  "client data that names the next object": (mpd, other) => nextObject(mpd, other),
  "a base with CDATA in it": (mpd, other) => base(mpd, `<BaseURL>/videos/42/?<![CDATA[${other}/]]></BaseURL>`),
  "a base behind slashes": (mpd, other) => base(mpd, `<BaseURL>\\${other.slice(5).replace("/", "\\")}/</BaseURL>`),
  "a base without a scheme": (mpd, other) => base(mpd, `<BaseURL>${other.slice(5)}/</BaseURL>`),
  "an id that is an address": (mpd, other) => mpd
    .replace(/id="0" mimeType/, `id="${other}/" mimeType`)
    .replace(/(initialization|media)="/g, "$&$$RepresentationID$$/"),
  "a Location": (mpd, other) => base(mpd, `<Location>${other}/manifest.mpd</Location>`),
  "a live Location": (mpd, other) => base(live(mpd), `<Location>${other}/manifest.mpd</Location>
    <PatchLocation>${other}/patch.mpp</PatchLocation>`),
  "a remote period": (mpd, other) => mpd.replace("<Period", `<Period xlink:href="${other}/period.xml"
    xlink:actuate="onLoad" duration="PT1S"/>$&`),
  "a clock": (mpd, other) => live(mpd).replace("</MPD>", `<UTCTiming
    schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="${other}/clock"/>$&`),
  "the query passed on": (mpd, other) => passOn(base(mpd, `<BaseURL>${other}/</BaseURL>`)),
  "the query passed on, in a comment": (mpd, other) =>
    passOn(base(mpd, `<BaseURL>${other}/</BaseURL>`)).replace(/<EssentialProperty[^]*?<\/EssentialProperty>/g, "<!-->$&-->"),
  "the query passed on, by the sixth edition": (mpd, other) => base(mpd, `<BaseURL>${other}/</BaseURL>`)
    .replace(/<AdaptationSet[^>]*>/g, '$&<RequestParam queryTemplate="$$querypart$$" useMPDUrlQuery="1"/>'),
  "reports": (mpd, other) => mpd.replace(/seg_/g, "gone_").replace("</MPD>", `<Metrics metrics="DVBErrors"><Reporting
    xmlns:dvb="urn:dvb:dash:dash-extensions:2014-1" schemeIdUri="urn:dvb:dash:reporting:2014" value="1"
    dvb:reportingUrl="${other}/report" dvb:probability="1000"/></Metrics>$&`),
};

/** Those that take no player of today to the other host. */
const SILENT = new Set([
  "a foreign prefix after a plain base",
  "a base with CDATA in it",
  "an id that is an address",
  "a Location",
  "reports",
  // The gate takes the comment away.
  "a base with a comment first that some end early",
  "a base with a comment last that some end early",
  "a base with a processing instruction first",
  "a Location with a comment first",
  "content steering with a comment first",
]);

const base = (mpd, bases) => mpd.replace(/(?=<Period)/, bases);

const live = (mpd) => mpd
  .replace('type="static"', 'type="dynamic" availabilityStartTime="2020-01-01T00:00:00Z" minimumUpdatePeriod="PT0.5S"')
  .replace('mediaPresentationDuration="PT20.0S"', "");

const passOn = (mpd) => mpd.replace(/<AdaptationSet[^>]*>/g, `$&<EssentialProperty
  schemeIdUri="urn:mpeg:dash:urlparam:2014" xmlns:up="urn:mpeg:dash:schema:urlparam:2014"><up:UrlQueryInfo
  queryTemplate="$$querypart$$" useMPDUrlQuery="true"/></EssentialProperty>`);

/** Segments here and there in turn, and client data that tells of the next one: CTA-5004, key `nor`. */
const nextObject = (mpd, other) => mpd
  .replace(/(?=<Period)/, `<ServiceDescription id="1"><ClientDataReporting><CMCDParameters version="1" mode="query"
    schemeIdUri="urn:mpeg:dash:cta-5004:2023" keys="nor ot sid" includeInRequests="segment"/></ClientDataReporting></ServiceDescription>`)
  .replace(/<SegmentTemplate timescale="1000000"[^]*?<\/SegmentTemplate>/g, (_, at, all) => {
    const [, id] = /.*<Representation id="(\d)"/s.exec(all.slice(0, at));
    const urls = [...Array(10).keys()].map((n) => {
      const name = `seg_${id}_${String(n + 1).padStart(2, "0")}.m4s`;
      return `<SegmentURL media="${n % 2 ? "/videos/42/" : `${other}/`}${name}"/>`;
    });
    return `<SegmentList timescale="1000000" duration="2000000"><Initialization
      sourceURL="/videos/42/init_${id}.mp4"/>${urls.join("")}</SegmentList>`;
  });

/** Text without any of its escapes, however often it was escaped. */
function plain(text) {
  for (let before; before !== text;) [before, text] = [text, unescape(text)];
  return text;
}

/** The other host: what it is asked, line by line. */
async function startListener() {
  const heard = [];
  const server = http.createServer((request, response) => {
    const { url, headers } = request;
    heard.push(plain(`${url} ${JSON.stringify(headers)}`));
    response.writeHead(404, { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*" }).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    heard,
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

let stage;
let other;
before(async () => {
  other = await startListener();
  const [, film] = sample.find(([name]) => name === "manifest.mpd");
  // Sound by absolute paths, so that there is something to write for a link in the path too.
  const mixed = film.toString().replace(/"audio"[^]*/, (sound) => sound.replace(/(initialization|media)="/g, "$&/videos/42/"));
  stage = await startStage({
    objects: () => [
      ...sample.map(([name, bytes]) => [`videos/42/${name}`, bytes]),
      ["videos/42/passed.mpd", passOn(film.toString())],
      ...Object.values(presentations).map((make, n) => [`videos/42/leak_${n}.mpd`, make(mixed, other.url)]),
    ],
  });
}, { timeout: 120_000 });
after(async () => {
  await stage?.stop();
  await other?.stop();
}, { timeout: 30_000 });

const limit = { timeout: 60_000 };
const links = [
  ["path", {}],
  ["query", {}],
  ["path", { run: 600 }],
  ["query", { run: 600 }],
];

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

/** Plays a link for as long as it takes a player to ask for the first segments. */
async function play(player, link) {
  const at = await stage.open();
  try {
    // Most of these cannot be played, and need not.
    at.play(player, link, { buffer: 4, low: true }).catch(() => {});
    for (let n = 0; n < 200 && at.requests.length === 0; n++) await sleep(0.1);
    assert.equal(at.requests[0]?.status, 200, "the gate serves the presentation");
    await sleep(2);
  } finally {
    await at.close();
  }
}

for (const [n, name] of Object.keys(presentations).entries()) {
  test(`${name}: the other host sees no token`, limit, async (t) => {
    other.heard.length = 0;
    const path = `/videos/42/leak_${n}.mpd`;
    for (const player of ["shaka", "dash"]) {
      await Promise.all(links.map(([placement, fields]) =>
        play(player, directoryLink(stage.gate, path, placement, fields))));
    }
    t.diagnostic(`asked ${other.heard.length} times`);
    const leaked = other.heard.filter((line) => /pg=|sig=|kid=/.test(line));
    assert.deepEqual(leaked, []);
    if (!SILENT.has(name)) assert.ok(other.heard.length > 0, "nobody asked the other host, so this proves nothing");
  });
}

for (const player of ["shaka", "dash"]) {
  test(`${player}: a presentation that passes its query on plays, without the token in that`, limit, async () => {
    const at = await stage.open();
    try {
      await at.play(player, `${directoryLink(stage.gate, "/videos/42/passed.mpd", "query")}&a=b`, { low: true });
      await at.playedTo(0.5);
      at.assertAdmitted();
      const segments = at.requests.filter(({ path }) => /seg_/.test(path));
      assert.ok(segments.length > 0);
      for (const { path } of segments) assert.match(path, /^\/pg=1&[^?]*\?a=b$/);
    } finally {
      await at.close();
    }
  });
}
