//! The claims of a token (RFC 7519, section 4). Those that are not known are ignored, as it says there.

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};

use super::json::{self, Room, Value};
use super::malformed;
use crate::bytes::is_id;
use crate::error::{Fault, Field, ParseError};
use crate::grant::{Grant, MAX_NUMBER, Text, parse_text};

/// Bytes in the longest claim that makes a directory.
const MAX_BOUND_LEN: usize = 128;

/// What a token says beside its grant.
pub(super) struct Claims<'p> {
    /// The claim that the gate's template names: one clean segment of a path.
    pub(super) bound: Cow<'p, str>,
    pub(super) issuer: Option<Cow<'p, str>>,
}

/// Reads a payload, `text` in base64url, into a grant, for a gate whose template names `claim` and whose
/// name is `audience`.
pub(super) fn read<'p, 'r>(
    text: &'r str,
    payload: &'p str,
    claim: &str,
    audience: Option<&'r str>,
    grant: &mut Grant<'r>,
) -> Result<Claims<'p>, ParseError> {
    let (mut bound, mut issuer, mut expires) = (None, None, None);
    json::members(payload, Field::Payload, |name, mut value| {
        if name == claim {
            let id = id(value, Field::Claim)?;
            check_segment(&id)?;
            bound = Some(id.clone());
            value = Value::Text(id);
        }
        let kept = |value, field| id(value, field).map(|_| Some(Text::of_claim(text, field)));
        match name {
            "aud" => grant.audience = Some(pick_audience(&value, audience)?),
            "exp" => expires = Some(time(&value, Field::Exp)?.0),
            "iat" => grant.issued = Some(time(&value, Field::Iat)?.0),
            "iss" => issuer = Some(plain_text(value, Field::Iss)?),
            "jti" => grant.token_id = kept(value, Field::Jti)?,
            "nbf" => grant.not_before = Some(time(&value, Field::Nbf)?.1),
            "run" => grant.run = Some(seconds(&value, Field::Run)?),
            "sid" => grant.session = kept(value, Field::Sid)?,
            "sub" => grant.subject = kept(value, Field::Sub)?,
            _ => {}
        }
        Ok(())
    })?;
    grant.expires = expires.ok_or(ParseError::MissingClaim(Field::Exp))?;
    let bound = bound.ok_or(ParseError::MissingClaim(Field::Claim))?;
    Ok(Claims { bound, issuer })
}

/// An id among the claims of a payload that was read.
pub(crate) fn claim(payload: &str, claim: Field) -> String {
    let (mut room, mut found) = (Room::new(), String::new());
    let members = json::decode(payload, Field::Payload, &mut room).and_then(|text| {
        json::members(text, Field::Payload, |name, value| {
            if name == claim.name() {
                found = id(value, claim)?.into_owned();
            }
            Ok(())
        })
    });
    members.map(|()| found).unwrap_or_default()
}

/// The gate's own name where it is among those of the token, else one that no gate has.
fn pick_audience<'r>(value: &Value<'_>, gate: Option<&'r str>) -> Result<&'r str, ParseError> {
    let gate = gate.unwrap_or_default();
    let is_among = match value {
        Value::Text(name) => name == gate,
        Value::Texts(names) => names.iter().any(|name| name == gate),
        _ => return Err(malformed(Field::Aud, Fault::WrongType)),
    };
    Ok(if is_among { gate } else { "" })
}

/// One segment of a path, that can be read in one way alone: no slash and no dot, encoded or not.
pub(super) fn check_segment(text: &str) -> Result<(), ParseError> {
    match parse_text(text, MAX_BOUND_LEN, is_id) {
        Ok(_) => Ok(()),
        Err(fault) => Err(malformed(Field::Claim, fault)),
    }
}

/// Text that is not empty, or a whole number, as back ends have both for the ids of their tables.
fn id(value: Value<'_>, field: Field) -> Result<Cow<'_, str>, ParseError> {
    match value {
        Value::Text(text) if text.is_empty() => Err(malformed(field, Fault::Empty)),
        Value::Text(text) => Ok(text),
        Value::Whole(number) if number <= MAX_NUMBER => Ok(Cow::Owned(number.to_string())),
        Value::Whole(_) => Err(malformed(field, Fault::OutOfRange)),
        _ => Err(malformed(field, Fault::WrongType)),
    }
}

fn plain_text(value: Value<'_>, field: Field) -> Result<Cow<'_, str>, ParseError> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err(malformed(field, Fault::WrongType)),
    }
}

/// A NumericDate (RFC 7519, section 2), rounded down and rounded up to seconds: never to where the token
/// would last longer.
fn time(value: &Value<'_>, field: Field) -> Result<(u64, u64), ParseError> {
    let (down, up) = match value {
        Value::Whole(number) => (*number, *number),
        Value::Fraction(number) if *number >= 0.0 => {
            // The cast cuts off what is behind the point, and saturates.
            let down = *number as u64;
            (down, down.saturating_add(u64::from(down as f64 != *number)))
        }
        Value::Fraction(_) => return Err(malformed(field, Fault::OutOfRange)),
        _ => return Err(malformed(field, Fault::WrongType)),
    };
    if up > MAX_NUMBER { Err(malformed(field, Fault::OutOfRange)) } else { Ok((down, up)) }
}

/// A number of seconds, one at least.
fn seconds(value: &Value<'_>, field: Field) -> Result<u64, ParseError> {
    match value {
        Value::Whole(number) if (1..=MAX_NUMBER).contains(number) => Ok(*number),
        Value::Whole(_) => Err(malformed(field, Fault::OutOfRange)),
        _ => Err(malformed(field, Fault::WrongType)),
    }
}
