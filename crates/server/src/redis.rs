//! State in Redis, or Valkey, for many gates.
//!
//! A command is computed by a gate, from what Redis has, and stored by a script that checks that this is still so:
//! a record together with the revocations that follow from it, or nothing. Keys:
//!
//! | key | type | holds |
//! |---|---|---|
//! | `identity` | hash | version, epoch, and key of the hashes |
//! | `log` | list | the rows of the denylist, by their sequence numbers |
//! | `current` | hash | the sequence number of the row that holds, by kind and value |
//! | `pending` | list | ends of sessions for which the denylist had no room |
//! | `record/NAME` | string | a record, until it has ended |
//! | `bodies`, `due` | hash, sorted set | events that are not delivered, and when to send them |

mod address;
mod commit;
mod compact;
mod fault;
mod link;
mod log;
mod outbox;
mod record;
mod row;
mod sentinels;
mod since;
#[cfg(test)]
mod tests;

use core::fmt;
use core::time::Duration;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use playgate::UnixTime;
use playgate_state::{DenylistCommand, DenylistReply, Outcome, RecordCommand};
use redis::{Pipeline, pipe};
use serde_json::json;
use tokio::sync::{Mutex, Notify};
use tokio::time::{interval, sleep, timeout};

pub use self::address::RedisAddress;
pub use self::fault::RedisFault;
use self::link::{Link, Lost};
use crate::state::{State, StateFailure, Told, Waiting};
use crate::surroundings::Surroundings;

// Between the braces is what Redis Cluster chooses the node by: all is on one.
const IDENTITY: &str = "{playgate}/identity";
const LOG: &str = "{playgate}/log";
const CURRENT: &str = "{playgate}/current";
const PENDING: &str = "{playgate}/pending";
const BODIES: &str = "{playgate}/bodies";
const DUE: &str = "{playgate}/due";
/// What is written only for replicas to confirm it.
const BEAT: &str = "{playgate}/beat";
/// Gates hear here that the log has changed.
const CHANNEL: &str = "{playgate}/news";

/// The version of all this.
const VERSION: &str = "1";

fn record_key(name: &str) -> String {
    ["{playgate}/record/", name].concat()
}

/// How often a command is computed anew, if others change the same.
const ATTEMPTS: u64 = 50;

/// How long to wait until Redis is asked again for a connection, or the sentinels for the primary; and how long after news
/// before listening for more.
const PAUSE: Duration = Duration::from_secs(1);
const NEWS_PAUSE: Duration = Duration::from_millis(50);

/// How many connections there are for changes that replicas have to confirm.
const WRITERS: usize = 16;

/// How many queues there are for commands on records: one for each first byte of a hash.
const QUEUES: usize = 256;

/// For how long the beat stays without another one, in seconds.
const BEAT_LIFE: u64 = 86_400;

/// How often it is looked for what is no longer needed.
const SWEEP: Duration = Duration::from_secs(300);

/// How long replicas have to confirm a change, in milliseconds.
const REPLICAS_PATIENCE: u64 = 700;

/// The state of a deployment in Redis. Clones share a connection.
#[derive(Clone)]
pub struct RedisStore(Arc<Store>);

struct Store {
    link: Link,
    /// For changes that replicas have to confirm. A connection does nothing else while it waits for them.
    writers: Vec<Link>,
    turn: AtomicUsize,
    /// Where commands on the same record wait for each other, by the hash of its name: that spares them to begin anew.
    queues: [Mutex<()>; QUEUES],
    /// The key of the log that this gate has seen.
    known: OnceLock<[u8; 16]>,
    /// How many replicas have to confirm a change before it counts.
    replicas: u32,
    /// Whether events are kept until they are sent.
    keeps_events: bool,
    has_events: Notify,
    surroundings: Arc<dyn Surroundings>,
}

impl RedisStore {
    /// The state at an address. A change counts when this many replicas have confirmed it. If that is all of them, no
    /// failover loses a change, and no old primary is believed; but each server is needed. Events are kept until they are
    /// sent if `keeps_events` says so. `surroundings` tell the time, and get lines about events and failures.
    ///
    /// # Errors
    /// The address cannot be used.
    pub fn new(
        address: RedisAddress,
        replicas: u32,
        keeps_events: bool,
        surroundings: Arc<dyn Surroundings>,
    ) -> Result<Self, RedisFault> {
        let count = if replicas == 0 { 0 } else { WRITERS };
        let lost = Arc::new(Lost::default());
        let writers = (0..count).map(|_| Link::new(address.clone(), false, Arc::clone(&lost)));
        let writers = writers.collect::<Result<_, _>>()?;
        let store = Store {
            link: Link::new(address, true, lost)?,
            writers,
            turn: AtomicUsize::new(0),
            queues: [const { Mutex::const_new(()) }; QUEUES],
            known: OnceLock::new(),
            replicas,
            keeps_events,
            has_events: Notify::new(),
            surroundings,
        };
        Ok(Self(Arc::new(store)))
    }

