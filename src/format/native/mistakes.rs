//! The usual mistakes of those who write native tokens by hand. Each is tried for real: what is named here does fit.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::format::{Located, Rules, UnverifiedToken};
use crate::key::{Entry, KeyRing};
use crate::mac::{ShownTag, Tag};
use crate::request::Request;

/// A text around the first `part` in it. The standard library's search is fast, and a kilobyte of the page.
fn around<'a>(text: &'a str, part: &str) -> Option<(&'a str, &'a str)> {
    let at = text.as_bytes().windows(part.len()).position(|window| window == part.as_bytes())?;
    let (before, rest) = text.split_at_checked(at)?;
    Some((before, rest.strip_prefix(part)?))
}

/// A text with the first `part` in it replaced.
fn replaced(text: &str, part: &str, by: &str) -> String {
    match around(text, part) {
        Some((before, behind)) => [before, by, behind].concat(),
        None => text.to_owned(),
    }
}

/// A token that was percent-encoded on its way, so that nobody takes it for one.
pub(crate) fn of_placement(request: &Request<'_>) -> Option<String> {
    let url = request.url.to_ascii_lowercase();
    ["pg%3d1", "pg=1%26", "pg%3d1%26"].iter().any(|trace| around(&url, trace).is_some()).then(
        || {
            "the token was percent-encoded: put it into the URL as it is, `=` and `&` included"
                .to_owned()
        },
    )
}

/// What would make the signature of a well-formed token fit.
pub(crate) fn of_signature(ring: &KeyRing, token: &UnverifiedToken<'_>) -> Vec<String> {
    let mut hints = Vec::new();
    let input = token.input().to_string();
    let kid = token.kid().unwrap_or_default();
    for entry in ring.serving(token.format.name()) {
        if entry.id.as_str() == kid {
            let scopes = scopes(token).into_iter().filter(|(_, text)| fits(entry, text, token.tag));
            hints.extend(scopes.map(|(mistake, _)| format!("it fits {mistake}")));
            continue;
        }
        let renamed = replaced(&input, &format!("&kid={kid}"), &format!("&kid={}", entry.id));
        if fits(entry, &input, token.tag) || fits(entry, &renamed, token.tag) {
            hints.push(format!("it fits the key `{}`, and the token says `kid={kid}`", entry.id));
        }
    }
    hints
}

/// What would make a signature that breaks the grammar fit.
pub(crate) fn of_grammar(
    rules: &Rules<'_>,
    ring: &KeyRing,
    request: &Request<'_>,
    located: &Located<'_>,
) -> Option<String> {
    let sig = located.text.split('&').find_map(|field| field.strip_prefix("sig="))?;
    let shown = ["&sig=", sig].concat();
    if sig.is_empty() {
        return None;
    }
    // The token as it would be with a signature of the right form, wherever it stands.
    let form = ["&sig=", &"A".repeat(Tag::TEXT_LEN)].concat();
    let mend = |text: &str| replaced(text, &shown, &form);
    let url = mend(request.url);
    let (cookie, authorization) = (request.cookie.map(mend), request.authorization.map(mend));
    let mut mended = Request::new(&url);
    mended.cookie = cookie.as_deref();
    mended.authorization = authorization.as_deref();
    let token = rules.read(&rules.locate(&mended).ok()?).ok()?;

    let entry = ring.find(token.kid()?).ok()?;
    let mut mac = entry.key.mac().start();
    token.input().pieces(&mut |piece| mac.update(piece));
    let right = mac.finish();
    let text = right.encode();
    let text = text.as_str();
    let url_safe = sig.replace('+', "-").replace('/', "_");
    if sig.eq_ignore_ascii_case(&right.to_hex()) {
        Some("the signature fits in hex: write its bytes in base64url".to_owned())
    } else if url_safe.trim_end_matches('=') == text {
        Some("the signature fits in standard base64: write - for +, _ for /, and no =".to_owned())
    } else if sig.len() < text.len() && sig.len() >= 8 && text.starts_with(sig) {
        Some(format!(
            "the signature fits but is clipped: it has 43 characters, here are {}",
            sig.len()
        ))
    } else {
        None
    }
}

fn fits(entry: &Entry, input: &str, tag: ShownTag<'_>) -> bool {
    let mut mac = entry.key.mac().start();
    mac.update(input);
    mac.end().verify(tag).is_ok()
}

