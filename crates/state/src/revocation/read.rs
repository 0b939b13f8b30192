//! Reads a revocation from JSON.

use alloc::string::String;
use core::fmt;

use playgate::UnixTime;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::{ISSUED_BEFORE, RevocationError};
use super::{Kind, Reason, Revocation};

const OBJECT: &str = concat!(
    "not a JSON object; write one like ",
    r#"{"kind": "sub", "value": "viewer-1", "until": 1767311400}"#
);
const KIND: &str = "is not a kind; write \"jti\", \"sid\", \"sub\", \"kid\", \"dir\" or \"all\"";
const REASON: &str = "is not a reason; write \"displaced\", \"revoked\" or \"signed_out\"";
const SECONDS: &str = "is not a time; write whole unix seconds, without quotes";
const TEXT: &str = "is not text; write it in quotes";
const UNKNOWN: &str =
    "is not a member of a revocation; they are kind, value, issued_before, until and reason";
const UNNAMED: &str =
    "a name is not one of the members kind, value, issued_before, until and reason";

impl Revocation {
    /// Reads a revocation from JSON, such as `{"kind": "sub", "value": "viewer-1", "until": 1767311400}`, and checks
    /// it. An unknown member is refused, because it may be meant as a restriction; so is one that is given
    /// twice. A null is treated as absent.
    ///
    /// # Errors
    /// A [`RevocationError`] with the first member that is wrong.
    pub fn parse(json: &str, now: UnixTime) -> Result<Self, RevocationError> {
        let Ok(Read(read)) = serde_json::from_str(json) else {
            return Err(RevocationError::new("", OBJECT));
        };
        let Members { kind, value, issued_before, until, reason } = read?;
        let is_missing = |field, message| RevocationError::new(field, message);
        let kind = kind.ok_or_else(|| {
            is_missing("kind", "is missing; write what to revoke, such as \"jti\" or \"sub\"")
        })?;
        let value = match value {
            None if kind != Kind::All => {
                return Err(is_missing("value", "is missing; write what to revoke"));
            }
            value => value.unwrap_or_default(),
        };
        let until = until.ok_or_else(|| {
            is_missing("until", "is missing; write when the last of the tokens expires")
        })?;
        let reason = reason.unwrap_or_default();
        let revocation = Self { kind, value, issued_before, until, reason };
        revocation.check(now)?;
        Ok(revocation)
    }
}

/// The members that are present.
#[derive(Default)]
struct Members {
    kind: Option<Kind>,
    value: Option<String>,
    issued_before: Option<u64>,
    until: Option<u64>,
    reason: Option<Reason>,
}

impl Members {
    fn set(&mut self, name: &str, value: Value) -> Result<(), &'static str> {
        let kind = |name: &str| Kind::from_name(name).ok_or(KIND);
        let reason = |name: &str| Reason::from_name(name).ok_or(REASON);
        match (name, value) {
            ("kind" | "value" | ISSUED_BEFORE | "until" | "reason", Value::Null) => {}
            ("kind", Value::Text(name)) => self.kind = Some(kind(&name)?),
            ("kind", _) => return Err(KIND),
            ("value", Value::Text(text)) => self.value = Some(text),
            ("value", _) => return Err(TEXT),
            (ISSUED_BEFORE, Value::Number(time)) => self.issued_before = Some(time),
            ("until", Value::Number(time)) => self.until = Some(time),
            (ISSUED_BEFORE | "until", _) => return Err(SECONDS),
            ("reason", Value::Text(name)) => self.reason = Some(reason(&name)?),
            ("reason", _) => return Err(REASON),
            _ => return Err(UNKNOWN),
        }
        Ok(())
    }
}

/// What was read, or the first error.
struct Read(Result<Members, RevocationError>);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReadVisitor)
    }
}

struct ReadVisitor;

impl<'de> Visitor<'de> for ReadVisitor {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
        let mut read = Ok(Members::default());
        let mut seen = alloc::vec::Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            // Reads on after an error, so that a text that is not JSON is always called that.
            let Ok(members) = &mut read else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value()?;
            let set = match seen.contains(&name) {
                true => Err("is given twice; write it once"),
                false => members.set(&name, value),
            };
            if let Err(message) = set {
                let shown = shown(&name);
                let message = if shown.is_empty() { UNNAMED } else { message };
                read = Err(RevocationError::new(shown, message));
            }
            seen.push(name);
        }
        Ok(Read(read))
    }
}

/// A member's name for an error, unless it is nothing that anybody would take for a name.
fn shown(name: &str) -> String {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.len() <= 32 && name.bytes().all(is_name) { name.into() } else { String::new() }
}

