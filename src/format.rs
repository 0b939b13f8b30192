//! Wire formats. Each is one file that turns a request into an [`UnverifiedToken`], and terms into a link;
//! nothing outside this folder knows which one it was.

#[cfg(feature = "jwt")]
pub(crate) mod jwt;
pub(crate) mod native;

use core::fmt;
#[cfg(feature = "manifest")]
use core::iter;

#[cfg(feature = "alloc")]
use alloc::{string::String, vec::Vec};

use crate::error::{ParseError, Refusal};
use crate::grant::Grant;
#[cfg(feature = "alloc")]
use crate::inspect::FieldNote;
#[cfg(feature = "jwt")]
use crate::key::KeyId;
#[cfg(feature = "alloc")]
use crate::key::KeyRing;
use crate::mac::{InnerHash, MacKey, ShownTag};
use crate::path::CanonicalPath;
use crate::query::ParamNames;
#[cfg(feature = "alloc")]
use crate::query::name_of;
use crate::request::{Placement, Request, Target};
use crate::scope::Scope;
#[cfg(feature = "alloc")]
use crate::sign::{CheckedTerms, Link, SignError, Terms};

/// What a token is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    #[cfg(feature = "jwt")]
    Jwt,
    Native,
}

/// Looks for a token in a part of a request.
#[cfg(feature = "jwt")]
type Find<'r> = fn(&Target<'r>, &Request<'r>) -> Result<Located<'r>, Refusal>;

/// What a gate has to know to read a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) audience: Option<&'a str>,
    #[cfg(feature = "jwt")]
    pub(crate) jwt: Option<&'a jwt::JwtRules>,
    /// Whether native tokens are read.
    pub(crate) native: bool,
    pub(crate) unsigned_params: ParamNames<'a>,
}

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

impl<'a> Rules<'a> {
    /// Those of a gate that reads native tokens alone.
    pub(crate) const NATIVE: Self = Self {
        audience: None,
        #[cfg(feature = "jwt")]
        jwt: None,
        native: true,
        unsigned_params: ParamNames::new(""),
    };

    /// Whether native tokens are all that is read.
    pub(crate) const fn are_native(&self) -> bool {
        #[cfg(feature = "jwt")]
        if self.jwt.is_some() {
            return false;
        }
        self.native
    }

    /// Checks 1 and 2 where native tokens are all that is read.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn read_native<'r>(
        &self,
        request: &Request<'r>,
    ) -> Result<UnverifiedToken<'r>, Refusal>
    where
        'a: 'r,
    {
        let located = locate_native(&Target::parse(request.url)?, request)?;
        native::read(&located, self.unsigned_params)
    }

    /// Check 1: finds the one token of a request.
    ///
    /// # Errors
    /// [`Refusal::Missing`], [`Refusal::Ambiguous`], or what is wrong with the URL.
    pub(crate) fn locate<'r>(&self, request: &Request<'r>) -> Result<Located<'r>, Refusal> {
        let target = Target::parse(request.url)?;
        #[cfg(feature = "jwt")]
        if let Some(jwt) = self.jwt {
            return self.locate_either(jwt, &target, request);
        }
        if self.native { locate_native(&target, request) } else { Err(Refusal::Missing) }
    }

    /// The one token of a request in the formats that are read. One in the path, the query or the
    /// `Authorization` header counts before a cookie, so that an old cookie never spoils a new link.
    #[cfg(feature = "jwt")]
    fn locate_either<'r>(
        &self,
        jwt: &jwt::JwtRules,
        target: &Target<'r>,
        request: &Request<'r>,
    ) -> Result<Located<'r>, Refusal> {
        let one = |native, jwt| match (native, jwt) {
            (Ok(_), Ok(_)) => Err(Refusal::Ambiguous),
            (Err(Refusal::Missing), found) | (found, Err(Refusal::Missing)) => found,
            (Err(refusal), _) | (_, Err(refusal)) => Err(refusal),
        };
        let native = |find: Find<'r>| match self.native {
            true => find(target, request),
            false => Err(Refusal::Missing),
        };
        let located = match one(native(native::find), jwt.find(target, request)) {
            Err(Refusal::Missing) => {
                one(native(native::find_cookie), jwt.find_cookie(target, request))?
            }
            found => found?,
        };
        // Behind a token in the path, one of the other format.
        let in_path = located.placement == Placement::Path;
        let again =
            (self.native && leads(native::NAME, located.path)) || leads(&jwt.name, located.path);
        if in_path && again { Err(Refusal::Ambiguous) } else { Ok(located) }
    }

    /// Check 2: reads the token, and computes from the request what it has to cover.
    ///
    /// # Errors
    /// What breaks the grammar.
    pub(crate) fn read<'r>(&self, located: &Located<'r>) -> Result<UnverifiedToken<'r>, Refusal>
    where
        'a: 'r,
    {
        #[cfg(feature = "jwt")]
        if let (Format::Jwt, Some(jwt)) = (located.format, self.jwt) {
            return jwt.read(located, self.audience);
        }
        native::read(located, self.unsigned_params)
    }

    /// What would explain that a token was not read.
    #[cfg(feature = "alloc")]
    pub(crate) fn mistakes_of_grammar(
        &self,
        ring: &KeyRing,
        request: &Request<'_>,
        located: &Located<'_>,
    ) -> Option<String> {
        #[cfg(feature = "jwt")]
        if let (Format::Jwt, Some(jwt)) = (located.format, self.jwt) {
            return jwt.of_grammar(located);
        }
        native::of_grammar(self, ring, request, located)
    }

    /// The names that tokens go by in addresses and cookies.
    #[cfg(feature = "manifest")]
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        #[cfg(feature = "jwt")]
        let more = self.jwt.map(|jwt| jwt.name.as_str());
        #[cfg(not(feature = "jwt"))]
        let more = None;
        iter::once(native::NAME).chain(more)
    }

    /// A token as it stands in a path or a cookie: with its name.
    #[cfg(feature = "manifest")]
    pub(crate) fn named(&self, token: &UnverifiedToken<'_>) -> String {
        #[cfg(feature = "jwt")]
        if let (Format::Jwt, Some(jwt)) = (token.format, self.jwt) {
            return jwt.named(token);
        }
        native::join(token.signed, token.tag.as_str())
    }
}

