//! What holds for every manifest, however odd or hostile, not just for those of the packagers.

use playgate_manifest::{HlsRewriter, Kind};
use proptest::prelude::*;
use proptest::sample::select;
use url::Url;

use crate::asked::{Asked, FOLDER, HOST, Place, SCOPE};
use crate::{checks, mpd, playlist};

/// Failures print their input; it is not written into the repository.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

fn place() -> impl Strategy<Value = Place> {
    select(vec![Place::Path, Place::Query])
}

/// What an address is made of, honest or not: other hosts, ways to spell one, ways out of the
/// scope, tokens of others, and what URL parsers, playlists and XML read in their own way.
const PIECES: [&str; 58] = [
    "seg-1.ts",
    "media.m3u8",
    "set/",
    "video/",
    "42",
    "videos",
    "/videos/42/",
    "/videos/42/set/a.mp4",
    "/videos/43/",
    "/videos/42",
    "/videos/42x/",
    "..",
    "../",
    "./",
    ".",
    "%2e%2e/",
    ".%2E",
    "/",
    "//",
    "\\",
    "/\\",
    "\\\\",
    "https:",
    "http:",
    "https://",
    "HTTPS://",
    "cdn.example.com",
    "CDN.example.COM",
    ":443",
    ":8443",
    "@",
    "user@",
    "evil.example.net",
    ".evil.example.net",
    "//evil.example.net/videos/42/",
    "https://cdn.example.com/videos/42/",
    "%2F",
    "%5C",
    "%00",
    "%41",
    "%",
    "?a=b",
    "?",
    "&b=c",
    "#t=1",
    "pg=1&exp=1767225600&kid=main&dir=1&sig=",
    "/pg=1&",
    "pg=",
    "data:text/plain,",
    "skd://",
    "urn:",
    "javascript:",
    "\u{fc}",
    " ",
    "{$host}",
    "{$path}",
    "$Number$",
    "$RepresentationID$",
];

fn address() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(select(PIECES.to_vec()), 0..5);
    prop_oneof![
        4 => pieces.prop_map(|pieces| pieces.concat()),
        1 => "[!-~]{0,12}",
        1 => "\\PC{0,6}",
    ]
}

/// An address without what ends it in a playlist or in an attribute.
fn quotable() -> impl Strategy<Value = String> {
    address().prop_map(|address| address.replace(['"', '\n', '\r'], ""))
}

fn line() -> impl Strategy<Value = String> {
    let tags = [
        "#EXT-X-MAP:URI=\"{}\"",
        "#EXT-X-MAP:URI=\"{}\",BYTERANGE=\"10@0\"",
        "#EXT-X-KEY:METHOD=AES-128,URI=\"{}\",IV=0x1",
        "#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"{}\"",
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"URI=\",NAME=\"a,URI=b\",URI=\"{}\"",
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"{}\"",
        "#EXT-X-STREAM-INF:BANDWIDTH=1",
        "#EXT-X-SESSION-DATA:DATA-ID=\"x\",URI=\"{}\"",
        "#EXT-X-PART:DURATION=1,URI=\"{}\"",
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}\"",
        "#EXT-X-RENDITION-REPORT:URI=\"{}\",LAST-MSN=1",
        "#EXT-X-CONTENT-STEERING:SERVER-URI=\"{}\"",
        "#EXTINF:4.5,{}",
        "#EXT-X-ENDLIST",
        "# {}",
        "#{}",
        "#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-01-01T00:00:00Z\",X-ASSET-URI=\"{}\"",
        "#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-01-01T00:00:00Z\",X-ASSET-LIST=\"{}\"",
        "#EXT-X-DEFINE:NAME=\"host\",VALUE=\"{}\"",
        "#EXT-X-DEFINE:NAME=\"path\",VALUE=\"{}\"",
        "#EXT-X-DEFINE:QUERYPARAM=\"{}\"",
        "#EXT-X-DEFINE:IMPORT=\"host\"",
        "#EXT-X-KEY:URI={}",
        "#EXT-X-KEY:URI=\"{}",
        "#EXT-X-KEY:METHOD=AES-128 URI=\"{}\" IV=0x1",
        "#EXT-X-KEY:METHOD=AES-128;URI=\"{}\";IV=0x1",
        "#EXT-X-KEY:METHOD=AES-128,URI='{}',IV=0x1",
        "#EXT-X-KEY:KEYFORMAT=\"{},URI=\"{}\"",
        "#EXT-X-MAP: URI = \"{}\"",
        "#EXT-X-UNKNOWN:URI=\"{}\"",
        "#EXTM3U",
        "",
        "#EXT-X-TARGETDURATION:6",
        "{}",
        "{}",
        "{}",
        "{}",
    ];
    (select(tags.to_vec()), quotable()).prop_map(|(tag, address)| tag.replace("{}", &address))
}

