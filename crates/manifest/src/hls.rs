//! Rewrites HLS playlists (draft-pantos-hls-rfc8216bis), line by line.
//!
//! # Why a token stays on the host of its playlist
//!
//! The token is written into a path that starts with a slash and the token's own name: `/pg=...`. HLS has
//! no base element: a player resolves an address against the address of the playlist (section 4: "relative
//! to the URI of the Playlist File that contains it"), after redirects. So the path leads to the host that
//! served this playlist. That host knows the token anyway, because it was in the request. Nothing in a
//! playlist can change that:
//!
//! - After `/pg=`, no URL parser goes back to look for a host, whatever follows. A variable in the rest is
//!   no exception. A variable before it is replaced here, or else nothing is written.
//! - A gate answers at the address that was requested. A redirect to the gate ends there, and a redirect to
//!   another place leads to another playlist, which has no token in it.
//! - Against a `data:` base, a path leads nowhere.
//!
//! Scheme and host are written before the path only if the address had them and names this host with the
//! other scheme: `https` in a playlist that was fetched over `http`.
//!
//! Variables of a multivariant playlist are the only part that other playlists use, so the value of such a
//! variable has the token only if that is safe. See [`rewrite`] and `HlsVariables::check_abroad`.

mod addresses;
mod attributes;
mod exports;
mod lines;
mod live;
mod preview;
mod tags;
mod variables;
mod whole;

pub(crate) use self::whole::{explain, rewrite};

use crate::ManifestError;
use crate::address::Resource;
use crate::rewriter::Rewriter;

use self::addresses::{Address, Addresses};
use self::attributes::{Attributes, is_clean};
use self::exports::{Withheld, is_free};
use self::lines::{First, around, first, split_line};
use self::preview::HlsPreview;
use self::tags::{has_addresses, in_comment, resource};

/// Rewrites a playlist line by line. It holds only one line at a time, and the variables of `EXT-X-DEFINE`.
///
/// An address gets its token, with its variables replaced if it has any. All other bytes stay as they are,
/// including line ends. A list of addresses without the HLS header is accepted as well.
///
/// Unlike [`Rewriter::rewrite`], which sees the whole playlist, it has three limits. In a preview, it
/// cannot know whether `EXT-X-ENDLIST` follows, so a playlist that has lost its first segments gets no
/// preview. It does not replace a live playlist that is fetched with a token to be exchanged. And it
/// does not write the token into variables that other playlists import.
#[derive(Debug)]
pub struct HlsRewriter<'c> {
    addresses: Addresses<'c>,
    preview: Option<HlsPreview>,
    /// What the next address line leads to.
    next: Resource,
    /// How the playlist starts; `None` before its first line.
    first: Option<First>,
    /// If variables whose values are addresses may get the token: the names of those that must not.
    withheld: Option<Withheld>,
}

impl<'c> HlsRewriter<'c> {
    /// Creates the rewriter for one playlist.
    #[must_use]
    pub fn new(rewriter: &'c Rewriter) -> Self {
        Self {
            addresses: Addresses::new(rewriter),
            preview: rewriter.preview.map(HlsPreview::new),
            next: Resource::Media,
            first: None,
            withheld: None,
        }
    }

    /// Appends the next line, including its line end, to `out`; nothing if a preview omits it.
    ///
    /// # Errors
    /// A [`ManifestError`]. No part of the playlist may then be served.
    pub fn line(&mut self, line: &str, out: &mut String) -> Result<(), ManifestError> {
        let mut rest = line;
        while !rest.is_empty() {
            let (line, after) = split_line(rest);
            let start = out.len();
            let growth = &mut self.addresses.growth;
            growth.read = growth.read.saturating_add(line.len());
            self.addresses.lines = self.addresses.lines.saturating_add(1);
            self.one(line, out)?;
            let written = out.len().saturating_sub(start);
            self.addresses.growth.check(written)?;
            self.addresses.growth.wrote(written);
            rest = after;
        }
        Ok(())
    }

