//! An update: what is new in the log since a sequence number.
//!
//! ```text
//! "PGL" 1       magic and version
//! 8 bytes       epoch
//! 16 bytes      hash key
//! 8 bytes       the sequence number of the first entry
//! 8 bytes       the sequence number after the last entry
//! each entry:
//!   8 bytes     hash
//!   5 bytes     until
//!   1 byte      1: removed, 2: displaced, 4: signed out (neither: revoked), 8: has the next,
//!               16: session ended
//!   5 bytes     issued before
//! ```
//! Numbers are big-endian, times in unix seconds.

use alloc::vec::Vec;
use core::fmt;

use super::{Entry, TILE};
use crate::revocation::Reason;

const MAGIC: [u8; 4] = *b"PGL\x01";
const HEADER_LEN: usize = 4 + 8 + 16 + 8 + 8;
const MIN_ENTRY_LEN: usize = 8 + 5 + 1;

/// The latest time on the wire.
const MAX_TIME: u64 = (1 << 40) - 1;

const REMOVED: u8 = 1;
const DISPLACED: u8 = 2;
const SIGNED_OUT: u8 = 4;
const HAS_ISSUED_BEFORE: u8 = 8;
const SESSION_ENDED: u8 = 16;

/// Where the tile ends that this sequence number is in: the number of the next tile's first entry.
#[must_use]
pub const fn tile_end(from: u64) -> u64 {
    match from.checked_next_multiple_of(TILE) {
        Some(end) if end > from => end,
        // It is the first of its tile.
        _ => from.saturating_add(TILE),
    }
}

/// What is new in the log since a sequence number, up to the end of the log or of the tile.
#[derive(Clone, PartialEq, Eq)]
pub struct Update {
    epoch: u64,
    key: [u8; 16],
    from: u64,
    entries: Vec<Entry>,
}

impl Update {
    /// The entries of a log from `from` on. Those beyond the [end of the tile](tile_end) are left out.
    #[must_use]
    pub fn new(
        epoch: u64,
        key: [u8; 16],
        from: u64,
        entries: impl IntoIterator<Item = Entry>,
    ) -> Self {
        let most = tile_end(from).saturating_sub(from);
        let entries = entries.into_iter().take(usize::try_from(most).unwrap_or(usize::MAX));
        Self { epoch, key, from, entries: entries.collect() }
    }

    /// The epoch: another one is another log.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The key of the hashes.
    #[must_use]
    pub const fn key(&self) -> &[u8; 16] {
        &self.key
    }

    /// The sequence number of the first entry.
    #[must_use]
    pub const fn from(&self) -> u64 {
        self.from
    }

    /// The sequence number after the last entry. This is the end of the log at that time, unless the update is
    /// [immutable](Self::is_immutable).
    #[must_use]
    pub fn end(&self) -> u64 {
        self.from.saturating_add(u64::try_from(self.entries.len()).unwrap_or(u64::MAX))
    }

    /// The entries.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether it reaches the end of its tile, so that the same question will get the same bytes for ever.
    ///
    /// It may be cached for ever, if the question named its epoch and its [`from`](Self::from). It does not say whether
    /// the log goes on, since that changes.
    #[must_use]
    pub fn is_immutable(&self) -> bool {
        self.end() == tile_end(self.from)
    }

    /// The update as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let most = self.entries.len().saturating_mul(MIN_ENTRY_LEN.saturating_add(5));
        let mut bytes = Vec::with_capacity(most.saturating_add(HEADER_LEN));
        bytes.extend(Self::header(self.epoch, &self.key, self.from, self.end()));
        for entry in &self.entries {
            entry.push_to(&mut bytes);
        }
        bytes
    }

    /// The first bytes of an update. Those of its [entries](Entry::encode) follow, up to `end`, the sequence number
    /// after the last one.
    #[must_use]
    pub fn header(epoch: u64, key: &[u8; 16], from: u64, end: u64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN);
        bytes.extend(MAGIC);
        bytes.extend(epoch.to_be_bytes());
        bytes.extend(key);
        bytes.extend(from.to_be_bytes());
        bytes.extend(end.to_be_bytes());
        bytes
    }

    /// Reads an update.
    ///
    /// # Errors
    /// An [`UpdateError`] if [`encode`](Self::encode) never returns these bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, UpdateError> {
        let mut rest = Reader(bytes);
        if rest.take()? != MAGIC {
            return Err(UpdateError::UnknownVersion);
        }
        let epoch = u64::from_be_bytes(rest.take()?);
        let key = rest.take()?;
        let from = u64::from_be_bytes(rest.take()?);
        let end = u64::from_be_bytes(rest.take()?);
        if end > tile_end(from) {
            return Err(UpdateError::OutsideTile);
        }
        let count = end.checked_sub(from).ok_or(UpdateError::OutsideTile)?;
        let count = usize::try_from(count).map_err(|_| UpdateError::OutsideTile)?;
        // The entries are really there before there is memory for them.
        if rest.0.len() < count.saturating_mul(MIN_ENTRY_LEN) {
            return Err(UpdateError::EndsEarly);
        }
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            entries.push(rest.entry()?);
        }
        if !rest.0.is_empty() {
            return Err(UpdateError::TrailingBytes);
        }
        Ok(Self { epoch, key, from, entries })
    }
}

