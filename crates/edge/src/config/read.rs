//! Readers for each of the operator's variables. Each error says what to write instead.

use core::ops::RangeInclusive;

use playgate::{CanonicalPath, ParamNames, Verifier};
use playgate_json::{Formats, GateFormats, RequestError, Seconds};
use playgate_state::OverLimit;

use crate::authority::{is_authority, is_loopback, is_origin};
use crate::built;
use crate::config::{Binding, StateConfig, Variables};
use crate::cors::Origins;
use crate::denylist::Freshness;
use crate::log::LogLevel;
use crate::pass_headers::PassHeaders;
use crate::secret::Secret;

/// The longest audience, in characters. The examples in RFC 7519 are URLs.
const MAX_AUDIENCE_LEN: usize = 256;

/// The length of the origin secret, in characters. 16 characters from a random generator cannot be guessed,
/// and servers limit the length of header fields.
const MIN_SECRET_LEN: usize = 16;
const MAX_SECRET_LEN: usize = 256;

/// The elements of a list separated by commas or newlines, trimmed.
fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '\n']).map(str::trim).filter(|element| !element.is_empty())
}

/// An error in one element of a list, numbered from 1.
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
            "write an origin as browsers do: scheme and host in lower case, without a path, like \
             https://www.example.com, or only * for all",
        )),
    }
}

/// The audience that tokens must name. It must be expressible in every format; in a JWT it can be any text
/// (RFC 7519, section 4.1.3).
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

