//! Why a request is refused: syntax (public, so detailed), signature (no detail), policy (authenticated facts).
//! Errors of operators and signers are in the modules that raise them.

use core::fmt;

use crate::path::PathError;

/// A field of a token, or a part of the request with its own grammar.
///
/// The order is that of native tokens: `pg`, `exp`, `kid`, the optional fields by name, `sig`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are those of the fields")]
pub enum Field {
    Pg,
    Exp,
    Kid,
    Aud,
    Cc,
    Cl,
    Dir,
    Dl,
    Gen,
    Iat,
    Ip,
    Jti,
    Max,
    Nbf,
    Pre,
    Reval,
    Run,
    Ses,
    Sid,
    Sub,
    Uses,
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
            Self::Cl => "cl",
            Self::Dir => "dir",
            Self::Dl => "dl",
            Self::Gen => "gen",
            Self::Iat => "iat",
            Self::Ip => "ip",
            Self::Jti => "jti",
            Self::Max => "max",
            Self::Nbf => "nbf",
            Self::Pre => "pre",
            Self::Reval => "reval",
            Self::Run => "run",
            Self::Ses => "ses",
            Self::Sid => "sid",
            Self::Sub => "sub",
            Self::Uses => "uses",
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
    /// A character that the field does not allow.
    Character,
    /// No value.
    Empty,
    /// Missing or in the wrong place.
    Missing,
    /// A session opens directories, of 1 to 64 segments, and not the gate's own calls.
    NotADirectory,
    /// It needs `dir`, which the token does not have.
    NeedsDirectory,
    /// It needs `sub`, which the token does not have.
    NeedsSubject,
    /// It needs `jti`, which the token does not have.
    NeedsTokenId,
    #[cfg(feature = "jwt")]
    /// A nested JWT.
    Nested,
    /// A URL with a scheme but no host.
    NoHost,
    /// Not an absolute URL.
    NotAbsolute,
    /// Not a JSON object in printable ASCII.
    NotAnObject,
    /// A non-canonical spelling: a leading zero, a stray bit, a host bit.
    NotCanonical,
    /// Tokens of this format cannot carry it.
    NotInFormat,
    #[cfg(feature = "jwt")]
    /// Not a single JSON object.
    NotJson,
    /// Repeated, or after a field that it must precede.
    OutOfOrder,
    /// A number out of the field's range.
    OutOfRange,
    /// More values than the field allows.
    TooMany,
    /// Longer than the field allows, or not of its fixed length.
    WrongLength,
    #[cfg(feature = "jwt")]
    /// A value of the wrong JSON type.
    WrongType,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Character => "has a character that is not allowed",
            Self::Empty => "is empty",
            Self::Missing => "is missing or in the wrong place",
            Self::NotADirectory => "is not a directory like /videos/42/",
            Self::NeedsDirectory => "needs a directory scope",
            Self::NeedsSubject => "needs the viewer's id, `sub`",
            Self::NeedsTokenId => "needs the token's id, `jti`",
            #[cfg(feature = "jwt")]
            Self::Nested => "contains a token",
            Self::NoHost => "has no host; write https://host/path",
            Self::NotAbsolute => "is not absolute; add https:// and the host",
            Self::NotAnObject => "is not a JSON object in printable ASCII",
            Self::NotCanonical => "is not in canonical form",
            Self::NotInFormat => "is not available in this format; use a native link",
            #[cfg(feature = "jwt")]
            Self::NotJson => "is not a JSON object in UTF-8",
            Self::OutOfOrder => "is repeated or out of order",
            Self::OutOfRange => "is out of range",
            Self::TooMany => "has too many values",
            Self::WrongLength => "has the wrong length",
            #[cfg(feature = "jwt")]
            Self::WrongType => "has the wrong JSON type; times are numbers, ids are text",
        })
    }
}

