//! Removes anything that could be a tag, a key or a token from text for people and logs.
//!
//! Links arrive damaged: a field renamed, an escape too many, a character too few. So redaction ignores names
//! and looks only at form. It removes mixed-case runs of base64 characters, plain or percent-encoded, and long
//! runs of hex digits.

use alloc::string::String;
#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// Replaces a removed part.
pub(crate) const MARK: &str = "..";

/// The longest run that is shown. 16 characters of a tag are 96 bits.
const LONGEST_SHOWN: usize = 15;
/// The fewest hex digits that may be a tag, whole or truncated. A UUID has 32.
const SHORTEST_HEX: usize = 40;
/// The fewest characters on each side of a dot that join into one run.
const SHORTEST_PART: usize = 8;
/// The fewest letters and digits of one case that may be a tag, as in base32, and the fewest in a row without `-`
/// or `_`. A UUID has 36 and 12; names consist of words.
const SHORTEST_OF_ONE_CASE: usize = 40;
const SHORTEST_WORD: usize = 20;
/// The length of a tag, and of the shortest key, in base64.
const TAG_LEN: usize = 43;
/// For logs, which more people read than links: the shortest run with a capital that may be most of a tag, and how
/// many of its characters are logged. These distinguish films whose ids are as long as tags, but do not help to
/// forge one.
#[cfg(feature = "alloc")]
const SHORTEST_LOGGED: usize = 32;
#[cfg(feature = "alloc")]
const LOGGED: usize = 8;

/// Replaces anything that could be a tag, a key or a token with `..`, regardless of its name and of how often it
/// was percent-encoded. Words, numbers and UUIDs stay.
///
/// ```
/// let shown = playgate::redacted("film.mp4?amp;sig=REksvdGhg_BiP3UrQfvCau3yJDie26YKJonKWbyzAes");
/// assert_eq!(shown, "film.mp4?amp;sig=..");
/// ```
#[must_use]
pub fn redacted(text: &str) -> String {
    redact(text, LONGEST_SHOWN)
}

/// [`redacted`] for a path with its query. A segment may be a long mixed-case name, so only the text after the
/// first `=` gets the strict limit.
pub(crate) fn redacted_path(text: &str) -> String {
    redact(text, TAG_LEN.saturating_sub(1))
}

/// [`redacted`] for only the query of an address.
pub(crate) fn redacted_query(text: &str) -> String {
    match text.split_once('?') {
        Some((path, query)) => [path, "?", &redacted(query)].concat(),
        None => text.into(),
    }
}

/// Redacts a path segment for a log. A tag is cut to its first characters. The text after the first `=` is removed
/// if it contains a run long enough to be part of a tag, in any case. Lowercase ids and names stay.
#[cfg(feature = "alloc")]
#[must_use]
pub fn redacted_segment(segment: &str) -> String {
    let mut shown = String::with_capacity(segment.len());
    // If a value has begun, where the name ends in `shown`.
    let mut name = None;
    // The characters of the run as written, and whether one is a capital.
    let (mut run, mut is_mixed) = (Vec::new(), false);
    let mut rest = segment;
    loop {
        let (written, octet) = next(rest);
        rest = rest.get(written.len()..).unwrap_or_default();
        if octet.is_some_and(is_base64) {
            is_mixed |= octet.is_some_and(|octet| octet.is_ascii_uppercase());
            run.push(written);
            continue;
        }
        if let Some(end) = name
            && run.len() > LONGEST_SHOWN
        {
            shown.truncate(end);
            shown.push_str(MARK);
            return shown;
        }
        let is_cut = is_mixed && run.len() >= SHORTEST_LOGGED;
        let len = if is_cut { LOGGED } else { run.len() };
        shown.extend(run.drain(..).take(len));
        is_mixed = false;
        if is_cut {
            shown.push_str(MARK);
        }
        if octet == Some(b'=') && name.is_none() {
            name = Some(shown.len());
        }
        if written.is_empty() {
            return shown;
        }
        shown.push_str(written);
    }
}