fn any_playlist() -> impl Strategy<Value = String> {
    let ends = select(vec!["\n", "\n", "\r\n", "\r", ""]);
    let lines = prop::collection::vec((line(), ends), 0..12)
        .prop_map(|lines| lines.into_iter().map(|(line, end)| line + end).collect::<String>());
    prop_oneof![
        6 => lines.prop_map(|lines| format!("#EXTM3U\n{lines}")),
        1 => "\\PC{0,60}",
        1 => any::<String>(),
    ]
}

/// Text that is well-formed in an attribute or between tags.
fn escaped() -> impl Strategy<Value = String> {
    (address(), 0_u8..4).prop_map(|(address, how)| {
        let allowed = |c: &char| !c.is_control() && !"\u{fffe}\u{ffff}".contains(*c);
        address.chars().filter(allowed).fold(String::new(), |text, c| match c {
            '&' => text + "&amp;",
            '<' => text + "&lt;",
            '>' => text + "&gt;",
            '"' => text + "&quot;",
            '\'' => text + "&apos;",
            '/' if how == 1 => text + "&#x2f;",
            'p' if how == 2 => text + "&#112;",
            c => text + &c.to_string(),
        })
    })
}

fn element() -> impl Strategy<Value = String> {
    let leaves = [
        "<BaseURL>{}</BaseURL>",
        "<BaseURL>{}</BaseURL>",
        "<BaseURL serviceLocation='{}'> {} </BaseURL>",
        "<SegmentTemplate media=\"{}\" initialization='{}'/>",
        "<Location>{}</Location>",
        "<SegmentList duration='1'><Initialization sourceURL=\"{}\"/><SegmentURL media='{}'/></SegmentList>",
        "<SegmentBase><RepresentationIndex sourceURL='{}'/></SegmentBase>",
        "<!-- {} -->",
        "{}",
        "<PatchLocation>{}</PatchLocation>",
        "<UTCTiming schemeIdUri='{}' value='{}'/>",
        "<Event messageData='{}'>{}</Event>",
        "<ContentSteering>{}</ContentSteering>",
        "<?pi {}?>",
    ];
    let leaf = (select(leaves.to_vec()), escaped())
        .prop_map(|(leaf, address)| leaf.replace("{}", &address.replace("--", "-")));
    let parents = ["Period", "AdaptationSet", "Representation", "EventStream", "x:Period"];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        (
            select(parents.to_vec()),
            prop::option::weighted(0.2, escaped()),
            prop::collection::vec(inner, 0..4),
        )
            .prop_map(|(name, link, inner)| {
                let link = link.map(|link| format!(" xlink:href='{link}'")).unwrap_or_default();
                format!("<{name}{link}>{}</{name}>", inner.concat())
            })
    })
}

fn well_formed_mpd() -> impl Strategy<Value = String> {
    let kind = select(vec![" type='dynamic'", " type=\"static\"", ""]);
    (kind, prop::collection::vec(element(), 0..6)).prop_map(|(kind, elements)| {
        let names = "xmlns='urn:mpeg:dash:schema:mpd:2011' xmlns:x='urn:x' \
                     xmlns:xlink='http://www.w3.org/1999/xlink'";
        format!("<?xml version=\"1.0\"?>\n<MPD {names}{kind}>{}</MPD>\n", elements.concat())
    })
}

