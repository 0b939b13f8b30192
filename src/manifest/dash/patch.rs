//! Addresses that a patch for an MPD puts in place of others (ISO/IEC 23009-1, section 5.15; RFC 5261).

use crate::manifest::address::Resource;
use crate::manifest::dash::document::Node;
use crate::manifest::dash::schema;

/// What the text of an operation is, where it is an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Put {
    pub(super) resource: Resource,
    pub(super) is_template: bool,
}

/// What the text of `add` or `replace` becomes: an attribute or the text of an element that is an address.
pub(super) fn put(node: Node<'_>) -> Option<Put> {
    if !matches!(node.name(), "add" | "replace") {
        return None;
    }
    let selected = node.attribute("sel")?;
    let mut steps = selected.text.rsplit('/').map(step);
    let last = steps.next()?;
    // `<add sel="..." type="@media">`, or `sel=".../@media"`, or `sel=".../BaseURL/text()"`.
    let added = node.attribute("type");
    let (element, attribute) = match added.as_ref().and_then(|kind| kind.text.strip_prefix('@')) {
        Some(name) => (last, Some(name)),
        None => match last.strip_prefix('@') {
            Some(name) => (steps.next()?, Some(name)),
            None if last == "text()" => (steps.next()?, None),
            None => return None,
        },
    };
    let put = |resource, is_template| Some(Put { resource, is_template });
    match (element, attribute) {
        ("BaseURL" | "ContentSteering", None) => put(Resource::Media, false),
        ("Location" | "PatchLocation" | "ImportedMPD", None) => put(Resource::Manifest, false),
        (_, Some(name)) if name.ends_with(":href") => put(Resource::Media, false),
        ("AdaptationSet", Some("initializationPrincipal"))
        | ("InitializationSet", Some("initialization")) => put(Resource::Media, false),
        (element, Some(name)) => {
            let (names, is_template) = schema::of_segments(element);
            names.contains(&name).then_some(())?;
            put(Resource::Media, is_template)
        }
        _ => None,
    }
}

/// The name in a step of a path: without its prefix, and without what narrows it down.
fn step(step: &str) -> &str {
    let (name, _) = step.split_once('[').unwrap_or((step, ""));
    if name.starts_with('@') {
        return name;
    }
    name.rsplit_once(':').map_or(name, |(_, name)| name)
}
