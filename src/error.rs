//! Why a request is refused: syntax (public, in detail), signature (mute), policy (facts that were
//! authenticated first). Errors of operators and signers are in the modules that raise them.

use core::fmt;

use crate::path::PathError;

/// A field of a token, or a part of the request that has a grammar of its own.
///
/// The order is that of the native token: `pg`, `exp`, `kid`, the optional fields by name, `sig`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is the name of what it stands for")]
pub enum Field {
    Pg,
    Exp,
    Kid,
    Aud,
    Cc,
    Dir,
    Dl,
    Iat,
    Ip,
    Jti,
    Nbf,
    Pre,
    Run,
    Sid,
    Sub,
    Sig,
    Token,
    Url,
    #[cfg(feature = "jwt")]
    Header,
    #[cfg(feature = "jwt")]
    Payload,
    #[cfg(feature = "jwt")]
    Iss,
    #[cfg(feature = "jwt")]
    /// The claim of a JWT that the gate's template names.
    Claim,
}

impl Field {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pg => "pg",
            Self::Exp => "exp",
            Self::Kid => "kid",
            Self::Aud => "aud",
            Self::Cc => "cc",
            Self::Dir => "dir",
            Self::Dl => "dl",
            Self::Iat => "iat",
            Self::Ip => "ip",
            Self::Jti => "jti",
            Self::Nbf => "nbf",
            Self::Pre => "pre",
            Self::Run => "run",
            Self::Sid => "sid",
            Self::Sub => "sub",
            Self::Sig => "sig",
            Self::Token => "token",
            Self::Url => "url",
            #[cfg(feature = "jwt")]
            Self::Header => "header",
            #[cfg(feature = "jwt")]
            Self::Payload => "payload",
            #[cfg(feature = "jwt")]
            Self::Iss => "iss",
            #[cfg(feature = "jwt")]
            Self::Claim => "claim",
        }
    }
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A character that the field does not have.
    Character,
    /// No value.
    Empty,
    /// Missing, or in the wrong place.
    Missing,
    /// It needs `dir`, which the token does not have.
    NeedsDirectory,
    #[cfg(feature = "jwt")]
    /// A JWT in a JWT.
    Nested,
    /// A URL with a scheme and no host.
    NoHost,
    /// Not an absolute URL.
    NotAbsolute,
    /// A second spelling of a value that has one: a leading zero, a stray bit, a host bit.
    NotCanonical,
    /// A token of this format does not say it.
    NotInFormat,
    #[cfg(feature = "jwt")]
    /// Not one JSON object.
    NotJson,
    /// It is repeated, or comes after a field that it has to precede.
    OutOfOrder,
    /// A number outside the field's range.
    OutOfRange,
    /// More values than the field may have.
    TooMany,
    /// Longer than the field may be, or not of its one length.
    WrongLength,
    #[cfg(feature = "jwt")]
    /// A value of another JSON type than the field has.
    WrongType,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Character => "has a character that is not allowed",
            Self::Empty => "is empty",
            Self::Missing => "is missing or in the wrong place",
            Self::NeedsDirectory => "needs a directory scope",
            #[cfg(feature = "jwt")]
            Self::Nested => "holds another token",
            Self::NoHost => "has no host; write it as https://host/path",
            Self::NotAbsolute => "is not absolute; write it with https:// and the host",
            Self::NotCanonical => "is not in its one canonical spelling",
            Self::NotInFormat => "is not available in this format; use a native link",
            #[cfg(feature = "jwt")]
            Self::NotJson => "is not one JSON object in UTF-8",
            Self::OutOfOrder => "is repeated or out of order",
            Self::OutOfRange => "is out of range",
            Self::TooMany => "has more values than the four it may have",
            Self::WrongLength => "has the wrong length",
            #[cfg(feature = "jwt")]
            Self::WrongType => "is of the wrong JSON type; a time is a number, an id is text",
        })
    }
}

