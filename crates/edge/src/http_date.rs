//! HTTP dates (RFC 9110, section 5.6.7): one form to write, three to read.

use httpdate::{fmt_http_date, parse_http_date};
use std::time::{Duration, UNIX_EPOCH};

/// The Gregorian year's mean length.
const YEAR: u64 = 31_556_952;

/// Formats a time as `Sun, 06 Nov 1994 08:49:37 GMT`. Times after the year 9999 become its last second.
pub(crate) fn format(unix: u64) -> String {
    // `fmt_http_date` panics after it.
    const LAST: u64 = 253_402_300_799;
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(unix.min(LAST)));
    fmt_http_date(time.unwrap_or(UNIX_EPOCH))
}

/// Reads any of the three forms; `None` if the date must be ignored. `now` determines the century of a
/// two-digit year: a date that appears to be more than 50 years in the future is in the past.
pub(crate) fn parse(text: &str, now: u64) -> Option<u64> {
    // Sunday, 06-Nov-94 08:49:37 GMT
    let Some((weekday, date)) = text.split_once("day, ") else { return parse_full(text) };
    let (day, date) = date.split_once('-')?;
    let (month, year) = date.split_once('-')?;
    let is_day = matches!(weekday, "Mon" | "Tues" | "Wednes" | "Thurs" | "Fri" | "Satur" | "Sun");
    let weekday = weekday.get(..3).filter(|_| is_day)?;
    let century = now.div_euclid(YEAR).saturating_add(1970).div_euclid(100);
    let latest = now.saturating_add(YEAR.saturating_mul(50));
    let centuries = [century.saturating_add(1), century, century.saturating_sub(1)];
    centuries.into_iter().find_map(|century| {
        let date = parse_full(&format!("{weekday}, {day} {month} {century}{year}"));
        date.filter(|at| *at <= latest)
    })
}

/// Reads a date whose year has four digits. A leap second counts as the next second.
fn parse_full(text: &str) -> Option<u64> {
    let is_leap = text.contains("23:59:60");
    let time = parse_http_date(&text.replace("23:59:60", "23:59:59")).ok()?;
    let unix = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    unix.checked_add(is_leap.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_767_225_600;

    #[test]
    fn written_and_read_back() {
        for (unix, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (NOW, "Thu, 01 Jan 2026 00:00:00 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(format(unix), text);
            assert_eq!(parse(text, NOW), Some(unix), "{text}");
        }
        assert_eq!(format(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn obsolete_forms() {
        assert_eq!(parse("Sunday, 06-Nov-94 08:49:37 GMT", NOW), Some(784_111_777));
        assert_eq!(parse("Sun Nov  6 08:49:37 1994", NOW), Some(784_111_777));
        // 2076 is 50 years ahead. 2077 is not allowed: it means 1977.
        assert_eq!(parse("Wednesday, 01-Jan-76 00:00:00 GMT", NOW), Some(3_345_062_400));
        assert_eq!(parse("Saturday, 01-Jan-77 00:00:00 GMT", NOW), Some(220_924_800));
        // 2100 is less than 50 years after 2090, and 1 January 2076 more than 50 years after 2025.
        assert_eq!(parse("Friday, 01-Jan-00 00:00:00 GMT", 3_786_912_000), Some(4_102_444_800));
        assert_eq!(parse("Wednesday, 01-Jan-76 00:00:00 GMT", NOW - 86_400), None);
        assert_eq!(parse("Thursday, 01-Jan-76 00:00:00 GMT", NOW - 86_400), Some(189_302_400));
    }

    #[test]
    fn leap_seconds() {
        for text in [
            "Sat, 31 Dec 2016 23:59:60 GMT",
            "Saturday, 31-Dec-16 23:59:60 GMT",
            "Sat Dec 31 23:59:60 2016",
        ] {
            assert_eq!(parse(text, NOW), Some(1_483_228_800), "{text}");
        }
    }

    #[test]
    fn no_date() {
        for text in [
            "",
            "now",
            "0",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1960 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 99999 08:49:37 GMT",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Monday, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:60 GMT",
            "Sun-day, 06-Nov-94 08:49:37 GMT",
            "Sünday, 06-Nov-94 08:49:37 GMT",
        ] {
            assert_eq!(parse(text, NOW), None, "{text}");
        }
    }
}
