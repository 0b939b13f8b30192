//! The tags whose attributes are addresses, as of draft-pantos-hls-rfc8216bis-22, and those that
//! players know beyond it.

use crate::address::Resource;

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
                | "STREAM-INF"
        )
    )
}

/// The tag in a comment that a player takes for one all the same, from its name on. hls.js searches
/// the text of a multivariant playlist for these, so it loads a rendition that was commented out by
/// one more `#`.
pub(crate) fn in_comment(comment: &str) -> Option<&str> {
    let tag = comment.get(comment.find("#EXT-X-")?.saturating_add(1)..)?;
    let (name, _) = tag.split_once(':')?;
    matches!(
        name.strip_prefix("EXT-X-")?,
        "CONTENT-STEERING" | "I-FRAME-STREAM-INF" | "MEDIA" | "SESSION-DATA" | "SESSION-KEY"
    )
    .then_some(tag)
}

/// What an attribute leads to; `None` where it is no address.
pub(crate) fn resource(tag: &str, attribute: &str, value: &str) -> Option<Resource> {
    match (tag.strip_prefix("EXT-X-")?, attribute) {
        // Single files of subtitles are not in the draft; Shaka Player takes them.
        ("MEDIA", "URI") if has_extension(value, &["vtt", "webvtt", "ttml", "dfxp", "srt"]) => {
            Some(Resource::Media)
        }
        // Nor are thumbnails, IMAGE-STREAM-INF. Of STREAM-INF, Shaka Player takes an attribute
        // before the line that follows.
        (
            "I-FRAME-STREAM-INF" | "IMAGE-STREAM-INF" | "MEDIA" | "RENDITION-REPORT" | "STREAM-INF",
            "URI",
        ) => Some(Resource::Manifest),
        ("KEY" | "MAP" | "PART" | "PRELOAD-HINT" | "SESSION-DATA" | "SESSION-KEY", "URI")
        | ("CONTENT-STEERING", "SERVER-URI")
        | ("DATERANGE", "X-ASSET-LIST") => Some(Resource::Media),
        // An asset, a schedule, a list of assets to load ahead; and what a client's own attribute
        // says to be an address by its name.
        ("DATERANGE", name) if is_client_address(name) => {
            let is_manifest = has_extension(value, &["m3u8"]);
            Some(if is_manifest { Resource::Manifest } else { Resource::Media })
        }
        _ => None,
    }
}

/// `X-ASSET-URI`, `X-URI`, `X-COM-EXAMPLE-AD-URL`.
fn is_client_address(attribute: &str) -> bool {
    attribute.starts_with("X-") && (attribute.ends_with("-URI") || attribute.ends_with("-URL"))
}

/// Whether the path of an address ends in a dot and one of these.
fn has_extension(address: &str, listed: &[&str]) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    listed.iter().any(|listed| extension.eq_ignore_ascii_case(listed))
}