/// An MPD with one thing cut, doubled or put in; or no MPD at all.
fn any_mpd() -> impl Strategy<Value = String> {
    let broken =
        (well_formed_mpd(), any::<prop::sample::Index>(), 0_usize..20, "[<>&'\"/\\]\\[!a-]{0,4}");
    prop_oneof![
        4 => well_formed_mpd(),
        2 => broken.prop_map(|(text, at, cut, put)| {
            let characters: Vec<char> = text.chars().collect();
            let at = at.index(characters.len());
            let rest = characters.iter().skip(at + cut);
            characters[..at].iter().copied().chain(put.chars()).chain(rest.copied()).collect()
        }),
        1 => "\\PC{0,60}",
    ]
}

proptest! {
    #![proptest_config(config(1024))]

    #[test]
    fn a_playlist_gives_the_token_to_its_own_scope_alone(text in any_playlist(), place in place()) {
        let asked = Asked::new("a.m3u8", place, None);
        checks::playlist(&asked, &asked.rewriter(), &text);
    }

    /// Line by line is the same as at once, but for variables of multivariant playlists: their values get the
    /// token only where the whole playlist is known.
    #[test]
    fn a_playlist_may_come_in_lines(text in any_playlist(), place in place()) {
        prop_assume!(!text.is_empty() && !text.contains("#EXT-X-DEFINE"));
        let rewriter = Asked::new("a.m3u8", place, None).rewriter();
        let mut hls = HlsRewriter::new(&rewriter);
        let mut out = String::new();
        let all: Result<(), _> =
            text.split_inclusive('\n').try_for_each(|line| hls.line(line, &mut out));
        prop_assert_eq!(all.map(|()| out), rewriter.rewrite(Kind::Hls, &text));
    }

    #[test]
    fn a_presentation_gives_the_token_to_its_own_scope_alone(text in any_mpd(), place in place()) {
        let asked = Asked::new("a.mpd", place, None);
        checks::presentation(&asked, &asked.rewriter(), &text);
    }

    #[test]
    fn a_presentation_keeps_what_is_around_its_addresses(
        text in well_formed_mpd(),
        place in place(),
    ) {
        checks::surroundings(&Asked::new("a.mpd", place, None).rewriter(), &text);
    }

    #[test]
    fn no_manifest_panics(
        text in prop_oneof![any_playlist(), any_mpd(), any::<String>()],
        place in place(),
        secs in 1_u64..90,
    ) {
        for preview in [None, Some(secs)] {
            let rewriter = Asked::new("a.m3u8", place, preview).rewriter();
            for kind in [Kind::Hls, Kind::Dash] {
                let _ = rewriter.rewrite(kind, &text);
            }
        }
    }
}

/// Every token in a text.
fn tokens(text: &str) -> Vec<String> {
    let text = text.replace("&amp;", "&");
    let starts = text.match_indices("pg=1&").map(|(at, _)| &text[at..]);
    let ends = ['/', '"', '\'', '<', '\n', '?'];
    let mut tokens: Vec<_> =
        starts.filter_map(|rest| rest.split(ends).next()).map(String::from).collect();
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}

/// No token of a preview opens a file, wherever it is put.
fn check_shut(asked: &Asked, tokens: &[String], file: &str) -> Result<(), TestCaseError> {
    for token in tokens {
        for url in
            [format!("https://{HOST}/{token}{SCOPE}set/{file}"), format!("{FOLDER}{file}?{token}")]
        {
            let refusal = asked.refusal(&Url::parse(&url).unwrap());
            prop_assert!(refusal.is_some(), "{} is open", url);
        }
    }
    Ok(())
}

