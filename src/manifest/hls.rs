//! HLS playlists (draft-pantos-hls-rfc8216bis), line by line.

mod attributes;
mod live;
mod preview;
mod tags;
mod variables;

use alloc::borrow::Cow;
use alloc::string::String;

use self::attributes::Attributes;
use self::live::Facts;
use self::preview::Preview;
use self::tags::{has_addresses, resource};
use self::variables::Variables;
use crate::bytes;
use crate::manifest::address::{Base, Resource};
use crate::manifest::{Carrier, MAX_LEN, ManifestError};
use crate::path::is_plain_relative;

/// Rewrites a playlist line by line: it holds one line at a time, and the variables of
/// `EXT-X-DEFINE`.
///
/// An address gets its token, with its variables replaced where it has any. All other bytes stay,
/// line ends among them. What breaks the grammar of an attribute list is copied, and what stands
/// behind it: a player that reads no further misses nothing.
///
/// In a preview it cannot know whether `EXT-X-ENDLIST` is to come, so without it a playlist that
/// lost its first segments has none. Neither does it answer for a live playlist that is fetched
/// with a token to be exchanged. [`Carrier::rewrite`] sees the whole playlist, and does both.
#[derive(Debug)]
pub struct HlsRewriter<'c> {
    carrier: &'c Carrier,
    base: Base,
    /// What stands before the plainest of addresses.
    plain: Option<String>,
    variables: Variables,
    preview: Option<Preview>,
    /// What the next line that is an address leads to.
    next: Resource,
    /// The end of the first line; `None` before it.
    line_end: Option<&'static str>,
}

impl<'c> HlsRewriter<'c> {
    /// For one playlist.
    #[must_use]
    pub fn new(carrier: &'c Carrier) -> Self {
        Self {
            carrier,
            base: carrier.base(),
            plain: carrier.plain_prefix(),
            variables: Variables::default(),
            preview: carrier.preview.map(Preview::new),
            next: Resource::Media,
            line_end: None,
        }
    }

    /// Appends the next line, with its end, to `out`; nothing where a preview leaves it out.
    ///
    /// # Errors
    /// A [`ManifestError`]; then nothing of the playlist may be handed out.
    pub fn line(&mut self, line: &str, out: &mut String) -> Result<(), ManifestError> {
        let mut rest = line;
        while !rest.is_empty() {
            let (line, behind) = split_line(rest);
            self.one(line, out)?;
            if out.len() > MAX_LEN {
                return Err(ManifestError::TooLarge);
            }
            rest = behind;
        }
        Ok(())
    }

    fn one(&mut self, line: &str, out: &mut String) -> Result<(), ManifestError> {
        let text = line.trim_ascii();
        if self.line_end.is_none() {
            self.line_end = Some(header(line).ok_or(ManifestError::Malformed)?);
        } else if let Some(tag) = text.strip_prefix('#') {
            return self.tag(line, tag, out);
        } else if !text.is_empty() {
            return self.address_line(line, text, out);
        }
        if !self.preview.as_ref().is_some_and(Preview::is_over) {
            out.push_str(line);
        }
        Ok(())
    }

    /// A line that is an address.
    fn address_line(
        &mut self,
        line: &str,
        text: &str,
        out: &mut String,
    ) -> Result<(), ManifestError> {
        let resource = core::mem::replace(&mut self.next, Resource::Media);
        if let Some(preview) = &mut self.preview
            && resource == Resource::Media
            && !preview.segment()?
        {
            return Ok(());
        }
        let (before, after) = around(line, text);
        out.push_str(before);
        self.address(text, true, resource, out);
        out.push_str(after);
        if let (Some(preview), Some(line_end)) = (&mut self.preview, self.line_end)
            && resource == Resource::Media
            && preview.ends_here()
        {
            if !after.ends_with(['\r', '\n']) {
                out.push_str(line_end);
            }
            out.push_str("#EXT-X-ENDLIST");
            out.push_str(line_end);
        }
        Ok(())
    }

