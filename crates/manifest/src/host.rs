//! The scheme and host of a request: the only ones whose addresses may carry its token.

/// What comes before the colon of an address on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn parse(text: &str) -> Option<Self> {
        match text {
            _ if text.eq_ignore_ascii_case("https") => Some(Self::Https),
            _ if text.eq_ignore_ascii_case("http") => Some(Self::Http),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that an address of this scheme leaves out, with its colon.
    const fn default_port(self) -> &'static str {
        match self {
            Self::Http => ":80",
            Self::Https => ":443",
        }
    }
}

/// The host that a manifest was asked for at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) scheme: Scheme,
    /// In lower case, and without the port that its scheme has by default.
    authority: String,
}

/// Where an address starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start<'a> {
    /// At this host, which it names. Its scheme, unless it takes that of its base, and its path.
    Host(Option<Scheme>, &'a str),
    /// At the root of the host that it is relative to.
    Root(&'a str),
    /// At its base.
    Base(&'a str),
}

impl Host {
    /// Reads the scheme and authority of a request's URL: `https://cdn.example.com`. `None` where there are
    /// none, or where a URL parser might take the authority for more than a host and a port.
    pub(crate) fn parse(base: &str) -> Option<Self> {
        let (scheme, authority) = base.split_once("://")?;
        let scheme = Scheme::parse(scheme)?;
        let is_unreserved_path =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        let authority = authority.strip_suffix(scheme.default_port()).unwrap_or(authority);
        let is_host = !authority.is_empty()
            && !authority.starts_with(':')
            && authority.bytes().all(is_unreserved_path);
        is_host.then(|| Self { scheme, authority: authority.to_ascii_lowercase() })
    }

    /// Appends scheme and host, up to the first slash of a path.
    pub(crate) fn push(&self, scheme: Option<Scheme>, out: &mut String) {
        out.push_str(scheme.unwrap_or(self.scheme).name());
        out.push_str("://");
        out.push_str(&self.authority);
    }

    /// What follows this very scheme and host in an address that is spelled as [`Host::push`] spells it.
    pub(crate) fn strip<'a>(&self, address: &'a str) -> Option<&'a str> {
        let rest = address.strip_prefix(self.scheme.name())?.strip_prefix("://")?;
        rest.strip_prefix(self.authority.as_str())
    }

    fn is(&self, scheme: Option<Scheme>, authority: &str) -> bool {
        let (name, port) = match authority.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, port),
            _ => (authority, ""),
        };
        let Some(own) = self.authority.strip_prefix(name.to_ascii_lowercase().as_str()) else {
            return false;
        };
        // An empty port is the default one, and zeros before a port do not count (WHATWG URL).
        let default = scheme.unwrap_or(self.scheme).default_port().trim_start_matches(':');
        let number = if port.is_empty() { default } else { port.trim_start_matches('0') };
        match own.strip_prefix(':') {
            Some(own) => number == own,
            None => own.is_empty() && number == default,
        }
    }
}

/// Reads scheme and authority off an address; `None` where they are not those of `host`.
pub(crate) fn start<'a>(host: Option<&Host>, address: &'a str) -> Option<Start<'a>> {
    let (scheme, after) = match address.split_once(':') {
        Some((scheme, after)) if is_scheme(scheme) => {
            (Some(Scheme::parse(scheme)?), Some(after.strip_prefix("//")?))
        }
        _ => (None, address.strip_prefix("//")),
    };
    match after {
        Some(after) => {
            let end = after.find('/').unwrap_or(after.len());
            let (authority, path) = after.split_at_checked(end)?;
            // Of "https://host" the path is "/".
            let path = if path.is_empty() { "/" } else { path };
            let host = host.filter(|host| host.is(scheme, authority))?;
            // The token came by https, and is not sent on by http.
            let is_downgrade = (host.scheme, scheme) == (Scheme::Https, Some(Scheme::Http));
            Some(Start::Host(scheme.filter(|_| !is_downgrade), path))
        }
        None if address.starts_with('/') => Some(Start::Root(address)),
        None => Some(Start::Base(address)),
    }
}

/// RFC 3986, section 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_in_another_spelling() {
        let is = |own: &str, address: &str| {
            matches!(start(Host::parse(own).as_ref(), address), Some(Start::Host(_, "/a")))
        };
        for (own, address) in [
            ("https://h.example", "https://h.example/a"),
            ("https://h.example", "https://H.EXAMPLE:443/a"),
            ("https://h.example", "https://h.example:/a"),
            ("https://h.example", "https://h.example:0443/a"),
            ("https://h.example", "//h.example:443/a"),
            ("https://h.example", "http://h.example:80/a"),
            ("http://h.example:8080", "http://h.example:08080/a"),
            ("http://h.example:8080", "//h.example:8080/a"),
            ("http://[::1]:8787", "http://[::1]:8787/a"),
        ] {
            assert!(is(own, address), "{own} {address}");
        }
        for (own, address) in [
            ("https://h.example", "https://h.example:8443/a"),
            ("https://h.example", "https://h.example:80/a"),
            ("https://h.example", "https://h.example:0/a"),
            ("https://h.example", "https://h.example.net/a"),
            ("https://h.example.net", "https://h.example/a"),
            ("http://h.example:8080", "http://h.example/a"),
            ("http://h.example:8080", "http://h.example:/a"),
            ("http://h.example:8080", "http://h.example:808/a"),
            ("http://h.example:808", "http://h.example:8080/a"),
            ("http://[::1]", "http://[:/a"),
        ] {
            assert!(!is(own, address), "{own} {address}");
        }
    }

    #[test]
    fn only_a_plain_host_is_one() {
        for (base, spelled) in [
            ("https://cdn.example.com", "https://cdn.example.com"),
            ("HTTP://CDN.example.com:8080", "http://cdn.example.com:8080"),
            ("https://cdn.example.com:443", "https://cdn.example.com"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            let mut out = String::new();
            Host::parse(base).unwrap().push(None, &mut out);
            assert_eq!(out, spelled);
        }
        for base in [
            "",
            "https://",
            "https://:443",
            "https://:8443",
            "ftp://cdn.example.com",
            "https://user@cdn.example.com",
            "https://cdn.example.com\\@other.example",
            "https://cdn.example.com%2f",
            "https://b\u{fc}cher.example",
            "cdn.example.com",
        ] {
            assert_eq!(Host::parse(base), None, "{base}");
        }
    }
}
