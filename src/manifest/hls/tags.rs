//! The tags whose attributes are addresses, as of draft-pantos-hls-rfc8216bis-22.

use crate::manifest::address::Resource;

/// Whether a tag has any. The names are without their `#`.
pub(crate) fn has_addresses(tag: &str) -> bool {
    matches!(
        tag.strip_prefix("EXT-X-"),
        Some(
            "CONTENT-STEERING"
                | "DATERANGE"
                | "I-FRAME-STREAM-INF"
                | "IMAGE-STREAM-INF"
                | "KEY"
                | "MAP"
                | "MEDIA"
                | "PART"
                | "PRELOAD-HINT"
                | "RENDITION-REPORT"
                | "SESSION-DATA"
                | "SESSION-KEY"
        )
    )
}

/// What an attribute leads to; `None` where it is no address.
pub(crate) fn resource(tag: &str, attribute: &str, value: &str) -> Option<Resource> {
    match (tag, attribute) {
        // The draft does not know thumbnails, IMAGE-STREAM-INF; players do.
        (
            "EXT-X-I-FRAME-STREAM-INF"
            | "EXT-X-IMAGE-STREAM-INF"
            | "EXT-X-MEDIA"
            | "EXT-X-RENDITION-REPORT",
            "URI",
        )
        | ("EXT-X-DATERANGE", "X-ASSET-URI") => Some(Resource::Manifest),
        (
            "EXT-X-KEY" | "EXT-X-MAP" | "EXT-X-PART" | "EXT-X-PRELOAD-HINT" | "EXT-X-SESSION-DATA"
            | "EXT-X-SESSION-KEY",
            "URI",
        )
        | ("EXT-X-CONTENT-STEERING", "SERVER-URI")
        | ("EXT-X-DATERANGE", "X-ASSET-LIST") => Some(Resource::Media),
        // A schedule, a list of assets or an asset, which is to be loaded ahead.
        ("EXT-X-DATERANGE", "X-URI") => {
            let path = value.split(['?', '#']).next().unwrap_or_default();
            Some(if path.ends_with(".m3u8") { Resource::Manifest } else { Resource::Media })
        }
        _ => None,
    }
}
