//! The log of the denylist, in the tables `log` and `identity`.

use playgate::UnixTime;
use playgate_edge::{About, Event};
use playgate_state::{
    CLOCK_SLACK, DenylistCommand, DenylistReply, Entry, Kind, Reason, Revocation, Row, Update,
    Writer, hash, max_len, should_compact, tile_end,
};
use rusqlite::types::Type;
use rusqlite::{Connection, Error, OptionalExtension as _, params};

use super::error::StoreError;
use super::outbox::Outbox;

/// How often ended revocations are looked for, in seconds.
const DAY: u64 = 86_400;

const COLUMNS: &str = "seq, kind, value, issued_before, until, reason, removed";

/// The log, within a transaction. Of a kind and a value, the newest row is `current`, unless it takes the revocation back.
pub(super) struct Log<'a> {
    pub(super) tables: &'a Connection,
    /// Where events go.
    pub(super) outbox: &'a Outbox,
}

/// What gates know a log by.
struct Identity {
    epoch: u64,
    key: [u8; 16],
}

impl Log<'_> {
    /// Gives an empty log its identity.
    pub(super) fn create(&self) -> Result<(), StoreError> {
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(|_| StoreError::Random)?;
        let values = params![new_epoch()?, key];
        self.tables.execute("INSERT INTO identity VALUES (?, ?, 0)", values)?;
        Ok(())
    }

    /// The answer to a command that only reads. `None` if it has to write.
    pub(super) fn answer(
        &self,
        command: &DenylistCommand,
        now: UnixTime,
    ) -> Result<Option<DenylistReply>, StoreError> {
        match *command {
            DenylistCommand::List { after, limit } => self.list(after, limit, now).map(Some),
            DenylistCommand::Since { epoch, from } => self.since(epoch, from),
            DenylistCommand::Revoke(_) | DenylistCommand::Undo { .. } => Ok(None),
        }
    }

    pub(super) fn apply(
        &self,
        command: DenylistCommand,
        now: UnixTime,
    ) -> Result<DenylistReply, StoreError> {
        if let Some(reply) = self.answer(&command, now)? {
            return Ok(reply);
        }
        match command {
            DenylistCommand::Revoke(revocation) => {
                self.revoke(revocation, Writer::Operator, &About::default(), now)
            }
            DenylistCommand::Undo { kind, value } => match self.current(kind, &value)? {
                Some(row) => self.append(row.revocation, true, &About::default(), now),
                None => Ok(DenylistReply::Unknown),
            },
            // A gate has more than the file, which was restored from a backup: all gates have to read anew.
            DenylistCommand::List { .. } | DenylistCommand::Since { .. } => {
                self.renew()?;
                self.entries(0)
            }
        }
    }

    /// Does what could not be done before. Once a day, starts a new log if much of this one is no longer needed.
    pub(super) fn sweep(&self, now: UnixTime) -> Result<(), StoreError> {
        let next = now.as_secs().saturating_add(DAY);
        // A time that is too far away is of a clock that was wrong.
        let is_due =
            "UPDATE identity SET compact_at = ?1 WHERE compact_at <= ?2 OR compact_at > ?1";
        if self.tables.execute(is_due, [next, now.as_secs()])? > 0 {
            self.compact(now, None)?;
        }
        self.retry(now)
    }

    /// Keeps a revocation for which there is no room until there is.
    pub(super) fn postpone(
        &self,
        revocation: &Revocation,
        about: &About,
    ) -> Result<(), StoreError> {
        let Revocation { kind, value, issued_before, until, reason } = revocation;
        let About { sub, refreshes } = about;
        let values =
            params![kind.name(), value, issued_before, until, reason.name(), sub, refreshes];
        self.tables.execute("INSERT INTO pending VALUES (?, ?, ?, ?, ?, ?, ?)", values)?;
        Ok(())
    }

    fn retry(&self, now: UnixTime) -> Result<(), StoreError> {
        self.tables.execute("DELETE FROM pending WHERE until <= ?", [now.as_secs()])?;
        let query = "SELECT rowid, kind, value, issued_before, until, reason, sub, refreshes FROM pending ORDER BY rowid";
        let mut query = self.tables.prepare(query)?;
        let pending = query.query_map([], |row| {
            let about = About { sub: row.get(6)?, refreshes: row.get(7)? };
            Ok((row.get::<_, i64>(0)?, revocation(row)?, about))
        })?;
        for one in pending.collect::<Result<Vec<_>, _>>()? {
            let (id, revocation, about) = one;
            match self.revoke(revocation, Writer::Record, &about, now) {
                Err(StoreError::Full) => break,
                other => drop(other?),
            }
            self.tables.execute("DELETE FROM pending WHERE rowid = ?", [id])?;
        }
        Ok(())
    }

    /// What is new for a gate. `None` if it has more than there is.
    fn since(&self, epoch: Option<u64>, from: u64) -> Result<Option<DenylistReply>, StoreError> {
        let follows = epoch == Some(self.identity()?.epoch);
        match (follows, from > self.len()?) {
            (true, true) => Ok(None),
            (true, false) => self.entries(from).map(Some),
            (false, _) => self.entries(0).map(Some),
        }
    }

    /// The entries from this one on, to the end of its tile.
    fn entries(&self, start: u64) -> Result<DenylistReply, StoreError> {
        let identity = self.identity()?;
        let query = format!("SELECT {COLUMNS} FROM log WHERE seq >= ? AND seq < ? ORDER BY seq");
        let mut query = self.tables.prepare_cached(&query)?;
        let entry = |row: &rusqlite::Row<'_>| read(row, &identity.key).map(|row| row.entry());
        let entries: Vec<Entry> =
            query.query_map([start, tile_end(start)], entry)?.collect::<Result<_, _>>()?;
        Ok(DenylistReply::Update(Update::new(identity.epoch, identity.key, start, entries)))
    }

    pub(super) fn revoke(
        &self,
        revocation: Revocation,
        writer: Writer,
        about: &About,
        now: UnixTime,
    ) -> Result<DenylistReply, StoreError> {
        let current = self.current(revocation.kind, &revocation.value)?;
        let revised = revocation.revised(current.as_ref().map(|row| &row.revocation), now);
        if let Some(row) = current.filter(|row| row.revocation == revised) {
            return Ok(DenylistReply::Unchanged(row));
        }
        let most = max_len(writer, revised.reason);
        if self.len()? >= most {
            self.compact(now, Some(most))?;
        }
        if self.len()? >= most {
            return Err(StoreError::Full);
        }
        self.append(revised, false, about, now)
    }

    fn list(
        &self,
        after: Option<u64>,
        limit: usize,
        now: UnixTime,
    ) -> Result<DenylistReply, StoreError> {
        let Some(start) = after.map_or(Some(0), |after| after.checked_add(1)) else {
            return Ok(DenylistReply::Listed { rows: Vec::new(), next: None });
        };
        let query = format!(
            "SELECT {COLUMNS} FROM log WHERE current AND seq >= ? AND until > ? ORDER BY seq LIMIT ?"
        );
        let identity = self.identity()?;
        let mut query = self.tables.prepare_cached(&query)?;
        // One more than asked for tells whether there is another page.
        let values = params![start, now.as_secs(), limit.saturating_add(1)];
        let found = query.query_map(values, |row| read(row, &identity.key))?;
        let mut rows: Vec<Row> = found.collect::<Result<_, _>>()?;
        let is_last = rows.len() <= limit;
        rows.truncate(limit);
        let next = rows.last().map(|row| row.seq).filter(|_| !is_last);
        Ok(DenylistReply::Listed { rows, next })
    }

    /// The row of the revocation that holds for a kind and a value.
    pub(super) fn current(&self, kind: Kind, value: &str) -> Result<Option<Row>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM log WHERE kind = ? AND value = ? AND current");
        let identity = self.identity()?;
        let mut query = self.tables.prepare_cached(&query)?;
        let row = query.query_row([kind.name(), value], |row| read(row, &identity.key));
        Ok(row.optional()?)
    }

    fn append(
        &self,
        revocation: Revocation,
        removed: bool,
        about: &About,
        now: UnixTime,
    ) -> Result<DenylistReply, StoreError> {
        let Revocation { kind, value, issued_before, until, reason } = &revocation;
        let older = "UPDATE log SET current = 0 WHERE kind = ? AND value = ? AND current";
        self.tables.prepare_cached(older)?.execute([kind.name(), value])?;
        let seq = self.len()?;
        self.tables.prepare_cached("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?.execute(
            params![
                seq,
                kind.name(),
                value,
                issued_before,
                until,
                reason.name(),
                removed,
                !removed
            ],
        )?;
        self.outbox.add(self.tables, &Event::new(&revocation, removed, about), now)?;
        let hash = hash(&self.identity()?.key, *kind, value);
        Ok(DenylistReply::Appended(Row { seq, revocation, hash, removed }))
    }

    /// Starts a new log if much of this one is no longer needed. `most` is how many rows it may have, if it is full.
    fn compact(&self, now: UnixTime, most: Option<u64>) -> Result<(), StoreError> {
        // A gate may be behind, or have a leeway.
        let kept = now.as_secs().saturating_sub(CLOCK_SLACK);
        let count = "SELECT count(*) FROM log WHERE current AND until > ?";
        let live: u64 = self.tables.query_row(count, [kept], |row| row.get(0))?;
        if should_compact(self.len()?, live, most) {
            self.tables.execute("DELETE FROM log WHERE NOT current OR until <= ?", [kept])?;
            // Below zero, no new number meets an old one.
            self.tables.execute_batch(
                "CREATE TEMP TABLE numbers (old INTEGER PRIMARY KEY, new INTEGER NOT NULL);
                 INSERT INTO numbers SELECT seq, row_number() OVER (ORDER BY seq) - 1 FROM log;
                 UPDATE log SET seq = -1 - (SELECT new FROM numbers WHERE old = seq);
                 UPDATE log SET seq = -1 - seq;
                 DROP TABLE numbers;",
            )?;
            self.renew()?;
        }
        Ok(())
    }

    /// Makes every gate read the log from its start.
    fn renew(&self) -> Result<(), StoreError> {
        self.tables.execute("UPDATE identity SET epoch = ?", [new_epoch()?])?;
        Ok(())
    }

    fn identity(&self) -> Result<Identity, StoreError> {
        let mut query = self.tables.prepare_cached("SELECT epoch, key FROM identity")?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Identity { epoch: u64::from_be_bytes(row.get(0)?), key: row.get(1)? })
        };
        Ok(query.query_row([], read)?)
    }

    pub(super) fn len(&self) -> Result<u64, StoreError> {
        let mut query = self.tables.prepare_cached("SELECT coalesce(max(seq) + 1, 0) FROM log")?;
        Ok(query.query_row([], |row| row.get(0))?)
    }
}

