//! The events that are not delivered yet.

use std::sync::Arc;
use std::time::Duration;

use redis::pipe;

use super::fault::RedisFault;
use super::{BODIES, DUE, RedisStore, Store};
use crate::events::{Due, EventQueue, StoredEvent};
use crate::state::{Told, Waiting};

const CLAIM: &str = include_str!("claim.lua");

/// For how long no other gate sends an event, in milliseconds: longer than one waits for a receiver.
const CLAIMED: u64 = 30_000;

/// Events of other gates are looked for as often as this.
const PAUSE: Duration = Duration::from_secs(5);

impl EventQueue for RedisStore {
    fn due(&self, now: u64) -> Waiting<Due> {
        let store = Arc::clone(&self.0);
        Box::pin(async move { store.reported(store.due(now).await) })
    }

    fn sent(&self, event: StoredEvent, again: Option<u64>) -> Waiting<()> {
        let store = Arc::clone(&self.0);
        Box::pin(async move { store.reported(store.sent(event, again).await) })
    }

    fn event(&self) -> Told {
        let store = Arc::clone(&self.0);
        Box::pin(async move {
            let _ = tokio::time::timeout(PAUSE, store.has_events.notified()).await;
        })
    }
}

impl Store {
    async fn due(&self, now: u64) -> Result<Due, RedisFault> {
        type Reply = (Option<String>, Option<String>, Option<f64>);
        let mut command = pipe();
        command.cmd("EVAL").arg(CLAIM).arg(2_u8).arg(BODIES).arg(DUE);
        command.arg(now).arg(now.saturating_add(CLAIMED));
        let ((id, stored, next),): (Reply,) = self.link.query(&command).await?;
        let stored = stored.as_deref().and_then(|stored| stored.split_once(' '));
        let event = id.zip(stored).map(|(id, (attempts, body))| StoredEvent {
            id,
            body: body.into(),
            attempts: attempts.parse().unwrap_or_default(),
        });
        // A time in milliseconds is a whole number that a float has exactly.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time")]
        let next = next.map(|next| next as u64);
        Ok(Due { events: event.into_iter().collect(), next })
    }

    async fn sent(&self, event: StoredEvent, again: Option<u64>) -> Result<(), RedisFault> {
        let StoredEvent { id, body, attempts } = event;
        let mut commands = pipe();
        commands.atomic();
        match again {
            Some(due) => {
                let stored = format!("{} {body}", attempts.saturating_add(1));
                commands.cmd("HSET").arg(BODIES).arg(&id).arg(stored);
                commands.cmd("ZADD").arg(DUE).arg(due).arg(&id);
            }
            None => {
                commands.cmd("HDEL").arg(BODIES).arg(&id).cmd("ZREM").arg(DUE).arg(&id);
            }
        }
        self.link.query::<()>(&commands).await
    }
}
