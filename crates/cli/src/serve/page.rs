//! The page of `--dev`: its files, and the settings that it starts from.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;
use tower_http::services::ServeDir;
use zeroize::Zeroizing;

use crate::exit;

use super::router::{self, App};

/// Scripts and styles of the page alone. Media come from any gate that a link names; wasm needs
/// `wasm-unsafe-eval`, and players make workers and media from blobs.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' data: blob: http: https:; media-src blob: data: http: https:; \
    connect-src 'self' http: https:; worker-src 'self' blob:; frame-ancestors 'none'; \
    base-uri 'none'; form-action 'none'";

/// The page, and what it is told.
pub(super) struct Page {
    files: ServeDir,
    edge: String,
    keys: Zeroizing<String>,
}

impl Page {
    /// The page in the folder `www`, which plays from `edge` and signs with `keys`.
    pub(super) fn new(www: PathBuf, edge: String, keys: Zeroizing<String>) -> Self {
        if !www.join("index.html").is_file() {
            exit::say(format_args!(
                "warning: there is no page in {}; build it, or name its folder with --www",
                www.display()
            ));
        }
        Self { files: ServeDir::new(www), edge, keys }
    }
}

/// What the page starts from: `GET /dev.json`.
#[derive(Serialize)]
struct Settings<'a> {
    edge: &'a str,
    keys: &'a str,
}

pub(super) async fn settings(State(app): State<Arc<App>>) -> Response {
    match &app.page {
        Some(Page { edge, keys, .. }) => router::json(StatusCode::OK, &Settings { edge, keys }),
        None => router::no_such_path().await,
    }
}

/// A file of the page.
pub(super) async fn file(State(app): State<Arc<App>>, request: Request) -> Response {
    let Some(page) = &app.page else { return router::no_such_path().await };
    let Ok(response) = page.files.clone().try_call(request).await else {
        return router::no_such_path().await;
    };
    match response.status() {
        StatusCode::NOT_FOUND => router::no_such_path().await,
        StatusCode::METHOD_NOT_ALLOWED => router::wrong_method().await,
        _ => with_headers(response.map(Body::new)),
    }
}

fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
