//! The JSON that requests use: whole numbers, text, lists and objects. Members keep their order, and a
//! duplicate member is kept, so that it can be refused.

use core::fmt;
use core::str::FromStr;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
#[cfg(feature = "formats")]
use serde::ser::{Serialize, Serializer};

use crate::error::RequestError;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in JSON")]
pub enum Value {
    Flag(bool),
    List(Vec<Value>),
    Null,
    Number(u64),
    Object(Vec<(String, Value)>),
    /// Values that no request uses: fractions, and numbers below 0 or of 2^64 and more.
    Other,
    Text(String),
}

impl Value {
    /// Reads JSON text.
    ///
    /// # Errors
    /// A [`RequestError`] about the whole request, with the line and column.
    pub fn from_json(text: &str) -> Result<Self, RequestError> {
        serde_json::from_str(text)
            .map_err(|error| RequestError::new("", &format_args!("not JSON: {error}")))
    }

    /// A truth value.
    ///
    /// # Errors
    /// What to write instead.
    pub fn flag(self) -> Result<bool, &'static str> {
        match self {
            Self::Flag(flag) => Ok(flag),
            _ => Err("write true or false"),
        }
    }

    /// A whole number.
    ///
    /// # Errors
    /// What to write instead.
    pub fn number(self) -> Result<u64, &'static str> {
        match self {
            Self::Number(number) => Ok(number),
            _ => Err("write a whole number, without quotes"),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// What to write instead.
    pub fn text(self) -> Result<String, &'static str> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err("write text, in quotes"),
        }
    }

    /// An id. Back ends use text or numbers for ids.
    ///
    /// # Errors
    /// What to write instead.
    pub fn id(self) -> Result<String, &'static str> {
        match self {
            Self::Number(number) => Ok(std::string::ToString::to_string(&number)),
            Self::Text(text) => Ok(text),
            _ => Err("write text, in quotes, or a whole number"),
        }
    }

    /// A list of texts.
    ///
    /// # Errors
    /// What to write instead.
    pub fn texts(self) -> Result<Vec<String>, &'static str> {
        match self {
            Self::List(list) => list.into_iter().map(Self::text).collect(),
            _ => Err("write a list, such as [\"PT\", \"ES\"]"),
        }
    }

    #[cfg(feature = "formats")]
    pub(super) fn members(self) -> Result<Vec<(String, Self)>, &'static str> {
        match self {
            Self::Object(members) => Ok(members),
            _ => Err("write an object"),
        }
    }

    /// A number as it is, or the value of a text. For other values, the error is `expected`.
    pub(super) fn parsed<T>(
        self,
        from_number: fn(u64) -> T,
        expected: &'static str,
    ) -> Result<T, &'static str>
    where
        T: FromStr<Err = &'static str>,
    {
        match self {
            Self::Number(number) => Ok(from_number(number)),
            Self::Text(text) => text.parse(),
            _ => Err(expected),
        }
    }
}

#[cfg(feature = "formats")]
impl Value {
    /// What to write instead, if the value cannot be written as it was read.
    pub(super) fn unwritable(&self) -> Option<&'static str> {
        match self {
            Self::Other => Some("write text, whole numbers, true, false, null, lists and objects"),
            Self::List(list) => list.iter().find_map(Self::unwritable),
            Self::Object(members) => members.iter().find_map(|(name, value)| {
                let is_again = members.iter().filter(|(other, _)| other == name).count() > 1;
                if is_again { Some("has a member twice") } else { value.unwritable() }
            }),
            Self::Flag(_) | Self::Null | Self::Number(_) | Self::Text(_) => None,
        }
    }
}

#[cfg(feature = "formats")]
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Flag(flag) => json.serialize_bool(*flag),
            Self::List(list) => json.collect_seq(list),
            Self::Null | Self::Other => json.serialize_unit(),
            Self::Number(number) => json.serialize_u64(*number),
            Self::Object(members) => {
                json.collect_map(members.iter().map(|(name, value)| (name, value)))
            }
            Self::Text(text) => json.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut json: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = json.next_element()? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut json: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = json.next_entry()? {
            members.push(member);
        }
        Ok(Value::Object(members))
    }
}
