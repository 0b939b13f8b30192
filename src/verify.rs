//! The decision: numbered checks and the reasons for each.

#[cfg(feature = "alloc")]
mod authentic;
mod unsigned;
mod verified;

use core::fmt;
use core::time::Duration;

#[cfg(feature = "alloc")]
use alloc::string::String;

use crate::error::{InvalidSignature, ParseError, PolicyError, Refusal, StateError};
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
use crate::purpose::Purpose;
use crate::query::ParamNames;
use crate::request::{Placement, Request};
use crate::scope::Scope;
use crate::state::{PresentedToken, State};
use crate::time::UnixTime;

#[cfg(feature = "alloc")]
pub use self::authentic::Authentic;
pub use self::verified::Verified;

/// A refusal, with what could be read of the token. None of it is authenticated; it helps an operator to find a
/// missing key.
#[derive(Clone)]
pub struct Denied<'a> {
    refusal: Refusal,
    /// `None` if there is no token, or if it cannot be read.
    token: Option<UnverifiedToken<'a>>,
    /// Where the reference is that counts, and its text.
    reference: Option<(Placement, &'a str)>,
}

impl<'a> Denied<'a> {
    /// The reference that counts, as `pg=ref.` and 43 characters, and its placement, if the request is refused with
    /// [`StateError::Required`] because of it. A gate that knows its token decides on the request with that instead.
    #[must_use]
    pub const fn reference(&self) -> Option<(Placement, &'a str)> {
        self.reference
    }

    /// Why the request is refused.
    #[must_use]
    pub const fn refusal(&self) -> Refusal {
        self.refusal
    }

    /// The key id that the token claims. It can be any text.
    #[must_use]
    pub fn untrusted_kid(&self) -> Option<&str> {
        self.token.as_ref()?.kid()
    }

    /// The scope that the token claims.
    #[must_use]
    pub fn untrusted_scope(&self) -> Option<Scope<'a>> {
        self.token.as_ref().map(UnverifiedToken::scope)
    }

    /// The placement of the token, if the token can be read.
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

/// Verifies the tokens of requests. It reads no clock and does not allocate for native tokens.
///
/// 1. placement: one token - `ambiguous`, `missing`
/// 2. grammar and limits - `malformed`, `missing_claim`, `outside_scope`, `path_not_canonical`,
///    `unknown_field`, `unsigned_parameter`, `unsupported_algorithm`, `unsupported_version`
/// 3. key - `retired_key`, `unknown_key`
/// 4. tag, in constant time - `bad_signature`, or `unsigned_parameter` if it matches the query without what
///    was added at its end; the token is not trusted before this check
/// 5. times - `not_yet_valid`, `expired`, `expires_too_far`, `lifetime_too_long`
/// 6. bindings - `wrong_purpose`, `wrong_audience`, `wrong_issuer`, `wrong_network`, `wrong_country`, `outside_preview`
/// 7. state - `already_used`, `displaced`, `revoked`, `session_ended`, `signed_out`, `too_many_playbacks`,
///    `unknown_reference`, `state_unavailable`; without a state, `state_required` for tokens that need one and for references
///
/// Cookies are searched only if there is no token elsewhere. Of up to eight tokens, the first that passes every
/// check counts, and a preview only if no other token passes: browsers send the cookies of nested directories
/// together, and a sibling host can add its own. If none passes, the refusal is that of the token that got
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
    leeway: Duration,
    pub(crate) max_lifetime: Option<Duration>,
    purpose: Purpose,
    pub(crate) state: Option<&'a dyn State>,
    #[cfg(feature = "alloc")]
    pub(crate) playback: Option<&'a str>,
    #[cfg(feature = "alloc")]
    pub(crate) max_run: Duration,
}

impl<'a> Verifier<'a> {
    /// The default limit on `run`: a day.
    #[cfg(feature = "alloc")]
    pub const DEFAULT_MAX_RUN: Duration = Duration::from_secs(86_400);

    /// Creates a verifier for native tokens: no audience, no leeway, no limit on lifetimes.
    #[must_use]
    pub const fn new(ring: &'a KeyRing) -> Self {
        Self {
            ring,
            rules: Rules::NATIVE,
            leeway: Duration::ZERO,
            max_lifetime: None,
            purpose: Purpose::Media,
            state: None,
            #[cfg(feature = "alloc")]
            playback: None,
            #[cfg(feature = "alloc")]
            max_run: Self::DEFAULT_MAX_RUN,
        }
    }

    /// Whether to read native tokens. Default: true.
    #[must_use]
    pub const fn native(mut self, read: bool) -> Self {
        self.rules.native = read;
        self
    }

