//! The gate's own calls over HTTP, below `/.playgate/`. All but the last need the operator's secret.
//!
//! | method and path | body or query | status |
//! |---|---|---|
//! | `POST revocations` | a revocation as JSON | 201, or 200 if it changed nothing |
//! | `GET revocations` | `?after=SEQUENCE&limit=1..1000` | 200 with a page |
//! | `DELETE revocations` | `?kind=sub&value=viewer-1` | 204, or 404 if there is no such revocation |
//! | `GET denylist` | `?epoch=EPOCH&from=NUMBER` | 200 with what is new for a gate that follows this one, in binary |
//! | `POST references` | a signed link and a reference as JSON | 201 |
//! | `DELETE references` | `?reference=ref....` | 204, or 404 if there is no such reference |
//! | `GET playbacks` | `?sub=viewer-1` | 200 with the viewer's playbacks |
//! | `DELETE playbacks` | `?sub=viewer-1`, `&sid=...` for one of them | 204, or 404 if there is no such playback |
//! | `GET sessions` | `?sub=viewer-1` | 200 with the viewer's sessions |
//! | `DELETE sessions` | `?sub=viewer-1`, `&sid=...` for one of them | 204, or 404 if there is no such session |
//! | `POST playbacks/end` | an address of the playback | 204 |
//!
//! The endpoints of sessions, which pages call, are in [`decide`](crate::decide).

mod denylist;
mod playbacks;
mod query;
mod references;
mod sessions;

use playgate::{Request, secrets_match};
use playgate_json::{Shape, Value};
use playgate_state::{Kind, RecordReply, Revocation, decode};
use serde::Serialize;

#[cfg(test)]
pub(crate) use self::denylist::revoke;
pub use self::denylist::{Done, done};
use crate::answer::{Answer, Headers, Problem};
use crate::built;
use crate::config::{Config, StateConfig};
use crate::denylist::DenylistQuestion;
use crate::plan::Response;
use crate::record_request::RecordRequest;
use crate::request::RequestParts;

const PREFIX: &str = "/.playgate/";
const DENYLIST: &str = "/.playgate/denylist";
const REVOCATIONS: &str = "/.playgate/revocations";
const REFERENCES: &str = "/.playgate/references";
const PLAYBACKS: &str = "/.playgate/playbacks";
const SESSIONS: &str = "/.playgate/sessions";
const PLAYBACKS_END: &str = "/.playgate/playbacks/end";

/// The largest body of a call, in bytes. A link has at most 8,192.
pub const MAX_BODY: usize = 16_384;

/// The media type of what is new in the denylist.
pub const UPDATE_TYPE: &str = "application/octet-stream";

/// A call that can be carried out.
#[derive(Debug)]
pub enum Call {
    /// Revoke.
    Revoke(Revocation),
    /// List at most `limit` revocations with a sequence number above `after`.
    List {
        /// The sequence number of the last revocation of the page before.
        after: Option<u64>,
        /// The most revocations.
        limit: u64,
    },
    /// Say what is new for another gate, as it would be said to this one. The answer is [`UPDATE_TYPE`].
    Since(DenylistQuestion),
    /// Undo a revocation.
    Undo {
        /// The kind.
        kind: Kind,
        /// The value.
        value: String,
    },
    /// Send a command to a record. [`RecordCall::answered`] says what follows from its answer.
    Record(RecordCall),
}

/// A command to a record, and what follows from its answer.
#[derive(Debug)]
pub struct RecordCall {
    /// The command.
    pub question: RecordRequest,
    respond: Respond,
}

/// What follows from the answer of a record.
#[derive(Debug)]
pub enum Answered {
    /// The response.
    Respond(Response),
    /// Then revoke this.
    Revoke {
        /// The revocation.
        revocation: Revocation,
        /// Whether the viewer's sessions have ended. If not, the response is [`incomplete`].
        is_complete: bool,
    },
}

