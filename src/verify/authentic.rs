//! Tokens whose signature fits, whatever they allow.

use core::fmt;

use alloc::string::String;

use super::{Verified, Verifier};
use crate::error::Refusal;
use crate::format::UnverifiedToken;
use crate::grant::Grant;
use crate::request::Request;
use crate::time::UnixTime;

/// A token that a key of the ring has signed. It may have expired, or be for another client: it admits nobody.
#[derive(Clone)]
pub struct Authentic<'a>(Verified<'a>);

impl<'a> Authentic<'a> {
    /// What the token says that it allows.
    #[must_use]
    pub const fn grant(&self) -> &Grant<'a> {
        self.0.grant()
    }

    /// The address of the request with another token. `None` if the token is not in the address.
    #[must_use]
    pub fn address_with(&self, token: &str) -> Option<String> {
        self.0.address_with(token)
    }

    /// Scheme and host of the request.
    #[must_use]
    pub const fn base(&self) -> &'a str {
        self.0.base()
    }
}

impl fmt::Debug for Authentic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authentic(..)")
    }
}

impl Verifier<'_> {
    /// Checks only that the token in an address is well-formed and signed (checks 1 to 4), so that it can be stored, or
    /// its playback be ended. Never serve anything on its word: that is what [`Verifier::verify`] is for.
    ///
    /// # Errors
    /// The [`Refusal`] of the first check that fails.
    pub fn authenticate<'r>(
        &'r self,
        request: &Request<'r>,
        now: UnixTime,
    ) -> Result<Authentic<'r>, Refusal> {
        let mut token = UnverifiedToken::unread(self.rules.locate(request)?);
        let key = self.check_origin(&mut token, now)?;
        Ok(Authentic(Verified { token, key }))
    }

    /// The token of an authentic request with its name, as in a path. `None` if this verifier does not read its format.
    #[must_use]
    pub fn named_authentic(&self, token: &Authentic<'_>) -> Option<String> {
        self.named_token(&token.0)
    }
}
