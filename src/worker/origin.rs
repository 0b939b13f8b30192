//! Media from a server behind the gate.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use js_sys::futures::JsFuture;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{RequestInit, RequestRedirect};
use worker::Headers;

use crate::manifest::Kind;
use crate::worker::answer::Problem;
use crate::worker::conditional::Conditions;
use crate::worker::config::Server;
use crate::worker::forward::{self, Meaning, ResponseFilter};
use crate::worker::freshness;
use crate::worker::manifest::{Rewriting, Stored, is_of_stored_bytes};
use crate::worker::media::Media;
use crate::worker::object;
use crate::worker::range::ByteRange;
use crate::worker::response::{self, Encoding, Response};

#[wasm_bindgen]
extern "C" {
    // Not through `worker::Fetch`: it panics on an answer that it cannot read, and this one throws.
    #[wasm_bindgen(catch, js_name = fetch)]
    fn fetch(url: &str, init: &RequestInit) -> Result<js_sys::Promise, JsValue>;
}

/// Serves what the server has for the clean URL of `media`. That URL is the same for
/// every link to the same media, so a cache between the gate and the server holds it once.
pub(crate) async fn serve(
    server: &Server,
    media: &Media,
    asked: &Headers,
) -> Result<Response, Problem> {
    fetched(server, media, asked).await.map_err(|_| Problem::BadOrigin)?
}

/// What comes of the server's answer. The outer error is a runtime that threw.
async fn fetched(
    server: &Server,
    media: &Media,
    asked: &Headers,
) -> Result<Result<Response, Problem>, JsValue> {
    let url = media.url_at(&server.base);
    let wanted = wanted(media, asked)?;
    let method = if media.head { "HEAD" } else { "GET" };
    let mut fetched = None;
    if let Some(rewriting) = &media.rewriting {
        // All of it, whatever part of it was asked for: its addresses are about to change.
        let whole = ask(server, &url, "GET", &Headers::new()).await?;
        let kind = object::manifest_kind(&media_type(media, &whole), &media.path);
        if let (200 | 203, Some(kind)) = (whole.status(), kind) {
            return manifest(server, media, rewriting, kind, &whole, asked).await;
        }
        if let (200 | 203, Some(redirect)) = (whole.status(), media.redirected()) {
            if let Some(body) = whole.body() {
                // Nobody reads it; that a source cannot be told so is its own affair.
                let _ = JsFuture::from(body.cancel()).await;
            }
            return response::answer(&redirect).map(Ok);
        }
        // It is none. What was asked for is another answer only where there were header fields.
        if whole.status() != 200 || wanted.keys().next().is_none() {
            fetched = Some(whole);
        }
    }
    let fetched = match fetched {
        Some(fetched) => fetched,
        None => ask(server, &url, method, &wanted).await?,
    };
    let headers = match forward::meaning(fetched.status()) {
        Meaning::Media => headers(server, media, &fetched, false),
        Meaning::Error => headers(server, media, &fetched, true),
        Meaning::Unusable => return Ok(Err(Problem::BadOrigin)),
    };
    match fetched.body() {
        Some(stream) if !media.head => {
            response::stream(fetched.status(), &headers, &stream, Encoding::Runtime).map(Ok)
        }
        _ => response::empty(fetched.status(), &headers).map(Ok),
    }
}

/// A manifest with the token in its addresses.
async fn manifest(
    server: &Server,
    media: &Media,
    rewriting: &Rewriting,
    kind: Kind,
    fetched: &Response,
    asked: &Headers,
) -> Result<Result<Response, Problem>, JsValue> {
    let Some(stream) = fetched.body() else { return Ok(Err(Problem::BadOrigin)) };
    let sent = Headers(fetched.headers());
    let len = match sent.get("Content-Encoding")? {
        None => sent.get("Content-Length")?.and_then(|len| len.parse().ok()),
        // The length of what the runtime has decoded by now is another.
        Some(_) => None,
    };
    let Some(bytes) = response::read(&stream, len, rewriting.max_bytes).await? else {
        return Ok(Err(Problem::ManifestTooLarge));
    };
    let stored = Stored { kind, bytes, etag: fetched.headers().get("ETag")? };
    let (if_match, if_none_match) = (asked.get("If-Match")?, asked.get("If-None-Match")?);
    let conditions = Conditions {
        if_match: if_match.as_deref(),
        if_none_match: if_none_match.as_deref(),
        ..Conditions::default()
    };
    let rewritten = match rewriting.rewrite(&stored, conditions, media.now) {
        Ok(rewritten) => rewritten,
        Err(problem) => return Ok(Err(problem)),
    };
    let mut headers = headers(server, media, fetched, false);
    headers.retain(|(name, _)| !is_of_stored_bytes(name));
    let own = rewritten.headers.iter().cloned();
    headers.extend(own.map(|(name, value)| (name.into(), value)));
    response::manifest(&rewritten, &headers, media.head).map(Ok)
}

/// The header fields that the server is told.
fn wanted(media: &Media, asked: &Headers) -> Result<Headers, JsValue> {
    let wanted = Headers::new();
    for name in forward::REQUEST_HEADERS {
        if let Some(value) = asked.get(name)? {
            wanted.set(name, &value)?;
        }
    }
    // Several ranges would come back as a multipart body: all of it is sent instead, as from a
    // bucket.
    if let Some(range) = asked.get("Range")?
        && !media.head
        && ByteRange::parse(&range).is_some()
    {
        wanted.set("Range", &range)?;
    }
    Ok(wanted)
}

async fn ask(
    server: &Server,
    url: &str,
    method: &str,
    headers: &Headers,
) -> Result<Response, JsValue> {
    if let Some(secret) = &server.secret {
        headers.set(forward::SECRET_HEADER, secret.expose())?;
    }
    // No `cf` properties: the cache does by itself what a clean URL deserves.
    let init = RequestInit::new();
    init.set_headers(headers.as_ref());
    init.set_method(method);
    init.set_redirect(RequestRedirect::Manual);
    JsFuture::from(fetch(url, &init)?).await?.dyn_into()
}

fn media_type(media: &Media, fetched: &Response) -> String {
    let sent = fetched.headers().get("Content-Type").ok().flatten();
    sent.unwrap_or_else(|| object::media_type(&media.path).into())
}

fn headers(
    server: &Server,
    media: &Media,
    fetched: &Response,
    error: bool,
) -> Vec<(Cow<'static, str>, Cow<'static, str>)> {
    let sent = Headers(fetched.headers());
    let value = |name| sent.get(name).ok().flatten();
    let cache_control = value("Cache-Control");
    let stored = freshness::Stored {
        cache_control: cache_control.as_deref(),
        age: value("Age").and_then(|age| age.trim().parse().ok()).unwrap_or(0),
        is_playlist: object::manifest_kind(&media_type(media, fetched), &media.path).is_some(),
    };
    let own = media.headers(stored, error);
    let connection = value("Connection").unwrap_or_default();
    let filter = ResponseFilter {
        connection: &connection,
        is_public: media.expires.is_none(),
        pass: &server.pass,
    };
    let replaces = |name: &str| {
        media.disposition.is_some() && name.eq_ignore_ascii_case("Content-Disposition")
    };
    sent.entries()
        .filter(|(name, _)| filter.passes(name) && !replaces(name))
        .map(|(name, value)| (name.into(), value.into()))
        .chain(own.into_iter().map(|(name, value)| (name.into(), value)))
        .collect()
}
