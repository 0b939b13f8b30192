//! What is new in the log.

use playgate_state::{Entry, Update, hash, tile_end};
use redis::pipe;
use sha2::{Digest as _, Sha256};

use super::fault::RedisFault;
use super::row::StoredRow;
use super::{BEAT, BEAT_LIFE, IDENTITY, LOG, Store, VERSION, random};

const SINCE: &str = include_str!("since.lua");

/// A part of the log.
struct Part {
    /// What gates know the log by.
    epoch: u64,
    /// What is stored of that.
    stored_epoch: Vec<u8>,
    key: [u8; 16],
    len: u64,
    rows: Vec<Vec<u8>>,
}

impl Store {
    /// What is new for a gate.
    pub(super) async fn try_since(
        &self,
        epoch: Option<u64>,
        from: u64,
    ) -> Result<Option<Update>, RedisFault> {
        let wanted = if epoch.is_some() { from } else { 0 };
        let Some(mut part) = self.part(wanted).await? else { return Ok(None) };
        let follows = epoch == Some(part.epoch);
        if follows && from > part.len {
            // A gate has more than Redis, which lost it: all gates have to read anew.
            self.renew(&part.stored_epoch).await?;
            return Ok(None);
        }
        let start = if follows { from } else { 0 };
        if start != wanted {
            let Some(whole) = self.part(0).await? else { return Ok(None) };
            part = whole;
        }
        let entry = |bytes: &Vec<u8>| {
            let StoredRow { revocation, removed } = StoredRow::decode(bytes)?;
            let hash = hash(&part.key, revocation.kind, &revocation.value);
            Ok(Entry::new(hash, &revocation, removed))
        };
        let entries = part.rows.iter().map(entry).collect::<Result<Vec<_>, RedisFault>>()?;
        Ok(Some(Update::new(part.epoch, part.key, start, entries)))
    }

    /// The rows from this one on, to the end of its tile. `None` if there was no log yet.
    async fn part(&self, start: u64) -> Result<Option<Part>, RedisFault> {
        type Reply =
            (bool, Vec<u8>, Option<String>, Option<Vec<u8>>, Option<Vec<u8>>, u64, Vec<Vec<u8>>);
        let mut question = pipe();
        let last = tile_end(start).saturating_sub(1);
        let beat = if self.replicas > 0 { BEAT_LIFE } else { 0 };
        question.cmd("EVAL").arg(SINCE).arg(3_u8).arg(IDENTITY).arg(LOG).arg(BEAT);
        question.arg(start).arg(last).arg(beat);
        let (evicts, server, version, epoch, key, len, rows): Reply =
            self.confirmed(question).await?;
        if evicts {
            return Err(RedisFault::Evicts);
        }
        let (Some(version), Some(epoch), Some(key)) = (version, epoch, key) else {
            self.create().await?;
            return Ok(None);
        };
        let key: [u8; 16] = key.try_into().map_err(|_| RedisFault::Version)?;
        self.recognize(&key)?;
        if version != VERSION {
            return Err(RedisFault::Version);
        }
        // A server that starts, or becomes the primary, may lack the last rows, or have others. So it is another log.
        let name = Sha256::new().chain_update(&epoch).chain_update(server).finalize();
        let name = name.first_chunk().copied().unwrap_or_default();
        let part = Part { epoch: u64::from_be_bytes(name), stored_epoch: epoch, key, len, rows };
        Ok(Some(part))
    }

    /// Checks that a log is the one that this gate knows. If it is not, Redis was emptied, and nobody knows any more what was
    /// revoked and used.
    pub(super) fn recognize(&self, key: &[u8; 16]) -> Result<(), RedisFault> {
        if self.known.get_or_init(|| *key) == key { Ok(()) } else { Err(RedisFault::Gone) }
    }

    /// Gives an empty log its identity, unless another gate did.
    pub(super) async fn create(&self) -> Result<(), RedisFault> {
        if self.known.get().is_some() {
            return Err(RedisFault::Gone);
        }
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(|_| RedisFault::Random)?;
        let epoch = random()?.to_be_bytes();
        let mut commands = pipe();
        commands.atomic();
        commands.cmd("HSETNX").arg(IDENTITY).arg("version").arg(VERSION);
        commands.cmd("HSETNX").arg(IDENTITY).arg("epoch").arg(&epoch);
        commands.cmd("HSETNX").arg(IDENTITY).arg("key").arg(&key);
        self.link.query::<()>(&commands).await
    }

    /// Makes every gate read the log from its start.
    async fn renew(&self, epoch: &[u8]) -> Result<(), RedisFault> {
        const SCRIPT: &str = "if redis.call('HGET', KEYS[1], 'epoch') == ARGV[1] then
            redis.call('HSET', KEYS[1], 'epoch', ARGV[2]) end";
        let mut command = pipe();
        command.cmd("EVAL").arg(SCRIPT).arg(1_u8).arg(IDENTITY);
        command.arg(epoch).arg(&random()?.to_be_bytes());
        self.confirmed::<()>(command).await
    }
}
