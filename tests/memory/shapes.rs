//! Manifests that ask for as much work and memory as they can, of any size; shared by the test of the
//! bounds and the benchmark that shows what each costs.

use playgate::{KeyRing, Request, Signer, UnixTime, Verifier};
use playgate_manifest::{Kind, Rewriter};

use crate::hostile::PRESENTATIONS;

/// A development key: the bytes 0 to 31.
const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);

/// A kind of manifest, and how to write one of so many bytes.
#[derive(Clone, Copy)]
pub struct Shape {
    pub name: &'static str,
    pub kind: Kind,
    pub preview: bool,
    make: fn(usize) -> String,
}

impl Shape {
    /// One of `len` bytes, or a few more.
    pub fn manifest(&self, len: usize) -> String {
        (self.make)(len)
    }

    /// What carries the token of a link in the query, with a query of the viewer's own as long as may be.
    pub fn rewriter(&self) -> Rewriter {
        let ring = KeyRing::parse(KEYS).unwrap();
        let extension = if self.kind == Kind::Hls { "m3u8" } else { "mpd" };
        let query = "%41=b&".repeat(1200) + "q=1";
        let url = format!("https://cdn.example.com/videos/42/set/a.{extension}?{query}");
        let signer = Signer::new(ring.clone());
        let link = signer.link(&url).directory(2).in_query();
        let link = if self.preview {
            link.preview(if self.kind == Kind::Hls { 1_000_000_000 } else { 300 })
        } else {
            link
        };
        let link = link.sign(NOW).unwrap();
        let verifier = Verifier::new(&ring);
        let verified = verifier.verify(&Request::new(link.as_str()), NOW).unwrap();
        Rewriter::new(&verifier, &verified, NOW).unwrap()
    }
}

/// Every shape, a harmless one first.
pub fn all() -> impl Iterator<Item = Shape> {
    let presentations = PRESENTATIONS.iter().flat_map(|(name, make)| {
        [false, true].map(|preview| Shape { name, kind: Kind::Dash, preview, make: *make })
    });
    HARMLESS.into_iter().chain(PLAYLISTS).chain(presentations)
}

/// What people's packagers write, to compare with.
pub const HARMLESS: [Shape; 8] = [
    hls("harmless: relative segments", |len| {
        playlist(
            len,
            "",
            |n| format!("#EXTINF:6.000000,\nsegment_{n:05}.m4s\n"),
            "#EXT-X-ENDLIST\n",
        )
    }),
    hls("harmless: absolute segments", |len| {
        let segment =
            |n| format!("#EXTINF:6,\nhttps://cdn.example.com/videos/42/set/segment_{n:05}.m4s\n");
        playlist(len, "", segment, "#EXT-X-ENDLIST\n")
    }),
    dash("harmless: a timeline", |len| {
        let start = "<SegmentTemplate timescale='1000' media='$Time$.m4s'><SegmentTimeline>\n";
        let end = "</SegmentTimeline></SegmentTemplate><Representation id='v' bandwidth='1'/>";
        let s = |n| format!("<S t=\"{}\" d=\"6000\"/>\n", n * 6000);
        mpd("", &period("", &fill(len, start, s, end)))
    }),
    dash("harmless: Periods from several networks, a template for each set", |len| {
        let template =
            "<SegmentTemplate duration='4' media='$RepresentationID$/$Number%05d$.m4s'/>";
        networks(len, &NETWORKS, template, |n| {
            format!(
                "<Representation id='v{n}' bandwidth='{n}'><BaseURL>v{n}/</BaseURL></Representation>\n"
            )
        })
    }),
    dash("harmless: Periods from own networks, a template for each set", |len| {
        let template =
            "<SegmentTemplate duration='4' media='../$RepresentationID$/$Number%05d$.m4s'/>";
        networks(len, &OWN_NETWORKS, template, |n| {
            format!(
                "<Representation id='v{n}' bandwidth='{n}'><BaseURL>v{n}/</BaseURL></Representation>\n"
            )
        })
    }),
    dash("harmless: Periods from several networks, a template for each Representation", |len| {
        networks(len, &NETWORKS, "", |n| {
            format!(
                "<Representation id='v{n}' bandwidth='{n}'><SegmentTemplate duration='4' \
                 initialization='../$RepresentationID$/init.mp4' media='../$RepresentationID$/$Number%05d$.m4s'/>\
                 </Representation>\n"
            )
        })
    }),
    dash("harmless: Periods from several networks, lists", |len| {
        networks(len, &NETWORKS, "", |n| {
            let urls: String = (0..40)
                .map(|n| format!("<SegmentURL media='../hd/segment_{n:05}.m4s'/>\n"))
                .collect();
            format!(
                "<Representation id='v{n}' bandwidth='{n}'><SegmentList duration='4'>{urls}</SegmentList>\
                 </Representation>\n"
            )
        })
    }),
    dash("harmless: a list", |len| {
        let start = "<SegmentList timescale='1000' duration='6000'>\n";
        let end = "</SegmentList><Representation id='v' bandwidth='1'/>";
        let segment = |n| format!("<SegmentURL media=\"segment_{n:05}.m4s\"/>\n");
        mpd("", &period("", &fill(len, start, segment, end)))
    }),
];