    /// Whether it reads native tokens.
    #[must_use]
    pub const fn reads_native(&self) -> bool {
        self.rules.native
    }

    /// Also reads JWTs, by these rules.
    #[cfg(feature = "jwt")]
    #[must_use]
    pub const fn jwt(mut self, rules: Option<&'a JwtRules>) -> Self {
        self.rules.jwt = rules;
        self
    }

    /// Also reads timed HMACs.
    #[cfg(feature = "timed-hmac")]
    #[must_use]
    pub const fn timed_hmac(mut self, format: Option<&'a TimedHmac>) -> Self {
        self.rules.timed_hmac = format;
        self
    }

    /// The name of this deployment, which every token must carry.
    #[must_use]
    pub const fn audience(mut self, name: Option<&'a str>) -> Self {
        self.rules.audience = name;
        self
    }

    /// The skew allowed between clocks, at both ends of a token's validity. Fractions of a second are cut off, here
    /// and below.
    #[must_use]
    pub const fn leeway(mut self, skew: Duration) -> Self {
        self.leeway = skew;
        self
    }

    /// The maximum remaining lifetime of a token.
    #[must_use]
    pub const fn max_lifetime(mut self, length: Option<Duration>) -> Self {
        self.max_lifetime = length;
        self
    }

    /// The maximum lifetime of an exchanged token, even if the link has a longer `run`. Default:
    /// [`DEFAULT_MAX_RUN`](Self::DEFAULT_MAX_RUN).
    #[cfg(feature = "alloc")]
    #[must_use]
    pub const fn max_run(mut self, length: Duration) -> Self {
        self.max_run = length;
        self
    }

    /// Query parameters, besides [`PLAYER_PARAMS`](crate::PLAYER_PARAMS), that may be added to an exact link without
    /// being signed.
    #[must_use]
    pub const fn unsigned_params(mut self, names: ParamNames<'a>) -> Self {
        self.rules.unsigned_params = names;
        self
    }

