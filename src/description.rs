//! What a token says, in words.

use core::fmt;

use alloc::string::String;

/// A field of the token, in words.
#[derive(Clone, Debug)]
pub struct FieldDescription {
    /// Its name on the wire.
    pub name: String,
    /// Its value; the signature is left out.
    pub value: String,
    /// What it means.
    pub meaning: String,
}

/// Seconds in the two largest units that they fill.
pub(crate) struct Span(pub(crate) u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, hours, minutes) = (self.0 / 86_400, self.0 / 3_600 % 24, self.0 / 60 % 60);
        match (days, hours, minutes) {
            (0, 0, 0) => write!(f, "{} s", self.0),
            (0, 0, _) => write!(f, "{minutes} min {} s", self.0 % 60),
            (0, _, _) => write!(f, "{hours} h {minutes} min"),
            _ => write!(f, "{days} d {hours} h"),
        }
    }
}
