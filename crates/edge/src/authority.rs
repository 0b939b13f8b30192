//! Hosts and ports, as an operator writes them: strict enough that no other reading is left.

/// Host and perhaps a port: no user, no path, nothing encoded.
pub(crate) fn is_authority(text: &str) -> bool {
    let is_host_character =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let (is_host, port) = if let Some(rest) = text.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        (address.parse::<core::net::Ipv6Addr>().is_ok(), port)
    } else {
        let (host, port) =
            text.split_at_checked(text.find(':').unwrap_or(text.len())).unwrap_or_default();
        (!host.is_empty() && host.bytes().all(is_host_character), port)
    };
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| {
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
        });
    is_host && is_port
}

/// Whether this is an origin as browsers write it (RFC 6454, section 6.2): in lower case, without a
/// path, and without the port that the scheme has anyway.
pub(crate) fn is_origin(text: &str) -> bool {
    let (host, default_port) = match text.split_once("://") {
        Some(("https", host)) => (host, ":443"),
        Some(("http", host)) => (host, ":80"),
        _ => return false,
    };
    is_authority(host)
        && !host.ends_with(default_port)
        && !host.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether the host of an authority is this machine, where nobody listens in between.
pub(crate) fn is_loopback(authority: &str) -> bool {
    let host = if authority.starts_with('[') {
        authority.split_inclusive(']').next()
    } else {
        authority.split(':').next()
    };
    matches!(host, Some("localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities() {
        for text in ["a", "a.example:8443", "127.0.0.1", "[::1]", "[::1]:80", "a_b-c.example:0"] {
            assert!(is_authority(text), "{text}");
        }
        for text in [
            "", ":80", "a b", "a:", "a:+1", "a:65536", "user@a", "a/b", "[::1", "::1", "[a]",
            "%61", "ä",
        ] {
            assert!(!is_authority(text), "{text}");
        }
    }

    #[test]
    fn origins_are_written_as_browsers_do() {
        for text in ["https://a.example", "http://localhost:8080", "https://[::1]", "https://a:80"]
        {
            assert!(is_origin(text), "{text}");
        }
        for text in [
            "null",
            "*",
            "a.example",
            "https://A.example",
            "https://a/",
            "ftp://a",
            "https://a:443",
            "http://a:80",
            "https://",
        ] {
            assert!(!is_origin(text), "{text}");
        }
    }

    #[test]
    fn loopback() {
        for text in ["localhost", "localhost:1", "127.0.0.1:9000", "[::1]", "[::1]:9000"] {
            assert!(is_loopback(text), "{text}");
        }
        for text in ["localhost.example", "127.0.0.1.example", "127.0.0.2", "[::2]"] {
            assert!(!is_loopback(text), "{text}");
        }
    }
}
