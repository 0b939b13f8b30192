//! The cookie that hands a token over (RFC 6265; the attribute `Partitioned` of CHIPS).

use alloc::format;
use alloc::string::String;

use crate::query::name_of;
use crate::worker::http_date;

/// Bytes in the longest cookie that every browser keeps, its attributes among them (RFC 6265, section
/// 6.1). Most do not count these; a JWT may be as long all by itself.
const MAX_LEN: usize = 4096;

/// Bytes in the longest attribute: browsers ignore a longer one (RFC 6265bis, section 5.6).
const MAX_ATTRIBUTE_LEN: usize = 1024;

/// Starts the names of cookies that browsers take for a whole host alone (RFC 6265bis, section 4.1.3.2).
const WHOLE_HOST: &[u8] = b"__Host-";

/// `Set-Cookie` for a token of directory scope: sent along to all below the directory, also from a page of
/// another site, until the token ends. `None` where an attribute could not hold the directory, or where
/// a browser would drop it.
pub(crate) fn hand_over(token: &str, directory: &str, expires: u64, now: u64) -> Option<String> {
    let name = token.as_bytes().get(..WHOLE_HOST.len());
    if directory.contains(';')
        || directory.len() > MAX_ATTRIBUTE_LEN
        || name.is_some_and(|name| name.eq_ignore_ascii_case(WHOLE_HOST))
    {
        return None;
    }
    let left = expires.saturating_sub(now);
    let date = http_date::format(expires);
    // The token starts with its own name and a `=`, as a cookie does.
    let cookie = format!(
        "{token}; Path={directory}; Expires={date}; Max-Age={left}; Secure; HttpOnly; SameSite=None; \
         Partitioned"
    );
    (cookie.len() <= MAX_LEN).then_some(cookie)
}

/// Whether a `Cookie` header has a token that goes by another of `names` than this one: with both, a
/// request would have two.
pub(crate) fn has_another<'n>(
    header: Option<&str>,
    token: &str,
    mut names: impl Iterator<Item = &'n str>,
) -> bool {
    let is_in =
        |name| header.unwrap_or_default().split(';').any(|pair| is_named(pair.trim(), name));
    names.any(|name| !is_named(token, name) && is_in(name))
}

fn is_named(pair: &str, name: &str) -> bool {
    pair.contains('=') && name_of(pair) == name
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

    #[test]
    fn what_a_browser_would_drop_is_not_set() {
        let set = |token: &str, directory: &str| hand_over(token, directory, 784_111_777, 0);
        let rest = set("token=", "/videos/42/").unwrap().len();
        let fits = ["token=", &"A".repeat(4096 - rest)].concat();
        assert_eq!(set(&fits, "/videos/42/").unwrap().len(), 4096);
        assert_eq!(set(&[&fits, "A"].concat(), "/videos/42/"), None);
        assert!(set("token=x", &["/", &"a".repeat(1022), "/"].concat()).is_some());
        assert_eq!(set("token=x", &["/", &"a".repeat(1023), "/"].concat()), None);
        for name in ["__Host-token=x", "__host-x=x", "__HOST-=x"] {
            assert_eq!(set(name, "/videos/42/"), None, "{name}");
        }
        for name in
            ["__Secure-token=x", "a__Host-token=x", "__Host=x", "\u{e9}\u{e9}\u{e9}\u{e9}=x"]
        {
            assert!(set(name, "/videos/42/").is_some(), "{name}");
        }
    }

    #[test]
    fn two_tokens_are_never_set() {
        let another =
            |header: &str| has_another(Some(header), "token=x", ["pg", "token"].into_iter());
        for header in ["pg=1&exp=1", "a=b; pg=1", "token=y;pg=", " pg=1"] {
            assert!(another(header), "{header}");
        }
        for header in ["", "token=y", "a=b", "pg", "xpg=1", "pgx=1", "a=pg=1"] {
            assert!(!another(header), "{header}");
        }
        assert!(!has_another(None, "token=x", ["pg", "token"].into_iter()));
        assert!(has_another(Some("token=y"), "pg=1&exp=1", ["pg", "token"].into_iter()));
    }
}
