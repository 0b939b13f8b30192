//! The fields of a native token, in words.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::grant::{Countries, DownloadName, Network, Networks};
use crate::inspect::{FieldNote, Span};
use crate::redact::{MARK, redacted, redacted_path};
use crate::time::UnixTime;

/// The most characters of the value of a field that is none of the format.
const MAX_UNKNOWN: usize = 15;

/// The fields of a token that may be broken, up to the signature. Whatever could be one is left out.
pub(crate) fn notes(token: &str, scope: Option<&str>) -> Vec<FieldNote> {
    let mut notes = Vec::new();
    for field in token.split('&') {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let last = name == "sig";
        let is_field = last || super::field_of(name).is_some();
        let shown = if last || (!is_field && value.len() > MAX_UNKNOWN) {
            MARK.to_owned()
        } else {
            redacted(value)
        };
        let meaning = match name {
            "sig" => format!("the signature; it has {} of 43 characters", value.len()),
            "dl" => match DownloadName::parse(value) {
                Ok(file) if file.is_inline() => {
                    format!("to be shown, named \"{}\"", redacted_path(&file.decode()))
                }
                Ok(file) => format!("to be saved as \"{}\"", redacted_path(&file.decode())),
                Err(fault) => fault.to_string(),
            },
            _ => meaning(name, &shown, scope),
        };
        notes.push(FieldNote { name: redacted(name), value: shown, meaning });
        if last {
            break;
        }
    }
    notes
}

fn meaning(name: &str, value: &str, scope: Option<&str>) -> String {
    let time =
        || value.parse().map(|secs| UnixTime::from_secs(secs).to_string()).unwrap_or_default();
    match name {
        "pg" => format!("version {value} of the format"),
        "exp" => format!("expires {}", time()),
        "kid" => format!("signed with the key `{value}`"),
        "aud" => format!("for the deployment `{value}`"),
        "cc" if Countries::parse(value).is_ok() => {
            format!("for clients in {}", value.replace('.', ", "))
        }
        "dir" => match scope {
            Some(scope) => format!("for everything below {scope}"),
            None => format!("for everything below the first {value} segments of the path"),
        },
        "iat" => format!("issued {}", time()),
        "ip" => match Networks::parse(value) {
            Ok(networks) => {
                let networks = networks.iter().map(Network::to_cidr).collect::<Vec<_>>();
                format!("for clients in {}", networks.join(", "))
            }
            Err(fault) => fault.to_string(),
        },
        "jti" => "the token's id".to_owned(),
        "nbf" => format!("not before {}", time()),
        "pre" => match value.parse() {
            Ok(secs) => format!("a preview of the first {}", Span(secs)),
            Err(_) => String::new(),
        },
        "run" => match value.parse() {
            Ok(secs) => format!("may be exchanged for a token of {}", Span(secs)),
            Err(_) => String::new(),
        },
        "sid" => "the playback session".to_owned(),
        "sub" => "the viewer".to_owned(),
        _ => "not a field of version 1".to_owned(),
    }
}
