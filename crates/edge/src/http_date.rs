//! HTTP dates (RFC 9110, section 5.6.7): one form to write, three to read.

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const DAY: u64 = 86_400;

/// A moment as `Sun, 06 Nov 1994 08:49:37 GMT`. A year above 9999 is written as the last second of
/// it.
pub(crate) fn format(unix: u64) -> String {
    const LAST: u64 = 253_402_300_799;
    let unix = unix.min(LAST);
    let (days, second) = (unix.div_euclid(DAY), unix.rem_euclid(DAY));
    let weekday = usize::try_from(days.rem_euclid(7)).ok().and_then(|day| DAYS.get(day));
    let mut year = 1970;
    let mut left = days;
    while left >= days_in_year(year) {
        left = left.saturating_sub(days_in_year(year));
        year = year.saturating_add(1);
    }
    let mut months = MONTHS.iter().zip(month_lengths(year)).peekable();
    while let Some((_, length)) = months.next_if(|(_, length)| left >= *length) {
        left = left.saturating_sub(length);
    }
    format!(
        "{}, {:02} {} {year:04} {:02}:{:02}:{:02} GMT",
        weekday.unwrap_or(&"Thu"),
        left.saturating_add(1),
        months.next().map_or("Dec", |(name, _)| name),
        second.div_euclid(3600),
        second.rem_euclid(3600).div_euclid(60),
        second.rem_euclid(60),
    )
}

/// Reads any of the three forms; `None` is a date that is ignored. `now` says which century a year
/// of two digits is in: one that seems more than 50 years ahead has passed.
pub(crate) fn parse(text: &str, now: u64) -> Option<u64> {
    let words: Vec<&str> = text.split([' ', ',', '-']).filter(|word| !word.is_empty()).collect();
    let (day, month, year, time) = match *words.as_slice() {
        // Sun, 06 Nov 1994 08:49:37 GMT, and Sunday, 06-Nov-94 08:49:37 GMT
        [_, day, month, year, time, "GMT"] => (day, month, year, time),
        // Sun Nov  6 08:49:37 1994
        [_, month, day, time, year] => (day, month, year, time),
        _ => return None,
    };
    let (day, month) = (number(day, 1..=2)?, MONTHS.iter().position(|name| *name == month)?);
    let year = match year.len() {
        2 => full_year(number(year, 2..=2)?, now),
        _ => number(year, 4..=4)?,
    };
    let &[hour, minute, second] = time.split(':').collect::<Vec<_>>().as_slice() else {
        return None;
    };
    let (hour, minute, second) =
        (number(hour, 2..=2)?, number(minute, 2..=2)?, number(second, 2..=2)?);
    let month_length = month_lengths(year).into_iter().nth(month)?;
    // A leap second counts as the next second.
    if year < 1970 || day < 1 || day > month_length || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = (1970..year).map(days_in_year).sum::<u64>();
    let days = days.checked_add(month_lengths(year).into_iter().take(month).sum::<u64>())?;
    let days = days.checked_add(day.checked_sub(1)?)?;
    let minutes = hour.checked_mul(60)?.checked_add(minute)?;
    days.checked_mul(DAY)?.checked_add(minutes.checked_mul(60)?)?.checked_add(second)
}

fn number(digits: &str, lengths: core::ops::RangeInclusive<usize>) -> Option<u64> {
    let fine = lengths.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    fine.then(|| digits.parse().ok()).flatten()
}

fn full_year(two_digits: u64, now: u64) -> u64 {
    let this = now.div_euclid(31_556_952).saturating_add(1970);
    let year = this.saturating_sub(this.rem_euclid(100)).saturating_add(two_digits);
    if year > this.saturating_add(50) { year.saturating_sub(100) } else { year }
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

const fn month_lengths(year: u64) -> [u64; 12] {
    [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
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
        // 2076 is 50 years ahead, 2077 is not: it is 1977.
        assert_eq!(parse("Wednesday, 01-Jan-76 00:00:00 GMT", NOW), Some(3_345_062_400));
        assert_eq!(parse("Saturday, 01-Jan-77 00:00:00 GMT", NOW), Some(220_924_800));
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
        ] {
            assert_eq!(parse(text, NOW), None, "{text}");
        }
    }
}
