//! The usual mistakes of those who write native tokens by hand. Each is tried for real: what is named here does fit.

mod inputs;
mod spellings;

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use self::inputs::inputs;
use crate::bytes::split_at;
use crate::format::forms::forms;
use crate::format::{Located, Rules, UnverifiedToken};
use crate::key::KeyRing;
use crate::mac::{EncodedTag, MacKey};
use crate::redact::redacted;
use crate::request::Request;

/// The most explanations of one link.
const MOST: usize = 3;

/// A text with the first `part` in it replaced.
fn replaced(text: &str, part: &str, by: &str) -> String {
    match split_at(text, part) {
        Some((before, behind)) => [before, by, behind].concat(),
        None => text.to_owned(),
    }
}

/// What would make the signature of a well-formed token fit.
pub(super) fn of_signature(ring: &KeyRing, token: &UnverifiedToken<'_>) -> Vec<String> {
    explain(ring, token, token.tag.as_str())
}

/// What would make a signature that breaks the grammar fit.
pub(super) fn of_grammar(
    rules: &Rules<'_>,
    ring: &KeyRing,
    request: &Request<'_>,
    located: &Located<'_>,
) -> Vec<String> {
    let sig = located.text.split('&').find_map(|field| field.strip_prefix("sig="));
    let Some(sig) = sig.filter(|sig| !sig.is_empty()) else { return Vec::new() };
    let shown = ["&sig=", sig].concat();
    // The token as it would be with a signature of the right form, wherever it stands.
    let form = ["&sig=", &"A".repeat(EncodedTag::LEN)].concat();
    let mend = |text: &str| replaced(text, &shown, &form);
    let url = mend(request.url);
    let (cookie, authorization) = (request.cookie.map(mend), request.authorization.map(mend));
    let mut mended = Request::new(&url);
    mended.cookie = cookie.as_deref();
    mended.authorization = authorization.as_deref();
    match rules.locate(&mended).and_then(|located| rules.read(&located)) {
        Ok(token) => explain(ring, &token, sig),
        Err(_) => Vec::new(),
    }
}

