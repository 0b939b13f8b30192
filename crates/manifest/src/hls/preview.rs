//! Where the preview of a media playlist ends.

use crate::ManifestError;
use crate::hls::attributes::Attributes;

/// In a second. Whole numbers of them add up exactly, as floats do not.
const NANOS: u64 = 1_000_000_000;

/// The segments of a playlist up to the preview's end.
///
/// A segment is listed where it starts before the end, and its parts and hints with it: what a part
/// has the segment has too, and a player that finds some parts of a segment only waits for the
/// others.
///
/// A viewer who has the address of a file can read all of it. So media of which a playlist names
/// ranges have no preview: a stretch behind the end may be in the same file as one before it. That
/// goes for an `EXT-X-MAP` with a range too, as its file holds something else beside it.
#[derive(Clone, Debug)]
pub(crate) struct HlsPreview {
    /// Where it ends, in nanoseconds from the start.
    end: u64,
    /// Where the next segment starts.
    position: u64,
    /// How long the next segment is.
    duration: Option<u64>,
    /// Whether no segment is ever removed at the start.
    stays: bool,
    /// Whether segments were removed at the start.
    slid: bool,
    /// Whether variants, and whether segments, are listed.
    variants: bool,
    segments: bool,
    /// Whether `EXT-X-ENDLIST` was there.
    ended: bool,
    over: bool,
}

impl HlsPreview {
    /// Of the first `secs` seconds.
    pub(crate) const fn new(secs: u64) -> Self {
        Self {
            end: secs.saturating_mul(NANOS),
            position: 0,
            duration: None,
            stays: false,
            slid: false,
            variants: false,
            segments: false,
            ended: false,
            over: false,
        }
    }

    /// Says that the playlist never loses a segment, where that is known before its tags are read.
    pub(crate) const fn stays(mut self, stays: bool) -> Self {
        self.stays = stays;
        self
    }

    /// Whether the end is behind: then no line is listed any more.
    pub(crate) const fn is_over(&self) -> bool {
        self.over
    }

    /// Takes a tag, without its `#`; those behind the end as well, as they may name ranges of files
    /// before it. Whether it is listed.
    pub(crate) fn tag(&mut self, name: &str, value: &str) -> Result<bool, ManifestError> {
        match name {
            "EXTINF" if !self.over => {
                self.segments = true;
                let duration = value.split_once(',').map_or(value, |(duration, _)| duration);
                let duration = decimal(duration.trim()).ok_or(ManifestError::Malformed)?;
                if self.duration.replace(duration).is_some() {
                    return Err(ManifestError::Malformed);
                }
            }
            "EXT-X-BYTERANGE" | "EXT-X-SKIP" => return Err(ManifestError::NoPreview),
            "EXT-X-MAP" | "EXT-X-PART" | "EXT-X-PRELOAD-HINT" => {
                self.media()?;
                has_no_range(value)?;
            }
            "EXT-X-STREAM-INF" => self.variants = true,
            // Nothing says how long it is, so not where the one behind it starts.
            "EXT-X-PREFETCH" | "EXT-X-TWITCH-PREFETCH" => return Ok(false),
            "EXT-X-MEDIA-SEQUENCE" => {
                self.slid = value.trim().parse() != Ok(0_u64);
                if self.segments {
                    self.media()?;
                }
            }
            "EXT-X-PLAYLIST-TYPE" => self.stays |= is_lasting(value),
            "EXT-X-ENDLIST" => (self.ended, self.stays) = (true, true),
            _ => {}
        }
        if self.variants && self.segments {
            return Err(ManifestError::Malformed);
        }
        Ok(!self.over)
    }

    /// Takes the address of a segment. Whether it is listed.
    pub(crate) fn segment(&mut self) -> Result<bool, ManifestError> {
        if self.over {
            return Ok(false);
        }
        self.media()?;
        let duration = self.duration.take().ok_or(ManifestError::Malformed)?;
        self.position = self.position.saturating_add(duration);
        Ok(true)
    }

    /// Whether the end is reached with the segment just listed; and whether that has still to be
    /// said.
    pub(crate) const fn ends_here(&mut self) -> bool {
        self.over = self.position >= self.end;
        self.over && !self.ended
    }

    /// Something of a segment is listed. The first one has to be known, as its start is second 0.
    const fn media(&mut self) -> Result<(), ManifestError> {
        self.segments = true;
        if self.slid && !self.stays {
            return Err(ManifestError::NoPreview);
        }
        Ok(())
    }
}

/// Whether a playlist of this type keeps its first segment.
pub(crate) fn is_lasting(playlist_type: &str) -> bool {
    matches!(playlist_type.trim(), "VOD" | "EVENT")
}

