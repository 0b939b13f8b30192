//! The decision: numbered checks, each with its reasons.

mod unsigned;
mod verified;

use core::fmt;

#[cfg(feature = "alloc")]
use alloc::string::String;

use crate::error::{InvalidSignature, ParseError, PolicyError, Refusal};
#[cfg(feature = "jwt")]
use crate::format::jwt::JwtRules;
#[cfg(feature = "timed-hmac")]
use crate::format::timed_hmac::TimedHmac;
#[cfg(feature = "alloc")]
use crate::format::{Format, TokenNames};
use crate::format::{Located, Rules, UnverifiedToken};
use crate::grant::Grant;
#[cfg(feature = "jwt")]
use crate::grant::Text;
use crate::key::{Candidates, Entry, KeyRing};
use crate::query::ParamNames;
use crate::request::{Placement, Request};
use crate::scope::Scope;
use crate::time::UnixTime;

pub use self::verified::Verified;

/// A refusal, with what was read of the token. Nothing of that is proved: an operator looks for a missing key with it.
#[derive(Clone)]
pub struct Denied<'a> {
    pub(crate) refusal: Refusal,
    /// `None` if no token counts.
    pub(crate) located: Option<Located<'a>>,
    /// `None` if the token cannot be read.
    pub(crate) token: Option<UnverifiedToken<'a>>,
}

impl<'a> Denied<'a> {
    /// Why the request is refused.
    #[must_use]
    pub const fn refusal(&self) -> Refusal {
        self.refusal
    }

    /// The key id that the token claims. It may be any text.
    #[must_use]
    pub fn untrusted_kid(&self) -> Option<&str> {
        self.token.as_ref()?.kid()
    }

    /// The scope that the token claims.
    #[must_use]
    pub fn untrusted_scope(&self) -> Option<Scope<'a>> {
        self.token.as_ref().map(UnverifiedToken::scope)
    }

    /// Where the token is, if it can be read.
    #[must_use]
    pub fn placement(&self) -> Option<Placement> {
        self.token.as_ref().map(|token| token.located.placement)
    }
}

impl fmt::Debug for Denied<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Denied").field("refusal", &self.refusal).finish_non_exhaustive()
    }
}

impl From<Refusal> for Denied<'_> {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, located: None, token: None }
    }
}

/// Admits requests by the tokens they carry. It reads no clock, and allocates nothing for native tokens.
///
/// 1. placement: one token - `ambiguous`, `missing`
/// 2. grammar and limits - `malformed`, `missing_claim`, `outside_scope`, `path_not_canonical`,
///    `unknown_field`, `unsigned_parameter`, `unsupported_algorithm`, `unsupported_version`
/// 3. key - `retired_key`, `unknown_key`
/// 4. tag, in constant time - `bad_signature`, or `unsigned_parameter` where it fits the query without what
///    was added at its end; nothing that the token says is believed before this
/// 5. times - `not_yet_valid`, `expired`, `expires_too_far`, `lifetime_too_long`
/// 6. bindings - `wrong_audience`, `wrong_issuer`, `wrong_network`, `wrong_country`, `outside_preview`
///
/// Tokens in cookies are looked at where there is none elsewhere. Of several, eight at most, the first that
/// passes every check counts, and a preview only if no other does: browsers send those of nested directories
/// together, and anybody who writes cookies for a sibling host can add one. Where none passes, the refusal is that of the one that came
/// furthest.
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
    #[cfg(feature = "alloc")]
    pub(crate) max_run: u64,
}

impl<'a> Verifier<'a> {
    /// The longest `run` that is granted where the operator says nothing else: a day, in seconds.
    #[cfg(feature = "alloc")]
    pub const DEFAULT_MAX_RUN: u64 = 86_400;

