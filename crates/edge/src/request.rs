//! The parts of a request that matter to the gate.

use core::fmt;
use core::net::IpAddr;

/// The parts of a request that matter to the gate. Header fields that are absent or empty are `None`.
/// `Debug` shows only the method, because the other parts may contain a token.
#[derive(Clone, Copy, Default)]
pub struct RequestParts<'a> {
    /// The method, as the client sent it.
    pub method: &'a str,
    /// The URL, with scheme and host.
    pub url: &'a str,
    /// The header `Origin`.
    pub origin: Option<&'a str>,
    /// The header `Cookie`.
    pub cookie: Option<&'a str>,
    /// The header `Authorization`.
    pub authorization: Option<&'a str>,
    /// The client's IP address, from a source that clients cannot set.
    pub client_ip: Option<IpAddr>,
    /// The header `Range`.
    pub range: Option<&'a str>,
    /// `If-Match`, `If-Modified-Since`, `If-None-Match`, `If-Range` and `If-Unmodified-Since`, in this order.
    pub conditions: [Option<&'a str>; 5],
    /// The header `Sec-Fetch-Site`. It and the next one matter only to the session endpoints.
    pub fetch_site: Option<&'a str>,
    /// The header `User-Agent`.
    pub user_agent: Option<&'a str>,
}

impl<'a> RequestParts<'a> {
    /// Reads the parts from one text, which crosses into wasm faster than several: one line for each part,
    /// in the order of the fields. Those at the end may be missing. No part can contain a line feed, because neither a URL nor a header
    /// field can.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let mut lines = text.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty());
        Self {
            method: line().unwrap_or_default(),
            url: line().unwrap_or_default(),
            origin: line(),
            cookie: line(),
            authorization: line(),
            client_ip: line().and_then(|ip| ip.parse().ok()),
            range: line(),
            conditions: core::array::from_fn(|_| line()),
            fetch_site: line(),
            user_agent: line(),
        }
    }
}

impl fmt::Debug for RequestParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestParts").field("method", &self.method).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_a_line() {
        let asked = RequestParts::parse(
            "GET\nhttps://a/\n\npg=1\nBearer x\n2001:db8::1\nbytes=1-\n\"a\"\n\nb\n\nc",
        );
        assert_eq!(asked.range, Some("bytes=1-"));
        assert_eq!(asked.conditions, [Some("\"a\""), None, Some("b"), None, Some("c")]);
        assert_eq!((asked.method, asked.url, asked.origin), ("GET", "https://a/", None));
        assert_eq!((asked.cookie, asked.authorization), (Some("pg=1"), Some("Bearer x")));
        assert_eq!(asked.client_ip, "2001:db8::1".parse().ok());
        let asked = RequestParts::parse("GET\nhttps://a/\n\n\n\nnowhere");
        assert_eq!((asked.client_ip, asked.range, asked.conditions), (None, None, [None; 5]));
    }

    #[test]
    fn debug_shows_no_token() {
        let asked = RequestParts::parse("GET\nhttps://a/?pg=1\n\npg=1\nBearer x");
        assert_eq!(format!("{asked:?}"), "RequestParts { method: \"GET\", .. }");
    }
}
