//! A token on its way from a request to a verdict.

use core::fmt;

use crate::error::{InvalidSignature, ParseError, Refusal};
use crate::format::Format;
use crate::grant::Grant;
#[cfg(feature = "jwt")]
use crate::key::KeyId;
use crate::mac::{EncodedTag, MacKey};
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
    pub(crate) fn one(
        format: Format,
        target: &Target<'a>,
        found: Found<'a>,
    ) -> Result<Self, Refusal> {
        let Target { base, path, query } = *target;
        let (placement, text, path, query) = match (found.in_query, found.in_path, found.in_bearer)
        {
            (Some((query, text)), None, None) => (Placement::Query, text, path, query),
            (None, Some((text, path)), None) => (Placement::Path, text, path, query),
            (None, None, Some(text)) => (Placement::Bearer, text, path, query),
            (None, None, None) => return Err(Refusal::Missing),
            _ => return Err(Refusal::Ambiguous),
        };
        Ok(Self { format, placement, text, base, path, query })
    }

    /// A token of a cookie.
    pub(crate) const fn in_cookie(format: Format, target: &Target<'a>, text: &'a str) -> Self {
        let Target { base, path, query } = *target;
        Self { format, placement: Placement::Cookie, text, base, path, query }
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
    pub(crate) located: Located<'a>,
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
    pub(crate) tag: EncodedTag<'a>,
    pub(crate) path: CanonicalPath<'a>,
    /// What follows the token in the query.
    pub(crate) after: Option<&'a str>,
}

impl<'a> UnverifiedToken<'a> {
    /// Whether its tag is that of a key, in constant time.
    pub(crate) fn verify(&self, key: &MacKey) -> Result<(), InvalidSignature> {
        let mut mac = key.start();
        self.input().pieces(&mut |piece| mac.update(piece));
        mac.verify(&self.tag)
    }

    /// The id of the key that it says it was signed with.
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
    pub(crate) const fn check_scope(&self) -> Result<(), ParseError> {
        #[cfg(feature = "jwt")]
        if self.outside {
            return Err(ParseError::OutsideScope);
        }
        Ok(())
    }

    /// The query before the token, or all of it where the token is elsewhere, and what follows the token.
    pub(crate) const fn queries(&self) -> [Option<&'a str>; 2] {
        [self.located.query, self.after]
    }

    /// The bytes under the MAC.
    #[inline]
    pub(crate) const fn input(&self) -> SigningInput<'a> {
        let scope = match self.located.format {
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
