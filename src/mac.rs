//! HMAC-SHA-256 (RFC 2104, FIPS 180-4) by the crates `hmac` and `sha2`, and every comparison of secrets.
//!
//! Secret here: the key and the right tag. Not secret: every length, the signing input, and the tag that a
//! request carries. [`Mac::verify`] takes the same time for every wrong tag.

#[cfg(any(feature = "alloc", test))]
use core::fmt;

#[cfg(any(feature = "alloc", test))]
use base64ct::{Base64UrlUnpadded, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::bytes;
use crate::error::{Fault, InvalidSignature};

/// Bytes in a tag.
const LEN: usize = 32;

/// A tag that was computed. It can be written down, but not compared: use [`Mac::verify`].
#[cfg(any(feature = "alloc", test))]
pub(crate) struct Tag([u8; LEN]);

#[cfg(any(feature = "alloc", test))]
impl Tag {
    /// Appends the tag in base64url without padding.
    pub(crate) fn push_to(&self, text: &mut alloc::string::String) {
        let mut room = [0; EncodedTag::LEN];
        // The room has the length of every tag.
        text.push_str(Base64UrlUnpadded::encode(&self.0, &mut room).unwrap_or_default());
    }

    /// The tag in hex, as signers write it by mistake.
    pub(crate) fn to_hex(&self) -> alloc::string::String {
        self.0.iter().map(|byte| alloc::format!("{byte:02x}")).collect()
    }
}

#[cfg(any(feature = "alloc", test))]
impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(..)")
    }
}

/// A tag as a request carries it, in its one spelling: base64url without padding (RFC 4648, section 5).
#[derive(Clone, Copy)]
pub(crate) struct EncodedTag<'a> {
    #[cfg_attr(
        not(feature = "alloc"),
        expect(dead_code, reason = "only tokens that are written need it")
    )]
    text: &'a str,
    bytes: [u8; LEN],
}

impl<'a> EncodedTag<'a> {
    /// Characters in a tag.
    pub(crate) const LEN: usize = 43;

    /// Takes a tag off a text, up to its end or a `&`, and returns what follows that. `None` if it is not
    /// base64url, or its last character carries bits beyond the tag (RFC 4648, section 3.5).
    pub(crate) fn split(text: &'a str) -> Option<(Self, Option<&'a str>)> {
        let (text, rest) = text.split_at_checked(Self::LEN)?;
        let rest = match rest.as_bytes() {
            [] => None,
            [b'&', ..] => rest.get(1..),
            _ => return None,
        };
        Some((Self::decoded(text, text.as_bytes().first_chunk()?)?, rest))
    }

    /// The tag that these characters of base64url are, for a request that has it as `text`.
    pub(crate) fn decoded(text: &'a str, characters: &[u8; EncodedTag::LEN]) -> Option<Self> {
        // The last character carries four bits of the tag. The other two have to be zero.
        let is_canonical = value(*characters.last()?) & 0b11 == 0;
        let is_tag = is_canonical && bytes::all(characters, bytes::is_id);
        is_tag.then(|| Self { text, bytes: decode(characters) })
    }

    /// What is wrong with a text that is not a tag.
    #[cold]
    pub(crate) fn fault(text: &str) -> Fault {
        if text.is_empty() {
            Fault::Empty
        } else if !bytes::all(text.as_bytes(), bytes::is_id) {
            Fault::Character
        } else if text.len() != Self::LEN {
            Fault::WrongLength
        } else {
            Fault::NotCanonical
        }
    }

    /// The tag as the request carries it.
    #[cfg(feature = "alloc")]
    pub(crate) const fn as_str(self) -> &'a str {
        self.text
    }
}

/// Decodes a tag without a table and without a branch, as every tag may be the right one. The crate `base64ct`
/// does it in the same way, one character at a time, and takes as long for it as the MAC.
fn decode(text: &[u8; EncodedTag::LEN]) -> [u8; LEN] {
    let mut values = [0; EncodedTag::LEN + 1];
    values.iter_mut().zip(text).for_each(|(value, character)| *value = self::value(*character));
    let mut bytes = [0; LEN + 1];
    let groups = values.as_chunks().0.iter().zip(bytes.as_chunks_mut().0);
    groups
        .for_each(|([a, b, c, d], group)| *group = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
    let [bytes @ .., _] = bytes;
    bytes
}

/// The value of a character of base64url. The steps from one range of characters to the next are added up.
const fn value(character: u8) -> u8 {
    character
        .wrapping_add(62 - b'-')
        .wrapping_sub(if character >= b'0' { 13 } else { 0 })
        .wrapping_sub(if character >= b'A' { 69 } else { 0 })
        .wrapping_add(if character >= b'_' { 33 } else { 0 })
        .wrapping_sub(if character >= b'a' { 39 } else { 0 })
}

/// A key whose block has been hashed into both states (RFC 2104, section 4). Zeroized on drop, by the feature
/// `zeroize` of `hmac` and `sha2`.
#[derive(Clone)]
pub(crate) struct MacKey(Hmac<Sha256>);

impl MacKey {
    /// Takes a key of any length; `None` never happens.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        Hmac::new_from_slice(bytes).ok().map(Self)
    }

    /// Whether the other key makes the same tags. A key ring asks while it is read, never for a request.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let tag = other.0.clone().finalize().into_bytes();
        self.0.clone().verify(&tag).is_ok()
    }

    /// Starts a MAC.
    pub(crate) fn start(&self) -> Mac {
        Mac(self.0.clone())
    }
}

