//! Durations as XML has them (XML Schema part 2, section 3.2.6).

use alloc::format;
use alloc::string::String;

const SECOND: u64 = 1_000_000_000;

/// Reads a duration in nanoseconds, what is finer cut off. `None` where it is none, below zero, too long,
/// or in years or months, which are no fixed time.
pub(super) fn parse(text: &str) -> Option<u64> {
    let (date, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (text.strip_prefix('P')?, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let mut total = 0;
    let mut rest = date;
    for (unit, secs) in [('Y', 0), ('M', 0), ('D', 86_400)] {
        rest = take(rest, unit, secs, &mut total)?;
    }
    let mut rest = Some(time).filter(|_| rest.is_empty())?;
    for (unit, secs) in [('H', 3600), ('M', 60)] {
        rest = take(rest, unit, secs, &mut total)?;
    }
    if rest.is_empty() {
        return Some(total);
    }
    let (whole, fraction) = match rest.strip_suffix('S')?.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (rest.strip_suffix('S')?, ""),
    };
    let nanos = fraction.get(..9).unwrap_or(fraction);
    let nanos = number(&format!("{nanos:0<9}"))?;
    fraction.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    total.checked_add(number(whole)?.checked_mul(SECOND)?)?.checked_add(nanos)
}

/// Takes a number of `unit`s off, if that is next.
fn take<'a>(text: &'a str, unit: char, secs: u64, total: &mut u64) -> Option<&'a str> {
    let Some((count, rest)) = text.split_once(unit) else { return Some(text) };
    let count = number(count)?;
    if secs == 0 && count > 0 {
        return None;
    }
    *total = total.checked_add(count.checked_mul(secs)?.checked_mul(SECOND)?)?;
    Some(rest)
}

/// Digits alone.
pub(super) fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Nanoseconds in a number of seconds.
pub(super) fn of_secs(secs: u64) -> u64 {
    secs.saturating_mul(SECOND)
}

/// Writes a duration in nanoseconds.
pub(super) fn to_text(nanos: u64) -> String {
    let (secs, nanos) = (nanos / SECOND, nanos % SECOND);
    if nanos == 0 {
        return format!("PT{secs}S");
    }
    let fraction = format!("{nanos:09}");
    format!("PT{secs}.{}S", fraction.trim_end_matches('0'))
}
