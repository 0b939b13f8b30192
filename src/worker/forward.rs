//! What travels between a viewer and the media server behind the gate.

/// The header fields of a request that the server is told. Everything else stays here: cookies and
/// the token above all, and whatever would make one URL mean different things to different viewers.
pub(crate) const REQUEST_HEADERS: [&str; 5] =
    ["If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since"];

/// Whether a header field of the server's answer reaches the viewer. `connection` is the value of
/// that field, which names others that end with the connection (RFC 9110, section 7.6.1).
pub(crate) fn reaches_viewer(name: &str, connection: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_dropped = matches!(
        name.as_str(),
        // The gate's own words.
        "cache-control" | "x-content-type-options"
        // Those of caches: what they allow, the gate does not.
        | "age" | "cdn-cache-control" | "cloudflare-cdn-cache-control" | "expires" | "pragma"
        | "surrogate-control"
        // Those of one connection.
        | "alt-svc" | "connection" | "keep-alive" | "proxy-authenticate" | "proxy-connection" | "te"
        | "trailer" | "transfer-encoding" | "upgrade"
        // Credentials are between the viewer and the gate.
        | "set-cookie" | "set-cookie2" | "www-authenticate"
    );
    let is_gates = ["access-control-", "playgate-"].iter().any(|prefix| name.starts_with(prefix));
    let ends_here = connection.split(',').any(|listed| listed.trim().eq_ignore_ascii_case(&name));
    !(is_dropped || is_gates || ends_here)
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

    #[test]
    fn media_headers_reach_the_viewer() {
        for name in
            ["Content-Type", "ETag", "content-range", "Last-Modified", "Vary", "CMSD-Static"]
        {
            assert!(reaches_viewer(name, ""), "{name}");
        }
    }

    #[test]
    fn others_end_at_the_gate() {
        for name in [
            "Set-Cookie",
            "set-cookie",
            "Transfer-Encoding",
            "Cache-Control",
            "CDN-Cache-Control",
            "Access-Control-Allow-Origin",
            "Playgate-Reason",
            "WWW-Authenticate",
        ] {
            assert!(!reaches_viewer(name, ""), "{name}");
        }
        assert!(!reaches_viewer("X-Internal", "close, x-internal"));
        assert!(reaches_viewer("X-Other", "close, x-internal"));
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
