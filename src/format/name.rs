//! The names of tokens in addresses and cookies.

use core::fmt;

use crate::bytes::is_name;
use crate::format::native;
use crate::grant::parse_text;

/// The maximum length in bytes of the name of a token or a claim.
pub(super) const MAX_NAME_LEN: usize = 64;

/// Checks the configured name of a token.
///
/// # Errors
/// [`NameError`] if no token can have it.
pub fn check_name(name: &str) -> Result<(), NameError> {
    match parse_text(name, MAX_NAME_LEN, is_name) {
        Ok(name) if name != native::NAME => Ok(()),
        _ => Err(NameError),
    }
}

/// An invalid name for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameError;

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write 1 to 64 of A-Z a-z 0-9 - _ . and not pg, the name of native tokens")
    }
}

impl core::error::Error for NameError {}
