//! The denylist in Redis.

use std::sync::Arc;

use playgate::UnixTime;
use playgate_edge::About;
use playgate_state::{DenylistCommand, DenylistReply, Kind, Revocation, Row, Writer, hash};
use redis::pipe;

use super::commit::{Commit, Committed, NewRow};
use super::fault::RedisFault;
use super::row::{StoredRow, field};
use super::{CURRENT, IDENTITY, LOG, Store};

const CURRENT_ROWS: &str = include_str!("current.lua");

/// How many rows are read at a time.
pub(super) const CHUNK: u64 = 2_000;

/// The rows that hold for some revocations.
pub(super) struct Current {
    pub(super) epoch: Vec<u8>,
    pub(super) len: u64,
    pub(super) rows: Vec<Option<(u64, StoredRow)>>,
}

impl Store {
    pub(super) async fn denylist(
        self: &Arc<Self>,
        command: DenylistCommand,
        now: UnixTime,
    ) -> Result<DenylistReply, RedisFault> {
        match command {
            DenylistCommand::List { after, limit } => {
                self.repeated(|| self.try_list(after, limit, now)).await
            }
            DenylistCommand::Since { epoch, from } => {
                let update = self.repeated(|| self.try_since(epoch, from)).await;
                update.map(DenylistReply::Update)
            }
            DenylistCommand::Undo { kind, value } => {
                self.repeated(|| self.try_undo(kind, &value, now)).await
            }
            DenylistCommand::Revoke(revocation) => {
                self.revoke(&revocation, Writer::Operator, &About::default(), now).await
            }
        }
    }

    pub(super) async fn revoke(
        self: &Arc<Self>,
        revocation: &Revocation,
        writer: Writer,
        about: &About,
        now: UnixTime,
    ) -> Result<DenylistReply, RedisFault> {
        let attempt = || self.try_revoke(revocation, writer, about, now);
        match self.repeated(attempt).await {
            Err(RedisFault::Full(most)) => {
                self.make_room(most, now).await?;
                self.repeated(attempt).await
            }
            other => other,
        }
    }

    async fn try_revoke(
        self: &Arc<Self>,
        revocation: &Revocation,
        writer: Writer,
        about: &About,
        now: UnixTime,
    ) -> Result<Option<DenylistReply>, RedisFault> {
        let one = core::slice::from_ref(revocation);
        let Some(commit) = self.planned(one, writer, about, false, now).await? else {
            return Ok(None);
        };
        if let Some(new) = commit.rows.first() {
            let StoredRow { revocation, removed } = new.row.clone();
            return self.append(commit, revocation, removed, now).await;
        }
        let Some(current) = self.current(one).await? else { return Ok(None) };
        // It was undone at this moment.
        let Some(Some((seq, row))) = current.rows.into_iter().next() else { return Ok(None) };
        self.confirm().await?;
        Ok(Some(DenylistReply::Unchanged(self.row(seq, row.revocation, false).await?)))
    }

    async fn try_undo(
        self: &Arc<Self>,
        kind: Kind,
        value: &str,
        now: UnixTime,
    ) -> Result<Option<DenylistReply>, RedisFault> {
        let Some(current) = self.current_fields(&[field(kind, value)]).await? else {
            return Ok(None);
        };
        let Some(Some((seq, row))) = current.rows.into_iter().next() else {
            self.confirm().await?;
            return Ok(Some(DenylistReply::Unknown));
        };
        let revocation = row.revocation;
        let mut commit = Commit { epoch: Some(current.epoch), ..Commit::default() };
        commit.tell(&revocation, true, &About::default(), self.keeps_events, now)?;
        let row = StoredRow { revocation: revocation.clone(), removed: true };
        commit.rows.push(NewRow { row, replaces: Some(seq), writer: Writer::Operator });
        self.append(commit, revocation, true, now).await
    }

    async fn append(
        &self,
        commit: Commit,
        revocation: Revocation,
        removed: bool,
        now: UnixTime,
    ) -> Result<Option<DenylistReply>, RedisFault> {
        match self.commit(commit, now).await? {
            Committed::Done { first, .. } => {
                Ok(Some(DenylistReply::Appended(self.row(first, revocation, removed).await?)))
            }
            Committed::Changed => Ok(None),
        }
    }

