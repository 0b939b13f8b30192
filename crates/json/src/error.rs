//! What is wrong with a request in JSON, and where.

use core::fmt;

use serde::Serialize;

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
