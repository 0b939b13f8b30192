//! Sends events as signed webhooks, in the form of Standard Webhooks (<https://www.standardwebhooks.com>): each at least
//! once, with an id by which a receiver knows a repetition.

use core::time::Duration;
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use base64ct::{Base64, Encoding as _};
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{Request, StatusCode};
use http_body_util::Full;
use playgate::UnixTime;
use playgate_edge::Event;
use sha2::Sha256;
use tokio::time::{sleep, timeout};

use crate::http_client::{HttpClient, http_client};
use crate::state::{Told, Waiting};
use crate::surroundings::Surroundings;

/// How long to wait after each attempt that failed, in seconds. Then the event is given up.
const WAITS: [u64; 8] = [5, 60, 300, 1_800, 7_200, 18_000, 36_000, 86_400];

/// How long to wait for the receiver.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long to wait until the state is asked again that gave no answer.
const PAUSE: Duration = Duration::from_secs(5);

/// The most events that wait.
pub(crate) const MAX_WAITING: u64 = 10_000;

/// The last second of the year 9999: later ones have no date in RFC 3339.
const MAX_TIME: u64 = 253_402_300_799;

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

impl StoredEvent {
    /// An event that was not sent yet, with a random id in the form of a UUID (RFC 9562, section 5.4).
    pub(crate) fn new(event: &Event<'_>, now: UnixTime) -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        let mut number = u128::from_be_bytes(bytes);
        number = number & !(0xf << 76) | 4 << 76;
        number = number & !(0b11 << 62) | 0b10 << 62;
        let hex = format!("{number:032x}");
        let part = |from, to| hex.get(from..to).unwrap_or_default();
        let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
        let time = Duration::from_secs(now.as_secs().min(MAX_TIME));
        let time = UNIX_EPOCH.checked_add(time).unwrap_or(UNIX_EPOCH);
        let body = event.body(&humantime::format_rfc3339_millis(time).to_string());
        Ok(Self { id: ["msg_", &parts.join("-")].concat(), body, attempts: 0 })
    }
}

/// Shows no body: it names a viewer.
impl core::fmt::Debug for StoredEvent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("StoredEvent").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The events to send now.
#[derive(Clone, Debug, Default)]
pub struct Due {
    /// Those that are due.
    pub events: Vec<StoredEvent>,
    /// When the next one is due, in Unix milliseconds, if there is one.
    pub next: Option<u64>,
}

/// The events of a state that are not delivered yet.
pub trait EventQueue: Send + Sync + 'static {
    /// The events to send at a time, in Unix milliseconds.
    fn due(&self, now: u64) -> Waiting<Due>;

    /// Notes that an event was sent, or given up; or that it is to be sent again at a time.
    fn sent(&self, event: StoredEvent, again: Option<u64>) -> Waiting<()>;

    /// Waits until there may be another event.
    fn event(&self) -> Told;
}

/// Sends the events of a state to a receiver.
pub struct Webhooks {
    url: String,
    key: Hmac<Sha256>,
    client: HttpClient<Full<Bytes>>,
    queue: Arc<dyn EventQueue>,
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
        queue: Arc<dyn EventQueue>,
        surroundings: Arc<dyn Surroundings>,
    ) -> io::Result<Self> {
        let key = secret.strip_prefix("whsec_").and_then(|key| Base64::decode_vec(key).ok());
        let key = key.and_then(|key| Hmac::new_from_slice(&key).ok());
        let key = key.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self { url: url.into(), key, client: http_client(), queue, surroundings })
    }

    /// Sends what is due, one event after the other, for ever.
    pub async fn run(self) {
        // What was delivered, and could not be noted yet.
        let mut delivered = HashSet::new();
        loop {
            let now = self.surroundings.now();
            let Ok(Due { events, next }) = self.queue.due(now).await else {
                sleep(PAUSE).await;
                continue;
            };
            if events.is_empty() {
                let wait = next.map_or(Duration::MAX, |next| {
                    Duration::from_millis(next.saturating_sub(now).max(1))
                });
                // A clock that is set forward makes it late at most by this.
                let _ = timeout(wait.min(Duration::from_secs(60)), self.queue.event()).await;
            }
            for event in events {
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
        let noted = self.queue.sent(event, again).await;
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
