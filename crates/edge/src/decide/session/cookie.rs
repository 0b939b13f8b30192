//! Refresh tokens, and the cookie that they are in.

use playgate::{Refusal, Request, SESSION_PATH, StateError, UnixTime, Verified, Verifier};

use super::{SessionCall, Stop};

/// The name of the cookie. Browsers take it only over an encrypted connection (RFC 6265bis, section 4.1.3.1). `__Host-`
/// would send it to every path.
const NAME: &str = "__Secure-playgate-session";

/// The most cookies of this name that are looked at: any site of the domain may set some.
const MAX_COOKIES: usize = 16;

/// The value of `Set-Cookie` for a refresh token that lasts so many seconds.
pub(super) fn with(token: &str, secs: u64) -> String {
    format!(
        "{NAME}={token}; Path={SESSION_PATH}; Max-Age={secs}; Secure; HttpOnly; SameSite=Strict"
    )
}

/// What a refresh token says.
pub(super) struct RefreshToken {
    pub(super) sub: String,
    pub(super) sid: String,
    pub(super) generation: u32,
}

impl RefreshToken {
    fn of(verified: &Verified<'_>) -> Option<Self> {
        let grant = verified.grant();
        Some(Self {
            sub: grant.subject()?.as_str().into(),
            sid: grant.session()?.as_str().into(),
            generation: grant.generation()?,
        })
    }

    pub(super) fn is_of_same_session(&self, other: &Self) -> bool {
        (&self.sub, &self.sid) == (&other.sub, &other.sid)
    }
}

impl SessionCall<'_> {
    /// The good refresh tokens in the cookies. If there is none, the refusal of the last one.
    pub(super) fn refresh_tokens(
        &self,
        verifier: &Verifier<'_>,
    ) -> Result<Vec<RefreshToken>, Stop> {
        let now = UnixTime::from_secs(self.at.secs);
        let pairs = self.parts.cookie.unwrap_or_default().split(';').map(str::trim);
        let values = pairs.filter_map(|pair| pair.strip_prefix(NAME)?.strip_prefix('='));
        let (mut good, mut refused) = (Vec::new(), Refusal::Missing);
        for value in values.filter(|value| !value.is_empty()).take(MAX_COOKIES) {
            let url = [SESSION_PATH, "?", value].concat();
            match verifier.verify(&Request::new(&url), now) {
                Ok(verified) => good.extend(RefreshToken::of(&verified)),
                // This may be the good one.
                Err(refusal) if refusal == StateError::Unavailable.into() => {
                    return Err(self.stop(refusal));
                }
                Err(refusal) => refused = refusal,
            }
        }
        if good.is_empty() { Err(refused.into()) } else { Ok(good) }
    }
}
