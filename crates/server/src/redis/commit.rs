//! What a command changes, all of it at once.

use playgate::UnixTime;
use playgate_edge::{About, Event};
use playgate_state::{CLOCK_SLACK, Record, Revocation, Writer, encode, max_len};
use redis::{Pipeline, pipe};

use super::fault::RedisFault;
use super::row::{Postponed, StoredRow, field};
use super::{BODIES, CHANNEL, CURRENT, DUE, IDENTITY, LOG, PENDING, Store, record_key};
use crate::events::{MAX_WAITING, StoredEvent};

const SCRIPT: &str = include_str!("commit.lua");

/// The longest time that Redis keeps a record for, in seconds: some 300 years.
const MAX_TIME: u64 = 10_000_000_000;

/// What a command changes.
#[derive(Default)]
pub(super) struct Commit {
    /// The epoch that it was computed in, if it changes the log.
    pub(super) epoch: Option<Vec<u8>>,
    pub(super) record: Option<RecordChange>,
    pub(super) rows: Vec<NewRow>,
    pub(super) postponed: Vec<Postponed>,
    pub(super) events: Vec<StoredEvent>,
    /// Whether what has no room is postponed.
    pub(super) is_full: bool,
    /// Lines for the log of the gate, once it is done.
    pub(super) lines: Vec<String>,
}

/// A record as it was, and as it will be.
pub(super) struct RecordChange {
    pub(super) name: String,
    pub(super) old: Vec<u8>,
    pub(super) new: Option<Record>,
}

/// A row for the end of the log.
pub(super) struct NewRow {
    pub(super) row: StoredRow,
    /// The sequence number of the row that held until now.
    pub(super) replaces: Option<u64>,
    pub(super) writer: Writer,
}

/// What came of it.
pub(super) enum Committed {
    /// It is done. The first of the rows has this sequence number.
    Done { first: u64, are_events_full: bool },
    /// Something has changed that it was computed from: nothing is done.
    Changed,
}

impl NewRow {
    pub(super) fn most(&self) -> u64 {
        max_len(self.writer, self.row.revocation.reason)
    }
}

impl Commit {
    /// Notes an event, for the receiver if there is one, and for the log.
    pub(super) fn tell(
        &mut self,
        revocation: &Revocation,
        is_undone: bool,
        about: &About,
        keeps_events: bool,
        now: UnixTime,
    ) -> Result<(), RedisFault> {
        let event = Event::new(revocation, is_undone, about);
        self.lines.push(event.line());
        if keeps_events {
            let event = StoredEvent::new(&event, now).map_err(|_| RedisFault::Random)?;
            self.events.push(event);
        }
        Ok(())
    }

    /// The command that does it, in a Redis whose log has the key that is known.
    pub(super) fn command(&self, known: Option<&[u8; 16]>, now: UnixTime) -> Pipeline {
        let mut pipeline = pipe();
        let command =
            pipeline.cmd("EVAL").arg(SCRIPT).arg(6_u8.saturating_add(self.record.is_some().into()));
        for key in [IDENTITY, LOG, CURRENT, PENDING, BODIES, DUE] {
            command.arg(key);
        }
        if let Some(change) = &self.record {
            command.arg(record_key(&change.name));
        }
        command.arg(CHANNEL).arg(now.as_secs().saturating_mul(1000)).arg(MAX_WAITING);
        command.arg(known.map_or(&[][..], |key| key));
        command.arg(self.epoch.as_deref().unwrap_or_default());
        command.arg(usize::from(self.record.is_some()));
        if let Some(RecordChange { old, new, .. }) = &self.record {
            let bytes = new.as_ref().map(encode).unwrap_or_default();
            let until = new.as_ref().map_or(0, Record::until);
            // The clock of Redis is not that of a gate, and decides nothing.
            let left = until.saturating_sub(now.as_secs()).saturating_add(CLOCK_SLACK);
            command.arg(&**old).arg(bytes).arg(left.min(MAX_TIME).saturating_mul(1000));
        }
        command.arg(self.rows.len());
        for row in &self.rows {
            command.arg(row.row.field());
            command.arg(row.replaces.map(|seq| seq.to_string()).unwrap_or_default());
            command.arg(row.row.encode()).arg(u8::from(row.row.removed)).arg(row.most());
        }
        command.arg(self.postponed.len());
        for postponed in &self.postponed {
            command.arg(postponed.encode());
        }
        command.arg(self.events.len());
        for event in &self.events {
            command.arg(&event.id).arg(&event.body);
        }
        pipeline
    }

