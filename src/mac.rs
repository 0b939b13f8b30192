//! HMAC-SHA-256 (RFC 2104, FIPS 180-4), and the one comparison of secrets.
//!
//! Secret here: the key and the right tag. Not secret: every length, the signing input and the tag that
//! a request shows. [`InnerHash::verify`] takes the same time for every wrong tag.
//!
//! HMAC stands here on the compression function of the crate `sha2`. With the crate `hmac` a tag takes
//! a quarter to a half longer: it copies and wipes more for each. It is the oracle of the tests.

mod shown;
#[cfg(any(feature = "alloc", test))]
mod text;

use core::{fmt, slice};

use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

pub(crate) use self::shown::ShownTag;
#[cfg(any(feature = "alloc", test))]
use self::text::TagText;
use crate::error::InvalidSignature;

/// Bytes that SHA-256 works on at once.
const BLOCK_LEN: usize = 64;

/// Bytes of the input's length at the end of the last block.
const LENGTH_LEN: usize = size_of::<u64>();

/// Characters of a tag in base64url without padding.
const TEXT_LEN: usize = 43;

/// A tag as four words, the first byte most significant.
type Words = [u64; 4];

/// What SHA-256 keeps from block to block.
type State = [u32; 8];

/// The places in a block.
#[expect(clippy::indexing_slicing, reason = "in a constant it would not compile")]
const PLACES: [u8; BLOCK_LEN] = {
    let mut places = [0; BLOCK_LEN];
    let mut place = 0;
    while place < BLOCK_LEN {
        places[place] = place as u8;
        place += 1;
    }
    places
};

/// FIPS 180-4, section 5.3.3.
#[rustfmt::skip]
const INITIAL_STATE: State = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
    0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
];

/// The second block of the outer hash, but for its first 32 bytes: the inner hash goes there. Behind it
/// the end mark, and 768, the bits of the key's block and a hash.
const OUTER_BLOCK: [u8; BLOCK_LEN] = {
    let mut block = [0; BLOCK_LEN];
    block[32] = 0x80;
    block[62] = 0x03;
    block
};

/// The output of HMAC-SHA-256.
///
/// It can be written down, but not compared: that is [`InnerHash::verify`]'s part.
#[derive(Clone, Copy)]
pub(crate) struct Tag(State);

impl Tag {
    /// Length of a tag in base64url without padding.
    pub(crate) const TEXT_LEN: usize = TEXT_LEN;

    /// The tag in base64url without padding.
    #[cfg(any(feature = "alloc", test))]
    #[inline]
    pub(crate) fn encode(self) -> TagText {
        text::encode(self.words())
    }

    /// The tag in hex, as signers write it by mistake.
    #[cfg(feature = "alloc")]
    pub(crate) fn to_hex(self) -> alloc::string::String {
        self.0.iter().map(|word| alloc::format!("{word:08x}")).collect()
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn words(self) -> Words {
        let [a, b, c, d, e, f, g, h] = self.0.map(u64::from);
        [(a << 32) | b, (c << 32) | d, (e << 32) | f, (g << 32) | h]
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(..)")
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
        } else if let Some(start) = block.first_chunk_mut::<32>() {
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

    /// Whether the other makes the same tags. It is asked while a ring is read, and never of a request.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        bool::from(self.inner.ct_eq(&other.inner) & self.outer.ct_eq(&other.outer))
    }

    /// Starts on an input that comes in pieces.
    pub(crate) fn start(&self) -> Mac<'_> {
        Mac { key: self, state: self.inner, block: [0; BLOCK_LEN], filled: 0, len: BLOCK_LEN }
    }

    /// The inner hash over the first `len` bytes of `text`, with a line feed for the one at `feed` where that
    /// is some place before the end. What follows these is not hashed.
    ///
    /// This takes 23 to 30 ns less than to copy the pieces into a block: the hash has to wait until
    /// they are all written, as it loads them 16 bytes at a time.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn hash_in_place(
        &self,
        text: &str,
        feed: Option<usize>,
        len: usize,
    ) -> InnerHash<'_> {
        // Without vector instructions it takes longer.
        if cfg!(not(any(target_feature = "sse2", target_feature = "neon"))) {
            return self.hash_in_pieces(text, feed, len);
        }
        let feed = feed.unwrap_or(len);
        let mut state = self.inner;
        let mut start: usize = 0;
        // The end mark and the length follow the input, in a block of their own if need be.
        while start <= len.saturating_add(LENGTH_LEN) {
            let end = start.saturating_add(BLOCK_LEN);
            let whole = text.as_bytes().get(start..end).filter(|_| end <= len);
            match whole.and_then(<[u8]>::first_chunk) {
                Some(block) if !(start..end).contains(&feed) => {
                    compress256(&mut state, slice::from_ref(block));
                }
                _ => {
                    let block = inner_block(text.as_bytes(), start, feed, len);
                    compress256(&mut state, slice::from_ref(&block));
                }
            }
            start = end;
        }
        InnerHash { key: self, state }
    }

    /// [`MacKey::hash_in_place`], piece by piece.
    fn hash_in_pieces(&self, text: &str, feed: Option<usize>, len: usize) -> InnerHash<'_> {
        let text = text.get(..len).unwrap_or(text);
        let mut mac = self.start();
        match feed.and_then(|feed| text.split_at_checked(feed)) {
            Some((before, behind)) if !behind.is_empty() => {
                mac.update(before);
                mac.update("\n");
                mac.update(behind.get(1..).unwrap_or_default());
            }
            _ => mac.update(text),
        }
        mac.end()
    }
}

