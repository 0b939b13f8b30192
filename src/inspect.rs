//! Explanations: the outcome of every check, what was signed, and which mistake explains a refusal.

mod mend;
mod names;
mod repairs;
mod report;
#[cfg(test)]
mod tests;

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use self::mend::{Mended, Reading, mend};
use crate::bytes::split_at;
use crate::description::{FieldDescription, Span};
use crate::error::{Fault, Field, ParseError, PolicyError, Refusal, StateError};
use crate::format::UnverifiedToken;
use crate::key::{Candidates, Entry};
use crate::purpose::Purpose;
use crate::query::ParamNames;
use crate::redact::{redacted, redacted_path, redacted_query};
use crate::request::{Placement, Request};
use crate::time::UnixTime;
use crate::verify::{Verified, Verifier, check_scope, check_tag};

use self::repairs::{HTML, starts_with_entity};
pub use self::report::{Check, Outcome, Report};

/// Explains why a reference is refused.
const REFERENCE: &str =
    "the link has a reference; its token is in the store of a gate, and only that gate can read it";

/// The maximum number of unsigned parameters to name.
const MOST_NAMED: usize = 3;

impl Verifier<'_> {
    /// Runs every check that can be run, even after one that failed, and reports their results. The decision is
    /// that of [`Verifier::verify`].
    #[must_use]
    pub fn inspect(&self, request: &Request<'_>, forward: ParamNames<'_>, now: UnixTime) -> Report {
        let mut report = self.checks(request, forward, now);
        if let Some(refusal) =
            report.refusal.filter(|refusal| !matches!(refusal, Refusal::Policy(_)))
        {
            report.hints = self.mistakes(request, refusal, now);
        }
        for note in &report.fields {
            let broken = report.refusal.filter(|_| report.hints.is_empty());
            report.hints.extend(odd_time(note, broken, now));
        }
        report
    }

    /// Explains a refusal, with details of the request if there are any.
    #[must_use]
    pub fn detail(&self, request: &Request<'_>, refusal: Refusal, now: UnixTime) -> String {
        if refusal == ParseError::Malformed(Field::Url, Fault::WrongLength).into() {
            let most = Request::MAX_URL_LEN;
            return format!(
                "the link has {} bytes, but a gate reads at most {most}",
                request.url.len()
            );
        }
        if refusal == StateError::Required.into()
            && let Ok(located) = self.locate(request, now)
            && matches!(self.rules.read(&located), Err(Refusal::State(_)))
        {
            return REFERENCE.to_owned();
        }
        if refusal == ParseError::UnsignedParameter.into() {
            let names: Vec<_> = self.added_params(request, now).collect();
            return match names.iter().find(|name| !name.is_empty()) {
                Some(name) => format!("the query parameter `{}` is not signed", redacted(name)),
                None if names.is_empty() => refusal.to_string(),
                None => "the query has an extra `&` or `?`".to_owned(),
            };
        }
        if refusal == ParseError::UnknownField.into()
            && let Ok(located) = self.locate(request, now)
            && let Some(format) = self.rules.explainer(located.format)
            && let Some(name) = format.unknown_field(located.text)
        {
            return format!("the token has an unknown field `{}`", redacted(name));
        }
        let Refusal::Policy(error) = refusal else { return refusal.to_string() };
        let token = self.locate(request, now).and_then(|located| self.rules.read(&located));
        let not_given = token.ok().and_then(|token| self.not_given(error, &token, request));
        not_given.map_or_else(|| refusal.to_string(), String::from)
    }

    fn checks(&self, request: &Request<'_>, forward: ParamNames<'_>, now: UnixTime) -> Report {
        let mut report = Report::default();
        let located = match self.locate(request, now) {
            Ok(located) => located,
            Err(refusal) => {
                report.fail(refusal, self.detail(request, refusal, now));
                return report;
            }
        };
        report.placement = Some(located.placement);
        report.pass(format!("the token is in the {}", place(located.placement)));
        let token = self.rules.read(&located);
        let opens = token.as_ref().ok().and_then(|token| token.opens);
        let scope = opens.map(|scope| redacted_path(&scope.to_string()));
        let format = self.rules.explainer(located.format);
        report.fields = format
            .map(|format| format.describe(located.text, scope.as_deref()))
            .unwrap_or_default();
        let token = match token {
            Ok(token) => token,
            Err(refusal) => {
                if matches!(refusal, Refusal::State(_)) {
                    report.pass_reference();
                }
                report.fail(refusal, self.detail(request, refusal, now));
                return report;
            }
        };
        match check_scope(&token) {
            Ok(()) => report.pass("the token and the address are well formed".to_owned()),
            Err(error) => report.fail_and_go_on(error.into(), error.to_string()),
        }
        report.kid = token.kid().map(redacted);
        report.path = Some(redacted_path(&token.path.to_string()));
        report.scope = scope;
        report.signing_input = format.map(|format| format.displayed_input(&token));
        report.not_before = token.grant.not_before();
        report.expires = Some(token.grant.expires());
        let key = self.run_checks(&mut report, &token, request, now);
        if let (Some(key), None) = (key, report.refusal) {
            // A signed path is not secret, whatever its names look like.
            report.kid = Some(key.id.to_string());
            report.path = Some(token.path.to_string());
            report.scope = Some(redacted_query(&token.scope().to_string()));
            let verified = Verified::of(token, key);
            report.clean_url = Some(redacted_query(&verified.clean_url(forward)));
        }
        report
    }

    /// Runs checks 3 to 7. Returns the key that signed the token, if known.
    fn run_checks(
        &self,
        report: &mut Report,
        token: &UnverifiedToken<'_>,
        request: &Request<'_>,
        now: UnixTime,
    ) -> Option<&Entry> {
        let candidates = self.ring.candidates(token.kid(), token.located.format.name(), now);
        match (&candidates, token.kid()) {
            (Ok(_), Some(kid)) => report.pass(format!("the ring has the key `{kid}`")),
            (Ok(_), None) => report.pass("it names no key; all keys are tried".to_owned()),
            (Err(error), _) => report.fail_and_go_on((*error).into(), error.to_string()),
        }
        let keys = candidates.ok().or_else(|| self.any_age(token));
        let key = match keys {
            Some(keys) => match self.check_signature(token, keys) {
                Ok(key) => {
                    report.pass("it matches the signing input".to_owned());
                    Some(key)
                }
                Err(refusal) => {
                    report.fail_and_go_on(refusal, self.detail(request, refusal, now));
                    None
                }
            },
            None => {
                report.skip("there is no key to check it");
                None
            }
        };
        let expires = token.grant.expires();
        match self.check_times(&token.grant, now) {
            Ok(()) => {
                let left = expires.duration_since(now).as_secs();
                report.pass(format!("valid until {expires}, {} left", Span(left)));
            }
            Err(error) => {
                report.fail_and_go_on(error.into(), error.to_string());
                if let Some(check) = report.checks.last_mut() {
                    let times = match token.grant.not_before() {
                        Some(start) => format!("valid from {start} to {expires}"),
                        None => format!("valid until {expires}"),
                    };
                    check.detail = format!("{}: {times}, now {now}", check.detail);
                }
            }
        }
        match self.check_bindings(token, request) {
            Ok(()) => report.pass("the token is for this client".to_owned()),
            Err(error) => {
                let detail = self.not_given(error, token, request);
                let detail = detail.map_or_else(|| error.to_string(), String::from);
                report.fail_and_go_on(error.into(), detail);
            }
        }
        match (self.state.is_none(), key) {
            (true, _) if !token.grant.needs_state() => {
                report.skip("revocation is checked only at the edge");
            }
            (_, Some(key)) => match self.check_state(token, key, now) {
                Ok(()) => report.pass("the token is not revoked".to_owned()),
                Err(error) => report.fail_and_go_on(error.into(), error.to_string()),
            },
            (_, None) => report.skip("there is no key, so revocation is not checked"),
        }
        key
    }

    /// The key that a token names, even if retired: it still shows whether the token is genuine.
    fn any_age(&self, token: &UnverifiedToken<'_>) -> Option<Candidates<'_>> {
        let entry = token.kid().and_then(|kid| self.ring.find(kid).ok());
        entry.filter(|entry| entry.serves(token.located.format.name())).map(Candidates::Named)
    }

    /// Explains that the value to check a binding against is unknown.
    fn not_given(
        &self,
        error: PolicyError,
        token: &UnverifiedToken<'_>,
        request: &Request<'_>,
    ) -> Option<&'static str> {
        match error {
            PolicyError::WrongNetwork if request.client_ip.is_none() => {
                Some("the link is for a network; the client's address is unknown here")
            }
            PolicyError::WrongCountry if request.client_country.is_none() => {
                Some("the link is for countries; the client's is unknown here")
            }
            PolicyError::WrongAudience if self.rules.audience.is_none() => {
                Some("the link has an audience; this gate's name is unknown here")
            }
            PolicyError::WrongAudience if token.grant.audience().is_none() => {
                Some("this gate has a name, but the link has no audience")
            }
            PolicyError::WrongPurpose => match Purpose::of(&token.grant) {
                Some(Purpose::StartSession) => {
                    Some("this is a session link: a page POSTs to it, once; it opens no media")
                }
                Some(Purpose::RefreshSession) => {
                    Some("this is a refresh token, for the session cookie; it opens no media")
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// How far a request can be read.
    fn reading(&self, request: &Request<'_>, now: UnixTime) -> Reading {
        let Ok(located) = self.locate(request, now) else { return Reading::Nothing };
        match self.rules.read(&located) {
            Ok(token) => {
                let keys = match token.kid() {
                    Some(_) => self.any_age(&token),
                    None => self
                        .ring
                        .candidates(None, token.located.format.name(), UnixTime::from_secs(0))
                        .ok(),
                };
                let fits = keys.is_some_and(|keys| check_tag(&token, keys).is_ok());
                if fits && token.opens.is_some() { Reading::Fits } else { Reading::Reads }
            }
            Err(Refusal::Parse(ParseError::Malformed(Field::Sig, fault)))
                if !matches!(fault, Fault::Empty | Fault::Missing | Fault::OutOfOrder) =>
            {
                Reading::Reads
            }
            // A reference: nobody but the gate that keeps its token can tell more.
            Err(Refusal::State(_)) => Reading::Reads,
            Err(_) if located.text.starts_with("pg=1&exp=") => Reading::Starts,
            Err(_) => Reading::Nothing,
        }
    }

    /// Finds mistakes that explain a refusal.
    fn mistakes(&self, request: &Request<'_>, refusal: Refusal, now: UnixTime) -> Vec<String> {
        let as_it_is = self.reading(request, now);
        let mended = self.mended(request, as_it_is, now);
        let fits = mended.as_ref().is_some_and(|mended| mended.reading == Reading::Fits);
        let is_signature = matches!(refusal, Refusal::Signature(_) | Refusal::Key(_));
        if fits && !is_signature {
            return mended.map(Mended::hints).unwrap_or_default();
        }
        let mut hints = Vec::new();
        if refusal == ParseError::UnsignedParameter.into() {
            let names = self.added_params(request, now).filter(|name| !name.is_empty());
            for name in names.take(MOST_NAMED) {
                // The rest of `&amp;` is not a parameter.
                let said = if starts_with_entity(name) {
                    HTML.to_owned()
                } else {
                    let name = redacted(name);
                    format!(
                        "the parameter `{name}` was added to the link: sign it, or list it in \
                         UNSIGNED_PARAMS (--unsigned-params)"
                    )
                };
                if !hints.contains(&said) {
                    hints.push(said);
                }
            }
        }
        if !hints.is_empty() {
            return hints;
        }
        hints.extend(self.mistakes_of_token(request, now));
        if let Some(mended) = mended.filter(|_| hints.is_empty()) {
            hints.extend(mended.hints());
        }
        if hints.is_empty() {
            hints.extend(self.guesses(request, now));
        }
        hints
    }

    /// Repairs the URL, the cookie or the header.
    fn mended(&self, request: &Request<'_>, as_it_is: Reading, now: UnixTime) -> Option<Mended> {
        let texts = [Some(request.url), request.cookie, request.authorization];
        let (mut mended, place) = (0..).zip(texts).find_map(|(place, text)| {
            let read = |text: &str| self.reading(&put(request, place, text), now);
            Some((mend(text?, as_it_is, &read)?, place))
        })?;
        if mended.reading != Reading::Fits {
            mended.more = self.mistakes_of_token(&put(request, place, &mended.text), now);
        }
        Some(mended)
    }

    /// Finds mistakes in a token without changes to its text.
    fn mistakes_of_token(&self, request: &Request<'_>, now: UnixTime) -> Vec<String> {
        let Ok(located) = self.locate(request, now) else { return Vec::new() };
        let Some(format) = self.rules.explainer(located.format) else { return Vec::new() };
        match self.rules.read(&located) {
            Ok(token) if token.opens.is_some() => format.diagnose_signature(self.ring, &token),
            _ => format.diagnose_grammar(&self.rules, self.ring, request, &located),
        }
    }

    /// The likely cause, if nothing that was tried fits.
    fn guesses(&self, request: &Request<'_>, now: UnixTime) -> Option<String> {
        let located = match self.locate(request, now) {
            Ok(located) => located,
            Err(Refusal::Missing) => {
                let url = request.url;
                let lacks_start =
                    split_at(url, "exp=").is_some() && split_at(url, "sig=").is_some();
                let said = "the token does not start with `pg=1`";
                let misnamed = names::misnamed(&self.rules, request);
                return misnamed.or(lacks_start.then(|| said.to_owned()));
            }
            // The refusal explains it.
            Err(_) => return None,
        };
        if located.text.trim_end_matches('&') == "pg=1" {
            let said = "the link ends after `pg=1`: quote it, or the shell cuts it at `&`";
            return Some(said.to_owned());
        }
        let format = self.rules.explainer(located.format)?;
        match self.rules.read(&located) {
            Ok(_) => format.likely_cause().map(String::from),
            Err(Refusal::Parse(ParseError::UnknownField)) => {
                let name = redacted(format.unknown_field(located.text)?);
                Some(format!(
                    "`{name}` is not a field of a token: put your own parameters before `pg`, where they are \
                     signed with the address"
                ))
            }
            Err(_) => None,
        }
    }
}

/// Replaces the URL, the cookie or the header of a request.
fn put<'a>(request: &Request<'a>, place: u8, text: &'a str) -> Request<'a> {
    let mut request = *request;
    match place {
        0 => {
            request.url = text;
            return request.without_fragment();
        }
        1 => request.cookie = Some(text),
        _ => request.authorization = Some(text),
    }
    request
}

/// Detects a time that is not a Unix time in seconds. `broken` is a refusal without an explanation.
fn odd_time(note: &FieldDescription, broken: Option<Refusal>, now: UnixTime) -> Option<String> {
    let (name, value) = (note.name.as_str(), note.value.as_str());
    if !matches!(name, "exp" | "iat" | "nbf") {
        return None;
    }
    let Ok(number) = value.parse::<u64>() else {
        let field = broken.and_then(Refusal::field).map(Field::name);
        let whole = value.split('.').next().filter(|whole| whole.parse::<u64>().is_ok());
        return match whole {
            _ if field != Some(name) || value.is_empty() => None,
            Some(whole) => Some(format!("`{name}` has a fraction: write whole seconds, {whole}")),
            None => {
                let example = now.as_secs();
                Some(format!("`{name}` is a Unix time in seconds: write it like {example}"))
            }
        };
    };
    if name == "exp" && is_length(number, now) {
        return Some(format!(
            "`exp` looks like a duration: write the time of expiry as a Unix time in seconds, like {}",
            now.saturating_add(Duration::from_secs(number)).as_secs()
        ));
    }
    other_unit(name, number, now)
}

/// Whether a number is a duration rather than a time: up to ten years, unless now is near 1970.
fn is_length(number: u64, now: UnixTime) -> bool {
    const TEN_YEARS: u64 = 10 * 365 * 86_400;
    (1..=TEN_YEARS).contains(&number) && now.as_secs() > 2 * TEN_YEARS
}

/// Detects a time in milliseconds or smaller units.
fn other_unit(name: &str, number: u64, now: UnixTime) -> Option<String> {
    /// Seconds from the year 1, the epoch of .NET, to 1970.
    const DOT_NET_EPOCH: u64 = 62_135_596_800;
    /// The maximum distance from now of a plausible time.
    const NEAR: u64 = 30 * 365 * 86_400;
    if !UnixTime::from_secs(number).is_far_from(now) {
        return None;
    }
    let units = [
        ("milliseconds", 1000, 0),
        ("microseconds", 1_000_000, 0),
        ("nanoseconds", 1_000_000_000, 0),
        ("ticks of .NET", 10_000_000, DOT_NET_EPOCH),
    ];
    let seconds = |(unit, parts, start): (_, u64, u64)| {
        let secs = number.checked_div(parts)?.checked_sub(start)?;
        (secs.abs_diff(now.as_secs()) < NEAR).then_some((unit, secs))
    };
    let (unit, secs) = units.into_iter().find_map(seconds)?;
    let meant = UnixTime::from_secs(secs);
    Some(format!("`{name}` looks like {unit}: in seconds it is {secs}, {meant}"))
}

const fn place(placement: Placement) -> &'static str {
    match placement {
        Placement::Bearer => "header Authorization",
        other => other.name(),
    }
}