    /// What came of it, as the script says.
    pub(super) fn committed(&self, word: &str, first: u64) -> Result<Committed, RedisFault> {
        match word {
            "done" => Ok(Committed::Done { first, are_events_full: false }),
            "events_full" => Ok(Committed::Done { first, are_events_full: true }),
            "gone" => Err(RedisFault::Gone),
            // Another gate has taken the last place: plan again what is postponed.
            "full" if self.is_full => Ok(Committed::Changed),
            "full" => {
                let most = self.rows.iter().map(NewRow::most).min();
                Err(RedisFault::Full(most.unwrap_or_default()))
            }
            _ => Ok(Committed::Changed),
        }
    }
}

impl Store {
    /// What has to be added to the log for some revocations. `None` if there is no log yet.
    pub(super) async fn planned(
        &self,
        revocations: &[Revocation],
        writer: Writer,
        about: &About,
        is_full: bool,
        now: UnixTime,
    ) -> Result<Option<Commit>, RedisFault> {
        let mut commit = Commit { is_full, ..Commit::default() };
        if revocations.is_empty() {
            return Ok(Some(commit));
        }
        let Some(log) = self.current(revocations).await? else { return Ok(None) };
        commit.epoch = Some(log.epoch);
        for (revocation, current) in revocations.iter().zip(log.rows) {
            let field = field(revocation.kind, &revocation.value);
            // Two of one command may be about the same.
            if let Some(row) = commit.rows.iter_mut().find(|row| row.row.field() == field) {
                let both = revocation.clone().revised(Some(&row.row.revocation), now);
                row.row.revocation = both;
                continue;
            }
            let known = current.as_ref().map(|(_, row)| &row.revocation);
            let revised = revocation.clone().revised(known, now);
            if known == Some(&revised) {
                continue;
            }
            let replaces = current.map(|(seq, _)| seq);
            let row = StoredRow { revocation: revised, removed: false };
            let new = NewRow { row, replaces, writer };
            let rows = u64::try_from(commit.rows.len()).unwrap_or(u64::MAX);
            if is_full && log.len.saturating_add(rows) >= new.most() {
                // Nobody repeats the command of a thief.
                if !revocation.reason.ends_session() {
                    return Err(RedisFault::Full(new.most()));
                }
                let (revocation, about) = (revocation.clone(), about.clone());
                commit.postponed.push(Postponed { revocation, about });
            } else {
                commit.rows.push(new);
            }
        }
        let told: Vec<_> = commit.rows.iter().map(|row| row.row.revocation.clone()).collect();
        for revocation in told {
            commit.tell(&revocation, false, about, self.keeps_events, now)?;
        }
        Ok(Some(commit))
    }

    /// Stores what follows from a command.
    pub(super) async fn commit(
        &self,
        commit: Commit,
        now: UnixTime,
    ) -> Result<Committed, RedisFault> {
        let (word, first): (String, u64) =
            self.confirmed(commit.command(self.known.get(), now)).await?;
        let committed = commit.committed(&word, first)?;
        if let Committed::Done { are_events_full, .. } = committed {
            for line in commit.lines {
                self.surroundings.log(line);
            }
            if are_events_full {
                self.surroundings.log(r#"{"decision":"error","reason":"events_full"}"#.into());
            } else if !commit.events.is_empty() {
                self.has_events.notify_one();
            }
        }
        Ok(committed)
    }
}