impl Drop for MacKey {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

/// The block of the inner hash that starts at `start`, for [`MacKey::hash_in_place`]: the text, a line
/// feed in it, the end mark, zeros and the length (FIPS 180-4, section 5.1.1).
///
/// Every byte is made in the same way, so that the block is made in vectors.
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn inner_block(text: &[u8], start: usize, feed: usize, len: usize) -> [u8; BLOCK_LEN] {
    let text = text.get(start..).unwrap_or_default();
    let mut block = match text.first_chunk() {
        Some(whole) => *whole,
        None => padded(text),
    };
    // Places in this block; `BLOCK_LEN` stands for any other block.
    let here = |at: usize| at.checked_sub(start).map_or(BLOCK_LEN, |at| at.min(BLOCK_LEN)) as u8;
    let (feed, end) = (here(feed), here(len));
    let text_end = if start > len { 0 } else { end };
    let is_last = len.saturating_add(LENGTH_LEN) < start.saturating_add(BLOCK_LEN);
    let bits = if is_last { (len.saturating_add(BLOCK_LEN) as u64).wrapping_mul(8) } else { 0 };
    for (byte, &place) in block.iter_mut().zip(&PLACES) {
        let text = if place == feed { b'\n' } else { *byte };
        let text = if place < text_end { text } else { 0 };
        let mark = if place == end { 0x80 } else { 0 };
        *byte = text | mark;
    }
    let lengths = block.iter_mut().rev().zip(bits.to_le_bytes());
    lengths.for_each(|(byte, length)| *byte |= length);
    block
}

/// The end of a text, and zeros. Not needed for links that end in a signature and a little more.
#[cold]
fn padded(text: &[u8]) -> [u8; BLOCK_LEN] {
    let mut block = [0; BLOCK_LEN];
    block.iter_mut().zip(text).for_each(|(byte, text)| *byte = *text);
    block
}

/// The inner hash over an input: all of a tag but the outer hash. Zeroized on drop.
pub(crate) struct InnerHash<'a> {
    key: &'a MacKey,
    state: State,
}

impl InnerHash<'_> {
    /// The tag.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn tag(&self) -> Tag {
        let mut block = OUTER_BLOCK;
        for (bytes, word) in block.as_chunks_mut().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        let mut state = self.key.outer;
        compress256(&mut state, slice::from_ref(&block));
        block.as_mut_slice().zeroize();
        Tag(state)
    }

    /// Whether `shown` is the tag, in constant time.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn verify(&self, shown: ShownTag<'_>) -> Result<(), InvalidSignature> {
        // The processor decodes it while the inner hash is still under way. `black_box` keeps it before
        // the outer one, where it takes no time; behind it, it takes 15 ns.
        let shown = core::hint::black_box(shown.words());
        if self.tag().words().ct_eq(&shown).into() { Ok(()) } else { Err(InvalidSignature) }
    }
}

impl Drop for InnerHash<'_> {
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn drop(&mut self) {
        self.state.as_mut_slice().zeroize();
    }
}

/// An input on its way to a tag.
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

impl<'a> Mac<'a> {
    /// Takes the next piece.
    pub(crate) fn update(&mut self, piece: &str) {
        self.update_bytes(piece.as_bytes());
    }

    fn update_bytes(&mut self, piece: &[u8]) {
        self.len = self.len.wrapping_add(piece.len());
        let mut rest = piece;
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
    #[cfg(any(feature = "alloc", test))]
    pub(crate) fn finish(self) -> Tag {
        self.end().tag()
    }

    /// The inner hash over all pieces.
    pub(crate) fn end(mut self) -> InnerHash<'a> {
        // FIPS 180-4, section 5.1.1: a bit 1, zeros, and the length in bits at the end of a block.
        if let Some(end) = self.block.get_mut(self.filled) {
            *end = 0x80;
        }
        if self.filled >= BLOCK_LEN - LENGTH_LEN {
            self.compress();
        }
        if let Some(end) = self.block.last_chunk_mut() {
            *end = (self.len as u64).wrapping_mul(8).to_be_bytes();
        }
        self.compress();
        InnerHash { key: self.key, state: self.state }
    }

