//! JWTs made by hand, and an oracle of what a gate says to them: `serde_json`'s own values, and the
//! grammar once more.
//!
//! The gate is one without a name and an issuer, whose template is [`TEMPLATE`], and the request is for a
//! file below `/videos/42/`.

use core::fmt;
use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use sha2::Sha256;

pub const TEMPLATE: &str = "/videos/{vid}/";
pub const NOW: u64 = 1_767_225_000;
/// The most seconds that a token may last: 100 years of 365 days.
pub const CENTURY: u64 = 100 * 365 * 86_400;
/// The bytes of the key `main`.
pub const MAIN: [u8; 32] = {
    let mut bytes = [0; 32];
    let mut n = 0;
    while n < bytes.len() {
        bytes[n] = n as u8;
        n += 1;
    }
    bytes
};

const MAX_TOKEN: usize = 4096;
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// A token of this header and payload, signed with the key `main`.
pub fn token(header: &str, payload: &str) -> String {
    let signed = [URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload)].join(".");
    let tag = tag(&signed, &MAIN);
    format!("{signed}.{tag}")
}

/// The signature over some text.
pub fn tag(text: &str, key: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

/// Why a gate refuses: the check, the reason, and the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault(pub u8, pub &'static str, pub Option<&'static str>);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.1, self.2.unwrap_or_default())
    }
}

const fn malformed(check: u8, field: &'static str) -> Fault {
    Fault(check, "malformed", Some(field))
}

/// All that is wrong with a token of this header and payload; nothing where a gate admits it. `None`
/// where `serde_json` cannot tell, as it does not keep what it reads.
pub fn faults(header: &str, payload: &str) -> Option<Vec<Fault>> {
    if token(header, payload).len() > MAX_TOKEN {
        return Some(vec![malformed(0, "token")]);
    }
    let mut faults = Vec::new();
    let header = object(header, 1, "header", &mut faults)?;
    header_faults(&header, &mut faults);
    let payload = object(payload, 2, "payload", &mut faults)?;
    payload_faults(&payload, &mut faults);
    Some(faults)
}

/// The members of an object.
fn object(
    text: &str,
    check: u8,
    part: &'static str,
    faults: &mut Vec<Fault>,
) -> Option<Vec<(String, Value)>> {
    let Members(members) = serde_json::from_str(text).ok()?;
    let names: HashSet<_> = members.iter().map(|(name, _)| name).collect();
    if names.len() < members.len() {
        faults.push(malformed(check, part));
    }
    Some(members)
}

/// The members of an object, also those that stand twice.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut json: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = json.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        json.deserialize_map(MembersVisitor)
    }
}

/// The last member of a name.
fn last<'m>(members: &'m [(String, Value)], name: &str) -> Option<&'m Value> {
    members.iter().rev().find(|(one, _)| one == name).map(|(_, value)| value)
}

fn header_faults(header: &[(String, Value)], faults: &mut Vec<Fault>) {
    if last(header, "alg").and_then(Value::as_str) != Some("HS256") {
        faults.push(Fault(1, "unsupported_algorithm", None));
    }
    if last(header, "crit").is_some() {
        faults.push(Fault(1, "unknown_field", None));
    }
    for (name, value) in header {
        match (name.as_str(), value) {
            ("cty", Value::String(kind)) if kind.eq_ignore_ascii_case("JWT") => {
                faults.push(malformed(1, "header"));
            }
            ("kid", Value::String(kid)) if kid == "main" => {}
            ("kid", Value::String(kid)) if kid == "next" => {
                faults.push(Fault(5, "bad_signature", None));
            }
            ("kid", Value::String(_)) => faults.push(Fault(4, "unknown_key", None)),
            ("kid", _) => faults.push(malformed(1, "kid")),
            _ => {}
        }
    }
}

fn payload_faults(payload: &[(String, Value)], faults: &mut Vec<Fault>) {
    let mut texts = Vec::new();
    for (name, value) in payload {
        let (is_fine, field) = match name.as_str() {
            "aud" => (audience(value), "aud"),
            "exp" => (time(value).is_some(), "exp"),
            "iat" => (time(value).is_some(), "iat"),
            "iss" => (value.is_string(), "iss"),
            "jti" => (id(value).is_some(), "jti"),
            "max" => (count(value), "max"),
            "nbf" => (time(value).is_some(), "nbf"),
            "reval" => (whole(value).is_some_and(|secs| secs > 0), "reval"),
            "run" => (whole(value).is_some_and(|secs| secs > 0), "run"),
            "sid" => (id(value).is_some(), "sid"),
            "sub" => (id(value).is_some(), "sub"),
            "uses" => (count(value), "uses"),
            "vid" => {
                let id = id(value).filter(|id| {
                    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
                    id.len() <= 128 && id.bytes().all(plain)
                });
                texts.extend(id.clone());
                (id.is_some(), "claim")
            }
            _ => continue,
        };
        if !is_fine {
            faults.push(malformed(2, field));
        }
    }
    // These are noticed once all members were read.
    if !faults.iter().any(|Fault(check, ..)| *check == 2) {
        let has = |name| last(payload, name).is_some();
        let counts = [("max", "sub"), ("uses", "jti")];
        let unnamed = counts.into_iter().find(|(field, of)| has(field) && !has(of));
        let missing = [("exp", "exp"), ("vid", "claim")].into_iter().find(|(name, _)| !has(name));
        match (unnamed, missing) {
            (Some((field, _)), _) => faults.push(malformed(2, field)),
            (None, Some((_, field))) => faults.push(Fault(2, "missing_claim", Some(field))),
            (None, None) => {}
        }
    }
    if texts.first().is_some_and(|id| id != "42") {
        faults.push(Fault(3, "outside_scope", None));
    }
    if last(payload, "nbf").and_then(time).is_some_and(|start| start.ceil() > NOW as f64) {
        faults.push(Fault(6, "not_yet_valid", None));
    } else if let Some(end) = last(payload, "exp").and_then(time).map(f64::floor) {
        let is_far = |time: f64| time > (NOW + CENTURY) as f64;
        let issued = last(payload, "iat").and_then(time).map(f64::floor);
        if end <= NOW as f64 {
            faults.push(Fault(6, "expired", None));
        } else if is_far(end) || issued.is_some_and(is_far) {
            faults.push(Fault(6, "expires_too_far", None));
        }
    }
    if last(payload, "aud").is_some() {
        faults.push(Fault(7, "wrong_audience", None));
    }
    if ["max", "reval", "uses"].iter().any(|name| last(payload, name).is_some()) {
        faults.push(Fault(8, "state_required", None));
    }
}

fn audience(value: &Value) -> bool {
    let texts = |list: &Vec<Value>| list.iter().all(Value::is_string);
    value.is_string() || value.as_array().is_some_and(texts)
}

fn time(value: &Value) -> Option<f64> {
    value.as_f64().filter(|time| *time >= 0.0 && time.ceil() <= MAX_NUMBER as f64)
}

fn whole(value: &Value) -> Option<u64> {
    value.as_u64().filter(|number| *number <= MAX_NUMBER)
}

fn count(value: &Value) -> bool {
    whole(value).is_some_and(|count| (1..=1_000).contains(&count))
}

fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(_) => whole(value).map(|number| number.to_string()),
        _ => None,
    }
}
