//! Byte ranges (RFC 9110, section 14).

/// The largest number that the media store accepts. workers-rs asserts it, and a failed assertion would end
/// the instance.
const MAX_SAFE: u64 = (1 << 53) - 1;

/// The single range of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteRange {
    /// `a-`
    From(u64),
    /// `a-b`, with `a <= b`.
    FromTo(u64, u64),
    /// `-n`
    Last(u64),
}

/// The part of media of a known size that a range selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Nothing: 416.
    Nothing,
    /// From the first byte to the last, inclusive: 206.
    Slice { first: u64, last: u64 },
    /// Everything: 200.
    Whole,
}

/// A range in the form that the media store accepts. No number exceeds 2^53-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreRange {
    /// From an offset to the end.
    From {
        /// The first byte, counted from 0.
        offset: u64,
    },
    /// A slice.
    Slice {
        /// The first byte, counted from 0.
        offset: u64,
        /// The number of bytes.
        length: u64,
    },
    /// A suffix.
    Suffix {
        /// The number of bytes.
        length: u64,
    },
}

impl ByteRange {
    /// Reads the header `Range`. `None` if the range must be ignored, as the RFC requires: another unit, a
    /// grammar error, or more than one range, which would need a multipart body.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let (unit, set) = header.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        // A list may contain empty elements (section 5.6.1).
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

