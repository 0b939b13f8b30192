//! JSON objects, read member by member.

use crate::error::RequestError;
use crate::value::Value;

/// A request in the form of a JSON object.
pub trait Shape: Default {
    /// What to write if the value is not an object.
    const EXPECTED: &'static str;

    /// Sets one member.
    ///
    /// # Errors
    /// What to write instead, or that there is no such member.
    fn set(&mut self, name: &str, value: Value) -> Result<(), &'static str>;

    /// Reads all members of an object. An unknown member is refused, because it may be meant as a
    /// restriction. So is a member that is given twice.
    ///
    /// # Errors
    /// A [`RequestError`] with the member that is wrong.
    fn from_value(value: Value) -> Result<Self, RequestError> {
        let mut request = Self::default();
        each_member(value, Self::EXPECTED, &mut |name, value| request.set(name, value))?;
        request.checked()
    }

    /// Checks members against each other.
    ///
    /// # Errors
    /// A [`RequestError`] with the member that conflicts with the others.
    fn checked(self) -> Result<Self, RequestError> {
        Ok(self)
    }
}

/// Passes every member of an object to `set`. All requests share one function, because the page waits for
/// every kilobyte.
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
        // A null is treated as absent: a member without a value restricts nothing.
        if !matches!(value, Value::Null) {
            set(&name, value).map_err(|error| RequestError::new(&name, &error))?;
        }
        seen.push(name);
    }
    Ok(())
}

/// The error of [`Shape::set`] for an unknown member.
pub(crate) const UNKNOWN: &str =
    "no such member; write names in lower case, with _ between words: `expires_in`";
