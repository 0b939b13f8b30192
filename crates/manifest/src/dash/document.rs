//! The elements of an MPD, and where each stands in its text.

use core::iter;
use core::ops::Range;
use std::borrow::{Cow, ToOwned as _};

use quick_xml::escape::unescape;
use quick_xml::events::Event;
use quick_xml::events::attributes::Attributes;
use quick_xml::reader::Reader;

use crate::ManifestError;

/// A well-formed MPD without a document type, so no entity stands for more than it says.
///
/// Only elements of the root's namespace are in it, those of other editions of the schema, and those of no
/// namespace, as players know none.
#[derive(Debug)]
pub(super) struct Document<'m> {
    pub(super) source: &'m str,
    /// In the order of their start tags; the first is the root.
    pub(super) elements: Vec<Element>,
    /// The attributes of those start tags, of elements in any namespace, that have players send addresses
    /// on.
    pub(super) tags: Vec<Range<usize>>,
}

/// Where the parts of an element are. There may be one for every four bytes of an MPD, so they are kept
/// short.
#[derive(Debug)]
pub(super) struct Element {
    /// Where the `<` of its start tag is.
    pub(super) start: u32,
    /// Where its name ends, and its attributes start.
    pub(super) name_end: u32,
    pub(super) attributes_end: u32,
    /// From the `>` of its start tag to the `<` of its end tag; both the end where there is one tag alone.
    pub(super) content_start: u32,
    pub(super) content_end: u32,
    /// Behind the `>` of its end tag.
    pub(super) end: u32,
    /// The first element that is not inside.
    pub(super) next: u32,
    /// How long its prefix is, with the colon.
    pub(super) prefix_len: u32,
    /// Where the value of its `xlink:href` is; empty where there is none.
    pub(super) href: (u32, u32),
}

/// A text of an MPD, decoded and without blanks around it, and where it stands.
#[derive(Debug)]
pub(super) struct XmlValue<'m> {
    pub(super) text: Cow<'m, str>,
    pub(super) span: Range<usize>,
}

impl<'m> Document<'m> {
    /// The first element.
    pub(super) fn root(&self) -> Option<Node<'_>> {
        self.node(0)
    }

    /// The elements that are in no other: one, or in what an MPD takes in from elsewhere perhaps several.
    pub(super) fn tops(&self) -> impl Iterator<Item = Node<'_>> {
        iter::successors(self.node(0), |node| self.node(at(node.element.next)))
    }

    /// All elements, in the order of their start tags.
    pub(super) fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        (0..self.elements.len()).filter_map(|at| self.node(at))
    }

    fn node(&self, at: usize) -> Option<Node<'_>> {
        self.elements.get(at).map(|element| Node { document: self, at, element })
    }
}

/// An offset as it is used.
pub(super) const fn at(offset: u32) -> usize {
    offset as usize
}

/// An element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'d> {
    document: &'d Document<'d>,
    at: usize,
    element: &'d Element,
}

