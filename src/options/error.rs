//! Why nothing was signed.

use core::fmt;

use super::countries::{instead, is_country};
use crate::error::{Fault, Field, UnusableKey};
use crate::path::PathError;
use crate::request::Request;

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
    /// The URL has a `#`: a fragment, which no server sees, or a name that is not encoded.
    Fragment,
    /// The ring cannot sign with that key.
    Key(UnusableKey),
    /// `nbf` is not before `exp`.
    NeverValid,
    /// A manifest that is in no directory, or more than 64 deep: a link to one opens its directory, unless it is
    /// asked to be exact.
    NoDirectory,
    /// `dir` is deeper than the path.
    OutsideScope,
    /// The path breaks the canonical form.
    Path(PathError),
    /// The query has a character that browsers encode.
    Query,
    /// Two letters that are no country of ISO 3166-1.
    UnknownCountry([u8; 2]),
    /// The expiry was rounded up to more than 100 years ahead.
    RoundedTooFar,
    /// Not an absolute http or https URL, nor a path.
    Url,
    /// The URL has a scheme and no host.
    UrlWithoutHost,
    /// The link would be longer than the gate reads: it would have at least so many bytes.
    UrlTooLong(usize),
}

impl SignError {
    /// The field concerned, where the error is of one.
    #[must_use]
    pub const fn field(self) -> Field {
        match self {
            Self::ExpiresInThePast | Self::ExpiresTooFar | Self::RoundedTooFar => Field::Exp,
            Self::Field(field, _) => field,
            Self::Key(_) => Field::Kid,
            Self::NeverValid => Field::Nbf,
            Self::OutsideScope => Field::Dir,
            Self::UnknownCountry(_) => Field::Cc,
            Self::AlreadySigned
            | Self::Fragment
            | Self::NoDirectory
            | Self::Path(_)
            | Self::Query
            | Self::Url
            | Self::UrlTooLong(_)
            | Self::UrlWithoutHost => Field::Url,
        }
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadySigned => f.write_str("the URL carries a token already; sign it without"),
            Self::ExpiresInThePast => f.write_str("the link would expire before it is signed"),
            Self::ExpiresTooFar => f.write_str(
                "the link would last over 100 years; give the expiry in seconds, not in milliseconds or smaller \
                 units",
            ),
            Self::Field(field, _) => write!(f, "`{}` {}", field.name(), Advice(*self)),
            Self::UnknownCountry(_) => Advice(*self).fmt(f),
            Self::Fragment => f.write_str(
                "the URL has a #; write %23 if it is part of a name, and append a #fragment to the signed \
                 link",
            ),
            Self::Key(UnusableKey::OtherFormat) => {
                f.write_str("the key ring has no such key for links of this format")
            }
            Self::Key(UnusableKey::Retired) => f.write_str("the key is retired"),
            Self::Key(UnusableKey::Unknown) => f.write_str("the key ring has no key of that id"),
            Self::NeverValid => f.write_str("not-before is not earlier than the expiry"),
            Self::NoDirectory => f.write_str(
                "the playlist is in no directory, or more than 64 deep; move it, or sign it as exact",
            ),
            Self::OutsideScope => f.write_str(
                "the path has fewer directories than asked for; what follows its last / is a file",
            ),
            Self::Path(error) => write!(f, "the path {error}"),
            Self::Query => f.write_str(
                "the query has a space, a quote, < or >, or a character outside ASCII; \
                 percent-encode it",
            ),
            Self::RoundedTooFar => {
                f.write_str("rounded up so far the link would last over 100 years; round to less")
            }
            Self::Url => f.write_str("not an absolute URL; write it as https://host/path"),
            Self::UrlTooLong(len) => {
                let most = Request::MAX_URL_LEN;
                write!(f, "the link would have at least {len} bytes, and a gate reads {most} at most")
            }
            Self::UrlWithoutHost => {
                f.write_str("the URL has no host; write it as https://host/path")
            }
        }
    }
}

impl core::error::Error for SignError {}

/// What is wrong with the value of a term, without the name of the term, and what to write instead.
#[derive(Clone, Copy, Debug)]
pub struct Advice(pub SignError);

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SignError::Field(Field::Aud, Fault::Character) => {
                f.write_str("has a character other than A-Z a-z 0-9 - _ .")
            }
            SignError::Field(Field::Cc, Fault::Character | Fault::Empty | Fault::WrongLength) => {
                f.write_str("is not a list of countries in two letters, like PT and ES")
            }
            SignError::Field(Field::Jti | Field::Sid | Field::Sub, Fault::Character) => f.write_str(
                "has a character other than A-Z a-z 0-9 - _; write the base64url of the id, or of a hash \
                 of it",
            ),
            SignError::Field(
                Field::Aud | Field::Jti | Field::Sid | Field::Sub,
                Fault::WrongLength,
            ) => f.write_str("is longer than 64 characters; write the base64url of a hash of it"),
            SignError::Field(_, fault) => fault.fmt(f),
            SignError::UnknownCountry(code) => {
                let shown = core::str::from_utf8(&code).unwrap_or_default();
                let upper = code.map(|letter| letter.to_ascii_uppercase());
                let upper_shown = core::str::from_utf8(&upper).unwrap_or_default();
                write!(f, "`{shown}` is not an ISO 3166-1 country code")?;
                match instead(upper) {
                    Some(instead) => write!(f, "; {instead}"),
                    None if code != upper && is_country(upper) => {
                        write!(f, "; write {upper_shown}")
                    }
                    None => Ok(()),
                }
            }
            other => other.fmt(f),
        }
    }
}

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
