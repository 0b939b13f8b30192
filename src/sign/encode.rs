//! Percent-encodes names for URLs.

use alloc::string::String;

use crate::percent::push_encoded;
use crate::request::split_scheme;

/// Percent-encodes the text after scheme and host of `url`: a name as on a disk or in a bucket. `%`, `?` and `#`
/// are part of the name, and there is no query. Slashes separate segments.
///
/// Letters, digits and `- . _ ~ ! $ & ' ( ) * , = : @` stay; every other octet of the UTF-8 is written as `%XX`
/// (RFC 3986, section 2.1). `+` is encoded because some servers read it as a space, and `;` because some read
/// parameters after it.
///
/// ```
/// let url = playgate::percent_encoded("https://cdn.example.com/C# lesson; 100%.mp4");
/// assert_eq!(url, "https://cdn.example.com/C%23%20lesson%3B%20100%25.mp4");
/// ```
#[must_use]
pub fn percent_encoded(url: &str) -> String {
    let (scheme, rest) = split_scheme(url);
    let host = match scheme {
        // A relative name has no host.
        "" => 0,
        _ => scheme.len().saturating_add(rest.find('/').unwrap_or(rest.len())),
    };
    let (base, name) = url.split_at_checked(host).unwrap_or_default();
    let mut encoded = String::with_capacity(url.len().saturating_add(16));
    encoded.push_str(base);
    let is_kept = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~!$&'()*,=:@/".contains(&octet);
    push_encoded(name, is_kept, &mut encoded);
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::CanonicalPath;
    use proptest::prelude::*;

    #[test]
    fn names_as_they_are() {
        for (name, encoded) in [
            ("/a b.mp4", "/a%20b.mp4"),
            ("/100%.mp4", "/100%25.mp4"),
            ("/a%20b", "/a%2520b"),
            ("/what?.mp4", "/what%3F.mp4"),
            ("/C#;+", "/C%23%3B%2B"),
            ("/f\u{fc}\u{df}e", "/f%C3%BC%C3%9Fe"),
            ("/a(1)[2]{3}", "/a(1)%5B2%5D%7B3%7D"),
            ("https://h:8080/a?b", "https://h:8080/a%3Fb"),
            ("https://h", "https://h"),
            ("", ""),
        ] {
            assert_eq!(percent_encoded(name), encoded);
        }
    }

    proptest! {
        /// An encoded name can be signed as it is, and decodes to the name.
        #[test]
        fn every_name_can_be_signed(name in "[^/\\\\\\x00-\\x1f\\x7f]{1,40}") {
            // A server that decodes before it removes parameters or a query sees a dot segment.
            let start = name.split([';', '?', '#']).next().unwrap();
            prop_assume!(start != "." && start != "..");
            let url = percent_encoded(&alloc::format!("https://h/{name}"));
            let path = url.strip_prefix("https://h").unwrap();
            let canonical = CanonicalPath::parse(path).unwrap();
            prop_assert_eq!(canonical.as_canonical(), Some(path));
            prop_assert_eq!(crate::percent::decoded(path), alloc::format!("/{name}"));
        }
    }
}
