//! The denylist: the record that revocations are written to, and that serves the log.

mod command;

use alloc::vec::Vec;
use core::fmt;

use playgate::UnixTime;

pub use self::command::{DenylistCommand, DenylistReply, Row};
use crate::log::{CLOCK_SLACK, Update, hash};
use crate::revocation::{Reason, Revocation};
use crate::table::Table;

/// The denylist.
///
/// It is changed by commands alone. Every change appends one [`Row`] and alters none, so a store writes just that
/// row; after a [`compact`](Self::compact) it writes all of them.
#[derive(Clone)]
pub struct Denylist {
    epoch: u64,
    key: [u8; 16],
    rows: Vec<Row>,
    /// The position of the row that counts for a hash, if it is not removed.
    current: Table<usize>,
}

impl Denylist {
    /// A denylist without revocations. Epoch and key are random.
    #[must_use]
    pub fn new(epoch: u64, key: [u8; 16]) -> Self {
        Self { epoch, key, rows: Vec::new(), current: Table::default() }
    }

    /// The denylist of stored rows. If some may be lost, as after restoring a backup, [`compact`](Self::compact) it:
    /// the gates may have seen more of this epoch.
    ///
    /// # Errors
    /// [`Gap`] if the rows are not numbered from 0.
    pub fn restore(
        epoch: u64,
        key: [u8; 16],
        rows: impl IntoIterator<Item = Row>,
    ) -> Result<Self, Gap> {
        let mut denylist = Self::new(epoch, key);
        for row in rows {
            if row.seq != denylist.len() {
                return Err(Gap);
            }
            denylist.push(row);
        }
        Ok(denylist)
    }

    /// The epoch.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// All rows, in the order of their sequence numbers.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The number of rows that a [`compact`](Self::compact) would keep.
    #[must_use]
    pub fn live(&self, now: UnixTime) -> u64 {
        self.kept(now).fold(0, |count, _| count.saturating_add(1))
    }

    /// Performs a command. Performed again, it changes nothing more.
    pub fn apply(&mut self, command: DenylistCommand, now: UnixTime) -> DenylistReply {
        match command {
            DenylistCommand::List { after, limit } => self.list(after, limit, now),
            DenylistCommand::Revoke(revocation) => self.revoke(revocation, now),
            DenylistCommand::Since { epoch, from } => {
                let is_known = epoch == Some(self.epoch) && from <= self.len();
                let from = if is_known { from } else { 0 };
                let start = usize::try_from(from).unwrap_or(usize::MAX);
                let entries = self.rows.iter().skip(start).map(Row::entry);
                DenylistReply::Update(Update::new(self.epoch, self.key, from, entries))
            }
            DenylistCommand::Undo { kind, value } => {
                let current = self.current.get(&hash(&self.key, kind, &value));
                match current.and_then(|&at| self.rows.get(at)) {
                    Some(row) => self.append(row.hash, row.revocation.clone(), true),
                    None => DenylistReply::Unknown,
                }
            }
        }
    }

    /// Starts a new epoch with only the revocations that have not ended more than [`CLOCK_SLACK`] ago. The epoch is
    /// random.
    pub fn compact(&mut self, now: UnixTime, epoch: u64) {
        // Gates know another log by its epoch.
        let epoch = if epoch == self.epoch { epoch.wrapping_add(1) } else { epoch };
        let mut compacted = Self::new(epoch, self.key);
        for row in self.kept(now) {
            compacted.push(Row { seq: compacted.len(), ..row.clone() });
        }
        *self = compacted;
    }

    fn len(&self) -> u64 {
        u64::try_from(self.rows.len()).unwrap_or(u64::MAX)
    }

    fn revoke(&mut self, revocation: Revocation, now: UnixTime) -> DenylistReply {
        let hash = hash(&self.key, revocation.kind, &revocation.value);
        let current = self.current.get(&hash).and_then(|&at| self.rows.get(at));
        let revocation = revocation.revised(current.map(|row| &row.revocation), now);
        match current {
            Some(row) if row.revocation == revocation => DenylistReply::Unchanged(row.clone()),
            _ => self.append(hash, revocation, false),
        }
    }