/// The request or its token breaks the grammar. All of it is public: nothing secret was touched yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// A field breaks its grammar.
    Malformed(Field, Fault),
    #[cfg(feature = "jwt")]
    /// A JWT without a claim that the gate asks for.
    MissingClaim(Field),
    /// The path is not below the directory that the token opens.
    OutsideScope,
    /// The path breaks the canonical form.
    PathNotCanonical(PathError),
    /// A field that the gate does not know; it may be a restriction.
    UnknownField,
    /// A query parameter that the exact scope does not cover.
    UnsignedParameter,
    #[cfg(feature = "jwt")]
    /// A JWT that does not say HS256: the algorithm belongs to the key (RFC 8725, section 3.1).
    UnsupportedAlgorithm,
    /// A version other than 1.
    UnsupportedVersion,
}

impl ParseError {
    /// The field concerned, where it is one.
    #[must_use]
    pub const fn field(self) -> Option<Field> {
        match self {
            Self::Malformed(field, _) => Some(field),
            #[cfg(feature = "jwt")]
            Self::MissingClaim(field) => Some(field),
            _ => None,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Malformed(..) => "malformed",
            #[cfg(feature = "jwt")]
            Self::MissingClaim(_) => "missing_claim",
            Self::OutsideScope => "outside_scope",
            Self::PathNotCanonical(_) => "path_not_canonical",
            Self::UnknownField => "unknown_field",
            Self::UnsignedParameter => "unsigned_parameter",
            #[cfg(feature = "jwt")]
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::UnsupportedVersion => "unsupported_version",
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(Field::Url, Fault::WrongLength) => {
                f.write_str("the link has more than the 8192 bytes that a gate reads")
            }
            Self::Malformed(field, fault) => write!(f, "`{}` {fault}", field.name()),
            #[cfg(feature = "jwt")]
            Self::MissingClaim(Field::Claim) => {
                f.write_str("the token lacks the claim that JWT_PATH (--jwt-path) names")
            }
            #[cfg(feature = "jwt")]
            Self::MissingClaim(field) => write!(f, "the token has no claim `{}`", field.name()),
            Self::OutsideScope => f.write_str("the path is not below the directory of the token"),
            Self::PathNotCanonical(error) => write!(f, "the path {error}"),
            Self::UnknownField => f.write_str("the token has a field that the gate does not know"),
            Self::UnsignedParameter => {
                f.write_str("the link has a query parameter that is not signed")
            }
            #[cfg(feature = "jwt")]
            Self::UnsupportedAlgorithm => f.write_str("the token's `alg` is not HS256"),
            Self::UnsupportedVersion => f.write_str("the token's version is not 1"),
        }
    }
}

impl core::error::Error for ParseError {}

/// The key that the token names cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnusableKey {
    /// The ring has it, for tokens of another format.
    OtherFormat,
    /// The ring has it, and retired it.
    Retired,
    /// The ring does not have it.
    Unknown,
}

impl fmt::Display for UnusableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherFormat => "the key ring has no such key for tokens of this format",
            Self::Retired => "the key that signed the token is retired",
            Self::Unknown => "the key ring has no key of the token's key id",
        })
    }
}

impl core::error::Error for UnusableKey {}

/// The tag does not fit. It says no more, so that it helps nobody who searches for one that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidSignature;

impl fmt::Display for InvalidSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature does not fit this request")
    }
}

impl core::error::Error for InvalidSignature {}

/// The token is genuine, and does not allow this request now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// Its time is over.
    Expired,
    /// It would last more than 100 years, or was signed so far ahead: its times are not in seconds.
    ExpiresTooFar,
    /// It lasts longer than the operator's cap.
    LifetimeTooLong,
    /// Its time has not come.
    NotYetValid,
    /// It is a preview, and this is no manifest: media has a link of its own in there.
    OutsidePreview,
    /// It is for another deployment.
    WrongAudience,
    /// It is for other countries, or the client's is not known.
    WrongCountry,
    #[cfg(feature = "jwt")]
    /// Another issued it than the gate asks for.
    WrongIssuer,
    /// It is for another network, or the client's address is not known.
    WrongNetwork,
}