    fn one(&mut self, line: &str, out: &mut String) -> Result<(), ManifestError> {
        let text = line.trim_ascii();
        if self.first.is_none() && !text.is_empty() {
            let first = first(line).ok_or(ManifestError::Malformed)?;
            self.first = Some(first);
            match first {
                First::Header(_) => {
                    out.push_str(line);
                    return Ok(());
                }
                // A plain list gives no durations, so it cannot be cut.
                First::List if self.preview.is_some() => return Err(ManifestError::NoPreview),
                First::List => {}
            }
        }
        if let Some(tag) = text.strip_prefix('#') {
            return self.tag(line, tag, out);
        }
        if !text.is_empty() {
            return self.address_line(line, text, out);
        }
        if !self.preview.as_ref().is_some_and(HlsPreview::is_over) {
            out.push_str(line);
        }
        Ok(())
    }

    /// Writes an address line.
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
        // A list may start with a byte order mark, which is not part of its first address.
        let text = match text.strip_prefix('\u{feff}') {
            Some(text) if self.addresses.lines == 1 => {
                out.push('\u{feff}');
                text
            }
            _ => text,
        };
        out.push_str(before);
        self.addresses.write(Address::line(text, resource), out)?;
        out.push_str(after);
        if let (Some(preview), Some(First::Header(line_end))) = (&mut self.preview, self.first)
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

    /// Writes a tag or comment line. `tag` is the line without its `#`.
    fn tag(&mut self, line: &str, tag: &str, out: &mut String) -> Result<(), ManifestError> {
        // Most tags are EXTINF, which matters only in a preview.
        if self.preview.is_none() && tag.starts_with("EXTINF:") {
            out.push_str(line);
            return Ok(());
        }
        let tag = if tag.starts_with("EXT") { tag } else { in_comment(tag).unwrap_or(tag) };
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        if let Some(preview) = &mut self.preview
            && !preview.tag(name, value)?
        {
            return Ok(());
        }
        match name {
            "EXT-X-STREAM-INF" => self.next = Resource::Manifest,
            "EXT-X-DEFINE" => {
                self.addresses.define(value)?;
                if self.withheld.as_ref().is_some_and(|withheld| is_free(value, withheld)) {
                    return self.attributes(line, name, value, out);
                }
            }
            // The steering manifest may name playlists on any host.
            "EXT-X-CONTENT-STEERING" => self.addresses.leads_abroad = true,
            "EXT-X-PREFETCH" | "EXT-X-TWITCH-PREFETCH" => {
                let text = value.trim_ascii();
                let (before, after) = around(line, text);
                out.push_str(before);
                if !text.is_empty() {
                    self.addresses.write(Address::line(text, Resource::Media), out)?;
                }
                out.push_str(after);
                return Ok(());
            }
            _ => {}
        }
        if has_addresses(name) {
            return self.attributes(line, name, value, out);
        }
        out.push_str(line);
        Ok(())
    }

    /// Writes a tag that may have addresses among its attributes.
    fn attributes(
        &mut self,
        line: &str,
        name: &str,
        list: &str,
        out: &mut String,
    ) -> Result<(), ManifestError> {
        self.addresses.check_list(list)?;
        let (before, after) = around(line, list);
        let start = out.len();
        out.push_str(before);
        // These tags carry metadata, or lead to it, and not to the film itself.
        let is_film = !matches!(
            name,
            "EXT-X-CONTENT-STEERING" | "EXT-X-DATERANGE" | "EXT-X-MEDIA" | "EXT-X-SESSION-DATA"
        );
        // If players read a list in different ways, one of them may take what follows an address of another
        // host as part of that address.
        let is_split = !is_clean(list);
        let mut is_abroad = false;
        let mut attributes = Attributes::new(list);
        for attribute in attributes.by_ref() {
            out.push_str(attribute.lead);
            let (text, has_variables) = (attribute.value, attribute.quoted);
            let resource = match name {
                _ if is_abroad => None,
                "EXT-X-DEFINE" => is_absolute(&attribute).then_some(Resource::Manifest),
                _ => resource(name, attribute.name, text),
            };
            match resource {
                Some(resource) => {
                    let address = Address { text, has_variables, resource, is_film };
                    self.addresses.write(address, out)?;
                    self.addresses.growth.check(out.len().saturating_sub(start))?;
                }
                None => {
                    // Clients also take addresses from their own attributes, and hls.js replaces variables
                    // in them.
                    self.addresses.check(text, true)?;
                    out.push_str(text);
                }
            }
            is_abroad = is_split && (is_abroad || self.addresses.may_lead_away(text));
        }
        out.push_str(attributes.rest());
        out.push_str(after);
        Ok(())
    }
}

