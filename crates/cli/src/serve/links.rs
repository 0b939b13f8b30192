//! `POST /links` and `POST /sessions`.

use core::str;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use playgate::UnixTime;
use playgate_json::{RequestError, SessionRequest, Shape as _, SignRequest, SignedLink, Value};

use crate::address;
use crate::sign::random_id;

use super::router::{App, refuse};

/// The most bytes in a body: 1,000 links of 260 bytes.
pub(super) const MAX_BODY_LEN: usize = 256 * 1024;

/// The most links in a request. Signing them takes about 2 ms.
const MAX_LINKS: usize = 1000;

/// Handles `POST /links` in these steps:
///
/// 1. check the caller (401; with `--dev` 403)
/// 2. read the body: JSON (415) that is not too long (413)
/// 3. parse it (400)
/// 4. sign the links, all of them or none (400)
pub(super) async fn mint(State(app): State<Arc<App>>, request: Request) -> Response {
    respond(&app, request, links).await
}

/// Handles `POST /sessions` in the same steps.
pub(super) async fn start(State(app): State<Arc<App>>, request: Request) -> Response {
    respond(&app, request, session).await
}

/// Makes the answer to the JSON of a body.
type Answer = fn(&App, Value, UnixTime) -> Result<Response, RequestError>;

async fn respond(app: &App, request: Request, answer: Answer) -> Response {
    // 1
    if let Some(refusal) = app.access.refusal(request.headers()) {
        return refusal;
    }
    // 2
    if !is_json(request.headers()) {
        let message = "send JSON, with Content-Type: application/json";
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
    }
    let body = match Bytes::from_request(request, &()).await {
        Ok(body) => body,
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let message = "the body is longer than 262144 bytes; request fewer links at a time";
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, message);
        }
        Err(_) => return refuse(StatusCode::BAD_REQUEST, "the body is incomplete"),
    };
    // 3 and 4
    match read(&body).and_then(|value| answer(app, value, app.clock.now())) {
        Ok(response) => response,
        Err(error) => super::router::refuse_for(StatusCode::BAD_REQUEST, &error),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

fn read(body: &[u8]) -> Result<Value, RequestError> {
    let text = str::from_utf8(body).map_err(|_| RequestError::new("", &"the body is not UTF-8"))?;
    Value::from_json(text)
}

fn session(app: &App, body: Value, now: UnixTime) -> Result<Response, RequestError> {
    let mut request = SessionRequest::from_value(body)?;
    if request.jti.is_none() {
        let unavailable =
            |_| RequestError::new("jti", &"no random numbers are available; send an id");
        request.jti = Some(random_id::<16>().map_err(unavailable)?);
    }
    Ok(super::router::json(StatusCode::OK, &request.sign(&app.signer, now)?))
}

fn links(app: &App, body: Value, now: UnixTime) -> Result<Response, RequestError> {
    let requests = match body {
        Value::List(requests) => requests,
        one => return Ok(super::router::json(StatusCode::OK, &mint_one(app, one, now)?)),
    };
    if requests.len() > MAX_LINKS {
        return Err(RequestError::new("", &"more than 1000 links; request fewer at a time"));
    }
    let links = requests.into_iter().enumerate().map(|(at, request)| {
        mint_one(app, request, now).map_err(|error| {
            let joint = if error.field.is_empty() { "" } else { "." };
            RequestError { field: format!("[{at}]{joint}{}", error.field), ..error }
        })
    });
    let links = links.collect::<Result<Vec<_>, _>>()?;
    Ok(super::router::json(StatusCode::OK, &links))
}

fn mint_one(app: &App, request: Value, now: UnixTime) -> Result<SignedLink, RequestError> {
    let request = SignRequest::from_value(request)?;
    let link = request.sign(&app.signer, now);
    link.map_err(|error| address::advise(error, &request.url, &request, &app.signer, now))
}
