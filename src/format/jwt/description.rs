//! Descriptions of the parts of a JWT.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::json::{self, MemberValue, Room};
use super::split;
use crate::description::{FieldDescription, Span, clients, playbacks};
use crate::error::Field;
use crate::redact::{MARK, redacted};
use crate::time::UnixTime;

/// Describes the members of the header and the payload, and the signature. Omits what cannot be read.
pub(super) fn describe(text: &str) -> Vec<FieldDescription> {
    let mut notes = Vec::new();
    let token = text.split('&').next().unwrap_or_default();
    let (header, rest) = split(token, b'.');
    let (payload, sig) = split(rest.unwrap_or_default(), b'.');
    push_members(header, Field::Header, in_header, &mut notes);
    push_members(payload, Field::Payload, in_payload, &mut notes);
    if let Some(sig) = sig {
        let meaning = format!("the signature; it has {} of 43 characters", sig.len());
        notes.push(FieldDescription { name: "sig".to_owned(), value: MARK.to_owned(), meaning });
    }
    notes
}

fn push_members(
    part: &str,
    field: Field,
    meaning: fn(&str, &MemberValue<'_>, &str) -> String,
    notes: &mut Vec<FieldDescription>,
) {
    let mut room = Room::new();
    let Ok(text) = json::decode(part, field, &mut room) else { return };
    // The check reports any fault after them.
    let _ = json::members(text, field, |name, value| {
        let text = redacted(&shown(&value));
        let meaning = meaning(name, &value, &text);
        notes.push(FieldDescription { name: redacted(name), meaning, value: text });
        Ok(())
    });
}

fn shown(value: &MemberValue<'_>) -> String {
    match value {
        MemberValue::Fraction(number) => number.to_string(),
        MemberValue::Other => MARK.to_owned(),
        MemberValue::Text(text) => text.clone().into_owned(),
        MemberValue::Texts(texts) => texts.join(", "),
        MemberValue::Whole(number) => number.to_string(),
    }
}

fn in_header(name: &str, _: &MemberValue<'_>, text: &str) -> String {
    match name {
        "alg" => "the algorithm; must be HS256".to_owned(),
        "crit" => "extensions that must be understood".to_owned(),
        "cty" => "the kind of the payload".to_owned(),
        "kid" => format!("signed with the key `{text}`"),
        "typ" => "the kind of the token".to_owned(),
        _ => "of the header; ignored".to_owned(),
    }
}

fn in_payload(name: &str, value: &MemberValue<'_>, text: &str) -> String {
    let secs = match *value {
        MemberValue::Fraction(secs) => Some(secs as u64),
        MemberValue::Whole(secs) => Some(secs),
        _ => None,
    };
    let time = || secs.map(|secs| UnixTime::from_secs(secs).to_string()).unwrap_or_default();
    match name {
        "aud" => format!("for the deployment `{text}`"),
        "exp" => format!("expires {}", time()),
        "iat" => format!("issued {}", time()),
        "iss" => "the issuer".to_owned(),
        "jti" => "the token's id".to_owned(),
        "max" => playbacks(text),
        "nbf" => format!("not before {}", time()),
        "reval" => secs
            .map(|secs| {
                format!(
                    "needs a gate whose copy of the revocations is no older than {}",
                    Span(secs)
                )
            })
            .unwrap_or_default(),
        "run" => secs
            .map(|secs| format!("may be exchanged for a token of {}", Span(secs)))
            .unwrap_or_default(),
        "sid" => "the playback session".to_owned(),
        "sub" => "the viewer".to_owned(),
        "uses" => clients(text),
        _ => "a claim".to_owned(),
    }
}
