//! Which elements of an MPD hold addresses, besides those of segments and bases (ISO/IEC 23009-1, sixth
//! edition; ETSI TS 103 285 for DVB).

use crate::ManifestError;
use crate::address::Resource;
use crate::dash::document::{Node, XmlValue};

/// An address, or several with blanks between them.
#[derive(Debug)]
pub(super) struct Held<'d> {
    pub(super) value: XmlValue<'d>,
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
    let (names, resource) = of_attributes(node.name());
    for name in names {
        add(node.attribute(name), resource, false);
    }
    match node.name() {
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
        "ImportedMPD" if !node.has("uri") => add(Some(node.text()?), Manifest, false),
        "UTCTiming" if scheme().starts_with(CLOCK) => add(node.attribute("value"), Media, true),
        _ => {}
    }
    Ok(held)
}

/// The attributes of an element that are addresses, whatever else it says, and what they lead to.
pub(super) fn of_attributes(name: &str) -> (&'static [&'static str], Resource) {
    match name {
        "AdaptationSet" => (&["initializationPrincipal"], Resource::Media),
        "AlternativeMPD" | "InsertPresentation" | "ReplacePresentation" => {
            (&["uri", "url"], Resource::Manifest)
        }
        "ImportedMPD" => (&["uri"], Resource::Manifest),
        "InitializationSet" => (&["initialization"], Resource::Media),
        _ => (&[], Resource::Media),
    }
}

/// What the text of an element leads to, where it is an address.
pub(super) fn of_text(name: &str) -> Option<Resource> {
    match name {
        "BaseURL" | "ContentSteering" => Some(Resource::Media),
        "ImportedMPD" | "Location" | "PatchLocation" => Some(Resource::Manifest),
        _ => None,
    }
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
