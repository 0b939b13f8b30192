//! One line of JSON for each decision. It contains no token, no key and no URL: an address may have a token
//! in its path, so only the scope of a token is logged.

use playgate::{
    KeyId, KeyRing,
    redact::{redacted, redacted_segment},
};
use serde::Serialize;

/// A log entry about a request. Members that do not apply are omitted.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LogEntry {
    /// `allow` or `deny` after verification; `preflight` or `public` if none was needed; `error` for the
    /// gate's own errors.
    pub decision: &'static str,
    /// Why the request was not served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The field of the token that the reason is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'static str>,
    /// The unsigned query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// The status of the response.
    pub status: u16,
    /// The method, or `other`.
    pub method: &'static str,
    /// The key id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// The path of the scope, with anything removed that could be a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Where the token was in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<&'static str>,
}

/// Which entries are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// All.
    All,
    /// None.
    Off,
    /// Only requests that were not served: refusals, and errors of the gate and the media store.
    #[default]
    Refused,
}

impl LogEntry {
    /// The entry as one line; `None` if its level is not logged.
    #[must_use]
    pub fn line(&self, level: LogLevel) -> Option<String> {
        let is_written = match level {
            LogLevel::All => true,
            LogLevel::Off => false,
            LogLevel::Refused => self.reason.is_some() || self.status >= 400,
        };
        is_written.then(|| self.to_json())
    }

    /// The entry as JSON.
    pub(crate) fn to_json(&self) -> String {
        // Strings and a number always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The line about an invalid configuration, logged once for each environment.
#[must_use]
pub fn faults(errors: &[String]) -> String {
    #[derive(Serialize)]
    struct Faults<'a> {
        decision: &'static str,
        reason: &'static str,
        errors: &'a [String],
    }
    let faults = Faults { decision: "error", reason: "misconfigured", errors };
    serde_json::to_string(&faults).unwrap_or_default()
}

/// The line about a panic. It gives the location but not the message, which may contain text from a
/// request.
#[must_use]
pub fn panicked(file: &str, line: u32) -> String {
    #[derive(Serialize)]
    struct Panicked<'a> {
        decision: &'static str,
        reason: &'static str,
        file: &'a str,
        line: u32,
    }
    let panicked = Panicked { decision: "error", reason: "gate_panicked", file, line };
    serde_json::to_string(&panicked).unwrap_or_default()
}

/// The methods that are logged by name. A client may send any word as a method.
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

/// The path of a scope or of a public file, without its query, which may identify a viewer, and without
/// anything that could be a token. Clients may write a token into any path, under any name and in any
/// encoding.
pub(crate) fn path_of(scope: &str) -> String {
    let path = scope.split('?').next().unwrap_or_default();
    path.split('/').map(redacted_segment).collect::<Vec<_>>().join("/")
}

/// The key id of a refused token. It is logged only if it is in the ring, or if it is a plausible key id
/// and could not be a tag.
pub(crate) fn kid(ring: &KeyRing, shown: &str) -> Option<String> {
    let is_known = ring.ids().any(|id| id.as_str() == shown);
    (is_known || KeyId::new(shown).is_ok() && redacted(shown) == shown).then(|| shown.into())
}