impl Entry {
    /// The entry as bytes, as it follows an update's [header](Update::header).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MIN_ENTRY_LEN.saturating_add(5));
        self.push_to(&mut bytes);
        bytes
    }

    fn push_to(&self, bytes: &mut Vec<u8>) {
        let reason = match self.reason {
            Reason::Displaced => DISPLACED,
            Reason::Revoked => 0,
            Reason::SessionEnded => SESSION_ENDED,
            Reason::SignedOut => SIGNED_OUT,
        };
        let removed = if self.removed { REMOVED } else { 0 };
        let has_issued_before = if self.issued_before.is_some() { HAS_ISSUED_BEFORE } else { 0 };
        bytes.extend(self.hash.to_be_bytes());
        bytes.extend(time_bytes(self.until));
        bytes.push(removed | reason | has_issued_before);
        bytes.extend(self.issued_before.into_iter().flat_map(time_bytes));
    }
}

impl fmt::Debug for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Update")
            .field("epoch", &self.epoch)
            .field("from", &self.from)
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

fn time_bytes(time: u64) -> [u8; 5] {
    let [_, _, _, bytes @ ..] = time.min(MAX_TIME).to_be_bytes();
    bytes
}

/// The bytes that are not read yet.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], UpdateError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(UpdateError::EndsEarly)?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn time(&mut self) -> Result<u64, UpdateError> {
        let [a, b, c, d, e] = self.take()?;
        Ok(u64::from_be_bytes([0, 0, 0, a, b, c, d, e]))
    }

    fn entry(&mut self) -> Result<Entry, UpdateError> {
        let hash = u64::from_be_bytes(self.take()?);
        let until = self.time()?;
        let [flags] = self.take()?;
        let reason = match flags & !(REMOVED | HAS_ISSUED_BEFORE) {
            0 => Reason::Revoked,
            DISPLACED => Reason::Displaced,
            SESSION_ENDED => Reason::SessionEnded,
            SIGNED_OUT => Reason::SignedOut,
            _ => return Err(UpdateError::UnknownFlag),
        };
        let issued_before = if flags & HAS_ISSUED_BEFORE == 0 { None } else { Some(self.time()?) };
        Ok(Entry { hash, until, issued_before, reason, removed: flags & REMOVED != 0 })
    }
}

/// Why bytes are not an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateError {
    /// They end before the last entry does.
    EndsEarly,
    /// The entries end before they start, or beyond the tile.
    OutsideTile,
    /// There are more bytes after the last entry.
    TrailingBytes,
    /// An entry has a flag that this version does not know, or two reasons.
    UnknownFlag,
    /// They are no update, or one of another version.
    UnknownVersion,
}

impl fmt::Display for UpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EndsEarly => "the update ends early",
            Self::OutsideTile => "the update does not end in the tile in which it starts",
            Self::TrailingBytes => "the update has bytes after its last entry",
            Self::UnknownFlag => "the update has an entry with unknown flags",
            Self::UnknownVersion => "not an update of version 1",
        })
    }
}

