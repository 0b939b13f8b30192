//! The ways in which a signature is written down by mistake.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::mac::EncodedTag;
use crate::percent::decoded;

/// Hex digits of a tag.
const HEX_LEN: usize = 64;

/// The fewest characters of a clipped signature that say something: what fits by chance is rarer than one
/// in 2^48.
const FEWEST: usize = 8;

/// What a signature would be in each way of writing that it could be in: the hex digits that the right tag
/// starts with, and what to write instead; nothing where it is written as it has to be.
pub(in crate::format) fn forms(sig: &str) -> Vec<(String, String)> {
    let mut forms = Vec::new();
    let text = decoded(sig);
    let text = text.strip_prefix("sha256=").or_else(|| text.strip_prefix("0x")).unwrap_or(&text);
    let text = text.trim_end_matches('=');
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex && text.len() == HEX_LEN {
        let said = "the signature fits in hex: write its bytes in base64url";
        forms.push((text.to_ascii_lowercase(), said.to_owned()));
    } else if is_hex && text.len() >= 2 * FEWEST && text.len() < HEX_LEN {
        let said = "the signature fits in hex, clipped: write all its bytes in base64url";
        forms.push((text.to_ascii_lowercase(), said.to_owned()));
    }
    let Some(digits) = hex_of_base64(text) else {
        // What is around a link in a text is no part of the signature.
        let first = text.get(..EncodedTag::LEN).and_then(hex_of_base64);
        forms.extend(first.map(|digits| (digits, more(text))));
        return forms;
    };
    let len = text.len();
    if len == EncodedTag::LEN && text == sig && !text.contains(['+', '/']) {
        forms.push((digits, String::new()));
    } else if len == EncodedTag::LEN && sig.contains('%') && !decoded(sig).contains(['+', '/', '='])
    {
        let said = "the signature fits, but its `-` or `_` was percent-encoded: write it as it is";
        forms.push((digits, said.to_owned()));
    } else if len == EncodedTag::LEN {
        let said =
            "the signature fits in standard base64: write - for +, _ for /, and no =".to_owned();
        forms.push((digits, said));
    } else if (FEWEST..EncodedTag::LEN).contains(&len) {
        let said =
            format!("the signature fits but is clipped: it has 43 characters, here are {len}");
        forms.push((digits, said));
    } else if len > EncodedTag::LEN {
        if let Some(inner) = text_of_hex(&digits).filter(|inner| inner.len() == HEX_LEN) {
            let said = "the signature fits as the base64 of its hex digits: write the base64url of its \
                        bytes";
            forms.push((inner, said.to_owned()));
        }
        let first = text.get(..EncodedTag::LEN).and_then(hex_of_base64);
        forms.extend(first.map(|digits| (digits, more(text))));
    }
    forms
}

fn more(text: &str) -> String {
    let more = text.len().saturating_sub(EncodedTag::LEN);
    format!("the signature fits in its first 43 characters: take off what follows, {more} in all")
}

/// The hex digits of base64 in either alphabet, without padding; bits that make no digit are left out.
fn hex_of_base64(text: &str) -> Option<String> {
    let mut digits = String::with_capacity(text.len().saturating_mul(2));
    let (mut bits, mut len) = (0_u32, 0_u32);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte.wrapping_sub(b'A'),
            b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits.wrapping_shl(6) | u32::from(value);
        len = len.wrapping_add(6);
        while len >= 4 {
            len = len.wrapping_sub(4);
            digits.extend(char::from_digit(bits.wrapping_shr(len) & 15, 16));
        }
    }
    Some(digits)
}

/// The hex digits that hex digits spell; `None` where they spell anything else.
fn text_of_hex(digits: &str) -> Option<String> {
    let pairs = digits.as_bytes().as_chunks::<2>().0.iter();
    pairs
        .map(|pair| {
            let octet = core::str::from_utf8(pair).ok().and_then(crate::percent::escaped)?;
            octet.is_ascii_hexdigit().then_some(char::from(octet.to_ascii_lowercase()))
        })
        .collect()
}
