//! What goes on in a connection: with HTTP/2, its writes do not tell. A client may let some answers wait while it takes
//! others, or while it only says that it is still there.

use core::pin::Pin;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

/// The most bytes that HTTP/2 gets at once. It holds them, whatever room the client has.
const PIECE: usize = 16 * 1024;

/// The answers of a connection.
pub(super) struct Watch {
    start: Instant,
    answers: Mutex<Vec<Weak<Answer>>>,
    /// When something last began or ended, in milliseconds after the start.
    changed_at: AtomicU64,
    has_asked: AtomicBool,
}

/// An answer that is being made, or sent.
pub(super) struct Answer {
    watch: Arc<Watch>,
    /// When it was last asked for more, in milliseconds after the start.
    asked_at: AtomicU64,
    /// Whether it waits for its source, not for the client.
    is_waiting: AtomicBool,
    _permit: OwnedSemaphorePermit,
}

impl Watch {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            answers: Mutex::default(),
            changed_at: AtomicU64::new(0),
            has_asked: AtomicBool::new(false),
        })
    }

    /// An answer begins.
    pub(super) fn begin(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Arc<Answer> {
        let answer = Arc::new(Answer {
            watch: Arc::clone(self),
            asked_at: AtomicU64::new(self.now()),
            is_waiting: AtomicBool::new(true),
            _permit: permit,
        });
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|known| known.strong_count() > 0);
        answers.push(Arc::downgrade(&answer));
        answer
    }

    /// A request came.
    pub(super) fn asked(&self) {
        self.has_asked.store(true, Ordering::Relaxed);
        self.changed_at.store(self.now(), Ordering::Relaxed);
    }

    /// Whether there was a request.
    pub(super) fn has_asked(&self) -> bool {
        self.has_asked.load(Ordering::Relaxed)
    }

    /// Whether the client has let an answer wait for so long, or the connection is idle for so long.
    pub(super) fn is_over(&self, write: Duration, idle: Duration) -> bool {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut active = answers.iter().filter_map(Weak::upgrade).peekable();
        let since = |time: &AtomicU64| {
            Duration::from_millis(self.now().saturating_sub(time.load(Ordering::Relaxed)))
        };
        if active.peek().is_none() {
            return since(&self.changed_at) > idle;
        }
        active.any(|answer| {
            !answer.is_waiting.load(Ordering::Relaxed) && since(&answer.asked_at) > write
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.watch.changed_at.store(self.watch.now(), Ordering::Relaxed);
    }
}

/// A body that tells when it is asked for more. With HTTP/2, in small pieces.
pub(super) struct Watched<B> {
    body: B,
    answer: Arc<Answer>,
    in_pieces: bool,
    rest: Bytes,
}

impl<B> Watched<B> {
    pub(super) const fn new(body: B, answer: Arc<Answer>, in_pieces: bool) -> Self {
        Self { body, answer, in_pieces, rest: Bytes::new() }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        let now = this.answer.watch.now();
        this.answer.asked_at.store(now, Ordering::Relaxed);
        if this.rest.is_empty() {
            let frame = Pin::new(&mut this.body).poll_frame(cx);
            this.answer.is_waiting.store(frame.is_pending(), Ordering::Relaxed);
            match frame {
                Poll::Ready(Some(Ok(frame))) if this.in_pieces && frame.is_data() => {
                    this.rest = frame.into_data().unwrap_or_default();
                }
                other => return other,
            }
        }
        let length = this.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(this.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, hint) = (self.rest.len() as u64, self.body.size_hint());
        let mut whole = SizeHint::new();
        whole.set_lower(hint.lower().saturating_add(rest));
        if let Some(upper) = hint.upper() {
            whole.set_upper(upper.saturating_add(rest));
        }
        whole
    }
}
