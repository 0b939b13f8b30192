//! The copy of the denylist that a gate decides with.

use core::fmt;

use playgate::UnixTime;

use crate::log::{CLOCK_SLACK, Entry, Update, directory_hashes, hash};
use crate::revocation::{Kind, Reason};
use crate::table::Table;

/// A copy of the denylist, brought up to date by [`Update`]s.
///
/// A look-up hashes each id and directory, and allocates nothing.
#[derive(Clone)]
pub struct Replica {
    epoch: u64,
    key: [u8; 16],
    /// The number of entries applied.
    position: u64,
    slots: Table<Slot>,
    /// The hash of [`Kind::All`].
    all: u64,
}

/// How far a replica is after an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It has everything that the log had when the update was made.
    Complete,
    /// There may be more: ask for what is new since this sequence number.
    Next(u64),
}

/// The facts of a verified token, and the path requested.
#[derive(Clone, Copy, Default)]
pub struct TokenFacts<'a> {
    /// The id of the token.
    pub jti: Option<&'a str>,
    /// The playback.
    pub sid: Option<&'a str>,
    /// The viewer.
    pub sub: Option<&'a str>,
    /// The id of the key that the token is signed with.
    pub kid: Option<&'a str>,
    /// The canonical path of the request, not of the scope.
    pub path: &'a str,
    /// The time of issue in unix seconds. A token without one was issued before any time.
    pub issued: Option<u64>,
}

impl Replica {
    /// A copy without entries. Epoch and key are those of the first update.
    #[must_use]
    pub fn new(epoch: u64, key: [u8; 16]) -> Self {
        let all = hash(&key, Kind::All, "");
        Self { epoch, key, position: 0, slots: Table::default(), all }
    }

    /// The epoch of the log that it follows.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The number of entries of the log that it has seen, which is the sequence number to ask for next.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// The memory that it takes, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.slots.allocation_size().saturating_add(size_of::<Self>())
    }

    /// Appends what is new. Entries that it already has are skipped, so updates may arrive late or repeatedly.
    ///
    /// # Errors
    /// An [`ApplyError`] if the update does not continue this copy, which then stays as it is. Ask for everything from
    /// 0, and apply that to a new replica; keep this one until the new one is complete.
    pub fn apply(&mut self, update: &Update) -> Result<Progress, ApplyError> {
        if (update.epoch(), update.key()) != (self.epoch, &self.key) {
            return Err(ApplyError::OtherEpoch);
        }
        let known = self.position.checked_sub(update.from()).ok_or(ApplyError::Gap)?;
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        let new = update.entries().iter().skip(known);
        self.slots.try_reserve(new.len()).map_err(|_| ApplyError::OutOfMemory)?;
        for entry in new {
            if entry.removed {
                self.slots.remove(&entry.hash);
            } else {
                self.slots.insert(entry.hash, Slot::new(entry));
            }
        }
        self.position = self.position.max(update.end());
        // An immutable update does not say where the log ends: it may come from a cache, however old. One that
        // ends before this copy is older than it.
        if update.is_immutable() || update.end() < self.position {
            Ok(Progress::Next(self.position))
        } else {
            Ok(Progress::Complete)
        }
    }

    /// Whether the token is revoked, and why. Of several reasons the most specific one counts.
    #[must_use]
    pub fn find(&self, question: &TokenFacts<'_>, now: UnixTime) -> Option<Reason> {
        if self.slots.is_empty() {
            return None;
        }
        let ids = [
            (Kind::Jti, question.jti),
            (Kind::Sid, question.sid),
            (Kind::Sub, question.sub),
            (Kind::Kid, question.kid),
        ];
        let ids = ids.into_iter().filter_map(|(kind, id)| Some(hash(&self.key, kind, id?)));
        let directories = directory_hashes(&self.key, question.path);
        let slots = ids.chain(directories).chain([self.all]).filter_map(|key| self.slots.get(&key));
        let hits = slots.filter(|slot| slot.hits(question.issued, now.as_secs()));
        hits.map(Slot::reason).max_by_key(|reason| reason.rank())
    }

    /// Whether this playback itself is revoked, whatever else its tokens are.
    #[must_use]
    pub fn has_sid(&self, sid: &str, now: UnixTime) -> bool {
        let slot = self.slots.get(&hash(&self.key, Kind::Sid, sid));
        slot.is_some_and(|slot| !slot.has_ended(now.as_secs()))
    }

    /// Frees the memory of entries that ended more than [`CLOCK_SLACK`] ago.
    pub fn purge(&mut self, now: UnixTime) {
        let Some(latest) = now.as_secs().checked_sub(CLOCK_SLACK) else { return };
        self.slots.retain(|_, slot| !slot.has_ended(latest));
        if self.slots.len() < self.slots.capacity() / 4 {
            self.slots.shrink_to_fit();
        }
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica")
            .field("epoch", &self.epoch)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// Shows nothing but the time, because ids name viewers or may be secrets.
impl fmt::Debug for TokenFacts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFacts").field("issued", &self.issued).finish_non_exhaustive()
    }
}

