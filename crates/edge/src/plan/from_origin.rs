//! Media from a media server.

use crate::answer::{Fields, Problem, fields};
use crate::config::Server;
use crate::delivery::Delivery;
use crate::forward::{self, Meaning, ResponseFilter};
use crate::freshness;
use crate::object;

use super::manifest::Pending;
use super::{Body, Next, Phase, Plan, Response, Step};

/// The first request. Its URL is the same for every link to the same media, so a cache between the gate and
/// the server holds one copy.
pub(super) fn start(plan: &mut Plan, server: &Server) -> Step {
    if plan.delivery.rewriting.is_some() {
        // Always the whole media, never a part: its addresses are about to change.
        plan.phase = Phase::Whole;
        return fetch(&plan.delivery, server, "GET", Vec::new());
    }
    wanted(plan, server)
}

/// Requests exactly what the viewer wants.
fn wanted(plan: &mut Plan, server: &Server) -> Step {
    plan.phase = Phase::Final;
    let conditions = forward::REQUEST_HEADERS.into_iter().zip(plan.wanted.conditions.iter());
    let conditions = conditions.filter_map(|(name, value)| Some((name, value.clone()?)));
    let range =
        plan.wanted.range.clone().filter(|_| plan.wanted.range(plan.delivery.head).is_some());
    let headers = conditions.chain(range.map(|range| ("Range", range))).collect();
    let method = if plan.delivery.head { "HEAD" } else { "GET" };
    fetch(&plan.delivery, server, method, headers)
}

fn fetch(
    delivery: &Delivery,
    server: &Server,
    method: &'static str,
    mut headers: Vec<(&'static str, String)>,
) -> Step {
    if let Some(secret) = &server.secret {
        headers.push((forward::SECRET_HEADER, secret.expose().into()));
    }
    if let Some(viewer) = &delivery.viewer {
        headers.extend(viewer.headers());
    }
    Step::Fetch { method, url: delivery.url_at(&server.base), headers }
}

/// Processes the server's answer.
pub(super) fn respond(
    plan: &mut Plan,
    server: &Server,
    status: u16,
    sent: &[(&str, &str)],
    has_body: bool,
) -> Result<Next, Problem> {
    let value = |name| value(sent, name);
    if let (Phase::Whole, Some(rewriting)) = (&plan.phase, &plan.delivery.rewriting) {
        let media_type = media_type(&plan.delivery, sent);
        let kind = object::manifest_kind(media_type, &plan.delivery.path);
        if let (200 | 203, Some(kind)) = (status, kind) {
            let limit = rewriting.max_bytes;
            let encoding = value("content-encoding").unwrap_or("identity").to_ascii_lowercase();
            let compression = match encoding.trim() {
                "identity" => {
                    let len = value("content-length").and_then(|len| len.parse::<usize>().ok());
                    if len.is_some_and(|len| len > limit) {
                        return Err(Problem::ManifestTooLarge);
                    }
                    None
                }
                // The runtime has already decoded these, under exactly these names.
                "gzip" | "br" => None,
                "x-gzip" => Some("gzip"),
                "deflate" => Some("deflate"),
                // Such as `aws-chunked`, which some stores leave behind. If it is not text, it is not read.
                _ => None,
            };
            if !has_body {
                return Err(Problem::BadOrigin);
            }
            plan.pending = Some(Box::new(Pending {
                kind,
                etag: value("etag").map(String::from),
                headers: headers(&plan.delivery, server, sent, false),
            }));
            return Ok(Next::Read { limit, compression });
        }
        if let (200 | 203, Some(redirect)) = (status, plan.delivery.redirected()) {
            return Ok(Next::Respond(redirect.into()));
        }
        // It is not a manifest. Ask again only if the viewer sent a range or conditions.
        if status == 200 && !plan.wanted.is_unconditional(plan.delivery.head) {
            return Ok(Next::Ask(wanted(plan, server)));
        }
    }
    let is_error = match forward::meaning(status) {
        Meaning::Media => false,
        Meaning::Error => true,
        Meaning::Unusable => return Err(Problem::BadOrigin),
    };
    let headers = headers(&plan.delivery, server, sent, is_error);
    let body = if has_body && !plan.delivery.head { Body::Stored } else { Body::None };
    Ok(Next::Respond(Response { status, headers, body }))
}

/// The first value of a header field, by its name in lower case.
fn value<'a>(sent: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    sent.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

fn media_type<'a>(delivery: &Delivery, sent: &[(&str, &'a str)]) -> &'a str {
    value(sent, "content-type").unwrap_or_else(|| object::media_type(&delivery.path))
}

fn headers(delivery: &Delivery, server: &Server, sent: &[(&str, &str)], is_error: bool) -> Fields {
    let stored = freshness::Stored {
        cache_control: value(sent, "cache-control"),
        age: value(sent, "age").and_then(|age| age.trim().parse().ok()).unwrap_or(0),
        is_playlist: object::manifest_kind(media_type(delivery, sent), &delivery.path).is_some(),
    };
    let filter = ResponseFilter {
        connection: value(sent, "connection").unwrap_or_default(),
        is_public: delivery.expires.is_none(),
        pass: &server.pass,
    };
    let replaces = |name: &str| delivery.disposition.is_some() && name == "content-disposition";
    let passed = sent.iter().filter(|(name, _)| filter.passes(name) && !replaces(name));
    let passed = passed.map(|(name, value)| (name.to_string().into(), value.to_string().into()));
    passed.chain(fields(delivery.headers(stored, is_error))).collect()
}