impl core::error::Error for UpdateError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    const ENTRY: Entry = Entry {
        hash: 0x0102_0304_0506_0708,
        until: 0x1_0000_0002,
        issued_before: Some(3),
        reason: Reason::SignedOut,
        removed: false,
    };

    fn update() -> Update {
        let plain = Entry { issued_before: None, reason: Reason::Revoked, removed: true, ..ENTRY };
        Update::new(9, [7; 16], 2, [ENTRY, plain])
    }

    /// The bytes of [`update`] with one byte replaced.
    fn with_byte(at: usize, byte: u8) -> Result<Update, UpdateError> {
        let mut bytes = update().encode();
        assert_ne!(bytes[at], byte);
        bytes[at] = byte;
        Update::parse(&bytes)
    }

    #[test]
    fn the_bytes_are_as_documented() {
        let mut expected = b"PGL\x01\0\0\0\0\0\0\0\x09".to_vec();
        expected.extend([7; 16]);
        expected.extend(b"\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x04");
        expected.extend(b"\x01\x02\x03\x04\x05\x06\x07\x08\x01\0\0\0\x02\x0c\0\0\0\0\x03");
        expected.extend(b"\x01\x02\x03\x04\x05\x06\x07\x08\x01\0\0\0\x02\x01");
        assert_eq!(update().encode(), expected);
        assert_eq!(Update::parse(&expected), Ok(update()));
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let bytes = update().encode();
        for length in 0..bytes.len() {
            assert_eq!(Update::parse(&bytes[..length]), Err(UpdateError::EndsEarly));
        }
        let trailing = [&*bytes, &[0]].concat();
        assert_eq!(Update::parse(&trailing), Err(UpdateError::TrailingBytes));
        for (at, byte) in [(0, b'p'), (3, 2)] {
            assert_eq!(with_byte(at, byte), Err(UpdateError::UnknownVersion));
        }
        // The end: before the start, beyond the tile, one less and one more than there is.
        assert_eq!(with_byte(43, 1), Err(UpdateError::OutsideTile));
        assert_eq!(with_byte(43, 9), Err(UpdateError::OutsideTile));
        assert_eq!(with_byte(36, 0xff), Err(UpdateError::OutsideTile));
        assert_eq!(with_byte(43, 3), Err(UpdateError::TrailingBytes));
        assert_eq!(with_byte(43, 5), Err(UpdateError::EndsEarly));
        // The flags of the first entry.
        for flags in [0x0e, 0x1c, 0x8c] {
            assert_eq!(with_byte(57, flags), Err(UpdateError::UnknownFlag));
        }
    }

    #[test]
    fn an_update_ends_with_its_tile() {
        for (from, end) in [(0, TILE), (1, TILE), (TILE - 1, TILE), (TILE, 2 * TILE)] {
            assert_eq!(tile_end(from), end);
            let update = Update::new(1, [0; 16], from, vec![ENTRY; 99]);
            assert_eq!((update.end(), update.is_immutable()), (end, true));
            let most = usize::try_from(end - from - 1).unwrap();
            let update = Update::new(1, [0; 16], from, vec![ENTRY; most]);
            assert_eq!((update.end(), update.is_immutable()), (end - 1, false));
        }
        // At the boundary of a tile, nothing new is nothing for ever.
        let nothing = Update::new(1, [0; 16], TILE, []);
        assert_eq!((nothing.end(), nothing.is_immutable()), (TILE, false));
        assert_eq!(tile_end(u64::MAX), u64::MAX);
        assert_eq!(tile_end(u64::MAX - 1), u64::MAX);
    }

    #[test]
    fn late_times_become_the_latest() {
        let late = Entry { until: u64::MAX, issued_before: Some(MAX_TIME + 1), ..ENTRY };
        let update = Update::parse(&Update::new(1, [0; 16], 0, [late]).encode()).unwrap();
        let entry = update.entries()[0];
        assert_eq!((entry.until, entry.issued_before), (MAX_TIME, Some(MAX_TIME)));
    }

    fn any_entry() -> impl Strategy<Value = Entry> {
        let time = 0..=MAX_TIME;
        (
            any::<u64>(),
            time.clone(),
            proptest::option::of(time),
            0..Reason::ALL.len(),
            any::<bool>(),
        )
            .prop_map(|(hash, until, issued_before, reason, removed)| {
                let reason = Reason::ALL[reason];
                Entry { hash, until, issued_before, reason, removed }
            })
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed_again(
            epoch: u64,
            key: [u8; 16],
            from: u64,
            entries in proptest::collection::vec(any_entry(), 0..12),
        ) {
            let update = Update::new(epoch, key, from, entries);
            prop_assert_eq!(Update::parse(&update.encode()), Ok(update));
        }

        #[test]
        fn random_bytes_are_parsed_or_refused(bytes: Vec<u8>) {
            prop_assert!(Update::parse(&bytes).is_err());
        }

        #[test]
        fn what_is_parsed_has_one_encoding(
            change in 0..96_usize,
            to: u8,
            tail in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut bytes = update().encode();
            bytes.extend(tail);
            if let Some(byte) = bytes.get_mut(change) {
                *byte = to;
            }
            if let Ok(update) = Update::parse(&bytes) {
                prop_assert_eq!(update.encode(), bytes);
            }
        }
    }
}