/// The JSON that a revocation uses.
enum Value {
    Null,
    Number(u64),
    /// Values of no use here.
    Other,
    Text(String),
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString as _};
    use proptest::prelude::*;

    const NOW: UnixTime = UnixTime::from_secs(1_767_225_600);

    #[track_caller]
    fn refused(json: &str, field: &str, message: &str) {
        let error = Revocation::parse(json, NOW).unwrap_err();
        assert_eq!((error.field(), &*error.to_string()), (field, message));
    }

    /// The same object with one member replaced, which is wrong.
    #[track_caller]
    fn wrong(member: &str, message: &str) {
        let members = ["\"kind\":\"sub\"", "\"value\":\"secret\"", "\"until\":1767311400"];
        let name = member.split(':').next().unwrap();
        let mut json = member.to_string();
        for other in members.iter().filter(|other| !other.starts_with(name)) {
            json = format!("{json},{other}");
        }
        let name = name.trim_matches('"');
        refused(&format!("{{{json}}}"), name, &format!("`{name}` {message}"));
    }

    #[test]
    fn every_member_is_read_and_written_back() {
        let full = concat!(
            r#"{"kind":"sub","value":"viewer-1","issued_before":1767225000,"until":1767311400,"#,
            r#""reason":"signed_out"}"#
        );
        let revocation = Revocation::parse(full, NOW).unwrap();
        assert_eq!(revocation.kind, Kind::Sub);
        assert_eq!(revocation.value, "viewer-1");
        assert_eq!(
            (revocation.issued_before, revocation.until),
            (Some(1_767_225_000), 1_767_311_400)
        );
        assert_eq!(revocation.reason, Reason::SignedOut);
        assert_eq!(serde_json::to_string(&revocation).unwrap(), full);
    }

    #[test]
    fn absent_and_null_are_the_same() {
        let absent = Revocation::parse(r#"{"until":1767311400,"kind":"all"}"#, NOW).unwrap();
        let null =
            r#"{"until":1767311400,"kind":"all","value":null,"issued_before":null,"reason":null}"#;
        assert_eq!(Revocation::parse(null, NOW), Ok(absent.clone()));
        let empty = r#" {"until":1767311400,"k\u0069nd":"all","value":""} "#;
        assert_eq!(Revocation::parse(empty, NOW), Ok(absent.clone()));
        assert_eq!((absent.issued_before, absent.reason), (None, Reason::Revoked));
        let written = r#"{"kind":"all","until":1767311400,"reason":"revoked"}"#;
        assert_eq!(serde_json::to_string(&absent).unwrap(), written);
    }

    #[test]
    fn each_error_names_its_member() {
        for kind in ["\"secret\"", "\"Sub\"", "\"\"", "1", "[\"sub\"]", "{\"kind\":\"sub\"}"] {
            wrong(&format!("\"kind\":{kind}"), KIND);
        }
        for value in ["1", "true", "[]", "{\"a\":[null,{}]}"] {
            wrong(&format!("\"value\":{value}"), TEXT);
        }
        for time in ["\"1767311400\"", "-1", "1767311400.0", "1e9", "18446744073709551616", "true"]
        {
            wrong(&format!("\"until\":{time}"), SECONDS);
            wrong(&format!("\"issued_before\":{time}"), SECONDS);
        }
        wrong("\"reason\":\"secret\"", REASON);
        wrong("\"reason\":7", REASON);
        wrong("\"kind\":null", "is missing; write what to revoke, such as \"jti\" or \"sub\"");
        wrong("\"value\":null", "is missing; write what to revoke");
        wrong("\"until\":null", "is missing; write when the last of the tokens expires");
        wrong("\"until\":1", "has passed; write a time after now");
        wrong("\"value\":\"\"", "is not 1 to 256 bytes of text without control characters");
    }

    #[test]
    fn unknown_and_repeated_members_are_refused() {
        wrong("\"issuedBefore\":1", UNKNOWN);
        wrong("\"note\":null", UNKNOWN);
        let twice = r#"{"kind":"all","until":1767311400,"until":1767311400}"#;
        refused(twice, "until", "`until` is given twice; write it once");
        let null_first =
            r#"{"issued_before":null,"kind":"all","issued_before":1,"until":1767311400}"#;
        refused(null_first, "issued_before", "`issued_before` is given twice; write it once");
        let no_name = r#"{"kind":"all","until":1767311400,"se cret":1}"#;
        refused(no_name, "", UNNAMED);
    }

    #[test]
    fn what_is_no_object_is_refused_as_a_whole() {
        let cut = r#"{"kind":"all","until":1767311400"#;
        let unknown_and_cut = r#"{"secret":1,"kind":"#;
        let trailing = r#"{"kind":"all","until":1767311400}}"#;
        for json in ["", "null", "[]", "\"all\"", "{", cut, unknown_and_cut, trailing] {
            refused(json, "", OBJECT);
        }
        let deep = format!("{{\"kind\":{}1{}}}", "[".repeat(9999), "]".repeat(9999));
        refused(&deep, "kind", &format!("`kind` {KIND}"));
    }

    fn any_revocation() -> impl Strategy<Value = Revocation> {
        let value = prop_oneof![
            "\\PC{1,64}".prop_map(|value| (Kind::Sub, value)),
            "[a-z]{1,9}".prop_map(|value| (Kind::Kid, value)),
            "(/[a-z~!]{1,9}){0,4}/".prop_map(|value| (Kind::Dir, value)),
            Just((Kind::All, String::new())),
        ];
        let issued_before = proptest::option::of(1..1_767_225_601_u64);
        (value, issued_before, 1_767_225_601_u64..2_000_000_000, 0..3_usize).prop_map(
            |((kind, value), issued_before, until, reason)| Revocation {
                issued_before: issued_before.filter(|_| kind.takes_issued_before()),
                reason: Reason::ALL[reason],
                kind,
                value,
                until,
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(revocation in any_revocation()) {
            let json = serde_json::to_string(&revocation).unwrap();
            prop_assert_eq!(Revocation::parse(&json, NOW), Ok(revocation));
        }

        #[test]
        fn any_text_is_read_or_refused(json in "[\\[{\"kindvalue:,0-9a\\\\}\\]]{0,60}") {
            let _ = Revocation::parse(&json, NOW);
        }
    }
}
