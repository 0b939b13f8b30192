//! One address in other spellings: what it may have been where it was signed.
//!
//! URL libraries agree on letters and digits, and on little else. So each other character that an address
//! has is tried as itself and percent-encoded, in every combination.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::bytes::{is_unreserved, replace};
use crate::percent::decoded;

/// The most characters that are tried in two spellings: 2^8 combinations.
const MOST: usize = 8;

/// An octet of an address.
#[derive(Clone, Copy)]
struct Octet {
    value: u8,
    encoded: bool,
    /// Whether it parts the address: it cannot be encoded, as it would be another one.
    parts: bool,
}

/// The spellings of a scope, each with what is different in it.
pub(super) fn spellings(scope: &str) -> Vec<(String, String)> {
    let mut spellings = Vec::new();
    let mut push = |said: &str, text: String| spellings.push((said.to_owned(), text));

    // `+` for a space is of forms, in queries; elsewhere it is a plus.
    for (said, from, to) in [
        ("`+` written for a space", "%20", "+"),
        ("a space written as `+`", "+", "%20"),
        ("it was encoded once more on the way", "%25", "%"),
        ("the path was encoded twice", "%", "%25"),
    ] {
        push(said, replace(scope, &[(from, to)]).unwrap_or_default());
    }
    push("the escapes in lower case", with_lower_hex(scope));
    let open = decoded(scope);
    if !crate::bytes::all(open.as_bytes(), crate::bytes::is_graphic) {
        push("the path was not encoded", open);
    }
    push("in lower case", scope.to_ascii_lowercase());

    let octets = octets(scope);
    let toggles = toggles(&octets);
    for choice in 1..1_u32 << toggles.len().min(MOST) {
        let chosen = |class: u8| {
            let at = toggles.iter().position(|toggle| *toggle == class);
            at.is_some_and(|at| choice & 1_u32.wrapping_shl(at as u32) != 0)
        };
        let mut said = String::new();
        for class in toggles.iter().filter(|class| chosen(**class)) {
            said.push_str(&name(*class));
            said.push(' ');
        }
        said.push_str("written in another way");
        push(&said, written(&octets, |class, encoded| encoded != chosen(class)));
    }
    spellings.retain(|(_, text)| text != scope && !text.is_empty());
    spellings
}

fn octets(text: &str) -> Vec<Octet> {
    let mut octets = Vec::with_capacity(text.len());
    let (mut in_query, mut in_value) = (false, false);
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let digits = tail.first_chunk::<2>().filter(|_| byte == b'%');
        let digits = digits.and_then(|digits| core::str::from_utf8(digits).ok());
        if let Some(value) = digits.and_then(crate::percent::escaped) {
            octets.push(Octet { value, encoded: true, parts: false });
            rest = tail.get(2..).unwrap_or_default();
            continue;
        }
        let parts = match byte {
            b'/' | b'?' => !in_query,
            b'&' => in_query,
            // The first one of a parameter.
            b'=' => in_query && !in_value,
            _ => false,
        };
        in_query |= byte == b'?';
        in_value = (in_value || byte == b'=') && !(parts && byte == b'&') && in_query;
        octets.push(Octet { value: byte, encoded: false, parts });
        rest = tail;
    }
    octets
}

/// What stands for all octets outside ASCII, which are encoded together.
const OTHER: u8 = 0x80;

const fn class(octet: u8) -> u8 {
    if octet < OTHER { octet } else { OTHER }
}

/// The characters of an address that libraries encode or not.
fn toggles(octets: &[Octet]) -> Vec<u8> {
    let mut toggles = Vec::new();
    for octet in octets {
        let class = class(octet.value);
        let is_open = octet.value == b'~' || !(is_unreserved(octet.value) || octet.value == b'%');
        if is_open && !octet.parts && !toggles.contains(&class) {
            toggles.push(class);
        }
    }
    toggles
}

/// The text of octets. `encode` says for a class, and whether it is encoded here, whether it is to be.
fn written(octets: &[Octet], encode: impl Fn(u8, bool) -> bool) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut bytes = Vec::with_capacity(octets.len());
    for octet in octets {
        if !octet.parts && encode(class(octet.value), octet.encoded) {
            bytes.push(b'%');
            for nibble in [octet.value >> 4, octet.value & 15] {
                bytes.extend(DIGITS.get(usize::from(nibble)));
            }
        } else {
            bytes.push(octet.value);
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

fn name(class: u8) -> String {
    match class {
        OTHER => "the letters outside ASCII".to_owned(),
        b' ' => "the space".to_owned(),
        b'`' => "the backtick".to_owned(),
        other => format!("`{}`", char::from(other)),
    }
}

fn with_lower_hex(text: &str) -> String {
    let mut parts = text.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        lower.extend(["%", &digits.to_ascii_lowercase(), rest]);
    }
    lower
}
