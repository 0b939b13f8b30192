//! The explanation: every check with its outcome, what was signed, and which mistake fits.

mod report;
mod span;

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};

use crate::format::{self as wire, UnverifiedToken};
use crate::key::{Candidates, KeyId};
use crate::query::ParamNames;
use crate::request::{Placement, Request};
use crate::time::UnixTime;
use crate::verify::{Verified, Verifier, check_tag};

pub use self::report::{Check, FieldNote, Outcome, Report};
pub(crate) use self::span::Span;

impl Verifier<'_> {
    /// Runs every check that can be run, also behind one that failed, and says what each found. The
    /// decision is that of [`Verifier::verify`].
    #[must_use]
    pub fn inspect(&self, request: &Request<'_>, forward: ParamNames<'_>, now: UnixTime) -> Report {
        let mut report = Report::default();
        let located = match self.locate(request, now) {
            Ok(located) => located,
            Err(refusal) => {
                report.fail(refusal);
                report.hints.extend(wire::mistakes_of_placement(request));
                return report;
            }
        };
        report.placement = Some(located.placement);
        report.pass(format!("the token stands in the {}", place(located.placement)));
        let token = self.rules.read(&located);
        let opened = token.ok().filter(|token| token.check_scope().is_ok());
        let scope = opened.map(|token| token.scope.to_string());
        report.fields = wire::notes(&located, scope.as_deref());
        let token = match token {
            Ok(token) => token,
            Err(refusal) => {
                report.fail(refusal);
                report.hints.extend(self.rules.mistakes_of_grammar(self.ring, request, &located));
                return report;
            }
        };
        match token.check_scope() {
            Ok(()) => report.pass("the token and the address are well formed".to_owned()),
            Err(error) => {
                report.fail_and_go_on(error.into());
                report.hints.extend(self.rules.mistakes_of_grammar(self.ring, request, &located));
            }
        }
        report.kid = token.kid().map(String::from);
        report.path = Some(token.path.to_string());
        report.scope = scope;
        report.signing_input = Some(token.input().to_string());
        report.not_before = token.grant.not_before();
        report.expires = Some(token.grant.expires());
        let kid = self.run_checks(&mut report, &token, request, now);
        if let (Some(kid), None) = (kid, report.refusal) {
            report.kid = Some(kid.to_string());
            report.clean_url = Some(Verified::of(token, kid).clean_url(forward));
        }
        report
    }

    /// Checks 3 to 7. The key that signed the token, where it is known.
    fn run_checks(
        &self,
        report: &mut Report,
        token: &UnverifiedToken<'_>,
        request: &Request<'_>,
        now: UnixTime,
    ) -> Option<&KeyId> {
        let candidates = self.ring.candidates(token.kid(), token.format.name(), now);
        match (&candidates, token.kid()) {
            (Ok(_), Some(kid)) => report.pass(format!("the ring has a key `{kid}`")),
            (Ok(_), None) => report.pass("it names no key; each of the ring is tried".to_owned()),
            (Err(error), _) => report.fail((*error).into()),
        }
        // A retired key does tell whether the token is genuine.
        let named = token.kid().and_then(|kid| self.ring.find(kid).ok());
        let named = named.filter(|entry| entry.serves(token.format.name()));
        let kid = match candidates.ok().or(named.map(Candidates::Named)) {
            Some(keys) => match check_tag(token, keys) {
                Ok(key) => {
                    report.pass("it fits the signing input".to_owned());
                    Some(&key.id)
                }
                Err(error) => {
                    report.fail(error.into());
                    None
                }
            },
            None => {
                report.skip("there is no key to check it with");
                None
            }
        };
        if kid.is_none() {
            report.hints.extend(wire::mistakes_of_signature(self.ring, token));
        }
        let expires = token.grant.expires();
        match self.check_times(&token.grant, now) {
            Ok(()) => {
                let left = expires.secs_since(now);
                report.pass(format!("valid until {expires}, {} left", Span(left)));
            }
            Err(error) => {
                report.fail(error.into());
                if let Some(check) = report.checks.last_mut() {
                    let times = match token.grant.not_before() {
                        Some(start) => format!("valid from {start} to {expires}"),
                        None => format!("valid until {expires}"),
                    };
                    check.detail = format!("{}: {times}, and it is {now}", check.detail);
                }
            }
        }
        report.hints.extend(milliseconds(expires, now));
        match self.check_bindings(token, request) {
            Ok(()) => report.pass("the client is one that the token is for".to_owned()),
            Err(error) => report.fail(error.into()),
        }
        report.skip("revocation is known at the edge alone");
        kid
    }
}

/// Milliseconds for seconds.
fn milliseconds(expires: UnixTime, now: UnixTime) -> Option<String> {
    expires.is_far_from(now).then(|| {
        let meant = UnixTime::from_secs(expires.as_secs() / 1000);
        format!("`exp` looks like milliseconds: in seconds it is {}, {meant}", meant.as_secs())
    })
}

const fn place(placement: Placement) -> &'static str {
    match placement {
        Placement::Bearer => "header Authorization",
        other => other.name(),
    }
}