    /// Hashes the block, and empties it.
    fn compress(&mut self) {
        compress256(&mut self.state, slice::from_ref(&self.block));
        self.block = [0; BLOCK_LEN];
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use proptest::prelude::*;

    fn in_pieces<'a>(key: &[u8], pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let key = MacKey::new(key);
        let mut mac = key.start();
        pieces.into_iter().for_each(|piece| mac.update_bytes(piece));
        mac.finish().to_hex()
    }

    /// The same by the crate `hmac`.
    fn oracle(key: &[u8], input: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(input);
        mac.finalize().into_bytes().iter().map(|byte| alloc::format!("{byte:02x}")).collect()
    }

    /// RFC 4231, sections 4.2 to 4.8; of the fifth tag only 128 bits are given.
    #[test]
    fn hmac_sha256_rfc4231() {
        let counted: [u8; 25] = core::array::from_fn(|n| n as u8 + 1);
        let cases: [(&[u8], &[u8], &str); 7] = [
            (
                &[0x0b; 20],
                b"Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 20],
                &[0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
            (
                &counted,
                &[0xcd; 50],
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
            ),
            (&[0x0c; 20], b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                &[0xaa; 131],
                b"This is a test using a larger than block-size key and a larger than block-size \
                  data. The key needs to be hashed before being used by the HMAC algorithm.",
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ];
        for (case, (key, input, tag)) in cases.into_iter().enumerate() {
            assert!(in_pieces(key, [input]).starts_with(tag), "test case {}", case + 1);
        }
    }

    #[test]
    fn every_length_is_that_of_the_oracle() {
        let text: String = ('!'..='~').cycle().take(300).collect();
        for len in 0..=text.len() {
            let key = &text.as_bytes()[..len];
            assert_eq!(in_pieces(key, [text.as_bytes()]), oracle(key, text.as_bytes()), "{len}");
            let input = &text.as_bytes()[..len];
            assert_eq!(in_pieces(b"key", [input]), oracle(b"key", input), "{len}");
        }
    }

    #[test]
    fn every_length_in_place_is_that_of_the_oracle() {
        let text: String = ('!'..='~').cycle().take(300).collect();
        let key = MacKey::new(b"key");
        for len in 1..=200 {
            for feed in (0..len).map(Some).chain([None]) {
                let mut input = Vec::from(&text.as_bytes()[..len]);
                if let Some(feed) = feed {
                    input[feed] = b'\n';
                }
                let expected = oracle(b"key", &input);
                for text in [&text, &text[..len]] {
                    let at = || alloc::format!("{len} of {} bytes, feed {feed:?}", text.len());
                    let whole = key.hash_in_place(text, feed, len).tag().to_hex();
                    assert_eq!(whole, expected, "{}", at());
                    // What machines without vector instructions do.
                    let pieces = key.hash_in_pieces(text, feed, len).tag().to_hex();
                    assert_eq!(pieces, expected, "{}, in pieces", at());
                }
            }
        }
    }

    #[test]
    fn longest_url_in_place_is_that_of_the_oracle() {
        let text = "x".repeat(8192);
        let mut input = Vec::from(text.as_bytes());
        input[7000] = b'\n';
        let key = MacKey::new(b"key");
        let tag = key.hash_in_place(&text, Some(7000), text.len()).tag();
        assert_eq!(tag.to_hex(), oracle(b"key", &input));
    }

    proptest! {
        #[test]
        fn pieces_join(key: Vec<u8>, pieces: Vec<Vec<u8>>) {
            let whole = pieces.concat();
            let pieces = pieces.iter().map(Vec::as_slice);
            prop_assert_eq!(in_pieces(&key, pieces), oracle(&key, &whole));
        }
    }

    #[test]
    fn verify_takes_the_right_tag_and_none_with_another_bit() {
        let key = MacKey::new(b"key");
        let hash = key.start().end();
        let verdict = |tag: Tag| {
            let text = tag.encode();
            ShownTag::split(text.as_str()).map(|(tag, _)| hash.verify(tag))
        };
        assert_eq!(verdict(hash.tag()), Some(Ok(())));
        for bit in 0..256 {
            let mut wrong = hash.tag();
            wrong.0[bit / 32] ^= 1 << (bit % 32);
            assert_eq!(verdict(wrong), Some(Err(InvalidSignature)));
        }
    }

    #[test]
    fn debug_never_shows_a_tag() {
        assert_eq!(alloc::format!("{:?}", MacKey::new(b"key").start().finish()), "Tag(..)");
    }
}
