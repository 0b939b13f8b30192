//! Descriptions of tokens for people.

use core::fmt;

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;

/// The description of a field.
#[derive(Clone, Debug)]
pub struct FieldDescription {
    /// Its name on the wire.
    pub name: String,
    /// Its value, without the signature.
    pub value: String,
    /// What it means.
    pub meaning: String,
}

/// Describes how many playbacks may run at once.
pub(crate) fn playbacks(most: &str) -> String {
    match most {
        "1" => "for one playback of the viewer at a time".to_owned(),
        _ => format!("for at most {most} playbacks of the viewer at once"),
    }
}

/// Describes how many clients may redeem a token.
pub(crate) fn clients(most: &str) -> String {
    match most {
        "1" => "for single use: by one client".to_owned(),
        _ => format!("for at most {most} clients"),
    }
}

/// A duration in its two largest units.
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