    /// A gate with these keys, for native tokens: no audience, no leeway, no cap on lifetimes.
    #[must_use]
    pub const fn new(ring: &'a KeyRing) -> Self {
        Self {
            ring,
            rules: Rules::NATIVE,
            leeway: 0,
            max_lifetime: None,
            #[cfg(feature = "alloc")]
            max_run: Self::DEFAULT_MAX_RUN,
        }
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

    /// Reads timed HMACs as well.
    #[cfg(feature = "timed-hmac")]
    #[must_use]
    pub const fn timed_hmac(mut self, format: Option<&'a TimedHmac>) -> Self {
        self.rules.timed_hmac = format;
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

    /// The most seconds that an exchanged token lasts, whatever `run` the link has;
    /// [`DEFAULT_MAX_RUN`](Self::DEFAULT_MAX_RUN) where nothing else is said.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub const fn max_run(mut self, secs: u64) -> Self {
        self.max_run = secs;
        self
    }

    /// Query parameters that may be added, unsigned, to an exact link, besides
    /// [`PLAYER_PARAMS`](crate::PLAYER_PARAMS).
    #[must_use]
    pub const fn unsigned_params(mut self, names: ParamNames<'a>) -> Self {
        self.rules.unsigned_params = names;
        self
    }

    /// What the tokens that it reads go by in addresses and cookies.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn token_names(&self) -> TokenNames {
        TokenNames::of(&self.rules)
    }

