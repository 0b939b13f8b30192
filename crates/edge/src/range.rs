//! Byte ranges (RFC 9110, section 14).

/// The largest number that the media store takes: workers-rs asserts it, and a failed assertion
/// would end the instance.
const MAX_SAFE: u64 = (1 << 53) - 1;

/// The one range that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteRange {
    /// `a-`
    From(u64),
    /// `a-b`, with `a <= b`.
    FromTo(u64, u64),
    /// `-n`
    Last(u64),
}

/// What a range means for media of a known size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Nothing: 416.
    Nothing,
    /// The bytes from the first to the last, both included: 206.
    Slice { first: u64, last: u64 },
    /// All: 200.
    Whole,
}

/// A range as the media store takes it, every number at most 2^53-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreRange {
    /// From a byte on.
    From {
        /// The first byte, counted from 0.
        offset: u64,
    },
    /// A part.
    Slice {
        /// The first byte, counted from 0.
        offset: u64,
        /// How many bytes.
        length: u64,
    },
    /// The last bytes.
    Suffix {
        /// How many bytes.
        length: u64,
    },
}

impl ByteRange {
    /// Reads the header `Range`. `None` is a range that is ignored, as the RFC asks: another unit,
    /// a broken grammar, or more than one range, which would ask for a multipart body.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let (unit, set) = header.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        // A list may have empty elements (section 5.6.1).
        let mut ranges = set.split(',').map(str::trim).filter(|range| !range.is_empty());
        let (range, None) = (ranges.next()?, ranges.next()) else { return None };
        match range.split_once('-')? {
            ("", last) => number(last).map(Self::Last),
            (first, "") => number(first).map(Self::From),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::FromTo(first, last))
            }
        }
    }

    /// The range of media of `size` bytes, clamped to its end.
    pub(crate) fn of(self, size: u64) -> Part {
        let Some(end) = size.checked_sub(1) else {
            // Empty media: a suffix is all of it, and no byte has a position.
            return if matches!(self, Self::Last(1..)) { Part::Whole } else { Part::Nothing };
        };
        let (first, last) = match self {
            Self::From(first) => (first, end),
            Self::FromTo(first, last) => (first, last.min(end)),
            Self::Last(0) => return Part::Nothing,
            Self::Last(length) => (size.saturating_sub(length), end),
        };
        if first > end { Part::Nothing } else { Part::Slice { first, last } }
    }

    /// The range to ask the store for before the size is known. `None` where no media can have it:
    /// then only the size is needed, for the 416.
    pub(crate) fn for_store(self) -> Option<StoreRange> {
        match self {
            Self::Last(0) => None,
            Self::Last(length) => Some(StoreRange::Suffix { length: length.min(MAX_SAFE) }),
            Self::From(first) | Self::FromTo(first, _) if first >= MAX_SAFE => None,
            Self::From(offset) => Some(StoreRange::From { offset }),
            Self::FromTo(first, last) => {
                // `last` is below 2^53-1 now, and not below `first`.
                let length = last.min(MAX_SAFE.saturating_sub(1)).saturating_sub(first);
                Some(StoreRange::Slice { offset: first, length: length.saturating_add(1) })
            }
        }
    }
}

/// Digits alone; a number too large to hold lies behind the end of everything.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Part::{Nothing, Slice, Whole};

    #[track_caller]
    fn of_1000(header: &str, expected: Part) {
        assert_eq!(ByteRange::parse(header).unwrap().of(1000), expected);
    }

    #[track_caller]
    fn ignored(header: &str) {
        assert_eq!(ByteRange::parse(header), None);
    }

    #[test]
    fn every_form_of_one_range() {
        of_1000("bytes=0-0", Slice { first: 0, last: 0 });
        of_1000("bytes=0-499", Slice { first: 0, last: 499 });
        of_1000("bytes=500-", Slice { first: 500, last: 999 });
        of_1000("bytes=-1", Slice { first: 999, last: 999 });
        of_1000("Bytes=0-", Slice { first: 0, last: 999 });
        of_1000("bytes= , 1-2 ,", Slice { first: 1, last: 2 });
    }

    #[test]
    fn clamped_to_the_end() {
        of_1000("bytes=999-1000", Slice { first: 999, last: 999 });
        of_1000("bytes=-1001", Slice { first: 0, last: 999 });
        of_1000("bytes=0-18446744073709551615", Slice { first: 0, last: 999 });
        of_1000("bytes=0-99999999999999999999999999", Slice { first: 0, last: 999 });
        of_1000("bytes=-99999999999999999999999999", Slice { first: 0, last: 999 });
    }

    #[test]
    fn behind_the_end() {
        of_1000("bytes=1000-", Nothing);
        of_1000("bytes=1000-1001", Nothing);
        of_1000("bytes=-0", Nothing);
        of_1000("bytes=9007199254740993-", Nothing);
        of_1000("bytes=99999999999999999999999999-", Nothing);
    }

    #[test]
    fn empty_media() {
        assert_eq!(ByteRange::parse("bytes=0-").unwrap().of(0), Nothing);
        assert_eq!(ByteRange::parse("bytes=-5").unwrap().of(0), Whole);
        assert_eq!(ByteRange::parse("bytes=-0").unwrap().of(0), Nothing);
    }

    #[test]
    fn ignored_ranges() {
        for header in ["bytes=0-1,2-3", "seconds=0-1", "bytes", "bytes=", "bytes=,", "bytes=-"] {
            ignored(header);
        }
        for header in ["bytes=2-1", "bytes=a-b", "bytes=+1-2", "bytes=1--2", "bytes=0x1-2", ""] {
            ignored(header);
        }
        ignored("bytes=99999999999999999999999999-5");
    }

    #[test]
    fn store_never_sees_a_number_above_2_53() {
        for digits in ["0", "1", "9007199254740990", "9007199254740991", "9007199254740992"] {
            for last in ["", "9007199254740991", "18446744073709551615", "99999999999999999999"] {
                let Some(range) = ByteRange::parse(&std::format!("bytes={digits}-{last}")) else {
                    continue;
                };
                if let Some(StoreRange::Slice { offset, length }) = range.for_store() {
                    assert!(offset.checked_add(length).unwrap() <= MAX_SAFE, "{digits}-{last}");
                    assert!(length >= 1);
                }
                if let Some(StoreRange::From { offset }) = range.for_store() {
                    assert!(offset < MAX_SAFE);
                }
            }
        }
        assert_eq!(
            ByteRange::Last(u64::MAX).for_store(),
            Some(StoreRange::Suffix { length: MAX_SAFE })
        );
        assert_eq!(ByteRange::From(u64::MAX).for_store(), None);
    }
}