impl<'d> Node<'d> {
    /// Its name without the prefix.
    pub(super) fn name(&self) -> &'d str {
        self.qualified().get(at(self.element.prefix_len)..).unwrap_or_default()
    }

    /// Its name as it is written.
    pub(super) fn qualified(&self) -> &'d str {
        let Element { start, name_end, .. } = *self.element;
        self.document.source.get(at(start.saturating_add(1))..at(name_end)).unwrap_or_default()
    }

    /// The prefix of its name with the colon, or nothing.
    pub(super) fn prefix(&self) -> &'d str {
        self.qualified().get(..at(self.element.prefix_len)).unwrap_or_default()
    }

    /// From its start tag to its end tag, both included.
    pub(super) fn span(&self) -> Range<usize> {
        at(self.element.start)..at(self.element.end)
    }

    /// What is between its tags; `None` where it is one tag alone.
    pub(super) fn content(&self) -> Option<Range<usize>> {
        let Element { content_start, content_end, end, .. } = *self.element;
        (content_end != end).then(|| at(content_start)..at(content_end))
    }

    /// Where the attributes are, with the blanks around them.
    pub(super) fn attributes(&self) -> Range<usize> {
        at(self.element.name_end)..at(self.element.attributes_end)
    }

    /// The elements in it, not those in these.
    pub(super) fn children(&self) -> impl Iterator<Item = Self> + use<'d> {
        let Self { document, at, element } = *self;
        let next = self::at(element.next);
        let within = move |at: usize| document.node(at).filter(|_| at < next);
        iter::successors(within(at.saturating_add(1)), move |node| {
            within(self::at(node.element.next))
        })
    }

    /// The elements in it that are named so.
    pub(super) fn named(&self, name: &'static str) -> impl Iterator<Item = Self> + use<'d> {
        self.children().filter(move |child| child.name() == name)
    }

    /// The value of an attribute without prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<XmlValue<'d>> {
        attribute(self.document.source, self.attributes(), |key| key == name)
    }

    /// The value of an attribute with that name behind some prefix.
    pub(super) fn prefixed(&self, name: &str) -> Option<XmlValue<'d>> {
        attribute(self.document.source, self.attributes(), |key| {
            key.rsplit_once(':').is_some_and(|(_, local)| local == name)
        })
    }

    /// Whether there is such an attribute.
    pub(super) fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    /// The value of `xlink:href`.
    pub(super) fn href(&self) -> Option<XmlValue<'d>> {
        let (start, end) = self.element.href;
        value(self.document.source, at(start)..at(end)).filter(|_| start > 0)
    }

    /// The text in it. No element may be, and comments do not part it.
    pub(super) fn text(&self) -> Result<XmlValue<'d>, ManifestError> {
        let content = at(self.element.content_start)..at(self.element.content_end);
        let source = self.document.source.get(content.clone()).ok_or(ManifestError::Malformed)?;
        let mut reader = Reader::from_str(source);
        let mut text = String::new();
        let mut whole: Option<Range<usize>> = None;
        // Some players end a comment at its first `>`, and a processing instruction elsewhere too: they take
        // what follows for a part of the text. So all of them belong to what is written anew.
        let mut passed_over: Option<Range<usize>> = None;
        loop {
            let start = offset(reader.buffer_position())?;
            let event = reader.read_event().map_err(|_| ManifestError::Malformed)?;
            let span = start..offset(reader.buffer_position())?;
            let raw = source.get(span.clone()).ok_or(ManifestError::Malformed)?;
            let (piece, span) = match &event {
                Event::Text(_) => (Cow::Borrowed(raw), trim(source, span)),
                Event::GeneralRef(_) => (decode(raw)?, span),
                Event::CData(data) => (Cow::Borrowed(&**data), span),
                Event::Comment(_) | Event::PI(_) => {
                    passed_over =
                        Some(passed_over.map_or(span.start, |earlier| earlier.start)..span.end);
                    continue;
                }
                Event::Eof => break,
                _ => return Err(ManifestError::Malformed),
            };
            text.push_str(&piece);
            if !is_blank(&piece) {
                whole = Some(whole.map_or(span.start, |whole| whole.start)..span.end);
            }
        }
        let whole = match (whole, passed_over) {
            (Some(text), Some(over)) => text.start.min(over.start)..text.end.max(over.end),
            (text, _) => text.unwrap_or_default(),
        };
        let add = |n: usize| n.checked_add(content.start).ok_or(ManifestError::Malformed);
        Ok(XmlValue {
            text: text.trim_matches(BLANKS).to_owned().into(),
            span: add(whole.start)?..add(whole.end)?,
        })
    }
}

/// What XML takes for white space.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

pub(super) fn is_blank(text: &str) -> bool {
    text.trim_matches(BLANKS).is_empty()
}

/// Resolves the references in a text; none may be to an entity of its own.
pub(super) fn decode(raw: &str) -> Result<Cow<'_, str>, ManifestError> {
    unescape(raw).map_err(|_| ManifestError::Malformed)
}

/// The value of the first attribute in `span` whose name is the right one.
pub(super) fn attribute<'m>(
    source: &'m str,
    span: Range<usize>,
    is_name: impl Fn(&str) -> bool,
) -> Option<XmlValue<'m>> {
    let mut attributes = Attributes::new(source.get(span)?, 0);
    let found = attributes.with_checks(false).flatten().find(|a| is_name(a.key.as_ref()))?;
    value(source, range_of(source, &found.value)?)
}

/// The attribute value at `span`.
fn value(source: &str, span: Range<usize>) -> Option<XmlValue<'_>> {
    let span = trim(source, span);
    Some(XmlValue { text: decode(source.get(span.clone())?).ok()?, span })
}

/// A range without the blanks at its ends.
fn trim(source: &str, span: Range<usize>) -> Range<usize> {
    let text = source.get(span.clone()).unwrap_or_default();
    range_of(source, text.trim_matches(BLANKS)).unwrap_or(span)
}

/// Where `part`, a slice of `source`, stands in it.
pub(super) fn range_of(source: &str, part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(source.as_ptr().addr())?;
    let end = start.checked_add(part.len())?;
    (end <= source.len()).then_some(start..end)
}

pub(super) fn offset(position: u64) -> Result<usize, ManifestError> {
    usize::try_from(position).map_err(|_| ManifestError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dash::parser::parse;

    #[test]
    fn children_are_not_their_children() {
        let document = parse("<MPD><a><b/><a/></a><b/><a/></MPD>").unwrap();
        let root = document.root().unwrap();
        assert_eq!(root.children().map(|node| node.name()).collect::<Vec<_>>(), ["a", "b", "a"]);
        assert_eq!(root.named("a").count(), 2);
        assert_eq!(root.named("a").next().unwrap().children().count(), 2);
    }

    #[test]
    fn texts_hold_no_elements() {
        for source in ["<MPD>a<b/></MPD>", "<MPD><b>a</b></MPD>", "<MPD>a<x:b xmlns:x='x'/></MPD>"]
        {
            let document = parse(source).unwrap();
            assert_eq!(document.root().unwrap().text().err(), Some(ManifestError::Malformed));
        }
    }
}
