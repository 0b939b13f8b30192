//! Media from the bucket that is bound as `MEDIA`.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::ToString as _;

use worker::{Bucket, HttpMetadata, Object, Range, ResponseBody};

use crate::manifest::Kind;
use crate::worker::answer::{Headers, Problem};
use crate::worker::conditional::{Conditions, Outcome, Validators};
use crate::worker::freshness;
use crate::worker::http_date;
use crate::worker::manifest::{Rewriting, Stored, is_of_stored_bytes};
use crate::worker::media::Media;
use crate::worker::object;
use crate::worker::range::{ByteRange, Part, StoreRange};
use crate::worker::response::{self, Encoding, Response};

/// How often an object may change between two looks at it before the gate gives up.
const ATTEMPTS: usize = 3;

/// Serves the object of `media.path`.
///
/// What needs no look at the object beforehand is one operation of the store: a plain GET, a GET of
/// one range, a HEAD.
pub(crate) async fn serve(
    bucket: &Bucket,
    media: &Media,
    range: Option<ByteRange>,
    conditions: Conditions<'_>,
) -> Result<Response, Problem> {
    let key = object::key(&media.path).ok_or(Problem::NotFound)?;
    // RFC 9110, section 14.2: a range is defined for GET alone.
    let range = range.filter(|_| !media.head);
    if let Some(rewriting) = &media.rewriting {
        let object = get(bucket, &key, None).await?.ok_or(Problem::NotFound)?;
        if let Some(kind) = object::manifest_kind(&media_type(media, &object), &media.path) {
            return manifest(media, rewriting, kind, &object, conditions).await;
        }
        if let Some(redirect) = media.redirected() {
            return response::answer(&redirect).map_err(|_| Problem::BadStore);
        }
    }
    if media.head || !conditions.is_empty() {
        return examine(bucket, &key, media, range, conditions).await;
    }
    let Some(range) = range else {
        let object = get(bucket, &key, None).await?.ok_or(Problem::NotFound)?;
        return respond(media, &object, Part::Whole);
    };
    let wanted = range.for_store().map(|range| match range {
        StoreRange::From { offset } => Range::OffsetToEnd { offset },
        StoreRange::Slice { offset, length } => Range::OffsetWithLength { offset, length },
        StoreRange::Suffix { length } => Range::Suffix { suffix: length },
    });
    if wanted.is_some() {
        match get(bucket, &key, wanted).await {
            Ok(None) => return Err(Problem::NotFound),
            Ok(Some(object)) => {
                if let part @ Part::Slice { .. } = range.of(object.size()) {
                    return respond(media, &object, part);
                }
            }
            // The store throws where the range starts behind the end; the size will tell.
            Err(_) => {}
        }
    }
    examine(bucket, &key, media, Some(range), conditions).await
}

/// Looks at the object first, and then serves what its size and the conditions allow.
async fn examine(
    bucket: &Bucket,
    key: &str,
    media: &Media,
    range: Option<ByteRange>,
    conditions: Conditions<'_>,
) -> Result<Response, Problem> {
    for _ in 0..ATTEMPTS {
        let head = bucket.head(key).await.map_err(|_| Problem::BadStore)?;
        let head = head.ok_or(Problem::NotFound)?;
        let etag = head.http_etag();
        let validators = Validators { etag: &etag, modified: modified(&head) };
        match conditions.evaluate(validators, media.now) {
            Outcome::Failed => return Err(Problem::PreconditionFailed),
            Outcome::NotModified => return not_modified(media, &head),
            Outcome::Serve => {}
        }
        let size = head.size();
        let part = match range {
            Some(range) if conditions.range_holds(validators, media.now) => range.of(size),
            _ => Part::Whole,
        };
        let wanted = match part {
            Part::Nothing => return Err(Problem::RangeNotSatisfiable(size)),
            Part::Slice { first, last } => Some(Range::OffsetWithLength {
                offset: first,
                length: last.saturating_sub(first).saturating_add(1),
            }),
            Part::Whole => None,
        };
        if media.head {
            return respond(media, &head, part);
        }
        let object = get(bucket, key, wanted).await?.ok_or(Problem::NotFound)?;
        // Another version since the look: its conditions and its size may be others.
        if object.http_etag() == etag {
            return respond(media, &object, part);
        }
    }
    Err(Problem::BadStore)
}

