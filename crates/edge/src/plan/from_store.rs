//! Media from the bucket that is bound as `MEDIA`.

use std::borrow::Cow;

use crate::answer::{Headers, Problem, fields};
use crate::conditional::{Precondition, Validators};
use crate::delivery::Delivery;
use crate::freshness;
use crate::http_date;
use crate::object;
use crate::range::{Part, StoreRange};

use super::manifest::Pending;
use super::{Body, Found, Next, Phase, Plan, Response, Step};

/// How often an object may change between two looks at it before the gate gives up.
const MAX_LOOKS: u8 = 3;

/// An object as the bucket describes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Object<'a> {
    /// Its bytes.
    pub size: u64,
    /// The entity tag with its quotes.
    pub etag: &'a str,
    /// When it was stored, in unix seconds.
    pub modified: u64,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `Content-Language`.
    pub content_language: Option<&'a str>,
    /// `Content-Disposition`.
    pub content_disposition: Option<&'a str>,
    /// `Content-Encoding`.
    pub content_encoding: Option<&'a str>,
    /// `Cache-Control`.
    pub cache_control: Option<&'a str>,
}

/// The first question. A plain GET, a GET of one range and a HEAD take one operation of the store.
pub(super) fn start(plan: &mut Plan) -> Next {
    if plan.delivery.rewriting.is_some() {
        return get(plan, None, Phase::Whole);
    }
    wanted(plan)
}

/// Asks for what the viewer asked for.
fn wanted(plan: &mut Plan) -> Next {
    let head = plan.delivery.head;
    if plan.wanted.is_unconditional(head) {
        return if head { look(plan, 1) } else { get(plan, None, Phase::Final) };
    }
    let range = plan.wanted.range(head).filter(|_| plan.wanted.conditions().is_empty());
    let Some(range) = range else { return look(plan, 1) };
    match range.for_store() {
        Some(wanted) => get(plan, Some(wanted), Phase::Range(range)),
        None => look(plan, 1),
    }
}

fn get(plan: &mut Plan, range: Option<StoreRange>, phase: Phase) -> Next {
    let Some(key) = object::key(&plan.delivery.path) else {
        return plan.problem(Problem::NotFound);
    };
    plan.phase = phase;
    Next::Ask(Step::Get { key, range })
}

fn look(plan: &mut Plan, count: u8) -> Next {
    let Some(key) = object::key(&plan.delivery.path) else {
        return plan.problem(Problem::NotFound);
    };
    plan.phase = Phase::Look(count);
    Next::Ask(Step::Head { key })
}

/// What comes of the bucket's answer.
pub(super) fn respond(plan: &mut Plan, found: Found<'_>) -> Result<Next, Problem> {
    let object = match (found, &plan.phase) {
        (Found::Object(object), _) => object,
        (Found::Missing, _) => return Err(Problem::NotFound),
        // The store throws if the range starts after the end; the size will tell.
        (Found::Failed, Phase::Range(_)) => return Ok(look(plan, 1)),
        (Found::Failed, _) => return Err(Problem::BadStore),
    };
    match core::mem::replace(&mut plan.phase, Phase::Final) {
        Phase::Whole => whole(plan, &object),
        Phase::Final => Ok(serve(plan, &object, Part::Whole)),
        Phase::Range(range) => Ok(match range.of(object.size) {
            part @ Part::Slice { .. } => serve(plan, &object, part),
            _ => look(plan, 1),
        }),
        Phase::Look(count) => looked(plan, &object, count),
        Phase::Confirm { etag, part, .. } if etag == object.etag => Ok(serve(plan, &object, part)),
        // Another version than the one that was looked at: its conditions and its size may be others.
        Phase::Confirm { look: count, .. } if count < MAX_LOOKS => {
            Ok(look(plan, count.saturating_add(1)))
        }
        Phase::Confirm { .. } => Err(Problem::BadStore),
    }
}

