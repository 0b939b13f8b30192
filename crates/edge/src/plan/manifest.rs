//! A manifest on its way to a viewer: read whole, rewritten, and answered as what it is now.

use core::str;

use playgate_manifest::Kind;

use crate::answer::{Fields, Headers, Problem, fields};
use crate::conditional::{Conditions, Precondition, Validators};
use crate::delivery::{Delivery, Rewriting};

use super::{Body, Response};

/// A manifest in the media store whose body is still to be read.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) kind: Kind,
    /// The entity tag with its quotes, where there is one.
    pub(crate) etag: Option<String>,
    /// The header fields of the response as if it went out as it is stored.
    pub(crate) headers: Fields,
}

impl Pending {
    /// The response with the manifest that was read.
    ///
    /// # Errors
    /// As [`Rewriting::rewrite`].
    pub(crate) fn respond(
        self,
        rewriting: &Rewriting,
        bytes: &[u8],
        conditions: Conditions<'_>,
        delivery: &Delivery,
    ) -> Result<Response, Problem> {
        let stored = StoredManifest { kind: self.kind, bytes, etag: self.etag.as_deref() };
        let Rewritten { status, headers: own, body } =
            rewriting.rewrite(stored, conditions, delivery.now)?;
        let mut headers = self.headers;
        headers.retain(|(name, _)| {
            let is_content = || name.to_ascii_lowercase().starts_with("content-");
            !is_of_stored_bytes(name) && (status == 200 || !is_content())
        });
        headers.extend(fields(own));
        let body = body.filter(|_| !delivery.head).map_or(Body::None, Body::Text);
        Ok(Response { status, headers, body })
    }
}

/// A manifest as the store has it.
#[derive(Clone, Copy)]
struct StoredManifest<'a> {
    kind: Kind,
    bytes: &'a [u8],
    etag: Option<&'a str>,
}

/// A manifest as the viewer gets it.
#[derive(Debug, PartialEq, Eq)]
struct Rewritten {
    status: u16,
    /// Those header fields that are this body's own.
    headers: Headers,
    body: Option<String>,
}

impl Rewriting {
    /// Rewrites a manifest for a request under `conditions` at `now`.
    ///
    /// # Errors
    /// Where it cannot be read or cut, nothing of it is handed out.
    fn rewrite(
        &self,
        stored: StoredManifest<'_>,
        conditions: Conditions<'_>,
        now: u64,
    ) -> Result<Rewritten, Problem> {
        if stored.bytes.len() > self.max_bytes {
            return Err(Problem::ManifestTooLarge);
        }
        let mut headers = Headers::new();
        if let Some(etag) = stored.etag.and_then(|etag| self.entity_tag(etag)) {
            // When it was stored says nothing of a body that changes with the token: no date counts.
            let Conditions { if_match, if_none_match, .. } = conditions;
            let conditions = Conditions { if_match, if_none_match, ..Conditions::default() };
            let outcome = conditions.evaluate(Validators { etag: &etag, modified: 0 }, now);
            headers.push(("ETag", etag.into()));
            match outcome {
                Precondition::Failed => return Err(Problem::PreconditionFailed),
                Precondition::NotModified => {
                    return Ok(Rewritten { status: 304, headers, body: None });
                }
                Precondition::Serve => {}
            }
        }
        let text = str::from_utf8(stored.bytes).map_err(|_| Problem::BadManifest)?;
        let body = self.rewriter.rewrite(stored.kind, text)?;
        headers.push(("Content-Length", body.len().to_string().into()));
        Ok(Rewritten { status: 200, headers, body: Some(body) })
    }

    /// The entity tag of a stored manifest with this token in it (RFC 9110, section 8.8.3): another token,
    /// another tag. A token ends in its signature.
    fn entity_tag(&self, stored: &str) -> Option<String> {
        let token = self.rewriter.token();
        let mark = token.get(token.len().checked_sub(16)?..)?;
        Some(format!("{}-{mark}\"", stored.strip_suffix('"')?))
    }
}

