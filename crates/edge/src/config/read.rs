//! The operator's variables, one by one: each reader says what to write instead.

use core::ops::RangeInclusive;

use playgate::{CanonicalPath, ParamNames, Verifier};
use playgate_json::{Formats, GateFormats, RequestError};

use crate::authority::{is_authority, is_loopback, is_origin};
use crate::config::{Binding, Variables};
use crate::cors::Origins;
use crate::log::LogLevel;
use crate::pass_headers::PassHeaders;
use crate::secret::Secret;

/// Characters in the longest audience: what RFC 7519 shows is a URL.
const MAX_AUDIENCE_LEN: usize = 256;

/// Characters of a secret that the server knows the gate by: 16 from a random generator are out of reach of
/// guessing, and servers limit the length of header fields.
const MIN_SECRET_LEN: usize = 16;
const MAX_SECRET_LEN: usize = 256;

/// The elements of a list separated by commas or newlines, blanks around them not counted.
fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '\n']).map(str::trim).filter(|element| !element.is_empty())
}

/// An error of one element of a list, counted from 1.
fn in_entry(number: usize, error: &str) -> String {
    format!("entry {}: {error}", number.saturating_add(1))
}

pub(super) fn read_origins(text: &str) -> Result<Origins, String> {
    let origins: Vec<String> = list(text).map(String::from).collect();
    if origins.is_empty() {
        return Ok(Origins::None);
    }
    if origins == ["*"] {
        return Ok(Origins::Any);
    }
    match origins.iter().position(|origin| !is_origin(origin)) {
        None => Ok(Origins::Listed(origins)),
        Some(at) => Err(in_entry(
            at,
            "write an origin as browsers do, scheme and host in lower case without a path, like \
             https://www.example.com, or only * for all",
        )),
    }
}

/// The name that tokens have to carry: one that those of every format can. That of a JWT is any text (RFC
/// 7519, section 4.1.3).
pub(super) fn read_audience(
    text: Option<&str>,
    gate: &Verifier<'_>,
) -> Result<Option<String>, String> {
    let Some(name) = text else { return Ok(None) };
    gate.check_audience(name)?;
    let is_printable = !name.chars().any(char::is_control);
    if is_printable && (1..=MAX_AUDIENCE_LEN).contains(&name.chars().count()) {
        Ok(Some(name.to_string()))
    } else {
        Err(format!("write 1 to {MAX_AUDIENCE_LEN} printable characters"))
    }
}

/// The formats, or each variable with what is wrong with it.
pub(super) fn read_formats(variables: &Variables) -> Result<Formats, Vec<(&'static str, String)>> {
    // What is set and cannot be read is not native alone.
    let unreadable = variables.unreadable.contains(&"FORMATS").then(String::new);
    let asked = GateFormats {
        formats: unreadable.or_else(|| variables.formats.clone()),
        jwt_path: variables.jwt_path.clone(),
        jwt_name: variables.jwt_name.clone(),
        issuer: variables.issuer.clone(),
        timed_hmac_ttl: variables.timed_hmac_ttl.clone(),
        timed_hmac_param: variables.timed_hmac_param.clone(),
        timed_hmac_url_safe: variables.timed_hmac_url_safe.clone(),
    };
    let name_of = |setting: &str| match setting {
        "issuer" => "ISSUER",
        "jwt_name" => "JWT_NAME",
        "jwt_path" => "JWT_PATH",
        "timed_hmac_param" => "TIMED_HMAC_PARAM",
        "timed_hmac_ttl" => "TIMED_HMAC_TTL",
        "timed_hmac_url_safe" => "TIMED_HMAC_URL_SAFE",
        _ => "FORMATS",
    };
    let named = |error: RequestError| (name_of(&error.field), error.message);
    asked.read().map_err(|errors| errors.into_iter().map(named).collect())
}

/// Refuses lists that name what tokens go by, which are `taken`, and stars that would name nothing.
pub(super) fn check_names(text: &str, taken: &[&str]) -> Result<(), String> {
    // ParamNames parts them by commas alone.
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    for (number, name) in names.enumerate() {
        if taken.iter().any(|token| ParamNames::new(name).has(token)) {
            return Err(in_entry(number, "that is the name of a token"));
        }
        let star = name.find('*');
        if star == Some(0) || star.is_some_and(|at| at.saturating_add(1) < name.len()) {
            return Err(in_entry(
                number,
                "a star stands at the end of a name only, behind what the names start with: utm_*",
            ));
        }
        if !name
            .bytes()
            .all(|byte| matches!(byte, b'!'..=b'~') && !matches!(byte, b'#' | b'&' | b'='))
        {
            return Err(in_entry(
                number,
                "write names of query parameters as addresses have them, separated by commas",
            ));
        }
    }
    Ok(())
}

