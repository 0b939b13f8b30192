//! What is wrong with a revocation, and where.

use core::fmt;

use playgate::PathError;

pub(super) const ALL_VALUE: &str = "is not for all, which names nothing; leave it out";
pub(super) const ID: &str = "is not 1 to 256 bytes of text without control characters";
pub(super) const ISSUED_BEFORE: &str = "issued_before";
pub(super) const KEY_ID: &str = "is not a key id: 1 to 32 of A-Z a-z 0-9 _ -";

/// An invalid revocation. It never contains a value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationError {
    field: &'static str,
    message: Message,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    Fixed(&'static str),
    Path(PathError),
}

impl RevocationError {
    pub(super) const fn new(field: &'static str, message: &'static str) -> Self {
        Self { field, message: Message::Fixed(message) }
    }

    /// A directory that is not a path.
    pub(super) const fn path(error: PathError) -> Self {
        Self { field: "value", message: Message::Path(error) }
    }

    /// The field that is wrong.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        self.field
    }
}

impl fmt::Display for RevocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ", self.field)?;
        match self.message {
            Message::Fixed(message) => f.write_str(message),
            Message::Path(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RevocationError {}
