//! JSON as tokens have it: one object, in which no name is repeated.

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

/// Room for a part of a token, decoded. Most parts fit without an allocation.
pub(super) struct Room {
    small: [u8; SMALL],
    large: Vec<u8>,
}

/// Bytes in a part that fits.
const SMALL: usize = 256;

impl Room {
    pub(super) const fn new() -> Self {
        Self { small: [0; SMALL], large: Vec::new() }
    }
}

/// Members for which there is room at once.
const USUAL_MEMBERS: usize = 16;

/// The text of a part of a token: base64url in its one spelling, without padding (RFC 7515, section 2).
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

/// Takes a member.
type Take<'t, 'de> = dyn FnMut(&str, MemberValue<'de>) -> Result<(), ParseError> + 't;

/// Reads one object, and hands each of its members to `take`.
///
/// # Errors
/// The first of `take`; else that the part is no such object.
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

/// A value of a member.
pub(super) enum MemberValue<'de> {
    /// A number with a fraction, an exponent or a sign.
    Fraction(f64),
    /// Objects, truth values, `null`, and lists of anything but text.
    Other,
    Text(Cow<'de, str>),
    Texts(Vec<Cow<'de, str>>),
    Whole(u64),
}

struct JsonObject<'t, 'de> {
    take: &'t mut Take<'t, 'de>,
    /// What it said: an error of serde holds none of ours.
    error: Option<ParseError>,
    /// Whether it has two members of one name.
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
        // In order, so that a token of many names takes little time before its signature is checked.
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

/// A name, borrowed where it has no escapes.
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

/// The value of a member goes where it belongs from here: to hand it up through the results of serde takes
/// 10 ns.
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
        // Read, not skipped: what is skipped may be nested to any depth.
        let mut ignore = |_: &str, _| Ok(());
        let mut inner = JsonObject::new(&mut ignore);
        while json.next_key::<IgnoredAny>()?.is_some() {
            json.next_value_seed(Member { object: &mut inner, name: "" })?;
        }
        self.take(MemberValue::Other)
    }
}
