//! Media from a server behind the gate.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use js_sys::futures::JsFuture;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{RequestInit, RequestRedirect};
use worker::Headers;

use crate::worker::answer::Problem;
use crate::worker::forward::{self, Meaning};
use crate::worker::freshness::Stored;
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

/// Serves what the server at `base` has for the clean URL of `media`. That URL is the same for
/// every link to the same media, so a cache between the gate and the server holds it once.
pub(crate) async fn serve(base: &str, media: &Media, asked: &Headers) -> Result<Response, Problem> {
    let fetched = ask(&media.url_at(base), media, asked).await.map_err(|_| Problem::BadOrigin)?;
    let (status, sent) = (fetched.status(), Headers(fetched.headers()));
    let headers = match forward::meaning(status) {
        Meaning::Media => headers(media, &sent, false),
        Meaning::Error => headers(media, &sent, true),
        Meaning::Unusable => return Err(Problem::BadOrigin),
    };
    match fetched.body() {
        Some(stream) if !media.head => {
            response::stream(status, &headers, &stream, Encoding::Runtime)
        }
        _ => response::empty(status, &headers),
    }
    .map_err(|_| Problem::BadOrigin)
}

async fn ask(url: &str, media: &Media, asked: &Headers) -> Result<Response, JsValue> {
    let headers = Headers::new();
    for name in forward::REQUEST_HEADERS {
        if let Some(value) = asked.get(name)? {
            headers.set(name, &value)?;
        }
    }
    // Several ranges would come back as a multipart body: all of it is sent instead, as from a
    // bucket.
    if let Some(range) = asked.get("Range")?
        && !media.head
        && ByteRange::parse(&range).is_some()
    {
        headers.set("Range", &range)?;
    }
    // No `cf` properties: the cache does by itself what a clean URL deserves.
    let init = RequestInit::new();
    init.set_headers(headers.as_ref());
    init.set_method(if media.head { "HEAD" } else { "GET" });
    init.set_redirect(RequestRedirect::Manual);
    JsFuture::from(fetch(url, &init)?).await?.dyn_into()
}

fn headers(
    media: &Media,
    sent: &Headers,
    error: bool,
) -> Vec<(Cow<'static, str>, Cow<'static, str>)> {
    let value = |name| sent.get(name).ok().flatten();
    let cache_control = value("Cache-Control");
    let media_type = value("Content-Type");
    let media_type = media_type.as_deref().unwrap_or_else(|| object::media_type(&media.path));
    let stored = Stored {
        cache_control: cache_control.as_deref(),
        age: value("Age").and_then(|age| age.trim().parse().ok()).unwrap_or(0),
        is_playlist: object::is_playlist(media_type),
    };
    let own = media.headers(stored, error);
    let connection = value("Connection").unwrap_or_default();
    let replaces =
        |name: &str| media.download.is_some() && name.eq_ignore_ascii_case("Content-Disposition");
    sent.entries()
        .filter(|(name, _)| forward::reaches_viewer(name, &connection) && !replaces(name))
        .map(|(name, value)| (name.into(), value.into()))
        .chain(own.into_iter().map(|(name, value)| (name.into(), value)))
        .collect()
}
