//! How long a response may be reused (RFC 9111).

use std::borrow::Cow;

/// What the media store says about reuse.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stored<'a> {
    /// Its `Cache-Control`.
    pub(crate) cache_control: Option<&'a str>,
    /// Seconds that its answer has lain in a cache already.
    pub(crate) age: u64,
    /// A playlist may be rewritten at any moment: without a word of the store it is asked for
    /// again.
    pub(crate) is_playlist: bool,
}

/// `Cache-Control` for a response to a token with `left` seconds to live: `private`, so that no
/// cache in front of the gate answers in its place, and never fresh for longer than the token
/// lasts.
pub(crate) fn of_gated(stored: Stored<'_>, left: u64) -> Cow<'static, str> {
    let mut max_age = if stored.is_playlist { 0 } else { left };
    let directives = stored.cache_control.unwrap_or_default().split(',').map(str::trim);
    for directive in directives {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        if name.eq_ignore_ascii_case("no-store") {
            return "private, no-store".into();
        } else if name.eq_ignore_ascii_case("no-cache") {
            return "private, no-cache".into();
        } else if name.eq_ignore_ascii_case("max-age") {
            max_age = seconds(value.trim_matches('"')).saturating_sub(stored.age).min(left);
        }
    }
    format!("private, max-age={max_age}").into()
}

/// A number too large to hold is the largest; one that cannot be read is stale at once (section
/// 4.2.1).
fn seconds(text: &str) -> u64 {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().unwrap_or(u64::MAX) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn gives(cache_control: Option<&str>, expected: &str) {
        assert_eq!(of_gated(Stored { cache_control, ..Stored::default() }, 600), expected);
    }

    #[test]
    fn the_smaller_of_both() {
        gives(None, "private, max-age=600");
        gives(Some("public, max-age=31536000, immutable"), "private, max-age=600");
        gives(Some("max-age=60"), "private, max-age=60");
        gives(Some("Max-Age=\"60\""), "private, max-age=60");
        gives(Some("max-age=99999999999999999999"), "private, max-age=600");
        gives(Some("max-age=soon"), "private, max-age=0");
    }

    #[test]
    fn stricter_words_stay() {
        gives(Some("no-store"), "private, no-store");
        gives(Some("public, no-cache"), "private, no-cache");
        gives(Some("max-age=60, NO-STORE"), "private, no-store");
    }

    #[test]
    fn age_counts() {
        let stored = Stored { cache_control: Some("max-age=60"), age: 50, is_playlist: false };
        assert_eq!(of_gated(stored, 600), "private, max-age=10");
        assert_eq!(of_gated(Stored { age: 90, ..stored }, 600), "private, max-age=0");
    }

    #[test]
    fn playlists_are_asked_for_again() {
        let stored = Stored { is_playlist: true, ..Stored::default() };
        assert_eq!(of_gated(stored, 600), "private, max-age=0");
        let stored = Stored { cache_control: Some("max-age=2"), ..stored };
        assert_eq!(of_gated(stored, 600), "private, max-age=2");
    }
}