prop_compose! {
    /// Segments by their length in milliseconds.
    fn lengths()(lengths in prop::collection::vec(1_u32..9_000, 1..12)) -> Vec<u32> {
        lengths
    }
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn a_preview_of_a_playlist_opens_the_segments_that_start_in_it_and_no_others(
        lengths in lengths(),
        secs in 1_u64..40,
        place in place(),
        style in 0_u8..3,
        key: bool,
    ) {
        let mut text = String::from("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXT-X-PLAYLIST-TYPE:VOD\n");
        if key {
            text.push_str("#EXT-X-KEY:METHOD=AES-128,URI=\"one.key\"\n#EXT-X-MAP:URI=\"init.mp4\"\n");
        }
        let mut starts = 0;
        let (mut open, mut shut) = (Vec::new(), Vec::new());
        for (n, length) in lengths.iter().enumerate() {
            let folder = ["", "/videos/42/set/", FOLDER][usize::from(style)];
            text.push_str(&format!("#EXTINF:{}.{:03},\n{folder}{n}.ts\n", length / 1000, length % 1000));
            let within = starts < secs * 1000;
            if within { &mut open } else { &mut shut }.push(format!("{n}.ts"));
            starts += u64::from(*length);
        }
        text.push_str("#EXT-X-ENDLIST\n");
        let asked = Asked::new("a.m3u8", place, Some(secs));
        let after = asked.rewriter().rewrite(Kind::Hls, &text).unwrap();
        prop_assert!(after.contains("#EXT-X-ENDLIST"));
        let mut listed = Vec::new();
        for address in playlist::lines(&after).flat_map(|line| line.addresses) {
            let url = asked.address().join(address).unwrap();
            prop_assert_eq!(asked.refusal(&url), None, "{} is refused", url);
            listed.push(url.path().rsplit('/').next().unwrap().to_owned());
        }
        listed.retain(|file| file.ends_with(".ts"));
        prop_assert_eq!(listed, open);
        let tokens = tokens(&after);
        for file in shut {
            check_shut(&asked, &tokens, &file)?;
        }
    }

    #[test]
    fn a_preview_of_a_presentation_opens_the_segments_that_start_in_it_and_no_others(
        lengths in lengths(),
        secs in 1_u64..40,
        place in place(),
        style in 0_u8..4,
        base: bool,
    ) {
        let total: u32 = lengths.iter().sum();
        let even = u64::from(lengths[0]);
        let (mut start, mut open, mut shut) = (0, Vec::new(), Vec::new());
        let mut timeline = String::new();
        let mut list = String::new();
        for (n, length) in lengths.iter().enumerate() {
            let file = if style == 1 { format!("{start}.m4s") } else { format!("{n}.m4s") };
            if start < secs * 1000 { &mut open } else { &mut shut }.push(file);
            timeline.push_str(&format!("<S t='{start}' d='{length}'/>"));
            list.push_str(&format!("<SegmentURL media='{n}.m4s'/>"));
            start += if style < 2 { u64::from(*length) } else { even };
        }
        let head = "timescale='1000' initialization='init.mp4' startNumber='0'";
        let timeline = format!("<SegmentTimeline>{timeline}</SegmentTimeline>");
        let segments = match style {
            0 => format!("<SegmentTemplate {head} media='$Number$.m4s'>{timeline}</SegmentTemplate>"),
            1 => format!("<SegmentTemplate {head} media='$Time$.m4s'>{timeline}</SegmentTemplate>"),
            2 => format!("<SegmentTemplate {head} media='$Number$.m4s' duration='{even}'/>"),
            _ => format!(
                "<SegmentList timescale='1000' duration='{even}'><Initialization sourceURL='init.mp4'/>{list}</SegmentList>"
            ),
        };
        let total = if style < 2 { total.into() } else { even * lengths.len() as u64 };
        let base = if base { "<BaseURL>https://cdn.example.com/videos/42/set/</BaseURL>" } else { "" };
        let text = format!(
            "<MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static' minBufferTime='PT1S' \
             mediaPresentationDuration='PT{}.{:03}S'>{base}<Period><AdaptationSet mimeType='video/mp4'>{segments}\
             <Representation id='v' bandwidth='1'/></AdaptationSet></Period></MPD>",
            total / 1000, total % 1000
        );
        let asked = Asked::new("a.mpd", place, Some(secs));
        let after = asked.rewriter().rewrite(Kind::Dash, &text).unwrap();
        let mut listed = Vec::new();
        for address in mpd::read(&after).addresses(&asked.address()) {
            let url = address.base.join(&address.reference).unwrap();
            let file = url.path().rsplit('/').next().unwrap().to_owned();
            if file.is_empty() {
                continue;
            }
            prop_assert_eq!(asked.refusal(&url), None, "{} is refused", url);
            listed.push(file);
        }
        listed.retain(|file| file.ends_with(".m4s"));
        prop_assert_eq!(&listed, &open, "{}", after);
        let tokens = tokens(&after);
        for file in shut {
            check_shut(&asked, &tokens, &file)?;
        }
    }
}
