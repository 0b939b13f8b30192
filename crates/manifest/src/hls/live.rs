//! A playlist that replaces a live playlist whose address is about to expire.

use crate::hls::preview;
use crate::rewriter::Rewriter;

/// The bit rate of a variant, if the playlist does not tell. The attribute is required, but with a single
/// variant it decides nothing.
const BANDWIDTH: u64 = 4_000_000;

/// What the tags of a playlist reveal about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Whether it lists segments, or will.
    media: bool,
    /// Whether it lists variants.
    variants: bool,
    /// Whether it is complete.
    ended: bool,
    /// Whether its first segments are never removed.
    pub(crate) stays: bool,
    /// The highest bit rate that it names, in kilobits per second.
    bitrate: u64,
}

impl Facts {
    /// Reads the facts from a playlist.
    pub(crate) fn of(playlist: &str) -> Self {
        let mut facts = Self::default();
        for line in playlist.split(['\n', '\r']) {
            let Some(tag) = line.trim().strip_prefix("#EXT") else { continue };
            let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
            match name {
                "INF" | "-X-TARGETDURATION" => facts.media = true,
                "-X-STREAM-INF" => facts.variants = true,
                "-X-ENDLIST" => facts.ended = true,
                "-X-PLAYLIST-TYPE" => {
                    facts.stays |= preview::is_lasting(value);
                    facts.ended |= value.trim() == "VOD";
                }
                "-X-BITRATE" => {
                    facts.bitrate = facts.bitrate.max(value.trim().parse().unwrap_or(0))
                }
                _ => {}
            }
        }
        facts.stays |= facts.ended;
        facts
    }

    /// Whether it lists variants and no segments.
    pub(crate) const fn is_multivariant(&self) -> bool {
        self.variants && !self.media
    }

    /// Whether a player will reload it.
    pub(crate) const fn is_live(&self) -> bool {
        self.media && !self.variants && !self.ended
    }
}

/// A multivariant playlist with one variant: the live playlist at its own address, with the exchanged
/// token. From then on, a player reloads that address, and finds the same segment addresses each time.
pub(crate) fn stand_in(rewriter: &Rewriter, facts: &Facts, line_end: &str) -> String {
    let bandwidth = match facts.bitrate {
        0 => BANDWIDTH,
        kilobits => kilobits.saturating_mul(1000),
    };
    let address = rewriter.own_address();
    format!("#EXTM3U{line_end}#EXT-X-STREAM-INF:BANDWIDTH={bandwidth}{line_end}{address}{line_end}")
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use crate::hls::tests::{rewriter_of, rewritten};

    const PLAYLIST: &str = "https://cdn.example.com/videos/42/hls/live.m3u8";
    const LIVE: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n";

    fn exchanged(url: &str, playlist: &str) -> String {
        rewritten(
            &rewriter_of(url, |link| link.in_path().run(Duration::from_secs(14_400))),
            playlist,
        )
        .unwrap()
    }

    #[test]
    fn a_live_playlist_is_left_for_its_lasting_address() {
        let stand_in = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=4000000\n\
                        /TOKEN/videos/42/hls/live.m3u8\n";
        assert_eq!(exchanged(PLAYLIST, LIVE), stand_in);
        let event = [LIVE, "#EXT-X-PLAYLIST-TYPE:EVENT\n"].concat();
        assert_eq!(exchanged(PLAYLIST, &event), stand_in);
        // The live playlist is still empty.
        assert_eq!(exchanged(PLAYLIST, "#EXTM3U\n#EXT-X-TARGETDURATION:4\n"), stand_in);
        assert_eq!(
            exchanged(PLAYLIST, &LIVE.replace('\n', "\r\n")),
            stand_in.replace('\n', "\r\n")
        );
    }

    #[test]
    fn the_query_goes_along_without_delivery_directives() {
        let text = exchanged(&[PLAYLIST, "?v=1&_HLS_msn=7"].concat(), LIVE);
        assert!(text.ends_with("/TOKEN/videos/42/hls/live.m3u8?v=1\n"), "{text}");
    }

    #[test]
    fn its_bandwidth_is_that_of_the_segments_where_it_is_known() {
        let playlist =
            [LIVE, "#EXT-X-BITRATE:800\n#EXT-X-BITRATE: 1200\n#EXT-X-BITRATE:9x\n"].concat();
        assert!(exchanged(PLAYLIST, &playlist).contains(":BANDWIDTH=1200000\n"));
    }

    #[test]
    fn all_others_are_rewritten() {
        let rewritten = |text: &str| text.replace("a.ts", "/TOKEN/videos/42/hls/a.ts");
        for more in ["#EXT-X-ENDLIST", "#EXT-X-PLAYLIST-TYPE:VOD\n", "#EXT-X-ENDLIST\r\n"] {
            let ended = [LIVE, more].concat();
            assert_eq!(exchanged(PLAYLIST, &ended), rewritten(&ended));
        }
        let multivariant = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.ts\n";
        assert_eq!(exchanged(PLAYLIST, multivariant), rewritten(multivariant));
        // Without an exchange, a live playlist is like any other.
        let rewriter = rewriter_of(PLAYLIST, |link| link.in_query());
        assert_eq!(super::super::tests::rewritten(&rewriter, LIVE).unwrap(), rewritten(LIVE));
    }

    #[test]
    fn no_playlist_has_no_stand_in() {
        let rewriter =
            rewriter_of(PLAYLIST, |link| link.in_path().run(Duration::from_secs(14_400)));
        assert!(crate::hls::rewrite(&rewriter, "<html>\n#EXTINF:4,\na.ts\n").is_err());
    }
}
