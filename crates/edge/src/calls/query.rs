//! The query of a call.

use core::ops::RangeInclusive;

use playgate::percent;

use super::problem;
use crate::plan::Response;

/// A number in the query, if it is there.
pub(super) fn number(
    query: &str,
    name: &'static str,
    range: RangeInclusive<u64>,
) -> Result<Option<u64>, Response> {
    let Some(text) = param(query, name)? else { return Ok(None) };
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.map(Some).ok_or_else(|| {
        let detail = format!("`{name}` is not a number from {} to {}", range.start(), range.end());
        problem(400, "bad_request", Some(name), &detail)
    })
}

/// A parameter that must not be missing or empty.
pub(super) fn needed(query: &str, name: &'static str) -> Result<String, Response> {
    param(query, name)?.filter(|value| !value.is_empty()).ok_or_else(|| {
        problem(400, "bad_request", Some(name), &format!("`{name}` is missing; add ?{name}=..."))
    })
}

/// The decoded value of a query parameter, as forms and `URLSearchParams` write it: a plus sign is a blank.
pub(super) fn param(query: &str, name: &'static str) -> Result<Option<String>, Response> {
    let mut values = query.split('&').filter_map(|param| param.split_once('='));
    let Some((_, value)) = values.find(|(known, _)| *known == name) else { return Ok(None) };
    percent::decode(&value.replace('+', " ")).map(Some).ok_or_else(|| {
        let detail = format!("`{name}` has a percent sign that starts no escape; write %25");
        problem(400, "bad_request", Some(name), &detail)
    })
}
