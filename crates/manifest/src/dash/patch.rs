//! Addresses that a patch for an MPD puts in place of others (ISO/IEC 23009-1, section 5.15; RFC 5261).

use crate::address::Resource;
use crate::dash::document::Node;
use crate::dash::schema;

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
    let (before, last) = last_steps(&selected.text);
    // `<add sel="..." type="@media">`, or `sel=".../@media"`, or `sel=".../BaseURL/text()"`.
    let added = node.attribute("type");
    let (element, attribute) = match added.as_ref().and_then(|kind| kind.text.strip_prefix('@')) {
        Some(name) => (last, Some(name)),
        None => match last.strip_prefix('@') {
            Some(name) => (before, Some(name)),
            None if last == "text()" => (before, None),
            None => return None,
        },
    };
    let put = |resource, is_template| Put { resource, is_template };
    let Some(name) = attribute else {
        return schema::of_text(element).map(|resource| put(resource, false));
    };
    let (names, resource) = schema::of_attributes(element);
    let (of_segments, is_template) = schema::of_segments(element);
    if of_segments.contains(&name) {
        Some(put(Resource::Media, is_template))
    } else if names.contains(&name) {
        Some(put(resource, false))
    } else {
        name.ends_with(":href").then(|| put(Resource::Media, false))
    }
}

/// The names in the last two steps of a selector. A slash in brackets or in quotes parts none.
fn last_steps(selector: &str) -> (&str, &str) {
    let (mut quote, mut depth) = (None, 0_usize);
    let steps = selector.split(|c| {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[') => depth = depth.saturating_add(1),
            (None, ']') => depth = depth.saturating_sub(1),
            (None, _) => return c == '/' && depth == 0,
        }
        false
    });
    steps.map(step).fold(("", ""), |(_, before), last| (before, last))
}

/// The name in a step of a path: without its prefix, and without what narrows it down.
fn step(step: &str) -> &str {
    let (name, _) = step.split_once('[').unwrap_or((step, ""));
    if name.starts_with('@') {
        return name;
    }
    name.rsplit_once(':').map_or(name, |(_, name)| name)
}
