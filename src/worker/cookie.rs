//! The cookie that hands a token over (RFC 6265; the attribute `Partitioned` of CHIPS).

use alloc::format;
use alloc::string::String;

use crate::worker::http_date;

/// `Set-Cookie` for a token of directory scope: sent along to all below the directory, also from a page of
/// another site, until the token ends. `None` where an attribute could not hold the directory.
pub(crate) fn hand_over(token: &str, directory: &str, expires: u64, now: u64) -> Option<String> {
    if directory.contains(';') {
        return None;
    }
    let left = expires.saturating_sub(now);
    let date = http_date::format(expires);
    // The token starts with its own name and a `=`, as a cookie does.
    Some(format!(
        "{token}; Path={directory}; Expires={date}; Max-Age={left}; Secure; HttpOnly; SameSite=None; \
         Partitioned"
    ))
}

/// Whether a `Cookie` header has the token already.
pub(crate) fn has(header: Option<&str>, token: &str) -> bool {
    header.is_some_and(|header| header.split(';').any(|pair| pair.trim() == token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_ends_with_the_token() {
        assert_eq!(
            hand_over("pg=1&exp=784111777&sig=x", "/videos/42/", 784_111_777, 784_111_700).unwrap(),
            "pg=1&exp=784111777&sig=x; Path=/videos/42/; Expires=Sun, 06 Nov 1994 08:49:37 GMT; \
             Max-Age=77; Secure; HttpOnly; SameSite=None; Partitioned"
        );
        assert_eq!(hand_over("pg=1", "/a;Domain=b/", 1, 0), None);
    }

    #[test]
    fn a_cookie_is_set_once() {
        assert!(has(Some("a=b; pg=1&exp=1"), "pg=1&exp=1"));
        assert!(!has(Some("a=b; pg=1&exp=2"), "pg=1&exp=1"));
        assert!(!has(None, "pg=1"));
    }
}
