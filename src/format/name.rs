//! The names that tokens go by in addresses and cookies.

use core::fmt;

use crate::bytes::is_name;
use crate::format::native;
use crate::grant::parse_text;

/// Bytes in the longest name that a token or a claim goes by.
pub(super) const MAX_NAME_LEN: usize = 64;

/// Checks a name that an operator chose.
///
/// # Errors
/// [`NameError`] where no token can go by it.
pub fn check_name(name: &str) -> Result<(), NameError> {
    match parse_text(name, MAX_NAME_LEN, is_name) {
        Ok(name) if name != native::NAME => Ok(()),
        _ => Err(NameError),
    }
}

/// A name that a token cannot go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameError;

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write 1 to 64 of A-Z a-z 0-9 - _ . and not pg, the name of native tokens")
    }
}

impl core::error::Error for NameError {}
