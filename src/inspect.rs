//! The explanation: every check with its outcome, what was signed, and which mistake fits.

mod field;
mod mistakes;
mod report;

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::ToString as _;

use crate::format::{self as wire, UnverifiedToken};
use crate::query::ParamNames;
use crate::request::{Placement, Request};
use crate::time::UnixTime;
use crate::verify::{Verified, Verifier, check_tag};

use self::field::Span;
pub use self::report::{Check, FieldNote, Outcome, Report};

impl Verifier<'_> {
    /// Runs every check that can be run, also behind one that failed, and says what each found. The
    /// decision is that of [`Verifier::verify`].
    #[must_use]
    pub fn inspect(&self, request: &Request<'_>, forward: ParamNames<'_>, now: UnixTime) -> Report {
        let mut report = Report::default();
        let located = match wire::locate(request) {
            Ok(located) => located,
            Err(refusal) => {
                report.fail(refusal);
                report.hints.extend(mistakes::of_placement(request));
                return report;
            }
        };
        report.placement = Some(located.placement);
        report.pass(format!("the token stands in the {}", place(located.placement)));
        let token = wire::read(&located, self.unsigned_params);
        let scope = token.as_ref().ok().map(|token| token.scope.to_string());
        report.fields = field::notes(located.text, scope.as_deref());
        let token = match token {
            Ok(token) => token,
            Err(refusal) => {
                report.fail(refusal);
                report.hints.extend(self.mistakes_of_grammar(request, &located));
                return report;
            }
        };
        report.pass("the token and the address are well formed".to_owned());
        report.kid = Some(token.kid.to_owned());
        report.path = Some(token.path.to_string());
        report.scope = scope;
        report.signing_input = Some(token.input().to_string());
        report.not_before = token.grant.not_before();
        report.expires = Some(token.grant.expires());
        self.run_checks(&mut report, &token, request, now);
        if report.refusal.is_none() {
            report.clean_url = Some(Verified::of(token).clean_url(forward));
        }
        report
    }

    /// Checks 3 to 7.
    fn run_checks(
        &self,
        report: &mut Report,
        token: &UnverifiedToken<'_>,
        request: &Request<'_>,
        now: UnixTime,
    ) {
        match self.check_key(token, now) {
            Ok(_) => report.pass(format!("the ring has a key `{}`", token.kid)),
            Err(error) => report.fail(error.into()),
        }
        match self.ring.find(token.kid) {
            Ok(entry) => match check_tag(token, entry) {
                Ok(()) => report.pass("it fits the signing input".to_owned()),
                Err(error) => {
                    report.fail(error.into());
                    report.hints.extend(self.mistakes_of_signature(token));
                }
            },
            Err(_) => {
                report.skip("there is no key to check it with");
                report.hints.extend(self.mistakes_of_signature(token));
            }
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
        report.hints.extend(mistakes::of_times(expires, now));
        match self.check_bindings(token, request) {
            Ok(()) => report.pass("the client is one that the token is for".to_owned()),
            Err(error) => report.fail(error.into()),
        }
        report.skip("revocation is known at the edge alone");
    }
}

const fn place(placement: Placement) -> &'static str {
    match placement {
        Placement::Bearer => "header Authorization",
        other => other.name(),
    }
}
