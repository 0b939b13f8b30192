//! The service for operators: whether the gate is alive, whether it can decide, and its counts.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::Full;

use crate::gate::Gate;
use crate::metrics::Metrics;
use crate::store::MediaStore;

const TEXT: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers `/healthz`, `/readyz` and `/metrics`. Nothing that it says names a viewer, or is a secret.
pub async fn status<S: MediaStore, B>(
    gate: &Gate<S>,
    metrics: &Metrics,
    request: &Request<B>,
) -> Response<Full<Bytes>> {
    let (status, kind, text) = match request.uri().path() {
        "/healthz" => (StatusCode::OK, TEXT, "ok\n".into()),
        "/readyz" if gate.stops() => {
            let text = "the gate is stopping; it finishes the requests that it has\n";
            (StatusCode::SERVICE_UNAVAILABLE, TEXT, text.into())
        }
        "/readyz" if gate.is_ready().await => (StatusCode::OK, TEXT, "ready\n".into()),
        "/readyz" => {
            let text = "the state gives no answer, so tokens are refused\n";
            (StatusCode::SERVICE_UNAVAILABLE, TEXT, text.into())
        }
        "/metrics" => {
            let (age, playbacks) = gate.known();
            (StatusCode::OK, OPEN_METRICS, metrics.text(age, playbacks))
        }
        _ => {
            let text = "there are /healthz, /readyz and /metrics\n";
            (StatusCode::NOT_FOUND, TEXT, text.into())
        }
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
