//! Which elements of an MPD hold addresses, besides those of segments and bases (ISO/IEC 23009-1, sixth
//! edition; ETSI TS 103 285 for DVB).

use alloc::vec::Vec;

use crate::manifest::ManifestError;
use crate::manifest::address::Resource;
use crate::manifest::dash::document::{Node, Value};

/// An address, or several with blanks between them.
#[derive(Debug)]
pub(super) struct Held<'d> {
    pub(super) value: Value<'d>,
    pub(super) resource: Resource,
    pub(super) is_list: bool,
}

/// Descriptors whose value is an address (sections 5.8.4.7, 5.11 and 5.12), by the start of their scheme. GPAC
/// writes the second for the first.
const LINKED: [&str; 3] =
    ["urn:mpeg:dash:chaining:", "urn:mpeg:dash:mpd-chaining:", "urn:mpeg:dash:fallback:"];

/// Clocks that are asked over HTTP (section 5.8.4.11).
const CLOCK: &str = "urn:mpeg:dash:utc:http-";

const FONT: &str = "urn:dvb:dash:fontdownload:";

const CALLBACK: &str = "urn:mpeg:dash:event:callback:";

/// The addresses that `node` holds itself.
pub(super) fn held(node: Node<'_>) -> Result<Vec<Held<'_>>, ManifestError> {
    use Resource::{Manifest, Media};
    let scheme = || node.attribute("schemeIdUri").map(|scheme| scheme.text).unwrap_or_default();
    let mut held = Vec::new();
    let mut add = |value: Option<_>, resource, is_list| {
        held.extend(value.map(|value| Held { value, resource, is_list }));
    };
    match node.name() {
        "AdaptationSet" => add(node.attribute("initializationPrincipal"), Media, false),
        "AlternativeMPD" | "InsertPresentation" | "ReplacePresentation" => {
            add(node.attribute("uri"), Manifest, false);
            add(node.attribute("url"), Manifest, false);
        }
        "ContentSteering" => add(Some(node.text()?), Media, false),
        "EssentialProperty" | "SupplementalProperty" => {
            let scheme = scheme();
            if LINKED.iter().any(|linked| scheme.starts_with(linked)) {
                add(node.attribute("value"), Manifest, true);
            } else if scheme.starts_with(FONT) {
                add(node.prefixed("url"), Media, false);
            }
        }
        "EventStream" if scheme().starts_with(CALLBACK) => {
            for event in node.named("Event").filter(|event| !event.has("contentEncoding")) {
                match event.attribute("messageData") {
                    Some(data) => add(Some(data), Media, false),
                    None => add(event.text().ok(), Media, false),
                }
            }
        }
        "ImportedMPD" => match node.attribute("uri") {
            Some(uri) => add(Some(uri), Manifest, false),
            None => add(Some(node.text()?), Manifest, false),
        },
        "InitializationSet" => add(node.attribute("initialization"), Media, false),
        "UTCTiming" if scheme().starts_with(CLOCK) => add(node.attribute("value"), Media, true),
        _ => {}
    }
    Ok(held)
}

/// The attributes of an element that say where segments are, and whether they are templates.
pub(super) fn of_segments(name: &str) -> (&'static [&'static str], bool) {
    match name {
        "SegmentTemplate" => (&["media", "index", "initialization", "bitstreamSwitching"], true),
        "SegmentURL" => (&["media", "index"], false),
        "Initialization" | "RepresentationIndex" | "BitstreamSwitching" => (&["sourceURL"], false),
        _ => (&[], false),
    }
}

/// Whether an element says where segments are. In an MPD the first three are in a Period or below, and the
/// others in these; in a patch each may come on its own.
pub(super) fn is_of_segments(node: Node<'_>) -> bool {
    matches!(node.name(), "SegmentBase" | "SegmentList" | "SegmentTemplate")
        || !of_segments(node.name()).0.is_empty()
}
