//! The fields of a native token, in words.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::grant::{Countries, DownloadName, Network, Networks};
use crate::inspect::{FieldNote, Span};
use crate::time::UnixTime;

/// The fields of a token that may be broken, up to the signature.
pub(crate) fn notes(token: &str, scope: Option<&str>) -> Vec<FieldNote> {
    let mut notes = Vec::new();
    for field in token.split('&') {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let last = name == "sig";
        notes.push(FieldNote {
            name: name.to_owned(),
            value: if last { "..".to_owned() } else { value.to_owned() },
            meaning: meaning(name, value, scope),
        });
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
        "dl" => match DownloadName::parse(value) {
            Ok(name) if name.is_inline() => format!("to be shown, named \"{}\"", name.decode()),
            Ok(name) => format!("to be saved as \"{}\"", name.decode()),
            Err(fault) => fault.to_string(),
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
        "sig" => format!("the signature; it has {} of 43 characters", value.len()),
        _ => "not a field of version 1".to_owned(),
    }
}
