//! A token between request and verdict.

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

/// A token that was found but not yet parsed.
#[derive(Clone, Copy)]
pub(crate) struct Located<'a> {
    pub(crate) format: &'a dyn Format,
    pub(crate) placement: Placement,
    /// The text from the start of the token. In a query more may follow; only the format knows where the
    /// token ends.
    pub(crate) text: &'a str,
    /// Scheme and authority of the URL.
    pub(crate) base: &'a str,
    /// The path without the token.
    pub(crate) path: &'a str,
    /// The query before a token in it, or the whole query if the token is elsewhere.
    pub(crate) query: Option<&'a str>,
}

/// The key that a token claims to be signed with.
#[derive(Clone, Copy)]
pub(crate) enum Kid<'a> {
    /// Any key of the ring may have signed it.
    #[cfg(any(feature = "jwt", feature = "timed-hmac"))]
    Any,
    #[cfg(feature = "jwt")]
    Decoded(KeyId),
    Shown(&'a str),
}

/// A token that was parsed but not yet verified.
#[derive(Clone)]
pub(crate) struct UnverifiedToken<'a> {
    pub(crate) located: Located<'a>,
    pub(crate) kid: Kid<'a>,
    pub(crate) grant: Grant<'a>,
    /// The issuer, if the token names one.
    #[cfg(feature = "jwt")]
    pub(crate) issuer: Option<Text<'a>>,
    /// The scope. `None` if the path is outside it.
    pub(crate) opens: Option<Scope<'a>>,
    /// The token up to its signature.
    pub(crate) signed: &'a str,
    pub(crate) tag: EncodedTag<'a>,
    pub(crate) path: CanonicalPath<'a>,
    /// The text after the token in the query.
    pub(crate) after: Option<&'a str>,
}

#[cfg(feature = "alloc")]
impl<'a> Located<'a> {
    /// The reference that it is, if it is one.
    pub(crate) fn reference(&self) -> Option<(Placement, &'a str)> {
        let reference = super::native::reference(self.text)?;
        Some((self.placement, reference))
    }
}

impl<'a> UnverifiedToken<'a> {
    /// A token that its format has not parsed yet.
    pub(crate) const fn unread(located: Located<'a>) -> Self {
        Self {
            located,
            kid: Kid::Shown(""),
            grant: Grant::UNREAD,
            #[cfg(feature = "jwt")]
            issuer: None,
            opens: None,
            signed: "",
            tag: EncodedTag::UNREAD,
            path: CanonicalPath::UNREAD,
            after: None,
        }
    }

    /// Whether its format has parsed it.
    pub(crate) const fn is_read(&self) -> bool {
        !self.signed.is_empty()
    }

    /// Checks its tag against a key in constant time.
    pub(crate) fn verify(&self, key: &MacKey) -> Result<(), InvalidSignature> {
        let mut mac = key.start();
        self.input().pieces(&mut |piece| mac.update(piece));
        mac.verify(&self.tag)
    }

    /// The key id in the token.
    pub(crate) fn kid(&self) -> Option<&str> {
        match &self.kid {
            #[cfg(any(feature = "jwt", feature = "timed-hmac"))]
            Kid::Any => None,
            #[cfg(feature = "jwt")]
            Kid::Decoded(id) => Some(id.as_str()),
            Kid::Shown(id) => Some(id),
        }
    }

    /// The scope; only the path itself if that is outside the token's scope.
    pub(crate) fn scope(&self) -> Scope<'a> {
        self.opens.unwrap_or(Scope::exact(self.path, SignedQuery::None))
    }

    /// The query before the token, or the whole query if the token is elsewhere, and the text after the token.
    pub(crate) const fn queries(&self) -> [Option<&'a str>; 2] {
        [self.located.query, self.after]
    }

    /// The signing input.
    pub(crate) fn input(&self) -> SigningInput<'a> {
        self.located.format.input(self)
    }
}

/// A signing input: the bytes under the MAC.
#[derive(Clone, Copy)]
pub(crate) struct SigningInput<'a> {
    /// The scope, if only the signature binds it. `None` if the token itself names its scope.
    pub(crate) scope: Option<Scope<'a>>,
    /// The texts after the scope.
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