    /// The names of the tokens that it reads, in addresses and cookies.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn token_names(&self) -> TokenNames {
        TokenNames::of(&self.rules)
    }

    /// The token of a verified request with its name, as in a path or a cookie. `None` if this verifier does not read
    /// its format.
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

    /// The formats that it reads, by their names in a key ring.
    #[cfg(feature = "alloc")]
    pub fn formats(&self) -> impl Iterator<Item = &'static str> + use<'a> {
        self.rules.formats().map(Format::name)
    }

    /// Checks that the tokens of every format that it reads can carry this name.
    ///
    /// # Errors
    /// What to write instead.
    #[cfg(feature = "alloc")]
    pub fn check_audience(&self, name: &str) -> Result<(), &'static str> {
        self.rules.exchanges().try_for_each(|format| format.check_audience(name))
    }

    /// Whether a part of a request, such as the URL or a header field, may contain a token that is bound to countries.
    /// If not, there is no need to look up the client's country.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn may_name_countries(&self, text: &str) -> bool {
        self.rules.exchanges().any(|format| format.may_name_countries(text))
    }

    /// What tokens are verified for. Default: [`Purpose::Media`]. The maximum lifetime does not apply to refresh tokens.
    #[must_use]
    pub const fn purpose(mut self, purpose: Purpose) -> Self {
        self.purpose = purpose;
        self
    }

    /// Asks this state about every token that passes the other checks. Without one, a token with `max`, `reval` or
    /// `uses` is refused.
    #[must_use]
    pub const fn state(mut self, state: Option<&'a dyn State>) -> Self {
        self.state = state;
        self
    }

    /// The id of the playback that starts now, such as random bytes in base64url: an exchanged token gets it as `sid` if
    /// the original has none. So that playback can be revoked.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub const fn playback(mut self, id: Option<&'a str>) -> Self {
        self.playback = id;
        self
    }

    /// Verifies one request.
    ///
    /// # Errors
    /// The [`Refusal`] of the first check that fails.
    pub fn verify<'r>(&self, request: &Request<'r>, now: UnixTime) -> Result<Verified<'r>, Refusal>
    where
        'a: 'r,
    {
        let mut token = None;
        let key = self.admit(request, now, &mut token)?;
        Ok(Verified { token: token.ok_or(Refusal::Missing)?, key })
    }

    /// Like [`Verifier::verify`], but a refusal includes what was read of the token.
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
        let mut token = None;
        match (self.admit(request, now, &mut token), token) {
            (Ok(key), Some(token)) => Ok(Verified { token, key }),
            (Ok(_), None) => {
                Err(Denied { refusal: Refusal::Missing, token: None, reference: None })
            }
            (Err(refusal), token) => {
                let located = token.as_ref().map(|token| token.located);
                let located = located.filter(|_| refusal == StateError::Required.into());
                #[cfg(feature = "alloc")]
                let reference = located.and_then(|located| located.reference());
                #[cfg(not(feature = "alloc"))]
                let reference = located.and(None);
                let token = token.filter(UnverifiedToken::is_read);
                Err(Denied { refusal, token, reference })
            }
        }
    }

    /// Check 1: the token that counts, even if it cannot be read.
    pub(crate) fn locate<'r>(
        &self,
        request: &Request<'r>,
        now: UnixTime,
    ) -> Result<Located<'r>, Refusal>
    where
        'a: 'r,
    {
        let mut token = None;
        let verdict = self.admit(request, now, &mut token);
        match (token, verdict) {
            (Some(token), _) => Ok(token.located),
            (None, Err(refusal)) => Err(refusal),
            (None, Ok(_)) => Err(Refusal::Missing),
        }
    }

    /// Checks 1 to 7. Returns the key that signed the token. The token goes into `token`, even if it is refused: it is
    /// large, so it is not moved more than once.
    fn admit<'r>(
        &self,
        request: &Request<'r>,
        now: UnixTime,
        token: &mut Option<UnverifiedToken<'r>>,
    ) -> Result<&'a Entry, Refusal>
    where
        'a: 'r,
    {
        match self.rules.locate(request) {
            Ok(located) => self.check(token.insert(UnverifiedToken::unread(located)), request, now),
            Err(Refusal::Missing) => self.admit_cookie(request, now, token),
            Err(refusal) => Err(refusal),
        }
    }

    /// Like [`admit`](Self::admit), for the tokens in cookies.
    #[cold]
    fn admit_cookie<'r>(
        &self,
        request: &Request<'r>,
        now: UnixTime,
        token: &mut Option<UnverifiedToken<'r>>,
    ) -> Result<&'a Entry, Refusal>
    where
        'a: 'r,
    {
        let mut furthest = Refusal::Missing;
        let mut preview = None;
        let mut reference = None;
        let resolves = self.state.is_some_and(State::counts);
        for located in self.rules.locate_cookies(request) {
            let mut candidate = UnverifiedToken::unread(located);
            match self.check(&mut candidate, request, now) {
                // A preview counts only if no other token passes.
                Ok(key) if candidate.grant.preview.is_some() => {
                    preview = preview.or(Some((candidate, key)));
                }
                Ok(key) => {
                    *token = Some(candidate);
                    return Ok(key);
                }
                Err(refusal) => {
                    if resolves && refusal == StateError::Required.into() {
                        reference = reference.or(Some(candidate.located));
                    }
                    if token.is_none() || refusal.check() > furthest.check() {
                        furthest = refusal;
                        *token = Some(candidate);
                    }
                }
            }
        }
        // A token that may open more waits for the state, and for the token that a reference stands for.
        if furthest == StateError::Unavailable.into() {
            return Err(furthest);
        }
        if let Some(located) = reference {
            *token = Some(UnverifiedToken::unread(located));
            return Err(StateError::Required.into());
        }
        let (candidate, key) = preview.ok_or(furthest)?;
        *token = Some(candidate);
        Ok(key)
    }

    /// Checks 2 to 7. Parses the token, and returns the key that signed it.
    fn check<'r>(
        &self,
        token: &mut UnverifiedToken<'r>,
        request: &Request<'r>,
        now: UnixTime,
    ) -> Result<&'a Entry, Refusal>
    where
        'a: 'r,
    {
        let key = self.check_origin(token, now)?;
        // 5
        self.check_times(&token.grant, now)?;
        // 6
        self.check_bindings(token, request)?;
        // 7
        self.check_state(token, key, now)?;
        Ok(key)
    }

    /// Checks 2 to 4.
    fn check_origin<'r>(
        &self,
        token: &mut UnverifiedToken<'r>,
        now: UnixTime,
    ) -> Result<&'a Entry, Refusal>
    where
        'a: 'r,
    {
        // 2
        token.located.format.read(token, self.rules.unsigned_params)?;
        check_scope(token)?;
        // 3
        let keys = self.ring.candidates(token.kid(), token.located.format.name(), now)?;
        // 4
        self.check_signature(token, keys)
    }

    pub(crate) fn check_times(&self, grant: &Grant<'_>, now: UnixTime) -> Result<(), PolicyError> {
        let expires = grant.expires();
        if grant.not_before().is_some_and(|start| now.saturating_add(self.leeway) < start) {
            Err(PolicyError::NotYetValid)
        } else if now >= expires.saturating_add(self.leeway) {
            Err(PolicyError::Expired)
        } else if expires.is_far_from(now) || grant.issued().is_some_and(|at| at.is_far_from(now)) {
            Err(PolicyError::ExpiresTooFar)
        } else if self.purpose != Purpose::RefreshSession
            && self.max_lifetime.is_some_and(|most| expires.duration_since(now) > most)
        {
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
        self.purpose.check(grant)?;
        // Both ways: a gate with a name requires it in every token, and a token with a name is only for
        // that gate.
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
        // A preview allows only manifests: the gate cuts them and signs each remaining address.
        if grant.preview.is_some() && !token.path.is_manifest() {
            return Err(PolicyError::OutsidePreview);
        }
        Ok(())
    }

    pub(crate) fn check_state(
        &self,
        token: &UnverifiedToken<'_>,
        key: &Entry,
        now: UnixTime,
    ) -> Result<(), StateError> {
        let grant = &token.grant;
        match self.state {
            Some(state) if !grant.is_counted() || state.counts() => {
                state.admit(&PresentedToken::new(grant, key.id.as_str(), token.path), now)
            }
            None if !grant.needs_state() => Ok(()),
            _ => Err(StateError::Required),
        }
    }
}

