//! The cookie that hands a token over (RFC 6265; the attribute `Partitioned` of CHIPS).

use alloc::format;
use alloc::string::String;

/// Bytes in the longest cookie that every browser keeps, its attributes among them (RFC 6265, section
/// 6.1). Most do not count these; a JWT may be as long all by itself.
const MAX_LEN: usize = 4096;

/// Bytes in the longest attribute: browsers ignore a longer one (RFC 6265bis, section 5.6).
const MAX_ATTRIBUTE_LEN: usize = 1024;

/// Starts the names of cookies that browsers take for a whole host alone (RFC 6265bis, section 4.1.3.2).
const WHOLE_HOST: &[u8] = b"__Host-";

/// The value of `Set-Cookie` for a token of directory scope that lasts `secs` more seconds: sent along to
/// all below the directory, also from a page of another site. `None` where an attribute could not hold
/// the directory, or where a browser would drop the cookie.
#[must_use]
pub fn set_cookie(token: &str, directory: &str, secs: u64) -> Option<String> {
    let name = token.as_bytes().get(..WHOLE_HOST.len());
    if directory.contains(';')
        || directory.len() > MAX_ATTRIBUTE_LEN
        || name.is_some_and(|name| name.eq_ignore_ascii_case(WHOLE_HOST))
    {
        return None;
    }
    // The token starts with its own name and a `=`, as a cookie does.
    let cookie = format!(
        "{token}; Path={directory}; Max-Age={secs}; Secure; HttpOnly; SameSite=None; Partitioned"
    );
    (cookie.len() <= MAX_LEN).then_some(cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_ends_with_the_token() {
        assert_eq!(
            set_cookie("pg=1&exp=784111777&sig=x", "/videos/42/", 77).unwrap(),
            "pg=1&exp=784111777&sig=x; Path=/videos/42/; Max-Age=77; Secure; HttpOnly; \
             SameSite=None; Partitioned"
        );
        assert_eq!(set_cookie("pg=1", "/a;Domain=b/", 1), None);
    }

    #[test]
    fn what_a_browser_would_drop_is_not_set() {
        let set = |token: &str, directory: &str| set_cookie(token, directory, 784_111_777);
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
}
