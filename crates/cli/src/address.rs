//! Addresses as people type them, and how to write them so that they can be signed.

use playgate::{Signer, UnixTime, redacted};
use playgate_json::{RequestError, SignRequest};
use url::Url;

/// Adds to an error about `url` the spelling that a browser would make of it, where that one can be
/// signed on the same links. It is for the caller to write: what is signed is what was asked for, byte for
/// byte.
pub(crate) fn advise(
    error: RequestError,
    url: &str,
    links: &SignRequest,
    signer: &Signer,
    now: UnixTime,
) -> RequestError {
    if error.field != "url" || links.encode {
        return error;
    }
    // Browsers take the first segment of the path for a host that is missing.
    let has_host = url.split_once("://").is_none_or(|(_, rest)| !rest.starts_with('/'));
    if !has_host {
        return error;
    }
    let written =
        Url::parse(url).ok().filter(|written| matches!(written.scheme(), "http" | "https"));
    let can_be_signed = |written: &str| {
        can_be_shown(written)
            && links.apply(signer.link(written)).is_ok_and(|link| link.sign(now).is_ok())
    };
    if url.contains('#') {
        let named = Url::parse(&url.replace('#', "%23")).ok().map(String::from);
        return match named.filter(|named| can_be_signed(named)) {
            Some(named) => RequestError {
                message: format!(
                    "the URL has a #; if that is part of a name, write {named}; append a #fragment to the \
                     signed link"
                ),
                ..error
            },
            None => error,
        };
    }
    // A `;` in a path can be signed as %3B only.
    let written = written.map(|mut written| {
        if can_be_signed(written.as_str()) {
            return String::from(written);
        }
        let path = written.path().replace(';', "%3B");
        written.set_path(&path);
        written.into()
    });
    match written {
        Some(written) if written != url && can_be_signed(&written) => {
            let fault = error.message.split("; ").next().unwrap_or_default();
            RequestError { message: format!("{fault}; write {written}"), ..error }
        }
        _ => error,
    }
}

/// Whether an address can be repeated: what could be a token is not. A long name in a path is none, unless it
/// follows a `=`.
fn can_be_shown(address: &str) -> bool {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let mut named = path.split('/').filter(|segment| segment.contains(['=', '%']));
    redacted(query) == query && named.all(|segment| redacted(segment) == segment)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use playgate::KeyRing;
    use playgate_json::LinkFormat;

    const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);

    #[track_caller]
    fn says(url: &str, expected: &str) {
        says_on(SignRequest::default(), url, expected);
    }

    #[track_caller]
    fn says_on(links: SignRequest, url: &str, expected: &str) {
        let ring = KeyRing::parse("main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
        let signer = Signer::new(ring);
        let request = SignRequest { url: url.into(), ..links };
        let error = request.sign(&signer, NOW).unwrap_err();
        assert_eq!(advise(error, url, &request, &signer, NOW).message, expected);
    }

    #[test]
    fn typed_addresses_get_the_spelling_of_browsers() {
        says(
            "https://cdn.example.com/a b.mp4",
            "the path has a space; write https://cdn.example.com/a%20b.mp4",
        );
        says(
            "https://cdn.example.com/füße.mp4",
            "the path has a character outside ASCII; \
             write https://cdn.example.com/f%C3%BC%C3%9Fe.mp4",
        );
        says(
            "HTTPS://CDN.example.com/a.mp4",
            "not an absolute URL; write https://cdn.example.com/a.mp4",
        );
        says(
            "https://bücher.example/a.mp4",
            "not an absolute URL; write https://xn--bcher-kva.example/a.mp4",
        );
        says(
            "https://cdn.example.com",
            "the path does not start with a slash; write https://cdn.example.com/",
        );
        says(
            "https://cdn.example.com/a?title=a b",
            "the query has a space, a quote, < or >, or a character outside ASCII; \
             write https://cdn.example.com/a?title=a%20b",
        );
    }

    #[test]
    fn a_semicolon_is_encoded() {
        says(
            "https://cdn.example.com/a;b.mp4",
            "the path has a ;, which some servers read as the end of the name; \
             write https://cdn.example.com/a%3Bb.mp4",
        );
        says(
            "https://cdn.example.com/a b;c",
            "the path has a space; write https://cdn.example.com/a%20b%3Bc",
        );
    }

    #[test]
    fn what_could_be_a_token_is_not_repeated() {
        says(
            "https://cdn.example.com/BigBuckBunny_1080p/a b",
            "the path has a space; write https://cdn.example.com/BigBuckBunny_1080p/a%20b",
        );
        for more in ["?amp;sig=TAG", "/amp;sig=TAG/a", "/sig%3DTAG"] {
            let more = more.replace("TAG", "REksvdGhg_BiP3UrQfvCau3yJDie26YKJonKWbyzAes");
            says(&format!("https://cdn.example.com/a b{more}"), "the path has a space; write %20");
        }
    }

    #[test]
    fn no_spelling_is_made_up_where_none_can_be_signed() {
        says(
            "https://cdn.example.com/a%2Fb",
            "the path has %2F or %5C; a slash in a file name cannot be signed",
        );
        says("https://cdn.example.com/a b%2Fc", "the path has a space; write %20");
        says("ftp://cdn.example.com/a b", "not an absolute URL; write it as https://host/path");
        says("a.mp4", "not an absolute URL; write it as https://host/path");
        says(
            "https:/cdn.example.com/a?pg=1&exp=1&kid=main&sig=x",
            "not an absolute URL; write it as https://host/path",
        );
    }

    #[test]
    fn the_spelling_is_tried_on_the_terms_of_the_link() {
        let jwt = || {
            let format = Some("jwt".into());
            let format = LinkFormat { format, ..LinkFormat::default() };
            SignRequest { format, ..SignRequest::default() }
        };
        says_on(
            jwt(),
            "https://cdn.example.com/a b",
            "the path has a space; write https://cdn.example.com/a%20b",
        );
        let deep = || SignRequest { dir: Some(2), ..SignRequest::default() };
        says_on(deep(), "https://cdn.example.com/a b", "the path has a space; write %20");
        // A parameter like any other, but for a link that carries its own token under this name.
        let url = "https:/cdn.example.com/a?token=x";
        says(url, "not an absolute URL; write https://cdn.example.com/a?token=x");
        says_on(jwt(), url, "not an absolute URL; write it as https://host/path");
    }
}