/// The manifest of a bucket, with the token in its addresses. HEAD has to read it too: its length is that
/// of the addresses.
async fn manifest(
    media: &Media,
    rewriting: &Rewriting,
    kind: Kind,
    object: &Object,
    conditions: Conditions<'_>,
) -> Result<Response, Problem> {
    let body = object.body().ok_or(Problem::BadStore)?;
    let Ok(ResponseBody::Stream(stream)) = body.response_body() else {
        return Err(Problem::BadStore);
    };
    let (stream, len) = match object.http_metadata().content_encoding.as_deref() {
        None | Some("" | "identity") => (stream, Some(object.size())),
        Some(encoding) => {
            let decoded = response::decompress(&stream, encoding).ok_or(Problem::BadManifest)?;
            (decoded, None)
        }
    };
    let bytes = response::read(&stream, len, rewriting.max_bytes).await;
    let bytes = bytes.map_err(|_| Problem::BadStore)?.ok_or(Problem::ManifestTooLarge)?;
    let stored = Stored { kind, bytes, etag: Some(object.http_etag()) };
    let rewritten = rewriting.rewrite(&stored, conditions, media.now)?;
    let mut headers = headers(media, object);
    let is_whole = rewritten.status == 200;
    headers.retain(|(name, _)| {
        !is_of_stored_bytes(name) && (is_whole || !name.starts_with("Content-"))
    });
    headers.extend(rewritten.headers.iter().cloned());
    response::manifest(&rewritten, &headers, media.head).map_err(|_| Problem::BadStore)
}

async fn get(bucket: &Bucket, key: &str, range: Option<Range>) -> Result<Option<Object>, Problem> {
    let get = bucket.get(key);
    let get = if let Some(range) = range { get.range(range) } else { get };
    get.execute().await.map_err(|_| Problem::BadStore)
}

fn respond(media: &Media, object: &Object, part: Part) -> Result<Response, Problem> {
    let size = object.size();
    let mut headers = headers(media, object);
    let (status, length) = match part {
        Part::Slice { first, last } => {
            headers.push(("Content-Range", format!("bytes {first}-{last}/{size}").into()));
            (206, last.saturating_sub(first).saturating_add(1))
        }
        Part::Nothing | Part::Whole => (200, size),
    };
    headers.push(("Content-Length", length.to_string().into()));
    if media.head {
        return response::empty(status, &headers).map_err(|_| Problem::BadStore);
    }
    let body = object.body().ok_or(Problem::BadStore)?;
    match body.response_body() {
        // The bytes are encoded already as `Content-Encoding` says.
        Ok(ResponseBody::Stream(stream)) => {
            response::stream(status, &headers, &stream, Encoding::AsStored)
                .map_err(|_| Problem::BadStore)
        }
        _ => Err(Problem::BadStore),
    }
}

/// RFC 9110, section 15.4.5: what would update the copy that the client has, and nothing on its
/// form.
fn not_modified(media: &Media, object: &Object) -> Result<Response, Problem> {
    let mut headers = headers(media, object);
    headers.retain(|(name, _)| !name.starts_with("Content-"));
    response::empty(304, &headers).map_err(|_| Problem::BadStore)
}

/// What is the same for 200 and 206.
fn headers(media: &Media, object: &Object) -> Headers {
    let stored = object.http_metadata();
    let HttpMetadata { cache_control, content_disposition, content_encoding, .. } = stored;
    let media_type = media_type(media, object);
    let mut headers = media.headers(
        freshness::Stored {
            cache_control: cache_control.as_deref(),
            age: 0,
            is_playlist: object::manifest_kind(&media_type, &media.path).is_some(),
        },
        false,
    );
    let own = [
        ("Content-Encoding", content_encoding),
        ("Content-Language", stored.content_language),
        ("Content-Disposition", content_disposition.filter(|_| media.disposition.is_none())),
    ];
    headers.push(("Content-Type", media_type.into_owned().into()));
    headers.extend(own.into_iter().filter_map(|(name, value)| Some((name, value?.into()))));
    headers.push(("ETag", object.http_etag().into()));
    headers.push(("Last-Modified", http_date::format(modified(object)).into()));
    headers.push(("Accept-Ranges", "bytes".into()));
    headers
}

fn media_type<'a>(media: &'a Media, object: &Object) -> Cow<'a, str> {
    let stored = object.http_metadata().content_type;
    stored.map_or_else(|| object::media_type(&media.path).into(), Cow::Owned)
}

fn modified(object: &Object) -> u64 {
    object.uploaded().as_millis().div_euclid(1000)
}