    fn list(&self, after: Option<u64>, limit: usize, now: UnixTime) -> DenylistReply {
        let start = after.map_or(0, |after| after.saturating_add(1));
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let mut found = self
            .rows
            .iter()
            .skip(start)
            .filter(|row| self.is_current(row) && !row.revocation.has_ended(now));
        let rows: Vec<_> = found.by_ref().take(limit).cloned().collect();
        let next = rows.last().map(|row| row.seq).filter(|_| found.next().is_some());
        DenylistReply::Listed { rows, next }
    }

    fn append(&mut self, hash: u64, revocation: Revocation, removed: bool) -> DenylistReply {
        let row = Row { seq: self.len(), revocation, hash, removed };
        self.push(row.clone());
        DenylistReply::Appended(row)
    }

    fn push(&mut self, row: Row) {
        if row.removed {
            self.current.remove(&row.hash);
        } else {
            self.current.insert(row.hash, self.rows.len());
        }
        self.rows.push(row);
    }

    /// Whether no later row has the same hash, and it is not removed.
    fn is_current(&self, row: &Row) -> bool {
        let at = self.current.get(&row.hash).and_then(|at| u64::try_from(*at).ok());
        at == Some(row.seq)
    }

    fn kept(&self, now: UnixTime) -> impl Iterator<Item = &Row> {
        let latest = UnixTime::from_secs(now.as_secs().saturating_sub(CLOCK_SLACK));
        self.rows
            .iter()
            .filter(move |row| self.is_current(row) && !row.revocation.has_ended(latest))
    }
}

impl fmt::Debug for Denylist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Denylist")
            .field("epoch", &self.epoch)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// The most rows of a log. A replica of that many takes 36 MB, of the 128 that a Worker has for everything.
pub const MAX_LEN: u64 = 1_000_000;

/// Who revokes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// An operator, with a call.
    Operator,
    /// A record, after a command.
    Record,
}

/// How many rows a log may have before another one is added. Viewers, whose playbacks are displaced and whose sessions
/// end, may fill nine tenths of it. The rest is for operators.
#[must_use]
pub const fn max_len(writer: Writer, reason: Reason) -> u64 {
    match (writer, reason) {
        (Writer::Operator, _) | (Writer::Record, Reason::Revoked) => MAX_LEN,
        (Writer::Record, _) => MAX_LEN / 10 * 9,
    }
}

/// Whether a log of `len` rows, of which `live` are needed, is worth a new epoch, which every gate has to read from
/// the start: if it has more than 4,096 rows, and less than half of them are needed; or if none is, so that the names
/// of viewers are not kept for longer than needed. If it is full with `most` rows: also if at least a hundredth of
/// them can go, so that it is not full again at once.
#[must_use]
pub const fn should_compact(len: u64, live: u64, most: Option<u64>) -> bool {
    let makes_room = match most {
        Some(most) => live <= most.saturating_sub(most / 100),
        None => false,
    };
    makes_room || (len > 4096 && live < len.div_ceil(2)) || (len > 0 && live == 0)
}

/// Stored rows are not numbered from 0 without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap;

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the rows are not numbered from 0 without gaps")
    }
}

impl core::error::Error for Gap {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::{Kind, Reason};
    use alloc::{string::String, vec};

    const KEY: [u8; 16] = [5; 16];
    const NOW: UnixTime = UnixTime::from_secs(10_000);

    fn sub(value: &str, until: u64) -> Revocation {
        Revocation {
            kind: Kind::Sub,
            value: value.into(),
            issued_before: None,
            until,
            reason: Reason::Revoked,
        }
    }

    fn revoke(denylist: &mut Denylist, revocation: &Revocation) -> DenylistReply {
        denylist.apply(DenylistCommand::Revoke(revocation.clone()), NOW)
    }

    fn undo(denylist: &mut Denylist, value: &str) -> DenylistReply {
        denylist.apply(DenylistCommand::Undo { kind: Kind::Sub, value: value.into() }, NOW)
    }

