//! HMAC-SHA-256 (RFC 2104, FIPS 180-4), and the one comparison of secrets.
//!
//! Secret here: the key and the right tag. Not secret: every length, the signing input and the tag that
//! a request shows. [X takes the same time for every wrong tag.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::error::InvalidSignature;

/// Bytes in a tag.
const TAG_LEN: usize = 32;

/// The output of HMAC-SHA-256.
///
/// It can be written down, but not compared: that is [X's part.
#[derive(Clone, Copy)]
pub(crate) struct Tag([u8; TAG_LEN]);

impl Tag {
    /// Length of a tag in base64url without padding.
    pub(crate) const TEXT_LEN: usize = 43;

    /// Takes 43 base64url characters off a text, up to its end or a `&`, and gives what follows that.
    /// `None` where a character is foreign or the last one carries bits beyond the tag (RFC 4648,
    /// section 3.5).
    #[inline]
    pub(crate) fn split(text: &str) -> Option<(Self, Option<&str>)> {
        let (tag, rest) = text.split_at_checked(Self::TEXT_LEN)?;
        let rest = match rest.as_bytes() {
            [] => None,
            [b'&', ..] => rest.get(1..),
            _ => return None,
        };
        // The engine writes whole groups of three bytes before it looks at the rest.
        let mut bytes = [0; TAG_LEN + 1];
        URL_SAFE_NO_PAD.decode_slice(tag, &mut bytes).ok()?;
        Some((Self(*bytes.first_chunk()?), rest))
    }

    /// The tag in base64url without padding, in the caller's buffer.
    pub(crate) fn encode(self, buffer: &mut [u8; Self::TEXT_LEN]) -> &str {
        let written = URL_SAFE_NO_PAD.encode_slice(self.0, buffer);
        debug_assert_eq!(written, Ok(Self::TEXT_LEN));
        core::str::from_utf8(buffer).unwrap_or_default()
    }

    /// The tag in words of eight bytes: fewer steps to compare than bytes.
    fn words(self) -> [u64; TAG_LEN / 8] {
        let (words, _) = self.0.as_chunks::<8>();
        core::array::from_fn(|n| words.get(n).copied().map_or(0, u64::from_ne_bytes))
    }

    /// The tag in hex, as signers write it by mistake.
    #[cfg(feature = "alloc")]
    pub(crate) fn to_hex(self) -> alloc::string::String {
        self.0.iter().map(|byte| alloc::format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(..)")
    }
}

/// A key with both of its hash blocks worked in beforehand; zeroized on drop.
#[derive(Clone)]
pub(crate) struct MacKey(Hmac<Sha256>);

impl MacKey {
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        Hmac::new_from_slice(bytes).ok().map(Self)
    }

    /// Starts on a signing input, which may come in any number of pieces.
    #[inline]
    pub(crate) fn start(&self) -> Mac {
        Mac(self.0.clone())
    }
}

/// A signing input on its way to a tag.
pub(crate) struct Mac(Hmac<Sha256>);

impl Mac {
    /// Takes the next piece.
    #[inline]
    pub(crate) fn update(&mut self, piece: &str) {
        self.0.update(piece.as_bytes());
    }

    /// The tag over all pieces.
    #[inline]
    pub(crate) fn finish(self) -> Tag {
        Tag(self.0.finalize().into_bytes().into())
    }

    /// Whether `shown` is the tag over all pieces, in constant time.
    #[inline]
    pub(crate) fn verify(self, shown: Tag) -> Result<(), InvalidSignature> {
        if self.finish().words().ct_eq(&shown.words()).into() {
            Ok(())
        } else {
            Err(InvalidSignature)
        }
    }
}

/// Whether two secrets are the same, in a time that tells nothing but the lengths.
#[must_use]
pub fn secrets_match(a: &[u8], b: &[u8]) -> bool {
    Sha256::digest(a).ct_eq(&Sha256::digest(b)).into()
}