/// Redacts a text. Mixed-case runs of up to `longest` characters are shown before the first `=`.
fn redact(text: &str, longest: usize) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut run = TextRun::default();
    let mut longest = longest;
    let mut rest = text;
    loop {
        let (written, octet) = next(rest);
        let behind = rest.get(written.len()..).unwrap_or_default();
        if octet == Some(b'.')
            && longest == LONGEST_SHOWN
            && run.part >= SHORTEST_PART
            && starts_with_part(behind)
        {
            // Parts of a token, or of a tag with a dot inserted.
            run.end_part();
        } else if octet.is_some_and(is_base64) {
            run.take(octet.unwrap_or_default());
        } else {
            let start = text.len().saturating_sub(rest.len()).saturating_sub(run.bytes);
            let end = text.len().saturating_sub(rest.len());
            run.show(text.get(start..end).unwrap_or_default(), longest, &mut shown);
            run = TextRun::default();
            if octet == Some(b'=') {
                longest = LONGEST_SHOWN;
            }
            shown.push_str(written);
        }
        if written.is_empty() {
            return shown;
        }
        if run.len > 0 {
            run.bytes = run.bytes.saturating_add(written.len());
        }
        rest = behind;
    }
}

fn is_base64(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-_+".contains(&octet)
}

/// Whether a text starts with enough base64 characters to continue a run across a dot.
fn starts_with_part(text: &str) -> bool {
    let mut rest = text;
    (0..SHORTEST_PART).all(|_| {
        let (written, octet) = next(rest);
        rest = rest.get(written.len()..).unwrap_or_default();
        octet.is_some_and(is_base64)
    })
}

/// Consecutive base64 characters.
#[derive(Default)]
struct TextRun {
    /// The number of characters.
    len: usize,
    /// Their bytes as written.
    bytes: usize,
    /// Characters since the last dot, and in the longest part.
    part: usize,
    longest_part: usize,
    /// Letters and digits since the last other character, and the longest such sequence.
    word: usize,
    longest_word: usize,
    lower: bool,
    upper: bool,
    digit: bool,
    /// Whether any character is not a hex digit.
    other: bool,
}

impl TextRun {
    fn take(&mut self, octet: u8) {
        self.len = self.len.saturating_add(1);
        self.part = self.part.saturating_add(1);
        self.longest_part = self.longest_part.max(self.part);
        self.word = if octet.is_ascii_alphanumeric() { self.word.saturating_add(1) } else { 0 };
        self.longest_word = self.longest_word.max(self.word);
        self.digit |= octet.is_ascii_digit();
        self.lower |= octet.is_ascii_lowercase();
        self.upper |= octet.is_ascii_uppercase();
        self.other |= !octet.is_ascii_hexdigit();
    }

    fn end_part(&mut self) {
        (self.part, self.word) = (0, 0);
    }

    /// Appends the run as written, or the mark.
    fn show(&self, written: &str, longest: usize, shown: &mut String) {
        let mixed = self.lower && self.upper;
        let hex = !self.other && self.len >= SHORTEST_HEX;
        let of_one_case = self.digit
            && (self.lower || self.upper)
            && self.longest_part >= SHORTEST_OF_ONE_CASE
            && self.longest_word >= SHORTEST_WORD;
        let hidden =
            (mixed && self.len > longest) || (longest == LONGEST_SHOWN && (hex || of_one_case));
        if !hidden {
            shown.push_str(written);
        } else if shown.ends_with("...") {
            // The next part of a JWT.
            shown.pop();
        } else {
            shown.push_str(MARK);
        }
    }
}