/// The request or its token violates the grammar. This reveals nothing: no secret was used yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// A field violates its grammar.
    Malformed(Field, Fault),
    #[cfg(feature = "jwt")]
    /// A JWT without a claim that the gate requires.
    MissingClaim(Field),
    /// The path is outside the directory that the token allows.
    OutsideScope,
    /// The path is not canonical.
    PathNotCanonical(PathError),
    /// An unknown field, which may be a restriction.
    UnknownField,
    /// A query parameter that the exact scope does not cover.
    UnsignedParameter,
    #[cfg(feature = "jwt")]
    /// A JWT that does not name HS256: the algorithm belongs to the key (RFC 8725, section 3.1).
    UnsupportedAlgorithm,
    /// A version other than 1.
    UnsupportedVersion,
}

impl ParseError {
    /// The field that the error is about, if any.
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
                f.write_str("the token lacks the claim named in JWT_PATH (--jwt-path)")
            }
            #[cfg(feature = "jwt")]
            Self::MissingClaim(field) => write!(f, "the token has no claim `{}`", field.name()),
            Self::OutsideScope => f.write_str("the path is outside the token's directory"),
            Self::PathNotCanonical(error) => write!(f, "the path {error}"),
            Self::UnknownField => f.write_str("the token has an unknown field"),
            Self::UnsignedParameter => f.write_str("the link has an unsigned query parameter"),
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
    /// It is bound to another format.
    OtherFormat,
    /// It is retired.
    Retired,
    /// It is not in the ring.
    Unknown,
}

impl fmt::Display for UnusableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherFormat => "the key ring has no such key for this format",
            Self::Retired => "the key that signed the token is retired",
            Self::Unknown => "the token's key id is not in the key ring",
        })
    }
}

impl core::error::Error for UnusableKey {}

/// The tag does not match. No details, so that it does not help to forge one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidSignature;

impl fmt::Display for InvalidSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature does not match this request")
    }
}

impl core::error::Error for InvalidSignature {}

/// The token is genuine, but does not allow this request now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// It has expired.
    Expired,
    /// Its expiry or time of signing is more than 100 years ahead, so its times are not in seconds.
    ExpiresTooFar,
    /// It lasts longer than the operator allows.
    LifetimeTooLong,
    /// It is not valid yet.
    NotYetValid,
    /// It is a preview, but this is not a manifest. The manifest contains links to the media.
    OutsidePreview,
    /// It is for another deployment.
    WrongAudience,
    /// It is for other countries, or the client's is unknown.
    WrongCountry,
    #[cfg(feature = "jwt")]
    /// It is from another issuer than the gate requires.
    WrongIssuer,
    /// It is for another network, or the client's address is unknown.
    WrongNetwork,
    /// It is for another [`Purpose`](crate::Purpose): a session link opens no media, and only a session link starts a
    /// session.
    WrongPurpose,
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
            Self::WrongPurpose => "wrong_purpose",
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the link has expired",
            Self::ExpiresTooFar => {
                "a time in the link is more than 100 years ahead; write seconds, not milliseconds"
            }
            Self::LifetimeTooLong => "the link lasts longer than this gate allows",
            Self::NotYetValid => "the link is not valid yet",
            Self::OutsidePreview => "the link is a preview of only what its playlist lists",
            Self::WrongAudience => "the link is for another deployment",
            Self::WrongCountry => "the link is for other countries",
            #[cfg(feature = "jwt")]
            Self::WrongIssuer => "the link is from another issuer",
            Self::WrongNetwork => "the link is for another network",
            Self::WrongPurpose => {
                "the token is for another purpose: only a session link starts a session, and it opens no media"
            }
        })
    }
}

impl core::error::Error for PolicyError {}

/// The token is genuine and allows this request, but the gate's state does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateError {
    /// It was redeemed as often as it may be, and not by this client.
    AlreadyUsed,
    /// Another playback of the same viewer took its place.
    Displaced,
    /// It asks for a state that this gate does not keep.
    Required,
    /// It was revoked.
    Revoked,
    /// The session has ended: a new sign-in starts another.
    SessionEnded,
    /// The viewer has signed out.
    SignedOut,
    /// The viewer has as many playbacks as the token allows.
    TooManyPlaybacks,
    /// The state is unknown at the moment, or older than allowed.
    Unavailable,
    /// There is no token for the reference: it never existed, or it was deleted or has expired.
    UnknownReference,
}