/// A row of the table, with the hash of its kind and value.
fn read(row: &rusqlite::Row<'_>, key: &[u8; 16]) -> Result<Row, Error> {
    let revocation = revocation(row)?;
    let hash = hash(key, revocation.kind, &revocation.value);
    Ok(Row { seq: row.get(0)?, revocation, hash, removed: row.get(6)? })
}

/// The revocation of a row, from its second column on.
fn revocation(row: &rusqlite::Row<'_>) -> Result<Revocation, Error> {
    // Without the text: in a damaged file it may be an id.
    let unreadable =
        |column| Error::FromSqlConversionFailure(column, Type::Text, "an unknown name".into());
    let (kind, reason): (String, String) = (row.get(1)?, row.get(5)?);
    Ok(Revocation {
        kind: Kind::from_name(&kind).ok_or_else(|| unreadable(1))?,
        value: row.get(2)?,
        issued_before: row.get(3)?,
        until: row.get(4)?,
        reason: Reason::from_name(&reason).ok_or_else(|| unreadable(5))?,
    })
}

/// A random epoch. SQLite's integers are signed, so it is stored as bytes.
fn new_epoch() -> Result<[u8; 8], StoreError> {
    let mut epoch = [0; 8];
    getrandom::fill(&mut epoch).map_err(|_| StoreError::Random)?;
    Ok(epoch)
}
