//! The query of a call.

use core::ops::RangeInclusive;

use playgate::percent;

use super::wrong;
use crate::plan::Response;

/// A number in the query, if it is there.
pub(super) fn number(
    query: &str,
    name: &'static str,
    range: RangeInclusive<u64>,
) -> Result<Option<u64>, Response> {
    let Some(text) = param(query, name)? else { return Ok(None) };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && range.contains(number));
    number.map(Some).ok_or_else(|| {
        let detail = format!("`{name}` is not a number from {} to {}", range.start(), range.end());
        wrong(name, &detail)
    })
}

/// A parameter that must not be missing or empty.
pub(super) fn needed(query: &str, name: &'static str) -> Result<String, Response> {
    param(query, name)?
        .filter(|value| !value.is_empty())
        .ok_or_else(|| wrong(name, &format!("`{name}` is missing; add ?{name}=...")))
}

/// The viewer that a call lists.
pub(super) fn viewer(query: &str) -> Result<String, Response> {
    check(query, &["sub"])?;
    needed(query, "sub")
}

/// The viewer of whom a call ends something, and its id if it is only one.
pub(super) fn viewer_and_id(query: &str) -> Result<(String, Option<String>), Response> {
    check(query, &["sub", "sid"])?;
    let sub = needed(query, "sub")?;
    let sid = match param(query, "sid")? {
        Some(_) => Some(needed(query, "sid")?),
        None => None,
    };
    Ok((sub, sid))
}

/// The decoded value of a query parameter, as forms and `URLSearchParams` write it: a plus sign is a blank.
pub(super) fn param(query: &str, name: &'static str) -> Result<Option<String>, Response> {
    let mut values = query.split('&').filter_map(|param| param.split_once('='));
    let Some((_, value)) = values.find(|(known, _)| *known == name) else { return Ok(None) };
    percent::decode(&value.replace('+', " ")).map(Some).ok_or_else(|| {
        let detail = format!("`{name}` is not percent-encoded UTF-8; write %25 for a percent sign");
        wrong(name, &detail)
    })
}

/// Checks that a query has only these parameters, each at most once and with a value: one that is misspelt may be meant
/// as a restriction.
pub(super) fn check(query: &str, names: &[&'static str]) -> Result<(), Response> {
    let mut seen = Vec::new();
    for param in query.split('&').filter(|param| !param.is_empty()) {
        let name = param.split_once('=').map(|(name, _)| name);
        match name.and_then(|name| names.iter().find(|known| **known == name)) {
            Some(known) if !seen.contains(known) => seen.push(*known),
            Some(known) => {
                let detail = format!("`{known}` is given twice; write it once");
                return Err(wrong(known, &detail));
            }
            None => {
                let detail = format!("write only {}, each with a value", names.join(" and "));
                return Err(wrong("", &detail));
            }
        }
    }
    Ok(())
}
