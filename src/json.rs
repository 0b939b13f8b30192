//! The JSON shapes that the program, the minting service and the bindings share.

#[cfg(feature = "jwt")]
mod formats;
mod sign;
mod time;
mod value;
mod verify;

use core::fmt;

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::Serialize;

#[cfg(feature = "jwt")]
pub use self::formats::{Formats, GateFormats, LinkFormat};
pub use self::sign::{Place, SignRequest, SignedLink};
pub use self::time::{Moment, Seconds};
pub use self::value::Value;
pub use self::verify::{Gate, Verdict, VerifyRequest, header_value};

/// A request that comes as a JSON object.
pub trait Request: Default {
    /// What to write where no object came.
    const EXPECTED: &'static str;

    /// Takes one member.
    ///
    /// # Errors
    /// What to write instead, or that there is no such member.
    fn set(&mut self, name: &str, value: Value) -> Result<(), &'static str>;

    /// Takes all members of an object. One that is not known is refused, as it may be meant as a
    /// restriction, and so is one that is given twice.
    ///
    /// # Errors
    /// A [`RequestError`] with the member that does not fit.
    fn from_value(value: Value) -> Result<Self, RequestError> {
        let mut request = Self::default();
        each_member(value, Self::EXPECTED, &mut |name, value| request.set(name, value))?;
        request.checked()
    }

    /// Checks what members say together.
    ///
    /// # Errors
    /// A [`RequestError`] with the member that does not go with the others.
    fn checked(self) -> Result<Self, RequestError> {
        Ok(self)
    }
}

/// Gives every member of an object to `set`. One function for all requests: a page waits for every
/// kilobyte.
fn each_member(
    value: Value,
    expected: &'static str,
    set: &mut dyn FnMut(&str, Value) -> Result<(), &'static str>,
) -> Result<(), RequestError> {
    let Value::Object(members) = value else {
        return Err(RequestError::new("", &expected));
    };
    let mut seen: Vec<String> = Vec::with_capacity(members.len());
    for (name, value) in members {
        if seen.contains(&name) {
            return Err(RequestError::new(&name, &"is given twice"));
        }
        // As if it were not there: what has no value restricts nothing.
        if !matches!(value, Value::Null) {
            set(&name, value).map_err(|error| RequestError::new(&name, &error))?;
        }
        seen.push(name);
    }
    Ok(())
}

/// What [`Request::set`] says of a member that it does not know.
const UNKNOWN: &str =
    "no such member; write names in lower case, with _ between words: `expires_in`";

/// A request that cannot be met.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RequestError {
    /// What to write instead.
    #[serde(rename = "error")]
    pub message: String,
    /// The member that it is about; empty where it is the whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
}

impl RequestError {
    /// An error about one member.
    #[must_use]
    pub fn new(field: &str, message: &dyn fmt::Display) -> Self {
        Self { message: message.to_string(), field: field.into() }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.message),
            field => write!(f, "{field}: {}", self.message),
        }
    }
}

impl core::error::Error for RequestError {}
