//! Names as they are, percent-encoded for a URL.

use alloc::string::String;

use crate::bytes::around;

/// Percent-encodes what follows scheme and host of `url`, which is a name as it is on a disk or in a bucket: a
/// `%`, a `?` and a `#` are characters of it, and it has no query. Slashes part its segments.
///
/// Letters, digits and `- . _ ~ ! $ & ' ( ) * , = : @` stay; every other octet of the UTF-8 is written as `%XX`
/// (RFC 3986, section 2.1). `+` is encoded, as some servers read it as a space, and so is `;`, behind which some
/// read parameters.
///
/// ```
/// let url = playgate::percent_encoded("https://cdn.example.com/C# lesson; 100%.mp4");
/// assert_eq!(url, "https://cdn.example.com/C%23%20lesson%3B%20100%25.mp4");
/// ```
#[must_use]
pub fn percent_encoded(url: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let authority = around(url, "://").map_or(0, |(scheme, _)| scheme.len().saturating_add(3));
    let path = url.get(authority..).and_then(|rest| rest.find('/'));
    let (base, name) = match (authority, path) {
        // A relative name has no host.
        (0, _) => ("", url),
        (_, Some(path)) => url.split_at_checked(authority.saturating_add(path)).unwrap_or_default(),
        (_, None) => (url, ""),
    };
    let mut encoded = String::with_capacity(url.len().saturating_add(16));
    encoded.push_str(base);
    for octet in name.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~!$&'()*,=:@/".contains(&octet) {
            encoded.push(octet.into());
        } else {
            encoded.push('%');
            for nibble in [octet >> 4, octet & 15] {
                encoded.extend(DIGITS.get(usize::from(nibble)).map(|digit| char::from(*digit)));
            }
        }
    }
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
        /// What is encoded can be signed as it is, and is the name once it is decoded.
        #[test]
        fn every_name_can_be_signed(name in "[^/\\\\\\x00-\\x1f\\x7f]{1,40}") {
            // A server that decodes before it splits off parameters or a query sees a dot segment.
            let start = name.split([';', '?', '#']).next().unwrap();
            prop_assume!(start != "." && start != "..");
            let url = percent_encoded(&alloc::format!("https://h/{name}"));
            let path = url.strip_prefix("https://h").unwrap();
            let canonical = CanonicalPath::parse(path).unwrap();
            prop_assert_eq!(canonical.as_canonical(), Some(path));
            prop_assert_eq!(crate::path::decoded(path), alloc::format!("/{name}"));
        }
    }
}