/// Whether the value of a definition is an absolute address, with a host or from the root, wherever it is
/// used.
fn is_absolute(attribute: &attributes::Attribute<'_>) -> bool {
    attribute.name == "VALUE"
        && attribute.quoted
        && (attribute.value.starts_with('/')
            || attribute.value.starts_with("{$")
            || attribute.value.contains("://"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use core::time::Duration;
    use playgate::KeyRing;
    use playgate::Request;
    use playgate::UnixTime;
    use playgate::Verifier;
    use playgate::{Builder, Signer};

    const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);
    const PLAYLIST: &str = "https://cdn.example.com/videos/42/hls/list.m3u8";

    /// The rewriter for a link to `url` with a token for /videos/42/.
    pub(crate) fn rewriter_of(
        url: &str,
        more: impl for<'a> FnOnce(Builder<'a, &'a str>) -> Builder<'a, &'a str>,
    ) -> Rewriter {
        let keys = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
        let ring = KeyRing::parse(keys).unwrap();
        let signer = Signer::new(KeyRing::parse(keys).unwrap());
        let link = more(signer.link(url).directory(2)).sign(NOW).unwrap();
        let verifier = Verifier::new(&ring);
        let verified = verifier.verify(&Request::new(link.as_str()), NOW).unwrap();
        Rewriter::new(&verifier, &verified, NOW).unwrap()
    }

    /// The rewriter for a link in the query, where every address must get the token.
    fn rewriter() -> Rewriter {
        rewriter_of(PLAYLIST, |link| link.in_query())
    }

    /// Rewrites a playlist, with `TOKEN` for the token and `EXACT` for tokens of a single address.
    pub(crate) fn rewritten(rewriter: &Rewriter, playlist: &str) -> Result<String, ManifestError> {
        let text = rewrite(rewriter, playlist)?.replace(rewriter.token(), "TOKEN");
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

    /// Checks the lines after the first one, before and after rewriting.
    #[track_caller]
    fn becomes(lines: &str, expected: &str) {
        becomes_with(&rewriter(), lines, expected);
    }

    #[track_caller]
    pub(crate) fn becomes_with(rewriter: &Rewriter, lines: &str, expected: &str) {
        let head = "#EXTM3U\n";
        let text = rewritten(rewriter, &[head, lines].concat()).unwrap();
        assert_eq!(text.strip_prefix(head), Some(expected));
    }

    /// Checks an address in `list`, given as `URI_HERE`, before and after rewriting.
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
            "DATERANGE:ID=\"1\",X-COM-EXAMPLE-AD-URL=\"URI_HERE\"",
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
            "STREAM-INF:BANDWIDTH=1,URI=\"URI_HERE\"",
            "TWITCH-PREFETCH:URI_HERE",
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
        address_becomes("KEY:METHOD=AES-128,URI = \"URI_HERE\"");
        address_becomes("KEY:METHOD=AES-128,\tURI=\"URI_HERE\"");
        address_becomes("KEY:METHOD=AES-128,URI=\"URI_HERE\"; IV=0x00");
        // An unreadable part does not affect what precedes or follows it.
        address_becomes("KEY:METHOD=AES-128,URI=\"URI_HERE\",BARE,X=\"open");
        address_becomes("KEY:METHOD=AES-128,BARE,URI=\"URI_HERE\"");
        address_becomes("KEY:METHOD=AES-128,,URI=\"URI_HERE\",");
        address_becomes("KEY:METHOD=\"AES-128\"x,URI=\"URI_HERE\"");
        address_becomes("KEY:METHOD=AES\"128\",URI=\"URI_HERE\"");
        address_becomes("KEY:METHOD=AES-128,URI=\"URI_HERE");
        // FFmpeg and ExoPlayer read these; Shaka Player reads the last one.
        address_becomes("KEY:METHOD=AES-128 URI=\"URI_HERE\"");
        address_becomes("KEY:METHOD=AES-128 URI=URI_HERE IV=0x00");
        address_becomes("KEY:KEYFORMAT=\"identity\" URI=\"URI_HERE\"");
        // Only ExoPlayer.
        address_becomes("KEY:METHOD=AES-128;URI=\"URI_HERE\"");
        address_becomes("KEY:METHOD=AES-128; URI=\"URI_HERE\"; IV=0x00");
        address_becomes("KEY:METHOD=AES-128,BARE URI=\"URI_HERE\"");
        address_becomes("KEY:KEYFORMAT=\"identity,URI=\"URI_HERE\"");
        // Only Video.js.
        address_becomes("KEY:METHOD=AES-128,URI='URI_HERE',IV=0x00");
        // Given two, some players take the first, and some the last.
        address_becomes("KEY:URI=\"URI_HERE\",METHOD=AES-128,URI=\"URI_HERE\"");
    }

    #[test]
    fn a_token_is_no_part_of_an_address_of_another_host() {
        for line in [
            "#EXT-X-MAP:URI=https://other.example/ URI=\"k\"\n",
            "#EXT-X-MAP:URI=\"https://other.example/\"x,URI=\"k\"\n",
            "#EXT-X-MAP:URI=\"https://other.example/\" ,URI=\"k\"\n",
            "#EXT-X-MAP:A=\"x,URI=https://other.example/ URI=\"k\n",
            "#EXT-X-MAP:A=\"https://cdn.example.com/,URI=https://other.example/ URI=\"k\n",
            "#EXT-X-MAP:URI=http:other.example/ URI=\"k\"\n",
            "#EXT-X-MAP:URI=/\t/other.example/ URI='k'\n",
            "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"//other.example/\" VALUE=\"/videos/42/\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=1\n/videos/43/a.m3u8\n",
        ] {
            stays(line);
        }
    }

    #[test]
    fn what_is_no_address_here_stays() {
        for line in [
            "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://key\",KEYFORMATVERSIONS=\"1\"",
            "#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"data:text/plain;base64,AAAA\"",
            "#EXT-X-KEY:METHOD=NONE",
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
        assert_eq!(rewritten(&rewriter(), playlist).unwrap(), expected);
    }

    #[test]
    fn twice_is_once() {
        let lines = "#EXTM3U\n#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:4,\na.ts\n/videos/42/b.ts\n";
        for rewriter in [rewriter(), rewriter_of(PLAYLIST, |link| link.in_path())] {
            let once = rewrite(&rewriter, lines).unwrap();
            assert_ne!(once, lines);
            assert_eq!(rewrite(&rewriter, &once).unwrap(), once);
        }
    }

    #[test]
    fn a_link_in_the_path_is_inherited() {
        let rewriter = rewriter_of(PLAYLIST, |link| link.in_path());
        becomes_with(
            &rewriter,
            "#EXTINF:4,\na.ts\n#EXT-X-KEY:METHOD=AES-128,URI=\"/videos/42/key\"\n",
            "#EXTINF:4,\na.ts\n#EXT-X-KEY:METHOD=AES-128,URI=\"/TOKEN/videos/42/key\"\n",
        );
    }

    #[test]
    fn no_playlist() {
        for text in
            ["", "\n", "\u{feff}", "<!DOCTYPE html>\n#EXTM3U\n", " <MPD/>", "{\"a\": 1}", "[a]"]
        {
            assert_eq!(rewrite(&rewriter(), text), Err(ManifestError::Malformed), "{text}");
        }
        for text in ["#EXTM3U", "#EXTM3U\n", "#EXTM3U \r\n", "#EXTM3U x-tvg-url=\"a\"\n"] {
            assert_eq!(rewrite(&rewriter(), text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_byte_order_mark_is_kept() {
        let playlist = "\u{feff}#EXTM3U\r\n#EXTINF:4,\r\n~1.ts\r\n";
        let expected = playlist.replace('~', "/TOKEN/videos/42/hls/");
        assert_eq!(rewritten(&rewriter(), &playlist.replace('~', "")), Ok(expected));
        let live = rewriter_of(PLAYLIST, |link| link.in_query().run(Duration::from_secs(60)));
        assert!(
            rewritten(&live, "\u{feff}#EXTM3U\n#EXTINF:4,\na\n").unwrap().contains("STREAM-INF")
        );
    }

    #[test]
    fn a_list_without_the_header_is_one_as_well() {
        for start in
            ["", "\n", "\u{feff}", "#extm3u\n", " #EXTM3U\n", "#EXTM3U8\n", "#EXTINF:4,a song\n"]
        {
            let list = [start, "~one.mp3\r\n~two%20.mp3\nhttps://other.example/three.mp3"].concat();
            let expected = list.replace('~', "/TOKEN/videos/42/hls/");
            let list = list.replace('~', "");
            assert_eq!(rewritten(&rewriter(), &list).as_ref(), Ok(&expected));
            let run = rewriter_of(PLAYLIST, |link| link.in_path().run(Duration::from_secs(60)));
            assert_eq!(rewritten(&run, &list), Ok(expected));
            let path = rewriter_of(PLAYLIST, |link| link.in_path());
            assert_eq!(rewritten(&path, &list), Ok(list.clone()));
            let preview =
                rewriter_of(PLAYLIST, |link| link.in_path().preview(Duration::from_secs(10)));
            assert_eq!(rewritten(&preview, &list), Err(ManifestError::NoPreview));
        }
    }

    #[test]
    fn commented_out_for_all_but_one_player() {
        let token = "/TOKEN/videos/42/hls/";
        for (lines, prefix) in [
            ("##EXT-X-MEDIA:TYPE=AUDIO,URI=\"~a.m3u8\"\n", token),
            ("# #EXT-X-I-FRAME-STREAM-INF:URI=\"~a.m3u8\"\n", token),
            ("# off #EXT-X-SESSION-KEY:URI=\"~a\"\n", token),
            ("##EXT-X-KEY:URI=\"~a\"\n", ""),
            ("# EXT-X-MEDIA:URI=\"~a\"\n", ""),
        ] {
            becomes(&lines.replace('~', ""), &lines.replace('~', prefix));
        }
    }

    #[test]
    fn the_scheme_of_an_address_is_kept() {
        let plain = PLAYLIST.replace("https:", "http:");
        let by_http = |in_path| match in_path {
            true => rewriter_of(&plain, |link| link.in_path()),
            false => rewriter_of(&plain, |link| link.in_query()),
        };
        for rewriter in [by_http(true), by_http(false)] {
            for (address, expected) in [
                (
                    "https://cdn.example.com/videos/42/1.ts\n",
                    "https://cdn.example.com/TOKEN/videos/42/1.ts\n",
                ),
                (
                    "HTTPS://cdn.example.com:443/videos/42/%31.ts?a#b",
                    "https://cdn.example.com/TOKEN/videos/42/1.ts?a#b",
                ),
                ("http://cdn.example.com/videos/42/1.ts", "/TOKEN/videos/42/1.ts"),
                ("//cdn.example.com/videos/42/1.ts", "/TOKEN/videos/42/1.ts"),
                ("https://other.example/videos/42/1.ts", "https://other.example/videos/42/1.ts"),
                (
                    "https://cdn.example.com/videos/43/1.ts",
                    "https://cdn.example.com/videos/43/1.ts",
                ),
            ] {
                becomes_with(&rewriter, address, expected);
                let again = ["#EXTM3U\n", &expected.replace("TOKEN", rewriter.token())].concat();
                assert_eq!(rewrite(&rewriter, &again).as_ref(), Ok(&again));
            }
            let define = "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"https://cdn.example.com\"\n";
            becomes_with(
                &rewriter,
                &[define, "{$a}/videos/42/1.ts"].concat(),
                &[define, "https://cdn.example.com/TOKEN/videos/42/1.ts"].concat(),
            );
        }
    }

    #[test]
    fn variables_are_replaced_where_an_address_gets_the_token() {
        let defines = "#EXT-X-DEFINE:NAME=\"dir\",VALUE=\"hd\"\n#EXT-X-DEFINE:QUERYPARAM=\"v\"\n\
                       #EXT-X-DEFINE:IMPORT=\"far\"\n\
                       #EXT-X-DEFINE:NAME=\"cdn\",VALUE=\"//b.example\"\n";
        let rewriter = rewriter_of(&[PLAYLIST, "?v=1%2F2"].concat(), |link| link.in_query());
        for (lines, expected) in [
            ("{$dir}/{$v}.ts\n", "/TOKEN/videos/42/hls/hd/1/2.ts\n"),
            ("{$dir}/{$far}.ts\n", "/TOKEN/videos/42/hls/hd/{$far}.ts\n"),
            ("/videos/42/{$far}{$dir}.ts\n", "/TOKEN/videos/42/{$far}{$dir}.ts\n"),
            ("a.ts?b={$far}\n", "/TOKEN/videos/42/hls/a.ts?b={$far}\n"),
            ("{$far}/a.ts\n", "{$far}/a.ts\n"),
            ("/videos/4{$far}/a.ts\n", "/videos/4{$far}/a.ts\n"),
            ("//b.example/{$none}.ts\n", "//b.example/{$none}.ts\n"),
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
            becomes_with(&rewriter, &[defines, lines].concat(), &[defines, expected].concat());
        }
        // A definition takes effect from its own line on.
        stays("{$dir}/a.ts\n#EXT-X-DEFINE:NAME=\"dir\",VALUE=\"hd\"\n");
    }

    #[test]
    fn an_imported_address_has_the_token_in_its_value() {
        let multivariant = |value: &str, more: &str| {
            [
                "#EXT-X-DEFINE:NAME=\"v\",VALUE=\"",
                value,
                "\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\n",
                more,
            ]
            .concat()
        };
        let token = "/TOKEN/videos/42/hls/a.m3u8";
        for (value, expected) in [
            ("/videos/42/hd", "/TOKEN/videos/42/hd"),
            ("https://cdn.example.com/videos/42/hd", "/TOKEN/videos/42/hd"),
            ("//cdn.example.com/videos/42/hd", "/TOKEN/videos/42/hd"),
            ("/videos/43/hd", "/videos/43/hd"),
            ("https://other.example/videos/42/hd", "https://other.example/videos/42/hd"),
            // Relative addresses inherit the token, and other values are not addresses.
            ("hd", "hd"),
            ("../42/hd", "../42/hd"),
            ("{", "{"),
            ("", ""),
        ] {
            becomes(
                &multivariant(value, "a.m3u8\n"),
                &multivariant(expected, &[token, "\n"].concat()),
            );
        }
        let used = |value: &str, first: &str| multivariant(value, &[first, "\n"].concat());
        becomes(
            &used("/videos/42/hd", "{$v}/a.m3u8"),
            &used("/TOKEN/videos/42/hd", "/TOKEN/videos/42/hd/a.m3u8"),
        );
        // A playlist on another host would send the token there.
        for abroad in [
            "https://other.example/a.m3u8\n",
            "#EXT-X-MEDIA:TYPE=AUDIO,URI=\"//other.example/a.m3u8\"\n",
            "#EXT-X-CONTENT-STEERING:SERVER-URI=\"https://other.example/s\"\n",
            "{$none}/a.m3u8\n",
        ] {
            stays(&multivariant("/videos/42/hd", abroad));
        }
        // A media playlist exports nothing.
        stays(
            "#EXT-X-DEFINE:NAME=\"v\",VALUE=\"/videos/42/hd\"\n#EXTINF:4,\n//other.example/{$v}.ts\n",
        );
    }

    #[test]
    fn a_playlist_may_not_take_the_token_of_a_variable_to_another_host() {
        let import = "#EXTM3U\n#EXT-X-DEFINE:IMPORT=\"v\"\n";
        for lines in [
            "https://other.example{$v}/1.ts\n",
            "#EXT-X-DEFINE:NAME=\"cdn\",VALUE=\"https://other.example\"\n{$cdn}{$v}/1.ts\n",
            "https://other.example/?u={$v}\n",
            "#EXT-X-MAP:URI=\"https://other.example/a{$v}\"\n",
            "https://other.example/{$v}/1.ts\n",
            "https://cdn{$v}.other.example/1.ts\n",
            "#EXT-X-DATERANGE:ID=\"1\",X-COM-BEACON=\"https://other.example/{$v}\"\n",
            "#EXT-X-KEY:METHOD=AES-128,URI=https://other.example/k?for={$v}\n",
            "#EXT-X-DEFINE:NAME=\"to\",VALUE=\"https://other.example/{$v}\"\n{$to}\n",
            "#EXT-X-DEFINE:IMPORT=\"w\"\n{$w}//other.example/{$v}\n",
            // hls.js ends a quoted value only at a quote that a comma follows.
            "#EXT-X-MAP:URI=\"https://other.example/?a\"{$v}\"\n",
            "#EXT-X-MAP:URI=\"https://other.example/?a\" ,X=\"{$v}\"\n",
            "#EXT-X-DEFINE:NAME=\"to\",VALUE=\"https://other.example/?\"{$v}\"\n{$to}\n",
            // Shaka Player replaces variables in every address, up to a comma.
            "#EXT-X-MAP:URI=https://other.example/?a FOR={$v}\n",
            "https://other.example/%7B$v%7D\n",
            "#EXT-X-MAP:URI=\"https://other.example/?u=%7B$v}\"\n",
            // Video.js replaces variables in the result of a replacement.
            "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"{\"\n#EXT-X-DEFINE:NAME=\"b\",VALUE=\"$v}\"\n\
             https://other.example/{$a}{$b}\n",
            "#EXT-X-DEFINE:NAME=\"to\",VALUE=\"{$late}\"\n#EXT-X-DEFINE:IMPORT=\"late\"\n\
             https://other.example/{$to}\n",
            "#EXT-X-DEFINE:NAME=\"to\",VALUE=\"https://other.example/{$late}\"\n\
             #EXT-X-DEFINE:IMPORT=\"late\"\n{$to}\n",
            "https://other.example/{$late}/1.ts\n#EXT-X-DEFINE:IMPORT=\"late\"\n",
        ] {
            let playlist = [import, lines].concat();
            for rewriter in [rewriter(), rewriter_of(PLAYLIST, |link| link.in_path())] {
                assert_eq!(rewrite(&rewriter, &playlist), Err(ManifestError::Malformed), "{lines}");
            }
        }
        for lines in [
            "https://cdn.example.com{$v}/1.ts\n{$v}/2.ts\n",
            "https://other.example{$none}/1.ts\n",
            "https://{$v}/1.ts\n",
            "https://cdn-{$v}.other.example/1.ts\n",
            "#EXT-X-DATERANGE:ID=\"1\",X-COM-TITLE=\"Film: {$v}\"\n",
            "#EXT-X-DEFINE:IMPORT=\"w\"\n{$w}/{$v}/1.ts\n",
        ] {
            stays(&[&import[8..], lines].concat());
        }
    }

    #[test]
    fn a_definition_that_names_a_later_one() {
        // As in androidx: ExoPlayer and Shaka Player treat an undefined reference as plain text, and hls.js
        // refuses to play.
        stays(
            "#EXT-X-DEFINE:NAME=\"tricky\",VALUE=\"This/{$nested}/reference/shouldnt/work\"\n\
             #EXT-X-DEFINE:NAME=\"nested\",VALUE=\"This should not be inserted\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=65000\nhttp://example.com/{$tricky}\n",
        );
        let defines =
            "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"{$b}/1\"\n#EXT-X-DEFINE:NAME=\"b\",VALUE=\"2\"\n";
        becomes(
            &[defines, "https://other.example/{$a}.ts\n{$a}.ts\n{$b}.ts\nhd/{$a}.ts\n"].concat(),
            &[
                defines,
                "https://other.example/{$a}.ts\n{$a}.ts\n/TOKEN/videos/42/hls/2.ts\n\
                 /TOKEN/videos/42/hls/hd/{$a}.ts\n",
            ]
            .concat(),
        );
        // The same in a playlist that imports a variable for its own host.
        stays(
            "#EXT-X-DEFINE:IMPORT=\"v\"\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"{$v}/1\"\n{$a}.ts\n\
             https://other.example/1.ts\n",
        );
    }

    #[test]
    fn a_playlist_may_not_take_the_token_out_of_its_own_address() {
        let define = |name: &str| ["#EXT-X-DEFINE:QUERYPARAM=\"", name, "\"\n"].concat();
        let abroad = "https://other.example/?s={$sig}\n";
        let lines = ["#EXTM3U\n", &define("sig"), abroad].concat();
        assert_eq!(rewrite(&rewriter(), &lines), Err(ManifestError::Malformed));
        let path = rewriter_of(PLAYLIST, |link| link.in_path());
        assert_eq!(rewrite(&path, &lines).as_ref(), Ok(&lines));
        // Other parameters may be used, whether they are present or not.
        let own = rewriter_of(&[PLAYLIST, "?v=1"].concat(), |link| link.in_query());
        let lines =
            [define("v").as_str(), &define("w"), "https://other.example/?v={$v}&w={$w}\n"].concat();
        becomes_with(&own, &lines, &lines);
    }

    #[test]
    fn a_variable_that_is_put_together_has_no_token() {
        let playlist = |more: &str| {
            [
                "#EXT-X-DEFINE:NAME=\"v\",VALUE=\"/videos/42/hd\"\n",
                more,
                "#EXT-X-STREAM-INF:BANDWIDTH=1\n/videos/43/a.m3u8\n",
            ]
            .concat()
        };
        for more in [
            "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"{\"\n#EXT-X-DEFINE:NAME=\"b\",VALUE=\"$v}\"\n\
             #EXT-X-SESSION-DATA:DATA-ID=\"a\",URI=\"https://other.example/{$a}{$b}\"\n",
            "#EXT-X-DEFINE:NAME=\"e\",VALUE=\"\"\n\
             #EXT-X-SESSION-DATA:DATA-ID=\"a\",URI=\"https://other.example/{{$e}$v}\"\n",
            "#EXT-X-SESSION-DATA:DATA-ID=\"a\",URI=\"https://other.example/%7B$v%7D\"\n",
        ] {
            stays(&playlist(more));
        }
        let plain = "#EXT-X-SESSION-DATA:DATA-ID=\"a\",URI=\"https://other.example/\"\n";
        becomes(&playlist(plain), &playlist(plain).replace("/videos/42/hd", "/TOKEN/videos/42/hd"));
    }

    #[test]
    fn a_query_leads_to_no_other_place_by_a_variable() {
        let lines = "#EXT-X-DEFINE:QUERYPARAM=\"v\"\n{$v}/a.ts\n";
        for value in ["//b.example", "https://b.example", "/videos/43", "../../43", "a%0a%23EXT"] {
            let url = [PLAYLIST, "?v=", value].concat();
            becomes_with(&rewriter_of(&url, |link| link.in_query()), lines, lines);
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
        let rewriter = rewriter();
        let playlist = "#EXTM3U\r\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"\r\n{$a}.ts\r\n";
        let mut hls = HlsRewriter::new(&rewriter);
        let mut out = String::new();
        for line in playlist.split_inclusive('\n') {
            hls.line(line, &mut out).unwrap();
        }
        assert_eq!(rewrite(&rewriter, playlist), Ok(out));
        let long = ["#EXTM3U\n", &"a".repeat(8193), "\n"].concat();
        assert_eq!(rewrite(&rewriter, &long).as_ref(), Ok(&long), "no address is that long");
        let page = HlsRewriter::new(&rewriter).line("<html>", &mut String::new());
        assert_eq!(page, Err(ManifestError::Malformed));
    }
}
