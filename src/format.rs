//! Wire formats. Each is one file that turns a request into an [`UnverifiedToken`]; nothing outside
//! this folder knows which one it was.

pub(crate) mod native;

use core::fmt;

use crate::error::Refusal;
use crate::grant::Grant;
use crate::mac::{InnerHash, MacKey, ShownTag};
use crate::path::CanonicalPath;
use crate::query::ParamNames;
use crate::request::{Placement, Request, Target};
use crate::scope::Scope;

/// A token where it was found, not yet read.
#[derive(Clone, Copy)]
pub(crate) struct Located<'a> {
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

/// A token that was read and not yet believed.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "alloc"), expect(dead_code, reason = "clean URLs are built of some"))]
pub(crate) struct UnverifiedToken<'a> {
    pub(crate) placement: Placement,
    pub(crate) kid: &'a str,
    pub(crate) grant: Grant<'a>,
    pub(crate) scope: Scope<'a>,
    /// The token up to its signature.
    pub(crate) signed: &'a str,
    pub(crate) tag: ShownTag<'a>,
    /// Scheme and authority of the URL.
    pub(crate) base: &'a str,
    /// What follows that in the URL.
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

    /// Where the bytes under the MAC stand in the URL as one text, from the path on: the place of the
    /// `?` or `&` that is a line feed in them, and their number. So it is with an exact scope and a token
    /// in the query, unless the path is not canonical as written.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn in_place(&self) -> Option<(usize, usize)> {
        // WebAssembly has no vectors to win by that, and a page waits for every kilobyte.
        if cfg!(target_arch = "wasm32")
            || self.placement != Placement::Query
            || self.grant.directory.is_some()
        {
            return None;
        }
        let path = self.path.as_canonical()?;
        let [before, _] = self.queries;
        let before = before.map_or(0, |query| query.len().saturating_add(1));
        let feed = path.len().saturating_add(before);
        Some((feed, feed.saturating_add(1).saturating_add(self.signed.len())))
    }

    /// The token as it was shown.
    #[cfg(feature = "manifest")]
    pub(crate) fn text(&self) -> alloc::string::String {
        native::join(self.signed, self.tag.as_str())
    }

    /// The bytes under the MAC.
    #[inline]
    pub(crate) const fn input(&self) -> SigningInput<'a> {
        SigningInput { scope: self.scope, text: self.signed }
    }
}

/// The bytes under the MAC.
#[derive(Clone, Copy)]
pub(crate) struct SigningInput<'a> {
    scope: Scope<'a>,
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
        self.scope.pieces(sink);
        sink("\n");
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

/// Check 1: finds the one token of a request.
///
/// # Errors
/// [`Refusal::Missing`], [`Refusal::Ambiguous`], or what is wrong with the URL.
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(crate) fn locate<'a>(request: &Request<'a>) -> Result<Located<'a>, Refusal> {
    let target = Target::parse(request.url)?;
    native::locate(&target, request)
}

/// Check 2: reads the token, and computes from the request what it has to cover.
///
/// # Errors
/// What breaks the grammar.
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(crate) fn read<'a>(
    located: &Located<'a>,
    unsigned_params: ParamNames<'a>,
) -> Result<UnverifiedToken<'a>, Refusal> {
    native::read(located, unsigned_params)
}

/// Whether an address carries a token, in its path or in its query.
#[cfg(feature = "manifest")]
pub(crate) fn is_signed(path: &str, query: Option<&str>) -> bool {
    native::is_signed(path, query)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Tag;
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
        let token = read(&locate(&request).unwrap(), ParamNames::default()).unwrap();
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
