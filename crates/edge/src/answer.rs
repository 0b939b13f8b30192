//! A finished answer without media: a refusal, an error, the reply to a preflight.

use std::borrow::Cow;

use playgate::Refusal;
use playgate_manifest::ManifestError;
use serde::Serialize;

/// Header fields in the order in which they are sent.
pub(crate) type Headers = Vec<Header>;

pub(crate) type Header = (&'static str, Cow<'static, str>);

/// Header fields of a response, which may have names of the media server's.
pub type Fields = Vec<(Cow<'static, str>, Cow<'static, str>)>;

/// The gate's own header fields among others.
pub(crate) fn fields(
    headers: Headers,
) -> impl Iterator<Item = (Cow<'static, str>, Cow<'static, str>)> {
    headers.into_iter().map(|(name, value)| (name.into(), value))
}

/// Why the Worker does not serve what was asked; the core's refusals aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    BadManifest,
    BadOrigin,
    BadStore,
    ManifestTooComplex,
    ManifestTooLarge,
    MethodNotAllowed,
    Misconfigured,
    NoPreview,
    NotFound,
    PreconditionFailed,
    /// With the size of the media, which the client did not know.
    RangeNotSatisfiable(u64),
    Refused(Refusal),
}

impl Problem {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::BadManifest => "bad_manifest",
            Self::BadOrigin => "bad_origin",
            Self::BadStore => "bad_store",
            Self::ManifestTooComplex => "manifest_too_complex",
            Self::ManifestTooLarge => "manifest_too_large",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Misconfigured => "misconfigured",
            Self::NoPreview => "no_preview",
            Self::NotFound => "not_found",
            Self::PreconditionFailed => "precondition_failed",
            Self::RangeNotSatisfiable(_) => "range_not_satisfiable",
            Self::Refused(refusal) => refusal.code(),
        }
    }

    pub(crate) fn status(self) -> u16 {
        match self {
            Self::BadManifest
            | Self::BadOrigin
            | Self::BadStore
            | Self::ManifestTooComplex
            | Self::ManifestTooLarge => 502,
            Self::NoPreview => 403,
            Self::MethodNotAllowed => 405,
            Self::Misconfigured => 503,
            Self::NotFound => 404,
            Self::PreconditionFailed => 412,
            Self::RangeNotSatisfiable(_) => 416,
            Self::Refused(refusal) => refusal.status(),
        }
    }

    pub(crate) fn field(self) -> Option<&'static str> {
        match self {
            Self::Refused(refusal) => refusal.field().map(|field| field.name()),
            _ => None,
        }
    }

    /// One sentence from a fixed text: nothing of the request is echoed.
    fn detail(self) -> String {
        match self {
            Self::BadManifest => "the manifest in the media store cannot be read".into(),
            Self::BadOrigin => "the media server behind the gate gave no usable answer".into(),
            Self::BadStore => "the media store gave no answer".into(),
            Self::ManifestTooComplex => ManifestError::TooComplex.to_string(),
            Self::ManifestTooLarge => {
                "the manifest is larger than MAX_MANIFEST_BYTES, up to which the gate rewrites"
                    .into()
            }
            Self::MethodNotAllowed => "only GET, HEAD and OPTIONS are answered here".into(),
            Self::Misconfigured => "the gate's configuration is broken; its log says where".into(),
            Self::NoPreview => ManifestError::NoPreview.to_string(),
            Self::NotFound => "the link is good, and the media store has nothing there".into(),
            Self::PreconditionFailed => "the media is not the version that was asked for".into(),
            Self::RangeNotSatisfiable(_) => "the range starts after the end of the media".into(),
            Self::Refused(refusal) => refusal.to_string(),
        }
    }
}

impl From<ManifestError> for Problem {
    fn from(error: ManifestError) -> Self {
        match error {
            ManifestError::Malformed => Self::BadManifest,
            ManifestError::NoPreview => Self::NoPreview,
            // A request that the Worker answers names its host.
            ManifestError::NoHost => Self::Misconfigured,
            ManifestError::TooComplex => Self::ManifestTooComplex,
            ManifestError::TooLarge => Self::ManifestTooLarge,
        }
    }
}

/// RFC 9457. The type is `about:blank`: the title is the status phrase, and `reason` tells more.
#[derive(Serialize)]
struct ProblemBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'a str>,
    detail: String,
}

/// An answer that needs nothing of the media store.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Option<String>,
}

impl Answer {
    /// The answer to a request that is not served, with the header fields of `cors`.
    pub(crate) fn problem(problem: Problem, head: bool, cors: Headers) -> Self {
        Self::problem_about(None, problem, head, cors)
    }

    /// The same, about a parameter of the query.
    pub(crate) fn problem_about(
        param: Option<&str>,
        problem: Problem,
        head: bool,
        cors: Headers,
    ) -> Self {
        let status = problem.status();
        let mut headers: Headers = vec![
            ("Content-Type", "application/problem+json".into()),
            ("Cache-Control", "no-store".into()),
            ("Playgate-Reason", problem.reason().into()),
            ("X-Content-Type-Options", "nosniff".into()),
        ];
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
        // A body is strings and a number: it always serializes.
        let body = serde_json::to_string(&body).unwrap_or_default();
        if head {
            // With a body the runtime says so itself; here it leaves the body out.
            headers.push(("Content-Length", body.len().to_string().into()));
        }
        headers.extend(cors);
        Self { status, headers, body: Some(body) }
    }
}

/// The phrases of RFC 9110, section 15.
const fn phrase(status: u16) -> &'static str {
    match status {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        412 => "Precondition Failed",
        416 => "Range Not Satisfiable",
        502 => "Bad Gateway",
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
