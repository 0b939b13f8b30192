//! Durations and times, as people and programs write them.

use core::str::FromStr;
use core::time::Duration;

use playgate::UnixTime;

/// A duration: seconds as a number, or text such as `10m` and `1h 30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub u64);

impl FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const OTHER: &str = "not a duration; write seconds, or text like 10m, 2h, 1h 30m";
        const FRACTION: &str = "fractions of a second are not supported; write whole seconds, or text like 10m, 2h, 1h 30m";
        if let Ok(secs) = text.parse() {
            return Ok(Self(secs));
        }
        let negative = text.trim_start().strip_prefix(['-', '\u{2212}']);
        if negative.is_some_and(|rest| rest.trim_start().starts_with(|c: char| c.is_ascii_digit()))
        {
            return Err(
                "a duration cannot be negative; write seconds, or text like 10m, 2h, 1h 30m",
            );
        }
        if text.split_once('.').is_some_and(|(secs, part)| is_number(secs) && is_number(part)) {
            return Err(FRACTION);
        }
        // humantime reads `M` as months, but people write it for minutes.
        if text.contains('M') {
            return Err("M is ambiguous: minutes or months? write 10m for minutes, or 10months");
        }
        let length = humantime::parse_duration(text).map_err(|_| OTHER)?;
        if length.subsec_nanos() > 0 {
            return Err(FRACTION);
        }
        Ok(Self(length.as_secs()))
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A time: unix seconds as a number, or RFC 3339 text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub UnixTime);

impl Moment {
    /// The time of these unix seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(UnixTime::from_secs(secs))
    }
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let secs = text.parse().ok().or_else(|| rfc_3339(text)).map(UnixTime::from_secs);
        secs.map(Self).ok_or("not a time; write unix seconds, or text like 2026-01-01T00:00:00Z")
    }
}

/// Unix seconds from RFC 3339. humantime reads only UTC, so an offset such as `+01:00` is removed first.
fn rfc_3339(text: &str) -> Option<u64> {
    let utc = |text: &str| {
        let time = humantime::parse_rfc3339(text).ok()?;
        time.duration_since(std::time::UNIX_EPOCH).ok().as_ref().map(Duration::as_secs)
    };
    let offset = text.len().checked_sub("+00:00".len()).and_then(|at| text.split_at_checked(at));
    let Some((local, offset)) = offset.filter(|(_, offset)| offset.starts_with(['+', '-'])) else {
        return utc(text);
    };
    let (east, (hours, minutes)) = (offset.starts_with('+'), offset.get(1..)?.split_once(':')?);
    let number = |text: &str, most: u64| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number: &u64| digits && *number <= most)
    };
    let offset = number(hours, 23)?.saturating_mul(3600);
    let offset = offset.saturating_add(number(minutes, 59)?.saturating_mul(60));
    if local.ends_with('Z') {
        return None;
    }
    let local = utc(&std::format!("{local}Z"))?;
    if east { local.checked_sub(offset) } else { local.checked_add(offset) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, secs: Option<u64>) {
        let moment = text.parse().ok().map(|Moment(time)| time.as_secs());
        assert_eq!(moment, secs, "{text}");
    }

    #[test]
    fn lengths() {
        let reads = |text: &str| text.parse().map(|Seconds(secs)| secs);
        for (text, secs) in [
            ("0", 0),
            ("600", 600),
            ("10m", 600),
            ("1h 30m", 5400),
            ("1.5h", 5400),
            ("2w", 1_209_600),
            ("1y", 31_557_600),
            ("1.5h", 5400),
        ] {
            assert_eq!(reads(text), Ok(secs), "{text}");
        }
        assert_eq!(reads("2months"), Ok(5_260_032));
        for text in ["10M", "1M", "1h 30M", "10 M", "1Month"] {
            assert_eq!(
                reads(text),
                Err("M is ambiguous: minutes or months? write 10m for minutes, or 10months"),
                "{text}"
            );
        }
        for text in ["-1", "-5m", "- 1h", " -90s", "\u{2212}5m"] {
            let said = reads(text).unwrap_err();
            assert!(said.starts_with("a duration cannot be negative"), "{text}");
        }
        for text in ["", "-", "--json", "-x", "10x", "1H", "1Y", "1D", "1e3", "10m10"] {
            assert!(reads(text).unwrap_err().starts_with("not a duration"), "{text}");
        }
        for text in ["5.5", "500ms", "1s 1ms", "10us", "3ns"] {
            assert!(reads(text).unwrap_err().starts_with("fractions of a second"), "{text}");
        }
    }

    #[test]
    fn moments() {
        for text in [
            "1767225600",
            "2026-01-01T00:00:00Z",
            "2026-01-01T01:00:00+01:00",
            "2025-12-31T18:15:00-05:45",
            "2026-01-01T00:00:00.999-00:00",
        ] {
            reads(text, Some(1_767_225_600));
        }
        for text in [
            "",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00+1:00",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+00:60",
            "2026-01-01T00:00:00+0+:00",
            "2026-01-01T00:00:00Z+01:00",
            "1970-01-01T00:00:00+00:01",
            "tomorrow",
        ] {
            reads(text, None);
        }
    }
}
