//! The explanation: every check with its outcome, what was signed, and which mistake fits.

mod mistakes;

use core::fmt;

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::error::Refusal;
use crate::format::{self as wire, UnverifiedToken};
use crate::grant::{Countries, DownloadName, Network};
use crate::query::ParamNames;
use crate::request::{Placement, Request};
use crate::time::UnixTime;
use crate::verify::{Verified, Verifier, check_tag};

/// What one check said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
#[expect(missing_docs, reason = "each is the word for what happened")]
pub enum Outcome {
    Failed,
    Passed,
    Skipped,
}

/// A check of the gate.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Check {
    /// Its place in the order of checks, from 1.
    pub number: u8,
    /// What it looks at.
    pub name: &'static str,
    /// What it said.
    pub outcome: Outcome,
    /// Why, in a sentence.
    pub detail: String,
}

/// A field of the token, in words.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct FieldNote {
    /// Its name on the wire.
    pub name: String,
    /// Its value; the signature is left out.
    pub value: String,
    /// What it means.
    pub meaning: String,
}

/// What [`Verifier::inspect`] found. It holds no signature, so it can be shown and logged.
#[derive(Clone, Debug)]
pub struct Report {
    /// Why the request is refused; `None` where it is admitted.
    pub refusal: Option<Refusal>,
    /// Where the token stands.
    pub placement: Option<Placement>,
    /// The id of the key that the token says it was signed with.
    pub kid: Option<String>,
    /// The canonical path.
    pub path: Option<String>,
    /// The part of the URL space that the token allows.
    pub scope: Option<String>,
    /// The bytes under the MAC: two lines.
    pub signing_input: Option<String>,
    /// The URL without the token, where the request is admitted.
    pub clean_url: Option<String>,
    /// The token, field by field.
    pub fields: Vec<FieldNote>,
    /// The seven checks.
    pub checks: Vec<Check>,
    /// Mistakes that would explain the refusal.
    pub hints: Vec<String>,
    /// When the token starts.
    pub not_before: Option<UnixTime>,
    /// When the token ends.
    pub expires: Option<UnixTime>,
}

const NAMES: [&str; 7] = ["placement", "grammar", "key", "signature", "times", "bindings", "state"];

impl Verifier<'_> {
    /// Runs every check that can be run, also behind one that failed, and says what each found. The
    /// decision is that of [`Verifier::verify`].
    #[must_use]
    pub fn inspect(&self, request: &Request<'_>, forward: ParamNames<'_>, now: UnixTime) -> Report {
        let mut report = Report {
            refusal: None,
            placement: None,
            kid: None,
            path: None,
            scope: None,
            signing_input: None,
            clean_url: None,
            fields: Vec::new(),
            checks: Vec::new(),
            hints: Vec::new(),
            not_before: None,
            expires: None,
        };
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
        report.fields = notes(located.text, scope.as_deref());
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
        match self.check_bindings(&token.grant, request) {
            Ok(()) => report.pass("the client is one that the token is for".to_owned()),
            Err(error) => report.fail(error.into()),
        }
        report.skip("revocation is known at the edge alone");
    }
}

impl Report {
    /// Whether the gate admits the request.
    #[must_use]
    pub const fn is_admitted(&self) -> bool {
        self.refusal.is_none()
    }

    fn pass(&mut self, detail: String) {
        self.push(Outcome::Passed, detail);
    }

    fn skip(&mut self, why: &str) {
        self.push(Outcome::Skipped, why.to_owned());
    }

    /// Notes a failed check. Behind one that nothing can be read without, the rest is skipped.
    fn fail(&mut self, refusal: Refusal) {
        self.refusal = self.refusal.or(Some(refusal));
        let rest = match refusal {
            Refusal::Ambiguous | Refusal::Missing => "there is no one token to check",
            Refusal::Parse(_) => "the request cannot be read",
            _ => return self.push(Outcome::Failed, refusal.to_string()),
        };
        if self.checks.is_empty() && matches!(refusal, Refusal::Parse(_)) {
            // A fault of the URL shows while a token is looked for.
            self.skip(rest);
        }
        self.push(Outcome::Failed, refusal.to_string());
        while self.checks.len() < NAMES.len() {
            self.skip(rest);
        }
    }

    fn push(&mut self, outcome: Outcome, detail: String) {
        let name = NAMES.get(self.checks.len()).copied().unwrap_or_default();
        let number = u8::try_from(self.checks.len().saturating_add(1)).unwrap_or(u8::MAX);
        self.checks.push(Check { number, name, outcome, detail });
    }
}

