//! Complete answers without media: refusals, errors, and replies to preflights.

use std::borrow::Cow;

use playgate::Refusal;
use playgate_manifest::ManifestError;
use serde::Serialize;

/// Header fields, in the order in which they are sent.
pub(crate) type Headers = Vec<Header>;

pub(crate) type Header = (&'static str, Cow<'static, str>);

/// Header fields of a response. Their names may come from the media server.
pub type Fields = Vec<(Cow<'static, str>, Cow<'static, str>)>;

/// Converts the gate's own header fields.
pub(crate) fn fields(
    headers: Headers,
) -> impl Iterator<Item = (Cow<'static, str>, Cow<'static, str>)> {
    headers.into_iter().map(|(name, value)| (name.into(), value))
}

/// Why the gate does not serve a request, including the core's refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    BadManifest,
    BadOrigin,
    BadStore,
    /// A page that may not call the session endpoints.
    CrossSite,
    ManifestTooComplex,
    ManifestTooLarge,
    /// This gate was built without manifests.
    ManifestsRequired,
    MethodNotAllowed,
    Misconfigured,
    NoPreview,
    NotFound,
    PreconditionFailed,
    /// The operator's secret is missing or wrong.
    Unauthorized,
    /// With the size of the media, which the client needs to know.
    RangeNotSatisfiable(u64),
    Refused(Refusal),
}

impl Problem {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::BadManifest => "bad_manifest",
            Self::BadOrigin => "bad_origin",
            Self::BadStore => "bad_store",
            Self::CrossSite => "cross_site",
            Self::ManifestTooComplex => "manifest_too_complex",
            Self::ManifestTooLarge => "manifest_too_large",
            Self::ManifestsRequired => "manifests_required",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Misconfigured => "misconfigured",
            Self::NoPreview => "no_preview",
            Self::NotFound => "not_found",
            Self::PreconditionFailed => "precondition_failed",
            Self::RangeNotSatisfiable(_) => "range_not_satisfiable",
            Self::Refused(refusal) => refusal.code(),
            Self::Unauthorized => "unauthorized",
        }
    }

    pub(crate) fn status(self) -> u16 {
        match self {
            Self::BadManifest
            | Self::BadOrigin
            | Self::BadStore
            | Self::ManifestTooComplex
            | Self::ManifestTooLarge => 502,
            Self::CrossSite | Self::ManifestsRequired | Self::NoPreview => 403,
            Self::MethodNotAllowed => 405,
            Self::Misconfigured => 503,
            Self::NotFound => 404,
            Self::PreconditionFailed => 412,
            Self::RangeNotSatisfiable(_) => 416,
            Self::Refused(refusal) => refusal.status(),
            Self::Unauthorized => 401,
        }
    }

    pub(crate) fn field(self) -> Option<&'static str> {
        match self {
            Self::Refused(refusal) => refusal.field().map(|field| field.name()),
            _ => None,
        }
    }

    /// One sentence of fixed text: nothing from the request is echoed.
    fn detail(self) -> String {
        match self {
            Self::BadManifest => "the manifest in the media store cannot be read".into(),
            Self::BadOrigin => "the media server gave no usable answer".into(),
            Self::BadStore => "the media store gave no answer".into(),
            Self::CrossSite => {
                "this page may not use sessions: list its origin in ALLOW_ORIGINS, and serve it from the gate's site"
                    .into()
            }
            Self::ManifestTooComplex => ManifestError::TooComplex.to_string(),
            Self::ManifestTooLarge => {
                "the manifest is larger than MAX_MANIFEST_BYTES allows, so the gate cannot rewrite it"
                    .into()
            }
            Self::ManifestsRequired => {
                "this playlist must be rewritten, and this gate rewrites none".into()
            }
            Self::MethodNotAllowed => "only GET, HEAD and OPTIONS are allowed".into(),
            Self::Misconfigured => "the gate's configuration is invalid; its log lists the errors".into(),
            Self::NoPreview => ManifestError::NoPreview.to_string(),
            Self::NotFound => "the link is valid, but the media store has nothing at this path".into(),
            Self::PreconditionFailed => "the media is not the requested version".into(),
            Self::RangeNotSatisfiable(_) => "the range starts after the end of the media".into(),
            Self::Refused(refusal) => refusal.to_string(),
            Self::Unauthorized => "this call needs the operator's secret".into(),
        }
    }
}

impl From<ManifestError> for Problem {
    fn from(error: ManifestError) -> Self {
        match error {
            ManifestError::Malformed => Self::BadManifest,
            ManifestError::NoPreview => Self::NoPreview,
            // Every request that reaches the gate names its host, so this is a configuration error.
            ManifestError::NoHost => Self::Misconfigured,
            ManifestError::TooComplex => Self::ManifestTooComplex,
            ManifestError::TooLarge => Self::ManifestTooLarge,
        }
    }
}

