//! Keys, key ids, and the key ring, which allows rotation without downtime.

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _, Error};
use zeroize::Zeroizing;

use crate::error::UnusableKey;
use crate::mac::MacKey;
use crate::time::UnixTime;

/// The id of a key: 1 to 32 of `A-Z a-z 0-9 _ -`. Wire name: `kid`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId {
    bytes: [u8; Self::MAX_LEN],
    len: usize,
}

impl KeyId {
    /// The maximum length of a key id in bytes.
    pub const MAX_LEN: usize = 32;

    /// The id of no key.
    #[cfg(feature = "jwt")]
    pub(crate) const NONE: Self = Self { bytes: [0; Self::MAX_LEN], len: 0 };

    /// Parses a key id.
    ///
    /// # Errors
    /// [`KeyError::Id`] if it is empty, too long or contains any other character.
    pub fn new(text: &str) -> Result<Self, KeyError> {
        if text.is_empty()
            || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        {
            return Err(KeyError::Id);
        }
        let mut bytes = [0; Self::MAX_LEN];
        bytes.get_mut(..text.len()).ok_or(KeyError::Id)?.copy_from_slice(text.as_bytes());
        Ok(Self { bytes, len: text.len() })
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|id| core::str::from_utf8(id).ok()).unwrap_or_default()
    }

    fn is(&self, text: &str) -> bool {
        // Avoids a call to `memcmp`: most ids are one word.
        text.len() == self.len && text.bytes().zip(self.bytes).all(|(a, b)| a == b)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A signing key. Zeroized on drop; prints as `SecretKey(..)`.
#[derive(Clone)]
pub struct SecretKey(MacKey);

impl SecretKey {
    /// The minimum length of a key in bytes: the output length of SHA-256 (RFC 2104, section 3).
    pub const MIN_LEN: usize = 32;
    /// The maximum length of a key in bytes.
    pub const MAX_LEN: usize = 256;

    /// Creates a key from 32 to 256 bytes, which should come from a random number generator.
    ///
    /// # Errors
    /// [`KeyError::Length`] if there are fewer or more.
    pub fn new(bytes: &[u8]) -> Result<Self, KeyError> {
        if !(Self::MIN_LEN..=Self::MAX_LEN).contains(&bytes.len()) {
            return Err(KeyError::Length);
        }
        MacKey::new(bytes).map(Self).ok_or(KeyError::Length)
    }

    /// Creates a key from a secret of 8 to 256 bytes that was made for another system.
    fn foreign(bytes: &[u8]) -> Result<Self, KeyError> {
        if !(KeyRing::MIN_FOREIGN_LEN..=Self::MAX_LEN).contains(&bytes.len()) {
            return Err(KeyError::ForeignLength);
        }
        MacKey::new(bytes).map(Self).ok_or(KeyError::ForeignLength)
    }

    /// Parses a key in base64url without padding (RFC 4648, section 5).
    ///
    /// # Errors
    /// [`KeyError::Encoding`], or [`KeyError::Length`] if it is not 32 to 256 bytes.
    pub fn from_base64url(text: &str) -> Result<Self, KeyError> {
        decode(text, KeyError::Length, Self::new)
    }

    pub(crate) fn mac(&self) -> &MacKey {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// Decodes a key and passes its bytes to `take`. Returns `length` if it is longer than any key.
fn decode<T>(
    text: &str,
    length: KeyError,
    take: impl FnOnce(&[u8]) -> Result<T, KeyError>,
) -> Result<T, KeyError> {
    let mut room = Zeroizing::new([0; SecretKey::MAX_LEN]);
    match Base64UrlUnpadded::decode(text, room.as_mut()) {
        Ok(bytes) => take(bytes),
        Err(Error::InvalidLength) => Err(length),
        Err(Error::InvalidEncoding) => Err(KeyError::Encoding),
    }
}

/// The characters of a key used as its bytes. Never printed.
#[cfg(feature = "alloc")]
#[derive(Clone)]
pub(crate) struct TextKey(pub(crate) MacKey);

#[cfg(feature = "alloc")]
impl fmt::Debug for TextKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TextKey(..)")
    }
}

/// One key of a ring.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: KeyId,
    pub(crate) key: SecretKey,
    /// The only format that it serves; `None` if it serves all.
    format: Option<&'static str>,
    /// Whether it is shorter than a key should be.
    is_short: bool,
    /// Its text as a key, to diagnose signers that use the text by mistake.
    #[cfg(feature = "alloc")]
    pub(crate) text: TextKey,
    retires: Option<UnixTime>,
}

