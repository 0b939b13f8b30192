//! Percent-encoding (RFC 3986, section 2.1).

#[cfg(feature = "alloc")]
use alloc::{string::String, vec::Vec};

/// The octet of two hex digits.
pub(crate) fn escaped(digits: &str) -> Option<u8> {
    let hex = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u8::from_str_radix(digits, 16).ok().filter(|_| hex)
}

/// Appends a text with every octet encoded that is not `kept`, which are in ASCII.
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

/// A text with its escapes decoded. `None` where one is broken, or what comes out is no text.
#[cfg(feature = "alloc")]
#[must_use]
pub fn decode(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = Vec::from(pieces.next()?);
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        bytes.push(escaped(digits)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// A text with its escapes decoded, where that gives text. A broken one stays.
#[cfg(feature = "alloc")]
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend(parts.next().unwrap_or_default().bytes());
    for part in parts {
        let octet = part.get(..2).and_then(escaped);
        let rest = match octet {
            Some(octet) => {
                bytes.push(octet);
                part.get(2..)
            }
            None => {
                bytes.push(b'%');
                Some(part)
            }
        };
        bytes.extend(rest.unwrap_or_default().bytes());
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.into())
}
