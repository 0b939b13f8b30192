//! The header of a token (RFC 7515, section 4).

use super::json::{self, MemberValue, Room};
use super::malformed;
use crate::error::{Fault, Field, ParseError};
use crate::format::Kid;
use crate::key::KeyId;

/// Headers without a key id as most libraries write them: `{"alg":"HS256","typ":"JWT"}`, the same the
/// other way round, and `{"alg":"HS256"}`. Who knows them need not read them, which takes 60 ns.
const USUAL: [&str; 3] = [
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9",
    "eyJhbGciOiJIUzI1NiJ9",
];

/// The id of the key that a header names.
pub(super) fn read(header: &str) -> Result<Kid<'static>, ParseError> {
    if USUAL.contains(&header) { Ok(Kid::Any) } else { read_members(header) }
}

fn read_members(header: &str) -> Result<Kid<'static>, ParseError> {
    let (mut is_hs256, mut extended, mut nested, mut kid) = (false, false, false, Ok(Kid::Any));
    let mut room = Room::new();
    let text = json::decode(header, Field::Header, &mut room)?;
    json::members(text, Field::Header, |name, value| {
        match (name, value) {
            ("alg", MemberValue::Text(alg)) => is_hs256 = alg == "HS256",
            ("crit", _) => extended = true,
            ("cty", MemberValue::Text(kind)) => nested = is_jwt(&kind),
            // No ring has another than can be read.
            ("kid", MemberValue::Text(id)) => {
                kid = Ok(Kid::Decoded(KeyId::new(&id).unwrap_or(KeyId::NONE)));
            }
            ("kid", _) => kid = Err(malformed(Field::Kid, Fault::WrongType)),
            _ => {}
        }
        Ok(())
    })?;
    if !is_hs256 {
        Err(ParseError::UnsupportedAlgorithm)
    } else if extended {
        // It has extensions that have to be understood, and we know none (RFC 7515, section 4.1.11).
        Err(ParseError::UnknownField)
    } else if nested {
        Err(malformed(Field::Header, Fault::Nested))
    } else {
        kid
    }
}

/// Whether a content type says that the payload is a JWT itself (RFC 7515, section 4.1.10; RFC 7519, section
/// 5.2).
fn is_jwt(kind: &str) -> bool {
    ["JWT", "application/JWT"].iter().any(|jwt| kind.eq_ignore_ascii_case(jwt))
}