impl Entry {
    /// Whether it signs and verifies tokens of this format.
    pub(crate) fn serves(&self, format: &str) -> bool {
        self.format.is_none_or(|only| only == format)
    }

    /// When it retires; the latest possible time if it never does.
    pub(crate) fn retires(&self) -> UnixTime {
        self.retires.unwrap_or(UnixTime::from_secs(u64::MAX))
    }

    pub(crate) fn is_retired(&self, now: UnixTime) -> bool {
        self.retires.is_some_and(|at| now >= at)
    }
}

/// The keys of a deployment, in order: the first signs, all verify.
///
/// To rotate, add a new key after the first wherever links are verified. Then put it first wherever links are
/// signed. Remove the old key when its last link has expired.
///
/// ```
/// use playgate::KeyRing;
/// // A development key: the bytes 0 to 31.
/// let ring = KeyRing::parse("main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")?;
/// assert_eq!(ring.ids().collect::<Vec<_>>().len(), 1);
/// # Ok::<(), playgate::KeyRingError>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeyRing {
    entries: [Option<Entry>; Self::MAX_KEYS],
}

impl KeyRing {
    /// The maximum number of keys in one ring. Keys are stored inline, so a ring needs no allocator.
    pub const MAX_KEYS: usize = 16;

    /// A ring without keys. It verifies and signs nothing.
    pub const EMPTY: Self = Self { entries: [const { None }; Self::MAX_KEYS] };

    /// The minimum length in bytes of a key that is bound to a format other than native: it may be a secret that
    /// was made for another system. [`short_ids`](Self::short_ids) lists the keys that should be longer.
    pub const MIN_FOREIGN_LEN: usize = 8;

    /// The formats that an entry may be bound to. A build that lacks one of them parses its entries, but they sign
    /// nothing.
    const FORMATS: [&str; 3] = ["jwt", NATIVE, "timed-hmac"];

    /// Parses `id:base64url` entries, separated by commas or newlines.
    ///
    /// `@unix` after an entry retires its key at that Unix time in seconds. `jwt/`, `native/` or `timed-hmac/`
    /// before an entry binds its key to that format: the secret of `jwt/auth0:...` cannot sign native links. An
    /// entry without a prefix serves every format that a gate reads.
    ///
    /// # Errors
    /// A [`KeyRingError`] with the entry and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, KeyRingError> {
        let mut ring = Self::EMPTY;
        // Some editors write a byte order mark.
        let text = text.trim_start_matches('\u{feff}');
        if let Some(error) = other_kind(text) {
            return Err(KeyRingError { entry: 1, error });
        }
        let entries = text.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty());
        let mut number: usize = 0;
        for text in entries {
            number = number.saturating_add(1);
            let at = |error| KeyRingError { entry: number, error };
            let entry = parse_entry(text).map_err(at)?;
            let mut others = ring.entries.iter().flatten();
            if others.any(|other| {
                other.format != entry.format && other.key.mac().is_same(entry.key.mac())
            }) {
                return Err(at(KeyError::Shared));
            }
            if ring.find(entry.id.as_str()).is_ok() {
                return Err(at(KeyError::Duplicate));
            }
            let slot = ring.entries.iter_mut().find(|slot| slot.is_none());
            *slot.ok_or(at(KeyError::TooMany))? = Some(entry);
        }
        if number == 0 {
            return Err(KeyRingError { entry: 1, error: KeyError::NoKeys });
        }
        Ok(ring)
    }

    /// The key ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = &KeyId> {
        self.entries.iter().flatten().map(|entry| &entry.id)
    }

    /// The ids of the keys that are shorter than the recommended 32 bytes, in order.
    pub fn short_ids(&self) -> impl Iterator<Item = &KeyId> {
        self.entries.iter().flatten().filter(|entry| entry.is_short).map(|entry| &entry.id)
    }

    /// Finds the entry of a key id, retired or not.
    pub(crate) fn find(&self, id: &str) -> Result<&Entry, UnusableKey> {
        for entry in self.entries.iter().map_while(Option::as_ref) {
            if entry.id.is(id) {
                return Ok(entry);
            }
        }
        Err(UnusableKey::Unknown)
    }

    /// The keys that may have signed a token of this format: the key that it names, or all that are not retired.
    pub(crate) fn candidates(
        &self,
        kid: Option<&str>,
        format: &'static str,
        now: UnixTime,
    ) -> Result<Candidates<'_>, UnusableKey> {
        #[cfg(feature = "alloc")]
        if kid.is_none() {
            let mut keys = self.serving(format).peekable();
            return match (keys.peek().is_some(), keys.any(|entry| !entry.is_retired(now))) {
                (_, true) => Ok(Candidates::Any(self, format, now)),
                (true, false) => Err(UnusableKey::Retired),
                (false, false) => Err(UnusableKey::OtherFormat),
            };
        }
        let entry = self.find(kid.unwrap_or_default())?;
        if !entry.serves(format) {
            Err(UnusableKey::OtherFormat)
        } else if entry.is_retired(now) {
            Err(UnusableKey::Retired)
        } else {
            Ok(Candidates::Named(entry))
        }
    }

    /// Whether a key of the ring serves the format with this name, such as `native` or `jwt`.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn serves(&self, format: &'static str) -> bool {
        self.serving(format).next().is_some()
    }

    /// The keys that serve a format, in order.
    #[cfg(feature = "alloc")]
    pub(crate) fn serving(&self, format: &'static str) -> impl Iterator<Item = &Entry> + Clone {
        self.entries.iter().flatten().filter(move |entry| entry.serves(format))
    }
}

