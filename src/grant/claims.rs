//! Claims of the origin about a viewer, such as a role.

#[cfg(feature = "alloc")]
use alloc::string::String;

use base64ct::{Base64UrlUnpadded, Encoding as _, Error};

use crate::bytes;
use crate::error::Fault;

/// Claims in a native token: a JSON object in printable ASCII, of 2 to 384 bytes. On the wire it is in base64url.
///
/// Playgate passes them on and does not read them, so that the core needs no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims<'a>(&'a str);

impl<'a> Claims<'a> {
    /// The maximum length of the JSON in bytes: half of what a token holds.
    pub const MAX_LEN: usize = 384;

    /// Parses the value of the field `cl`.
    ///
    /// # Errors
    /// Why the value is invalid.
    pub fn parse(value: &'a str) -> Result<Self, Fault> {
        if !bytes::all(value.as_bytes(), bytes::is_id) {
            return Err(Fault::Character);
        }
        let mut room = [0; Self::MAX_LEN];
        let decoded = Base64UrlUnpadded::decode(value, &mut room).map_err(|error| match error {
            Error::InvalidLength => Fault::WrongLength,
            Error::InvalidEncoding => Fault::NotCanonical,
        })?;
        Self::check(core::str::from_utf8(decoded).map_err(|_| Fault::Character)?)?;
        Ok(Self(value))
    }

    /// Checks an object before it is encoded. It goes into a header field, so it contains only printable ASCII.
    pub(crate) fn check(json: &str) -> Result<(), Fault> {
        if json.is_empty() {
            Err(Fault::Empty)
        } else if json.len() > Self::MAX_LEN {
            Err(Fault::WrongLength)
        } else if !json.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            Err(Fault::Character)
        } else if !(json.len() > 1 && json.starts_with('{') && json.ends_with('}')) {
            Err(Fault::NotAnObject)
        } else {
            Ok(())
        }
    }

    /// The JSON object.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn decode(self) -> String {
        let bytes = Base64UrlUnpadded::decode_vec(self.0).unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    }
}