/// The formats, or the faults by variable.
pub(super) fn read_formats(variables: &Variables) -> Result<Formats, Vec<(&'static str, String)>> {
    // If FORMATS is set but unreadable, do not fall back to native.
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

/// Refuses lists that contain a name in `taken`, which tokens use, and wildcards that match nothing.
pub(super) fn check_names(text: &str, taken: &[&str]) -> Result<(), String> {
    // ParamNames splits at commas only.
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    for (number, name) in names.enumerate() {
        if taken.iter().any(|token| ParamNames::new(name).has(token)) {
            return Err(in_entry(number, "this name is reserved for tokens; remove it"));
        }
        let star = name.find('*');
        if star == Some(0) || star.is_some_and(|at| at.saturating_add(1) < name.len()) {
            return Err(in_entry(
                number,
                "a star is allowed only at the end of a name, after at least one character: utm_*",
            ));
        }
        if !name
            .bytes()
            .all(|byte| matches!(byte, b'!'..=b'~') && !matches!(byte, b'#' | b'&' | b'='))
        {
            return Err(in_entry(
                number,
                "write names of query parameters as they appear in URLs, separated by commas",
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

/// Where the media is: `None` means the bucket, and text is the base URL of a server. Also returns the
/// variable that an error is about.
pub(super) fn read_store(variables: &Variables) -> (&'static str, Result<Option<String>, String>) {
    if built::PROXY && variables.is_for_proxy {
        let is_set = "is set, but the proxy delivers the media; remove it";
        return match (variables.media, &variables.origin) {
            (Binding::Absent, None) => ("MEDIA", Ok(None)),
            (Binding::Absent, Some(_)) => ("ORIGIN", Err(is_set.into())),
            _ => ("MEDIA", Err(is_set.into())),
        };
    }
    match (variables.media, &variables.origin) {
        (Binding::Other, _) => {
            ("MEDIA", Err("is not an R2 bucket; bind one under this name".into()))
        }
        (Binding::Absent, None) => {
            ("MEDIA", Err("is not bound, and ORIGIN is not set; the gate needs one of them".into()))
        }
        (Binding::Right, Some(_)) => {
            ("ORIGIN", Err("is set, but MEDIA is bound too; use only one of them".into()))
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

/// Whether the media server learns who is watching: by default.
pub(super) fn read_forward_viewer(variables: &Variables) -> Result<bool, String> {
    match &variables.forward_viewer {
        None => Ok(true),
        text if variables.is_for_proxy => read_switch(text.as_deref()),
        text => {
            for_a_server(variables)?;
            read_switch(text.as_deref())
        }
    }
}

/// How the gate keeps state. It does if the denylist is bound and `ADMIN_SECRET` is set. An error names its variable.
pub(super) fn read_state(
    variables: &Variables,
) -> Result<Option<StateConfig>, (&'static str, String)> {
    if !built::STATE {
        return refuse_state(variables);
    }
    if variables.records == Binding::Other {
        return Err(("RECORDS", "is not a Durable Object; bind the class Record".into()));
    }
    let lengths = [
        ("DENYLIST_REFRESH", &variables.denylist_refresh),
        ("DENYLIST_MAX_AGE", &variables.denylist_max_age),
        ("DENYLIST_OUTAGE", &variables.denylist_outage),
    ];
    let secret = match (variables.denylist, &variables.admin_secret) {
        (Binding::Other, _) => {
            return Err(("DENYLIST", "is not a Durable Object; bind the class Denylist".into()));
        }
        (Binding::Absent, Some(_)) => {
            return Err(("ADMIN_SECRET", "is set, but DENYLIST is not bound; bind it".into()));
        }
        (_, None) => {
            let over = ("PLAYBACKS_OVER_LIMIT", &variables.playbacks_over_limit);
            return match lengths.iter().chain([&over]).find(|(_, text)| text.is_some()) {
                Some((name, _)) => Err((
                    name,
                    "applies only with state; bind DENYLIST and set ADMIN_SECRET".into(),
                )),
                None => Ok(None),
            };
        }
        (Binding::Right, Some(secret)) => secret,
    };
    let admin_secret = read_secret(secret).map_err(|error| ("ADMIN_SECRET", error))?;
    let [refresh, max_age, outage] = lengths;
    let read = |(name, text): (&'static str, &Option<String>), usual| match text.as_deref() {
        None => Ok(usual),
        Some(text) => read_length(text).map_err(|error| (name, error)),
    };
    let (refresh, max_age) = (read(refresh, 5_000)?, read(max_age, 10_000)?);
    if refresh > max_age {
        let name = if variables.denylist_max_age.is_some() {
            "DENYLIST_MAX_AGE"
        } else {
            "DENYLIST_REFRESH"
        };
        return Err((name, "DENYLIST_REFRESH must not be longer than DENYLIST_MAX_AGE".into()));
    }
    let outage = match outage.1.as_deref() {
        None | Some("closed") => max_age,
        Some(_) => match read(outage, max_age)? {
            least if least < max_age => {
                let error =
                    "write \"closed\", or a length that is not shorter than DENYLIST_MAX_AGE";
                return Err(("DENYLIST_OUTAGE", error.into()));
            }
            length => length,
        },
    };
    let over_limit = match variables.playbacks_over_limit.as_deref() {
        None | Some("displace") => OverLimit::Displace,
        Some("refuse") => OverLimit::Refuse,
        Some(_) => {
            return Err(("PLAYBACKS_OVER_LIMIT", "write \"displace\" or \"refuse\"".into()));
        }
    };
    let freshness = Freshness { refresh, max_age, outage };
    let has_records = variables.records == Binding::Right;
    Ok(Some(StateConfig { admin_secret, freshness, has_records, over_limit }))
}

/// An error if any setting is for state, which this gate was built without.
fn refuse_state(variables: &Variables) -> Result<Option<StateConfig>, (&'static str, String)> {
    let is_bound = |binding: Binding| binding != Binding::Absent;
    let settings = [
        ("ADMIN_SECRET", variables.admin_secret.is_some()),
        ("DENYLIST", is_bound(variables.denylist)),
        ("RECORDS", is_bound(variables.records)),
        ("DENYLIST_REFRESH", variables.denylist_refresh.is_some()),
        ("DENYLIST_MAX_AGE", variables.denylist_max_age.is_some()),
        ("DENYLIST_OUTAGE", variables.denylist_outage.is_some()),
        ("PLAYBACKS_OVER_LIMIT", variables.playbacks_over_limit.is_some()),
    ];
    match settings.into_iter().find(|(_, is_set)| *is_set) {
        Some((name, _)) => Err((name, "this gate was built without state; remove it".into())),
        None => Ok(None),
    }
}

/// Where events are sent, and the secret that signs them. An error names its variable.
pub(super) fn read_events(
    variables: &Variables,
) -> Result<Option<(String, Secret)>, (&'static str, String)> {
    const URL: &str = "EVENTS_URL";
    const SECRET: &str = "EVENTS_SECRET";
    let (url, secret) = match (&variables.events_url, &variables.events_secret) {
        (None, None) => return Ok(None),
        (Some(_), None) => {
            return Err((SECRET, "is not set, but EVENTS_URL is; set both or neither".into()));
        }
        (None, Some(_)) => {
            return Err((URL, "is not set, but EVENTS_SECRET is; set both or neither".into()));
        }
        (Some(url), Some(secret)) => (url, secret),
    };
    if variables.admin_secret.is_none() {
        return Err((URL, "applies only with state; bind DENYLIST and set ADMIN_SECRET".into()));
    }
    let url = read_server(url).map_err(|error| (URL, error))?;
    // 24 to 64 bytes. The object decodes them, with the platform's own function.
    let is_base64 = |key: &str| {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        let digits = key.strip_suffix("==").or(key.strip_suffix('=')).unwrap_or(key);
        (32..=88).contains(&key.len())
            && key.len().is_multiple_of(4)
            && digits.bytes().all(is_known)
    };
    match secret.expose().strip_prefix("whsec_") {
        Some(key) if is_base64(key) => Ok(Some((url, secret.clone()))),
        _ => Err((
            SECRET,
            "write whsec_ and 24 to 64 bytes in base64; make one with `echo whsec_$(openssl rand -base64 32)`"
                .into(),
        )),
    }
}

/// A length in milliseconds, of at most a day.
fn read_length(text: &str) -> Result<u64, String> {
    const MOST: u64 = 86_400_000;
    let millis = match text.strip_suffix("ms") {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
        _ => text.parse::<Seconds>().ok().map(|Seconds(secs)| secs.saturating_mul(1000)),
    };
    let millis = millis.filter(|millis| (1..=MOST).contains(millis));
    millis.ok_or_else(|| "write a length from 1ms to 1day, like 500ms or 5s".to_string())
}

/// The secret that the gate sends to the server, verbatim in a header field.
pub(super) fn read_origin_secret(variables: &Variables) -> Result<Option<Secret>, String> {
    let Some(secret) = &variables.origin_secret else { return Ok(None) };
    for_a_server(variables)?;
    read_secret(secret).map(Some)
}

/// A secret that is sent in a header field.
fn read_secret(secret: &Secret) -> Result<Secret, String> {
    let text = secret.expose();
    let is_field = text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_field && (MIN_SECRET_LEN..=MAX_SECRET_LEN).contains(&text.len()) {
        Ok(secret.clone())
    } else {
        Err(format!(
            "write {MIN_SECRET_LEN} to {MAX_SECRET_LEN} characters without spaces; make one with \
             `openssl rand -hex 32`"
        ))
    }
}

/// Refuses settings for a server if there is none. Otherwise the operator might believe that the origin is
/// protected, or expect header fields that a bucket does not send.
fn for_a_server(variables: &Variables) -> Result<(), String> {
    match variables.origin {
        Some(_) => Ok(()),
        None => {
            Err("applies only with ORIGIN, which is not set; remove it, or set ORIGIN".to_string())
        }
    }
}

pub(super) fn read_server(text: &str) -> Result<String, String> {
    let form =
        || "write it like https://media.example.com, with an optional path prefix".to_string();
    let (scheme, rest) = text.split_once("://").ok_or_else(form)?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(at).ok_or_else(form)?;
    if !is_authority(authority) {
        return Err(form());
    }
    match scheme {
        "https" => {}
        "http" if is_loopback(authority) => {}
        "http" => {
            return Err(
                "write https; http is allowed only for this machine (localhost)".to_string()
            );
        }
        _ => return Err(form()),
    }
    if !path.is_empty() {
        CanonicalPath::parse(path).map_err(|error| format!("the path {error}"))?;
    }
    Ok(text.strip_suffix('/').unwrap_or(text).to_string())
}
