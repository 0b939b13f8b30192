//! The report of an inspection, as data and as text for people.

use core::fmt;

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::description::FieldDescription;
use crate::error::Refusal;
use crate::request::Placement;
use crate::time::UnixTime;

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names explain themselves")]
pub enum Outcome {
    Failed,
    Passed,
    Skipped,
}

/// A check by the gate.
#[derive(Clone, Debug)]
pub struct Check {
    /// Its position in the order of checks, from 1.
    pub number: u8,
    /// What it checks.
    pub name: &'static str,
    /// Its outcome.
    pub outcome: Outcome,
    /// Why, in a sentence.
    pub detail: String,
}

/// The result of [`Verifier::inspect`](crate::Verifier::inspect). Anything that could be a signature or a key is
/// removed, so it can be shown and logged.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The refusal; `None` if the request is admitted.
    pub refusal: Option<Refusal>,
    /// Why, in a sentence; `None` if the request is admitted.
    pub detail: Option<String>,
    /// The placement of the token.
    pub placement: Option<Placement>,
    /// The key id that the token claims.
    pub kid: Option<String>,
    /// The canonical path.
    pub path: Option<String>,
    /// The scope of the token.
    pub scope: Option<String>,
    /// The signing input: two lines for a native token.
    pub signing_input: Option<String>,
    /// The URL without the token, if the request is admitted.
    pub clean_url: Option<String>,
    /// The token, field by field.
    pub fields: Vec<FieldDescription>,
    /// The seven checks.
    pub checks: Vec<Check>,
    /// Mistakes that would explain the refusal.
    pub hints: Vec<String>,
    /// When the token becomes valid.
    pub not_before: Option<UnixTime>,
    /// When the token expires.
    pub expires: Option<UnixTime>,
}

const NAMES: [&str; 7] = ["placement", "grammar", "key", "signature", "times", "bindings", "state"];

impl Report {
    /// Whether the gate admits the request.
    #[must_use]
    pub const fn is_admitted(&self) -> bool {
        self.refusal.is_none()
    }

    pub(super) fn pass(&mut self, detail: String) {
        self.push(Outcome::Passed, detail);
    }

    pub(super) fn skip(&mut self, why: &str) {
        self.push(Outcome::Skipped, why.to_owned());
    }

    /// Records that a reference is well formed, and skips what needs its token: every check up to that of the state.
    pub(super) fn pass_reference(&mut self) {
        self.pass("the reference and the address are well formed".to_owned());
        while self.checks.len().saturating_add(1) < NAMES.len() {
            self.skip("the token is only in the gate's store");
        }
    }

    /// Records a failed check after which the others can still run.
    pub(super) fn fail_and_go_on(&mut self, refusal: Refusal, detail: String) {
        if self.refusal.is_none() {
            self.refusal = Some(refusal);
            self.detail = Some(detail.clone());
        }
        self.push(Outcome::Failed, detail);
    }

    /// Records a failed check, and skips the rest if nothing can be read without it.
    pub(super) fn fail(&mut self, refusal: Refusal, detail: String) {
        let rest = match refusal {
            Refusal::Ambiguous | Refusal::Missing => "there is no single token to check",
            Refusal::Parse(_) => "the request cannot be read",
            _ => return self.fail_and_go_on(refusal, detail),
        };
        if self.checks.is_empty() && matches!(refusal, Refusal::Parse(_)) {
            // A fault in the URL is found while searching for a token.
            self.skip(rest);
        }
        self.fail_and_go_on(refusal, detail);
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

/// The report on a request that cannot be inspected.
impl From<Refusal> for Report {
    fn from(refusal: Refusal) -> Self {
        let mut report = Self::default();
        report.fail(refusal, refusal.to_string());
        report
    }
}

/// The report as text for people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.refusal {
            None => writeln!(f, "allow")?,
            Some(refusal) => {
                let detail = self.detail.as_deref().unwrap_or_default();
                writeln!(f, "deny  {}: {detail}", refusal.code())?;
            }
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
        for FieldDescription { name, value, meaning } in &self.fields {
            writeln!(f, "  {:<14} {meaning}", format!("{name}={value}"))?;
        }
        for (n, hint) in self.hints.iter().enumerate() {
            writeln!(f, "{}  {hint}", if n == 0 { "\nperhaps:\n" } else { "" })?;
        }
        Ok(())
    }
}
