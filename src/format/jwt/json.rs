//! The JSON of tokens: one object without duplicate names.

use core::fmt;

use alloc::borrow::Cow;
use alloc::vec::Vec;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::malformed;
use crate::bytes::{self, is_id};
use crate::error::{Fault, Field, ParseError};

/// A buffer for a decoded part of a token. Most parts fit without an allocation.
pub(super) struct Room {
    small: [u8; SMALL],
    large: Vec<u8>,
}

/// The size of the inline buffer in bytes.
const SMALL: usize = 256;

impl Room {
    pub(super) const fn new() -> Self {
        Self { small: [0; SMALL], large: Vec::new() }
    }
}

/// The initial capacity for members.
const USUAL_MEMBERS: usize = 16;

/// Decodes a part of a token: canonical base64url without padding (RFC 7515, section 2).
pub(super) fn decode<'r>(
    part: &str,
    field: Field,
    room: &'r mut Room,
) -> Result<&'r str, ParseError> {
    let room = if part.len() <= SMALL {
        room.small.as_mut_slice()
    } else {
        room.large.resize(part.len(), 0);
        &mut room.large
    };
    let fault = match Base64UrlUnpadded::decode(part, room) {
        Ok(bytes) => match core::str::from_utf8(bytes) {
            Ok(text) => return Ok(text),
            Err(_) => Fault::NotJson,
        },
        Err(_) if bytes::all(part.as_bytes(), is_id) => Fault::NotCanonical,
        Err(_) => Fault::Character,
    };
    Err(malformed(field, fault))
}

/// Receives a member.
type Take<'t, 'de> = dyn FnMut(&str, MemberValue<'de>) -> Result<(), ParseError> + 't;

/// Parses one object, and passes each member to `take`.
///
/// # Errors
/// The first error of `take`, or that the part is not such an object.
pub(super) fn members<'de>(
    json: &'de str,
    part: Field,
    mut take: impl FnMut(&str, MemberValue<'de>) -> Result<(), ParseError>,
) -> Result<(), ParseError> {
    let mut object = JsonObject::new(&mut take);
    match object.read(json) {
        Err(()) => Err(object.error.unwrap_or(malformed(part, Fault::NotJson))),
        Ok(()) if object.repeats => Err(malformed(part, Fault::OutOfOrder)),
        Ok(()) => Ok(()),
    }
}

pub(super) enum MemberValue<'de> {
    /// A number with a fraction, an exponent or a sign.
    Fraction(f64),
    /// Objects, booleans, `null`, and arrays of anything but text.
    Other,
    Text(Cow<'de, str>),
    Texts(Vec<Cow<'de, str>>),
    Whole(u64),
}

struct JsonObject<'t, 'de> {
    take: &'t mut Take<'t, 'de>,
    /// The error of `take`: serde's error cannot carry it.
    error: Option<ParseError>,
    /// Whether two members have the same name.
    repeats: bool,
}

impl<'t, 'de> JsonObject<'t, 'de> {
    fn new(take: &'t mut Take<'t, 'de>) -> Self {
        Self { take, error: None, repeats: false }
    }

    fn read(&mut self, json: &'de str) -> Result<(), ()> {
        let mut json = serde_json::Deserializer::from_str(json);
        json.deserialize_map(&mut *self).and_then(|()| json.end()).map_err(|_| ())
    }
}

impl<'de> Visitor<'de> for &mut JsonObject<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut json: A) -> Result<(), A::Error> {
        // Sorted, so that many names take little time before the signature is checked.
        let mut names: Vec<Cow<'de, str>> = Vec::with_capacity(USUAL_MEMBERS);
        while let Some(Name(name)) = json.next_key()? {
            json.next_value_seed(Member { object: self, name: &name })?;
            match names.binary_search(&name) {
                Ok(_) => self.repeats = true,
                Err(at) => names.insert(at, name),
            }
        }
        Ok(())
    }
}

/// A name, borrowed if it has no escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(text.into())))
    }
}

/// Delivers the value of a member directly: passing it up through serde's results takes 10 ns.
struct Member<'m, 't, 'de> {
    object: &'m mut JsonObject<'t, 'de>,
    name: &'m str,
}

impl<'de> Member<'_, '_, 'de> {
    fn take<E: Error>(self, value: MemberValue<'de>) -> Result<(), E> {
        (self.object.take)(self.name, value).map_err(|error| {
            self.object.error = Some(error);
            E::custom("")
        })
    }
}

impl<'de> DeserializeSeed<'de> for Member<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Member<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.take(MemberValue::Other)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.take(MemberValue::Fraction(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.take(MemberValue::Fraction(number as f64))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.take(MemberValue::Whole(number))
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.take(MemberValue::Other)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        self.take(MemberValue::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.take(MemberValue::Text(Cow::Owned(text.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut json: A) -> Result<(), A::Error> {
        let mut texts = Some(Vec::new());
        let mut collect = |_: &str, value| {
            match (value, &mut texts) {
                (MemberValue::Text(text), Some(texts)) => texts.push(text),
                _ => texts = None,
            }
            Ok(())
        };
        let mut list = JsonObject::new(&mut collect);
        while json.next_element_seed(Member { object: &mut list, name: "" })?.is_some() {}
        self.take(texts.map_or(MemberValue::Other, MemberValue::Texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut json: A) -> Result<(), A::Error> {
        // Parsed, not skipped: skipping allows any nesting depth.
        let mut ignore = |_: &str, _| Ok(());
        let mut inner = JsonObject::new(&mut ignore);
        while json.next_key::<IgnoredAny>()?.is_some() {
            json.next_value_seed(Member { object: &mut inner, name: "" })?;
        }
        self.take(MemberValue::Other)
    }
}
