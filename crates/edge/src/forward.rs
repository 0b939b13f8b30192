//! What travels between a viewer and the media server behind the gate.

use crate::pass_headers::PassHeaders;

/// The header fields of a request that the server is told. Everything else stays here: cookies and
/// the token above all, and whatever would make one URL mean different things to different viewers.
pub(crate) const REQUEST_HEADERS: [&str; 5] =
    ["If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since"];

/// The header field that has the secret of `ORIGIN_SECRET`, by which the server knows the gate.
pub(crate) const SECRET_HEADER: &str = "Playgate-Origin-Secret";

/// The header fields of the server that reach every viewer: what the media is, what of it this is, which
/// version it is, and how it was served. Everything else stays here: whatever is registered next would
/// otherwise pass before anybody has thought about it.
///
/// `Timing-Allow-Origin` is not among them, since who may learn something of an answer is for
/// `ALLOW_ORIGINS` to say; nor is `Content-Location`, the server's own address.
const RESPONSE_HEADERS: [&str; 17] = [
    "accept-ranges",
    "content-digest",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-range",
    "content-type",
    "date",
    "digest",
    "etag",
    "last-modified",
    "repr-digest",
    // Of an error that is passed on.
    "retry-after",
    "server-timing",
    "vary",
];

/// What is said to caches besides `Cache-Control`. The gate says it of what it guards, and the server of
/// what is public.
const PUBLIC_HEADERS: [&str; 2] = ["age", "expires"];

/// What of a server's answer reaches the viewer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseFilter<'a> {
    /// The value of `Connection`, which names fields that end with the connection (RFC 9110, section
    /// 7.6.1).
    pub(crate) connection: &'a str,
    /// Whether the media needs no token.
    pub(crate) is_public: bool,
    /// What the operator lets through.
    pub(crate) pass: &'a PassHeaders,
}

impl ResponseFilter<'_> {
    /// Whether a header field passes.
    pub(crate) fn passes(self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let is_listed = RESPONSE_HEADERS.contains(&name.as_str())
            // Common Media Server Data (CTA-5006).
            || name.starts_with("cmsd-")
            || (self.is_public && PUBLIC_HEADERS.contains(&name.as_str()))
            || self.pass.has(&name);
        let mut connection = self.connection.split(',').map(str::trim);
        is_listed && !connection.any(|listed| listed.eq_ignore_ascii_case(&name))
    }
}

/// What the server's status becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Media, or 304: it is served.
    Media,
    /// An error of the server's own: its status and body are passed on, and not kept.
    Error,
    /// Nothing that a viewer could use: a redirect would lead around the gate, and a question for
    /// credentials would be answered with those of another server.
    Unusable,
}

/// Reads a status of the server.
pub(crate) const fn meaning(status: u16) -> Meaning {
    match status {
        200 | 203 | 204 | 206 | 304 => Meaning::Media,
        401 | 407 => Meaning::Unusable,
        400..=599 => Meaning::Error,
        _ => Meaning::Unusable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(pass: &PassHeaders) -> ResponseFilter<'_> {
        ResponseFilter { connection: "close, x-hop, ETag", is_public: false, pass }
    }

    #[test]
    fn media_headers_reach_the_viewer() {
        let pass = PassHeaders::new(["X-Cache", "X-Hop"].into_iter()).unwrap();
        for name in
            ["Content-Type", "content-range", "Last-Modified", "Vary", "CMSD-Static", "x-cache"]
        {
            assert!(filter(&pass).passes(name), "{name}");
        }
        for name in ["ETag", "X-Hop", "X-Other", "Age", "Expires"] {
            assert!(!filter(&pass).passes(name), "{name}");
        }
    }

    #[test]
    fn what_is_public_says_its_age_itself() {
        let none = PassHeaders::default();
        let public = ResponseFilter { is_public: true, ..filter(&none) };
        assert!(public.passes("Age") && public.passes("Expires"));
        assert!(!public.passes("Pragma") && !public.passes("Surrogate-Control"));
    }

    #[test]
    fn others_end_at_the_gate() {
        let none = PassHeaders::default();
        for name in [
            "Set-Cookie",
            "set-cookie",
            "Transfer-Encoding",
            "Cache-Control",
            "CDN-Cache-Control",
            "Access-Control-Allow-Origin",
            "Playgate-Reason",
            "WWW-Authenticate",
            "Server",
            "Not-Yet-Registered",
        ] {
            assert!(!filter(&none).passes(name), "{name}");
        }
    }

    #[test]
    fn no_secret_comes_back() {
        let none = PassHeaders::default();
        assert!(!ResponseFilter { is_public: true, ..filter(&none) }.passes(SECRET_HEADER));
        assert!(PassHeaders::new([SECRET_HEADER].into_iter()).is_err());
    }

    #[test]
    fn credentials_are_never_forwarded() {
        for name in ["Cookie", "Authorization", "Range", "X-Forwarded-For", "Accept-Encoding"] {
            assert!(!REQUEST_HEADERS.contains(&name), "{name}");
        }
    }

    #[test]
    fn statuses() {
        for (status, expected) in [
            (200, Meaning::Media),
            (206, Meaning::Media),
            (304, Meaning::Media),
            (404, Meaning::Error),
            (416, Meaning::Error),
            (503, Meaning::Error),
            (101, Meaning::Unusable),
            (301, Meaning::Unusable),
            (302, Meaning::Unusable),
            (401, Meaning::Unusable),
            (407, Meaning::Unusable),
            (999, Meaning::Unusable),
        ] {
            assert_eq!(meaning(status), expected, "{status}");
        }
    }
}
