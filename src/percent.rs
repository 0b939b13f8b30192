//! Percent-encoding (RFC 3986, section 2.1).

#[cfg(feature = "alloc")]
use alloc::{string::String, vec::Vec};

/// Decodes two hex digits.
pub(crate) fn escaped(digits: &str) -> Option<u8> {
    let hex = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u8::from_str_radix(digits, 16).ok().filter(|_| hex)
}

/// Appends a text, with every octet encoded that is not `kept`. The kept octets are ASCII.
#[cfg(feature = "alloc")]
pub fn push_encoded(text: &str, kept: impl Fn(u8) -> bool, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for octet in text.bytes() {
        if octet.is_ascii() && kept(octet) {
            out.push(octet.into());
        } else {
            out.push('%');
            for nibble in [octet >> 4, octet & 15] {
                out.extend(DIGITS.get(usize::from(nibble)).map(|digit| char::from(*digit)));
            }
        }
    }
}

/// Decodes the escapes of a text. `None` if one is malformed, or the result is not UTF-8.
#[cfg(feature = "alloc")]
#[must_use]
pub fn decode(text: &str) -> Option<String> {
    let (octets, well_formed) = octets(text);
    String::from_utf8(octets).ok().filter(|_| well_formed)
}

/// Decodes the escapes of a text if the result is UTF-8. Malformed escapes stay.
#[cfg(feature = "alloc")]
pub(crate) fn decoded(text: &str) -> String {
    String::from_utf8(octets(text).0).unwrap_or_else(|_| text.into())
}

/// The octets of a text with its escapes decoded, and whether all were well-formed. Others stay.
#[cfg(feature = "alloc")]
fn octets(text: &str) -> (Vec<u8>, bool) {
    let mut octets = Vec::with_capacity(text.len());
    let mut well_formed = true;
    let mut parts = text.split('%');
    octets.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let octet = part.get(..2).and_then(escaped);
        well_formed &= octet.is_some();
        octets.push(octet.unwrap_or(b'%'));
        let rest = if octet.is_some() { part.get(2..) } else { Some(part) };
        octets.extend_from_slice(rest.unwrap_or_default().as_bytes());
    }
    (octets, well_formed)
}
