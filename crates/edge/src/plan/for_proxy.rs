//! The answer for a proxy that delivers the media itself, and only asks whether it may.

use std::borrow::Cow;

use crate::answer::{Headers, fields};
use crate::delivery::Delivery;
use crate::freshness::Stored;
use crate::object;

use super::{Body, Response};

/// Says yes, and what the proxy needs: the path without a token, who is watching, and the header fields for the viewer.
pub(super) fn answer(delivery: &Delivery) -> Response {
    let kind = object::manifest_kind(object::media_type(&delivery.path), &delivery.path);
    let stored = Stored { is_playlist: kind.is_some(), ..Stored::default() };
    let mut headers: Headers = delivery.headers(stored, false);
    for (name, _) in &mut headers {
        // That of this answer is another one.
        if *name == "Cache-Control" {
            *name = "Playgate-Cache-Control";
        }
    }
    headers.push(("Cache-Control", Cow::Borrowed("no-store")));
    headers.push(("Playgate-Path", delivery.url_at("").into()));
    let viewer = delivery.viewer.iter().flat_map(|viewer| viewer.headers());
    headers.extend(viewer.map(|(name, value)| (name, value.into())));
    Response { status: 200, headers: fields(headers).collect(), body: Body::None }
}
