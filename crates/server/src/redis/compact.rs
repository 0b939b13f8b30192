//! What is no longer needed goes.

use std::sync::Arc;

use playgate::UnixTime;
use playgate_state::{CLOCK_SLACK, DenylistReply, Writer, should_compact};
use redis::pipe;

use super::fault::RedisFault;
use super::log::CHUNK;
use super::row::{Postponed, StoredRow};
use super::{CHANNEL, CURRENT, IDENTITY, LOG, PENDING, Store, random};

const REPLACE: &str = include_str!("replace.lua");

/// Marks that ended revocations were looked for of late.
const COMPACTED: &str = "{playgate}/compacted";
/// Marks that room was looked for of late.
const SEARCHED: &str = "{playgate}/searched";

/// For how long the marks stay, in seconds.
const DAY: u64 = 86_400;
const MINUTE: u64 = 60;

/// How long a new log may take to be written, in seconds.
const WRITING: u64 = 600;

/// A log that is being written.
struct NewLog {
    log: String,
    current: String,
    len: u64,
}

impl Store {
    /// Does what could not be done before. Once a day, starts a new log if much of this one is no longer needed.
    pub(super) async fn sweep(self: &Arc<Self>, now: UnixTime) -> Result<(), RedisFault> {
        if self.is_first(COMPACTED, DAY).await? {
            self.compact(now, None).await?;
        }
        let mut question = pipe();
        question.cmd("LRANGE").arg(PENDING).arg(0_u8).arg(CHUNK);
        let (pending,): (Vec<Vec<u8>>,) = self.link.query(&question).await?;
        for bytes in pending {
            let Postponed { revocation, about } = Postponed::decode(&bytes)?;
            if !revocation.has_ended(now) {
                match self.revoke(&revocation, Writer::Record, &about, now).await {
                    Err(RedisFault::Full(_)) => break,
                    other => drop::<DenylistReply>(other?),
                }
            }
            let mut command = pipe();
            command.cmd("LREM").arg(PENDING).arg(1_u8).arg(bytes);
            self.confirmed::<()>(command).await?;
        }
        Ok(())
    }

    /// Makes room in a log that is full, if that is possible, and nobody has tried of late.
    pub(super) async fn make_room(
        self: &Arc<Self>,
        most: u64,
        now: UnixTime,
    ) -> Result<(), RedisFault> {
        if !self.is_first(SEARCHED, MINUTE).await? {
            return Ok(());
        }
        let store = Arc::clone(self);
        // It goes on if whoever asked does not wait for it.
        let compacting = tokio::spawn(async move { store.compact(now, Some(most)).await });
        compacting.await.map_err(|_| RedisFault::Contended)?
    }

    /// Sets a mark for some seconds. Returns whether it was not set.
    async fn is_first(&self, mark: &str, seconds: u64) -> Result<bool, RedisFault> {
        let mut command = pipe();
        command.cmd("SET").arg(mark).arg("").arg("NX").arg("EX").arg(seconds);
        let (set,): (Option<String>,) = self.link.query(&command).await?;
        Ok(set.is_some())
    }

    /// Starts a new log if much of this one is no longer needed. `most` is how many rows it may have, if it is full.
    async fn compact(&self, now: UnixTime, most: Option<u64>) -> Result<(), RedisFault> {
        let mut question = pipe();
        question.cmd("HGET").arg(IDENTITY).arg("epoch").cmd("LLEN").arg(LOG).cmd("TIME");
        let (epoch, len, (time, _)): (Option<Vec<u8>>, u64, (u64, u64)) =
            self.link.query(&question).await?;
        // What has ended only by the clock of this gate is needed by others. A gate may be behind, or have a leeway.
        let kept = UnixTime::from_secs(now.as_secs().min(time).saturating_sub(CLOCK_SLACK));
        let Some(epoch) = epoch else { return Ok(()) };
        let (mut live, mut at) = (0_u64, 0);
        while at < len {
            let chunk = self.chunk(at).await?;
            if chunk.is_empty() {
                return Ok(());
            }
            let needed = chunk.iter().filter(|row| is_live(row, kept)).count();
            live = live.saturating_add(size(needed));
            at = at.saturating_add(size(chunk.len()).max(1));
        }
        if !should_compact(len, live, most) {
            return Ok(());
        }
        let name = random()?;
        let key = |what| format!("{{playgate}}/new/{name:016x}/{what}");
        let mut new = NewLog { log: key("log"), current: key("current"), len: 0 };
        let mut at = 0;
        while at < len {
            let mut chunk = self.chunk(at).await?;
            // What was added since comes later, whole.
            chunk.truncate(usize::try_from(len.saturating_sub(at)).unwrap_or(usize::MAX));
            at = at.saturating_add(size(chunk.len()).max(1));
            chunk.retain(|row| is_live(row, kept));
            self.write(&mut new, chunk.into_iter().map(|(row, _)| row)).await?;
        }
        loop {
            let mut command = pipe();
            command.cmd("EVAL").arg(REPLACE).arg(5_u8).arg(IDENTITY).arg(LOG).arg(CURRENT);
            command.arg(&new.log).arg(&new.current);
            command.arg(&epoch).arg(at).arg(&random()?.to_be_bytes()).arg(CHANNEL).arg(new.len);
            let len: i64 = self.confirmed(command).await?;
            // It is done; or it is another log.
            let Some(len) = u64::try_from(len).ok().filter(|len| *len > at) else { return Ok(()) };
            while at < len {
                let chunk = self.chunk(at).await?;
                at = at.saturating_add(size(chunk.len()).max(1));
                self.write(&mut new, chunk.into_iter().map(|(row, _)| row)).await?;
            }
        }
    }

    /// Adds rows to a new log.
    async fn write(
        &self,
        new: &mut NewLog,
        rows: impl Iterator<Item = StoredRow>,
    ) -> Result<(), RedisFault> {
        let mut commands = pipe();
        let before = new.len;
        for row in rows {
            commands.cmd("RPUSH").arg(&new.log).arg(row.encode());
            if row.removed {
                commands.cmd("HDEL").arg(&new.current).arg(row.field());
            } else {
                commands.cmd("HSET").arg(&new.current).arg(row.field()).arg(new.len);
            }
            new.len = new.len.saturating_add(1);
        }
        if new.len == before {
            return Ok(());
        }
        for key in [&new.log, &new.current] {
            commands.cmd("EXPIRE").arg(key).arg(WRITING);
        }
        self.link.query::<()>(&commands).await
    }
}

/// Whether a row holds, and has not ended.
fn is_live((row, is_current): &(StoredRow, bool), kept: UnixTime) -> bool {
    *is_current && !row.revocation.has_ended(kept)
}

fn size(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
