//! The gate: decides on requests, asks what the decisions need, and carries out their plans.

mod call;
mod informed;
mod plan;

use core::fmt;
use core::future::Future;
use core::time::Duration;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use playgate::UnixTime;
use playgate_edge::{Body as ResponseBody, Broken, Config, LogEntry, Memory};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::body::GateBody;
use crate::client::Client;
use crate::request::Texts;
use crate::state::State;
use crate::store::MediaStore;
use crate::surroundings::Surroundings;

/// How long to wait for one answer of the state.
const PATIENCE: Duration = Duration::from_secs(2);

/// A gate in front of a media store.
pub struct Gate<S> {
    core: Arc<Core>,
    media: S,
}

/// What a gate knows.
struct Core {
    config: RwLock<Arc<Result<Config, Broken>>>,
    memory: RwLock<Memory>,
    state: Option<Arc<dyn State>>,
    surroundings: Arc<dyn Surroundings>,
    /// When the denylist was last asked, in Unix milliseconds. Whoever asks holds the lock.
    asked_at: Mutex<u64>,
    /// Whether somebody listens to the state.
    listens: AtomicBool,
    /// Whether it takes no new requests.
    stops: AtomicBool,
}

impl<S> fmt::Debug for Gate<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

impl<S> Gate<S> {
    /// A gate. It keeps state if its configuration says so, and `state` is where.
    pub fn new(
        config: Result<Config, Broken>,
        media: S,
        state: Option<Arc<dyn State>>,
        surroundings: Arc<dyn Surroundings>,
    ) -> Self {
        let core = Core {
            config: RwLock::new(Arc::new(config)),
            memory: RwLock::default(),
            state,
            surroundings,
            asked_at: Mutex::new(0),
            listens: AtomicBool::new(false),
            stops: AtomicBool::new(false),
        };
        Self { core: Arc::new(core), media }
    }

    /// The same gate, which knows the same, in front of another media store.
    pub(crate) fn in_front_of<M>(&self, media: M) -> Gate<M> {
        Gate { core: Arc::clone(&self.core), media }
    }

    /// Replaces the configuration. Requests that are being served keep the one that they began with.
    pub fn reload(&self, config: Config) {
        let config = Arc::new(Ok(config));
        *self.core.config.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// Whether it can decide: it keeps no state, or the state answers.
    pub async fn is_ready(&self) -> bool {
        self.core.is_ready().await
    }

    /// Says that it takes no new requests, so that it is not ready for others any more.
    pub fn stop(&self) {
        self.core.stops.store(true, Ordering::Relaxed);
    }

    /// Whether it takes no new requests.
    #[cfg(feature = "standalone")]
    pub(crate) fn stops(&self) -> bool {
        self.core.stops.load(Ordering::Relaxed)
    }

    /// How old its knowledge of the denylist is, in milliseconds, if it has any; and how many playbacks with a limit it has
    /// served of late.
    #[must_use]
    pub fn known(&self) -> (Option<u64>, usize) {
        let (memory, now) = (self.core.remembered(), self.core.now());
        let age = Some(memory.denylist.age(now)).filter(|age| *age != u64::MAX);
        (age, memory.playbacks(now))
    }

    /// Writes a line to the log.
    #[cfg(feature = "standalone")]
    pub(crate) fn log(&self, line: Value) {
        self.core.log(line);
    }
}

impl<S: MediaStore> Gate<S> {
    /// Answers a request.
    pub async fn serve<B>(
        &self,
        request: Request<B>,
        client: &Client,
    ) -> Response<GateBody<S::Body>>
    where
        B: Body<Data = Bytes> + Send + Unpin,
        B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        // Nothing that a request changes is left half done: the locks are held for single calls.
        let answer = AssertUnwindSafe(self.answer(request, client)).catch_unwind();
        answer.await.unwrap_or_else(|_| self.core.fails("Panic"))
    }

    async fn answer<B>(&self, request: Request<B>, client: &Client) -> Response<GateBody<S::Body>>
    where
        B: Body<Data = Bytes> + Send + Unpin,
        B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        let (start, config) = (Instant::now(), self.core.config());
        self.core.listen();
        let (parts, body) = request.into_parts();
        let Some(texts) = Texts::of(&parts, client) else {
            let detail = "the request needs one Host field, with a host and no more";
            let reason = Some("bad_request");
            let entry = LogEntry { decision: "deny", reason, status: 400, ..LogEntry::default() };
            self.core.note(&config, &entry, start.elapsed());
            return problem(StatusCode::BAD_REQUEST, "bad_request", detail);
        };
        let (response, entry) = self.decide(&config, &texts, client, body).await;
        if let Some(entry) = entry {
            self.core.note(&config, &entry, start.elapsed());
        }
        response
    }
}

