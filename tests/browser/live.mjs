// A live broadcast, made on the fly: low-latency HLS (draft-pantos-hls-rfc8216bis) and a dynamic MPD
// over the same segments, as an origin behind the gate.
import http from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { ffmpeg, made } from "../edge/ffmpeg.mjs";

// 24 frames of AAC at 48 kHz and 8 pictures last equally long: no part drifts from its neighbour.
const PART = 512; // milliseconds
const PARTS = 4; // in a segment
const SEGMENT = PART * PARTS;
const WINDOW = 16; // segments
const WITH_PARTS = 3; // segments whose parts are still listed
const SKIP_UNTIL = 6 * SEGMENT;

const VIDEO = { high: [320, 180, 200], low: [160, 90, 80] }; // width, height, kbit/s
const HLS = "application/vnd.apple.mpegurl";
const RENDITIONS = [...Object.keys(VIDEO), "tone"];

/** The spellings of the addresses in the playlists, each in a folder of its own below /live/. */
const before = {
  relative: () => "",
  full: (gate, path) => gate + path,
  rooted: (_, path) => path,
};

/** Starts a broadcast that goes on for so many seconds. */
export async function startLive(seconds) {
  const media = await record(seconds + 60);
  // It is on air for a while already: the window is full.
  const begin = Date.now() - WINDOW * SEGMENT;
  const live = { media, begin, asked: [], gate: "" };
  const server = http.createServer((request, response) => {
    live.asked.push(request.url);
    answer(live, request, response).catch((error) => response.destroy(error));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    /** What it was asked. */
    asked: live.asked,
    url: `http://127.0.0.1:${server.address().port}`,
    /** Tells it what full URLs start with. */
    behind(gate) {
      live.gate = gate;
    },
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Each rendition: its initialization and its parts. */
async function record(seconds) {
  const files = await made(async (folder) => {
    const input = (graph) => ["-f", "lavfi", "-t", String(seconds + WINDOW * SEGMENT / 1000), "-i", graph];
    const pictures = Object.entries(VIDEO).flatMap(([name, [width, height, rate]]) => [
      "-map", "0:v", "-vf", `scale=${width}:${height}`, "-c:v", "libx264", "-preset", "ultrafast",
      "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-b:v", `${rate}k`, "-video_track_timescale", "1000",
      "-g", "8", "-keyint_min", "8", "-sc_threshold", "0", // each part starts with a whole picture
      "-movflags", "+frag_keyframe+empty_moov+default_base_moof", join(folder, `${name}.mp4`),
    ]);
    await ffmpeg([
      ...input("testsrc2=s=320x180:r=125/8"), ...input("sine=f=440:b=4:r=48000"), ...pictures,
      "-map", "1:a", "-c:a", "aac", "-b:a", "48k", "-ac", "1", "-frag_duration", String(PART * 1000),
      "-movflags", "+empty_moov+default_base_moof", join(folder, "tone.mp4"),
    ], { timeout: 60_000 + seconds * 100 });
  });
  return Object.fromEntries(files.map(([name, bytes]) => [name.replace(".mp4", ""), cut(bytes)]));
}

/** A fragmented file as the bytes before the first fragment, and the fragments. */
function cut(bytes) {
  const found = { init: [], parts: [] };
  for (let at = 0; at < bytes.length;) {
    const size = bytes.readUInt32BE(at);
    const type = bytes.toString("latin1", at + 4, at + 8);
    const box = bytes.subarray(at, at + size);
    if (type === "ftyp" || type === "moov") found.init.push(box);
    if (type === "moof") found.parts.push([box]);
    if (type === "mdat") found.parts.at(-1).push(box);
    at += size;
  }
  return { init: Buffer.concat(found.init), parts: found.parts.map((boxes) => Buffer.concat(boxes)) };
}

/** How many parts are there by now. */
const available = ({ begin }) => Math.floor((Date.now() - begin) / PART);

/** Waits until part `index` is there. */
async function until(live, index) {
  const wait = live.begin + (index + 1) * PART - Date.now();
  if (wait > 0) await sleep(wait + 1);
}

async function answer(live, { url }, response) {
  const { pathname, searchParams } = new URL(url, "http://origin");
  const [, , spelling, ...rest] = pathname.split("/");
  const send = (type, age, body) => {
    const headers = { "Content-Type": type, "Content-Length": Buffer.byteLength(body) };
    response.writeHead(200, { ...headers, "Cache-Control": `max-age=${age}` }).end(body);
  };
  const none = (status) => response.writeHead(status).end();
  const address = (path) => before[spelling](live.gate, `/live/${spelling}/`) + path;
  if (!before[spelling]) return none(404);
  if (rest[0] === "main.m3u8") return send(HLS, 60, multivariant(address));
  if (rest[0] === "manifest.mpd") return send("application/dash+xml", 1, presentation(live, address));
  const [rendition, name] = rest;
  const media = RENDITIONS.includes(rendition) && live.media[rendition];
  if (!media) return none(404);
  if (name === "init.mp4") return send("video/mp4", 3600, media.init);
  if (name === "live.m3u8") {
    // Section 6.2.5.2: an answer waits for what was asked for, unless that is too far ahead.
    const [msn, part] = ["_HLS_msn", "_HLS_part"].map((name) => searchParams.get(name));
    if (msn !== null) {
      if (Number(msn) > Math.floor(available(live) / PARTS) + 2) return none(400);
      await until(live, Number(msn) * PARTS + Number(part ?? PARTS - 1));
    }
    const skips = searchParams.get("_HLS_skip") !== null;
    return send(HLS, 1, playlist(live, rendition, address, spelling, skips));
  }
  const [, segment, part] = /^seg(\d+)(?:\.(\d))?\.m4s$/.exec(name) ?? [];
  if (segment === undefined) return none(404);
  const [first, last] = part === undefined
    ? [segment * PARTS, segment * PARTS + PARTS - 1]
    : [segment * PARTS + Number(part), segment * PARTS + Number(part)];
  // A preload hint may be asked for before it is there; what left the window is gone for good.
  if (last > available(live) + 1 || segment < Math.floor(available(live) / PARTS) - WINDOW - 4) return none(404);
  await until(live, last);
  return send("video/mp4", 60, Buffer.concat(media.parts.slice(first, last + 1)));
}

function multivariant(address) {
  const variants = Object.entries(VIDEO).map(([name, [width, height, rate]]) => {
    const size = `BANDWIDTH=${(rate + 60) * 1000},RESOLUTION=${width}x${height}`;
    return `#EXT-X-STREAM-INF:${size},CODECS="avc1.42c00d,mp4a.40.2",AUDIO="tone"\n${address(`${name}/live.m3u8`)}`;
  });
  return `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="tone",NAME="Tone",DEFAULT=YES,AUTOSELECT=YES,URI="${address("tone/live.m3u8")}"
${variants.join("\n")}
`;
}

/** The media playlist as it is now, or what is new in it. */
function playlist(live, rendition, address, spelling, skips) {
  const own = (name) => (spelling === "relative" ? name : address(`${rendition}/${name}`));
  const other = (name) => (spelling === "relative" ? `../${name}` : address(name));
  const parts = available(live);
  const current = Math.floor(parts / PARTS);
  const oldest = Math.max(0, current - WINDOW);
  const seconds = (milliseconds) => (milliseconds / 1000).toFixed(3);
  const lines = [
    "#EXTM3U", "#EXT-X-VERSION:9", `#EXT-X-TARGETDURATION:${Math.round(SEGMENT / 1000)}`,
    "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES"
      + `,CAN-SKIP-UNTIL=${seconds(SKIP_UNTIL)},PART-HOLD-BACK=${seconds(4 * PART)}`,
    `#EXT-X-PART-INF:PART-TARGET=${seconds(PART)}`, `#EXT-X-MEDIA-SEQUENCE:${oldest}`,
  ];
  let from = oldest;
  if (skips) {
    from = Math.max(oldest, Math.floor((parts * PART - SKIP_UNTIL) / SEGMENT));
    lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${from - oldest}`);
  } else {
    lines.push(`#EXT-X-MAP:URI="${own("init.mp4")}"`);
  }
  for (let segment = from; segment <= current; segment++) {
    const there = Math.min(PARTS, parts - segment * PARTS);
    const date = new Date(live.begin + segment * SEGMENT).toISOString();
    if (there > 0) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${date}`);
    for (let part = 0; part < there && segment > current - WITH_PARTS; part++) {
      lines.push(`#EXT-X-PART:DURATION=${seconds(PART)},INDEPENDENT=YES,URI="${own(`seg${segment}.${part}.m4s`)}"`);
    }
    if (there === PARTS) lines.push(`#EXTINF:${seconds(SEGMENT)},`, own(`seg${segment}.m4s`));
  }
  lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${own(`seg${current}.${parts % PARTS}.m4s`)}"`);
  for (const name of RENDITIONS.filter((name) => name !== rendition)) {
    const [msn, part] = [Math.floor((parts - 1) / PARTS), (parts - 1) % PARTS];
    lines.push(`#EXT-X-RENDITION-REPORT:URI="${other(`${name}/live.m3u8`)}",LAST-MSN=${msn},LAST-PART=${part}`);
  }
  return `${lines.join("\n")}\n`;
}

function presentation({ begin }, address) {
  const template = `<SegmentTemplate timescale="1000" duration="${SEGMENT}" startNumber="0"
        initialization="${address("$RepresentationID$/init.mp4")}"
        media="${address("$RepresentationID$/seg$Number$.m4s")}"/>`;
  const videos = Object.entries(VIDEO).map(([name, [width, height, rate]]) => {
    const size = `bandwidth="${rate * 1000}" width="${width}" height="${height}"`;
    return `<Representation id="${name}" codecs="avc1.42c00d" ${size}/>`;
  });
  return `<?xml version="1.0" encoding="utf-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="dynamic"
  availabilityStartTime="${new Date(begin).toISOString()}" publishTime="${new Date().toISOString()}"
  minimumUpdatePeriod="PT2S" timeShiftBufferDepth="PT24S" suggestedPresentationDelay="PT6S" minBufferTime="PT2S">
  <Period id="0" start="PT0S">
    <AdaptationSet contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">
      ${template}
      ${videos.join("\n      ")}
    </AdaptationSet>
    <AdaptationSet contentType="audio" mimeType="audio/mp4" segmentAlignment="true" startWithSAP="1">
      ${template}
      <Representation id="tone" bandwidth="50000" codecs="mp4a.40.2" audioSamplingRate="48000"/>
    </AdaptationSet>
  </Period>
</MPD>
`;
}
