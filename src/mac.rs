//! HMAC-SHA-256 (RFC 2104, FIPS 180-4), and the one comparison of secrets.
//!
//! Secret here: the key and the right tag. Not secret: every length, the signing input and the tag that
//! a request shows. [`Mac::verify`] takes the same time for every wrong tag.
//!
//! HMAC stands here on the compression function of the crate `sha2`: the crate `hmac` copies both hashes
//! and wipes its block byte by byte for each tag, which takes as long as a third of the hashing. It is
//! the oracle of the tests instead.

use core::{fmt, slice};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::bytes::{self, is_id};
use crate::error::InvalidSignature;

/// Bytes in a tag.
const TAG_LEN: usize = 32;
/// Bytes that SHA-256 works on at once.
const BLOCK_LEN: usize = 64;

/// What SHA-256 keeps from block to block.
type State = [u32; 8];

/// FIPS 180-4, section 5.3.3.
const INITIAL_STATE: State = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The outer hash's second block but for its first 32 bytes, the inner hash: its end, and the length
/// in bits of the key's block and a hash.
const OUTER_BLOCK: [u8; BLOCK_LEN] = {
    let mut block = [0; BLOCK_LEN];
    block[32] = 0x80;
    block[62] = 0x03;
    block
};

/// The output of HMAC-SHA-256.
///
/// It can be written down, but not compared: that is [`Mac::verify`]'s part.
#[derive(Clone, Copy)]
pub(crate) struct Tag([u8; TAG_LEN]);

impl Tag {
    /// Length of a tag in base64url without padding.
    pub(crate) const TEXT_LEN: usize = 43;

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

/// A tag as a request shows it: 43 characters of base64url without padding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownTag<'a>(&'a [u8; Tag::TEXT_LEN]);

impl<'a> ShownTag<'a> {
    /// Takes a tag off a text, up to its end or a `&`, and gives what follows that. `None` where a
    /// character is foreign or the last one carries bits beyond the tag (RFC 4648, section 3.5).
    #[inline]
    pub(crate) fn split(text: &'a str) -> Option<(Self, Option<&'a str>)> {
        let (tag, rest) = text.split_at_checked(Tag::TEXT_LEN)?;
        let rest = match rest.as_bytes() {
            [] => None,
            [b'&', ..] => rest.get(1..),
            _ => return None,
        };
        let tag = tag.as_bytes().first_chunk()?;
        // The last character has four bits of the tag; the two others have to be zero.
        #[rustfmt::skip]
        let canonical = matches!(
            tag.last()?,
            b'A' | b'E' | b'I' | b'M' | b'Q' | b'U' | b'Y' | b'c' |
            b'g' | b'k' | b'o' | b's' | b'w' | b'0' | b'4' | b'8'
        );
        (canonical && bytes::all(tag, is_id)).then_some((Self(tag), rest))
    }

    fn decode(self) -> Result<Tag, InvalidSignature> {
        // The engine writes whole groups of three bytes before it looks at the rest.
        let mut bytes = [0; TAG_LEN + 1];
        URL_SAFE_NO_PAD.decode_slice(self.0, &mut bytes).map_err(|_| InvalidSignature)?;
        bytes.first_chunk().copied().map(Tag).ok_or(InvalidSignature)
    }
}

/// A key with its block worked into both hashes beforehand (RFC 2104, section 4); zeroized on drop.
#[derive(Clone)]
pub(crate) struct MacKey {
    inner: State,
    outer: State,
}

impl MacKey {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        const INNER_PAD: u8 = 0x36;
        const OUTER_PAD: u8 = 0x5c;
        let mut block = Zeroizing::new([0; BLOCK_LEN]);
        if let Some(start) = block.get_mut(..bytes.len()) {
            start.copy_from_slice(bytes);
        } else if let Some(start) = block.first_chunk_mut::<TAG_LEN>() {
            // A key longer than a block is hashed first.
            Sha256::new_with_prefix(bytes).finalize_into(start.into());
        }
        let mut key = Self { inner: INITIAL_STATE, outer: INITIAL_STATE };
        block.iter_mut().for_each(|byte| *byte ^= INNER_PAD);
        compress256(&mut key.inner, slice::from_ref(&block));
        block.iter_mut().for_each(|byte| *byte ^= INNER_PAD ^ OUTER_PAD);
        compress256(&mut key.outer, slice::from_ref(&block));
        key
    }