impl Core {
    /// Whether it can decide: it keeps no state, or the state answers.
    async fn is_ready(&self) -> bool {
        let config = self.config();
        let Ok(config) = config.as_ref() else { return false };
        if !config.keeps_state() {
            return true;
        }
        let asked = self.now();
        self.learn_since(asked).await;
        let now = self.now();
        self.remembered().denylist.age(now) <= now.saturating_sub(asked)
    }

    /// Learns what other gates revoke as soon as the state tells of it, from the first request on.
    fn listen(self: &Arc<Self>) {
        // Each request comes by here, and writes nothing but once.
        if self.listens.load(Ordering::Relaxed) || self.listens.swap(true, Ordering::Relaxed) {
            return;
        }
        let Some(state) = self.state.clone() else { return };
        let core = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(news) = state.news() {
                news.await;
                let Some(core) = core.upgrade() else { return };
                core.learn_since(core.now()).await;
            }
        });
    }

    /// Writes a line to the log.
    fn log(&self, line: Value) {
        self.surroundings.log(line.to_string());
    }

    /// Counts a decision, and writes it to the log.
    fn note(&self, config: &Result<Config, Broken>, entry: &LogEntry, took: Duration) {
        self.surroundings.decided(entry, took);
        let level = config.as_ref().map(Config::log).unwrap_or_default();
        if let Some(line) = entry.line(level) {
            self.surroundings.log(line);
        }
    }

    fn config(&self) -> Arc<Result<Config, Broken>> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn remembered(&self) -> RwLockReadGuard<'_, Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self) -> RwLockWriteGuard<'_, Memory> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        self.surroundings.now()
    }

    /// The answer if the gate itself fails. `error` is the kind of failure.
    fn fails<B>(&self, error: &str) -> Response<GateBody<B>> {
        let line = json!({ "decision": "error", "reason": "gate_error", "error": error });
        self.log(line);
        let detail = "the gate failed, so it serves nothing";
        problem(StatusCode::SERVICE_UNAVAILABLE, "gate_error", detail)
    }

    /// The result of a question to the state. `None` if it fails, or takes too long; the log says so.
    async fn asked<T, E>(
        &self,
        what: &str,
        question: impl Future<Output = Result<T, E>>,
    ) -> Option<Result<T, E>> {
        let reply = tokio::time::timeout(PATIENCE, question).await.ok();
        if !matches!(reply, Some(Ok(_))) {
            let error = if reply.is_some() { "StateError" } else { "TimeoutError" };
            let line = json!({ "decision": "error", "reason": what, "error": error });
            self.log(line);
        }
        reply
    }
}

/// The response that a decision or a plan makes. `None` if a header field of the media store is no header field.
fn response<B>(
    response: playgate_edge::Response,
    stored: Option<B>,
) -> Option<Response<GateBody<B>>> {
    let playgate_edge::Response { status, headers: fields, body } = response;
    let mut headers = HeaderMap::with_capacity(fields.len());
    for (name, value) in &fields {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    let body = match (body, stored) {
        (ResponseBody::Text(text), _) => GateBody::Own(text.into()),
        (ResponseBody::Stored, Some(body)) => GateBody::Stored(body),
        _ => GateBody::Own(Bytes::new()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    *response.headers_mut() = headers;
    Some(response)
}

/// An RFC 9457 problem that the gate answers before it decides, or after it failed.
pub(crate) fn problem<B>(
    status: StatusCode,
    reason: &'static str,
    detail: &str,
) -> Response<GateBody<B>> {
    let body = json!({
        "type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(),
        "reason": reason, "detail": detail,
    });
    let mut response = Response::new(GateBody::Own(body.to_string().into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("playgate-reason", HeaderValue::from_static(reason));
    headers.insert(http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A time in whole seconds.
const fn seconds(millis: u64) -> UnixTime {
    UnixTime::from_secs(millis / 1000)
}