#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn locate_native<'r>(target: &Target<'r>, request: &Request<'r>) -> Result<Located<'r>, Refusal> {
    match native::find(target, request) {
        Err(Refusal::Missing) => native::find_cookie(target, request),
        found => found,
    }
}

/// What a token says, part by part and in words. It may be broken.
#[cfg(feature = "alloc")]
pub(crate) fn notes(located: &Located<'_>, scope: Option<&str>) -> Vec<FieldNote> {
    match located.format {
        #[cfg(feature = "jwt")]
        Format::Jwt => jwt::notes(located.text),
        Format::Native => native::notes(located.text, scope),
    }
}

/// What would explain that a request has no one token.
#[cfg(feature = "alloc")]
pub(crate) fn mistakes_of_placement(request: &Request<'_>) -> Option<String> {
    native::of_placement(request)
}

/// What would make the signature of a well-formed token fit.
#[cfg(feature = "alloc")]
pub(crate) fn mistakes_of_signature(ring: &KeyRing, token: &UnverifiedToken<'_>) -> Vec<String> {
    match token.format {
        #[cfg(feature = "jwt")]
        Format::Jwt => jwt::of_signature(ring, token),
        Format::Native => native::of_signature(ring, token),
    }
}

/// Checks that a token of the format that `terms` ask for can say all of them.
///
/// # Errors
/// The first term that it cannot.
#[cfg(feature = "alloc")]
pub(crate) fn check(terms: &Terms<'_>) -> Result<(), SignError> {
    #[cfg(feature = "jwt")]
    if let Some(jwt) = &terms.jwt {
        return jwt::check(jwt, terms);
    }
    native::check(terms)
}

/// Signs one URL on terms that were checked.
///
/// # Errors
/// What is wrong with the URL.
#[cfg(feature = "alloc")]
pub(crate) fn sign(terms: &CheckedTerms<'_, '_>, url: &str) -> Result<Link, SignError> {
    #[cfg(feature = "jwt")]
    if let Some(jwt) = &terms.terms.jwt {
        return jwt::sign(jwt, terms, url);
    }
    native::sign(terms, url)
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

/// Whether an address carries a token that goes by one of `names`, in its path or in its query.
#[cfg(feature = "alloc")]
pub(crate) fn is_signed<'n>(
    mut names: impl Iterator<Item = &'n str>,
    path: &str,
    query: Option<&str>,
) -> bool {
    names.any(|name| {
        let is_token = |param| name_of(param) == name;
        leads(name, path) || query.is_some_and(|query| query.split('&').any(is_token))
    })
}

/// Whether the first segment of a path is a token of this name.
#[cfg(feature = "alloc")]
fn leads(name: &str, path: &str) -> bool {
    let rest = path.strip_prefix('/').and_then(|path| path.strip_prefix(name));
    rest.is_some_and(|rest| rest.starts_with('='))
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