/// Checks that the path is in the token's scope.
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

/// The first key that fits a token without a key id.
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
    use alloc::string::ToString as _;

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

    /// A state that may count, and refuses one viewer.
    #[derive(Debug)]
    struct Known {
        counts: bool,
    }

    impl State for Known {
        fn admit(&self, token: &PresentedToken<'_>, _: UnixTime) -> Result<(), StateError> {
            match token.grant.subject() {
                Some(viewer) if viewer.as_str() == "gone" => Err(StateError::SignedOut),
                _ => Ok(()),
            }
        }

        fn counts(&self) -> bool {
            self.counts
        }
    }

    /// A state that says nothing of counting.
    #[derive(Debug)]
    struct Silent;

    impl State for Silent {
        fn admit(&self, _: &PresentedToken<'_>, _: UnixTime) -> Result<(), StateError> {
            Ok(())
        }
    }

    #[test]
    fn what_nobody_counts_is_refused() {
        let ring = KeyRing::parse("main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
        let (signer, now) = (Signer::new(ring.clone()), UnixTime::from_secs(1_767_225_000));
        let link = || signer.link("https://h/a.mp4").token_id("j").subject("v");
        let required = Err(StateError::Required.into());
        let [counting, other] = [Known { counts: true }, Known { counts: false }];
        for (link, without, uncounted, counted) in [
            (link(), Ok(()), Ok(()), Ok(())),
            (link().revalidate(Duration::from_secs(10)), required, Ok(()), Ok(())),
            (link().max_playbacks(1), required, required, Ok(())),
            (link().uses(1), required, required, Ok(())),
            (
                link().uses(1).max_playbacks(1).revalidate(Duration::from_secs(1)),
                required,
                required,
                Ok(()),
            ),
            (link().subject("gone").uses(1), required, required, Err(StateError::SignedOut.into())),
        ] {
            let link = link.sign(now).unwrap();
            let verify = |state| {
                let verifier = Verifier::new(&ring).state(state);
                verifier.verify(&Request::new(link.as_str()), now).map(drop)
            };
            assert_eq!(verify(None), without, "{link}");
            assert_eq!(verify(Some(&Silent)), uncounted, "{link}");
            assert_eq!(verify(Some(&other)), uncounted, "{link}");
            assert_eq!(verify(Some(&counting)), counted, "{link}");
        }
        // State is asked last.
        let link = link().uses(1).sign(now).unwrap().to_string();
        let refusal = |link: &str, now| {
            Verifier::new(&ring).verify(&Request::new(link), now).unwrap_err().code()
        };
        assert_eq!(refusal(&link, now), "state_required");
        assert_eq!(refusal(&link, UnixTime::from_secs(1_767_225_600)), "expired");
        assert_eq!(refusal(&link.replace("uses=1", "uses=2"), now), "bad_signature");
        assert_eq!(refusal(&link.replace("jti=j&", ""), now), "malformed");
    }

    #[test]
    fn a_reference_is_for_a_gate_with_a_store() {
        let ring = KeyRing::parse("main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
        let now = UnixTime::from_secs(1_767_225_000);
        let url = ["https://h/a.mp4?pg=ref.", &"x".repeat(43)].concat();
        for state in [None, Some(&Known { counts: true } as &dyn State)] {
            let verifier = Verifier::new(&ring).state(state);
            let denied = verifier.decide(&Request::new(&url), now).unwrap_err();
            assert_eq!(denied.refusal(), StateError::Required.into());
            assert_eq!((denied.untrusted_kid(), denied.placement()), (None, None));
        }
    }
}