/// All of an object that may be a manifest. HEAD reads it too, as its length is that of the rewritten one.
fn whole(plan: &mut Plan, object: &Object<'_>) -> Result<Next, Problem> {
    let Some(rewriting) = &plan.delivery.rewriting else { return Err(Problem::BadStore) };
    if let Some(kind) =
        object::manifest_kind(media_type(&plan.delivery, object), &plan.delivery.path)
    {
        let limit = rewriting.max_bytes;
        let compression = match object.content_encoding.map(str::trim) {
            None | Some("" | "identity") => {
                if usize::try_from(object.size).map_or(true, |size| size > limit) {
                    return Err(Problem::ManifestTooLarge);
                }
                None
            }
            Some(encoding) => match encoding.to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => Some("gzip"),
                "deflate" => Some("deflate"),
                _ => return Err(Problem::BadManifest),
            },
        };
        plan.pending = Some(Box::new(Pending {
            kind,
            etag: Some(object.etag.into()),
            headers: fields(headers(&plan.delivery, object)).collect(),
        }));
        return Ok(Next::Read { limit, compression });
    }
    if let Some(redirect) = plan.delivery.redirected() {
        return Ok(Next::Respond(redirect.into()));
    }
    let head = plan.delivery.head;
    Ok(if !head && plan.wanted.is_unconditional(head) {
        serve(plan, object, Part::Whole)
    } else {
        wanted(plan)
    })
}

/// An object that was looked at: what its size and the conditions allow.
fn looked(plan: &mut Plan, object: &Object<'_>, count: u8) -> Result<Next, Problem> {
    let now = plan.delivery.now;
    let validators = Validators { etag: object.etag, modified: object.modified };
    let conditions = plan.wanted.conditions();
    match conditions.evaluate(validators, now) {
        Precondition::Failed => return Err(Problem::PreconditionFailed),
        Precondition::NotModified => return Ok(not_modified(plan, object)),
        Precondition::Serve => {}
    }
    let range = plan.wanted.range(plan.delivery.head);
    let part = match range.filter(|_| conditions.range_holds(validators, now)) {
        Some(range) => range.of(object.size),
        None => Part::Whole,
    };
    let wanted = match part {
        Part::Nothing => return Err(Problem::RangeNotSatisfiable(object.size)),
        Part::Slice { first, last } => {
            let length = last.saturating_sub(first).saturating_add(1);
            Some(StoreRange::Slice { offset: first, length })
        }
        Part::Whole => None,
    };
    if plan.delivery.head {
        return Ok(serve(plan, object, part));
    }
    let etag = String::from(object.etag);
    Ok(get(plan, wanted, Phase::Confirm { etag, part, look: count }))
}

fn serve(plan: &Plan, object: &Object<'_>, part: Part) -> Next {
    let mut headers = headers(&plan.delivery, object);
    let (status, length) = match part {
        Part::Slice { first, last } => {
            let range = format!("bytes {first}-{last}/{}", object.size);
            headers.push(("Content-Range", range.into()));
            (206, last.saturating_sub(first).saturating_add(1))
        }
        Part::Nothing | Part::Whole => (200, object.size),
    };
    headers.push(("Content-Length", length.to_string().into()));
    let body = if plan.delivery.head { Body::None } else { Body::Stored };
    Next::Respond(Response { status, headers: fields(headers).collect(), body })
}

/// RFC 9110, section 15.4.5: what would update the copy that the client has, and nothing on its form.
fn not_modified(plan: &Plan, object: &Object<'_>) -> Next {
    let mut headers = headers(&plan.delivery, object);
    headers.retain(|(name, _)| !name.starts_with("Content-"));
    Next::Respond(Response { status: 304, headers: fields(headers).collect(), body: Body::None })
}

/// What is the same for 200 and 206.
fn headers(delivery: &Delivery, object: &Object<'_>) -> Headers {
    let media_type = media_type(delivery, object);
    let is_playlist = object::manifest_kind(media_type, &delivery.path).is_some();
    let stored = freshness::Stored { cache_control: object.cache_control, age: 0, is_playlist };
    let mut headers = delivery.headers(stored, false);
    let disposition = object.content_disposition.filter(|_| delivery.disposition.is_none());
    let own = [
        ("Content-Type", Some(media_type)),
        ("Content-Encoding", object.content_encoding),
        ("Content-Language", object.content_language),
        ("Content-Disposition", disposition),
        ("ETag", Some(object.etag)),
    ];
    let own = own.into_iter().filter_map(|(name, value)| Some((name, value?)));
    headers.extend(own.map(|(name, value)| (name, String::from(value).into())));
    headers.push(("Last-Modified", http_date::format(object.modified).into()));
    headers.push(("Accept-Ranges", Cow::Borrowed("bytes")));
    headers
}

fn media_type<'a>(delivery: &Delivery, object: &Object<'a>) -> &'a str {
    object.content_type.unwrap_or_else(|| object::media_type(&delivery.path))
}
