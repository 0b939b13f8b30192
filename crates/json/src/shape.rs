//! Objects in JSON, member by member.

use crate::error::RequestError;
use crate::value::Value;

/// A request that comes as a JSON object.
pub trait Shape: Default {
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

/// What [`Shape::set`] says of a member that it does not know.
pub(crate) const UNKNOWN: &str =
    "no such member; write names in lower case, with _ between words: `expires_in`";