/// The text for people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.refusal {
            None => writeln!(f, "allow")?,
            Some(refusal) => writeln!(f, "deny  {}: {refusal}", refusal.code())?,
        }
        writeln!(f)?;
        for Check { number, name, outcome, detail } in &self.checks {
            let outcome = match outcome {
                Outcome::Failed => "FAILED",
                Outcome::Passed => "passed",
                Outcome::Skipped => "skipped",
            };
            writeln!(f, "  {number} {name:<10} {outcome:<8} {detail}")?;
        }
        let shown = [
            ("path", &self.path),
            ("scope", &self.scope),
            ("signing input", &self.signing_input),
            ("clean url", &self.clean_url),
        ];
        if shown.iter().any(|(_, text)| text.is_some()) {
            writeln!(f)?;
        }
        for (name, text) in shown {
            for (n, line) in text.iter().flat_map(|text| text.lines()).enumerate() {
                writeln!(f, "  {:<14} {line}", if n == 0 { name } else { "" })?;
            }
        }
        if !self.fields.is_empty() {
            writeln!(f)?;
        }
        for FieldNote { name, value, meaning } in &self.fields {
            writeln!(f, "  {:<14} {meaning}", format!("{name}={value}"))?;
        }
        for (n, hint) in self.hints.iter().enumerate() {
            writeln!(f, "{}  {hint}", if n == 0 { "\nperhaps:\n" } else { "" })?;
        }
        Ok(())
    }
}

const fn place(placement: Placement) -> &'static str {
    match placement {
        Placement::Bearer => "header Authorization",
        other => other.name(),
    }
}

/// The fields of a token that may be broken, up to the signature.
fn notes(token: &str, scope: Option<&str>) -> Vec<FieldNote> {
    let mut notes = Vec::new();
    for field in token.split('&') {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let last = name == "sig";
        notes.push(FieldNote {
            name: name.to_owned(),
            value: if last { "..".to_owned() } else { value.to_owned() },
            meaning: meaning(name, value, scope),
        });
        if last {
            break;
        }
    }
    notes
}

fn meaning(name: &str, value: &str, scope: Option<&str>) -> String {
    let time =
        || value.parse().map(|secs| UnixTime::from_secs(secs).to_string()).unwrap_or_default();
    match name {
        "pg" => format!("version {value} of the format"),
        "exp" => format!("expires {}", time()),
        "kid" => format!("signed with the key `{value}`"),
        "aud" => format!("for the deployment `{value}`"),
        "cc" if Countries::parse(value).is_ok() => {
            format!("for clients in {}", value.replace('.', ", "))
        }
        "dir" => match scope {
            Some(scope) => format!("for everything below {scope}"),
            None => format!("for everything below the first {value} segments of the path"),
        },
        "dl" => match DownloadName::parse(value) {
            Ok(name) => format!("to be saved as \"{}\"", name.decode()),
            Err(fault) => fault.to_string(),
        },
        "ip" => match Network::parse(value) {
            Ok(network) => format!("for clients in {}", network.to_cidr()),
            Err(fault) => fault.to_string(),
        },
        "jti" => "the token's id".to_owned(),
        "nbf" => format!("not before {}", time()),
        "run" => match value.parse() {
            Ok(secs) => format!("may be exchanged for a token of {}", Span(secs)),
            Err(_) => String::new(),
        },
        "sid" => "the playback session".to_owned(),
        "sub" => "the viewer".to_owned(),
        "sig" => format!("the signature; it has {} of 43 characters", value.len()),
        _ => "not a field of version 1".to_owned(),
    }
}

/// Seconds in the two largest units that they fill.
struct Span(u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, hours, minutes) = (self.0 / 86_400, self.0 / 3_600 % 24, self.0 / 60 % 60);
        match (days, hours, minutes) {
            (0, 0, 0) => write!(f, "{} s", self.0),
            (0, 0, _) => write!(f, "{minutes} min {} s", self.0 % 60),
            (0, _, _) => write!(f, "{hours} h {minutes} min"),
            _ => write!(f, "{days} d {hours} h"),
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Report {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut json = serializer.serialize_struct("Report", 16)?;
        json.serialize_field("verdict", if self.is_admitted() { "allow" } else { "deny" })?;
        json.serialize_field("reason", &self.refusal.map(Refusal::code))?;
        json.serialize_field("status", &self.refusal.map(Refusal::status))?;
        let field = self.refusal.and_then(Refusal::field);
        json.serialize_field("field", &field.map(crate::Field::name))?;
        json.serialize_field("detail", &self.refusal.map(|refusal| refusal.to_string()))?;
        json.serialize_field("placement", &self.placement.map(Placement::name))?;
        json.serialize_field("kid", &self.kid)?;
        json.serialize_field("path", &self.path)?;
        json.serialize_field("scope", &self.scope)?;
        json.serialize_field("signing_input", &self.signing_input)?;
        json.serialize_field("clean_url", &self.clean_url)?;
        json.serialize_field("fields", &self.fields)?;
        json.serialize_field("checks", &self.checks)?;
        json.serialize_field("hints", &self.hints)?;
        json.serialize_field("not_before", &self.not_before.map(UnixTime::as_secs))?;
        json.serialize_field("expires", &self.expires.map(UnixTime::as_secs))?;
        json.end()
    }
}