/// A MAC over a signing input that comes in pieces.
pub(crate) struct Mac(Hmac<Sha256>);

impl Mac {
    /// Adds the next piece.
    pub(crate) fn update(&mut self, piece: &str) {
        self.0.update(piece.as_bytes());
    }

    /// The tag over all pieces.
    #[cfg(any(feature = "alloc", test))]
    pub(crate) fn finish(self) -> Tag {
        Tag(self.0.finalize().into_bytes().into())
    }

    /// Whether `tag` is the tag over all pieces, in constant time.
    pub(crate) fn verify(self, tag: &EncodedTag<'_>) -> Result<(), InvalidSignature> {
        self.0.verify_slice(&tag.bytes).map_err(|_| InvalidSignature)
    }
}

/// Whether two secrets are the same, in a time that depends on their lengths only.
#[must_use]
pub fn secrets_match(a: &[u8], b: &[u8]) -> bool {
    Sha256::digest(a).ct_eq(&Sha256::digest(b)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn mac(key: &[u8], pieces: &[&str]) -> Mac {
        let mut mac = MacKey::new(key).unwrap().start();
        pieces.iter().for_each(|piece| mac.update(piece));
        mac
    }

    fn encoded(tag: &Tag) -> String {
        let mut text = String::new();
        tag.push_to(&mut text);
        text
    }

    /// RFC 4231, sections 4.2, 4.3, 4.7 and 4.8: short keys, and those that are longer than a block. The other
    /// test cases have data that is not text.
    #[test]
    fn hmac_sha256_rfc4231() {
        let cases: [(&[u8], &[&str], &str); 4] = [
            (
                &[0x0b; 20],
                &["Hi", " There"],
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                &["what do ya want ", "for nothing?"],
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 131],
                &["Test Using Larger Than Block-Size Key - Hash Key First"],
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                &[0xaa; 131],
                &[
                    "This is a test using a larger than block-size key and a larger than block-size ",
                    "data. The key needs to be hashed before being used by the HMAC algorithm.",
                ],
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ];
        for (key, pieces, tag) in cases {
            assert_eq!(mac(key, pieces).finish().to_hex(), tag);
        }
    }

    #[test]
    fn verify_takes_the_right_tag_and_none_with_another_bit() {
        let tag = mac(b"key", &["input"]).finish();
        let verdict = |tag: &Tag| {
            let text = encoded(tag);
            let (tag, _) = EncodedTag::split(&text).unwrap();
            mac(b"key", &["input"]).verify(&tag)
        };
        assert_eq!(verdict(&tag), Ok(()));
        for bit in 0..8 * LEN {
            let mut wrong = tag.0;
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(verdict(&Tag(wrong)), Err(InvalidSignature));
        }
    }

    /// Each byte at each place: one spelling for each tag, and nothing else is one.
    #[test]
    fn a_tag_has_one_spelling() {
        let right = *b"Kx3-9_c4a1e77d0Z4f3b8f602f6a5b1c0d3eAQgwz9M";
        for at in 0..EncodedTag::LEN {
            for byte in 0..=127 {
                let mut text = right;
                text[at] = byte;
                let text = core::str::from_utf8(&text).unwrap();
                let shown = EncodedTag::split(text).map(|(tag, _)| encoded(&Tag(tag.bytes)));
                // The last character carries four bits; the other two are zero.
                let is_one = bytes::is_id(byte) && (at < 42 || b"AEIMQUYcgkosw048".contains(&byte));
                assert_eq!(shown.as_deref(), is_one.then_some(text));
            }
        }
    }

    #[test]
    fn split_returns_what_follows() {
        let tag = encoded(&mac(b"key", &[]).finish());
        let rest = |after: &str| {
            let text = alloc::format!("{tag}{after}");
            EncodedTag::split(&text).map(|(_, rest)| rest.map(String::from))
        };
        assert_eq!(rest(""), Some(None));
        assert_eq!(rest("&"), Some(Some("".into())));
        assert_eq!(rest("&CMCD=a"), Some(Some("CMCD=a".into())));
        for odd in ["A", "=", "%3D", ";", "/", "\u{fc}"] {
            assert_eq!(rest(odd), None, "{odd}");
        }
        assert!(EncodedTag::split(&tag[..42]).is_none());
    }

    #[test]
    fn keys_are_the_same_if_they_make_the_same_tags() {
        let is_same =
            |a: &[u8], b: &[u8]| MacKey::new(a).unwrap().is_same(&MacKey::new(b).unwrap());
        assert!(is_same(b"key", b"key"));
        // RFC 2104, section 3: a short key is filled up with zeros, and a long one is hashed.
        assert!(is_same(b"key", b"key\0"));
        assert!(is_same(&[7; 65], &Sha256::digest([7; 65])));
        assert!(!is_same(b"key", b"kez"));
    }

    #[test]
    fn debug_never_shows_a_tag() {
        assert_eq!(alloc::format!("{:?}", mac(b"key", &[]).finish()), "Tag(..)");
    }
}
