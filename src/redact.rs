//! Texts for people and logs, without what could be a tag, a key or a token.
//!
//! Links arrive in every shape: a field renamed, an escape too many, a character too few. So nothing here
//! asks what a text is called. Whatever could be a tag is left out, by its form: a run of characters of
//! base64, plain or percent-encoded, in lower and upper case, or a long one of hex digits.

use alloc::string::String;
#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// What stands for the part that is left out.
pub(crate) const MARK: &str = "..";

/// The fewest characters of a tag that help somebody to know the rest: 96 bits.
const LONGEST_SHOWN: usize = 15;
/// Hex digits that may be a tag, whole or clipped. A UUID has 32.
const SHORTEST_HEX: usize = 40;
/// Characters on both sides of a dot that are read as one run.
const SHORTEST_PART: usize = 8;
/// Letters and digits of one case that may be a tag, as in base32, and how many of them have no `-` or `_` between
/// them. A UUID has 36, and 12; names have words.
const SHORTEST_OF_ONE_CASE: usize = 40;
const SHORTEST_WORD: usize = 20;
/// Characters of a tag, and of the shortest key, in base64.
const TAG_LEN: usize = 43;
/// In a log, which more people read than a link: the fewest characters with a capital that may be a tag, or most of
/// one, and how many of them are written. These tell one film from another where ids are as long as tags, and are
/// of no use to forgers.
#[cfg(feature = "alloc")]
const SHORTEST_LOGGED: usize = 32;
#[cfg(feature = "alloc")]
const LOGGED: usize = 8;

/// Takes out of a text whatever could be a tag, a key or a token, whatever it is called, and however often
/// it was percent-encoded: each becomes `..`. Words, numbers and UUIDs stay.
///
/// ```
/// let said = playgate::redacted("film.mp4?amp;sig=REksvdGhg_BiP3UrQfvCau3yJDie26YKJonKWbyzAes");
/// assert_eq!(said, "film.mp4?amp;sig=..");
/// ```
#[must_use]
pub fn redacted(text: &str) -> String {
    redact(text, LONGEST_SHOWN)
}

/// [`redacted`] for a path with its query. A segment may have a long name in lower and upper case; what
/// follows a `=` is looked at as closely as elsewhere.
pub(crate) fn redacted_path(text: &str) -> String {
    redact(text, TAG_LEN.saturating_sub(1))
}

/// [`redacted`] for the query of an address alone.
pub(crate) fn redacted_query(text: &str) -> String {
    match text.split_once('?') {
        Some((path, query)) => [path, "?", &redacted(query)].concat(),
        None => text.into(),
    }
}

/// A segment of a path, for a log. A tag is cut to its first characters, and what follows the first `=` is left out
/// where a run in it is as long as may be a part of a tag, whatever it is made of. Ids and names in lower case stay.
#[cfg(feature = "alloc")]
#[must_use]
pub fn redacted_segment(segment: &str) -> String {
    let mut shown = String::with_capacity(segment.len());
    // The end of what is shown of the name, where a value began.
    let mut name = None;
    // Characters of the run, as they are written, and whether a capital is among them.
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

/// What becomes of a text where a run of up to `longest` characters is shown before the first `=`.
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
            // Parts of a token, or of a tag that a dot was put into.
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

/// Whether a text starts with as many characters of base64 as what is before a dot needs to go on behind it.
fn starts_with_part(text: &str) -> bool {
    let mut rest = text;
    (0..SHORTEST_PART).all(|_| {
        let (written, octet) = next(rest);
        rest = rest.get(written.len()..).unwrap_or_default();
        octet.is_some_and(is_base64)
    })
}

/// Characters of base64 in a row.
#[derive(Default)]
struct TextRun {
    /// How many.
    len: usize,
    /// Bytes that they take as they are written.
    bytes: usize,
    /// How many since the last dot, and the most of all parts.
    part: usize,
    longest_part: usize,
    /// How many since the last character that is no letter or digit, and the most of all.
    word: usize,
    longest_word: usize,
    lower: bool,
    upper: bool,
    digit: bool,
    /// A character that is no hex digit.
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

    /// Appends the run as it was written, or the mark.
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

/// The next character as it is written, and its octet: `%2D`, and `%252D` too, is `-`. `None` for a
/// character outside ASCII, and at the end.
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
        /// Of a tag that was clipped, lengthened and encoded, no 16 characters in a row are left.
        #[test]
        fn a_mangled_tag_is_left_out(
            tag in "[A-Za-z0-9_-]{43}",
            clipped in 0..20_usize,
            before in "[ -~]{0,12}",
            behind in "[ -~]{0,12}",
        ) {
            // One of a million that is clipped so far has one case only, and reads as a word would.
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
