//! Tokens that are in a request where this gate does not look for them.

use alloc::format;
use alloc::string::String;

#[cfg(feature = "timed-hmac")]
use crate::format::Exchange;
use crate::format::Rules;
use crate::percent::decoded;
use crate::redact::redacted;
use crate::request::Request;

/// Names the first token that is under another name, or in another format, than the gate reads.
pub(super) fn misnamed(rules: &Rules<'_>, request: &Request<'_>) -> Option<String> {
    let url = request.url.split(['?', '&', '/', ';']).map(|part| (part, "parameter"));
    let cookies = request.cookie.unwrap_or_default().split(';').map(|pair| (pair.trim(), "cookie"));
    let found = url.chain(cookies).find_map(|(part, place)| {
        let (name, value) = part.split_once('=')?;
        Some((format!("in the {place} `{}`", redacted(name)), kind(name, value)?))
    });
    let header = request.authorization.and_then(|header| {
        let (scheme, text) = header.split_once(' ').unwrap_or(("", header));
        let kind =
            kind("", text).or_else(|| text.starts_with("pg=").then_some(TokenKind::Native))?;
        let scheme = scheme.eq_ignore_ascii_case("Bearer").then_some("");
        Some((
            format!("in the header Authorization{}", scheme.unwrap_or(", without `Bearer`")),
            kind,
        ))
    });
    let (place, kind) = found.or(header)?;
    let (what, plural, name) = match kind {
        TokenKind::Jwt => ("a JWT", "JWTs", jwt_name(rules)),
        TokenKind::Native => ("a native token", "native tokens", rules.native.then_some("")),
        TokenKind::TimedHmac => ("a timed HMAC", "timed HMACs", timed_hmac_name(rules)),
    };
    Some(match name {
        None => format!("{what} is {place}, and this gate does not read {plural}"),
        Some("") => format!("{what} is {place}, where this gate does not read it"),
        Some(name) => {
            format!("{what} is {place}, and this gate looks for it under the name `{name}`")
        }
    })
}

enum TokenKind {
    Jwt,
    Native,
    TimedHmac,
}

/// What a value is, if it is a token.
fn kind(name: &str, value: &str) -> Option<TokenKind> {
    let value = decoded(value);
    let mut parts = value.split('.');
    let is_jwt =
        value.starts_with("ey") && parts.by_ref().take(3).filter(|p| p.len() > 4).count() == 3;
    if is_jwt {
        return Some(TokenKind::Jwt);
    }
    if let Some((digits, tag)) = value.split_once('-')
        && digits.len() == 10
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && matches!(tag.len(), 43 | 44)
    {
        return Some(TokenKind::TimedHmac);
    }
    (name.eq_ignore_ascii_case("pg") && value.starts_with('1')).then_some(TokenKind::Native)
}

#[cfg(feature = "jwt")]
fn jwt_name<'a>(rules: &Rules<'a>) -> Option<&'a str> {
    rules.jwt.map(|jwt| jwt.name.as_str())
}

#[cfg(not(feature = "jwt"))]
fn jwt_name<'a>(_: &Rules<'a>) -> Option<&'a str> {
    None
}

#[cfg(feature = "timed-hmac")]
fn timed_hmac_name<'a>(rules: &Rules<'a>) -> Option<&'a str> {
    rules.timed_hmac.map(Exchange::token_name)
}

#[cfg(not(feature = "timed-hmac"))]
fn timed_hmac_name<'a>(_: &Rules<'a>) -> Option<&'a str> {
    None
}
