//! Durations as XML has them (XML Schema part 2, section 3.2.6).

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form() {
        for (text, millis) in [
            ("PT20.0S", 20_000),
            ("PT0S", 0),
            ("PT0.5S", 500),
            ("PT1.2345678999S", 1234),
            ("PT1M", 60_000),
            ("PT1H1M1S", 3_661_000),
            ("P1D", 86_400_000),
            ("P1DT1H", 90_000_000),
            ("P0Y0M0DT0H3M30.000S", 210_000),
            ("PT90M", 5_400_000),
        ] {
            assert_eq!(parse(text).map(|nanos| nanos / 1_000_000), Some(millis), "{text}");
        }
        for text in [
            "",
            "P",
            "PT",
            "20",
            "PT20",
            "-PT1S",
            "PT-1S",
            "PT+1S",
            "P1Y",
            "P1M",
            "PT1S1M",
            "PT1.S",
            "PT1.aS",
            "P1H",
            "PT1D",
            "PT1H ",
            "pt1s",
            "PT1.1M",
            "PTS",
            "PT99999999999S",
            "PT1.0000000001aS",
            "PT.5äS",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn written_without_noughts() {
        for (nanos, text) in
            [(0, "PT0S"), (30 * SECOND, "PT30S"), (1_500_000_000, "PT1.5S"), (1, "PT0.000000001S")]
        {
            assert_eq!(to_text(nanos), text);
            assert_eq!(parse(text), Some(nanos));
        }
    }
}
