//! A tag as a request shows it, and its value.
//!
//! No table is read at places that depend on the tag, and no branch taken. The general codec of base64
//! does the one and the other, and takes 20 ns longer for each tag.

use crate::bytes;
use crate::error::Fault;
use crate::mac::{TEXT_LEN, Words};

/// A tag as a request shows it, in its one spelling.
#[derive(Clone, Copy)]
pub(crate) struct ShownTag<'a>(&'a [u8; TEXT_LEN]);

impl<'a> ShownTag<'a> {
    /// Takes a tag off a text, up to its end or a `&`, and gives what follows that. `None` where a
    /// character is foreign or the last one carries bits beyond the tag (RFC 4648, section 3.5).
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn split(text: &'a str) -> Option<(Self, Option<&'a str>)> {
        let (tag, rest) = text.split_at_checked(TEXT_LEN)?;
        let rest = match rest.as_bytes() {
            [] => None,
            [b'&', ..] => rest.get(1..),
            _ => return None,
        };
        let tag = tag.as_bytes().first_chunk()?;
        // The last character carries four bits of the tag. The other two have to be zero.
        #[rustfmt::skip]
        let no_stray_bits = matches!(
            tag.last(),
            Some(b'A' | b'E' | b'I' | b'M' | b'Q' | b'U' | b'Y' | b'c' |
                 b'g' | b'k' | b'o' | b's' | b'w' | b'0' | b'4' | b'8')
        );
        (no_stray_bits && bytes::all(tag, bytes::is_id)).then_some((Self(tag), rest))
    }

    /// What is wrong with a text that is no tag.
    #[cold]
    pub(crate) fn fault(text: &str) -> Fault {
        if text.is_empty() {
            Fault::Empty
        } else if !bytes::all(text.as_bytes(), bytes::is_id) {
            Fault::Character
        } else if text.len() != TEXT_LEN {
            Fault::WrongLength
        } else {
            Fault::NotCanonical
        }
    }

    /// As it is shown.
    #[cfg(feature = "alloc")]
    pub(crate) fn as_str(self) -> &'a str {
        core::str::from_utf8(self.0).unwrap_or_default()
    }

    /// The tag.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(super) fn words(self) -> Words {
        // The last 16 overlap the first 32, so that both are whole vectors.
        let (Some(first), Some(last)) = (self.0.first_chunk::<32>(), self.0.last_chunk::<16>())
        else {
            return Words::default();
        };
        let (mut first, mut last) = (*first, *last);
        first.iter_mut().for_each(|byte| *byte = value(*byte));
        last.iter_mut().for_each(|byte| *byte = value(*byte));
        let (a, b) = (join(word(&first, 0)), join(word(&first, 8)));
        let (c, d) = (join(word(&first, 16)), join(word(&first, 24)));
        let (e, f) = (join(word(&last, 5)), join(word(&last, 8) >> 40));
        [(a << 16) | (b >> 32), (b << 32) | (c >> 16), (c << 48) | d, (e << 16) | (f >> 32)]
    }
}

/// The value of a character of the alphabet. The steps from one range to the next are added up.
const fn value(character: u8) -> u8 {
    character
        .wrapping_add(62 - b'-')
        .wrapping_sub(if character >= b'0' { 13 } else { 0 })
        .wrapping_sub(if character >= b'A' { 69 } else { 0 })
        .wrapping_add(if character >= b'_' { 33 } else { 0 })
        .wrapping_sub(if character >= b'a' { 39 } else { 0 })
}

/// Eight bytes, the first one least significant.
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn word(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Eight values of six bits, one in each byte and the first one least significant, as 48 bits with the
/// first one most significant.
const fn join(values: u64) -> u64 {
    const TWO: u64 = 0x003f_003f_003f_003f;
    const FOUR: u64 = 0x0000_0fff_0000_0fff;
    const EIGHT: u64 = 0x0000_0000_00ff_ffff;
    let twos = ((values & TWO) << 6) | ((values >> 8) & TWO);
    let fours = ((twos & FOUR) << 12) | ((twos >> 16) & FOUR);
    ((fours & EIGHT) << 24) | ((fours >> 32) & EIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::text;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    /// Each character of the alphabet, and each byte that is none, at each place.
    #[test]
    fn split_takes_what_the_crate_base64_takes() {
        let right = *b"Kx3-9_c4a1e77d0Z4f3b8f602f6a5b1c0d3eAQgwz9M";
        for at in 0..TEXT_LEN {
            for byte in 0..=127 {
                let mut text = right;
                text[at] = byte;
                let text = core::str::from_utf8(&text).unwrap();
                let shown =
                    ShownTag::split(text).map(|(shown, _)| shown.words().map(u64::to_be_bytes));
                let expected = URL_SAFE_NO_PAD.decode(text).ok();
                assert_eq!(shown.as_ref().map(|bytes| bytes.as_flattened()), expected.as_deref());
            }
        }
    }

    #[test]
    fn split_gives_what_follows() {
        let text = text::encode([1, 2, 3, 4]);
        let text = text.as_str();
        let rest = |behind: &str| {
            let text = alloc::format!("{text}{behind}");
            ShownTag::split(&text).map(|(_, rest)| rest.map(alloc::string::String::from))
        };
        assert_eq!(rest(""), Some(None));
        assert_eq!(rest("&"), Some(Some("".into())));
        assert_eq!(rest("&CMCD=a"), Some(Some("CMCD=a".into())));
        for odd in ["A", "=", "%3D", ";", "/", "ü"] {
            assert_eq!(rest(odd), None, "{odd}");
        }
        assert!(ShownTag::split(&text[..42]).is_none());
    }
}
