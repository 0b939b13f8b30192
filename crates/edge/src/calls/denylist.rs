//! The calls about revocations.

use playgate::UnixTime;
use playgate_json::{Shape, Value};
use playgate_state::{Kind, Reason, Revocation};
use serde::Serialize;

use super::query::{check, number, param};
use super::{Call, empty, json, parse, problem, wrong};
use crate::answer::Headers;
use crate::denylist::DenylistQuestion;
use crate::plan::Response;

const KINDS: &str = "write one of all, dir, jti, kid, sid and sub";

/// The most revocations on a page, and the usual number.
const MAX_LIMIT: u64 = 1000;
const USUAL_LIMIT: u64 = 100;

/// The largest number that JavaScript holds exactly.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// The outcome of a call about revocations.
#[derive(Clone, Copy, Debug)]
pub enum Done<'a> {
    /// The revocation that now holds.
    Revoked {
        /// The revocation.
        revocation: &'a Revocation,
        /// Whether it is new.
        is_new: bool,
    },
    /// A page: revocations, and the sequence number of the last one if there are more.
    Page {
        /// The revocations.
        revocations: &'a [Revocation],
        /// Where the next page starts.
        next: Option<u64>,
    },
    /// The revocation is gone.
    Undone,
    /// There is no such revocation.
    Unknown,
    /// There is no room for another one.
    Full,
}

/// A revocation to make. Members that are absent are `None`.
#[derive(Default)]
struct Request {
    kind: Option<Kind>,
    value: String,
    issued_before: Option<u64>,
    until: Option<u64>,
    reason: Reason,
}

impl Shape for Request {
    const EXPECTED: &'static str =
        "write an object like {\"kind\": \"sub\", \"value\": \"viewer-1\", \"until\": 1767311400}";

    fn set(&mut self, name: &str, value: Value) -> Result<(), &'static str> {
        const SECONDS: &str = "write whole unix seconds, without quotes";
        match name {
            "kind" => self.kind = Some(Kind::from_name(&value.text()?).ok_or(KINDS)?),
            "value" => self.value = value.text()?,
            "issued_before" => self.issued_before = Some(value.number().map_err(|_| SECONDS)?),
            "until" => self.until = Some(value.number().map_err(|_| SECONDS)?),
            "reason" => {
                let reason = Reason::from_name(&value.text()?);
                self.reason =
                    reason.ok_or("write displaced, revoked, session_ended or signed_out")?;
            }
            _ => {
                return Err(
                    "no such member; they are kind, value, issued_before, until and reason",
                );
            }
        }
        Ok(())
    }
}

/// A revocation in JSON.
#[derive(Serialize)]
struct Shown<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_before: Option<u64>,
    until: u64,
    reason: &'static str,
}

impl<'a> From<&'a Revocation> for Shown<'a> {
    fn from(revocation: &'a Revocation) -> Self {
        let Revocation { kind, value, issued_before, until, reason } = revocation;
        let (kind, reason) = (kind.name(), reason.name());
        Self { kind, value, issued_before: *issued_before, until: *until, reason }
    }
}

/// Reads a revocation.
pub(crate) fn revoke(body: &str, now: u64) -> Result<Revocation, Response> {
    let Request { kind, value, issued_before, until, reason } = parse(body)?;
    let kind = kind.ok_or_else(|| wrong("kind", KINDS))?;
    let until = until.ok_or_else(|| wrong("until", "write when the last of the tokens expires"))?;
    let revocation = Revocation { kind, value, issued_before, until, reason };
    match revocation.check(UnixTime::from_secs(now)) {
        Ok(()) => Ok(revocation),
        Err(error) => Err(wrong(error.field(), &error.to_string())),
    }
}

pub(super) fn list(query: &str) -> Result<Call, Response> {
    check(query, &["after", "limit"])?;
    let limit = number(query, "limit", 1..=MAX_LIMIT)?.unwrap_or(USUAL_LIMIT);
    Ok(Call::List { after: number(query, "after", 0..=MAX_NUMBER)?, limit })
}

pub(super) fn since(query: &str) -> Result<Call, Response> {
    check(query, &["epoch", "from"])?;
    let epoch = match param(query, "epoch")? {
        None => None,
        Some(text) => {
            let epoch = text.parse().ok().filter(|epoch: &u64| epoch.to_string() == text);
            let is_one = "write the epoch of the last answer";
            Some(epoch.ok_or_else(|| problem(400, "bad_request", Some("epoch"), is_one))?)
        }
    };
    let from = number(query, "from", 0..=MAX_NUMBER)?.unwrap_or(0);
    Ok(Call::Since(DenylistQuestion { epoch, from }))
}

pub(super) fn undo(query: &str) -> Result<Call, Response> {
    check(query, &["kind", "value"])?;
    let kind = param(query, "kind")?.unwrap_or_default();
    let kind =
        Kind::from_name(&kind).ok_or_else(|| problem(400, "bad_request", Some("kind"), KINDS))?;
    Ok(Call::Undo { kind, value: param(query, "value")?.unwrap_or_default() })
}

/// The response to a call.
#[must_use]
pub fn done(done: Done<'_>) -> Response {
    #[derive(Serialize)]
    struct Page<'a> {
        revocations: Vec<Shown<'a>>,
        next: Option<u64>,
    }
    match done {
        Done::Revoked { revocation, is_new } => {
            json(if is_new { 201 } else { 200 }, &Shown::from(revocation))
        }
        Done::Page { revocations, next } => {
            json(200, &Page { revocations: revocations.iter().map(Shown::from).collect(), next })
        }
        Done::Undone => empty(Headers::new()),
        Done::Full => {
            let detail = "the denylist is full; undo what is not needed, or revoke by directory or by time of issue";
            problem(507, "denylist_full", None, detail)
        }
        Done::Unknown => problem(404, "not_found", None, "there is no such revocation"),
    }
}