/// What would make a signature fit that is written as `sig`.
fn explain(ring: &KeyRing, token: &UnverifiedToken<'_>, sig: &str) -> Vec<String> {
    let forms = forms(sig);
    let inputs = inputs(token);
    let kid = token.kid().unwrap_or_default();
    let mut hints = Vec::new();
    let mut explain = |key: &MacKey, input: &str, said: &[&str]| {
        let mut mac = key.start();
        mac.update(input);
        let right = mac.finish().to_hex();
        for (_, form) in forms.iter().filter(|(digits, _)| right.starts_with(digits.as_str())) {
            let mut hint = String::new();
            for said in said.iter().chain([&form.as_str()]).filter(|said| !said.is_empty()) {
                hint.push_str(if hint.is_empty() { "" } else { "; " });
                hint.push_str(said);
            }
            if !hint.is_empty() && !hints.contains(&hint) && hints.len() < MOST {
                hints.push(hint);
            }
        }
    };
    const TEXT: &str = "it fits the text of the key: decode that from base64url first";
    for entry in ring.serving(token.located.format.name()) {
        for (key, said) in [(entry.key.mac(), ""), (&entry.text.0, TEXT)] {
            if entry.id.as_str() == kid {
                for (mistake, input) in &inputs {
                    explain(key, input, &[said, mistake]);
                }
            } else if let Some((_, input)) = inputs.first() {
                let other = format!(
                    "it fits the key `{}`, and the token says `kid={}`",
                    entry.id,
                    redacted(kid)
                );
                let renamed =
                    replaced(input, &format!("&kid={kid}"), &format!("&kid={}", entry.id));
                explain(key, input, &[said, &other]);
                explain(key, &renamed, &[said, &other]);
            }
        }
    }
    hints
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Tag;
    use crate::query::ParamNames;
    use crate::time::UnixTime;
    use crate::verify::Verifier;

    fn encoded(tag: &Tag) -> String {
        let mut text = String::new();
        tag.push_to(&mut text);
        text
    }

    const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);
    const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8,\
                        next:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
    const TOKEN: &str = "pg=1&exp=1767225600&kid=main";

    fn tag(kid: &str, input: &str) -> Tag {
        let ring = KeyRing::parse(KEYS).unwrap();
        let mut mac = ring.find(kid).unwrap().key.mac().start();
        mac.update(input);
        mac.finish()
    }

    /// The hints for a link to `url` whose signing input was `input`, signed with the key `kid`.
    #[track_caller]
    fn hints(url: &str, token: &str, kid: &str, input: &str) -> Vec<String> {
        let sig = encoded(&tag(kid, input));
        let joint = if url.contains('?') { '&' } else { '?' };
        hints_of(&format!("{url}{joint}{token}&sig={sig}"))
    }

    fn hints_of(url: &str) -> Vec<String> {
        let ring = KeyRing::parse(KEYS).unwrap();
        Verifier::new(&ring).inspect(&Request::new(url), ParamNames::default(), NOW).hints
    }

    const FILM: &str = "https://cdn.example.com/videos/42/film.mp4";

    #[test]
    fn a_right_signature_has_no_hint() {
        let none: [&str; 0] = [];
        assert_eq!(hints(FILM, TOKEN, "main", &format!("/videos/42/film.mp4\n{TOKEN}")), none);
        assert_eq!(hints(FILM, TOKEN, "main", "something else"), none);
    }

    #[test]
    fn each_mistake_is_named() {
        for (url, dir, input, hint) in [
            (FILM, "", "/videos/42/film.mp4", "without the line feed between scope and token"),
            (FILM, "", "cdn.example.com/videos/42/film.mp4\n", "with the host before the scope"),
            (
                FILM,
                "",
                "https://cdn.example.com/videos/42/film.mp4\n",
                "with scheme and host before the scope",
            ),
            (FILM, "", "/videos/42/film.mp4/\n", "a trailing slash was added"),
            (FILM, "&dir=2", "/videos/42\n", "the trailing slash was left out"),
            (FILM, "&dir=2", "/videos/\n", "that is `dir=1`, and the token says `dir=2`"),
            (FILM, "&dir=1", "/videos/42/\n", "that is `dir=2`, and the token says `dir=1`"),
            (
                FILM,
                "&dir=2",
                "/videos/42/film.mp4\n",
                "that is the whole path, and the token has `dir`",
            ),
            (FILM, "", "/videos/42/\n", "that is a directory, and the token has no `dir=2`"),
            (
                "https://h/a%20b?c=d",
                "",
                "/a%20b\n",
                "the parameter `c` was added to the link: sign it, or list it in UNSIGNED_PARAMS (--unsigned-params)",
            ),
            ("https://h/a%20b", "", "/a b\n", "the path was not encoded"),
            ("https://h/a%20b", "", "/a%2520b\n", "the path was encoded twice"),
        ] {
            let token = format!("{TOKEN}{dir}");
            let hints = hints(url, &token, "main", &format!("{input}{token}"));
            assert_eq!(hints.len(), 1, "{hint}: {hints:?}");
            assert!(hints[0].ends_with(hint), "{hint}: {hints:?}");
        }
    }

    #[test]
    fn a_widened_token_is_named() {
        let narrow = format!("{TOKEN}&dir=2");
        assert_eq!(
            hints(FILM, &format!("{TOKEN}&dir=1"), "main", &format!("/videos/42/\n{narrow}")),
            ["it fits `dir=2`: the token was changed after it was signed"]
        );
    }

    #[test]
    fn another_key_is_named() {
        let input = format!("/videos/42/film.mp4\n{TOKEN}");
        assert_eq!(
            hints(FILM, TOKEN, "next", &input),
            ["it fits the key `next`, and the token says `kid=main`"]
        );
        let renamed = format!("/videos/42/film.mp4\n{}", TOKEN.replace("main", "next"));
        assert_eq!(
            hints(FILM, TOKEN, "next", &renamed),
            ["it fits the key `next`, and the token says `kid=main`"]
        );
    }

    #[test]
    fn a_part_of_a_tag_in_kid_is_not_repeated() {
        let token = TOKEN.replace("main", "mainREksvdGhg_BiP3U");
        assert_eq!(
            hints(FILM, &token, "main", &format!("/videos/42/film.mp4\n{token}")),
            ["it fits the key `main`, and the token says `kid=..`"]
        );
    }

    #[test]
    fn a_signature_in_another_spelling_is_named() {
        let right = tag("main", &format!("/videos/42/film.mp4\n{TOKEN}"));
        let text = encoded(&right);
        let link = |sig: &str| format!("{FILM}?{TOKEN}&sig={sig}");
        assert_eq!(
            hints_of(&link(&right.to_hex())),
            ["the signature fits in hex: write its bytes in base64url"]
        );
        assert_eq!(
            hints_of(&link(&format!("{text}="))),
            ["the signature fits in standard base64: write - for +, _ for /, and no ="]
        );
        // This one has a `_`.
        assert!(text.contains('_'), "{text}");
        assert_eq!(
            hints_of(&link(&text.replace('_', "/").replace('-', "+"))),
            ["the signature fits in standard base64: write - for +, _ for /, and no ="]
        );
        assert_eq!(
            hints_of(&link(&text.replace('_', "%5F"))),
            ["the signature fits, but its `-` or `_` was percent-encoded: write it as it is"]
        );
        assert_eq!(
            hints_of(&link(&text[..42])),
            ["the signature fits but is clipped: it has 43 characters, here are 42"]
        );
    }

    #[test]
    fn milliseconds_are_named() {
        let token = "pg=1&exp=1767225600000&kid=main";
        let input = format!("/videos/42/film.mp4\n{token}");
        assert_eq!(
            hints(FILM, token, "main", &input),
            ["`exp` looks like milliseconds: in seconds it is 1767225600, 2026-01-01T00:00:00Z"]
        );
    }

    #[test]
    fn a_signer_of_ones_own_is_told_what_it_does() {
        for (input, hint) in [
            (
                "/videos/42/film.mp4\r\nTOKEN",
                "it fits with CR LF between scope and token: write LF",
            ),
            ("TOKEN\n/videos/42/film.mp4", "it fits with the token before the scope"),
            ("/videos/42/film.mp4?TOKEN", "it fits with `?` for the line feed"),
            ("/videos/42/film.mp4", "it fits the scope without the token"),
            ("TOKEN", "it fits the token without the scope"),
            (
                "https://cdn.example.com/videos/42/film.mp4?TOKEN",
                "it fits the link as a whole: sign scope, line feed and token",
            ),
        ] {
            let input = input.replace("TOKEN", TOKEN);
            assert_eq!(hints(FILM, TOKEN, "main", &input), [hint]);
        }
        let by_text = |input: &str| {
            let key = MacKey::new(&KEYS.as_bytes()[5..48]).unwrap();
            let mut mac = key.start();
            mac.update(input);
            mac.finish()
        };
        const TEXT: &str = "it fits the text of the key: decode that from base64url first";
        let right = by_text(&format!("/videos/42/film.mp4\n{TOKEN}"));
        let link = |sig: &str| format!("{FILM}?{TOKEN}&sig={sig}");
        assert_eq!(hints_of(&link(&encoded(&right))), [TEXT]);
        // Several mistakes at once.
        let wrong = by_text(&format!("/videos/42/film.mp4\r\n{TOKEN}")).to_hex();
        let crlf = "it fits with CR LF between scope and token: write LF";
        let hex = "the signature fits in hex: write its bytes in base64url";
        assert_eq!(hints_of(&link(&wrong)), [format!("{TEXT}; {crlf}; {hex}")]);
    }

    #[test]
    fn a_signature_that_was_encoded_twice_is_named() {
        use base64::Engine as _;
        use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

        let right = tag("main", &format!("/videos/42/film.mp4\n{TOKEN}"));
        let link = |sig: &str| format!("{FILM}?{TOKEN}&sig={sig}");
        let inner =
            "the signature fits as the base64 of its hex digits: write the base64url of its bytes";
        for hex in [right.to_hex(), right.to_hex().to_ascii_uppercase()] {
            assert_eq!(hints_of(&link(&STANDARD.encode(&hex))), [inner]);
            assert_eq!(hints_of(&link(&URL_SAFE_NO_PAD.encode(&hex))), [inner]);
        }
        let standard = encoded(&right).replace('-', "%2B").replace('_', "%2F") + "%3D";
        assert_eq!(
            hints_of(&link(&standard)),
            ["the signature fits in standard base64: write - for +, _ for /, and no ="]
        );
        assert_eq!(
            hints_of(&link(&right.to_hex()[..32])),
            ["the signature fits in hex, clipped: write all its bytes in base64url"]
        );
    }
}
