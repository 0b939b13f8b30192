//! Media from a media server.

use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Empty;
use hyper::body::Incoming;
use playgate_edge::Step;
use tokio::time::{Sleep, sleep, timeout};

use crate::http_client::{HttpClient, http_client};
use crate::store::{MediaStore, Stored};

/// How long to wait for the head of an answer: longer than a live playlist is held back.
const HEAD: Duration = Duration::from_secs(60);

/// How long to wait for the next bytes of a body.
const PIECE: Duration = Duration::from_secs(60);

/// The client of a media server. It follows no redirects.
#[derive(Clone, Debug)]
pub struct Origin(HttpClient<Empty<Bytes>>);

impl Origin {
    /// A client.
    #[must_use]
    pub fn new() -> Self {
        Self(http_client())
    }
}

impl Default for Origin {
    fn default() -> Self {
        Self::new()
    }
}

impl MediaStore for Origin {
    type Body = OriginBody;

    async fn ask(&self, step: Step) -> Option<Stored<OriginBody>> {
        let Step::Fetch { method, url, headers } = step else { return None };
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Empty::new()).ok()?;
        let asked = async {
            match self.0.request(request.clone()).await {
                // The server may have closed a connection that was kept. GET and HEAD may be sent again (RFC 9110,
                // section 9.2.2).
                Err(error) if !error.is_connect() => self.0.request(request).await,
                other => other,
            }
        };
        let answer = timeout(HEAD, asked).await.ok()?.ok()?;
        let (head, body) = answer.into_parts();
        let body = OriginBody { body, late: None };
        Some(Stored::Answer { status: head.status, headers: head.headers, body })
    }
}

/// The body of an answer. It fails if the next bytes take too long.
#[derive(Debug)]
pub struct OriginBody {
    body: Incoming,
    late: Option<Pin<Box<Sleep>>>,
}

impl Body for OriginBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.late = None;
            // Trailers end it. They are header fields that nobody has looked at.
            let frame = frame.filter(|frame| !frame.as_ref().is_ok_and(Frame::is_trailers));
            return Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)));
        }
        let late = self.late.get_or_insert_with(|| Box::pin(sleep(PIECE)));
        match late.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
