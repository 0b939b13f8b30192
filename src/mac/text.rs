//! A tag as text: base64url without padding (RFC 4648, section 5), 43 characters for 32 bytes.
//!
//! As in [`shown`](super::shown) there is no table and no branch.

use crate::mac::{TEXT_LEN, Words};

/// A tag in base64url without padding.
///
/// Whole and aligned words, as the check for UTF-8 goes faster over these.
#[repr(align(8))]
pub(crate) struct TagText([[u8; 8]; 6]);

impl TagText {
    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        let text = core::str::from_utf8(self.0.as_flattened()).unwrap_or_default();
        text.get(..TEXT_LEN).unwrap_or_default()
    }
}

/// The text of a tag.
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(super) fn encode([a, b, c, d]: Words) -> TagText {
    let groups = [a >> 16, (a << 32) | (b >> 32), (b << 16) | (c >> 48), c, d >> 16, d << 32];
    let mut text = groups.map(|bits| spread(bits).to_le_bytes());
    text.as_flattened_mut().iter_mut().for_each(|byte| *byte = character(*byte));
    TagText(text)
}

/// The character of a value.
const fn character(value: u8) -> u8 {
    value
        .wrapping_add(b'A')
        .wrapping_add(if value >= 26 { 6 } else { 0 })
        .wrapping_sub(if value >= 52 { 75 } else { 0 })
        .wrapping_sub(if value >= 62 { 13 } else { 0 })
        .wrapping_add(if value >= 63 { 49 } else { 0 })
}

/// Eight values of six bits, one in each byte and the first one least significant, of 48 bits with the
/// first one most significant. Bits above the 48 do not count.
const fn spread(bits: u64) -> u64 {
    const TWO: u64 = 0x003f_003f_003f_003f;
    const FOUR: u64 = 0x0000_0fff_0000_0fff;
    const EIGHT: u64 = 0x0000_0000_00ff_ffff;
    let fours = ((bits >> 24) & EIGHT) | ((bits & EIGHT) << 32);
    let twos = ((fours >> 12) & FOUR) | ((fours & FOUR) << 16);
    ((twos >> 6) & TWO) | ((twos & TWO) << 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::ShownTag;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_is_that_of_the_crate_base64(words: Words) {
            let text = encode(words);
            let bytes = words.map(u64::to_be_bytes);
            prop_assert_eq!(text.as_str(), URL_SAFE_NO_PAD.encode(bytes.as_flattened()));
            let (shown, rest) = ShownTag::split(text.as_str()).unwrap();
            prop_assert_eq!((shown.words(), rest), (words, None));
        }
    }
}
