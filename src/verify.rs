//! The decision: numbered checks, each with its reasons.

mod unsigned;
mod verified;

use crate::error::{InvalidSignature, PolicyError, Refusal};
#[cfg(feature = "jwt")]
use crate::format::jwt::JwtRules;
use crate::format::{Rules, UnverifiedToken};
use crate::grant::Grant;
use crate::key::{Candidates, Entry, KeyRing};
use crate::query::ParamNames;
use crate::request::Request;
use crate::time::UnixTime;

pub use self::verified::Verified;

/// Admits requests by the tokens they carry. It reads no clock, and allocates nothing for native tokens.
///
/// 1. placement: one token - `ambiguous`, `missing`
/// 2. grammar and limits - `malformed`, `missing_claim`, `outside_scope`, `path_not_canonical`,
///    `unknown_field`, `unsigned_parameter`, `unsupported_algorithm`, `unsupported_version`
/// 3. key - `retired_key`, `unknown_key`
/// 4. tag, in constant time - `bad_signature`, or `unsigned_parameter` where it fits the query without what
///    was added at its end; nothing that the token says is believed before this
/// 5. times - `not_yet_valid`, `expired`, `lifetime_too_long`
/// 6. bindings - `wrong_audience`, `wrong_issuer`, `wrong_network`, `wrong_country`, `outside_preview`
///
/// ```
/// use playgate::{KeyRing, Request, UnixTime, Verifier};
/// # let ring = KeyRing::parse("main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
/// let request = Request::new("https://cdn.example.com/videos/42/film.mp4");
/// let refusal = Verifier::new(&ring).verify(&request, UnixTime::from_secs(0)).unwrap_err();
/// assert_eq!((refusal.code(), refusal.status()), ("missing", 401));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Verifier<'a> {
    pub(crate) ring: &'a KeyRing,
    pub(crate) rules: Rules<'a>,
    leeway: u64,
    pub(crate) max_lifetime: Option<u64>,
}

impl<'a> Verifier<'a> {
    /// A gate with these keys, for native tokens: no audience, no leeway, no cap on lifetimes.
    #[must_use]
    pub const fn new(ring: &'a KeyRing) -> Self {
        Self { ring, rules: Rules::NATIVE, leeway: 0, max_lifetime: None }
    }

    /// Whether native tokens are read; so it is where nothing else is said.
    #[must_use]
    pub const fn native(mut self, read: bool) -> Self {
        self.rules.native = read;
        self
    }

    /// Reads JWTs as well, by these rules.
    #[cfg(feature = "jwt")]
    #[must_use]
    pub const fn jwt(mut self, rules: Option<&'a JwtRules>) -> Self {
        self.rules.jwt = rules;
        self
    }

    /// The name of this deployment: tokens have to carry it.
    #[must_use]
    pub const fn audience(mut self, name: Option<&'a str>) -> Self {
        self.rules.audience = name;
        self
    }

    /// Seconds by which clocks may differ, at both ends of a token's time.
    #[must_use]
    pub const fn leeway(mut self, secs: u64) -> Self {
        self.leeway = secs;
        self
    }

    /// The most seconds that a token may still last.
    #[must_use]
    pub const fn max_lifetime(mut self, secs: Option<u64>) -> Self {
        self.max_lifetime = secs;
        self
    }

    /// Query parameters that may stand beside a token of exact scope unsigned, in addition to
    /// [`PLAYER_PARAMS`](crate::PLAYER_PARAMS).
    #[must_use]
    pub const fn unsigned_params(mut self, names: ParamNames<'a>) -> Self {
        self.rules.unsigned_params = names;
        self
    }

