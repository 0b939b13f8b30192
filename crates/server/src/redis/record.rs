//! Records in Redis.

use core::hash::{Hash as _, Hasher as _};
use std::hash::DefaultHasher;
use std::sync::Arc;

use playgate::UnixTime;
use playgate_edge::{About, refreshes};
use playgate_state::{Outcome, Record, RecordCommand, Writer, apply, decode, encode};
use redis::pipe;

use super::commit::{Committed, RecordChange};
use super::fault::RedisFault;
use super::{Store, record_key};

impl Store {
    pub(super) async fn record(
        self: &Arc<Self>,
        name: &str,
        command: &RecordCommand,
        now: UnixTime,
    ) -> Result<Outcome, RedisFault> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let [queue, ..] = hasher.finish().to_be_bytes();
        let _turn = match self.queues.get(usize::from(queue)) {
            Some(queue) => Some(queue.lock().await),
            None => None,
        };
        let tried = self.repeated(|| self.try_record(name, command, now, false)).await;
        match tried {
            Err(RedisFault::Full(most)) => {
                self.make_room(most, now).await?;
                self.repeated(|| self.try_record(name, command, now, true)).await
            }
            other => other,
        }
    }

    /// Performs a command on a record, unless that changes meanwhile. If the denylist is full, ends of sessions wait.
    async fn try_record(
        self: &Arc<Self>,
        name: &str,
        command: &RecordCommand,
        now: UnixTime,
        is_full: bool,
    ) -> Result<Option<Outcome>, RedisFault> {
        let mut question = pipe();
        question.cmd("GET").arg(record_key(name));
        let (stored,): (Option<Vec<u8>>,) = self.link.query(&question).await?;
        let record: Option<Record> = match &stored {
            Some(bytes) => Some(decode(bytes).ok_or(RedisFault::Version)?),
            None => None,
        };
        let outcome = apply(record, command.clone(), now);
        let about = About {
            sub: name.strip_prefix("viewer/").map(String::from),
            refreshes: outcome.theft.as_deref().map(refreshes),
        };
        let Some(mut commit) =
            self.planned(&outcome.revocations, Writer::Record, &about, is_full, now).await?
        else {
            return Ok(None);
        };
        let stored = stored.unwrap_or_default();
        let is_changed = outcome.record.as_ref().map(encode).unwrap_or_default() != stored;
        if !is_changed && commit.epoch.is_none() {
            self.confirm().await?;
            return Ok(Some(outcome));
        }
        let new = outcome.record.clone();
        commit.record = Some(RecordChange { name: name.into(), old: stored, new });
        Ok(match self.commit(commit, now).await? {
            Committed::Done { .. } => Some(outcome),
            Committed::Changed => None,
        })
    }
}