/// An RFC 9457 problem. The type is `about:blank`, so the title is the status phrase; `reason` is more
/// specific.
#[derive(Serialize)]
struct ProblemBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'a str>,
    detail: String,
}

/// An answer that needs nothing from the media store.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Option<String>,
}

impl Answer {
    /// The answer to a request that is not served, with the `cors` header fields.
    pub(crate) fn problem(problem: Problem, head: bool, cors: Headers) -> Self {
        Self::problem_about(None, problem, head, cors)
    }

    /// [`Answer::problem`] that also names a query parameter.
    pub(crate) fn problem_about(
        param: Option<&str>,
        problem: Problem,
        head: bool,
        cors: Headers,
    ) -> Self {
        let status = problem.status();
        let mut headers = problem_headers(problem.reason());
        match status {
            401 => headers.push(("WWW-Authenticate", "Bearer".into())),
            405 => headers.push(("Allow", "GET, HEAD, OPTIONS".into())),
            _ => {}
        }
        if let Problem::RangeNotSatisfiable(size) = problem {
            headers.push(("Content-Range", format!("bytes */{size}").into()));
        }
        let body = ProblemBody {
            kind: "about:blank",
            title: phrase(status),
            status,
            reason: problem.reason(),
            field: problem.field(),
            param,
            detail: problem.detail(),
        };
        // Strings and a number always serialize.
        let body = serde_json::to_string(&body).unwrap_or_default();
        if head {
            // With a body, the runtime sets the length. For HEAD it drops the body, so set it here.
            headers.push(("Content-Length", body.len().to_string().into()));
        }
        headers.extend(cors);
        Self { status, headers, body: Some(body) }
    }

    /// The answer to a call that cannot be carried out. `field` is the part of the call that is at fault.
    pub(crate) fn with_detail(
        status: u16,
        reason: &'static str,
        field: Option<&str>,
        detail: &str,
    ) -> Self {
        let (kind, title, param) = ("about:blank", phrase(status), None);
        let body = ProblemBody { kind, title, status, reason, field, param, detail: detail.into() };
        let body = serde_json::to_string(&body).unwrap_or_default();
        Self { status, headers: problem_headers(reason), body: Some(body) }
    }
}

fn problem_headers(reason: &'static str) -> Headers {
    vec![
        ("Content-Type", "application/problem+json".into()),
        ("Cache-Control", "no-store".into()),
        ("Playgate-Reason", reason.into()),
        ("X-Content-Type-Options", "nosniff".into()),
    ]
}

/// The phrases of RFC 9110, section 15.
const fn phrase(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        416 => "Range Not Satisfiable",
        502 => "Bad Gateway",
        507 => "Insufficient Storage",
        _ => "Service Unavailable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use playgate::{Fault, Field, ParseError};

    #[test]
    fn refusal_names_reason_and_field() {
        let refusal = Refusal::Parse(ParseError::Malformed(Field::Exp, Fault::Empty));
        let Answer { status, headers, body } =
            Answer::problem(Problem::Refused(refusal), false, Vec::new());
        assert_eq!(status, 403);
        assert!(headers.contains(&("Playgate-Reason", "malformed".into())));
        assert!(headers.contains(&("Cache-Control", "no-store".into())));
        assert_eq!(
            body.unwrap(),
            concat!(
                r#"{"type":"about:blank","title":"Forbidden","status":403,"reason":"malformed","#,
                r#""field":"exp","detail":"`exp` is empty"}"#
            )
        );
    }

    #[test]
    fn missing_token_asks_for_one() {
        let answer = Answer::problem(Problem::Refused(Refusal::Missing), false, Vec::new());
        assert_eq!(answer.status, 401);
        assert!(answer.headers.contains(&("WWW-Authenticate", "Bearer".into())));
    }

    #[test]
    fn wrong_method_says_which_are_right() {
        let answer = Answer::problem(Problem::MethodNotAllowed, false, Vec::new());
        assert_eq!(answer.status, 405);
        assert!(answer.headers.contains(&("Allow", "GET, HEAD, OPTIONS".into())));
    }

    #[test]
    fn unsatisfiable_range_tells_the_size() {
        let answer = Answer::problem(Problem::RangeNotSatisfiable(1000), false, Vec::new());
        assert_eq!(answer.status, 416);
        assert!(answer.headers.contains(&("Content-Range", "bytes */1000".into())));
    }
}