    /// Starts on a signing input, which may come in any number of pieces.
    #[inline]
    pub(crate) fn start(&self) -> Mac<'_> {
        Mac { key: self, state: self.inner, block: [0; BLOCK_LEN], filled: 0, len: BLOCK_LEN }
    }
}

impl Drop for MacKey {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

/// A signing input on its way to a tag.
pub(crate) struct Mac<'a> {
    key: &'a MacKey,
    /// The inner hash.
    state: State,
    /// Input that fills no block yet, and zeros.
    block: [u8; BLOCK_LEN],
    /// Bytes of input in `block`.
    filled: usize,
    /// Bytes hashed or to be hashed, with the key's block.
    len: usize,
}

impl Mac<'_> {
    /// Takes the next piece.
    #[inline]
    pub(crate) fn update(&mut self, piece: &str) {
        self.len = self.len.wrapping_add(piece.len());
        let mut rest = piece.as_bytes();
        loop {
            let free = self.block.get_mut(self.filled..).unwrap_or_default();
            let Some((fits, more)) = rest.split_at_checked(free.len()) else { break };
            free.copy_from_slice(fits);
            self.compress();
            self.filled = 0;
            rest = more;
        }
        let end = self.filled.wrapping_add(rest.len());
        if let Some(free) = self.block.get_mut(self.filled..end) {
            free.copy_from_slice(rest);
            self.filled = end;
        }
    }

    /// The tag over all pieces.
    #[inline]
    pub(crate) fn finish(mut self) -> Tag {
        // FIPS 180-4, section 5.1.1: a bit 1, zeros, and the length in bits, at the end of a block.
        const LEN: usize = size_of::<u64>();
        if let Some(end) = self.block.get_mut(self.filled) {
            *end = 0x80;
        }
        if self.filled >= BLOCK_LEN - LEN {
            self.compress();
        }
        if let Some(end) = self.block.last_chunk_mut() {
            *end = (self.len as u64).wrapping_mul(8).to_be_bytes();
        }
        self.compress();

        let mut block = OUTER_BLOCK;
        let (digest, _) = block.as_chunks_mut();
        for (bytes, word) in digest.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        let mut state = self.key.outer;
        compress256(&mut state, slice::from_ref(&block));
        block.as_mut_slice().zeroize();
        let mut tag = Tag([0; TAG_LEN]);
        for (bytes, word) in tag.0.as_chunks_mut().0.iter_mut().zip(state) {
            *bytes = word.to_be_bytes();
        }
        tag
    }

    /// Hashes the block, and empties it.
    #[inline]
    fn compress(&mut self) {
        compress256(&mut self.state, slice::from_ref(&self.block));
        self.block = [0; BLOCK_LEN];
    }

    /// Whether `shown` is the tag over all pieces, in constant time.
    #[inline]
    pub(crate) fn verify(self, shown: ShownTag<'_>) -> Result<(), InvalidSignature> {
        // Decoded first: the block's bytes have then reached the cache, where the hash can load them 16
        // at a time.
        let shown = shown.decode()?;
        if self.finish().words().ct_eq(&shown.words()).into() {
            Ok(())
        } else {
            Err(InvalidSignature)
        }
    }
}

impl Drop for Mac<'_> {
    fn drop(&mut self) {
        self.state.as_mut_slice().zeroize();
    }
}

/// Whether two secrets are the same, in a time that tells nothing but the lengths.
#[must_use]
pub fn secrets_match(a: &[u8], b: &[u8]) -> bool {
    Sha256::digest(a).ct_eq(&Sha256::digest(b)).into()
}