/// The format whose keys must have the full length.
const NATIVE: &str = "native";

/// Keys that may have signed a token.
#[derive(Clone, Copy)]
pub(crate) enum Candidates<'a> {
    /// All keys for this format that are not retired at this time.
    #[cfg(feature = "alloc")]
    Any(&'a KeyRing, &'static str, UnixTime),
    Named(&'a Entry),
}

/// Recognizes files with other kinds of keys.
fn other_kind(text: &str) -> Option<KeyError> {
    let text = text.trim_start();
    if text.starts_with("-----BEGIN") || text.starts_with("ssh-") {
        Some(KeyError::Asymmetric)
    } else {
        text.starts_with(['{', '[']).then_some(KeyError::Json)
    }
}

/// Recognizes encodings other than base64url without padding. 64 hex digits are valid base64url, but of another
/// key.
fn other_form(key: &str) -> Option<KeyError> {
    let bytes = key.as_bytes();
    let has = |class: fn(&u8) -> bool| bytes.iter().any(class);
    let is_hex = bytes.iter().all(u8::is_ascii_hexdigit) && has(u8::is_ascii_digit);
    if is_hex && bytes.len() >= 2 * SecretKey::MIN_LEN && bytes.len().is_multiple_of(2) {
        return Some(KeyError::Hex);
    }
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    (bytes.iter().all(base64) && has(|byte| b"+/=".contains(byte))).then_some(KeyError::Base64)
}

/// The last Unix time with ten digits, in the year 2286. A time in milliseconds has more digits; read as seconds,
/// it would never retire the key.
const LAST_RETIREMENT: u64 = 9_999_999_999;

