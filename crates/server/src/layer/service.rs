//! The service that the layer makes of another one.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body::Body;
use http_body_util::Empty;
use playgate_edge::Step;
use tower_service::Service;

use super::inner::{Inner, call};
use super::{GateLayer, Grant};
use crate::body::GateBody;
use crate::store::{MediaStore, Stored};

/// The gate's own calls.
const CALLS: &str = "/.playgate/";

/// A service behind a gate.
#[derive(Clone)]
pub struct GateService<S> {
    layer: GateLayer,
    service: S,
}

impl<S> fmt::Debug for GateService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateService").finish_non_exhaustive()
    }
}

impl<S> GateService<S> {
    pub(super) const fn new(layer: GateLayer, service: S) -> Self {
        Self { layer, service }
    }
}

/// What a response may be waited for.
type Answer<R, E> = Pin<Box<dyn Future<Output = Result<Response<GateBody<R>>, E>> + Send>>;

impl<S, B, R> Service<Request<B>> for GateService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Default + Send + Unpin + 'static,
    B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    R: Body<Data = Bytes, Error: Into<Box<dyn core::error::Error + Send + Sync>>>
        + Send
        + Unpin
        + 'static,
{
    type Response = Response<GateBody<R>>;
    type Error = S::Error;
    type Future = Answer<R, S::Error>;

    /// Always ready: whether the service is called at all, the gate decides.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Self { layer: GateLayer { gate, serves_manifests, keeps_state, client }, service } =
            self.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            // Nobody but the gate says what is granted, here or in the fields that a media server gets.
            parts.extensions.remove::<Grant>();
            for name in ["playgate-claims", "playgate-session", "playgate-subject"] {
                parts.headers.remove(name);
            }
            let client = client(&parts);
            if serves_manifests || keeps_state && parts.uri.path().starts_with(CALLS) {
                let gate = gate.in_front_of(Inner::new(service));
                return Ok(gate.serve(Request::from_parts(parts, body), &client).await);
            }
            if parts.method == Method::OPTIONS {
                return pass(service, Request::from_parts(parts, body)).await;
            }
            let answer = gate.serve(question(&parts), &client).await;
            let fields = answer.headers();
            let target =
                fields.get("playgate-path").and_then(|path| path.to_str().ok()?.parse().ok());
            let Some(target) = target.filter(|_| answer.status() == StatusCode::OK) else {
                return Ok(refusal(answer));
            };
            parts.extensions.insert(Grant::of(fields));
            let own = passed_on(fields);
            parts.uri = with_target(parts.uri, &target);
            let mut response = pass(service, Request::from_parts(parts, body)).await?;
            for (name, value) in own {
                response.headers_mut().append(name, value);
            }
            Ok(response)
        })
    }
}

/// The response of the service.
async fn pass<S, B, R>(service: S, request: Request<B>) -> Result<Response<GateBody<R>>, S::Error>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    Ok(call(service, request).await?.map(GateBody::Stored))
}

/// What the gate decides on. A token opens a path for every method.
fn question(parts: &http::request::Parts) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    if parts.method == Method::HEAD {
        *request.method_mut() = Method::HEAD;
    }
    *request.uri_mut() = parts.uri.clone();
    for name in [header::HOST, header::ORIGIN, header::COOKIE, header::AUTHORIZATION] {
        for value in parts.headers.get_all(&name) {
            request.headers_mut().append(name.clone(), value.clone());
        }
    }
    if parts.uri.authority().is_none() && !parts.headers.contains_key(header::HOST) {
        // Tests of services call them without one, and it does not matter here.
        request.headers_mut().insert(header::HOST, header::HeaderValue::from_static("localhost"));
    }
    request
}

/// A refusal. Its body is the gate's own.
fn refusal<R>(answer: Response<GateBody<NoBody>>) -> Response<GateBody<R>> {
    answer.map(|body| match body {
        GateBody::Own(text) => GateBody::Own(text),
        GateBody::Stored(never) => match never {},
    })
}

/// What the gate adds to the response of the service: the cookie, if it sets one.
fn passed_on(fields: &HeaderMap) -> Vec<(header::HeaderName, header::HeaderValue)> {
    let cookies = fields.get_all(header::SET_COOKIE).iter();
    cookies.map(|cookie| (header::SET_COOKIE, cookie.clone())).collect()
}

/// An address with another path and query.
fn with_target(uri: Uri, target: &Uri) -> Uri {
    let mut parts = uri.into_parts();
    parts.path_and_query = target.path_and_query().cloned();
    // Both are valid by themselves, and so together.
    Uri::from_parts(parts).unwrap_or_else(|_| target.clone())
}

/// There is no media store: the service delivers.
pub(super) struct Nothing;

/// There is no body of a media store.
pub(super) enum NoBody {}

impl Body for NoBody {
    type Data = Bytes;
    type Error = core::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        match *self {}
    }
}

impl MediaStore for Nothing {
    type Body = NoBody;

    async fn ask(&self, _: Step) -> Option<Stored<NoBody>> {
        None
    }
}
