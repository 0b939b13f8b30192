//! The service behind the layer as a media store.

use core::future::poll_fn;
use core::marker::PhantomData;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use playgate_edge::Step;
use tower_service::Service;

use super::Grant;
use crate::store::{MediaStore, Stored};

/// A service that gets requests with a body of the type `B`.
pub(super) struct Inner<S, B> {
    service: S,
    body: PhantomData<fn(B)>,
}

impl<S, B> Inner<S, B> {
    pub(super) const fn new(service: S) -> Self {
        Self { service, body: PhantomData }
    }
}

impl<S, B, R> MediaStore for Inner<S, B>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    B: Default + Send + 'static,
    R: Body<Data = Bytes, Error: Into<Box<dyn core::error::Error + Send + Sync>>>
        + Send
        + Unpin
        + 'static,
{
    type Body = R;

    async fn ask(&self, step: Step) -> Option<Stored<R>> {
        let Step::Fetch { method, url, headers } = step else { return None };
        let target = url.strip_prefix(super::INNER)?.to_string();
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request.body(B::default()).ok()?;
        let grant = Grant::of(request.headers());
        request.extensions_mut().insert(grant);
        let answer = call(self.service.clone(), request).await.ok()?;
        let (head, body) = answer.into_parts();
        Some(Stored::Answer { status: head.status, headers: head.headers, body })
    }
}

/// Calls a service once it is ready.
pub(super) async fn call<S, B>(mut service: S, request: Request<B>) -> Result<S::Response, S::Error>
where
    S: Service<Request<B>>,
{
    poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(request).await
}
