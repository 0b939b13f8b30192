//! One line of JSON for each decision. No token, no key and no URL: a path token is a credential,
//! so an address is never written down but as the scope of a token.

use alloc::string::String;

use serde::Serialize;

use crate::bytes;
use crate::key::KeyId;
use crate::redact::redacted;

/// What is said about a request. Members that do not apply are left out.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Line {
    /// `allow` or `deny` as in a verdict; `preflight` and `public` need none; `error` is the gate's
    /// own.
    pub(crate) decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<&'static str>,
    /// The query parameter that was not signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) param: Option<String>,
    pub(crate) status: u16,
    pub(crate) method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) placement: Option<&'static str>,
}

impl Line {
    /// The line as it is written.
    pub(crate) fn to_json(&self) -> String {
        // A line is strings and a number: it always serializes.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The line about a configuration with faults, written once for each environment.
pub(crate) fn faults(errors: &[String]) -> String {
    #[derive(Serialize)]
    struct Faults<'a> {
        decision: &'static str,
        reason: &'static str,
        errors: &'a [String],
    }
    let faults = Faults { decision: "error", reason: "misconfigured", errors };
    serde_json::to_string(&faults).unwrap_or_default()
}

/// The methods that the gate tells apart; a client may send any word as one.
pub(crate) fn method_name(method: &str) -> &'static str {
    match method {
        "DELETE" => "DELETE",
        "GET" => "GET",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        "POST" => "POST",
        "PUT" => "PUT",
        _ => "other",
    }
}

/// A scope without its query, which may name a viewer.
pub(crate) fn path_of(scope: &str) -> String {
    scope.split('?').next().unwrap_or_default().into()
}

/// The key id of a token that was not admitted: what could be none is not repeated.
pub(crate) fn kid(shown: &str) -> Option<String> {
    KeyId::new(shown).is_ok().then(|| shown.into())
}

/// The name of a query parameter, where it is like one: what could be a token is not repeated.
pub(crate) fn param(name: &str) -> Option<String> {
    let like_one = (1..=64).contains(&name.len()) && bytes::all(name.as_bytes(), bytes::is_name);
    (like_one && redacted(name) == name).then(|| name.into())
}

/// Whether a path may hold a token that goes by `name`.
pub(crate) fn holds(path: &str, name: &str) -> bool {
    path.contains(&[name, "="].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_has_what_applies() {
        let line =
            Line { decision: "deny", reason: Some("expired"), status: 403, ..Line::default() };
        assert_eq!(
            Line { method: method_name("GET"), ..line }.to_json(),
            r#"{"decision":"deny","reason":"expired","status":403,"method":"GET"}"#
        );
    }

    #[test]
    fn faults_are_all_named() {
        assert_eq!(
            faults(&["LEEWAY: a".into(), "PUBLIC: b".into()]),
            r#"{"decision":"error","reason":"misconfigured","errors":["LEEWAY: a","PUBLIC: b"]}"#
        );
    }

    #[test]
    fn foreign_methods_are_not_repeated() {
        assert_eq!(method_name("BREW"), "other");
    }

    #[test]
    fn a_parameter_is_named_where_it_is_like_one() {
        for name in ["utm_source", "fbclid", "v", "a.b-c"] {
            assert_eq!(param(name).as_deref(), Some(name));
        }
        let tag = "REksvdGhg_BiP3UrQfvCau3yJDie26YKJonKWbyzAes";
        for name in ["", "a b", "a\"b", "%73ig", tag, &tag[..16], &"a".repeat(65)] {
            assert_eq!(param(name), None, "{name}");
        }
    }

    #[test]
    fn scope_without_query() {
        assert_eq!(path_of("/videos/42/film.mp4?viewer=7"), "/videos/42/film.mp4");
    }
}
