//! Media from a server behind the gate.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use worker::{Fetch, Headers, Method, Request, RequestInit, RequestRedirect, ResponseBody};

use crate::worker::answer::Problem;
use crate::worker::forward::{self, Meaning};
use crate::worker::freshness::Stored;
use crate::worker::media::Media;
use crate::worker::object;
use crate::worker::range::ByteRange;
use crate::worker::response::{self, Encoding, Response};

/// Serves what the server at `base` has for the clean URL of `media`. That URL is the same for every
/// link to the same media, so a cache between the gate and the server holds it once.
pub(crate) async fn serve(
    base: &str,
    media: &Media,
    asked: &Headers,
) -> Result<Response, Problem> {
    let fetched = fetch(&media.url_at(base), media, asked).await.map_err(|_| Problem::BadOrigin)?;
    let status = fetched.status_code();
    let headers = match forward::meaning(status) {
        Meaning::Media => headers(media, fetched.headers(), false),
        Meaning::Error => headers(media, fetched.headers(), true),
        Meaning::Unusable => return Err(Problem::BadOrigin),
    };
    match fetched.body() {
        ResponseBody::Stream(stream) if !media.head => {
            response::stream(status, &headers, stream, Encoding::Runtime)
        }
        _ => response::empty(status, &headers),
    }
    .map_err(|_| Problem::BadOrigin)
}

async fn fetch(url: &str, media: &Media, asked: &Headers) -> worker::Result<worker::Response> {
    let headers = Headers::new();
    for name in forward::REQUEST_HEADERS {
        if let Some(value) = asked.get(name)? {
            headers.set(name, &value)?;
        }
    }
    // Several ranges would come back as a multipart body: all of it is sent instead, as from a bucket.
    if let Some(range) = asked.get("Range")?
        && !media.head
        && ByteRange::parse(&range).is_some()
    {
        headers.set("Range", &range)?;
    }
    // No `cf` properties: as soon as one is set, workers-rs sends a lifetime of 0 for the cache too.
    let mut init = RequestInit::new();
    init.with_headers(headers)
        .with_method(if media.head { Method::Head } else { Method::Get })
        .with_redirect(RequestRedirect::Manual);
    Fetch::Request(Request::new_with_init(url, &init)?).send().await
}

fn headers(media: &Media, sent: &Headers, error: bool) -> Vec<(Cow<'static, str>, Cow<'static, str>)> {
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
    let replaces = |name: &str| {
        media.download.is_some() && name.eq_ignore_ascii_case("Content-Disposition")
    };
    sent.entries()
        .filter(|(name, _)| forward::reaches_viewer(name, &connection) && !replaces(name))
        .map(|(name, value)| (name.into(), value.into()))
        .chain(own.into_iter().map(|(name, value)| (name.into(), value)))
        .collect()
}
