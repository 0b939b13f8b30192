//! A token on its way from a request to a verdict.

use core::fmt;

use crate::error::InvalidSignature;
use crate::format::Format;
use crate::grant::Grant;
#[cfg(feature = "jwt")]
use crate::grant::Text;
#[cfg(feature = "jwt")]
use crate::key::KeyId;
use crate::mac::{EncodedTag, MacKey};
use crate::path::CanonicalPath;
use crate::query::SignedQuery;
use crate::request::Placement;
use crate::scope::Scope;

/// A token where it was found, not yet read.
#[derive(Clone, Copy)]
pub(crate) struct Located<'a> {
    pub(crate) format: &'a dyn Format,
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

/// The key that a token says it was signed with.
#[derive(Clone, Copy)]
pub(crate) enum Kid<'a> {
    /// None: any key of the ring may have signed it.
    #[cfg(any(feature = "jwt", feature = "timed-hmac"))]
    Any,
    #[cfg(feature = "jwt")]
    Decoded(KeyId),
    Shown(&'a str),
}

/// A token that was read and not yet believed.
#[derive(Clone)]
pub(crate) struct UnverifiedToken<'a> {
    pub(crate) located: Located<'a>,
    pub(crate) kid: Kid<'a>,
    pub(crate) grant: Grant<'a>,
    /// Who issued it, where it says so.
    #[cfg(feature = "jwt")]
    pub(crate) issuer: Option<Text<'a>>,
    /// What it opens. `None` where the path is not below that.
    pub(crate) opens: Option<Scope<'a>>,
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
            #[cfg(any(feature = "jwt", feature = "timed-hmac"))]
            Kid::Any => None,
            #[cfg(feature = "jwt")]
            Kid::Decoded(id) => Some(id.as_str()),
            Kid::Shown(id) => Some(id),
        }
    }

    /// The scope: only the path itself where that is not below what the token opens.
    pub(crate) fn scope(&self) -> Scope<'a> {
        self.opens.unwrap_or(Scope::exact(self.path, SignedQuery::None))
    }

    /// The query before the token, or all of it where the token is elsewhere, and what follows the token.
    pub(crate) const fn queries(&self) -> [Option<&'a str>; 2] {
        [self.located.query, self.after]
    }

    /// The bytes under the MAC.
    pub(crate) fn input(&self) -> SigningInput<'a> {
        self.located.format.input(self)
    }
}

/// The bytes under the MAC.
#[derive(Clone, Copy)]
pub(crate) struct SigningInput<'a> {
    /// What a token binds by its signature only. `None` where it says by itself what it opens.
    pub(crate) scope: Option<Scope<'a>>,
    /// What follows.
    pub(crate) texts: [&'a str; 4],
}

impl SigningInput<'_> {
    #[inline]
    pub(crate) fn pieces(self, sink: &mut impl FnMut(&str)) {
        if let Some(scope) = self.scope {
            scope.pieces(sink);
        }
        for text in self.texts.into_iter().filter(|text| !text.is_empty()) {
            sink(text);
        }
    }
}

impl fmt::Display for SigningInput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        self.pieces(&mut |piece| result = result.and_then(|()| f.write_str(piece)));
        result
    }
}