impl PolicyError {
    const fn code(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::ExpiresTooFar => "expires_too_far",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::NotYetValid => "not_yet_valid",
            Self::OutsidePreview => "outside_preview",
            Self::WrongAudience => "wrong_audience",
            Self::WrongCountry => "wrong_country",
            #[cfg(feature = "jwt")]
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongNetwork => "wrong_network",
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the link has expired",
            Self::ExpiresTooFar => {
                "a time in the link is more than 100 years ahead; write it in seconds, not in milliseconds or \
                 smaller units"
            }
            Self::LifetimeTooLong => "the link lasts longer than this gate allows",
            Self::NotYetValid => "the link is not valid yet",
            Self::OutsidePreview => {
                "the link is a preview, which opens only what its playlist lists"
            }
            Self::WrongAudience => "the link is for another deployment",
            Self::WrongCountry => "the link is for other countries",
            #[cfg(feature = "jwt")]
            Self::WrongIssuer => "the link is of another issuer",
            Self::WrongNetwork => "the link is for another network",
        })
    }
}

impl core::error::Error for PolicyError {}

/// Why a request is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Two tokens, and no way to tell which is meant.
    Ambiguous,
    /// The key that the token names cannot be used.
    Key(UnusableKey),
    /// No token.
    Missing,
    /// The request or its token breaks the grammar.
    Parse(ParseError),
    /// The token is genuine, and does not allow this.
    Policy(PolicyError),
    /// The tag does not fit.
    Signature(InvalidSignature),
}

impl Refusal {
    /// The stable reason, as in the response header `Playgate-Reason`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ambiguous => "ambiguous",
            Self::Key(UnusableKey::Retired) => "retired_key",
            Self::Key(UnusableKey::OtherFormat | UnusableKey::Unknown) => "unknown_key",
            Self::Missing => "missing",
            Self::Parse(error) => error.code(),
            Self::Policy(error) => error.code(),
            Self::Signature(_) => "bad_signature",
        }
    }

    /// The HTTP status of the answer (RFC 9110, section 15.5): 401 where nothing was shown, else 403.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Missing => 401,
            _ => 403,
        }
    }

    /// The field concerned, where the grammar names one.
    #[must_use]
    pub const fn field(self) -> Option<Field> {
        match self {
            Self::Parse(error) => error.field(),
            _ => None,
        }
    }

    /// The number of the check that failed, in the order of [`Verifier`](crate::Verifier).
    pub(crate) const fn check(self) -> u8 {
        match self {
            Self::Ambiguous | Self::Missing => 1,
            Self::Parse(_) => 2,
            Self::Key(_) => 3,
            Self::Signature(_) => 4,
            Self::Policy(error) => match error {
                PolicyError::Expired
                | PolicyError::ExpiresTooFar
                | PolicyError::LifetimeTooLong
                | PolicyError::NotYetValid => 5,
                _ => 6,
            },
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ambiguous => f.write_str("the request carries two tokens"),
            Self::Key(error) => error.fmt(f),
            Self::Missing => f.write_str("the request carries no token"),
            Self::Parse(error) => error.fmt(f),
            Self::Policy(error) => error.fmt(f),
            Self::Signature(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Refusal {}

impl From<InvalidSignature> for Refusal {
    fn from(error: InvalidSignature) -> Self {
        Self::Signature(error)
    }
}

impl From<ParseError> for Refusal {
    fn from(error: ParseError) -> Self {
        Self::Parse(error)
    }
}

impl From<PathError> for Refusal {
    fn from(error: PathError) -> Self {
        Self::Parse(ParseError::PathNotCanonical(error))
    }
}

impl From<PolicyError> for Refusal {
    fn from(error: PolicyError) -> Self {
        Self::Policy(error)
    }
}

impl From<UnusableKey> for Refusal {
    fn from(error: UnusableKey) -> Self {
        Self::Key(error)
    }
}