fn parse_entry(text: &str) -> Result<Entry, KeyError> {
    let Some((id, rest)) = text.split_once(':') else {
        // `=` instead of `:`, not the padding of a key without an id.
        let is_assigned = text.split_once('=').is_some_and(|(id, key)| {
            KeyId::new(id.trim()).is_ok() && key.len() >= SecretKey::MIN_LEN
        });
        let error = if is_assigned { KeyError::Colon } else { KeyError::Form };
        return Err(other_form(text).filter(|_| !is_assigned).unwrap_or(error));
    };
    let (format, id) = match id.split_once('/') {
        None => (None, id),
        Some((name, id)) => {
            let known = KeyRing::FORMATS.into_iter().find(|known| *known == name.trim());
            (Some(known.ok_or(KeyError::Format)?), id)
        }
    };
    let (key, retires) = match rest.split_once('@') {
        None => (rest, None),
        Some((key, at)) => {
            let digits = !at.is_empty() && at.bytes().all(|b| b.is_ascii_digit());
            let at = at.parse().ok().filter(|_| digits).ok_or(KeyError::Retirement)?;
            if at > LAST_RETIREMENT {
                return Err(KeyError::RetirementUnit);
            }
            (key, Some(UnixTime::from_secs(at)))
        }
    };
    let key = key.trim();
    if let Some(error) = other_form(key) {
        return Err(error);
    }
    let id = KeyId::new(id.trim())?;
    let (secret, is_short) = match format {
        None | Some(NATIVE) => (SecretKey::from_base64url(key)?, false),
        Some(_) => decode(key, KeyError::ForeignLength, |bytes| {
            Ok((SecretKey::foreign(bytes)?, bytes.len() < SecretKey::MIN_LEN))
        })?,
    };
    Ok(Entry {
        id,
        key: secret,
        format,
        is_short,
        #[cfg(feature = "alloc")]
        text: TextKey(MacKey::new(key.as_bytes()).ok_or(KeyError::Length)?),
        retires,
    })
}

/// What is wrong with a key. The message never repeats the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// An asymmetric private or public key, in PEM or from SSH.
    Asymmetric,
    /// Standard base64, or padded.
    Base64,
    /// `=` between id and key.
    Colon,
    /// An id that is already in the ring.
    Duplicate,
    /// Not base64url without padding.
    Encoding,
    /// Not 8 to 256 bytes, for a key that is bound to a format other than native.
    ForeignLength,
    /// No `:` between id and key.
    Form,
    /// The text before `/` is not a format.
    Format,
    /// Hex digits.
    Hex,
    /// Not a key id.
    Id,
    /// JSON, such as a JWK.
    Json,
    /// Not 32 to 256 bytes.
    Length,
    /// No keys in the ring.
    NoKeys,
    /// The text after `@` is not a number.
    Retirement,
    /// The number after `@` has more than ten digits, so it is not in seconds.
    RetirementUnit,
    /// Another entry has the same key, but not the same binding to a format.
    Shared,
    /// More than 16 keys.
    TooMany,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asymmetric => {
                "this is an asymmetric key; make one with `playgate keygen`"
            }
            Self::Base64 => "the key is in standard base64; write - for +, _ for /, no =",
            Self::Colon => "the colon is missing between id and key; write id:key, not id=key",
            Self::Duplicate => "duplicate key id",
            Self::Encoding => "the key is not base64url without padding (only A-Z a-z 0-9 - _)",
            Self::ForeignLength => "the key is not 8 to 256 bytes",
            Self::Form => "not id:key, the form that `playgate keygen` prints",
            Self::Format => "the format before / is not one of jwt, native, timed-hmac",
            Self::Hex => {
                "the key is in hex; write its bytes in base64url: xxd -r -p | openssl base64 -A | tr '+/' '-_' \
                 | tr -d ="
            }
            Self::Json => "this is JSON; write id:key, for a JWK its `kid` and `k`",
            Self::Id => "the key id is not 1 to 32 of A-Z a-z 0-9 _ -",
            Self::Length => "the key is not 32 to 256 bytes; make one with `playgate keygen`",
            Self::NoKeys => "no keys; make one with `playgate keygen`",
            Self::Retirement => "the text after @ is not a Unix time in seconds, such as 1893456000",
            Self::RetirementUnit => "the time after @ is too large; write seconds, not milliseconds",
            Self::Shared => "another entry binds this key differently; give both the same prefix, or none",
            Self::TooMany => "more than 16 keys; remove the retired ones",
        })
    }
}

impl core::error::Error for KeyError {}

/// What is wrong with a key ring, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRingError {
    /// The entry, counted from 1.
    pub entry: usize,
    /// What is wrong with it.
    pub error: KeyError,
}

impl fmt::Display for KeyRingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key ring, entry {}: {}", self.entry, self.error)
    }
}

