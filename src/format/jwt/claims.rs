//! The claims of a token (RFC 7519, section 4). Unknown claims are ignored, as the RFC requires.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString as _};

use serde_json::value::RawValue;

use super::json::{self, MemberValue};
use super::malformed;
use crate::bytes::is_id;
use crate::error::{Fault, Field, ParseError};
use crate::grant::{
    Audience, Claims as NativeClaims, Grant, MAX_COUNT, MAX_NUMBER, Text, parse_text,
};

/// The claims that mean something to a gate.
pub(super) const READ: [&str; 12] =
    ["aud", "exp", "iat", "iss", "jti", "max", "nbf", "reval", "run", "sid", "sub", "uses"];

/// The maximum length in bytes of the claim that names a directory.
const MAX_BOUND_LEN: usize = 128;

/// What a token contains besides its grant.
pub(super) struct Claims<'p> {
    /// The claim that the gate's template names: one safe path segment.
    pub(super) bound: Cow<'p, str>,
    pub(super) issuer: Option<Text<'static>>,
}

/// Parses a payload into a grant, for a gate whose template names `claim`.
pub(super) fn read<'p>(
    payload: &'p str,
    claim: &str,
    grant: &mut Grant<'_>,
) -> Result<Claims<'p>, ParseError> {
    let (mut bound, mut issuer, mut expires) = (None, None, None);
    json::members(payload, Field::Payload, |name, mut value| {
        if name == claim {
            let id = id(value, Field::Claim)?;
            check_segment(&id)?;
            bound = Some(id.clone());
            value = MemberValue::Text(id);
        }
        match name {
            "aud" => grant.audience = Some(audience(value)?),
            "exp" => expires = Some(time(&value, Field::Exp)?.0),
            "iat" => grant.issued = Some(time(&value, Field::Iat)?.0),
            "iss" => issuer = Some(own(plain_text(value, Field::Iss)?)),
            "jti" => grant.token_id = Some(own(id(value, Field::Jti)?)),
            "max" => grant.max_playbacks = Some(count(&value, Field::Max)?),
            "nbf" => grant.not_before = Some(time(&value, Field::Nbf)?.1),
            "reval" => grant.revalidate = Some(seconds(&value, Field::Reval)?),
            "run" => grant.run = Some(seconds(&value, Field::Run)?),
            "sid" => grant.session = Some(own(id(value, Field::Sid)?)),
            "sub" => grant.subject = Some(own(id(value, Field::Sub)?)),
            "uses" => grant.uses = Some(count(&value, Field::Uses)?),
            _ => {}
        }
        Ok(())
    })?;
    grant.check_names()?;
    grant.expires = expires.ok_or(ParseError::MissingClaim(Field::Exp))?;
    let bound = bound.ok_or(ParseError::MissingClaim(Field::Claim))?;
    Ok(Claims { bound, issuer })
}

/// The claims that mean nothing to a gate whose template names `claim`, as a JSON object in printable ASCII, sorted by
/// name. `None` if there are none.
pub(super) fn unread(payload: &str, claim: &str) -> Option<String> {
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(payload).ok()?;
    members.retain(|name, _| name != claim && !READ.contains(&name.as_str()));
    if members.is_empty() {
        return None;
    }
    let mut json = String::new();
    for (name, value) in &members {
        json.push(if json.is_empty() { '{' } else { ',' });
        json.push_str(&serde_json::to_string(name).ok()?);
        json.push(':');
        json.push_str(value.get());
    }
    json.push('}');
    Some(NativeClaims::ascii(&json))
}

/// Text that outlives the temporarily decoded payload.
fn own(text: Cow<'_, str>) -> Text<'static> {
    text.into_owned().into()
}

/// The audience of a token: one deployment or several.
fn audience(value: MemberValue<'_>) -> Result<Audience<'static>, ParseError> {
    match value {
        MemberValue::Text(name) => Ok(Audience::One(own(name))),
        MemberValue::Texts(names) => Ok(Audience::Many(names.into_iter().map(own).collect())),
        _ => Err(malformed(Field::Aud, Fault::WrongType)),
    }
}

/// Checks for an unambiguous path segment: no slash or dot, encoded or not.
pub(super) fn check_segment(text: &str) -> Result<(), ParseError> {
    match parse_text(text, MAX_BOUND_LEN, is_id) {
        Ok(_) => Ok(()),
        Err(fault) => Err(malformed(Field::Claim, fault)),
    }
}

/// A non-empty text or an integer: back ends use both as ids.
fn id(value: MemberValue<'_>, field: Field) -> Result<Cow<'_, str>, ParseError> {
    match value {
        MemberValue::Text(text) if text.is_empty() => Err(malformed(field, Fault::Empty)),
        MemberValue::Text(text) => Ok(text),
        MemberValue::Whole(number) if number <= MAX_NUMBER => Ok(Cow::Owned(number.to_string())),
        MemberValue::Whole(_) => Err(malformed(field, Fault::OutOfRange)),
        _ => Err(malformed(field, Fault::WrongType)),
    }
}

fn plain_text(value: MemberValue<'_>, field: Field) -> Result<Cow<'_, str>, ParseError> {
    match value {
        MemberValue::Text(text) => Ok(text),
        _ => Err(malformed(field, Fault::WrongType)),
    }
}

/// A NumericDate (RFC 7519, section 2), rounded down and rounded up to seconds, so that rounding never extends
/// a token's validity.
fn time(value: &MemberValue<'_>, field: Field) -> Result<(u64, u64), ParseError> {
    let (down, up) = match value {
        MemberValue::Whole(number) => (*number, *number),
        MemberValue::Fraction(number) if *number >= 0.0 => {
            // The cast truncates and saturates.
            let down = *number as u64;
            (down, down.saturating_add(u64::from(down as f64 != *number)))
        }
        MemberValue::Fraction(_) => return Err(malformed(field, Fault::OutOfRange)),
        _ => return Err(malformed(field, Fault::WrongType)),
    };
    if up > MAX_NUMBER { Err(malformed(field, Fault::OutOfRange)) } else { Ok((down, up)) }
}

/// A number of uses or playbacks.
fn count(value: &MemberValue<'_>, field: Field) -> Result<u16, ParseError> {
    let out_of_range = malformed(field, Fault::OutOfRange);
    match value {
        MemberValue::Whole(number) => match u16::try_from(*number) {
            Ok(count) if (1..=MAX_COUNT).contains(&count) => Ok(count),
            _ => Err(out_of_range),
        },
        _ => Err(malformed(field, Fault::WrongType)),
    }
}

/// A number of seconds, at least one.
fn seconds(value: &MemberValue<'_>, field: Field) -> Result<u64, ParseError> {
    match value {
        MemberValue::Whole(number) if (1..=MAX_NUMBER).contains(number) => Ok(*number),
        MemberValue::Whole(_) => Err(malformed(field, Fault::OutOfRange)),
        _ => Err(malformed(field, Fault::WrongType)),
    }
}