/// How to read the answer of a record.
#[derive(Debug)]
enum Respond {
    /// 204, or 404 with this detail.
    Done(&'static str),
    /// 204, with these header fields.
    Ended(Headers),
    /// A page of playbacks.
    Playbacks,
    /// A page of sessions.
    Sessions,
    /// A revocation, once the viewer's sessions have ended.
    Revoke(Revocation),
    /// 201 with this body, or 409 if the reference stands for another token.
    Reference(references::Created),
}

/// Whether a URL is one of the gate's own calls.
pub(crate) fn is_call(url: &str) -> bool {
    Request::new(url).path_and_query().is_ok_and(|(path, _)| path.starts_with(PREFIX))
}

/// Whether a request may make a call: it has the operator's secret as a bearer token, or it ends its own playback. The
/// comparison takes the same time for every wrong secret.
pub(crate) fn is_allowed(state: &StateConfig, parts: &RequestParts<'_>) -> bool {
    let path = Request::new(parts.url).path_and_query().map(|(path, _)| path);
    if state.has_records && path == Ok(PLAYBACKS_END) {
        return true;
    }
    let secret = parts.authorization.and_then(|header| {
        let (scheme, secret) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
    });
    secret.is_some_and(|secret| {
        secrets_match(secret.as_bytes(), state.admin_secret.expose().as_bytes())
    })
}

/// Reads a call. `now` is in Unix seconds; `body` is `None` if it exceeds [`MAX_BODY`].
///
/// # Errors
/// The response that says what is wrong.
pub fn read_call(
    config: &Result<Config, crate::Broken>,
    parts: &RequestParts<'_>,
    body: Option<&[u8]>,
    now: u64,
) -> Result<Call, Response> {
    let Ok(config) = config else {
        return Err(Answer::problem(Problem::Misconfigured, false, Headers::new()).into());
    };
    let unknown = || problem(404, "not_found", None, "there is no such call");
    let Ok((path, query)) = Request::new(parts.url).path_and_query() else { return Err(unknown()) };
    let query = query.unwrap_or_default();
    let Some(state) = config.state() else { return Err(unknown()) };
    let has_records = state.has_records;
    match (path, parts.method) {
        (REVOCATIONS, "POST") => {
            let revocation = denylist::revoke(text(body)?, now)?;
            Ok(sessions::end_first(revocation, has_records))
        }
        (REVOCATIONS, "GET") => denylist::list(query),
        (REVOCATIONS, "DELETE") => denylist::undo(query),
        (REVOCATIONS, _) => Err(wrong_method("DELETE, GET, POST")),
        (DENYLIST, "GET") => denylist::since(query),
        (DENYLIST, _) => Err(wrong_method("GET")),
        (REFERENCES | PLAYBACKS | PLAYBACKS_END | SESSIONS, _) if !has_records => {
            Err(problem(404, "not_found", None, "RECORDS is not bound; bind the class Record"))
        }
        (REFERENCES, "POST") => references::create(config, text(body)?, now),
        (REFERENCES, "DELETE") => references::delete(query),
        (REFERENCES, _) => Err(wrong_method("DELETE, POST")),
        (PLAYBACKS, "GET") => playbacks::list(query),
        (PLAYBACKS, "DELETE") => playbacks::end(query),
        (PLAYBACKS, _) => Err(wrong_method("DELETE, GET")),
        (SESSIONS, "GET") => sessions::list(query),
        (SESSIONS, "DELETE") => sessions::end(query),
        (SESSIONS, _) => Err(wrong_method("DELETE, GET")),
        (PLAYBACKS_END, "POST") => playbacks::leave(config, parts, text(body)?, now),
        (PLAYBACKS_END, _) => Err(wrong_method("POST")),
        _ => Err(unknown()),
    }
}

impl RecordCall {
    /// What follows from the answer, which is encoded; `None` if there was none.
    #[must_use]
    pub fn answered(self, answer: Option<&[u8]>) -> Answered {
        let answer = answer.filter(|_| built::STATE).and_then(decode);
        Answered::Respond(match (self.respond, answer) {
            // Also without an answer: the denylist alone keeps the viewer out as long as the revocation lasts.
            (Respond::Revoke(revocation), answer) => {
                let is_complete = answer == Some(RecordReply::Done);
                return Answered::Revoke { revocation, is_complete };
            }
            (Respond::Sessions, Some(RecordReply::Sessions(sessions))) => {
                json(200, &sessions::Page::of(&sessions))
            }
            (Respond::Done(_), Some(RecordReply::Done)) => empty(Headers::new()),
            (Respond::Done(detail), Some(_)) => problem(404, "not_found", None, detail),
            // Whether it is known or not: the viewer has left.
            (Respond::Ended(cors), Some(_)) => empty(cors),
            (Respond::Playbacks, Some(RecordReply::Playbacks(playbacks))) => {
                json(200, &playbacks::Page::of(&playbacks))
            }
            (Respond::Reference(created), Some(RecordReply::Done)) => json(201, &created),
            (Respond::Reference(_), Some(RecordReply::Taken)) => {
                let detail = "the reference stands for another link; make a new one";
                problem(409, "reference_taken", Some("reference"), detail)
            }
            _ => problem(503, "state_unavailable", None, "the records gave no answer; try again"),
        })
    }
}

/// The response to a revocation of a viewer whose sessions could not be ended.
#[must_use]
pub fn incomplete() -> Response {
    let detail = "the links are revoked, but the viewer's sessions go on once the revocation ends; try again";
    problem(503, "state_unavailable", None, detail)
}

fn text(body: Option<&[u8]>) -> Result<&str, Response> {
    let body =
        body.ok_or_else(|| problem(413, "too_large", None, "the body has more than 16,384 bytes"))?;
    core::str::from_utf8(body).map_err(|_| wrong("", "the body is not UTF-8"))
}

/// Reads the JSON of a call. An unknown member is refused, because it may be meant as a restriction.
fn parse<T: Shape>(body: &str) -> Result<T, Response> {
    let value: Value = serde_json::from_str(body).map_err(|_| wrong("", "the body is not JSON"))?;
    T::from_value(value).map_err(|error| wrong(&error.field, &error.to_string()))
}

/// The response to a call with a fault. `field` is empty if the call as a whole is wrong.
fn wrong(field: &str, detail: &str) -> Response {
    problem(400, "bad_request", Some(field).filter(|field| !field.is_empty()), detail)
}

fn empty(mut headers: Headers) -> Response {
    headers.splice(0..0, no_store());
    Answer { status: 204, headers, body: None }.into()
}

fn json(status: u16, body: &impl Serialize) -> Response {
    // Strings and numbers always serialize.
    let body = serde_json::to_string(body).unwrap_or_default();
    let mut headers: Headers = no_store().into();
    headers.push(("Content-Type", "application/json".into()));
    Answer { status, headers, body: Some(body) }.into()
}

fn no_store() -> [crate::answer::Header; 2] {
    [("Cache-Control", "no-store".into()), ("X-Content-Type-Options", "nosniff".into())]
}

fn problem(status: u16, reason: &'static str, field: Option<&str>, detail: &str) -> Response {
    Answer::with_detail(status, reason, field, detail).into()
}

fn wrong_method(allowed: &'static str) -> Response {
    let detail = format!("this call takes {allowed}");
    let mut answer = Answer::with_detail(405, "method_not_allowed", None, &detail);
    answer.headers.push(("Allow", allowed.into()));
    answer.into()
}