impl core::error::Error for KeyRingError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString as _;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    #[track_caller]
    fn refused(text: &str, message: &str) {
        assert_eq!(KeyRing::parse(text).unwrap_err().to_string(), message);
    }

    #[test]
    fn parse_takes_commas_newlines_and_blanks() {
        let ring = KeyRing::parse(&format!(" a:{KEY} ,\n b:{KEY}@1700000000\r\n")).unwrap();
        assert_eq!(ring.ids().map(KeyId::as_str).collect::<alloc::vec::Vec<_>>(), ["a", "b"]);
        let b = ring.find("b").unwrap();
        assert!(!b.is_retired(UnixTime::from_secs(1_699_999_999)));
        assert!(b.is_retired(UnixTime::from_secs(1_700_000_000)));
    }

    #[test]
    fn parse_says_which_entry_and_why() {
        refused("", "key ring, entry 1: no keys; make one with `playgate keygen`");
        refused(
            &format!("a:{KEY},b"),
            "key ring, entry 2: not id:key, the form that `playgate keygen` prints",
        );
        for assigned in ["a=KEY", "a = KEY", "a=KEY="] {
            refused(
                &assigned.replace("KEY", KEY),
                "key ring, entry 1: the colon is missing between id and key; write id:key, not id=key",
            );
        }
        refused(&format!("a:{KEY},a:{KEY}"), "key ring, entry 2: duplicate key id");
        refused(
            &format!("a:{KEY}="),
            "key ring, entry 1: the key is in standard base64; write - for +, _ for /, no =",
        );
        refused(
            &format!("a:{}", KEY.replace('A', "+")),
            "key ring, entry 1: the key is in standard base64; write - for +, _ for /, no =",
        );
        refused(
            &format!("a:{KEY}."),
            "key ring, entry 1: the key is not base64url without padding (only A-Z a-z 0-9 - _)",
        );
        let hex = "key ring, entry 1: the key is in hex; write its bytes in base64url: xxd -r -p | openssl \
                   base64 -A | tr '+/' '-_' | tr -d =";
        for digits in ["0a1b".repeat(16), "0A1B".repeat(24)] {
            refused(&digits, hex);
            refused(&format!("a:{digits}"), hex);
            refused(&format!("a:{digits}@1"), hex);
        }
        for pem in ["-----BEGIN PRIVATE KEY-----\nMIIE", "ssh-ed25519 AAAA", " -----BEGIN RSA"] {
            refused(
                pem,
                "key ring, entry 1: this is an asymmetric key; make one with `playgate keygen`",
            );
        }
        refused(
            r#"{"kty":"oct","k":"AAEC"}"#,
            "key ring, entry 1: this is JSON; write id:key, for a JWK its `kid` and `k`",
        );
        refused(
            "a:AAEC",
            "key ring, entry 1: the key is not 32 to 256 bytes; make one with `playgate keygen`",
        );
        refused(
            &format!("ä:{KEY}"),
            "key ring, entry 1: the key id is not 1 to 32 of A-Z a-z 0-9 _ -",
        );
        refused(
            &format!("a:{KEY}@+7"),
            "key ring, entry 1: the text after @ is not a Unix time in seconds, such as 1893456000",
        );
        for millis in ["1600000000000", "10000000000"] {
            refused(
                &format!("a:{KEY}@{millis}"),
                "key ring, entry 1: the time after @ is too large; write seconds, not milliseconds",
            );
        }
        assert!(KeyRing::parse(&format!("a:{KEY}@9999999999")).is_ok());
        for entry in ["jws/a", "/a", "native/jwt/a", "JWT/a"] {
            let error = KeyRing::parse(&format!("{entry}:{KEY}")).unwrap_err();
            assert!(matches!(error.error, KeyError::Format | KeyError::Id), "{entry}");
        }
        refused(
            &format!("jws/a:{KEY}"),
            "key ring, entry 1: the format before / is not one of jwt, native, timed-hmac",
        );
        refused(&format!("jwt/a:{KEY},jwt/a:{KEY}"), "key ring, entry 2: duplicate key id");
        let many = (0..17).map(|n| format!("k{n}:{KEY}")).collect::<alloc::vec::Vec<_>>().join(",");
        refused(&many, "key ring, entry 17: more than 16 keys; remove the retired ones");
    }

    #[test]
    fn only_a_key_of_a_foreign_format_may_be_short() {
        let ids = |text: &str| {
            let ring = KeyRing::parse(text)?;
            Ok(ring.short_ids().map(alloc::string::ToString::to_string).collect())
        };
        // 8 bytes, 7 bytes, and 32.
        let (short, shorter) = ("AAECAwQFBgc", "AAECAwQFBg");
        let long = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
        let names: Result<alloc::vec::Vec<_>, KeyRingError> =
            ids(&alloc::format!("timed-hmac/a:{short},jwt/b:AAECAwQFBgcI,timed-hmac/c:{long}"));
        assert_eq!(names.unwrap(), ["a", "b"]);
        for (entry, error) in [
            (["timed-hmac/a:", shorter], KeyError::ForeignLength),
            (["jwt/a:", shorter], KeyError::ForeignLength),
            (["native/a:", short], KeyError::Length),
            (["a:", short], KeyError::Length),
        ] {
            let refused = KeyRing::parse(&entry.concat()).unwrap_err();
            assert_eq!(refused.error, error, "{entry:?}");
        }
    }

    #[test]
    fn a_key_may_be_bound_to_a_format() {
        const NEXT: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
        const LAST: &str = "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8";
        let ring = KeyRing::parse(&format!("jwt/a:{KEY},native/b:{NEXT},c:{LAST}@5")).unwrap();
        let now = UnixTime::from_secs(1);
        let usable = |kid, format| ring.candidates(Some(kid), format, now).map(drop);
        assert_eq!(usable("a", "native"), Err(UnusableKey::OtherFormat));
        assert_eq!(usable("a", "jwt"), Ok(()));
        assert_eq!(usable("b", "jwt"), Err(UnusableKey::OtherFormat));
        assert_eq!(usable("b", "native"), Ok(()));
        assert_eq!(usable("c", "native").and(usable("c", "jwt")), Ok(()));
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn a_token_that_names_no_key_may_be_by_any_of_its_format() {
        const NEXT: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
        const LAST: &str = "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8";
        let ring = KeyRing::parse(&format!("jwt/a:{KEY},native/b:{NEXT},c:{LAST}@5")).unwrap();
        let now = UnixTime::from_secs(1);
        for (format, serves) in [("jwt", ["a", "c"]), ("native", ["b", "c"])] {
            assert!(ring.serving(format).map(|entry| entry.id.as_str()).eq(serves));
        }
        let any = |format, now| ring.candidates(None, format, UnixTime::from_secs(now)).map(drop);
        assert_eq!(any("jwt", 9), Ok(()));
        let ring = KeyRing::parse(&format!("native/b:{NEXT},c:{LAST}@5")).unwrap();
        let any = |format, now| ring.candidates(None, format, UnixTime::from_secs(now)).map(drop);
        assert_eq!(any("jwt", 9), Err(UnusableKey::Retired));
        let ring = KeyRing::parse(&format!("native/b:{KEY}")).unwrap();
        assert_eq!(ring.candidates(None, "jwt", now).map(drop), Err(UnusableKey::OtherFormat));
    }

    #[test]
    fn a_key_is_bound_by_all_its_entries_or_none() {
        let shared = "key ring, entry 2: another entry binds this key differently; give both the same prefix, \
                      or none";
        refused(&format!("main:{KEY},jwt/auth0:{KEY}"), shared);
        refused(&format!("jwt/a:{KEY},native/b:{KEY}"), shared);
        assert!(KeyRing::parse(&format!("jwt/a:{KEY},jwt/b:{KEY}")).is_ok());
    }

    #[test]
    fn longest_key_fits_and_one_byte_more_does_not() {
        let text = |len| Base64UrlUnpadded::encode_string(&alloc::vec![7; len]);
        assert!(SecretKey::from_base64url(&text(256)).is_ok());
        assert_eq!(SecretKey::from_base64url(&text(257)).unwrap_err(), KeyError::Length);
        assert_eq!(SecretKey::from_base64url(&text(31)).unwrap_err(), KeyError::Length);
    }

    #[test]
    fn debug_never_shows_a_key() {
        let ring = KeyRing::parse(&format!("main:{KEY}")).unwrap();
        let text = format!("{ring:?}");
        assert!(text.contains("main") && text.contains("SecretKey(..)"), "{text}");
        assert!(!text.contains("AAEC"), "{text}");
    }
}
