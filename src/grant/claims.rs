//! Claims of the origin about a viewer, such as a role.

#[cfg(feature = "alloc")]
use core::fmt::Write as _;

#[cfg(feature = "alloc")]
use alloc::string::String;

#[cfg(feature = "alloc")]
use base64ct::{Base64UrlUnpadded, Encoding as _};

use super::decode_text;
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
        Self::check(decode_text(value, &mut [0; Self::MAX_LEN])?)?;
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

    /// JSON in printable ASCII, as a header field can carry it: characters beyond it are escaped. They occur only in
    /// strings, and so does DEL; other control characters occur only between tokens (RFC 8259, sections 2 and 7).
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn ascii(json: &str) -> String {
        let (mut ascii, mut units) = (String::with_capacity(json.len()), [0; 2]);
        for character in json.chars().filter(|character| *character >= ' ') {
            if matches!(character, ' '..='~') {
                ascii.push(character);
            } else {
                for unit in character.encode_utf16(&mut units) {
                    // Writing to a String cannot fail.
                    let _ = write!(ascii, "\\u{unit:04x}");
                }
            }
        }
        ascii
    }

    /// The JSON object.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn decode(self) -> String {
        let bytes = Base64UrlUnpadded::decode_vec(self.0).unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    }
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_json_means_the_same() {
        let json = "{\n \"na\u{ef}ve\": \"\u{1f600} \\u00e9 \\n\u{7f}\" }";
        let expected = "{ \"na\\u00efve\": \"\\ud83d\\ude00 \\u00e9 \\n\\u007f\" }";
        assert_eq!(Claims::ascii(json), expected);
        assert_eq!(Claims::check(expected), Ok(()));
    }
}