/// Whether a header field of the store says something of the stored bytes that does not hold for the
/// rewritten ones.
fn is_of_stored_bytes(name: &str) -> bool {
    [
        "accept-ranges",
        "content-digest",
        "content-encoding",
        "content-length",
        "content-md5",
        "content-range",
        "digest",
        "etag",
        "last-modified",
        "repr-digest",
    ]
    .iter()
    .any(|listed| name.eq_ignore_ascii_case(listed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use playgate::KeyRing;
    use playgate::Request;
    use playgate::UnixTime;
    use playgate::Verifier;
    use playgate::{Builder, Signer};
    use playgate_manifest::Rewriter;

    const NOW: u64 = 1_767_225_000;
    const PLAYLIST: &str = "#EXTM3U\n# S\u{e3}o Jo\u{e3}o\n#EXTINF:2,\na.ts\n";

    /// That of a link in the query for /videos/42/.
    fn rewriting(
        more: impl for<'a> FnOnce(Builder<'a, &'a str>) -> Builder<'a, &'a str>,
    ) -> Rewriting {
        let keys = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
        let (ring, now) = (KeyRing::parse(keys).unwrap(), UnixTime::from_secs(NOW));
        let signer = Signer::new(KeyRing::parse(keys).unwrap());
        let link = signer.link("https://cdn.example.com/videos/42/list.m3u8").directory(2);
        let link = more(link.in_query()).sign(now).unwrap();
        let verifier = Verifier::new(&ring);
        let verified = verifier.verify(&Request::new(link.as_str()), now).unwrap();
        Rewriting {
            rewriter: Rewriter::new(&verifier, &verified, now).unwrap(),
            max_bytes: 1 << 21,
        }
    }

    fn stored<'a>(
        manifest: &'a (impl AsRef<[u8]> + ?Sized),
        etag: Option<&'a str>,
    ) -> StoredManifest<'a> {
        StoredManifest { kind: Kind::Hls, bytes: manifest.as_ref(), etag }
    }

    fn rewrite(etag: Option<&str>, conditions: Conditions<'_>) -> Result<Rewritten, Problem> {
        rewriting(|link| link).rewrite(stored(PLAYLIST, etag), conditions, NOW)
    }

    fn value<'r>(rewritten: &'r Rewritten, name: &str) -> Option<&'r str> {
        let found = rewritten.headers.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_ref())
    }

    #[test]
    fn the_length_is_that_of_the_new_body_in_bytes() {
        let rewritten = rewrite(None, Conditions::default()).unwrap();
        let body = rewritten.body.as_deref().unwrap();
        let token = rewriting(|link| link).rewriter.token().to_string();
        assert_eq!(body, PLAYLIST.replace("\na", &format!("\n/{token}/videos/42/a")));
        assert_eq!(value(&rewritten, "Content-Length"), Some(body.len().to_string().as_str()));
        assert_eq!((rewritten.status, rewritten.headers.len()), (200, 1));
    }

    #[test]
    fn another_token_is_another_tag() {
        let tag = |etag, rewriting: Rewriting| rewriting.entity_tag(etag);
        let own = || rewriting(|link| link);
        let first = tag("\"v1\"", own()).unwrap();
        assert!(first.starts_with("\"v1-") && first.ends_with('"') && first.len() == 21, "{first}");
        assert_eq!(tag("\"v1\"", own()), Some(first.clone()));
        assert_ne!(tag("\"v2\"", own()), Some(first.clone()));
        assert_ne!(tag("\"v1\"", rewriting(|link| link.subject("viewer-1"))), Some(first.clone()));
        assert_ne!(tag("\"v1\"", rewriting(|link| link.run(60))), Some(first.clone()));
        assert_eq!(tag("W/\"v1\"", own()), Some(["W/", &first].concat()));
        for broken in ["", "v1", "W/v1"] {
            assert_eq!(tag(broken, own()), None, "{broken}");
        }
    }

    #[test]
    fn tags_are_compared_with_the_new_one() {
        let tag = value(&rewrite(Some("\"v1\""), Conditions::default()).unwrap(), "ETag")
            .unwrap()
            .to_string();
        let none_match = |list| Conditions { if_none_match: Some(list), ..Conditions::default() };
        let matching = |list| Conditions { if_match: Some(list), ..Conditions::default() };
        for list in [tag.as_str(), "*"] {
            let same = rewrite(Some("\"v1\""), none_match(list)).unwrap();
            assert_eq!((same.status, &same.body), (304, &None));
            assert_eq!(same.headers, [("ETag", tag.clone().into())]);
            assert_eq!(rewrite(Some("\"v1\""), matching(list)).unwrap().status, 200);
        }
        for list in ["\"v1\"", "W/\"v1\"", "\"\""] {
            assert_eq!(rewrite(Some("\"v1\""), none_match(list)).unwrap().status, 200, "{list}");
            let failed = rewrite(Some("\"v1\""), matching(list));
            assert_eq!(failed, Err(Problem::PreconditionFailed), "{list}");
        }
        // Without a tag there is nothing to compare.
        assert_eq!(rewrite(None, none_match("*")).unwrap().status, 200);
    }

    #[test]
    fn dates_and_ranges_do_not_count() {
        let conditions = Conditions {
            if_modified_since: Some("Fri, 31 Dec 9999 23:59:59 GMT"),
            if_unmodified_since: Some("Thu, 01 Jan 1970 00:00:00 GMT"),
            if_range: Some("\"v1\""),
            ..Conditions::default()
        };
        assert_eq!(rewrite(Some("\"v1\""), conditions).unwrap().status, 200);
    }

    #[test]
    fn what_cannot_be_read_or_cut_is_not_handed_out() {
        let fails = |rewriting: &Rewriting, manifest: &[u8]| {
            rewriting.rewrite(stored(manifest, None), Conditions::default(), NOW).unwrap_err()
        };
        let own = rewriting(|link| link);
        for manifest in [&b""[..], b"<html>", b"{}", b"#EXTM3U\n\xff.ts\n", b"\xef\xbb\xbf<html>"] {
            assert_eq!(fails(&own, manifest), Problem::BadManifest, "{manifest:?}");
        }
        let preview = rewriting(|link| link.preview(4));
        let window = b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:2,\na.ts\n";
        assert_eq!(fails(&preview, window), Problem::NoPreview);
        let dash = StoredManifest { kind: Kind::Dash, ..stored("<html>", None) };
        assert_eq!(own.rewrite(dash, Conditions::default(), NOW), Err(Problem::BadManifest));
    }

    #[test]
    fn fields_of_the_stored_bytes() {
        for name in ["Accept-Ranges", "content-encoding", "Content-Length", "ETag", "LAST-MODIFIED"]
        {
            assert!(is_of_stored_bytes(name), "{name}");
        }
        for name in
            ["Cache-Control", "Content-Disposition", "Content-Language", "Content-Type", "Vary"]
        {
            assert!(!is_of_stored_bytes(name), "{name}");
        }
    }
}
