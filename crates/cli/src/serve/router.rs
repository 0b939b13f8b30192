//! Routes requests to handlers, and adds what all responses share.

use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use playgate::{Signer, redacted};
use playgate_json::RequestError;
use serde::Serialize;
use tokio::time::timeout;

use crate::clock::Clock;
use crate::exit;

use super::access::{self, Access};
use super::links;
use super::page::{self, Page};

/// The time to receive a request and answer it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// What the handlers share.
pub(super) struct App {
    pub(super) signer: Signer,
    pub(super) clock: Clock,
    pub(super) access: Access,
    pub(super) page: Option<Page>,
}

pub(super) fn router(app: Arc<App>) -> Router {
    let router = Router::new()
        .route("/healthz", get("ok"))
        .route("/links", post(links::mint))
        .route("/sessions", post(links::start));
    let router = match app.page {
        Some(_) => router.route("/dev.json", get(page::settings)).fallback(page::file),
        None => router.fallback(no_such_path),
    };
    router
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(links::MAX_BODY_LEN))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), access::local_hosts_alone))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn(logged))
        .with_state(app)
}

/// A JSON response. Caches must not store it, because it may contain links or keys.
pub(super) fn json(status: StatusCode, shape: &impl Serialize) -> Response {
    // Text and numbers always have a JSON form.
    let mut response = Response::new(Body::from(serde_json::to_vec(shape).unwrap_or_default()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An error about the request as a whole.
pub(super) fn refuse(status: StatusCode, message: &str) -> Response {
    refuse_for(status, &RequestError::new("", &message))
}

/// An error about one member of the request. The log gets the reason too.
pub(super) fn refuse_for(status: StatusCode, error: &RequestError) -> Response {
    let mut response = json(status, error);
    response.extensions_mut().insert(Reason(error.to_string()));
    response
}

pub(super) async fn no_such_path() -> Response {
    refuse(
        StatusCode::NOT_FOUND,
        "no such path; use POST /links to mint links, or POST /sessions for a session link",
    )
}

pub(super) async fn wrong_method() -> Response {
    refuse(StatusCode::METHOD_NOT_ALLOWED, "wrong method; see the Allow header")
}

/// Why a request failed, for the log.
#[derive(Clone)]
struct Reason(String);

async fn in_time(request: Request, next: Next) -> Response {
    timeout(REQUEST_TIMEOUT, next.run(request)).await.unwrap_or_else(|_| {
        refuse(StatusCode::REQUEST_TIMEOUT, "the request did not arrive within 10 seconds")
    })
}

/// Logs one line for each request. Omits the query, and in a path everything after a name and `=`: these may contain
/// tokens, which are credentials.
async fn logged(request: Request, next: Next) -> Response {
    let start = Instant::now();
    let method = request.method().clone();
    let path = without_token(request.uri().path());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let millis = start.elapsed().as_secs_f64() * 1e3;
    let reason =
        response.extensions().get::<Reason>().map_or_else(String::new, |Reason(reason)| {
            let one_line = |c: char| if c.is_control() { '\u{fffd}' } else { c };
            format!(": {}", redacted(reason).chars().map(one_line).collect::<String>())
        });
    exit::say(format_args!("{method} {path} {status} {millis:.1} ms{reason}"));
    response
}

/// A path up to the first `=` or `%`. A token can have any name before its `=`, which may be percent-encoded. No path
/// of this server contains either character.
fn without_token(path: &str) -> String {
    match path.find(['=', '%']) {
        Some(end) => format!("{}...", path.get(..=end).unwrap_or_default()),
        None => redacted(path),
    }
}
