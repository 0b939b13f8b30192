//! A token on its way from a request to a verdict.

use core::fmt;

use crate::error::{ParseError, Refusal};
use crate::format::Format;
use crate::grant::Grant;
#[cfg(feature = "jwt")]
use crate::key::KeyId;
use crate::mac::{InnerHash, MacKey, ShownTag};
use crate::path::CanonicalPath;
use crate::request::{Placement, Target};
use crate::scope::Scope;

/// A token where it was found, not yet read.
#[derive(Clone, Copy)]
pub(crate) struct Located<'a> {
    pub(crate) format: Format,
    pub(crate) placement: Placement,
    /// From the token's first byte on. In a query more may follow; where the token ends is for the
    /// format to say.
    pub(crate) text: &'a str,
    /// Scheme and authority of the URL.
    pub(crate) base: &'a str,
    /// What follows that in the URL.
    pub(crate) rest: &'a str,
    /// The path without a token.
    pub(crate) path: &'a str,
    /// The query: up to a token in it, or all of it where the token is elsewhere.
    pub(crate) query: Option<&'a str>,
}

/// What a format finds in the parts of a request that count alike.
pub(crate) struct Found<'a> {
    /// The query before the token, if anything stands there, and from the token on.
    pub(crate) in_query: Option<(Option<&'a str>, &'a str)>,
    /// The token in the first segment of the path, and the path without it.
    pub(crate) in_path: Option<(&'a str, &'a str)>,
    pub(crate) in_bearer: Option<&'a str>,
}

impl<'a> Located<'a> {
    /// The one token that was found.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn one(
        format: Format,
        target: &Target<'a>,
        found: Found<'a>,
    ) -> Result<Self, Refusal> {
        let Target { base, rest, path, query } = *target;
        let (placement, text, path, query) = match (found.in_query, found.in_path, found.in_bearer)
        {
            (Some((query, text)), None, None) => (Placement::Query, text, path, query),
            (None, Some((text, path)), None) => (Placement::Path, text, path, query),
            (None, None, Some(text)) => (Placement::Bearer, text, path, query),
            (None, None, None) => return Err(Refusal::Missing),
            _ => return Err(Refusal::Ambiguous),
        };
        Ok(Self { format, placement, text, base, rest, path, query })
    }

    /// A token of a cookie.
    pub(crate) const fn in_cookie(format: Format, target: &Target<'a>, text: &'a str) -> Self {
        let Target { base, rest, path, query } = *target;
        Self { format, placement: Placement::Cookie, text, base, rest, path, query }
    }
}

/// The key that a token says it was signed with.
#[derive(Clone, Copy)]
pub(crate) enum Kid<'a> {
    /// None: any key of the ring may have signed it.
    #[cfg(feature = "jwt")]
    Any,
    #[cfg(feature = "jwt")]
    Decoded(KeyId),
    Shown(&'a str),
}

/// A token that was read and not yet believed.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "alloc"), expect(dead_code, reason = "clean URLs are built of some"))]
pub(crate) struct UnverifiedToken<'a> {
    pub(crate) format: Format,
    pub(crate) placement: Placement,
    pub(crate) kid: Kid<'a>,
    pub(crate) grant: Grant<'a>,
    pub(crate) scope: Scope<'a>,
    /// Whether the path is not below what it opens. Then the scope is the path alone.
    #[cfg(feature = "jwt")]
    pub(crate) outside: bool,
    /// Whether it names another issuer than the gate asks for.
    #[cfg(feature = "jwt")]
    pub(crate) foreign_issuer: bool,
    /// The token up to its signature.
    pub(crate) signed: &'a str,
    pub(crate) tag: ShownTag<'a>,
    /// Scheme and authority of the URL.
    pub(crate) base: &'a str,
    /// What follows that in the URL, from where the bytes under the MAC may stand in it.
    pub(crate) rest: &'a str,
    pub(crate) path: CanonicalPath<'a>,
    /// The query before the token, and what follows it.
    pub(crate) queries: [Option<&'a str>; 2],
}