/// An entry in 8 bytes, so that it takes 16 with its hash.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// The end in units of 4 seconds in the upper 30 bits, and the reason's rank in the lower 2. The end is rounded up,
    /// so an entry lasts up to 3 seconds longer here; it never ends early. The last unit, in 2106, means never.
    end: u32,
    /// The last second means that the time of issue does not matter.
    issued_before: u32,
}

impl Slot {
    const UNIT: u64 = 4;
    const NEVER: u32 = u32::MAX >> 2;
    const ALWAYS: u32 = u32::MAX;

    fn new(entry: &Entry) -> Self {
        let end = u32::try_from(entry.until.div_ceil(Self::UNIT)).unwrap_or(Self::NEVER);
        let end = end.min(Self::NEVER);
        Self {
            end: (end << 2) | u32::from(entry.reason.rank()),
            issued_before: entry
                .issued_before
                .and_then(|time| u32::try_from(time).ok())
                .unwrap_or(Self::ALWAYS),
        }
    }

    const fn has_ended(&self, now: u64) -> bool {
        let end = self.end >> 2;
        end != Self::NEVER && (end as u64).saturating_mul(Self::UNIT) <= now
    }

    fn hits(&self, issued: Option<u64>, now: u64) -> bool {
        let concerns = self.issued_before == Self::ALWAYS
            || issued.unwrap_or(0) < u64::from(self.issued_before);
        concerns && !self.has_ended(now)
    }

    const fn reason(&self) -> Reason {
        Reason::from_rank(self.end & 3)
    }
}

/// Why an update cannot be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApplyError {
    /// Entries between the copy and the update are missing.
    Gap,
    /// The update is of another log.
    OtherEpoch,
    /// There is no memory for the entries.
    OutOfMemory,
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gap => "entries before the update are missing; start again from 0",
            Self::OtherEpoch => "the update is of another epoch; start again from 0",
            Self::OutOfMemory => "there is no memory for so many revocations",
        })
    }
}

