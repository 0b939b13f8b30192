//! The events that are not delivered yet, in the table `events`.

use std::cell::RefCell;

use playgate::UnixTime;
use playgate_edge::Event;
use rusqlite::{Connection, params};

use super::error::StoreError;
use crate::events::{Due, MAX_WAITING, StoredEvent};

/// The most events that are sent at a time.
const MAX_DUE: u64 = 50;

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
        let event = StoredEvent::new(event, now).map_err(|_| StoreError::Random)?;
        tables.prepare_cached("INSERT INTO events VALUES (?, ?, 0, ?)")?.execute(params![
            event.id,
            event.body,
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

    pub(super) fn due(tables: &Connection, now: u64) -> Result<Due, StoreError> {
        let query = "SELECT id, body, attempts FROM events WHERE due <= ? ORDER BY due LIMIT ?";
        let mut query = tables.prepare_cached(query)?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(StoredEvent { id: row.get(0)?, body: row.get(1)?, attempts: row.get(2)? })
        };
        let events = query.query_map([now, MAX_DUE], read)?.collect::<Result<_, _>>()?;
        let mut next = tables.prepare_cached("SELECT min(due) FROM events WHERE due > ?")?;
        Ok(Due { events, next: next.query_row([now], |row| row.get(0))? })
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