impl StateError {
    const fn code(self) -> &'static str {
        match self {
            Self::AlreadyUsed => "already_used",
            Self::Displaced => "displaced",
            Self::Required => "state_required",
            Self::Revoked => "revoked",
            Self::SessionEnded => "session_ended",
            Self::SignedOut => "signed_out",
            Self::TooManyPlaybacks => "too_many_playbacks",
            Self::Unavailable => "state_unavailable",
            Self::UnknownReference => "unknown_reference",
        }
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyUsed => "the link was used already; ask for a new one",
            Self::Displaced => "the viewer started another playback, which ended this one",
            Self::Required => "the link needs a gate that keeps state, and this gate does not",
            Self::Revoked => "the link was revoked",
            Self::SessionEnded => "the session has ended; sign in again",
            Self::SignedOut => "the viewer has signed out",
            Self::TooManyPlaybacks => {
                "the viewer has as many playbacks as the link allows; end one, or wait 90 seconds"
            }
            Self::Unavailable => "the gate cannot check its state at the moment; try again",
            Self::UnknownReference => "the reference is unknown: it has expired, or it was deleted",
        })
    }
}

impl core::error::Error for StateError {}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Two tokens: it is unclear which one counts.
    Ambiguous,
    /// The key that the token names cannot be used.
    Key(UnusableKey),
    /// No token.
    Missing,
    /// The request or its token violates the grammar.
    Parse(ParseError),
    /// The token is genuine, but does not allow this.
    Policy(PolicyError),
    /// The tag does not match.
    Signature(InvalidSignature),
    /// The gate's state does not allow it.
    State(StateError),
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
            Self::State(error) => error.code(),
        }
    }

    /// The HTTP status (RFC 9110, sections 15.5 and 15.6): 401 if there was no token, 503 if the state is
    /// unavailable, otherwise 403.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Missing => 401,
            Self::State(StateError::Unavailable) => 503,
            _ => 403,
        }
    }

    /// The field that the refusal is about, if any.
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
            // It might be admitted once more is known.
            Self::State(StateError::Unavailable) => 8,
            Self::State(_) => 7,
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
            Self::State(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Refusal {}

impl From<StateError> for Refusal {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn each_state_has_a_reason_a_status_and_a_sentence() {
        for (error, code, status, said) in [
            (
                StateError::AlreadyUsed,
                "already_used",
                403,
                "the link was used already; ask for a new one",
            ),
            (
                StateError::Displaced,
                "displaced",
                403,
                "the viewer started another playback, which ended this one",
            ),
            (
                StateError::Required,
                "state_required",
                403,
                "the link needs a gate that keeps state, and this gate does not",
            ),
            (StateError::Revoked, "revoked", 403, "the link was revoked"),
            (
                StateError::SessionEnded,
                "session_ended",
                403,
                "the session has ended; sign in again",
            ),
            (StateError::SignedOut, "signed_out", 403, "the viewer has signed out"),
            (
                StateError::TooManyPlaybacks,
                "too_many_playbacks",
                403,
                "the viewer has as many playbacks as the link allows; end one, or wait 90 seconds",
            ),
            (
                StateError::Unavailable,
                "state_unavailable",
                503,
                "the gate cannot check its state at the moment; try again",
            ),
            (
                StateError::UnknownReference,
                "unknown_reference",
                403,
                "the reference is unknown: it has expired, or it was deleted",
            ),
        ] {
            let refusal = Refusal::from(error);
            assert_eq!((refusal.code(), refusal.status(), refusal.field()), (code, status, None));
            assert_eq!((error.to_string(), refusal.to_string()), (said.into(), said.into()));
        }
    }

    #[test]
    fn what_a_count_needs_is_named() {
        let said = |field, fault| ParseError::Malformed(field, fault).to_string();
        assert_eq!(said(Field::Max, Fault::NeedsSubject), "`max` needs the viewer's id, `sub`");
        assert_eq!(said(Field::Uses, Fault::NeedsTokenId), "`uses` needs the token's id, `jti`");
    }
}