/// The name of a query parameter, if it is plausible and could not be a token.
pub(crate) fn param(name: &str) -> Option<String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let like_one = (1..=64).contains(&name.len()) && name.bytes().all(is_name);
    (like_one && redacted(name) == name).then(|| name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_has_what_applies() {
        let line = LogEntry {
            decision: "deny",
            reason: Some("expired"),
            status: 403,
            ..LogEntry::default()
        };
        assert_eq!(
            LogEntry { method: method_name("GET"), ..line }.to_json(),
            r#"{"decision":"deny","reason":"expired","status":403,"method":"GET"}"#
        );
    }

    #[test]
    fn what_was_not_served_is_written() {
        let served = LogEntry { decision: "allow", status: 200, ..LogEntry::default() };
        let failed = LogEntry { reason: Some("bad_origin"), status: 502, ..served.clone() };
        let origin_failed = LogEntry { status: 503, ..served.clone() };
        for (level, writes) in [
            (LogLevel::All, [true, true]),
            (LogLevel::Refused, [false, true]),
            (LogLevel::Off, [false, false]),
        ] {
            for failed in [&failed, &origin_failed] {
                assert_eq!([&served, failed].map(|entry| entry.line(level).is_some()), writes);
            }
        }
    }

    #[test]
    fn faults_are_all_named() {
        assert_eq!(
            faults(&["LEEWAY: a".into(), "PUBLIC: b".into()]),
            r#"{"decision":"error","reason":"misconfigured","errors":["LEEWAY: a","PUBLIC: b"]}"#
        );
    }

    #[test]
    fn a_panic_is_said_by_its_place() {
        assert_eq!(
            panicked("src/range.rs", 7),
            r#"{"decision":"error","reason":"gate_panicked","file":"src/range.rs","line":7}"#
        );
    }

    #[test]
    fn foreign_methods_are_not_repeated() {
        assert_eq!(method_name("BREW"), "other");
    }

    #[test]
    fn a_key_id_is_said_where_it_is_no_tag_or_known() {
        let long = "PrimaryKeyOf2026_inLisbon";
        let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
        let ring = KeyRing::parse(&[long, ":", key].concat()).unwrap();
        assert_eq!(kid(&ring, long).as_deref(), Some(long));
        assert_eq!(kid(&ring, "gone-2025").as_deref(), Some("gone-2025"));
        for no_id in ["mainREksvdGhg_BiP3U", "REksvdGhg_BiP3UrQfvCau3yJDie26YK", "a b", ""] {
            assert_eq!(kid(&ring, no_id), None, "{no_id}");
        }
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

    #[test]
    fn a_path_says_nothing_of_a_token_in_it() {
        const TAG: &str = "REksvdGhg_BiP3UrQfvCau3yJDie26YKJonKWbyzAes";
        for (path, expected) in [
            ("/public/pg=1&exp=1&kid=main&sig=TAG/a.txt", "/public/pg../a.txt"),
            ("/public/pg%3D1%26sig%3DTAG/a.txt", "/public/pg../a.txt"),
            ("/public/pg%253D1%2526sig%253DTAG/a", "/public/pg../a"),
            ("/public/sig=REksvdGhg_BiP3Uz/a.txt", "/public/sig../a.txt"),
            ("/public/TAG/a.txt", "/public/REksvdGh../a.txt"),
            ("/public/TAG.mp4", "/public/REksvdGh...mp4"),
            ("/public/TAG.TAG=1", "/public/REksvdGh...REksvdGh..=1"),
            ("/public/sig-TAG", "/public/sig-REks.."),
            ("/public/eyJhbGciOiJIUzI1NiJ9.e30.TAG", "/public/eyJhbGciOiJIUzI1NiJ9.e30.REksvdGh.."),
            ("/TAG?TAG", "/REksvdGh.."),
        ] {
            let path = path.replace("TAG", TAG);
            assert_eq!(path_of(&path), expected, "{path}");
            assert!(!path_of(&path).contains(&TAG[8..16]));
        }
        let claims = ["/eyJ", &"a".repeat(200), ".b.", TAG, "/x"].concat();
        assert_eq!(path_of(&claims), "/eyJaaaaa...b.REksvdGh../x");
        let joined = ["/pg_1_exp_1767225600_kid_main_sig_", TAG, "_x/a.ts"].concat();
        assert_eq!(path_of(&joined), "/pg_1_exp../a.ts");
        for path in [
            "/",
            "/videos/42/",
            "/assets/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.js",
            "/how-to-build-a-gate-in-front-of-a-media-server/film.mp4",
            "/1B4E28BA-2FA1-11D2-883F.ts",
            "/S%C3%A3o%20Jo%C3%A3o.mp4",
            "/day=2026-01-01/a%3Db/film.mp4",
            &["/ab-9_z", &"x".repeat(122), "/a.ts"].concat(),
        ] {
            assert_eq!(path_of(path), path);
        }
    }
}