/// A variable of 8,000 bytes.
const LONG: &str = "#EXT-X-DEFINE:NAME=\"z\",VALUE=\"";

fn long() -> String {
    format!("{LONG}{}\"\n", "z".repeat(8000))
}

pub const PLAYLISTS: [Shape; 34] = [
    hls("distinct attributes in one definition", |len| {
        playlist(len, "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"", |n| format!(",A{n}=1"), "\n")
    }),
    hls("definitions by reference to a long one", |len| {
        let define = |n| format!("#EXT-X-DEFINE:NAME=\"v{n}\",VALUE=\"{{$z}}\"\n");
        playlist(len, &long(), define, "{$v1}.ts\n")
    }),
    hls("one definition that refers often", |len| {
        playlist(len, &(long() + "#EXT-X-DEFINE:"), |_| "VALUE=\"{$z}\",".into(), "NAME=\"a\"\n")
    }),
    hls("one value that refers often", |len| {
        let start = long() + "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"";
        playlist(len, &start, |_| "{$z}".into(), "\"\n{$a}\n")
    }),
    hls("references on one line", |len| {
        playlist(len, &(long() + "#EXT-X-KEY:A=1"), |_| ",URI=\"{$z}\"".into(), "\n")
    }),
    hls("references to another host on one line", |len| {
        let start = long().replacen("\"zzzzzzzz", "\"https://", 1) + "#EXT-X-KEY:A=1";
        playlist(len, &start, |_| ",URI=\"{$z}\"".into(), "\n")
    }),
    hls("a reference a line", |len| playlist(len, &long(), |_| "{$z}\n".into(), "")),
    hls("a reference and a name that nobody knows", |len| {
        playlist(len, &(long() + "#EXT-X-DEFINE:IMPORT=\"i\"\n"), |_| "{$z}{$i}\n".into(), "")
    }),
    hls("references that stay open", |len| playlist(len, "", |_| "{$".into(), "\n")),
    hls("references that stay open, each in a line", |len| {
        playlist(len, "", |_| "{$a{$b{$c{$d{$e{$f{$g{$h\n".into(), "")
    }),
    hls("open references in a definition", |len| {
        playlist(len, "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"", |_| "{$a".into(), "\"\n")
    }),
    hls("as many definitions as there is room for", |len| {
        playlist(len, "", |n| format!("#EXT-X-DEFINE:NAME=\"{n}\",VALUE=\"\"\n"), "")
    }),
    hls("definitions of one name", |len| {
        playlist(len, "", |_| "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"\"\n".into(), "")
    }),
    hls("definitions by the query", |len| {
        playlist(len, "", |_| "#EXT-X-DEFINE:QUERYPARAM=\"q\"\n".into(), "{$q}.ts\n")
    }),
    hls("a name as long as the playlist", |len| {
        playlist(len / 2, "#EXT-X-DEFINE:VALUE=\"b\",NAME=\"", |_| "a".into(), "\"\n")
            + &playlist(len / 2, "{$", |_| "a".into(), "}\n")
    }),
    hls("a list of words without values", |len| {
        playlist(len, "#EXT-X-KEY:", |_| "A,".into(), "URI=\"a\"\n")
    }),
    hls("a list of commas", |len| playlist(len, "#EXT-X-KEY:", |_| ",".into(), "URI=\"a\"\n")),
    hls("a list of quotes", |len| playlist(len, "#EXT-X-KEY:", |_| "A=\"".into(), "\n")),
    hls("a list of equals signs", |len| playlist(len, "#EXT-X-KEY:", |_| "=".into(), "\n")),
    hls("attributes with the shortest of addresses", |len| {
        playlist(len, "#EXT-X-KEY:", |_| "URI=a,".into(), "\n")
    }),
    hls("addresses of clients", |len| {
        playlist(len, "#EXT-X-DATERANGE:", |n| format!("X-{n}-URL=\"a\","), "\n")
    }),
    hls("the shortest of addresses", |len| playlist(len, "", |_| "a\n".into(), "")),
    hls("the shortest of absolute addresses", |len| {
        playlist(len, "", |_| "/videos/42/?\n".into(), "")
    }),
    hls("one address of many segments", |len| playlist(len, "", |_| "a/".into(), "\n")),
    hls("one address of many dots", |len| playlist(len, "", |_| "../".into(), "\n")),
    hls("addresses of dots and escapes", |len| {
        playlist(len, "", |_| "%2e/%2E%2e/".repeat(600) + "\n", "")
    }),
    hls("one quoted address of many segments", |len| {
        playlist(len, "#EXT-X-KEY:URI=\"", |_| "%61/".into(), "\"\n")
    }),
    hls("empty lines", |len| playlist(len, "", |_| "\n".into(), "")),
    hls("carriage returns", |len| playlist(len, "", |_| "\r".into(), "")),
    hls("a comment of tags", |len| playlist(len, "# ", |_| "#EXT-X-".into(), "\n")),
    hls("comments with tags", |len| playlist(len, "", |_| "##EXT-X-MEDIA:URI=a\n".into(), "")),
    hls("a multivariant playlist that exports", |len| {
        let start = "#EXT-X-DEFINE:NAME=\"v\",VALUE=\"/videos/42/a\"\n";
        playlist(len, start, |_| "#EXT-X-STREAM-INF:A=1\n{$v}/b.m3u8\n".into(), "")
    }),
    preview("the shortest segments", |len| {
        playlist(len, "", |_| "#EXTINF:0,\na\n".into(), "#EXT-X-ENDLIST\n")
    }),
    preview("parts", |len| {
        playlist(len, "", |_| "#EXT-X-PART:URI=\"a\"\n".into(), "#EXT-X-ENDLIST\n")
    }),
];

const fn hls(name: &'static str, make: fn(usize) -> String) -> Shape {
    Shape { name, kind: Kind::Hls, preview: false, make }
}

const fn preview(name: &'static str, make: fn(usize) -> String) -> Shape {
    Shape { preview: true, ..hls(name, make) }
}

const fn dash(name: &'static str, make: fn(usize) -> String) -> Shape {
    Shape { name, kind: Kind::Dash, preview: false, make }
}

/// Writes `piece` over and over between two texts.
fn fill(len: usize, start: &str, piece: impl Fn(usize) -> String, end: &str) -> String {
    let mut text = String::from(start);
    for n in 0.. {
        if text.len() + end.len() >= len {
            break;
        }
        text.push_str(&piece(n));
    }
    text + end
}

fn playlist(len: usize, start: &str, piece: impl Fn(usize) -> String, end: &str) -> String {
    fill(len, &["#EXTM3U\n", start].concat(), piece, end)
}

/// Where an MPD may be fetched from: two are this host, two are others.
const NETWORKS: [&str; 4] = [
    "https://cdn.example.com/videos/42/eu/",
    "https://cdn.example.com/videos/42/us/",
    "https://one.example/films/42/",
    "https://two.example/films/42/",
];

/// All of them this host.
const OWN_NETWORKS: [&str; 4] =
    ["eu/", "us/", "/videos/42/asia/", "https://cdn.example.com/videos/42/africa/"];

/// An MPD from several networks with Periods of twelve Representations, as advertising makes many.
fn networks(len: usize, bases: &[&str], of_set: &str, each: impl Fn(usize) -> String) -> String {
    let bases: String = bases.iter().map(|base| format!("<BaseURL>{base}</BaseURL>\n")).collect();
    let representations: String = (0..12).map(each).collect();
    let one = |n| {
        period(&format!("<BaseURL>period_{n:04}/</BaseURL>"), &[of_set, &representations].concat())
    };
    mpd(&bases, &fill(len, "", one, ""))
}

fn period(bases: &str, inner: &str) -> String {
    format!("<Period>{bases}<AdaptationSet mimeType='video/mp4'>{inner}</AdaptationSet></Period>")
}

fn mpd(bases: &str, inner: &str) -> String {
    format!(
        "<MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static' minBufferTime='PT1S' \
         mediaPresentationDuration='PT9S'>{bases}{inner}</MPD>"
    )
}
