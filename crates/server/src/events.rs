//! Sends events as signed webhooks, in the form of Standard Webhooks (<https://www.standardwebhooks.com>): each at least
//! once, with an id by which a receiver knows a repetition.

use core::time::Duration;
use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use base64ct::{Base64, Encoding as _};
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{Request, StatusCode};
use http_body_util::Full;
use sha2::Sha256;
use tokio::time::{sleep, timeout};

use crate::http_client::{HttpClient, http_client};
use crate::sqlite::StoredEvent;
use crate::state::StateThread;
use crate::surroundings::Surroundings;

/// How long to wait after each attempt that failed, in seconds. Then the event is given up.
const WAITS: [u64; 8] = [5, 60, 300, 1_800, 7_200, 18_000, 36_000, 86_400];

/// How long to wait for the receiver.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long to wait until the state is asked again that gave no answer.
const PAUSE: Duration = Duration::from_secs(5);

/// Sends the events of a state to a receiver.
pub struct Webhooks {
    url: String,
    key: Hmac<Sha256>,
    client: HttpClient<Full<Bytes>>,
    state: StateThread,
    surroundings: Arc<dyn Surroundings>,
}

impl core::fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Webhooks").finish_non_exhaustive()
    }
}

impl Webhooks {
    /// Sends to a URL, signed with a secret: `whsec_` and the key in base64.
    ///
    /// # Errors
    /// The secret has another form.
    pub fn new(
        url: &str,
        secret: &str,
        state: StateThread,
        surroundings: Arc<dyn Surroundings>,
    ) -> io::Result<Self> {
        let key = secret.strip_prefix("whsec_").and_then(|key| Base64::decode_vec(key).ok());
        let key = key.and_then(|key| Hmac::new_from_slice(&key).ok());
        let key = key.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self { url: url.into(), key, client: http_client(), state, surroundings })
    }

    /// Sends what is due, one event after the other, for ever.
    pub async fn run(self) {
        // What was delivered, and could not be noted yet.
        let mut delivered = HashSet::new();
        loop {
            let now = self.surroundings.now();
            let Ok((due, next)) = self.state.ask(move |store| store.due_events(now)).await else {
                sleep(PAUSE).await;
                continue;
            };
            if due.is_empty() {
                let wait = next.map_or(Duration::MAX, |next| {
                    Duration::from_millis(next.saturating_sub(now).max(1))
                });
                // A clock that is set forward makes it late at most by this.
                let _ = timeout(wait.min(Duration::from_secs(60)), self.state.event()).await;
            }
            for event in due {
                let id = event.id.clone();
                let is_delivered = delivered.contains(&id);
                match self.deliver(event, is_delivered).await {
                    Ok(()) => drop(delivered.remove(&id)),
                    Err(is_done) => {
                        if is_done {
                            delivered.insert(id);
                        }
                        // Nothing can be noted, for the others neither.
                        sleep(PAUSE).await;
                        break;
                    }
                }
            }
        }
    }

    /// Sends an event, unless it was delivered, and notes that. Otherwise returns whether it is delivered.
    async fn deliver(&self, event: StoredEvent, is_delivered: bool) -> Result<(), bool> {
        let is_done = is_delivered || self.send(&event).await;
        let wait = WAITS.get(event.attempts);
        if !is_done && wait.is_none() {
            let line = r#"{"decision":"error","reason":"event_given_up"}"#;
            self.surroundings.log(line.into());
        }
        let now = self.surroundings.now();
        let again =
            wait.filter(|_| !is_done).map(|wait| now.saturating_add(wait.saturating_mul(1000)));
        let noted = self.state.ask(move |store| store.event_sent(&event.id, again)).await;
        noted.map_err(|_| is_done)
    }

    /// Sends an event. Returns whether the receiver has taken it, or does not want it (410).
    async fn send(&self, StoredEvent { id, body, .. }: &StoredEvent) -> bool {
        let timestamp = (self.surroundings.now() / 1000).to_string();
        let mut tag = self.key.clone();
        for part in [id, ".", &timestamp, ".", body] {
            tag.update(part.as_bytes());
        }
        let tag = Base64::encode_string(&tag.finalize().into_bytes());
        let request = Request::post(&self.url)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", ["v1,", &tag].concat())
            .body(Full::from(body.clone()));
        let Ok(request) = request else { return false };
        let answer = timeout(PATIENCE, self.client.request(request)).await;
        answer.is_ok_and(|answer| {
            answer.is_ok_and(|answer| {
                answer.status().is_success() || answer.status() == StatusCode::GONE
            })
        })
    }
}
