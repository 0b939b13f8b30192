//! The operator's calls over HTTP: `/.playgate/revocations`.
//!
//! | method | body or query | status |
//! |---|---|---|
//! | `POST` | a revocation as JSON | 201, or 200 if it changed nothing |
//! | `GET` | `?after=SEQUENCE&limit=1..1000` | 200 with a page |
//! | `DELETE` | `?kind=sub&value=viewer-1` | 204, or 404 if there is no such revocation |

use core::ops::RangeInclusive;

use playgate::{Request, UnixTime, percent, secrets_match};
use playgate_state::{Kind, Revocation};

use crate::answer::Answer;
use crate::config::StateConfig;
use crate::plan::Response;

/// Where the operator's calls are.
const PREFIX: &str = "/.playgate/";
const REVOCATIONS: &str = "/.playgate/revocations";

/// The largest body of a call, in bytes. A revocation is much smaller.
pub const MAX_BODY: usize = 16_384;

/// The most revocations on a page, and the usual number.
const MAX_LIMIT: u64 = 1000;
const USUAL_LIMIT: u64 = 100;

/// The largest number that JavaScript holds exactly.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// An operator's call.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Undo a revocation.
    Undo {
        /// The kind.
        kind: Kind,
        /// The value.
        value: String,
    },
}

/// The outcome of an operator's call.
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

/// Whether a URL is one of the operator's calls.
pub(crate) fn is_call(url: &str) -> bool {
    Request::new(url).path_and_query().is_ok_and(|(path, _)| path.starts_with(PREFIX))
}

