//! The calls about revocations.

use playgate::UnixTime;
use playgate_state::{Kind, Revocation};

use super::query::{number, param};
use super::{Call, empty, json, problem};
use crate::answer::Headers;
use crate::plan::Response;

/// The most revocations on a page, and the usual number.
const MAX_LIMIT: u64 = 1000;
const USUAL_LIMIT: u64 = 100;

/// The largest number that JavaScript holds exactly.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// The outcome of a call about revocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done<'a> {
    /// The revocation that now holds, as JSON.
    Revoked {
        /// The revocation.
        json: &'a str,
        /// Whether it is new.
        is_new: bool,
    },
    /// A page: revocations as JSON, and the sequence number of the last one if there are more.
    Page {
        /// The revocations.
        json: &'a [String],
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

pub(super) fn revoke(body: &str, now: u64) -> Result<Call, Response> {
    Revocation::parse(body, UnixTime::from_secs(now)).map(Call::Revoke).map_err(|error| {
        let field = Some(error.field()).filter(|field| !field.is_empty());
        problem(400, "bad_request", field, &error.to_string())
    })
}

pub(super) fn list(query: &str) -> Result<Call, Response> {
    let limit = number(query, "limit", 1..=MAX_LIMIT)?.unwrap_or(USUAL_LIMIT);
    Ok(Call::List { after: number(query, "after", 0..=MAX_NUMBER)?, limit })
}

pub(super) fn undo(query: &str) -> Result<Call, Response> {
    let kind = param(query, "kind")?.unwrap_or_default();
    let kind = Kind::from_name(&kind).ok_or_else(|| {
        let detail = "`kind` is not one of all, dir, jti, kid, sid and sub";
        problem(400, "bad_request", Some("kind"), detail)
    })?;
    Ok(Call::Undo { kind, value: param(query, "value")?.unwrap_or_default() })
}

/// The response to a call.
#[must_use]
pub fn done(done: Done<'_>) -> Response {
    match done {
        Done::Revoked { json: text, is_new } => json(if is_new { 201 } else { 200 }, text.into()),
        Done::Page { json: revocations, next } => {
            let next = next.map_or_else(|| "null".to_string(), |next| next.to_string());
            let revocations = revocations.join(",");
            json(200, format!("{{\"revocations\":[{revocations}],\"next\":{next}}}"))
        }
        Done::Undone => empty(Headers::new()),
        Done::Full => {
            let detail = "the denylist is full; undo what is not needed, or revoke by directory or by time of issue";
            problem(507, "denylist_full", None, detail)
        }
        Done::Unknown => problem(404, "not_found", None, "there is no such revocation"),
    }
}
