//! JSON as tokens have it: one object, whose members stand once each.

use core::fmt;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess,
    Visitor,
};

use super::malformed;
use crate::bytes::{self, is_id};
use crate::error::{Fault, Field, ParseError};

/// The text of a part of a token: base64url in its one spelling, without padding (RFC 7515, section 2).
pub(super) fn decode(part: &str, field: Field) -> Result<String, ParseError> {
    let fault = match URL_SAFE_NO_PAD.decode(part) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => return Ok(text),
            Err(_) => Fault::NotJson,
        },
        Err(_) if bytes::all(part.as_bytes(), is_id) => Fault::NotCanonical,
        Err(_) => Fault::Character,
    };
    Err(malformed(field, fault))
}

/// Reads one object, and hands each of its members to `take`.
///
/// # Errors
/// The first of `take`; else that the part is no such object.
pub(super) fn members<'de>(
    json: &'de str,
    part: Field,
    take: impl FnMut(&str, Value<'de>) -> Result<(), ParseError>,
) -> Result<(), ParseError> {
    let mut error = malformed(part, Fault::NotJson);
    let mut json = serde_json::Deserializer::from_str(json);
    let object = Object { part, take, error: &mut error };
    let read = object.deserialize(&mut json).and_then(|()| json.end());
    read.map_err(|_| error)
}

/// A value of a member.
pub(super) enum Value<'de> {
    /// A number with a fraction, an exponent or a sign.
    Fraction(f64),
    /// Objects, truth values, `null`, and lists of anything but text.
    Other,
    Text(Cow<'de, str>),
    Texts(Vec<Cow<'de, str>>),
    Whole(u64),
}

struct Object<'e, F> {
    part: Field,
    take: F,
    /// What to say in the end: an error of serde holds none of ours.
    error: &'e mut ParseError,
}

impl<'de, F> DeserializeSeed<'de> for Object<'_, F>
where
    F: FnMut(&str, Value<'de>) -> Result<(), ParseError>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de, F> Visitor<'de> for Object<'_, F>
where
    F: FnMut(&str, Value<'de>) -> Result<(), ParseError>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut json: A) -> Result<(), A::Error> {
        // A token of 4 KiB has no room for more than 500: each is compared with those before it.
        let mut seen: Vec<Cow<'de, str>> = Vec::with_capacity(8);
        while let Some((Text(name), value)) = json.next_entry()? {
            let taken = if seen.contains(&name) {
                Err(malformed(self.part, Fault::OutOfOrder))
            } else {
                (self.take)(&name, value)
            };
            taken.map_err(|error| {
                *self.error = error;
                A::Error::custom("")
            })?;
            seen.push(name);
        }
        Ok(())
    }
}

/// Text, borrowed where it has no escapes.
struct Text<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        match Value::deserialize(json)? {
            Value::Text(text) => Ok(Self(text)),
            _ => Err(D::Error::custom("")),
        }
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value<'de>, E> {
        Ok(Value::Fraction(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value<'de>, E> {
        Ok(Value::Fraction(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Whole(number))
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut json: A) -> Result<Value<'de>, A::Error> {
        let mut texts = Some(Vec::new());
        while let Some(value) = json.next_element()? {
            match (value, &mut texts) {
                (Value::Text(text), Some(texts)) => texts.push(text),
                _ => texts = None,
            }
        }
        Ok(texts.map_or(Value::Other, Value::Texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut json: A) -> Result<Value<'de>, A::Error> {
        // Read, not skipped: what is skipped may be nested to any depth.
        while json.next_entry::<IgnoredAny, Value<'de>>()?.is_some() {}
        Ok(Value::Other)
    }
}
