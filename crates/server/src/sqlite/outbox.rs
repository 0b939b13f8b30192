//! The events that are not delivered yet, in the table `events`.

use std::cell::RefCell;
use std::time::{Duration, UNIX_EPOCH};

use playgate::UnixTime;
use playgate_edge::Event;
use rusqlite::{Connection, params};

use super::error::StoreError;

/// The most events that wait, and the most that are sent at a time.
const MAX_WAITING: u64 = 10_000;
const MAX_DUE: u64 = 50;

/// An event that waits.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its id, by which a receiver knows a repetition.
    pub id: String,
    /// The body of the webhook.
    pub body: String,
    /// How often it was sent in vain.
    pub attempts: usize,
}

/// Shows no body: it names a viewer.
impl core::fmt::Debug for StoredEvent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("StoredEvent").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What happens to events.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Whether they are kept for a receiver.
    pub(super) keeps: bool,
    /// Lines for the log, of this transaction and of those before it.
    lines: RefCell<(Vec<String>, Vec<String>)>,
}

impl Outbox {
    /// Adds an event, within a transaction.
    pub(super) fn add(
        &self,
        tables: &Connection,
        event: &Event<'_>,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let lines = &mut self.lines.borrow_mut().0;
        lines.push(event.line());
        if !self.keeps {
            return Ok(());
        }
        let mut count = tables.prepare_cached("SELECT count(*) FROM events")?;
        let waiting: u64 = count.query_row([], |row| row.get(0))?;
        if waiting >= MAX_WAITING {
            lines.push(r#"{"decision":"error","reason":"events_full"}"#.into());
            return Ok(());
        }
        let time = Duration::from_secs(now.as_secs().min(MAX_TIME));
        let time = UNIX_EPOCH.checked_add(time).unwrap_or(UNIX_EPOCH);
        let body = event.body(&humantime::format_rfc3339_millis(time).to_string());
        tables.prepare_cached("INSERT INTO events VALUES (?, ?, 0, ?)")?.execute(params![
            new_id()?,
            body,
            now.as_secs().saturating_mul(1000)
        ])?;
        Ok(())
    }

    /// Keeps the lines of a transaction, unless it was rolled back.
    pub(super) fn settle(&mut self, is_done: bool) {
        let (new, kept) = self.lines.get_mut();
        if is_done {
            kept.append(new);
        } else {
            new.clear();
        }
    }

    pub(super) fn take_lines(&mut self) -> Vec<String> {
        core::mem::take(&mut self.lines.get_mut().1)
    }

    pub(super) fn due(
        tables: &Connection,
        now: u64,
    ) -> Result<(Vec<StoredEvent>, Option<u64>), StoreError> {
        let query = "SELECT id, body, attempts FROM events WHERE due <= ? ORDER BY due LIMIT ?";
        let mut query = tables.prepare_cached(query)?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(StoredEvent { id: row.get(0)?, body: row.get(1)?, attempts: row.get(2)? })
        };
        let due = query.query_map([now, MAX_DUE], read)?.collect::<Result<_, _>>()?;
        let mut next = tables.prepare_cached("SELECT min(due) FROM events WHERE due > ?")?;
        Ok((due, next.query_row([now], |row| row.get(0))?))
    }

    pub(super) fn sent(
        tables: &Connection,
        id: &str,
        again: Option<u64>,
    ) -> Result<(), StoreError> {
        match again {
            Some(due) => {
                let query = "UPDATE events SET attempts = attempts + 1, due = ? WHERE id = ?";
                tables.prepare_cached(query)?.execute(params![due, id])?
            }
            None => tables.prepare_cached("DELETE FROM events WHERE id = ?")?.execute([id])?,
        };
        Ok(())
    }
}

/// The last second of the year 9999: later ones have no date in RFC 3339.
const MAX_TIME: u64 = 253_402_300_799;

/// A random id, in the form of a UUID (RFC 9562, section 5.4).
fn new_id() -> Result<String, StoreError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| StoreError::Random)?;
    let mut number = u128::from_be_bytes(bytes);
    number = number & !(0xf << 76) | 4 << 76;
    number = number & !(0b11 << 62) | 0b10 << 62;
    let hex = format!("{number:032x}");
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
    Ok(["msg_", &parts.join("-")].concat())
}
