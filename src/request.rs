//! What the gate looks at: an address, two headers, and what the edge knows of the client.

use core::fmt;
use core::net::IpAddr;

use crate::bytes;
use crate::error::{Fault, Field, ParseError};
#[cfg(feature = "alloc")]
use crate::query::name_of;

/// A request, borrowed. Prints nothing of itself, as it carries a credential.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub struct Request<'a> {
    /// The address, absolute or from the path on, percent-encoded as it came.
    pub url: &'a str,
    /// The header `Cookie`.
    pub cookie: Option<&'a str>,
    /// The header `Authorization`.
    pub authorization: Option<&'a str>,
    /// The client's address, from a source that clients cannot set.
    pub client_ip: Option<IpAddr>,
    /// The client's country, ISO 3166-1 alpha-2 in upper case.
    pub client_country: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// The most bytes in a URL.
    pub const MAX_URL_LEN: usize = 8192;

    /// A request for `url`, and nothing known beside it.
    #[must_use]
    pub fn new(url: &'a str) -> Self {
        Self { url, ..Self::default() }
    }

    /// The path of the URL, from its first `/`, and the query after the `?`, as they are written.
    ///
    /// # Errors
    /// [`ParseError::Malformed`] if the URL is too long, or does not start with a path or a scheme and a host.
    pub fn path_and_query(&self) -> Result<(&'a str, Option<&'a str>), ParseError> {
        UrlParts::parse(self.url).map(|target| (target.path, target.query))
    }

    /// The request as a client sends it: without the `#fragment` that an address may have (RFC 9110, section
    /// 7.1). `&#38;` is none: it is HTML that nobody decoded, and stays, so that it can be told.
    #[must_use]
    pub fn without_fragment(self) -> Self {
        let starts = self.url.match_indices('#').map(|(at, _)| self.url.split_at(at));
        let before = starts.map(|(before, _)| before).find(|before| !before.ends_with('&'));
        Self { url: before.unwrap_or(self.url), ..self }
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Request(..)")
    }
}

/// Where in a request a token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placement {
    /// In the header `Authorization`, scheme `Bearer`.
    Bearer,
    /// In a cookie: `pg`, or the name that JWTs go by.
    Cookie,
    /// In the path, as its first segment: relative addresses inherit it.
    Path,
    /// In the query.
    Query,
}

impl Placement {
    /// The placement's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Cookie => "cookie",
            Self::Path => "path",
            Self::Query => "query",
        }
    }
}

/// The parts of a URL, as they are written.
#[derive(Clone, Copy)]
pub(crate) struct UrlParts<'a> {
    /// Scheme and authority: `https://cdn.example.com`; empty where the URL starts with its path.
    pub(crate) base: &'a str,
    /// From the first `/` to the `?`.
    pub(crate) path: &'a str,
    /// What follows the `?`.
    pub(crate) query: Option<&'a str>,
}

impl<'a> UrlParts<'a> {
    pub(crate) fn parse(url: &'a str) -> Result<Self, ParseError> {
        let malformed = |fault| ParseError::Malformed(Field::Url, fault);
        if url.len() > Request::MAX_URL_LEN {
            return Err(malformed(Fault::WrongLength));
        }
        let authority = authority(url).ok_or(malformed(Fault::NotAbsolute))?;
        let after = url.get(authority..).unwrap_or_default();
        let host = bytes::position(after.as_bytes(), [b'/', b'?', b'#']).unwrap_or(after.len());
        if host == 0 && authority > 0 {
            return Err(malformed(Fault::NoHost));
        }
        let (base, rest) = url.split_at_checked(authority.saturating_add(host)).unwrap_or_default();
        let path = bytes::position(rest.as_bytes(), [b'?']).unwrap_or(rest.len());
        let (path, query) = rest.split_at_checked(path).unwrap_or_default();
        Ok(Self { base, path, query: query.get(1..) })
    }
}

/// Where the authority starts, behind the scheme; 0 where the URL starts with its path.
fn authority(url: &str) -> Option<usize> {
    const HTTPS: &str = "https://";
    if url.starts_with(HTTPS) {
        return Some(HTTPS.len());
    }
    match bytes::position(url.as_bytes(), [b'/'])? {
        0 => Some(0),
        // `scheme:` and two slashes.
        n => url.get(n.wrapping_sub(1)..)?.starts_with("://").then_some(n.wrapping_add(2)),
    }
}

/// Scheme with the `://`, and what follows; no scheme where there is none.
#[cfg(feature = "alloc")]
pub(crate) fn split_scheme(text: &str) -> (&str, &str) {
    let scheme =
        bytes::split_at(text, "://").map_or(0, |(scheme, _)| scheme.len().saturating_add(3));
    text.split_at_checked(scheme).unwrap_or_default()
}

/// Whether an address carries a token that goes by one of `names`, in its path or in its query.
#[cfg(feature = "alloc")]
pub(crate) fn is_signed<'n>(
    mut names: impl Iterator<Item = &'n str>,
    path: &str,
    query: Option<&str>,
) -> bool {
    names.any(|name| {
        let is_token = |param| name_of(param) == name;
        leads(name, path) || query.is_some_and(|query| query.split('&').any(is_token))
    })
}

/// Whether the first segment of a path is a token of this name.
#[cfg(feature = "alloc")]
fn leads(name: &str, path: &str) -> bool {
    let rest = path.strip_prefix('/').and_then(|path| path.strip_prefix(name));
    rest.is_some_and(|rest| rest.starts_with('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn splits(url: &str, expected: (&str, &str, Option<&str>)) {
        let target = UrlParts::parse(url).unwrap();
        assert_eq!((target.base, target.path, target.query), expected);
    }

    #[test]
    fn target_parts() {
        splits(
            "https://cdn.example.com/a/b?c=d?e",
            ("https://cdn.example.com", "/a/b", Some("c=d?e")),
        );
        splits("http://[::1]:8787/", ("http://[::1]:8787", "/", None));
        splits("/a?", ("", "/a", Some("")));
        splits("https://cdn.example.com?a", ("https://cdn.example.com", "", Some("a")));
    }

    #[test]
    fn a_scheme_needs_a_host() {
        for url in ["https:///a.mp4", "https://", "http://?a", "https:///cdn.example.com/a"] {
            let refused = ParseError::Malformed(Field::Url, Fault::NoHost);
            assert_eq!(UrlParts::parse(url).err(), Some(refused), "{url}");
        }
    }

    #[test]
    fn a_fragment_is_not_sent() {
        for (url, sent) in [
            ("/a?b#c", "/a?b"),
            ("/a#", "/a"),
            ("/a?b&#38;c", "/a?b&#38;c"),
            ("/a?b&#38;c#d", "/a?b&#38;c"),
        ] {
            assert_eq!(Request::new(url).without_fragment().url, sent);
        }
    }

    #[test]
    fn debug_never_shows_the_address() {
        let request = Request::new("https://cdn.example.com/?pg=1&sig=secret");
        assert_eq!(alloc::format!("{request:?}"), "Request(..)");
    }
}