/// That no attribute names a range.
fn has_no_range(list: &str) -> Result<(), ManifestError> {
    let mut attributes = Attributes::new(list);
    if attributes.by_ref().any(|attribute| attribute.name.starts_with("BYTERANGE")) {
        return Err(ManifestError::NoPreview);
    }
    // Where players read more than one list, some may read a range.
    if attributes.is_clean() { Ok(()) } else { Err(ManifestError::Malformed) }
}

/// Reads a duration as nanoseconds; one too long to hold is longer than every preview.
fn decimal(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut digits = whole.bytes().chain(fraction.bytes());
    if text.len() <= usize::from(text.contains('.')) || !digits.all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let secs = if whole.is_empty() { 0 } else { whole.parse().unwrap_or(u64::MAX) };
    let mut nanos = secs.saturating_mul(NANOS);
    let mut unit = NANOS;
    for byte in fraction.bytes() {
        unit = unit.checked_div(10).unwrap_or(0);
        nanos = nanos.saturating_add(unit.saturating_mul(u64::from(byte.wrapping_sub(b'0'))));
    }
    Some(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::HlsRewriter;
    use crate::hls::tests::{becomes_with, carrier_of, rewritten};

    const PLAYLIST: &str = "https://cdn.example.com/videos/42/hls/list.m3u8";

    /// Lines behind the first one, and what the first ten seconds of them are. A segment is `4 a`:
    /// so long, and at that address; what is listed gets an `EXACT` token each.
    #[track_caller]
    fn becomes(lines: &str, expected: &str) {
        let rewriter = carrier_of(PLAYLIST, |link| link.in_path().preview(10));
        becomes_with(&rewriter, &segments(lines, ""), &segments(expected, "/EXACT/videos/42/hls/"));
    }

    /// Writes segments in full.
    fn segments(lines: &str, prefix: &str) -> String {
        let mut out = String::new();
        for line in lines.split_inclusive('\n') {
            match line.split_once(' ') {
                Some((secs, name)) if !line.starts_with('#') => {
                    out.extend(["#EXTINF:", secs, ",\n", prefix, name]);
                }
                _ => out.push_str(&line.replace('~', prefix)),
            }
        }
        out
    }

    #[track_caller]
    fn fails(lines: &str, expected: ManifestError) {
        let rewriter = carrier_of(PLAYLIST, |link| link.in_path().preview(10));
        let playlist = ["#EXTM3U\n", &segments(lines, "")].concat();
        assert_eq!(rewritten(&rewriter, &playlist), Err(expected), "{playlist}");
    }

    #[test]
    fn every_segment_that_starts_before_the_end() {
        becomes("4 a\n4 b\n4 c\n4 d\n#EXT-X-ENDLIST\n", "4 a\n4 b\n4 c\n#EXT-X-ENDLIST\n");
        becomes("5 a\n5 b\n5 c\n#EXT-X-ENDLIST\n", "5 a\n5 b\n#EXT-X-ENDLIST\n");
        becomes("5 a\n4.999999999 b\n5 c\n5 d\n", "5 a\n4.999999999 b\n5 c\n#EXT-X-ENDLIST\n");
        becomes("600 a\n4 b\n", "600 a\n#EXT-X-ENDLIST\n");
        becomes("99999999999999999999 a\n4 b\n", "99999999999999999999 a\n#EXT-X-ENDLIST\n");
    }

    #[test]
    fn nothing_is_dropped_before_the_end() {
        for lines in ["4 ~a\n4 ~b\n#EXT-X-ENDLIST\n# more\n", "4 ~a\n5.9 ~b\n# more", "", "# more"]
        {
            becomes(&lines.replace('~', ""), &lines.replace('~', ""));
        }
        becomes("#EXT-X-ENDLIST\n4 a\n8 b\n4 c\n", "#EXT-X-ENDLIST\n4 a\n8 b\n");
    }

    #[test]
    fn what_belongs_to_dropped_segments_is_dropped() {
        becomes(
            "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-MAP:URI=\"i\"\n6 a\n#EXT-X-DISCONTINUITY\n\
             #EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n6 b\n#EXT-X-DISCONTINUITY\n\
             #EXT-X-KEY:METHOD=AES-128,URI=\"l\"\n#EXT-X-MAP:URI=\"j\"\n#EXT-X-GAP\n# note\n\n\
             6 c\n#EXT-X-PART:DURATION=1,URI=\"d.1\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"d.2\"\n\
             #EXT-X-RENDITION-REPORT:URI=\"o.m3u8\"\n\
             #EXT-X-DATERANGE:ID=\"1\",X-ASSET-LIST=\"x\"\n",
            "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-MAP:URI=\"~i\"\n6 a\n#EXT-X-DISCONTINUITY\n\
             #EXT-X-KEY:METHOD=AES-128,URI=\"~k\"\n6 b\n#EXT-X-ENDLIST\n",
        );
    }

    #[test]
    fn parts_and_hints_go_with_their_segment() {
        becomes(
            "#EXT-X-PLAYLIST-TYPE:EVENT\n8 a\n#EXT-X-PART:DURATION=2,URI=\"b.1\"\n\
             #EXT-X-PART:DURATION=2,URI=\"b.2\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"b.3\"\n\
             #EXT-X-PREFETCH:c\n",
            "#EXT-X-PLAYLIST-TYPE:EVENT\n8 a\n#EXT-X-PART:DURATION=2,URI=\"~b.1\"\n\
             #EXT-X-PART:DURATION=2,URI=\"~b.2\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"~b.3\"\n",
        );
    }

    #[test]
    fn manifests_share_a_token_and_everything_else_has_its_own() {
        let rewriter = carrier_of(PLAYLIST, |link| link.in_query().preview(10));
        for (token, lines) in [
            ("EXACT", "CONTENT-STEERING:SERVER-URI=\"~s.json\"\n"),
            ("TOKEN", "DATERANGE:X-ASSET-URI=\"~a.m3u8\"\n"),
            ("EXACT", "DATERANGE:X-ASSET-LIST=\"~a.json\"\n"),
            ("TOKEN", "DATERANGE:X-URI=\"~a.m3u8?x=1\"\n"),
            ("EXACT", "DATERANGE:X-URI=\"~a.json?x=.m3u8\"\n"),
            ("TOKEN", "I-FRAME-STREAM-INF:URI=\"~i.m3u8\"\n"),
            ("TOKEN", "IMAGE-STREAM-INF:URI=\"~i.m3u8\"\n"),
            ("EXACT", "KEY:URI=\"~k\"\n"),
            ("EXACT", "MAP:URI=\"~i.mp4\"\n"),
            ("TOKEN", "MEDIA:URI=\"~a.m3u8\"\n"),
            ("EXACT", "PART:URI=\"~a.1.m4s\"\n"),
            ("EXACT", "PRELOAD-HINT:URI=\"~a.2.m4s\"\n"),
            ("TOKEN", "RENDITION-REPORT:URI=\"~b.m3u8\"\n"),
            ("EXACT", "SESSION-DATA:URI=\"~d.json\"\n"),
            ("EXACT", "SESSION-KEY:URI=\"~k\"\n"),
            ("TOKEN", "STREAM-INF:BANDWIDTH=1\n~v.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\n~w.m3u8\n"),
        ] {
            let lines = ["#EXT-X-", lines].concat();
            let prefix = ["/", token, "/videos/42/hls/"].concat();
            becomes_with(&rewriter, &lines.replace('~', ""), &lines.replace('~', &prefix));
        }
    }

    #[test]
    fn ranges_of_files_have_none() {
        for lines in [
            "#EXT-X-BYTERANGE:9@0\n4 a\n",
            "4 a\n8 b\n4 c\n#EXT-X-BYTERANGE:9@0\n4 a\n",
            "#EXT-X-MAP:URI=\"i\",BYTERANGE=\"9@0\"\n4 a\n",
            "#EXT-X-MAP:BYTERANGE=\"9@0\",URI=\"i\"\n4 a\n",
            "#EXT-X-PART:DURATION=1,URI=\"a\",BYTERANGE=\"9@0\"\n",
            "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"a\",BYTERANGE-START=9\n",
            "#EXT-X-PART:URI=\"a\",x,BYTERANGE=\"9@0\"\n",
        ] {
            fails(lines, ManifestError::NoPreview);
        }
    }

    #[test]
    fn what_does_not_start_at_second_0_has_none() {
        fails("#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n4 a\n#EXT-X-ENDLIST\n", ManifestError::NoPreview);
        for sequence in ["1", "99", "", "x"] {
            let live = ["#EXT-X-MEDIA-SEQUENCE:", sequence, "\n4 a\n"].concat();
            fails(&live, ManifestError::NoPreview);
            fails(&["4 a\n", &live].concat(), ManifestError::NoPreview);
            let late = ["4 a\n#EXT-X-MEDIA-SEQUENCE:", sequence, "\n"].concat();
            fails(&late, ManifestError::NoPreview);
        }
        fails(
            "#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-PART:DURATION=1,URI=\"a\"\n",
            ManifestError::NoPreview,
        );
        becomes("#EXT-X-MEDIA-SEQUENCE:0\n4 a\n", "#EXT-X-MEDIA-SEQUENCE:0\n4 a\n");
        for lasting in
            ["#EXT-X-ENDLIST\n", "#EXT-X-PLAYLIST-TYPE:VOD\n", "#EXT-X-PLAYLIST-TYPE:EVENT\n"]
        {
            let lines = ["#EXT-X-MEDIA-SEQUENCE:7\n4 a\n", lasting].concat();
            becomes(&lines, &lines);
        }
    }

    #[test]
    fn what_cannot_be_read_has_none() {
        for lines in [
            "a\n",
            "4 a\nb\n",
            "-1 a\n",
            "x a\n",
            "1e9 a\n",
            "#EXTINF\na\n",
            "#EXTINF:4,\n4 a\n",
            "#EXT-X-MAP:URI=\"i\n4 a\n",
            "#EXT-X-PART:URI=\"a\",x,DURATION=1\n",
            "#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n4 a\n",
            "4 a\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n",
            "#EXT-X-STREAM-INF:BANDWIDTH=1\n4 a\n",
            "#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\na\n",
        ] {
            fails(lines, ManifestError::Malformed);
        }
    }

    #[test]
    fn what_the_gate_would_not_admit_has_none() {
        for variant in ["List(format=hls)", "list.m3u", "list", "a.m3u8/b", "a?b.m3u8"] {
            for lines in [
                "#EXT-X-STREAM-INF:BANDWIDTH=1\n~\n",
                "#EXT-X-MEDIA:TYPE=AUDIO,URI=\"~\"\n",
                "#EXT-X-MEDIA:TYPE=AUDIO,URI=\"/videos/42/~\"\n",
                "#EXT-X-I-FRAME-STREAM-INF:URI=\"~\"\n",
            ] {
                fails(&lines.replace('~', variant), ManifestError::NoPreview);
            }
        }
        for variant in
            ["a.m3u8", "a.M3U8?b", "%61.m3%758", "https://other.example/list", "/videos/43/list"]
        {
            let lines = ["#EXT-X-STREAM-INF:BANDWIDTH=1\n", variant, "\n"].concat();
            becomes(&lines, &lines);
        }
        // Subtitles that are one file are signed as one.
        becomes(
            "#EXT-X-MEDIA:TYPE=SUBTITLES,URI=\"en.vtt\"\n",
            "#EXT-X-MEDIA:TYPE=SUBTITLES,URI=\"~en.vtt\"\n",
        );
    }

    #[test]
    fn a_viewer_does_not_choose_what_is_signed() {
        let url = [PLAYLIST, "?v=b&w=../../42/c"].concat();
        let rewriter = carrier_of(&url, |link| link.in_query().preview(10));
        let head = "#EXTM3U\n#EXT-X-DEFINE:QUERYPARAM=\"v\"\n#EXT-X-DEFINE:QUERYPARAM=\"w\"\n\
                    #EXT-X-DEFINE:NAME=\"x\",VALUE=\"{$v}\"\n#EXT-X-DEFINE:IMPORT=\"y\"\n\
                    #EXT-X-DEFINE:NAME=\"z\",VALUE=\"1\"\n";
        for address in
            ["{$v}.ts", "{$w}.ts", "{$x}.ts", "{$y}.ts", "a/{$y}.ts", "a.ts?b={$v}", "{$none}"]
        {
            for lines in ["#EXTINF:4,\n~\n", "#EXT-X-MAP:URI=\"~\"\n", "#EXT-X-KEY:URI=\"~\"\n"] {
                let playlist = [head, &lines.replace('~', address)].concat();
                assert_eq!(
                    rewritten(&rewriter, &playlist),
                    Err(ManifestError::NoPreview),
                    "{address}"
                );
            }
        }
        for (address, expected) in
            [("{$z}.ts", "/EXACT/videos/42/hls/1.ts"), ("a.ts", "/EXACT/videos/42/hls/a.ts")]
        {
            let text =
                rewritten(&rewriter, &[head, "#EXTINF:4,\n", address, "\n"].concat()).unwrap();
            assert!(text.ends_with(&["#EXTINF:4,\n", expected, "\n"].concat()), "{text}");
        }
        // The token of a preview opens every playlist anyway.
        let variant = [head, "#EXT-X-STREAM-INF:BANDWIDTH=1\n{$v}.m3u8\n"].concat();
        assert!(
            rewritten(&rewriter, &variant).unwrap().ends_with("\n/TOKEN/videos/42/hls/b.m3u8\n")
        );
    }

    #[test]
    fn a_film_of_public_segments_has_none() {
        use crate::public::PublicPaths;
        for public in [
            PublicPaths::new(vec![], vec!["ts".into()]),
            PublicPaths::new(vec!["/videos/42/hls/".into()], vec![]),
        ] {
            let rewriter =
                carrier_of(PLAYLIST, |link| link.in_path().preview(10)).public_paths(public);
            for lines in
                ["4 a.ts\n", "4 /videos/42/hls/a.ts\n", "#EXT-X-PART:DURATION=1,URI=\"a.TS\"\n"]
            {
                let playlist = ["#EXTM3U\n", &segments(lines, "")].concat();
                assert_eq!(
                    rewritten(&rewriter, &playlist),
                    Err(ManifestError::NoPreview),
                    "{lines}"
                );
            }
        }
        let public = PublicPaths::new(vec![], vec!["json".into()]);
        let rewriter = carrier_of(PLAYLIST, |link| link.in_path().preview(10)).public_paths(public);
        becomes_with(
            &rewriter,
            "#EXT-X-SESSION-DATA:DATA-ID=\"a\",URI=\"a.json\"\n",
            "#EXT-X-SESSION-DATA:DATA-ID=\"a\",URI=\"/videos/42/hls/a.json\"\n",
        );
    }

    #[test]
    fn the_end_has_the_line_end_of_the_playlist() {
        let rewriter = carrier_of(PLAYLIST, |link| link.in_path().preview(10));
        for end in ["\n", "\r\n", "\r"] {
            let listed = ["#EXTM3U", "#EXTINF:20,", "~a", ""].join(end);
            let expected =
                [listed.replace('~', "/EXACT/videos/42/hls/"), "#EXT-X-ENDLIST".into(), end.into()]
                    .concat();
            for more in ["", "#EXTINF:20,", "#EXT-X-ENDLIST"] {
                let playlist = [&listed.replace('~', ""), more].concat();
                assert_eq!(rewritten(&rewriter, &playlist).as_ref(), Ok(&expected));
            }
            // The last line may have no end.
            let playlist = listed.replace('~', "");
            let playlist = playlist.strip_suffix(end).unwrap();
            assert_eq!(rewritten(&rewriter, playlist).as_ref(), Ok(&expected));
        }
    }

    #[test]
    fn twice_is_once() {
        let rewriter = carrier_of(PLAYLIST, |link| link.in_path().preview(10));
        let playlist = ["#EXTM3U\n", &segments("6 a\n6 b\n6 c\n", "")].concat();
        let once = crate::hls::rewrite(&rewriter, &playlist).unwrap();
        assert_eq!(crate::hls::rewrite(&rewriter, &once), Ok(once));
    }

    #[test]
    fn line_by_line_no_end_is_known() {
        let rewriter = carrier_of(PLAYLIST, |link| link.in_path().preview(10));
        let lines = ["#EXTM3U\n", "#EXT-X-MEDIA-SEQUENCE:1\n", "#EXTINF:4,\n", "a\n"];
        let ended = |first: &str| {
            let mut hls = HlsRewriter::new(&rewriter);
            let mut out = String::new();
            let [head, tags @ ..] = lines;
            [head, first].iter().chain(&tags).try_for_each(|line| hls.line(line, &mut out))
        };
        assert_eq!(ended("#EXT-X-PLAYLIST-TYPE:VOD\n"), Ok(()));
        assert_eq!(ended("#EXT-X-ENDLIST\n"), Ok(()));
        assert_eq!(ended("# no end\n"), Err(ManifestError::NoPreview));
    }

    #[test]
    fn durations() {
        for (text, nanos) in [
            ("0", 0),
            ("6", 6 * NANOS),
            ("6.", 6 * NANOS),
            (".5", NANOS / 2),
            ("9.009", 9_009_000_000),
            ("0.000000001", 1),
            ("0.0000000019", 1),
            ("99999999999999999999", u64::MAX),
        ] {
            assert_eq!(decimal(text), Some(nanos), "{text}");
        }
        for text in ["", ".", "-1", "+1", "1e3", "inf", "NaN", "1.2.3", "1 2", "0x1", "1.-2"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn sums_are_exact() {
        let mut preview = HlsPreview::new(1);
        for n in 1..=10 {
            assert_eq!(preview.tag("EXTINF", "0.1,"), Ok(true));
            assert_eq!(preview.segment(), Ok(true));
            assert_eq!(preview.ends_here(), n == 10);
        }
    }
}
