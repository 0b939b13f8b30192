//! Text that came from elsewhere, on its way to a terminal. A link, a claim or a request may hold what moves
//! the cursor, starts a sequence of the terminal's own, or turns the text around it.

use core::fmt::Write as _;
use std::borrow::Cow;

/// What stands for a character that is not shown.
pub(crate) const MARK: &str = "\u{fffd}";

/// Controls, C1 among them: U+009B starts a sequence as ESC and `[` do; separators of lines, and marks and
/// overrides of direction (UAX #9, section 2).
pub(crate) fn is_steering(c: char) -> bool {
    let is_mark = matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2066}'..='\u{2069}');
    c.is_control() || is_mark || matches!(c, '\u{2028}'..='\u{202e}')
}

/// Text for people; its own line feeds stay.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    let is_hidden = |c| c != '\n' && is_steering(c);
    if text.contains(is_hidden) { text.replace(is_hidden, MARK).into() } else { text.into() }
}

/// An answer for people or programs. What steers a terminal stands in a string of JSON there, if anywhere, and
/// gets the escape of JSON: it means the same to a program.
pub(crate) fn escaped(text: &[u8]) -> Cow<'_, [u8]> {
    // JSON escapes those of ASCII by itself, and links have no others.
    if text.is_ascii() {
        return text.into();
    }
    let Ok(text) = str::from_utf8(text) else { return text.into() };
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() || !is_steering(c) {
            escaped.push(c);
        } else {
            // All of them are in the first plane. Writing into memory cannot fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        }
    }
    escaped.into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEERING: [char; 17] = [
        '\u{0}', '\u{1b}', '\u{7f}', '\u{80}', '\u{85}', '\u{9b}', '\u{9f}', '\u{61c}', '\u{200e}',
        '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}', '\r',
    ];

    #[test]
    fn what_steers_a_terminal_is_marked() {
        for c in STEERING {
            assert_eq!(shown(&format!("a{c}b\nc")), format!("a{MARK}b\nc"), "{c:?}");
        }
        let plain = "S\u{e3}o Jo\u{e3}o \u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{a0}\n";
        assert!(matches!(shown(plain), Cow::Borrowed(text) if text == plain));
    }

    #[test]
    fn in_json_it_means_the_same() {
        for c in STEERING {
            let value = format!("S\u{e3}o {c} \u{1f3ac}");
            let json = serde_json::to_vec(&value).unwrap();
            let escaped = String::from_utf8(escaped(&json).into_owned()).unwrap();
            assert!(!escaped.chars().any(|c| is_steering(c) && c != '\u{7f}'), "{c:?}");
            assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), value);
        }
        assert_eq!(escaped(b"a\nb\xff").as_ref(), b"a\nb\xff");
    }
}