    /// The sequence numbers and values of a page, and where the next one starts.
    fn list(
        denylist: &Denylist,
        after: Option<u64>,
        limit: usize,
    ) -> (Vec<(u64, String)>, Option<u64>) {
        let DenylistReply::Listed { rows, next } = denylist.list(after, limit, NOW) else {
            panic!()
        };
        (rows.into_iter().map(|row| (row.seq, row.revocation.value)).collect(), next)
    }

    fn since(denylist: &mut Denylist, epoch: Option<u64>, from: u64) -> Update {
        match denylist.apply(DenylistCommand::Since { epoch, from }, NOW) {
            DenylistReply::Update(update) => update,
            reply => panic!("{reply:?}"),
        }
    }

    #[test]
    fn the_same_again_changes_nothing() {
        let mut denylist = Denylist::new(1, KEY);
        let whole = sub("a", 20_000);
        let DenylistReply::Appended(row) = revoke(&mut denylist, &whole) else { panic!() };
        assert_eq!((row.seq, &row.revocation, row.removed), (0, &whole, false));
        let narrower = Revocation { issued_before: Some(9), until: 15_000, ..whole.clone() };
        for revocation in [&whole, &narrower] {
            assert_eq!(revoke(&mut denylist, revocation), DenylistReply::Unchanged(row.clone()));
        }
        let ended = sub("ended", 9_000);
        assert!(matches!(revoke(&mut denylist, &ended), DenylistReply::Appended(_)));
        assert!(matches!(revoke(&mut denylist, &ended), DenylistReply::Unchanged(_)));
        assert_eq!(denylist.rows().len(), 2);
    }

    #[test]
    fn a_second_revocation_is_merged() {
        let mut denylist = Denylist::new(1, KEY);
        let first = Revocation { issued_before: Some(500), ..sub("a", 20_000) };
        revoke(&mut denylist, &first);
        let second =
            Revocation { reason: Reason::SignedOut, issued_before: Some(400), ..sub("a", 30_000) };
        let DenylistReply::Appended(row) = revoke(&mut denylist, &second) else { panic!() };
        assert_eq!(row.seq, 1);
        assert_eq!(row.revocation, Revocation { issued_before: Some(500), ..second });
        assert_eq!(list(&denylist, None, 9).0, [(1, "a".into())]);
    }

    #[test]
    fn one_that_has_ended_does_not_widen_a_new_one() {
        let mut denylist = Denylist::new(1, KEY);
        revoke(&mut denylist, &sub("a", 10_000));
        let second = Revocation { issued_before: Some(400), ..sub("a", 30_000) };
        let DenylistReply::Appended(row) = revoke(&mut denylist, &second) else { panic!() };
        assert_eq!(row.revocation, second);
    }

    #[test]
    fn undo_takes_back_what_is_known() {
        let mut denylist = Denylist::new(1, KEY);
        assert_eq!(undo(&mut denylist, "a"), DenylistReply::Unknown);
        revoke(&mut denylist, &sub("a", 20_000));
        assert_eq!(undo(&mut denylist, "b"), DenylistReply::Unknown);
        let DenylistReply::Appended(row) = undo(&mut denylist, "a") else { panic!() };
        assert_eq!((row.seq, row.removed), (1, true));
        assert_eq!(undo(&mut denylist, "a"), DenylistReply::Unknown);
        let narrow = Revocation { issued_before: Some(7), ..sub("a", 15_000) };
        let DenylistReply::Appended(row) = revoke(&mut denylist, &narrow) else { panic!() };
        assert_eq!(row.revocation, narrow, "what was taken back is not merged");
        // By a clock that is behind, it may not have ended yet.
        revoke(&mut denylist, &sub("ended", 9_000));
        assert!(matches!(undo(&mut denylist, "ended"), DenylistReply::Appended(_)));
    }