/// The next character as written, and its octet: `%2D` and `%252D` are both `-`. `None` for a non-ASCII
/// character and at the end.
fn next(text: &str) -> (&str, Option<u8>) {
    let Some(first) = text.chars().next() else { return ("", None) };
    let mut len = first.len_utf8();
    let mut octet = u8::try_from(first).ok();
    while octet == Some(b'%')
        && let Some(digits) = text.get(len..len.saturating_add(2))
        && let Some(escaped) = crate::percent::escaped(digits)
    {
        octet = Some(escaped);
        len = len.saturating_add(2);
    }
    (text.get(..len).unwrap_or_default(), octet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const TAG: &str = "REksvdGhg_BiP3UrQfvCau3yJDie26YKJonKWbyzAes";

    #[track_caller]
    fn shows(text: &str, expected: &str) {
        assert_eq!(redacted(text), expected);
    }

    #[test]
    fn a_tag_is_left_out_whatever_it_is_called() {
        for (before, behind) in [
            ("sig=", ""),
            ("amp;sig=", "&a=b"),
            ("SIG%3D", "%26a"),
            ("x%253D", ""),
            ("", "="),
            ("\"", "\","),
            ("a.", "/b"),
        ] {
            shows(&format!("{before}{TAG}{behind}"), &format!("{before}..{behind}"));
        }
        shows(&TAG[..16], "..");
        shows(&TAG[..15], &TAG[..15]);
        shows(&TAG.replace('_', "%5F").replace('R', "%2552"), "..");
        shows(&TAG.replace('_', "+"), "..");
    }

    #[test]
    fn hex_and_tokens_are_left_out() {
        shows(&"0a1b".repeat(16), "..");
        shows(&"0A1B".repeat(10), "..");
        shows(&format!("token=eyJhbGciOiJIUzI1NiJ9.eyJ2aWQiOiI0MiJ9.{TAG}&a"), "token=..&a");
        shows("main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "main:..");
    }

    #[test]
    fn dots_and_one_case_hide_nothing() {
        shows("REksvdGhg_BiP.3UrQfvCau3yJ.Die26YKJonKWbyzAes", "..");
        shows("x=REksvdGh.g_BiP3Ur&a", "x=..&a");
        shows("x=REksvdGh%2Eg_BiP3Ur", "x=..");
        shows(&TAG.to_ascii_lowercase(), "..");
        shows(&TAG.to_ascii_uppercase(), "..");
        shows("a.REksvdGhg_BiP3UrQ.mp4", "a....mp4");
    }

    #[test]
    fn words_numbers_and_ids_stay() {
        for text in [
            "cdn.example-company.com/the-wonderful-life-of-trees-and-forests-2026-edition.1080p",
            "video-550e8400-e29b-41d4-a716-446655440000_1080p",
            "Sintel.The.Short.Film.2010.mkv",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV.01ARZ3NDEKTSV4",
            "",
            "/videos/the-wonderful-life-of-trees/master_1080p.m3u8?v=1767225600",
            "550e8400-e29b-41d4-a716-446655440000",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "My%20Film%20%281%29.mp4",
            "f\u{fc}\u{df}e %zz 100%",
        ] {
            shows(text, text);
        }
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn a_log_has_the_start_of_a_tag_at_most() {
        let twice = TAG.replace('_', "%255F").replace('R', "%2552");
        for (segment, shown) in [
            (TAG, "REksvdGh.."),
            (&TAG[..32], "REksvdGh.."),
            (&TAG[..31], &TAG[..31]),
            (&twice, "%2552EksvdGh.."),
            (&format!("sig%253D{twice}"), "sig.."),
            (&format!("sig=a.{}", &TAG[..16]), "sig.."),
            ("day=2026-01-01", "day=2026-01-01"),
            ("a%3Db", "a%3Db"),
            ("", ""),
        ] {
            assert_eq!(redacted_segment(segment), shown, "{segment}");
        }
        assert_eq!(redacted_segment(&TAG.to_ascii_lowercase()), TAG.to_ascii_lowercase());
    }

    #[test]
    fn a_path_keeps_its_names() {
        let named = "/BigBuckBunny_1080p/SintelTheShortFilm.mp4";
        assert_eq!(redacted_path(named), named);
        let token = format!("/a/x={TAG}/b/{TAG}?v=BigBuckBunny_1080p");
        assert_eq!(redacted_path(&token), "/a/x=../b/..?v=..");
        assert_eq!(redacted_path(&"0a1b".repeat(16)), "0a1b".repeat(16));
        assert_eq!(redacted_path(&format!("/{TAG}/a")), "/../a");
    }

    proptest! {
        /// No 16 consecutive characters remain of a tag that was truncated, lengthened and encoded.
        #[test]
        fn a_mangled_tag_is_left_out(
            tag in "[A-Za-z0-9_-]{43}",
            clipped in 0..20_usize,
            before in "[ -~]{0,12}",
            behind in "[ -~]{0,12}",
        ) {
            // One in a million tags truncated this far has only one case, and looks like a word.
            let rest = &tag[clipped..];
            prop_assume!(rest.contains(|c: char| c.is_ascii_lowercase()));
            prop_assume!(rest.contains(|c: char| c.is_ascii_uppercase()));
            let text = format!("{before}={rest}{behind}");
            for text in [text.clone(), text.replace('-', "%2D").replace('_', "%255F")] {
                for shown in [redacted(&text), redacted_path(&text)] {
                    let left = tag.as_bytes().windows(16).filter(|part| {
                        shown.as_bytes().windows(16).any(|window| window == *part)
                    });
                    prop_assert_eq!(left.collect::<Vec<_>>().len(), 0, "{} gives {}", text, shown);
                }
            }
        }
    }
}