/// Signing inputs that mistaken signers make, each with its mistake.
fn scopes(token: &UnverifiedToken<'_>) -> Vec<(String, String)> {
    let scope = token.scope.to_string();
    let path = token.path.to_string();
    let text = token.input().text();
    let host = token.base.split('/').nth(2).unwrap_or_default();
    let with_scope = |mistake: &str, other: &str| {
        (format!("the scope `{other}`: {mistake}"), format!("{other}\n{text}"))
    };
    let mut tried = Vec::new();

    if let Some((path, _)) = scope.split_once('?') {
        tried.push(with_scope("the query was left out", path));
    }
    tried.push(match scope.strip_suffix('/') {
        Some(bare) => with_scope("the trailing slash was left out", bare),
        None => with_scope("a trailing slash was added", &format!("{scope}/")),
    });
    if let Some(n) = token.grant.directory() {
        for other in [n.saturating_sub(1), n.saturating_add(1)] {
            if let Some(directory) = token.path.directory(other) {
                let directory = directory.to_string();
                let mistake = format!("that is `dir={other}`, and the token says `dir={n}`");
                tried.push(with_scope(&mistake, &directory));
                let signed = replaced(text, &format!("&dir={n}"), &format!("&dir={other}"));
                let mistake = format!("`dir={other}`: the token was changed after it was signed");
                tried.push((mistake, format!("{directory}\n{signed}")));
            }
        }
        tried.push(with_scope("that is the whole path, and the token has `dir`", &path));
    } else {
        for n in 1..=8 {
            if let Some(directory) = token.path.directory(n) {
                let mistake = format!("that is a directory, and the token has no `dir={n}`");
                tried.push(with_scope(&mistake, &directory.to_string()));
            }
        }
    }
    if let Some(decoded) = percent_decode(&scope) {
        tried.push(with_scope("the path was not encoded", &decoded));
        tried.push(with_scope("the path was encoded twice", &scope.replace('%', "%25")));
    }
    for (mistake, other) in [
        ("the host was included", format!("{host}{scope}")),
        ("scheme and host were included", format!("{}{scope}", token.base)),
        ("the first slash was left out", scope.trim_start_matches('/').to_owned()),
    ] {
        tried.push(with_scope(mistake, &other));
    }
    for (mistake, input) in [
        ("without the line feed between scope and token", format!("{scope}{text}")),
        ("with `\\n` written out for the line feed", format!("{scope}\\n{text}")),
        ("with a second line feed at the end", format!("{scope}\n{text}\n")),
        ("with `&sig=` at the end of the token", format!("{scope}\n{text}&sig=")),
    ] {
        tried.push((mistake.to_owned(), input));
    }
    tried
}

/// The text with its escapes decoded; `None` where it has none.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend(parts.next()?.bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(rest.bytes());
    }
    String::from_utf8(bytes).ok().filter(|decoded| decoded != text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::ParamNames;
    use crate::time::UnixTime;
    use crate::verify::Verifier;

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
        let sig = tag(kid, input).encode().as_str().to_owned();
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
            (FILM, "", "cdn.example.com/videos/42/film.mp4\n", "the host was included"),
            (
                FILM,
                "",
                "https://cdn.example.com/videos/42/film.mp4\n",
                "scheme and host were included",
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
            ("https://h/a%20b?c=d", "", "/a%20b\n", "the query was left out"),
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
    fn a_signature_in_another_spelling_is_named() {
        let right = tag("main", &format!("/videos/42/film.mp4\n{TOKEN}"));
        let text = right.encode().as_str().to_owned();
        let link = |sig: &str| format!("{FILM}?{TOKEN}&sig={sig}");
        assert_eq!(
            hints_of(&link(&right.to_hex())),
            ["the signature fits in hex: write its bytes in base64url"]
        );
        assert_eq!(
            hints_of(&link(&format!("{text}="))),
            ["the signature fits in standard base64: write - for +, _ for /, and no ="]
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
    fn a_token_encoded_as_a_whole_is_named() {
        let url = format!("{FILM}?pg%3D1%26exp%3D1767225600%26kid%3Dmain%26sig%3D");
        assert_eq!(
            hints_of(&url),
            ["the token was percent-encoded: put it into the URL as it is, `=` and `&` included"]
        );
    }
}
