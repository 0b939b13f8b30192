//! Manifests of 10,000 segments, rewritten.
//!
//! ```text
//! cargo bench --bench manifest
//! ```
//!
//! The table is divan's. With `--serve`, it rewrites a file as often as each line of its standard
//! input says, and answers with nanoseconds: `benches/edge/manifest.mjs` lets it take turns with
//! JavaScript so.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark")]

use core::fmt::Write as _;
use std::io::{BufRead as _, stdin};
use std::time::Instant;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use playgate::{KeyRing, Request, Signer, UnixTime, Verifier};
use playgate_manifest::{Kind, Rewriter};

const KEY: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);
const SEGMENTS: usize = 10_000;

/// Where the token came in, and how the segments are addressed. With the token in the path,
/// relative addresses stay as they are.
const NAMES: [&str; 6] = [
    "hls_query_relative",
    "hls_path_relative",
    "hls_path_absolute",
    "dash_query_timeline",
    "dash_query_list",
    "dash_path_absolute_list",
];

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--serve").skip(1);
    match arguments.next() {
        Some(name) => serve(&name),
        None => divan::main(),
    }
}

struct Case {
    kind: Kind,
    manifest: String,
    rewriter: Rewriter,
}

impl Case {
    fn new(name: &str) -> Self {
        let url = "https://cdn.example.com/videos/42/manifest.m3u8";
        let ring = KeyRing::parse(KEY).unwrap();
        let signer = Signer::new(ring.clone());
        let link = signer.link(url).directory(2);
        let link = if name.contains("path") { link.in_path() } else { link.in_query() };
        let link = link.sign(NOW).unwrap();
        let verifier = Verifier::new(&ring);
        let verified = verifier.verify(&Request::new(link.as_str()), NOW).unwrap();
        let rewriter = Rewriter::new(&verifier, &verified, NOW).unwrap();
        let base =
            if name.contains("absolute") { "https://cdn.example.com/videos/42/" } else { "" };
        let (kind, manifest) = match name {
            name if name.starts_with("hls") => (Kind::Hls, playlist(base)),
            "dash_query_timeline" => (Kind::Dash, timeline()),
            _ => (Kind::Dash, list(base)),
        };
        Self { kind, manifest, rewriter }
    }

    fn rewrite(&self) -> String {
        self.rewriter.rewrite(self.kind, black_box(&self.manifest)).unwrap()
    }
}

fn playlist(base: &str) -> String {
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MAP:URI=\"{base}init.mp4\"\n"
    );
    for n in 0..SEGMENTS {
        writeln!(text, "#EXTINF:6.000000,\n{base}segment_{n:05}.m4s").unwrap();
    }
    text + "#EXT-X-ENDLIST\n"
}

fn mpd(segments: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" \
         type=\"static\" mediaPresentationDuration=\"PT60000S\" minBufferTime=\"PT2S\">\n  <Period>\n    \
         <AdaptationSet mimeType=\"video/mp4\">\n{segments}      <Representation id=\"v\" \
         bandwidth=\"800000\" codecs=\"avc1.4d401f\"/>\n    </AdaptationSet>\n  </Period>\n</MPD>\n"
    )
}

fn timeline() -> String {
    let mut text = String::from(
        "      <SegmentTemplate timescale=\"1000\" initialization=\"init.mp4\" \
         media=\"segment_$Time$.m4s\">\n        <SegmentTimeline>\n",
    );
    for start in (0..).step_by(6000).take(SEGMENTS) {
        writeln!(text, "          <S t=\"{start}\" d=\"6000\"/>").unwrap();
    }
    mpd(&(text + "        </SegmentTimeline>\n      </SegmentTemplate>\n"))
}

fn list(base: &str) -> String {
    let mut text = format!(
        "      <SegmentList timescale=\"1000\" duration=\"6000\">\n        \
         <Initialization sourceURL=\"{base}init.mp4\"/>\n"
    );
    for n in 0..SEGMENTS {
        writeln!(text, "        <SegmentURL media=\"{base}segment_{n:05}.m4s\"/>").unwrap();
    }
    mpd(&(text + "      </SegmentList>\n"))
}

/// First the token and the folder of what it writes, as JavaScript needs both; then a line for a
/// line.
fn serve(name: &str) {
    let case = Case::new(name);
    let folder = std::env::temp_dir();
    let paths = ["before", "after"]
        .map(|which| folder.join(format!("playgate-bench-{}-{name}-{which}", std::process::id())));
    std::fs::write(&paths[0], &case.manifest).unwrap();
    std::fs::write(&paths[1], case.rewrite()).unwrap();
    println!("{}\n{}\n{}", case.rewriter.token(), paths[0].display(), paths[1].display());
    for line in stdin().lock().lines() {
        let times: u32 = line.unwrap().parse().unwrap();
        let start = Instant::now();
        for _ in 0..times {
            black_box(case.rewrite());
        }
        println!("{}", start.elapsed().as_nanos());
    }
}

#[divan::bench(args = NAMES)]
fn rewrite(bencher: Bencher<'_, '_>, name: &str) {
    let case = Case::new(name);
    bencher.counter(BytesCount::of_str(&case.manifest)).bench_local(|| case.rewrite());
}

/// What it costs to copy the playlist.
#[divan::bench]
fn copy(bencher: Bencher<'_, '_>) {
    let case = Case::new("hls_query_relative");
    bencher
        .counter(BytesCount::of_str(&case.manifest))
        .bench_local(|| black_box(&case.manifest).clone());
}
