//! Points in time. The core never reads a clock: the time is an argument.

use core::fmt;
use core::time::Duration;

/// Seconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// Prints as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The time `secs` seconds after the epoch.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs)
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// The time this much later, in whole seconds, or the latest possible time.
    #[must_use]
    pub const fn saturating_add(self, length: Duration) -> Self {
        Self(self.0.saturating_add(length.as_secs()))
    }

    /// The time from `earlier` until this time; zero if `earlier` is not earlier.
    #[must_use]
    pub const fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }

    /// Rounds up to a multiple of `secs` seconds; 0 rounds nothing.
    #[cfg(feature = "alloc")]
    pub(crate) const fn rounded_up(self, secs: u64) -> Self {
        match self.0.checked_next_multiple_of(secs) {
            Some(multiple) => Self(multiple),
            None => self,
        }
    }

    /// Rounds down to a multiple of `secs` seconds; 0 rounds nothing.
    #[cfg(feature = "alloc")]
    pub(crate) const fn rounded_down(self, secs: u64) -> Self {
        match self.0.checked_rem(secs) {
            Some(over) => Self(self.0.saturating_sub(over)),
            None => self,
        }
    }

    /// Whether it is more than 100 years after `now`, so probably in milliseconds.
    pub(crate) const fn is_far_from(self, now: Self) -> bool {
        self.duration_since(now).as_secs() > 100 * 365 * 86_400
    }
}

impl fmt::Display for UnixTime {
    // Converts days to a civil date by eras of 400 years that start on 1 March, so that the leap day comes last.
    // Every quotient is below its divisor's range, and the largest sum stays far below 2^64.
    #[expect(clippy::arithmetic_side_effects, reason = "bounded: see above")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0 / 86_400, self.0 % 86_400);
        let since_march_of_0 = days + 719_468;
        let (era, day) = (since_march_of_0 / 146_097, since_march_of_0 % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let year = year + era * 400 + carry;
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn prints_as_rfc_3339() {
        for (secs, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(UnixTime::from_secs(secs).to_string(), text);
        }
    }
}