    /// Decides on one request.
    ///
    /// # Errors
    /// The [`Refusal`] of the first check that fails.
    pub fn verify<'r>(&self, request: &Request<'r>, now: UnixTime) -> Result<Verified<'r>, Refusal>
    where
        'a: 'r,
    {
        if cfg!(not(target_arch = "wasm32")) && self.rules.are_native() {
            self.verify_native(request, now)
        } else {
            self.verify_any(request, now)
        }
    }

    /// All that it calls is inlined into it, which takes a fifth off its time, and what other formats take is
    /// kept out, which takes a quarter; but not in WebAssembly, where size counts for more.
    #[inline(never)]
    fn verify_native<'r>(
        &self,
        request: &Request<'r>,
        now: UnixTime,
    ) -> Result<Verified<'r>, Refusal>
    where
        'a: 'r,
    {
        // 1 and 2
        let token = self.rules.read_native(request)?;
        self.decide(token, request, now)
    }

    #[inline(never)]
    fn verify_any<'r>(&self, request: &Request<'r>, now: UnixTime) -> Result<Verified<'r>, Refusal>
    where
        'a: 'r,
    {
        // 1
        let located = self.rules.locate(request)?;
        // 2
        let token = self.rules.read(&located)?;
        self.decide(token, request, now)
    }

    /// Checks 3 to 6.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn decide<'r>(
        &self,
        token: UnverifiedToken<'r>,
        request: &Request<'r>,
        now: UnixTime,
    ) -> Result<Verified<'r>, Refusal>
    where
        'a: 'r,
    {
        token.check_scope()?;
        // 3
        let keys = self.ring.candidates(token.kid(), now)?;
        // 4
        let key = self.check_signature(&token, keys)?;
        // 5
        self.check_times(&token.grant, now)?;
        // 6
        self.check_bindings(&token, request)?;
        Ok(Verified { token, kid: &key.id })
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn check_times(&self, grant: &Grant<'_>, now: UnixTime) -> Result<(), PolicyError> {
        let expires = grant.expires();
        if grant.not_before().is_some_and(|start| now.saturating_add(self.leeway) < start) {
            Err(PolicyError::NotYetValid)
        } else if now >= expires.saturating_add(self.leeway) {
            Err(PolicyError::Expired)
        } else if self.max_lifetime.is_some_and(|most| expires.secs_since(now) > most) {
            Err(PolicyError::LifetimeTooLong)
        } else {
            Ok(())
        }
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn check_bindings(
        &self,
        token: &UnverifiedToken<'_>,
        request: &Request<'_>,
    ) -> Result<(), PolicyError> {
        let grant = &token.grant;
        // Both ways: a gate with a name wants it in every token, and a token with a name is for that
        // gate alone.
        // An empty name is none that a token could carry.
        if grant.audience() != self.rules.audience || self.rules.audience == Some("") {
            return Err(PolicyError::WrongAudience);
        }
        #[cfg(feature = "jwt")]
        if token.foreign_issuer {
            return Err(PolicyError::WrongIssuer);
        }
        if let Some(network) = grant.network
            && !request.client_ip.is_some_and(|client| network.contains(client))
        {
            return Err(PolicyError::WrongNetwork);
        }
        if let Some(countries) = grant.countries
            && !request.client_country.is_some_and(|country| countries.contains(country))
        {
            return Err(PolicyError::WrongCountry);
        }
        // A preview opens manifests alone: the gate cuts these, and signs what is left in them one by one.
        if grant.preview.is_some() && !token.path.is_manifest() {
            return Err(PolicyError::OutsidePreview);
        }
        Ok(())
    }
}

#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(crate) fn check_tag<'k>(
    token: &UnverifiedToken<'_>,
    keys: Candidates<'k>,
) -> Result<&'k Entry, InvalidSignature> {
    match keys {
        #[cfg(feature = "jwt")]
        Candidates::Any(ring, now) => find_key(token, ring, now),
        Candidates::Named(entry) => {
            token.hash(entry.key.mac()).verify(token.tag)?;
            Ok(entry)
        }
    }
}

/// The first key that fits a token which names none.
#[cfg(feature = "jwt")]
#[inline(never)]
fn find_key<'k>(
    token: &UnverifiedToken<'_>,
    ring: &'k KeyRing,
    now: UnixTime,
) -> Result<&'k Entry, InvalidSignature> {
    let fits = |entry: &&Entry| token.hash(entry.key.mac()).verify(token.tag).is_ok();
    ring.entries().filter(|entry| !entry.is_retired(now)).find(fits).ok_or(InvalidSignature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Signer;

    #[test]
    fn a_gate_that_reads_no_format_admits_nothing() {
        let ring = KeyRing::parse("main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
        let (signer, now) = (Signer::new(ring.clone()), UnixTime::from_secs(1_767_225_000));
        let link = signer.link("https://cdn.example.com/a.mp4").sign(now).unwrap();
        let request = Request::new(link.as_str());
        assert!(Verifier::new(&ring).verify(&request, now).is_ok());
        let refusal = Verifier::new(&ring).native(false).verify(&request, now).unwrap_err();
        assert_eq!(refusal, Refusal::Missing);
    }
}