impl<'a> UnverifiedToken<'a> {
    /// The inner hash over the bytes under the MAC.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn hash<'k>(&self, key: &'k MacKey) -> InnerHash<'k> {
        if let Some((feed, len)) = self.in_place() {
            return key.hash_in_place(self.rest, feed, len);
        }
        let mut mac = key.start();
        self.input().pieces(&mut |piece| mac.update(piece));
        mac.end()
    }

    /// Where the bytes under the MAC stand at the start of `rest` as one text: the place of the `?` or `&`
    /// that is a line feed in them, and their number. So it is with an exact scope and a native token in
    /// the query, unless the path is not canonical as written; and with all JWTs.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn in_place(&self) -> Option<(Option<usize>, usize)> {
        // WebAssembly has no vectors to win by that, and a page waits for every kilobyte.
        if cfg!(target_arch = "wasm32") {
            return None;
        }
        #[cfg(feature = "jwt")]
        if self.format == Format::Jwt {
            return Some((None, self.signed.len()));
        }
        if self.placement != Placement::Query || self.grant.directory.is_some() {
            return None;
        }
        let path = self.path.as_canonical()?;
        let [before, _] = self.queries;
        let before = before.map_or(0, |query| query.len().saturating_add(1));
        let feed = path.len().saturating_add(before);
        Some((Some(feed), feed.saturating_add(1).saturating_add(self.signed.len())))
    }

    /// The id of the key that it says it was signed with.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn kid(&self) -> Option<&str> {
        match &self.kid {
            #[cfg(feature = "jwt")]
            Kid::Any => None,
            #[cfg(feature = "jwt")]
            Kid::Decoded(id) => Some(id.as_str()),
            Kid::Shown(id) => Some(id),
        }
    }

    /// Whether the path is below what it opens.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) const fn check_scope(&self) -> Result<(), ParseError> {
        #[cfg(feature = "jwt")]
        if self.outside {
            return Err(ParseError::OutsideScope);
        }
        Ok(())
    }

    /// The bytes under the MAC.
    #[inline]
    pub(crate) const fn input(&self) -> SigningInput<'a> {
        let scope = match self.format {
            #[cfg(feature = "jwt")]
            Format::Jwt => None,
            Format::Native => Some(self.scope),
        };
        SigningInput { scope, text: self.signed }
    }
}

/// The bytes under the MAC.
#[derive(Clone, Copy)]
pub(crate) struct SigningInput<'a> {
    /// What a token binds by its signature alone. `None` where it says by itself what it opens.
    scope: Option<Scope<'a>>,
    text: &'a str,
}

impl<'a> SigningInput<'a> {
    /// The token's part, without its signature.
    #[cfg(feature = "alloc")]
    pub(crate) const fn text(self) -> &'a str {
        self.text
    }

    #[inline]
    pub(crate) fn pieces(self, sink: &mut impl FnMut(&str)) {
        if let Some(scope) = self.scope {
            scope.pieces(sink);
            sink("\n");
        }
        sink(self.text);
    }
}

impl fmt::Display for SigningInput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        self.pieces(&mut |piece| result = result.and_then(|()| f.write_str(piece)));
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Rules;
    use crate::mac::Tag;
    use crate::request::Request;
    use alloc::string::ToString as _;

    const SIGNED: &str = "pg=1&exp=1767225600&kid=main";

    /// The tag is that of the signing input as a text, whichever way the bytes under it are gathered.
    #[track_caller]
    fn gathered(url: &str, in_place: bool) {
        let sig = "A".repeat(Tag::TEXT_LEN);
        let url = url.replace("TOKEN", SIGNED).replace("SIG", &sig);
        let mut request = Request::new(&url);
        let header = alloc::format!("Bearer {SIGNED}&sig={sig}");
        if !url.contains("pg=") {
            request.authorization = Some(&header);
        }
        let token = Rules::NATIVE.read(&Rules::NATIVE.locate(&request).unwrap()).unwrap();
        assert_eq!(token.in_place().is_some(), in_place, "{url}");
        let key = MacKey::new(b"key");
        let mut mac = key.start();
        mac.update(&token.input().to_string());
        assert_eq!(token.hash(&key).tag().to_hex(), mac.finish().to_hex(), "{url}");
    }

    #[test]
    fn tag_is_over_the_signing_input() {
        for base in ["", "http://[::1]:8787", "https://cdn.example.com"] {
            let gathered =
                |rest: &str, in_place| gathered(&alloc::format!("{base}{rest}"), in_place);
            gathered("/?TOKEN&sig=SIG", true);
            gathered("/videos/42/film.mp4?TOKEN&sig=SIG", true);
            gathered("/videos/42/film.mp4?TOKEN&sub=viewer-8731&sig=SIG&CMCD=a", true);
            gathered("/videos/42/film.mp4?&TOKEN&sig=SIG", true);
            gathered("/videos/42/film.mp4?a=b&c&TOKEN&sig=SIG&_HLS_msn=7", true);
            gathered("/b%C3%BCcher?a=b&TOKEN&sig=SIG", true);
            gathered("/b%c3%bccher/%7e?a=b&TOKEN&sig=SIG", false);
            gathered("/videos/42/film.mp4?a=b&TOKEN&dir=2&sig=SIG&c=d", false);
            gathered("/TOKEN&sig=SIG/videos/42/film.mp4?a=b&CMCD=c", false);
            gathered("/videos/42/film.mp4?a=b&CMCD=c", false);
        }
    }
}