/// Whether a request has the operator's secret as a bearer token. The comparison takes the same time for every wrong
/// secret.
pub(crate) fn is_operator(state: &StateConfig, authorization: Option<&str>) -> bool {
    let secret = authorization.and_then(|header| {
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
pub fn read_call(method: &str, url: &str, body: Option<&[u8]>, now: u64) -> Result<Call, Response> {
    let path_and_query = Request::new(url).path_and_query().ok();
    let Some((REVOCATIONS, query)) = path_and_query else {
        return Err(problem(404, "not_found", None, "there is no such call"));
    };
    let query = query.unwrap_or_default();
    match method {
        "POST" => {
            let body = body.ok_or_else(|| {
                problem(413, "too_large", None, "a revocation has at most 16,384 bytes")
            })?;
            let body = core::str::from_utf8(body)
                .map_err(|_| problem(400, "bad_request", None, "the body is not UTF-8"))?;
            Revocation::parse(body, UnixTime::from_secs(now)).map(Call::Revoke).map_err(|error| {
                let field = Some(error.field()).filter(|field| !field.is_empty());
                problem(400, "bad_request", field, &error.to_string())
            })
        }
        "GET" => {
            let limit = number(query, "limit", 1..=MAX_LIMIT)?.unwrap_or(USUAL_LIMIT);
            Ok(Call::List { after: number(query, "after", 0..=MAX_NUMBER)?, limit })
        }
        "DELETE" => {
            let kind = param(query, "kind")?.unwrap_or_default();
            let kind = Kind::from_name(&kind).ok_or_else(|| {
                let detail = "`kind` is not one of all, dir, jti, kid, sid and sub";
                problem(400, "bad_request", Some("kind"), detail)
            })?;
            Ok(Call::Undo { kind, value: param(query, "value")?.unwrap_or_default() })
        }
        _ => Err(problem(405, "method_not_allowed", None, "only GET, POST and DELETE are allowed")),
    }
}

/// The response to a call.
#[must_use]
pub fn done(done: Done<'_>) -> Response {
    let (status, body) = match done {
        Done::Revoked { json, is_new } => (if is_new { 201 } else { 200 }, Some(json.to_string())),
        Done::Page { json, next } => {
            let next = next.map_or_else(|| "null".to_string(), |next| next.to_string());
            (200, Some(format!("{{\"revocations\":[{}],\"next\":{next}}}", json.join(","))))
        }
        Done::Undone => (204, None),
        Done::Full => {
            let detail = "the denylist is full; undo what is not needed, or revoke by directory or by time of issue";
            return problem(507, "denylist_full", None, detail);
        }
        Done::Unknown => {
            return problem(404, "not_found", None, "there is no such revocation");
        }
    };
    let mut headers =
        vec![("Cache-Control", "no-store".into()), ("X-Content-Type-Options", "nosniff".into())];
    if body.is_some() {
        headers.push(("Content-Type", "application/json".into()));
    }
    Answer { status, headers, body }.into()
}

fn problem(status: u16, reason: &'static str, field: Option<&str>, detail: &str) -> Response {
    let mut answer = Answer::with_detail(status, reason, field, detail);
    if status == 405 {
        answer.headers.push(("Allow", "GET, POST, DELETE".into()));
    }
    answer.into()
}

/// A number in the query, if it is there.
fn number(
    query: &str,
    name: &'static str,
    range: RangeInclusive<u64>,
) -> Result<Option<u64>, Response> {
    let Some(text) = param(query, name)? else { return Ok(None) };
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.map(Some).ok_or_else(|| {
        let detail = format!("`{name}` is not a number from {} to {}", range.start(), range.end());
        problem(400, "bad_request", Some(name), &detail)
    })
}

/// The decoded value of a query parameter, as forms and `URLSearchParams` write it: a plus sign is a blank.
fn param(query: &str, name: &'static str) -> Result<Option<String>, Response> {
    let mut values = query.split('&').filter_map(|param| param.split_once('='));
    let Some((_, value)) = values.find(|(known, _)| *known == name) else { return Ok(None) };
    percent::decode(&value.replace('+', " ")).map(Some).ok_or_else(|| {
        let detail = format!("`{name}` has a percent sign that starts no escape; write %25");
        problem(400, "bad_request", Some(name), &detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Body;

    const NOW: u64 = 1_767_225_000;
    const URL: &str = "https://cdn.example.com/.playgate/revocations";

    fn status(response: &Response) -> (u16, Option<&str>) {
        let reason = response.headers.iter().find(|(name, _)| name == "Playgate-Reason");
        (response.status, reason.map(|(_, value)| value.as_ref()))
    }

    fn refused(method: &str, url: &str, body: &[u8]) -> (u16, String) {
        let response = read_call(method, url, Some(body), NOW).unwrap_err();
        let Body::Text(text) = response.body else { panic!("no body") };
        (response.status, text)
    }

    #[test]
    fn each_method_is_a_call() {
        let body = br#"{"kind":"sub","value":"viewer-1","until":1767311400}"#;
        let Ok(Call::Revoke(revocation)) = read_call("POST", URL, Some(body), NOW) else {
            panic!()
        };
        assert_eq!((revocation.kind, revocation.value.as_str()), (Kind::Sub, "viewer-1"));
        assert_eq!(
            read_call("GET", URL, None, NOW),
            Ok(Call::List { after: None, limit: USUAL_LIMIT })
        );
        let page = [URL, "?limit=7&after=12"].concat();
        assert_eq!(
            read_call("GET", &page, None, NOW),
            Ok(Call::List { after: Some(12), limit: 7 })
        );
        let undo = [URL, "?kind=dir&value=%2Fvideos%2Fa+b%2B%2F"].concat();
        let value = String::from("/videos/a b+/");
        assert_eq!(
            read_call("DELETE", &undo, None, NOW),
            Ok(Call::Undo { kind: Kind::Dir, value })
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (method, url, body, code, field) in [
            ("POST", URL.to_string(), "{", 400, ""),
            ("POST", URL.to_string(), r#"{"kind":"sub","value":"v"}"#, 400, "until"),
            ("GET", format!("{URL}?limit=0"), "", 400, "limit"),
            ("GET", format!("{URL}?limit=1001"), "", 400, "limit"),
            ("GET", format!("{URL}?after=-1"), "", 400, "after"),
            ("DELETE", URL.to_string(), "", 400, "kind"),
            ("DELETE", format!("{URL}?kind=all&value=%ZZ"), "", 400, "value"),
            ("GET", format!("{URL}?after=%ZZ"), "", 400, "after"),
            ("PUT", URL.to_string(), "", 405, ""),
            ("GET", format!("{URL}/1"), "", 404, ""),
        ] {
            let (status, text) = refused(method, &url, body.as_bytes());
            assert_eq!(status, code, "{method} {url} {body}");
            let named = text.contains(&format!("\"field\":\"{field}\""));
            assert_eq!(named, !field.is_empty(), "{text}");
        }
        let large = read_call("POST", URL, None, NOW).unwrap_err();
        assert_eq!(status(&large), (413, Some("too_large")));
    }

    #[test]
    fn answers() {
        let revoked = |is_new| done(Done::Revoked { json: "{}", is_new }).status;
        assert_eq!((revoked(true), revoked(false)), (201, 200));
        let page = done(Done::Page { json: &["{}".into(), "{}".into()], next: Some(7) });
        assert_eq!(page.body, Body::Text(r#"{"revocations":[{},{}],"next":7}"#.into()));
        assert_eq!(done(Done::Undone).status, 204);
        assert_eq!(status(&done(Done::Unknown)), (404, Some("not_found")));
    }
}