impl core::error::Error for ApplyError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::TILE;
    use alloc::{format, vec};

    const KEY: [u8; 16] = [3; 16];
    const NOW: UnixTime = UnixTime::from_secs(1_767_225_600);

    fn entry(kind: Kind, value: &str) -> Entry {
        Entry {
            hash: hash(&KEY, kind, value),
            until: NOW.as_secs() + 100,
            issued_before: None,
            reason: Reason::Revoked,
            removed: false,
        }
    }

    fn replica(entries: &[Entry]) -> Replica {
        let mut replica = Replica::new(1, KEY);
        let update = Update::new(1, KEY, 0, entries.iter().copied());
        assert_eq!(replica.apply(&update), Ok(Progress::Complete));
        replica
    }

    const ASKED: TokenFacts<'_> = TokenFacts {
        jti: Some("j"),
        sid: Some("s"),
        sub: Some("u"),
        kid: Some("k"),
        path: "/videos/42/film.mp4",
        issued: None,
    };

    #[track_caller]
    fn finds(kind: Kind, value: &str, found: bool) {
        let reason = replica(&[entry(kind, value)]).find(&ASKED, NOW);
        assert_eq!(reason, found.then_some(Reason::Revoked), "{kind:?} {value}");
    }

    #[test]
    fn every_fact_of_a_token_is_looked_up() {
        let ids = [(Kind::Jti, "j"), (Kind::Sid, "s"), (Kind::Sub, "u"), (Kind::Kid, "k")];
        for (kind, value) in ids {
            finds(kind, value, true);
            finds(kind, "x", false);
            finds(kind, "", false);
        }
        finds(Kind::Sub, "s", false);
        finds(Kind::All, "", true);
        for directory in ["/", "/videos/", "/videos/42/"] {
            finds(Kind::Dir, directory, true);
        }
        for directory in ["/videos/4/", "/video", "/videos/42/film.mp4/", "/42/"] {
            finds(Kind::Dir, directory, false);
        }
        let nothing = TokenFacts { path: "/", ..TokenFacts::default() };
        assert_eq!(replica(&[entry(Kind::Sub, "")]).find(&nothing, NOW), None);
        assert_eq!(replica(&[]).find(&ASKED, NOW), None);
    }

    #[test]
    fn the_most_specific_reason_counts() {
        let with = |kind, value, reason| Entry { reason, ..entry(kind, value) };
        let revoked = with(Kind::All, "", Reason::Revoked);
        let signed_out = with(Kind::Sub, "u", Reason::SignedOut);
        let displaced = with(Kind::Sid, "s", Reason::Displaced);
        let found = |entries: &[Entry]| replica(entries).find(&ASKED, NOW).unwrap();
        assert_eq!(found(&[revoked, signed_out, displaced]), Reason::Displaced);
        assert_eq!(found(&[signed_out, revoked]), Reason::SignedOut);
        assert_eq!(found(&[revoked]), Reason::Revoked);
    }

    #[test]
    fn tokens_issued_later_stay_valid() {
        let issued_before = Some(1000);
        let replica = replica(&[Entry { issued_before, ..entry(Kind::Sub, "u") }]);
        let found = |issued| replica.find(&TokenFacts { issued, ..ASKED }, NOW).is_some();
        assert!(found(None) && found(Some(0)) && found(Some(999)));
        assert!(!found(Some(1000)) && !found(Some(u64::MAX)));
    }

    #[test]
    fn an_entry_ends_at_most_3_seconds_late() {
        for until in NOW.as_secs()..NOW.as_secs() + 9 {
            let replica = replica(&[Entry { until, ..entry(Kind::Sub, "u") }]);
            let found = |now| replica.find(&ASKED, UnixTime::from_secs(now)).is_some();
            assert!(found(0) && found(until - 1) && !found(until + 3) && !found(u64::MAX));
            assert_eq!(found(until), !until.is_multiple_of(4));
        }
    }

    #[test]
    fn times_from_2106_on_are_for_ever() {
        let latest = u64::from(u32::MAX);
        for until in [latest - 2, latest, latest + 1, u64::MAX] {
            let replica = replica(&[Entry { until, ..entry(Kind::Sub, "u") }]);
            assert!(replica.find(&ASKED, UnixTime::from_secs(u64::MAX)).is_some());
        }
        for issued_before in [latest, latest + 1, u64::MAX] {
            let entry = Entry { issued_before: Some(issued_before), ..entry(Kind::Sub, "u") };
            let asked = TokenFacts { issued: Some(u64::MAX), ..ASKED };
            assert!(replica(&[entry]).find(&asked, NOW).is_some());
        }
    }

    #[test]
    fn the_last_entry_of_a_hash_counts() {
        let wide = entry(Kind::Sub, "u");
        let narrow = Entry { issued_before: Some(5), ..wide };
        let removed = Entry { removed: true, ..wide };
        let found = |entries: &[Entry]| {
            replica(entries).find(&TokenFacts { issued: Some(5), ..ASKED }, NOW).is_some()
        };
        assert!(found(&[wide]) && found(&[narrow, wide]) && found(&[removed, wide]));
        assert!(!found(&[wide, narrow]) && !found(&[wide, removed]) && !found(&[removed]));
    }

    #[test]
    fn replays_and_overlaps_change_nothing() {
        let (a, b) = (entry(Kind::Sub, "u"), entry(Kind::Sub, "v"));
        let removed = Entry { removed: true, ..a };
        let log = [a, b, removed, b];
        let part = |from: usize, end: usize| {
            Update::new(1, KEY, u64::try_from(from).unwrap(), log[from..end].iter().copied())
        };
        let mut replica = Replica::new(1, KEY);
        assert_eq!(replica.apply(&part(0, 1)), Ok(Progress::Complete));
        assert_eq!(replica.apply(&part(0, 3)), Ok(Progress::Complete));
        assert_eq!(replica.find(&ASKED, NOW), None);
        // Older than the copy, so it does not prove that nothing is new.
        assert_eq!(replica.apply(&part(0, 2)), Ok(Progress::Next(3)));
        assert_eq!(replica.find(&ASKED, NOW), None);
        assert_eq!(replica.apply(&part(1, 1)), Ok(Progress::Next(3)));
        assert_eq!(replica.apply(&part(2, 3)), Ok(Progress::Complete));
        assert_eq!((replica.find(&ASKED, NOW), replica.position()), (None, 3));
        assert_eq!(replica.apply(&part(3, 3)), Ok(Progress::Complete));
    }

    #[test]
    fn a_gap_and_another_log_change_nothing() {
        let mut replica = replica(&[entry(Kind::Sub, "v")]);
        let entries = [entry(Kind::Sub, "u")];
        assert_eq!(replica.apply(&Update::new(1, KEY, 2, entries)), Err(ApplyError::Gap));
        assert_eq!(replica.apply(&Update::new(2, KEY, 1, entries)), Err(ApplyError::OtherEpoch));
        assert_eq!(
            replica.apply(&Update::new(1, [0; 16], 1, entries)),
            Err(ApplyError::OtherEpoch)
        );
        assert_eq!((replica.position(), replica.find(&ASKED, NOW)), (1, None));
    }

    #[test]
    fn a_full_tile_is_never_the_end() {
        let mut replica = Replica::new(1, KEY);
        let tile = Update::new(1, KEY, 0, vec![entry(Kind::Sub, "u"); 99]);
        assert_eq!(replica.apply(&tile), Ok(Progress::Next(TILE)));
        assert_eq!(replica.apply(&Update::new(1, KEY, TILE, [])), Ok(Progress::Complete));
        assert_eq!(replica.apply(&tile), Ok(Progress::Next(TILE)));
    }

    #[test]
    fn purge_frees_what_ended_long_ago() {
        let mut replica = Replica::new(1, KEY);
        for number in 0..1000 {
            let until = NOW.as_secs() + if number == 7 { 100 } else { 0 };
            let entry = Entry { until, ..entry(Kind::Sub, &format!("{number}")) };
            replica.apply(&Update::new(1, KEY, number, [entry])).unwrap();
        }
        let full = replica.memory();
        assert!(full > 16 * 1000);
        let slack = core::time::Duration::from_secs(CLOCK_SLACK);
        replica.purge(UnixTime::from_secs(NOW.as_secs() + CLOCK_SLACK - 1));
        assert_eq!((replica.slots.len(), replica.memory()), (1000, full));
        replica.purge(NOW.saturating_add(slack));
        assert_eq!(replica.slots.len(), 1);
        assert!(replica.memory() < 1000);
        let asked = TokenFacts { sub: Some("7"), ..ASKED };
        assert!(replica.find(&asked, NOW.saturating_add(slack)).is_none());
        assert!(replica.find(&asked, NOW).is_some());
        replica.purge(UnixTime::from_secs(0));
        assert_eq!((replica.slots.len(), replica.position()), (1, 1000));
    }

    #[test]
    fn an_entry_takes_16_bytes() {
        assert_eq!(size_of::<(u64, Slot)>(), 16);
    }
}
