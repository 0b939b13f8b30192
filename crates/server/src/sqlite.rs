//! State in one SQLite file.
//!
//! A command is one transaction: a record is stored together with the revocations that follow from it, or neither is.
//! What was answered is on disk, and survives a kill or a loss of power. Several processes may share the file.

mod error;
mod log;
mod outbox;
#[cfg(test)]
mod tests;
mod thread;

use core::fmt;
use core::time::Duration;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Instant;

use playgate::UnixTime;
use playgate_edge::{About, refreshes};
use playgate_state::{
    DenylistCommand, DenylistReply, Outcome, Record, RecordCommand, Writer, apply, decode, encode,
};
use rusqlite::config::DbConfig;
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior,
    params,
};

pub use self::error::StoreError;
use self::log::Log;
use self::outbox::Outbox;
pub use self::thread::StateThread;
use crate::events::Due;

/// How long a command waits for those of other processes.
const BUSY: Duration = Duration::from_secs(5);

/// Marks a file as one of Playgate: "PGAT".
const APPLICATION_ID: i32 = 0x5047_4154;

/// The version of the tables.
const VERSION: i32 = 1;

const TABLES: &str = "
    CREATE TABLE identity (epoch BLOB NOT NULL, key BLOB NOT NULL, compact_at INTEGER NOT NULL) STRICT;
    CREATE TABLE log (
        seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, value TEXT NOT NULL, issued_before INTEGER, until INTEGER NOT NULL,
        reason TEXT NOT NULL, removed INTEGER NOT NULL, current INTEGER NOT NULL) STRICT;
    CREATE UNIQUE INDEX current ON log (kind, value) WHERE current;
    CREATE TABLE pending (
        kind TEXT NOT NULL, value TEXT NOT NULL, issued_before INTEGER, until INTEGER NOT NULL, reason TEXT NOT NULL,
        sub TEXT, refreshes TEXT) STRICT;
    CREATE TABLE events (
        id TEXT PRIMARY KEY, body TEXT NOT NULL, attempts INTEGER NOT NULL, due INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX due ON events (due);
    CREATE TABLE records (name TEXT PRIMARY KEY, record BLOB NOT NULL, sweep_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX sweep_at ON records (sweep_at);";

/// For this connection: what was committed is on disk, also on macOS; and no temporary files.
const SETTINGS: &str = "
    PRAGMA synchronous = full;
    PRAGMA fullfsync = on;
    PRAGMA checkpoint_fullfsync = on;
    PRAGMA temp_store = memory;";

/// The state of a deployment in one SQLite file.
pub struct SqliteStore {
    connection: Connection,
    outbox: Outbox,
}

impl SqliteStore {
    /// Opens the file, or creates it. Nobody but its owner can read it then.
    ///
    /// # Errors
    /// [`StoreError::Foreign`] if the file is not one of this version of Playgate; it is left as it is.
    /// [`StoreError::File`], [`StoreError::Database`] if it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let path = create(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags)?;
        connection.busy_timeout(BUSY)?;
        // What another program has not written back yet stays so.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        let mut store = Self { connection, outbox: Outbox::default() };
        let is_set_up = state_of(&store.connection.unchecked_transaction()?)?;
        if !is_set_up {
            store.set_up()?;
        }
        store.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        make_private(&path)?;
        store.switch_to_wal()?;
        store.connection.execute_batch(SETTINGS)?;
        Ok(store)
    }

    fn set_up(&mut self) -> Result<(), StoreError> {
        let transaction = begin(&mut self.connection)?;
        // Another process may have been faster.
        if !state_of(&transaction)? {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
            Log { tables: &transaction, outbox: &self.outbox }.create()?;
        }
        Ok(transaction.commit()?)
    }

    /// Lets readers and a writer work at the same time. SQLite does not wait for other processes here.
    fn switch_to_wal(&self) -> Result<(), StoreError> {
        let start = Instant::now();
        loop {
            match self.connection.pragma_update(None, "journal_mode", "wal") {
                Err(error)
                    if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                        && start.elapsed() < BUSY =>
                {
                    std::thread::sleep(Duration::from_millis(5));
                }
                other => return Ok(other?),
            }
        }
    }

    /// Performs a command on the denylist. Performed again, it changes nothing more.
    ///
    /// # Errors
    /// [`StoreError::Full`] if there is no room for another revocation. [`StoreError::Database`].
    pub fn denylist(
        &mut self,
        command: DenylistCommand,
        now: UnixTime,
    ) -> Result<DenylistReply, StoreError> {
        // Readers need not wait, and nobody waits for them.
        let deferred = self.connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
        let log = Log { tables: &deferred, outbox: &self.outbox };
        if let Some(reply) = log.answer(&command, now)? {
            return Ok(reply);
        }
        drop(deferred);
        self.transact(|log| log.apply(command, now))
    }

    /// Performs a command on the record of this name. The revocations that follow are on the denylist then.
    ///
    /// # Errors
    /// [`StoreError::Full`] if there is no room for one of them, [`StoreError::Version`] if the record is of another
    /// version. Nothing has changed then. A session ends all the same: its revocation follows once there is room.
    /// [`StoreError::Database`].
    pub fn record(
        &mut self,
        name: &str,
        command: RecordCommand,
        now: UnixTime,
    ) -> Result<Outcome, StoreError> {
        self.transact(|log| perform(log, name, command, now))
    }

    /// Forgets what is no longer needed. To be called every few minutes.
    ///
    /// # Errors
    /// [`StoreError::Version`] if a record is of another version; the others are swept all the same.
    /// [`StoreError::Database`].
    pub fn sweep(&mut self, now: UnixTime) -> Result<(), StoreError> {
        let mut unreadable = None;
        // One transaction for each, so that no request waits long.
        for name in self.due(now)? {
            match self.record(&name, RecordCommand::Sweep, now) {
                Ok(_) => {}
                Err(StoreError::Version) => unreadable = Some(StoreError::Version),
                Err(error) => return Err(error),
            }
        }
        self.transact(|log| log.sweep(now))?;
        unreadable.map_or(Ok(()), Err)
    }

    /// Whether events are kept until they are [sent](Self::due_events). The log has lines of them in any case.
    pub const fn keep_events(&mut self, keeps: bool) {
        self.outbox.keeps = keeps;
    }

    /// The lines for the log about what happened since the last call.
    pub fn take_lines(&mut self) -> Vec<String> {
        self.outbox.take_lines()
    }

    /// The events to send at a time, in Unix milliseconds, and when the next one after them is due.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn due_events(&self, now: u64) -> Result<Due, StoreError> {
        Outbox::due(&self.connection, now)
    }

    /// Notes that an event was sent, or given up; or that it is to be sent again at a time.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn event_sent(&self, id: &str, again: Option<u64>) -> Result<(), StoreError> {
        Outbox::sent(&self.connection, id, again)
    }

    /// The names of records of which something may no longer be needed.
    fn due(&self, now: UnixTime) -> Result<Vec<String>, StoreError> {
        let mut query = self.connection.prepare("SELECT name FROM records WHERE sweep_at <= ?")?;
        let names = query.query_map([now.as_secs()], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// Does something in a transaction: all of it, or nothing. What it reads is still true when it writes.
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&Log<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let transaction = begin(&mut self.connection)?;
        let result = work(&Log { tables: &transaction, outbox: &self.outbox });
        let result = result.and_then(|result| Ok(transaction.commit().map(|()| result)?));
        self.outbox.settle(result.is_ok());
        result
    }
}