    /// The token of an admitted request, as it is in a path or a cookie: with its name. `None` if this verifier does
    /// not read its format.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn named_token(&self, verified: &Verified<'_>) -> Option<String> {
        let token = &verified.token;
        let name = token.located.format.name();
        self.rules
            .exchanges()
            .find(|format| format.name() == name)
            .map(|format| format.named(token))
    }

    /// The formats that it reads, by the names that a key ring has for them.
    #[cfg(feature = "alloc")]
    pub fn formats(&self) -> impl Iterator<Item = &'static str> + use<'a> {
        self.rules.formats().map(Format::name)
    }

    /// Checks that tokens of every format that it reads can name this deployment.
    ///
    /// # Errors
    /// What to write instead.
    #[cfg(feature = "alloc")]
    pub fn check_audience(&self, name: &str) -> Result<(), &'static str> {
        self.rules.exchanges().try_for_each(|format| format.check_audience(name))
    }

    /// Whether a part of a request, the URL or a header field, may be a token that is bound to countries. Where it
    /// is not, nobody need look up the client's country.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn may_name_countries(&self, text: &str) -> bool {
        self.rules.exchanges().any(|format| format.may_name_countries(text))
    }

    /// Decides on one request.
    ///
    /// # Errors
    /// The [`Refusal`] of the first check that fails.
    pub fn verify<'r>(&self, request: &Request<'r>, now: UnixTime) -> Result<Verified<'r>, Refusal>
    where
        'a: 'r,
    {
        self.decide(request, now).map_err(|denied| denied.refusal)
    }

    /// [`Verifier::verify`], with what was read of a token that is refused.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    #[expect(clippy::result_large_err, reason = "a verdict is as large, and is moved as often")]
    pub fn decide<'r>(
        &self,
        request: &Request<'r>,
        now: UnixTime,
    ) -> Result<Verified<'r>, Denied<'r>>
    where
        'a: 'r,
    {
        match self.rules.locate(request) {
            Ok(located) => self.decide_on(&located, request, now),
            Err(Refusal::Missing) => self.decide_on_cookies(request, now),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// The decision on the tokens in cookies.
    #[expect(clippy::result_large_err, reason = "a verdict is as large, and is moved as often")]
    #[cold]
    fn decide_on_cookies<'r>(
        &self,
        request: &Request<'r>,
        now: UnixTime,
    ) -> Result<Verified<'r>, Denied<'r>>
    where
        'a: 'r,
    {
        let mut furthest = Denied::from(Refusal::Missing);
        let mut preview = None;
        for located in self.rules.locate_cookies(request) {
            match self.decide_on(&located, request, now) {
                // A preview counts where nothing more is shown.
                Ok(verified) if verified.grant().preview().is_some() => {
                    preview = preview.or(Some(verified));
                }
                Ok(verified) => return Ok(verified),
                Err(denied) => {
                    let is_first = furthest.located.is_none();
                    if is_first || denied.refusal.check() > furthest.refusal.check() {
                        furthest = denied;
                    }
                }
            }
        }
        preview.ok_or(furthest)
    }

    /// Check 1: the token that counts.
    pub(crate) fn locate<'r>(
        &self,
        request: &Request<'r>,
        now: UnixTime,
    ) -> Result<Located<'r>, Refusal>
    where
        'a: 'r,
    {
        match self.decide(request, now) {
            Ok(verified) => Ok(verified.token.located),
            Err(denied) => denied.located.ok_or(denied.refusal),
        }
    }

    /// Checks 2 to 6.
    #[expect(clippy::result_large_err, reason = "a verdict is as large, and is moved as often")]
    fn decide_on<'r>(
        &self,
        located: &Located<'r>,
        request: &Request<'r>,
        now: UnixTime,
    ) -> Result<Verified<'r>, Denied<'r>>
    where
        'a: 'r,
    {
        // 2
        let token = match self.rules.read(located) {
            Ok(token) => token,
            Err(refusal) => return Err(Denied { refusal, located: Some(*located), token: None }),
        };
        match self.check(&token, request, now) {
            Ok(key) => Ok(Verified { token, key }),
            Err(refusal) => Err(Denied { refusal, located: Some(*located), token: Some(token) }),
        }
    }

    /// Checks 3 to 6, and the key that signed the token.
    fn check<'r>(
        &self,
        token: &UnverifiedToken<'r>,
        request: &Request<'r>,
        now: UnixTime,
    ) -> Result<&'a Entry, Refusal> {
        check_scope(token)?;
        // 3
        let keys = self.ring.candidates(token.kid(), token.located.format.name(), now)?;
        // 4
        let key = self.check_signature(token, keys)?;
        // 5
        self.check_times(&token.grant, now)?;
        // 6
        self.check_bindings(token, request)?;
        Ok(key)
    }

    pub(crate) fn check_times(&self, grant: &Grant<'_>, now: UnixTime) -> Result<(), PolicyError> {
        let expires = grant.expires();
        if grant.not_before().is_some_and(|start| now.saturating_add(self.leeway) < start) {
            Err(PolicyError::NotYetValid)
        } else if now >= expires.saturating_add(self.leeway) {
            Err(PolicyError::Expired)
        } else if expires.is_far_from(now) || grant.issued().is_some_and(|at| at.is_far_from(now)) {
            Err(PolicyError::ExpiresTooFar)
        } else if self.max_lifetime.is_some_and(|most| expires.secs_since(now) > most) {
            Err(PolicyError::LifetimeTooLong)
        } else {
            Ok(())
        }
    }

    pub(crate) fn check_bindings(
        &self,
        token: &UnverifiedToken<'_>,
        request: &Request<'_>,
    ) -> Result<(), PolicyError> {
        let grant = &token.grant;
        // Both ways: a gate with a name wants it in every token, and a token with a name is for that
        // gate only.
        let is_for_this_gate = match (grant.audience(), self.rules.audience) {
            (None, None) => true,
            (Some(audience), Some(name)) => audience.contains(name),
            _ => false,
        };
        if !is_for_this_gate {
            return Err(PolicyError::WrongAudience);
        }
        #[cfg(feature = "jwt")]
        if let Some(issuer) = token.located.format.issuer()
            && token.issuer.as_ref().map(Text::as_str) != Some(issuer)
        {
            return Err(PolicyError::WrongIssuer);
        }
        if let Some(networks) = grant.networks
            && !request.client_ip.is_some_and(|client| networks.contains(client))
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

/// Whether the path is below what the token opens.
pub(crate) const fn check_scope(token: &UnverifiedToken<'_>) -> Result<(), ParseError> {
    match token.opens {
        Some(_) => Ok(()),
        None => Err(ParseError::OutsideScope),
    }
}

pub(crate) fn check_tag<'k>(
    token: &UnverifiedToken<'_>,
    keys: Candidates<'k>,
) -> Result<&'k Entry, InvalidSignature> {
    match keys {
        #[cfg(feature = "alloc")]
        Candidates::Any(ring, format, now) => find_key(token, ring, format, now),
        Candidates::Named(entry) => {
            token.verify(entry.key.mac())?;
            Ok(entry)
        }
    }
}

/// The first key that fits a token which names none.
#[cfg(feature = "alloc")]
fn find_key<'k>(
    token: &UnverifiedToken<'_>,
    ring: &'k KeyRing,
    format: &'static str,
    now: UnixTime,
) -> Result<&'k Entry, InvalidSignature> {
    let fits = |entry: &&Entry| token.verify(entry.key.mac()).is_ok();
    let mut live = ring.serving(format).filter(|entry| !entry.is_retired(now));
    live.find(fits).ok_or(InvalidSignature)
}

#[cfg(feature = "alloc")]
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
