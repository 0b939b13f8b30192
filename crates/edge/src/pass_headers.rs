//! Header fields of the media server that an operator lets through beside those that always pass.

/// Names of header fields, in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PassHeaders(Vec<String>);

impl PassHeaders {
    /// Takes the names as they are.
    ///
    /// # Errors
    /// What is wrong with the first name that cannot pass, counted from 0.
    pub(crate) fn new<'a>(
        names: impl Iterator<Item = &'a str>,
    ) -> Result<Self, (usize, &'static str)> {
        let checked = names.enumerate().map(|(number, name)| {
            let name = name.to_ascii_lowercase();
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err((number, "write names of header fields, separated by commas"));
            }
            refusal(&name).map_or(Ok(name), |reason| Err((number, reason)))
        });
        checked.collect::<Result<_, _>>().map(Self)
    }

    /// Whether a name, in lower case, is among them.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|listed| listed == name)
    }

    /// The names, for a list in another header field.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Why a header field never passes, whatever the operator says; after the registry of HTTP field names
/// (RFC 9110, section 16.3.1), and what browsers and servers act on beside it.
fn refusal(name: &str) -> Option<&'static str> {
    const GATE: &str = "the gate says this itself";
    const CACHES: &str = "it would tell caches to keep what the gate decides on";
    const CONNECTION: &str = "it belongs to one connection";
    const CREDENTIALS: &str = "credentials are between the viewer and the gate";
    const LEAKS: &str = "it makes browsers send addresses, and so tokens, elsewhere, or changes what they do with them";
    const SERVERS: &str = "it steers a server in front of the gate";
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    Some(match name {
        "x-content-type-options" => GATE,
        _ if starts(&["access-control-", "playgate-"]) => GATE,
        "age" | "expires" | "no-vary-search" | "pragma" | "use-as-dictionary" => CACHES,
        // RFC 9213, section 2.1: each cache may have a field of its own.
        _ if name.ends_with("cache-control") => CACHES,
        "alt-svc" | "alt-used" | "close" | "connection" | "http2-settings" | "keep-alive"
        | "proxy-connection" | "te" | "trailer" | "transfer-encoding" | "upgrade" => CONNECTION,
        _ if starts(&["sec-websocket-"]) => CONNECTION,
        "authentication-control"
        | "authentication-info"
        | "authorization"
        | "cookie"
        | "cookie2"
        | "optional-www-authenticate"
        | "proxy-authenticate"
        | "proxy-authentication-info"
        | "proxy-authorization"
        | "set-cookie"
        | "set-cookie2"
        | "set-login"
        | "www-authenticate" => CREDENTIALS,
        _ if starts(&["sec-session-", "secure-session-"]) => CREDENTIALS,
        // A policy of content may report as well (`report-uri`), with the address of the document.
        "clear-site-data"
        | "content-base"
        | "content-location"
        | "content-security-policy"
        | "expect-ct"
        | "link"
        | "location"
        | "nel"
        | "public-key-pins"
        | "referrer-policy"
        | "refresh"
        | "report-to"
        | "reporting-endpoints"
        | "service-worker"
        | "service-worker-allowed"
        | "sourcemap"
        | "speculation-rules"
        | "x-content-security-policy"
        | "x-sourcemap"
        | "x-webkit-csp"
        | "x-xss-protection" => LEAKS,
        _ if name.ends_with("-report-only") || starts(&["attribution-reporting-"]) => LEAKS,
        "edge-control"
        | "x-lighttpd-send-file"
        | "x-reproxy-url"
        | "x-sendfile"
        | "x-sendfile2" => SERVERS,
        _ if starts(&["surrogate-", "x-accel-", "x-litespeed-"]) => SERVERS,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(names: &[&str]) -> Result<PassHeaders, (usize, &'static str)> {
        PassHeaders::new(names.iter().copied())
    }

    #[test]
    fn names_are_compared_without_regard_to_case() {
        let pass = read(&["X-Cache", "Cross-Origin-Resource-Policy"]).unwrap();
        assert!(pass.has("x-cache") && pass.has("cross-origin-resource-policy"));
        assert!(!pass.has("x-cach") && !pass.has(""));
        assert_eq!(pass.names().collect::<Vec<_>>(), ["x-cache", "cross-origin-resource-policy"]);
    }

    #[test]
    fn what_never_passes_is_refused_in_every_case() {
        for name in [
            "Access-Control-Allow-Origin",
            "Age",
            "Alt-Svc",
            "Attribution-Reporting-Register-Source",
            "Cache-Control",
            "CDN-Cache-Control",
            "Clear-Site-Data",
            "Cloudflare-CDN-Cache-Control",
            "Connection",
            "Content-Location",
            "Content-Security-Policy",
            "Content-Security-Policy-Report-Only",
            "Cross-Origin-Opener-Policy-Report-Only",
            "Expires",
            "Keep-Alive",
            "Link",
            "Location",
            "NEL",
            "No-Vary-Search",
            "Playgate-Anything",
            "Playgate-Origin-Secret",
            "Proxy-Authenticate",
            "Referrer-Policy",
            "Refresh",
            "Report-To",
            "Reporting-Endpoints",
            "Secure-Session-Registration",
            "Service-Worker-Allowed",
            "SET-COOKIE",
            "SourceMap",
            "Speculation-Rules",
            "Surrogate-Control",
            "Surrogate-Key",
            "Transfer-Encoding",
            "Upgrade",
            "WWW-Authenticate",
            "X-Accel-Redirect",
            "X-Content-Type-Options",
            "X-SourceMap",
            "X-XSS-Protection",
        ] {
            assert_eq!(read(&["X-Cache", name]).unwrap_err().0, 1, "{name}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in ["", "a b", "a:b", "a\u{e9}", "a\n", "*\"", "X-Cache: HIT"] {
            let expected = (0, "write names of header fields, separated by commas");
            assert_eq!(read(&[name]).unwrap_err(), expected, "{name}");
        }
    }
}