/// Starts a transaction that waits for all others.
fn begin(connection: &mut Connection) -> Result<Transaction<'_>, StoreError> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

/// Shows nothing of what is stored.
impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

/// Whether the file has the tables. If not, it is empty.
fn state_of(transaction: &Transaction<'_>) -> Result<bool, StoreError> {
    let number = |name| transaction.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    match (number("application_id")?, number("user_version")?) {
        (APPLICATION_ID, VERSION) => Ok(true),
        (0, 0) if number("schema_version")? == 0 => Ok(false),
        _ => Err(StoreError::Foreign),
    }
}

/// Creates the file if there is none. Returns its path without anything that has a meaning for SQLite.
fn create(path: &Path) -> Result<PathBuf, StoreError> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(StoreError::File)?;
    path.canonicalize().map_err(StoreError::File)
}

/// The file holds the ids of viewers and the tokens of references. SQLite gives the files that it puts beside it the
/// same mode.
#[cfg(unix)]
fn make_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt as _;
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        match fs::metadata(&name) {
            Ok(file) if file.permissions().mode() & 0o077 != 0 => {
                fs::set_permissions(&name, fs::Permissions::from_mode(0o600))
                    .map_err(StoreError::File)?;
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> Result<(), StoreError> {
    Ok(())
}

fn perform(
    log: &Log<'_>,
    name: &str,
    command: RecordCommand,
    now: UnixTime,
) -> Result<Outcome, StoreError> {
    let stored: Option<Vec<u8>> = log
        .tables
        .prepare_cached("SELECT record FROM records WHERE name = ?")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    let record: Option<Record> = match &stored {
        Some(bytes) => Some(decode(bytes).ok_or(StoreError::Version)?),
        None => None,
    };
    let sweeps = command == RecordCommand::Sweep;
    let outcome = apply(record, command, now);
    let about = About {
        sub: name.strip_prefix("viewer/").map(String::from),
        refreshes: outcome.theft.as_deref().map(refreshes),
    };
    for revocation in &outcome.revocations {
        match log.revoke(revocation.clone(), Writer::Record, &about, now) {
            // Nobody repeats the command of a thief.
            Err(StoreError::Full) if revocation.reason.ends_session() => {
                log.postpone(revocation, &about)?;
            }
            other => drop(other?),
        }
    }
    match &outcome.record {
        Some(record) => {
            let bytes = encode(record);
            if sweeps || stored.as_ref() != Some(&bytes) {
                log.tables
                    .prepare_cached("INSERT OR REPLACE INTO records VALUES (?, ?, ?)")?
                    .execute(params![name, bytes, record.sweep_at(now)])?;
            }
        }
        None if stored.is_some() => {
            log.tables.prepare_cached("DELETE FROM records WHERE name = ?")?.execute([name])?;
        }
        None => {}
    }
    Ok(outcome)
}
