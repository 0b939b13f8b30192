//! The header of a token (RFC 7515, section 4).

use alloc::borrow::Cow;

use super::json::{self, Value};
use super::malformed;
use crate::error::{Fault, Field, ParseError};
use crate::grant::Text;

/// Headers without a key id as most libraries write them: `{"alg":"HS256","typ":"JWT"}`, the same the
/// other way round, and `{"alg":"HS256"}`. Who knows them need not read them, which takes 60 ns.
const USUAL: [&str; 3] = [
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9",
    "eyJhbGciOiJIUzI1NiJ9",
];

/// The id of the key that a header names.
pub(super) fn read(header: &str) -> Result<Option<Text<'static>>, ParseError> {
    if USUAL.contains(&header) {
        return Ok(None);
    }
    let (mut is_hs256, mut kid) = (false, None);
    let mut extended = false;
    let text = json::decode(header, Field::Header)?;
    json::members(&text, Field::Header, |name, value| {
        match (name, value) {
            ("alg", Value::Text(alg)) => is_hs256 = alg == "HS256",
            ("crit", _) => extended = true,
            ("cty", Value::Text(kind)) if kind.eq_ignore_ascii_case("JWT") => {
                return Err(malformed(Field::Header, Fault::Nested));
            }
            ("kid", Value::Text(id)) => kid = Some(Cow::Owned(id.into_owned())),
            ("kid", _) => return Err(malformed(Field::Kid, Fault::NotJson)),
            _ => {}
        }
        Ok(())
    })?;
    if !is_hs256 {
        Err(ParseError::UnsupportedAlgorithm)
    } else if extended {
        // It has extensions that have to be understood, and we know none (RFC 7515, section 4.1.11).
        Err(ParseError::UnknownField)
    } else {
        Ok(kid)
    }
}