    /// A row with the hash that gates know it by.
    async fn row(
        &self,
        seq: u64,
        revocation: Revocation,
        removed: bool,
    ) -> Result<Row, RedisFault> {
        let hash = hash(&self.key().await?, revocation.kind, &revocation.value);
        Ok(Row { seq, revocation, hash, removed })
    }

    /// The key of the log, which never changes.
    async fn key(&self) -> Result<[u8; 16], RedisFault> {
        if let Some(key) = self.known.get() {
            return Ok(*key);
        }
        let mut question = pipe();
        question.cmd("HGET").arg(IDENTITY).arg("key");
        let (key,): (Vec<u8>,) = self.link.query(&question).await?;
        let key = key.try_into().map_err(|_| RedisFault::Version)?;
        self.recognize(&key)?;
        Ok(key)
    }

    /// The rows that hold for the same as some revocations. `None` if there was no log yet.
    pub(super) async fn current(
        &self,
        revocations: &[Revocation],
    ) -> Result<Option<Current>, RedisFault> {
        let fields = revocations.iter().map(|one| field(one.kind, &one.value));
        self.current_fields(&fields.collect::<Vec<_>>()).await
    }

    async fn current_fields(&self, fields: &[String]) -> Result<Option<Current>, RedisFault> {
        type Found = Option<(u64, Vec<u8>)>;
        let mut question = pipe();
        question.cmd("EVAL").arg(CURRENT_ROWS).arg(3_u8).arg(IDENTITY).arg(LOG).arg(CURRENT);
        question.arg(fields);
        let ((epoch, len, found),): ((Option<Vec<u8>>, u64, Vec<Found>),) =
            self.link.query(&question).await?;
        let Some(epoch) = epoch else {
            self.create().await?;
            return Ok(None);
        };
        let row = |found: Found| match found {
            Some((seq, bytes)) => Ok(Some((seq, StoredRow::decode(&bytes)?))),
            None => Ok(None),
        };
        let rows = found.into_iter().map(row).collect::<Result<Vec<_>, RedisFault>>()?;
        Ok(Some(Current { epoch, len, rows }))
    }

    async fn try_list(
        &self,
        after: Option<u64>,
        limit: usize,
        now: UnixTime,
    ) -> Result<Option<DenylistReply>, RedisFault> {
        let mut rows: Vec<Row> = Vec::new();
        let Some(mut start) = after.map_or(Some(0), |after| after.checked_add(1)) else {
            return Ok(Some(DenylistReply::Listed { rows, next: None }));
        };
        loop {
            let chunk = self.chunk(start).await?;
            if chunk.is_empty() {
                return Ok(Some(DenylistReply::Listed { rows, next: None }));
            }
            for (row, is_current) in chunk {
                if is_current && !row.revocation.has_ended(now) {
                    // One more than asked for tells that there is another page.
                    if rows.len() >= limit {
                        let next = rows.last().map(|row| row.seq);
                        return Ok(Some(DenylistReply::Listed { rows, next }));
                    }
                    rows.push(self.row(start, row.revocation, row.removed).await?);
                }
                start = start.saturating_add(1);
            }
        }
    }

    /// Some rows from this one on, and whether they hold.
    pub(super) async fn chunk(&self, start: u64) -> Result<Vec<(StoredRow, bool)>, RedisFault> {
        let mut question = pipe();
        let last = start.saturating_add(CHUNK).saturating_sub(1);
        question.cmd("LRANGE").arg(LOG).arg(start).arg(last);
        let (rows,): (Vec<Vec<u8>>,) = self.link.query(&question).await?;
        let rows = rows.iter().map(|bytes| StoredRow::decode(bytes));
        let rows = rows.collect::<Result<Vec<_>, RedisFault>>()?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut question = pipe();
        question.cmd("HMGET").arg(CURRENT);
        for row in &rows {
            question.arg(row.field());
        }
        let (current,): (Vec<Option<u64>>,) = self.link.query(&question).await?;
        let numbered = rows.into_iter().zip(start..).zip(current);
        Ok(numbered.map(|((row, seq), current)| (row, current == Some(seq))).collect())
    }
}