pub(super) fn read_number(
    text: Option<&str>,
    unit: &str,
    range: RangeInclusive<u64>,
) -> Result<Option<u64>, String> {
    let Some(text) = text else { return Ok(None) };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && range.contains(number));
    number.map(Some).ok_or_else(|| {
        format!("write a number of {unit} from {} to {}", range.start(), range.end())
    })
}

pub(super) fn read_log(text: Option<&str>) -> Result<LogLevel, String> {
    match text {
        None | Some("refused") => Ok(LogLevel::Refused),
        Some("all") => Ok(LogLevel::All),
        Some("off") => Ok(LogLevel::Off),
        Some(_) => Err("write \"all\", \"refused\" or \"off\"".to_string()),
    }
}

pub(super) fn read_switch(text: Option<&str>) -> Result<bool, String> {
    match text {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err("write \"true\" or \"false\"".to_string()),
    }
}

/// Where the media is: `None` is the bucket, text the base of a server. With the variable that an error
/// is about.
pub(super) fn read_store(variables: &Variables) -> (&'static str, Result<Option<String>, String>) {
    match (variables.media, &variables.origin) {
        (Binding::Other, _) => {
            ("MEDIA", Err("is not an R2 bucket; bind one under this name".into()))
        }
        (Binding::Absent, None) => {
            ("MEDIA", Err("is not bound, and ORIGIN is not set; the gate needs one of them".into()))
        }
        (Binding::Right, Some(_)) => {
            ("ORIGIN", Err("is set although MEDIA is bound; the gate takes one of them".into()))
        }
        (Binding::Right, None) => ("MEDIA", Ok(None)),
        (Binding::Absent, Some(origin)) => ("ORIGIN", read_server(origin).map(Some)),
    }
}

/// Header fields that pass from the server to the viewer.
pub(super) fn read_pass_headers(variables: &Variables) -> Result<PassHeaders, String> {
    let Some(text) = &variables.pass_headers else { return Ok(PassHeaders::default()) };
    for_a_server(variables)?;
    PassHeaders::new(list(text)).map_err(|(number, error)| in_entry(number, error))
}

/// What the gate shows to the server: it goes into a header field as it is.
pub(super) fn read_origin_secret(variables: &Variables) -> Result<Option<Secret>, String> {
    let Some(secret) = &variables.origin_secret else { return Ok(None) };
    for_a_server(variables)?;
    let text = secret.expose();
    let is_field = text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_field && (MIN_SECRET_LEN..=MAX_SECRET_LEN).contains(&text.len()) {
        Ok(Some(secret.clone()))
    } else {
        Err(format!(
            "write {MIN_SECRET_LEN} to {MAX_SECRET_LEN} characters without blanks; make one with \
             `openssl rand -hex 32`"
        ))
    }
}

/// Refuses what says something about a server where there is none: the operator takes the origin for
/// closed, or expects what a bucket does not send.
fn for_a_server(variables: &Variables) -> Result<(), String> {
    match variables.origin {
        Some(_) => Ok(()),
        None => Err("is for ORIGIN, and that is not set; take it out, or set ORIGIN".to_string()),
    }
}

pub(super) fn read_server(text: &str) -> Result<String, String> {
    let form = || {
        "write it as https://media.example.com, with a path to start from if need be".to_string()
    };
    let (scheme, rest) = text.split_once("://").ok_or_else(form)?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(at).ok_or_else(form)?;
    if !is_authority(authority) {
        return Err(form());
    }
    match scheme {
        "https" => {}
        "http" if is_loopback(authority) => {}
        "http" => return Err("write https: http is only for this machine (localhost)".to_string()),
        _ => return Err(form()),
    }
    if !path.is_empty() {
        CanonicalPath::parse(path).map_err(|error| format!("the path {error}"))?;
    }
    Ok(text.strip_suffix('/').unwrap_or(text).to_string())
}