    /// The part of media of `size` bytes, clamped to its end.
    pub(crate) fn of(self, size: u64) -> Part {
        let Some(end) = size.checked_sub(1) else {
            // If the media is empty, a suffix selects all of it, and no position is in range.
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

    /// The range to ask the store for before the size is known. `None` if no media can satisfy it: then
    /// only the size is needed, for the 416.
    pub(crate) fn for_store(self) -> Option<StoreRange> {
        match self {
            Self::Last(0) => None,
            Self::Last(length) => Some(StoreRange::Suffix { length: length.min(MAX_SAFE) }),
            Self::From(first) | Self::FromTo(first, _) if first >= MAX_SAFE => None,
            Self::From(offset) => Some(StoreRange::From { offset }),
            Self::FromTo(first, last) => {
                // `last` is now less than 2^53-1, and not less than `first`.
                let length = last.min(MAX_SAFE.saturating_sub(1)).saturating_sub(first);
                Some(StoreRange::Slice { offset: first, length: length.saturating_add(1) })
            }
        }
    }
}

/// Reads digits. A number that overflows is beyond the end of any media.
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
    use std::collections::BTreeMap;

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

    /// What section 14.1.2 says about a range.
    #[derive(Debug, PartialEq, Eq)]
    enum Selected {
        Ignored,
        Unsatisfiable,
        Bytes(Vec<u8>),
    }

    /// The bytes at the positions that `is_selected` names.
    fn bytes_at(media: &[u8], is_selected: impl Fn(usize) -> bool) -> Vec<u8> {
        let bytes = media.iter().enumerate().filter(|(position, _)| is_selected(*position));
        bytes.map(|(_, byte)| *byte).collect()
    }

    /// What a store that holds `media` returns. `None` if it throws, because the range starts after the end.
    fn read(media: &[u8], range: StoreRange) -> Option<Vec<u8>> {
        let number = |number: u64| usize::try_from(number).unwrap();
        let (start, end) = match range {
            StoreRange::From { offset } => (number(offset), media.len()),
            StoreRange::Slice { offset, length } => (number(offset), number(offset + length)),
            StoreRange::Suffix { length } => {
                return Some(bytes_at(media, |at| at + number(length) >= media.len()));
            }
        };
        (start < media.len()).then(|| bytes_at(media, |at| (start..end).contains(&at)))
    }

    /// Compares one range with what the RFC says, and with what the store returns. Returns what became of it, and how
    /// the store was asked.
    #[track_caller]
    fn compare(media: &[u8], header: &str, expected: &Selected) -> [&'static str; 2] {
        let Some(range) = ByteRange::parse(header) else {
            assert_eq!(*expected, Selected::Ignored, "{header} of {}", media.len());
            return ["ignored", "ignored"];
        };
        let number = |number: u64| usize::try_from(number).unwrap();
        let (kind, selected) = match range.of(media.len().try_into().unwrap()) {
            Nothing => ("Nothing", Selected::Unsatisfiable),
            Slice { first, last } => {
                ("Slice", Selected::Bytes(media[number(first)..=number(last)].to_vec()))
            }
            Whole => ("Whole", Selected::Bytes(media.to_vec())),
        };
        assert_eq!(selected, *expected, "{header} of {}", media.len());
        let (asked, answer) = match range.for_store() {
            None => ("no store range", None),
            Some(asked @ StoreRange::From { .. }) => ("store From", read(media, asked)),
            Some(asked @ StoreRange::Slice { .. }) => ("store Slice", read(media, asked)),
            Some(asked @ StoreRange::Suffix { .. }) => ("store Suffix", read(media, asked)),
        };
        let answer = answer.map_or(Selected::Unsatisfiable, Selected::Bytes);
        assert_eq!(answer, *expected, "{header} of {} in the store", media.len());
        [kind, asked]
    }

    /// Every form of a range over media of 0 to 40 bytes, with positions up to two bytes after the end.
    #[test]
    fn every_range_selects_the_bytes_that_the_rfc_says() {
        let mut counts = BTreeMap::new();
        for size in 0..=40_usize {
            let media: Vec<u8> = (100..).take(size).collect();
            let mut check = |header: &str, expected: Selected| {
                for kind in compare(&media, header, &expected) {
                    *counts.entry(kind).or_insert(0) += 1;
                }
            };
            for first in 0..size + 3 {
                let is_there = first < size;
                let from = bytes_at(&media, |at| at >= first);
                let from = if is_there { Selected::Bytes(from) } else { Selected::Unsatisfiable };
                check(&format!("bytes={first}-"), from);
                let n = first;
                let suffix = bytes_at(&media, |at| size - at <= n);
                let suffix = if n > 0 { Selected::Bytes(suffix) } else { Selected::Unsatisfiable };
                check(&format!("bytes=-{n}"), suffix);
                for last in 0..size + 3 {
                    let slice = bytes_at(&media, |at| first <= at && at <= last);
                    let expected = match (first <= last, is_there) {
                        (false, _) => Selected::Ignored,
                        (true, false) => Selected::Unsatisfiable,
                        (true, true) => Selected::Bytes(slice),
                    };
                    check(&format!("bytes={first}-{last}"), expected);
                }
            }
        }
        let expected = [
            // Both what became of it and how the store was asked.
            ("ignored", 2 * 13_243),
            ("Nothing", 410),
            ("Slice", 15_660),
            // Empty media, and a suffix of 1 or 2 bytes.
            ("Whole", 2),
            ("no store range", 41),
            ("store From", 943),
            ("store Slice", 14_186),
            ("store Suffix", 902),
        ];
        assert_eq!(counts, BTreeMap::from(expected));
    }

    #[test]
    fn the_store_never_gets_a_number_above_2_53() {
        let from = |offset| Some(StoreRange::From { offset });
        let slice = |offset, length| Some(StoreRange::Slice { offset, length });
        let suffix = |length| Some(StoreRange::Suffix { length });
        for (range, expected) in [
            ("0-", from(0)),
            ("9007199254740990-", from(9_007_199_254_740_990)),
            ("9007199254740991-", None),
            ("9007199254740992-", None),
            ("99999999999999999999-", None),
            ("0-9007199254740989", slice(0, 9_007_199_254_740_990)),
            ("0-9007199254740990", slice(0, 9_007_199_254_740_991)),
            ("0-9007199254740991", slice(0, 9_007_199_254_740_991)),
            ("0-18446744073709551615", slice(0, 9_007_199_254_740_991)),
            ("1-99999999999999999999", slice(1, 9_007_199_254_740_990)),
            ("9007199254740989-9007199254740989", slice(9_007_199_254_740_989, 1)),
            ("9007199254740990-18446744073709551615", slice(9_007_199_254_740_990, 1)),
            ("9007199254740991-9007199254740991", None),
            ("99999999999999999999-99999999999999999999", None),
            ("-0", None),
            ("-1", suffix(1)),
            ("-9007199254740990", suffix(9_007_199_254_740_990)),
            ("-9007199254740991", suffix(9_007_199_254_740_991)),
            ("-9007199254740992", suffix(9_007_199_254_740_991)),
            ("-99999999999999999999", suffix(9_007_199_254_740_991)),
        ] {
            let parsed = ByteRange::parse(&format!("bytes={range}")).unwrap();
            assert_eq!(parsed.for_store(), expected, "{range}");
        }
    }
}
