//! Why nothing was signed.

use core::fmt;

use crate::error::{Fault, Field, UnusableKey};
use crate::path::PathError;

/// Why nothing was signed, and what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// The URL carries a token.
    AlreadySigned,
    /// The link would end before it begins.
    ExpiresInThePast,
    /// The link would last more than 100 years.
    ExpiresTooFar,
    /// A term has a value that the format cannot carry.
    Field(Field, Fault),
    /// The URL has a fragment, which no server sees.
    Fragment,
    /// The ring cannot sign with that key.
    Key(UnusableKey),
    /// `nbf` is not before `exp`.
    NeverValid,
    /// `dir` is deeper than the path.
    OutsideScope,
    /// The path breaks the canonical form.
    Path(PathError),
    /// The query has a character that browsers encode.
    Query,
    /// Not an absolute http or https URL, nor a path.
    Url,
    /// The link would be longer than the gate reads.
    UrlTooLong,
}

impl SignError {
    /// The field concerned, where the error is of one.
    #[must_use]
    pub const fn field(self) -> Field {
        match self {
            Self::ExpiresInThePast | Self::ExpiresTooFar => Field::Exp,
            Self::Field(field, _) => field,
            Self::Key(_) => Field::Kid,
            Self::NeverValid => Field::Nbf,
            Self::OutsideScope => Field::Dir,
            Self::AlreadySigned
            | Self::Fragment
            | Self::Path(_)
            | Self::Query
            | Self::Url
            | Self::UrlTooLong => Field::Url,
        }
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadySigned => f.write_str("the URL carries a token already; sign it without"),
            Self::ExpiresInThePast => f.write_str("the link would expire before it is signed"),
            Self::ExpiresTooFar => f.write_str(
                "the link would last over 100 years; give the expiry in seconds, not milliseconds",
            ),
            Self::Field(field, fault) => write!(f, "`{}` {fault}", field.name()),
            Self::Fragment => f.write_str("the URL has a #fragment; append it to the signed link"),
            Self::Key(UnusableKey::OtherFormat) => {
                f.write_str("the key ring has no such key for links of this format")
            }
            Self::Key(UnusableKey::Retired) => f.write_str("the key is retired"),
            Self::Key(UnusableKey::Unknown) => f.write_str("the key ring has no key of that id"),
            Self::NeverValid => f.write_str("not-before is not earlier than the expiry"),
            Self::OutsideScope => f.write_str(
                "the path has fewer directories than asked for; what follows its last / is a file",
            ),
            Self::Path(error) => write!(f, "the path {error}"),
            Self::Query => f.write_str(
                "the query has a space, a quote, < or >, or a character outside ASCII; \
                 percent-encode it",
            ),
            Self::Url => f.write_str(
                "not an absolute URL; write it as https://host/path, at most 8192 bytes",
            ),
            Self::UrlTooLong => f.write_str("the link would be longer than 8192 bytes"),
        }
    }
}

impl core::error::Error for SignError {}

impl From<PathError> for SignError {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

impl From<UnusableKey> for SignError {
    fn from(error: UnusableKey) -> Self {
        Self::Key(error)
    }
}