    #[test]
    fn pages_list_what_has_not_ended() {
        let mut denylist = Denylist::new(1, KEY);
        for (value, until) in
            [("a", 20_000), ("b", 20_000), ("c", 10_000), ("d", 20_000), ("a", 30_000)]
        {
            revoke(&mut denylist, &sub(value, until));
        }
        undo(&mut denylist, "b");
        let (d, a) = ((3, "d".into()), (4, "a".into()));
        assert_eq!(list(&denylist, None, 9), (vec![d.clone(), a.clone()], None));
        assert_eq!(list(&denylist, None, 2), (vec![d.clone(), a.clone()], None));
        assert_eq!(list(&denylist, None, 1), (vec![d], Some(3)));
        assert_eq!(list(&denylist, Some(3), 1), (vec![a], None));
        for after in [4, 99, u64::MAX] {
            assert_eq!(list(&denylist, Some(after), 9), (vec![], None));
        }
    }

    #[test]
    fn a_gate_of_another_epoch_gets_everything() {
        let mut denylist = Denylist::new(7, KEY);
        for value in ["a", "b", "c"] {
            revoke(&mut denylist, &sub(value, 20_000));
        }
        for (epoch, from, start) in
            [(Some(7), 2, 2), (Some(7), 3, 3), (Some(7), 4, 0), (Some(6), 2, 0), (None, 0, 0)]
        {
            let update = since(&mut denylist, epoch, from);
            assert_eq!((update.epoch(), update.from(), update.end()), (7, start, 3));
        }
    }

    #[test]
    fn a_new_epoch_keeps_what_may_still_matter() {
        let mut denylist = Denylist::new(1, KEY);
        let ended = 10_000 - CLOCK_SLACK;
        for (value, until) in
            [("a", 20_000), ("b", ended), ("c", ended + 1), ("a", 30_000), ("d", 20_000)]
        {
            revoke(&mut denylist, &sub(value, until));
        }
        undo(&mut denylist, "d");
        assert_eq!(denylist.live(NOW), 2);
        denylist.compact(NOW, 2);
        let rows: Vec<_> =
            denylist.rows().iter().map(|row| (row.seq, &*row.revocation.value)).collect();
        assert_eq!((denylist.epoch(), rows), (2, vec![(0, "c"), (1, "a")]));
        assert!(matches!(revoke(&mut denylist, &sub("a", 30_000)), DenylistReply::Unchanged(_)));
        denylist.compact(NOW, 2);
        assert_eq!(denylist.epoch(), 3, "never the same epoch");
    }

    #[test]
    fn debug_shows_no_value() {
        let mut denylist = Denylist::new(1, KEY);
        let reply = revoke(&mut denylist, &sub("secret", 20_000));
        let command = DenylistCommand::Undo { kind: Kind::Sid, value: "secret".into() };
        let text = alloc::format!("{command:?} {reply:?} {denylist:?}");
        assert!(text.starts_with("Undo { kind: Sid, .. } Appended") && !text.contains("secret"));
    }

    #[test]
    fn stored_rows_restore_it() {
        let mut denylist = Denylist::new(1, KEY);
        for value in ["a", "b", "a"] {
            revoke(&mut denylist, &sub(value, 20_000));
        }
        undo(&mut denylist, "b");
        let mut rows = denylist.rows().to_vec();
        let mut restored = Denylist::restore(1, KEY, rows.clone()).unwrap();
        assert_eq!(restored.rows(), denylist.rows());
        assert_eq!(since(&mut restored, Some(1), 1), since(&mut denylist, Some(1), 1));
        assert_eq!(undo(&mut restored, "b"), DenylistReply::Unknown);
        rows.remove(1);
        assert_eq!(Denylist::restore(1, KEY, rows).unwrap_err(), Gap);
    }

    #[test]
    fn a_long_log_of_dead_rows_is_compacted() {
        for (len, live, most, expected) in [
            (0, 0, None, false),
            (1, 0, None, true),
            (4096, 1, None, false),
            (4097, 2048, None, true),
            (4097, 2049, None, false),
            (8000, 4000, None, false),
            (8000, 3999, None, true),
            (900_000, 891_000, Some(900_000), true),
            (900_000, 891_001, Some(900_000), false),
        ] {
            assert_eq!(should_compact(len, live, most), expected, "{len} {live}");
        }
    }
}
