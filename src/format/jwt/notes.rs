//! The parts of a JWT, in words.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::json::{self, Room, Value};
use super::split;
use crate::error::Field;
use crate::note::{FieldNote, Span};
use crate::redact::{MARK, redacted};
use crate::time::UnixTime;

/// The members of the header and of the payload, and the signature. What cannot be read is left out.
pub(super) fn notes(text: &str) -> Vec<FieldNote> {
    let mut notes = Vec::new();
    let token = text.split('&').next().unwrap_or_default();
    let (header, rest) = split(token, b'.');
    let (payload, sig) = split(rest.unwrap_or_default(), b'.');
    push_members(header, Field::Header, in_header, &mut notes);
    push_members(payload, Field::Payload, in_payload, &mut notes);
    if let Some(sig) = sig {
        let meaning = format!("the signature; it has {} of 43 characters", sig.len());
        notes.push(FieldNote { name: "sig".to_owned(), value: MARK.to_owned(), meaning });
    }
    notes
}

fn push_members(
    part: &str,
    field: Field,
    meaning: fn(&str, &Value<'_>, &str) -> String,
    notes: &mut Vec<FieldNote>,
) {
    let mut room = Room::new();
    let Ok(text) = json::decode(part, field, &mut room) else { return };
    // What is broken behind them is told by the check.
    let _ = json::members(text, field, |name, value| {
        let text = redacted(&shown(&value));
        let meaning = meaning(name, &value, &text);
        notes.push(FieldNote { name: redacted(name), meaning, value: text });
        Ok(())
    });
}

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Fraction(number) => number.to_string(),
        Value::Other => MARK.to_owned(),
        Value::Text(text) => text.clone().into_owned(),
        Value::Texts(texts) => texts.join(", "),
        Value::Whole(number) => number.to_string(),
    }
}

fn in_header(name: &str, _: &Value<'_>, text: &str) -> String {
    match name {
        "alg" => "the algorithm; it has to be HS256".to_owned(),
        "crit" => "extensions that have to be understood".to_owned(),
        "cty" => "the kind of the payload".to_owned(),
        "kid" => format!("signed with the key `{text}`"),
        "typ" => "the kind of the token".to_owned(),
        _ => "of the header; ignored".to_owned(),
    }
}

fn in_payload(name: &str, value: &Value<'_>, text: &str) -> String {
    let secs = match *value {
        Value::Fraction(secs) => Some(secs as u64),
        Value::Whole(secs) => Some(secs),
        _ => None,
    };
    let time = || secs.map(|secs| UnixTime::from_secs(secs).to_string()).unwrap_or_default();
    match name {
        "aud" => format!("for the deployment `{text}`"),
        "exp" => format!("expires {}", time()),
        "iat" => format!("issued {}", time()),
        "iss" => "who issued it".to_owned(),
        "jti" => "the token's id".to_owned(),
        "nbf" => format!("not before {}", time()),
        "run" => secs
            .map(|secs| format!("may be exchanged for a token of {}", Span(secs)))
            .unwrap_or_default(),
        "sid" => "the playback session".to_owned(),
        "sub" => "the viewer".to_owned(),
        _ => "a claim".to_owned(),
    }
}
