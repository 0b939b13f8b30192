//! The errors of signing.

use core::fmt;

use super::countries::{instead, is_country};
use crate::error::{Fault, Field, UnusableKey};
use crate::path::PathError;
use crate::request::Request;

/// Why a link cannot be signed, and what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// The URL already has a token.
    AlreadySigned,
    /// The link would expire before it is signed.
    ExpiresInThePast,
    /// The link would last more than 100 years.
    ExpiresTooFar,
    /// An option has a value that the format cannot carry.
    Field(Field, Fault),
    /// The URL has a `#`: a fragment, which no server sees, or part of an unencoded name.
    Fragment,
    /// The ring cannot sign with this key.
    Key(UnusableKey),
    /// `nbf` is not before `exp`.
    NeverValid,
    /// A manifest outside any directory, or more than 64 deep: its link allows its directory, unless the scope is
    /// exact.
    NoDirectory,
    /// `dir` is deeper than the path.
    OutsideScope,
    /// The path is not canonical.
    Path(PathError),
    /// The query has a character that browsers encode.
    Query,
    /// Two letters that are not a country of ISO 3166-1.
    UnknownCountry([u8; 2]),
    /// After rounding, the expiry is more than 100 years ahead.
    RoundedTooFar,
    /// Neither an absolute HTTP or HTTPS URL nor a path.
    Url,
    /// The URL has a scheme but no host.
    UrlWithoutHost,
    /// The link would have at least this many bytes, which is more than a gate reads.
    UrlTooLong(usize),
}

impl SignError {
    /// The field that the error is about, if any.
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
            Self::AlreadySigned => f.write_str("the URL already has a token; sign it without"),
            Self::ExpiresInThePast => f.write_str("the link would expire before it is signed"),
            Self::ExpiresTooFar => f.write_str(
                "the link would last over 100 years; give the expiry in seconds, not milliseconds",
            ),
            Self::Field(field, _) => write!(f, "`{}` {}", field.name(), Advice(*self)),
            Self::UnknownCountry(_) => Advice(*self).fmt(f),
            Self::Fragment => f.write_str(
                "the URL has a #; write %23 in a name, and append a #fragment to the signed link",
            ),
            Self::Key(UnusableKey::OtherFormat) => {
                f.write_str("the key ring has no such key for this format")
            }
            Self::Key(UnusableKey::Retired) => f.write_str("the key is retired"),
            Self::Key(UnusableKey::Unknown) => f.write_str("the key id is not in the key ring"),
            Self::NeverValid => f.write_str("not-before is not earlier than the expiry"),
            Self::NoDirectory => f.write_str(
                "the playlist has no directory, or more than 64; move it, or sign it as exact",
            ),
            Self::OutsideScope => {
                f.write_str("the path has too few directories; the text after its last / is a file")
            }
            Self::Path(error) => write!(f, "the path {error}"),
            Self::Query => f.write_str(
                "the query has a space, a quote, < or >, or a non-ASCII character; \
                 percent-encode it",
            ),
            Self::RoundedTooFar => {
                f.write_str("after rounding, the link would last over 100 years; round less")
            }
            Self::Url => f.write_str("not an absolute URL; write https://host/path"),
            Self::UrlTooLong(len) => {
                let most = Request::MAX_URL_LEN;
                write!(
                    f,
                    "the link would have at least {len} bytes, but a gate reads at most {most}"
                )
            }
            Self::UrlWithoutHost => f.write_str("the URL has no host; write https://host/path"),
        }
    }
}

impl core::error::Error for SignError {}

/// What is wrong with the value of an option and what to write instead, without the name of the option.
#[derive(Clone, Copy, Debug)]
pub struct Advice(pub SignError);

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SignError::Field(Field::Aud, Fault::Character) => {
                f.write_str("has a character other than A-Z a-z 0-9 - _ .")
            }
            SignError::Field(Field::Cc, Fault::Character | Fault::Empty | Fault::WrongLength) => {
                f.write_str("is not a list of two-letter countries, like PT and ES")
            }
            SignError::Field(Field::Jti | Field::Sid | Field::Sub, Fault::Character) => f.write_str(
                "has a character other than A-Z a-z 0-9 - _; write the base64url of the id or its hash",
            ),
            SignError::Field(
                Field::Aud | Field::Jti | Field::Sid | Field::Sub,
                Fault::WrongLength,
            ) => f.write_str("is longer than 64 characters; write the base64url of its hash"),
            SignError::Field(Field::Ip, Fault::TooMany) => {
                f.write_str("has too many values; at most four are possible")
            }
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