    /// A line that is a tag or a comment, without its `#`.
    fn tag(&mut self, line: &str, tag: &str, out: &mut String) -> Result<(), ManifestError> {
        // Most tags are EXTINF, which only a preview has to read.
        if self.preview.is_none() && tag.starts_with("EXTINF:") {
            out.push_str(line);
            return Ok(());
        }
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        if let Some(preview) = &mut self.preview
            && !preview.tag(name, value)?
        {
            return Ok(());
        }
        match name {
            "EXT-X-STREAM-INF" => self.next = Resource::Manifest,
            "EXT-X-DEFINE" => self.variables.define(value, &self.carrier.query),
            "EXT-X-PREFETCH" => {
                let text = value.trim_ascii();
                let (before, after) = around(line, text);
                out.push_str(before);
                if !text.is_empty() {
                    self.address(text, true, Resource::Media, out);
                }
                out.push_str(after);
                return Ok(());
            }
            _ if has_addresses(name) => {
                self.attributes(line, name, value, out);
                return Ok(());
            }
            _ => {}
        }
        out.push_str(line);
        Ok(())
    }

    /// A tag with addresses among its attributes.
    fn attributes(&self, line: &str, name: &str, list: &str, out: &mut String) {
        let (before, after) = around(line, list);
        out.push_str(before);
        let mut attributes = Attributes::new(list);
        for attribute in attributes.by_ref().map_while(Result::ok) {
            out.push_str(attribute.lead);
            match resource(name, attribute.name, attribute.value) {
                Some(resource) => {
                    self.address(attribute.value, attribute.quoted, resource, out);
                }
                None => out.push_str(attribute.value),
            }
        }
        out.push_str(attributes.rest());
        out.push_str(after);
    }

    /// An address, in which variables count or do not. Where it stays as it is so do its variables,
    /// for the player to replace.
    fn address(&self, text: &str, variables: bool, resource: Resource, out: &mut String) {
        if let Some(prefix) = &self.plain
            && is_plain_relative(text.as_bytes())
        {
            out.push_str(prefix);
            out.push_str(text);
            return;
        }
        let start = out.len();
        let address = match self.variables.substitute(text) {
            // Where there are no quotes they do not count, and some players replace them all the same.
            Some(Cow::Owned(_)) if !variables => None,
            address => address,
        };
        let is_other = match address {
            Some(Cow::Borrowed(text)) => {
                self.carrier.write(&self.base, text, resource, false, out);
                return;
            }
            Some(Cow::Owned(text)) => self.carrier.write(&self.base, &text, resource, false, out),
            None => false,
        };
        if !is_other {
            out.truncate(start);
            out.push_str(text);
        }
    }
}

/// Parts a text behind its first line end. Players end a line at a carriage return alone as well.
fn split_line(text: &str) -> (&str, &str) {
    let Some(at) = bytes::position(text.as_bytes(), [b'\n', b'\r']) else { return (text, "") };
    let (_, end) = text.split_at_checked(at).unwrap_or_default();
    let behind = end.strip_prefix("\r\n").or_else(|| end.get(1..)).unwrap_or_default();
    text.split_at_checked(text.len().saturating_sub(behind.len())).unwrap_or((text, ""))
}

/// How the first line of a playlist ends; `None` where it is none, an HTML page say. A byte order
/// mark is refused by the draft (section 4), and by players.
fn header(text: &str) -> Option<&'static str> {
    let behind = text.strip_prefix("#EXTM3U")?;
    if !(behind.is_empty() || behind.starts_with([' ', '\t', '\r', '\n'])) {
        return None;
    }
    let end = behind.trim_start_matches(|c| c != '\r' && c != '\n');
    let ends = ["\r\n", "\r"];
    Some(ends.into_iter().find(|line_end| end.starts_with(line_end)).unwrap_or("\n"))
}

/// What stands in a line before and behind `text`, which is a part of it, and ends with it but for
/// blanks.
fn around<'l>(line: &'l str, text: &str) -> (&'l str, &'l str) {
    let end = line.trim_ascii_end().len();
    let start = end.saturating_sub(text.len());
    (line.get(..start).unwrap_or_default(), line.get(end..).unwrap_or_default())
}

