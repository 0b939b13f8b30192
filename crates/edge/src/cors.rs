//! CORS: which pages of other origins may read the answers (Fetch standard, section 3.2).

use std::borrow::Cow;

use crate::answer::Headers;

/// The header field that lists what scripts may read.
pub(crate) const EXPOSE: &str = "Access-Control-Expose-Headers";

/// The response header fields that scripts may read, in addition to the safelisted ones of the Fetch
/// standard.
const EXPOSED: &str = "Content-Length, Content-Range, Accept-Ranges, ETag, Date, Playgate-Reason, \
     Playgate-Expires, Playgate-Time-Left, CMSD-Static, CMSD-Dynamic";

/// The request header fields that players send: the token, ranges and conditions, and CTA-5004 in its
/// header form.
const ALLOWED_HEADERS: &str = "Authorization, Range, If-Match, If-None-Match, If-Modified-Since, \
     If-Unmodified-Since, If-Range, CMCD-Request, CMCD-Object, CMCD-Status, CMCD-Session";

/// The origins that the operator allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Origins {
    /// No origin: no CORS header is ever sent.
    #[default]
    None,
    /// Every origin, without credentials.
    Any,
    /// Only these, compared byte for byte with what browsers send.
    Listed(Vec<String>),
}

impl Origins {
    /// The header fields for an answer to a request from `origin`.
    pub(crate) fn headers(&self, origin: Option<&str>) -> Headers {
        match self {
            Self::None => Vec::new(),
            Self::Any => {
                vec![("Access-Control-Allow-Origin", "*".into()), (EXPOSE, EXPOSED.into())]
            }
            Self::Listed(origins) => {
                // `Vary` is needed even if the origin is not listed, because the answer to a listed origin
                // is different.
                let mut headers: Headers = vec![("Vary", "Origin".into())];
                if let Some(origin) = origins.iter().find(|listed| Some(listed.as_str()) == origin)
                {
                    headers.extend([
                        ("Access-Control-Allow-Origin", Cow::from(origin.clone())),
                        ("Access-Control-Allow-Credentials", "true".into()),
                        (EXPOSE, EXPOSED.into()),
                    ]);
                }
                headers
            }
        }
    }

    /// Whether an origin is in the list.
    pub(crate) fn lists(&self, origin: &str) -> bool {
        matches!(self, Self::Listed(origins) if origins.iter().any(|listed| listed == origin))
    }

    /// The header fields for the answer to OPTIONS: the methods that pages of other origins may use, and those that
    /// are allowed at all. A preflight carries no credentials, so it is answered before any check.
    pub(crate) fn preflight(
        &self,
        origin: Option<&str>,
        methods: &'static str,
        allowed: &'static str,
    ) -> Headers {
        let mut headers = self.headers(origin);
        if headers.iter().any(|(name, _)| *name == "Access-Control-Allow-Origin") {
            headers.retain(|(name, _)| *name != EXPOSE);
            headers.extend([
                ("Access-Control-Allow-Methods", methods.into()),
                ("Access-Control-Allow-Headers", ALLOWED_HEADERS.into()),
                ("Access-Control-Max-Age", "86400".into()),
            ]);
        }
        headers.extend([("Allow", allowed.into()), ("X-Content-Type-Options", "nosniff".into())]);
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'h>(headers: &'h Headers, name: &str) -> Option<&'h str> {
        headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_ref())
    }

    fn listed() -> Origins {
        Origins::Listed(vec!["https://a.example".into(), "https://b.example:8443".into()])
    }

    #[test]
    fn listed_origin_is_reflected_with_credentials() {
        let headers = listed().headers(Some("https://b.example:8443"));
        assert_eq!(value(&headers, "Access-Control-Allow-Origin"), Some("https://b.example:8443"));
        assert_eq!(value(&headers, "Access-Control-Allow-Credentials"), Some("true"));
        assert_eq!(value(&headers, "Vary"), Some("Origin"));
    }

    #[test]
    fn other_origins_get_vary_alone() {
        for origin in [None, Some("null"), Some("https://a.example.evil"), Some("http://a.example")]
        {
            assert_eq!(listed().headers(origin), [("Vary", "Origin".into())], "{origin:?}");
        }
    }

    #[test]
    fn any_origin_gets_no_credentials() {
        let headers = Origins::Any.headers(Some("https://a.example"));
        assert_eq!(value(&headers, "Access-Control-Allow-Origin"), Some("*"));
        assert_eq!(value(&headers, "Access-Control-Allow-Credentials"), None);
    }

    #[test]
    fn no_origins_no_headers() {
        assert!(Origins::None.headers(Some("https://a.example")).is_empty());
        let headers =
            Origins::None.preflight(Some("https://a.example"), "GET", "GET, HEAD, OPTIONS");
        assert_eq!(value(&headers, "Access-Control-Allow-Methods"), None);
        assert_eq!(value(&headers, "Allow"), Some("GET, HEAD, OPTIONS"));
    }

    #[test]
    fn preflight_allows_what_players_send() {
        let headers = listed().preflight(Some("https://a.example"), "GET", "GET");
        let allowed = value(&headers, "Access-Control-Allow-Headers").unwrap();
        for name in ["Authorization", "Range", "If-Range", "CMCD-Session"] {
            assert!(allowed.split(", ").any(|listed| listed == name), "{name}");
        }
        assert_eq!(value(&headers, "Access-Control-Max-Age"), Some("86400"));
    }
}