    /// Connects, and returns whether Redis writes down what it is told.
    ///
    /// # Errors
    /// A [`RedisFault`] if Redis cannot be asked, or is not fit to keep state.
    pub async fn connect(&self) -> Result<bool, RedisFault> {
        let mut connection = self.0.link.connection().await?;
        link::keeps(&mut connection).await
    }

    /// Forgets what is no longer needed, every few minutes, for ever. Each gate does; of several at once, one is faster.
    pub async fn tidy(self) {
        let mut ticks = interval(SWEEP);
        loop {
            ticks.tick().await;
            let now = UnixTime::from_secs(self.0.surroundings.now() / 1000);
            // The next time will do.
            let _ = self.0.reported(self.0.sweep(now).await);
        }
    }

    /// Forgets what is no longer needed now.
    ///
    /// # Errors
    /// A [`RedisFault`].
    pub async fn sweep(&self, now: UnixTime) -> Result<(), RedisFault> {
        self.0.sweep(now).await
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").finish_non_exhaustive()
    }
}

impl State for RedisStore {
    fn denylist(&self, command: DenylistCommand, now: UnixTime) -> Waiting<DenylistReply> {
        let store = Arc::clone(&self.0);
        Box::pin(async move { store.reported(store.denylist(command, now).await) })
    }

    fn record(&self, name: String, command: RecordCommand, now: UnixTime) -> Waiting<Outcome> {
        let store = Arc::clone(&self.0);
        Box::pin(async move { store.reported(store.record(&name, &command, now).await) })
    }

    fn news(&self) -> Option<Told> {
        let store = Arc::clone(&self.0);
        Some(Box::pin(async move {
            sleep(NEWS_PAUSE).await;
            loop {
                // Without a connection nobody tells.
                while store.link.connection().await.is_err() {
                    sleep(PAUSE).await;
                }
                if timeout(PAUSE, store.link.news.notified()).await.is_ok() {
                    return;
                }
                store.link.look_for_another_primary().await;
            }
        }))
    }
}

impl Store {
    /// A result for the gate. The log says what failed.
    fn reported<T>(&self, result: Result<T, RedisFault>) -> Result<T, StateFailure> {
        result.map_err(|fault| match fault {
            RedisFault::Full(_) => StateFailure::Full,
            fault => {
                let line = json!({ "decision": "error", "reason": "state_failed", "error": fault.to_string() });
                self.surroundings.log(line.to_string());
                StateFailure::Unavailable
            }
        })
    }

    /// Waits until enough replicas have confirmed what was read: it may be what an earlier command changed that failed for
    /// want of them.
    async fn confirm(&self) -> Result<(), RedisFault> {
        if self.replicas == 0 {
            return Ok(());
        }
        let mut command = pipe();
        command.cmd("SET").arg(BEAT).arg("").arg("EX").arg(BEAT_LIFE);
        self.confirmed(command).await
    }

    /// Sends a command that writes, and waits until enough replicas have confirmed it.
    async fn confirmed<T: redis::FromRedisValue>(
        &self,
        mut command: Pipeline,
    ) -> Result<T, RedisFault> {
        if self.replicas == 0 {
            let (reply,) = self.link.query(&command).await?;
            return Ok(reply);
        }
        command.cmd("WAIT").arg(self.replicas).arg(REPLICAS_PATIENCE);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed).checked_rem(self.writers.len());
        let link = turn.and_then(|turn| self.writers.get(turn)).unwrap_or(&self.link);
        let began = Instant::now();
        let (reply, replicas): (T, u32) = link.query(&command).await?;
        if replicas < self.replicas {
            // Perhaps they follow another primary now.
            link.give_up(began);
            return Err(RedisFault::Replicas);
        }
        Ok(reply)
    }

    /// Repeats something until nobody else has changed the same in the meantime; and once if the connection fails, for there
    /// may be a new primary. A command that was performed before, and whose reply was lost, changes nothing more.
    async fn repeated<T, F>(&self, work: impl Fn() -> F) -> Result<T, RedisFault>
    where
        F: Future<Output = Result<Option<T>, RedisFault>>,
    {
        let mut is_new = false;
        for attempt in 0..ATTEMPTS {
            match work().await {
                Ok(Some(reply)) => return Ok(reply),
                // Each waits for a different time, so that they do not collide again.
                Ok(None) if attempt > 2 => {
                    let pause = random()?.checked_rem(attempt).unwrap_or_default();
                    sleep(Duration::from_millis(pause)).await;
                }
                Ok(None) => {}
                Err(fault) if fault.is_of_connection() && !is_new => is_new = true,
                Err(fault) => return Err(fault),
            }
        }
        Err(RedisFault::Contended)
    }
}

/// A random number.
fn random() -> Result<u64, RedisFault> {
    getrandom::u64().map_err(|_| RedisFault::Random)
}