/// Rewrites a playlist that is there as a whole.
pub(crate) fn rewrite(carrier: &Carrier, playlist: &str) -> Result<String, ManifestError> {
    let line_end = header(playlist).ok_or(ManifestError::Malformed)?;
    let mut rewriter = HlsRewriter::new(carrier);
    if carrier.exchanged || carrier.preview.is_some() {
        let facts = Facts::of(playlist);
        if carrier.exchanged && facts.is_live() {
            return Ok(live::stand_in(carrier, &facts, line_end));
        }
        rewriter.preview = rewriter.preview.map(|preview| preview.stays(facts.stays));
    }
    // A token is some times as long as most addresses. Memory that is not written to costs nothing, and
    // to move what was written does.
    let mut out = String::with_capacity(playlist.len().saturating_mul(4).min(MAX_LEN));
    rewriter.line(playlist, &mut out)?;
    Ok(out)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::key::KeyRing;
    use crate::request::Request;
    use crate::sign::{Builder, Signer};
    use crate::time::UnixTime;
    use crate::verify::Verifier;

    const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);
    const PLAYLIST: &str = "https://cdn.example.com/videos/42/hls/list.m3u8";

    /// The carrier of a link to `url` for /videos/42/.
    pub(crate) fn carrier_of(
        url: &str,
        more: impl for<'a> FnOnce(Builder<'a, &'a str>) -> Builder<'a, &'a str>,
    ) -> Carrier {
        let keys = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
        let ring = KeyRing::parse(keys).unwrap();
        let signer = Signer::new(KeyRing::parse(keys).unwrap());
        let link = more(signer.link(url).directory(2)).sign(NOW).unwrap();
        let verifier = Verifier::new(&ring);
        let verified = verifier.verify(&Request::new(link.as_str()), NOW).unwrap();
        Carrier::new(&verifier, &verified, NOW).unwrap()
    }

    /// That of a link in the query: every address has to get the token.
    fn carrier() -> Carrier {
        carrier_of(PLAYLIST, |link| link.in_query())
    }

    /// A playlist rewritten, with `TOKEN` for the token and `EXACT` for those of one address.
    pub(crate) fn rewritten(carrier: &Carrier, playlist: &str) -> Result<String, ManifestError> {
        let text = rewrite(carrier, playlist)?.replace(carrier.token(), "TOKEN");
        let mut pieces = text.split("pg=1&");
        let mut shown = String::from(pieces.next().unwrap());
        for piece in pieces {
            let (token, rest) = piece.split_once('/').unwrap();
            assert!(token.contains("&sig="), "{token}");
            shown.push_str("EXACT/");
            shown.push_str(rest);
        }
        Ok(shown)
    }

    /// The lines behind the first one, and what they become.
    #[track_caller]
    fn becomes(lines: &str, expected: &str) {
        becomes_with(&carrier(), lines, expected);
    }

    #[track_caller]
    pub(crate) fn becomes_with(carrier: &Carrier, lines: &str, expected: &str) {
        let head = "#EXTM3U\n";
        let text = rewritten(carrier, &[head, lines].concat()).unwrap();
        assert_eq!(text.strip_prefix(head), Some(expected));
    }

    /// An address in `list` that is written as `URI`, before and after.
    #[track_caller]
    fn address_becomes(list: &str) {
        let line = ["#EXT-X-", list, "\n"].concat();
        becomes(
            &line.replace("URI_HERE", "a/b.x"),
            &line.replace("URI_HERE", "/TOKEN/videos/42/hls/a/b.x"),
        );
    }

    #[track_caller]
    fn stays(lines: &str) {
        becomes(lines, lines);
    }

    #[test]
    fn segments_and_variants() {
        becomes(
            "#EXTINF:4.000,\na.ts\n\n# a comment\n#EXTINF:4,a title\nb.ts?x=1",
            "#EXTINF:4.000,\n/TOKEN/videos/42/hls/a.ts\n\n# a comment\n#EXTINF:4,a title\n\
             /TOKEN/videos/42/hls/b.ts?x=1",
        );
        becomes(
            "#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-NEW\nlow/list.m3u8\n",
            "#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-NEW\n/TOKEN/videos/42/hls/low/list.m3u8\n",
        );
    }

    #[test]
    fn addresses_among_attributes() {
        for list in [
            "CONTENT-STEERING:SERVER-URI=\"URI_HERE\",PATHWAY-ID=\"a\"",
            "DATERANGE:ID=\"1\",CLASS=\"com.apple.hls.interstitial\",X-ASSET-URI=\"URI_HERE\"",
            "DATERANGE:ID=\"1\",X-ASSET-LIST=\"URI_HERE\",X-RESUME-OFFSET=0",
            "DATERANGE:ID=\"1\",CLASS=\"com.apple.hls.daterange-schedule\",X-URI=\"URI_HERE\"",
            "I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"URI_HERE\"",
            "IMAGE-STREAM-INF:BANDWIDTH=1,RESOLUTION=320x180,CODECS=\"jpeg\",URI=\"URI_HERE\"",
            "KEY:METHOD=AES-128,URI=\"URI_HERE\",IV=0x00",
            "MAP:URI=\"URI_HERE\",BYTERANGE=\"720@0\"",
            "MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"b\",URI=\"URI_HERE\"",
            "PART:DURATION=0.3,URI=\"URI_HERE\",INDEPENDENT=YES",
            "PREFETCH:URI_HERE",
            "PRELOAD-HINT:TYPE=PART,URI=\"URI_HERE\"",
            "RENDITION-REPORT:URI=\"URI_HERE\",LAST-MSN=1,LAST-PART=2",
            "SESSION-DATA:DATA-ID=\"a\",URI=\"URI_HERE\",FORMAT=RAW",
            "SESSION-KEY:METHOD=SAMPLE-AES,URI=\"URI_HERE\"",
        ] {
            address_becomes(list);
        }
    }

    #[test]
    fn attributes_in_any_order_and_spelling_that_players_take() {
        address_becomes("KEY:URI=\"URI_HERE\",METHOD=AES-128");
        address_becomes("KEY:METHOD=AES-128, URI=\"URI_HERE\" ,IV=0x00,");
        address_becomes("KEY: METHOD=AES-128,URI=URI_HERE,IV=0x00");
        address_becomes("MEDIA:NAME=\"a, URI=\",URI=\"URI_HERE\",X=\"URI=\"");
        address_becomes("DATERANGE:X-ASSET-URI=\"URI_HERE\",X-URI=\"URI_HERE\",X-URI-X=\"a\"");
        // What cannot be read takes nothing from what stands before it.
        address_becomes("KEY:METHOD=AES-128,URI=\"URI_HERE\",BARE,X=\"open");
    }

    #[test]
    fn what_is_no_address_here_stays() {
        for line in [
            "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://key\",KEYFORMATVERSIONS=\"1\"",
            "#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"data:text/plain;base64,AAAA\"",
            "#EXT-X-KEY:METHOD=NONE",
            "#EXT-X-KEY:METHOD=AES-128,URI=\"key",
            "#EXT-X-KEY:METHOD=AES-128,BARE,URI=\"key\"",
            "#EXT-X-MAP:URI=\"https://other.example.com/init.mp4\"",
            "#EXT-X-MAP:uri=\"init.mp4\"",
            "#EXT-X-MAP",
            "#EXT-X-MAPS:URI=\"init.mp4\"",
            "#EXT-X-SESSION-DATA:DATA-ID=\"a\",VALUE=\"URI=\"",
            "#EXT-X-SKIP:SKIPPED-SEGMENTS=3",
            "#EXT-X-GAP",
            "#EXT-X-PREFETCH:",
            "#EXT-X-BYTERANGE:100@0",
            "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z",
            "#EXT-X-VENDOR:URI=\"a\"",
            "#",
            "",
            "https://other.example.com/a.ts",
        ] {
            stays(line);
            stays(&[line, "\n"].concat());
        }
    }

    #[test]
    fn every_line_end_and_blank_stays() {
        let token = "/TOKEN/videos/42/hls/";
        for end in ["\n", "\r\n", "\r", "\n\r\n", "\r\r\n", " \t\n"] {
            let lines = "#EXT-X-VERSION:7|#EXT-X-MAP:URI=\"~i\"| ~a.ts ||~b.ts".replace('|', end);
            becomes(&lines.replace('~', ""), &lines.replace('~', token));
        }
        let playlist = "#EXTM3U\r\n#EXTINF:4,\r\na.ts";
        let expected = "#EXTM3U\r\n#EXTINF:4,\r\n/TOKEN/videos/42/hls/a.ts";
        assert_eq!(rewritten(&carrier(), playlist).unwrap(), expected);
    }

    #[test]
    fn twice_is_once() {
        let lines = "#EXTM3U\n#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:4,\na.ts\n/videos/42/b.ts\n";
        for carrier in [carrier(), carrier_of(PLAYLIST, |link| link.in_path())] {
            let once = rewrite(&carrier, lines).unwrap();
            assert_ne!(once, lines);
            assert_eq!(rewrite(&carrier, &once).unwrap(), once);
        }
    }

    #[test]
    fn a_link_in_the_path_is_inherited() {
        let carrier = carrier_of(PLAYLIST, |link| link.in_path());
        becomes_with(
            &carrier,
            "#EXTINF:4,\na.ts\n#EXT-X-KEY:METHOD=AES-128,URI=\"/videos/42/key\"\n",
            "#EXTINF:4,\na.ts\n#EXT-X-KEY:METHOD=AES-128,URI=\"/TOKEN/videos/42/key\"\n",
        );
    }

    #[test]
    fn no_playlist() {
        for text in [
            "",
            "\n#EXTM3U\n",
            " #EXTM3U\n",
            "\u{feff}#EXTM3U\n",
            "#EXTM3U8\n",
            "#extm3u\n",
            "<!DOCTYPE html>\n#EXTM3U\n",
            "#EXTINF:4,\na.ts\n",
        ] {
            assert_eq!(rewrite(&carrier(), text), Err(ManifestError::Malformed), "{text}");
        }
        for text in ["#EXTM3U", "#EXTM3U\n", "#EXTM3U \r\n", "#EXTM3U x-tvg-url=\"a\"\n"] {
            assert_eq!(rewrite(&carrier(), text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn variables_are_replaced_where_an_address_gets_the_token() {
        let defines = "#EXT-X-DEFINE:NAME=\"dir\",VALUE=\"hd\"\n#EXT-X-DEFINE:QUERYPARAM=\"v\"\n\
                       #EXT-X-DEFINE:IMPORT=\"far\"\n\
                       #EXT-X-DEFINE:NAME=\"cdn\",VALUE=\"//b.example\"\n";
        let carrier = carrier_of(&[PLAYLIST, "?v=1%2F2"].concat(), |link| link.in_query());
        for (lines, expected) in [
            ("{$dir}/{$v}.ts\n", "/TOKEN/videos/42/hls/hd/1/2.ts\n"),
            ("{$dir}/{$far}.ts\n", "{$dir}/{$far}.ts\n"),
            ("{$cdn}/{$dir}.ts\n", "{$cdn}/{$dir}.ts\n"),
            ("{$none}.ts\n", "{$none}.ts\n"),
            (
                "#EXT-X-MEDIA:NAME=\"{$dir}\",URI=\"{$dir}.m3u8\"\n",
                "#EXT-X-MEDIA:NAME=\"{$dir}\",URI=\"/TOKEN/videos/42/hls/hd.m3u8\"\n",
            ),
            (
                "#EXT-X-MEDIA:NAME=\"{$dir}\",URI=\"{$far}.m3u8\"\n",
                "#EXT-X-MEDIA:NAME=\"{$dir}\",URI=\"{$far}.m3u8\"\n",
            ),
        ] {
            becomes_with(&carrier, &[defines, lines].concat(), &[defines, expected].concat());
        }
        // A definition counts from its own line on.
        stays("{$dir}/a.ts\n#EXT-X-DEFINE:NAME=\"dir\",VALUE=\"hd\"\n");
    }

    #[test]
    fn a_query_leads_to_no_other_place_by_a_variable() {
        let lines = "#EXT-X-DEFINE:QUERYPARAM=\"v\"\n{$v}/a.ts\n";
        for value in ["//b.example", "https://b.example", "/videos/43", "../../43", "a%0a%23EXT"] {
            let url = [PLAYLIST, "?v=", value].concat();
            becomes_with(&carrier_of(&url, |link| link.in_query()), lines, lines);
        }
    }

    #[test]
    fn long_lines() {
        let long = "a".repeat(1 << 20);
        stays(&["#", &long, "\n#EXTINF:4,", &long, "\n"].concat());
        let list = |uri: &str| {
            ["#EXT-X-KEY:X=\"", &long, "\",URI=\"", uri, "\",", &"A=1,".repeat(1 << 18)].concat()
        };
        becomes(&list("k"), &list("/TOKEN/videos/42/hls/k"));
    }

    #[test]
    fn line_by_line_is_the_same() {
        let carrier = carrier();
        let playlist = "#EXTM3U\r\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"\r\n{$a}.ts\r\n";
        let mut rewriter = HlsRewriter::new(&carrier);
        let mut out = String::new();
        for line in playlist.split_inclusive('\n') {
            rewriter.line(line, &mut out).unwrap();
        }
        assert_eq!(rewrite(&carrier, playlist), Ok(out));
        let page = HlsRewriter::new(&carrier).line("<html>", &mut String::new());
        assert_eq!(page, Err(ManifestError::Malformed));
    }
}
