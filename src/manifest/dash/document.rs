//! The elements of an MPD, and where each stands in its text.

use core::iter;
use core::ops::Range;

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use alloc::vec::Vec;

use quick_xml::escape::unescape;
use quick_xml::events::attributes::Attributes;
use quick_xml::events::{BytesDecl, BytesStart, Event};
use quick_xml::name::{Namespace, NamespaceResolver, ResolveResult};
use quick_xml::reader::{NsReader, Reader};

use crate::manifest::ManifestError;

/// How deep elements may be nested. An MPD nests eight of its own; events may hold more.
const MAX_DEPTH: usize = 64;

const XLINK: &str = "http://www.w3.org/1999/xlink";

/// A well-formed MPD without a document type, so no entity stands for more than it says.
///
/// Only elements of the root's namespace are in it, and those of none, as players know no namespaces.
#[derive(Debug)]
pub(super) struct Document<'m> {
    source: &'m str,
    /// In the order of their start tags; the first is the root.
    elements: Vec<Element<'m>>,
}

#[derive(Debug)]
struct Element<'m> {
    /// The name without its prefix.
    name: &'m str,
    /// The name as it is written.
    qualified: &'m str,
    attributes: Range<usize>,
    /// From the `<` of its start tag to the `>` of its end tag.
    span: Range<usize>,
    /// What stands between the tags; empty at the end of the span where there is one tag alone.
    content: Range<usize>,
    /// The first element that is not inside.
    next: usize,
    href: Option<Range<usize>>,
}

/// A text of an MPD, decoded and without blanks around it, and where it stands.
#[derive(Debug)]
pub(super) struct Value<'m> {
    pub(super) text: Cow<'m, str>,
    pub(super) span: Range<usize>,
}

impl<'m> Document<'m> {
    /// Reads an MPD without a byte order mark.
    pub(super) fn parse(source: &'m str) -> Result<Self, ManifestError> {
        let mut reader = NsReader::from_str(source);
        reader.config_mut().check_comments = true;
        let mut parser = Parser {
            document: Self { source, elements: Vec::new() },
            namespace: None,
            open: Vec::new(),
            skipped: 0,
        };
        if source.bytes().any(|byte| byte < b' ' && !b"\t\n\r".contains(&byte)) {
            return Err(ManifestError::Malformed);
        }
        loop {
            let start = offset(reader.buffer_position())?;
            let (namespace, event) =
                reader.read_resolved_event().map_err(|_| ManifestError::Malformed)?;
            let is_ours = parser.is_ours(&event, &namespace)?;
            let span = start..offset(reader.buffer_position())?;
            if matches!(event, Event::Eof) {
                return parser.finish();
            }
            parser.event(&event, span, is_ours, reader.resolver())?;
        }
    }

    /// The element `MPD`.
    pub(super) fn root(&self) -> Option<Node<'_>> {
        self.node(0)
    }

    /// All elements, in the order of their start tags.
    pub(super) fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        (0..self.elements.len()).filter_map(|at| self.node(at))
    }

    fn node(&self, at: usize) -> Option<Node<'_>> {
        self.elements.get(at).map(|element| Node { document: self, at, element })
    }
}

/// An element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'d> {
    document: &'d Document<'d>,
    at: usize,
    element: &'d Element<'d>,
}

impl<'d> Node<'d> {
    /// Its name without the prefix.
    pub(super) const fn name(&self) -> &'d str {
        self.element.name
    }

    /// Its name as it is written.
    pub(super) const fn qualified(&self) -> &'d str {
        self.element.qualified
    }

    /// The prefix of its name with the colon, or nothing.
    pub(super) fn prefix(&self) -> &'d str {
        self.qualified().strip_suffix(self.name()).unwrap_or_default()
    }

    /// From its start tag to its end tag, both included.
    pub(super) fn span(&self) -> Range<usize> {
        self.element.span.clone()
    }

    /// What stands between its tags; `None` where it is one tag alone.
    pub(super) fn content(&self) -> Option<Range<usize>> {
        let Element { content, span, .. } = self.element;
        (content.end != span.end).then(|| content.clone())
    }

    /// Where the attributes stand, with the blanks around them.
    pub(super) fn attributes(&self) -> Range<usize> {
        self.element.attributes.clone()
    }

    /// The elements in it, not those in these.
    pub(super) fn children(&self) -> impl Iterator<Item = Self> + use<'d> {
        let Self { document, at, element } = *self;
        let within = move |at: usize| document.node(at).filter(|_| at < element.next);
        iter::successors(within(at.saturating_add(1)), move |node| within(node.element.next))
    }

    /// The elements in it that are named so.
    pub(super) fn named(&self, name: &'static str) -> impl Iterator<Item = Self> + use<'d> {
        self.children().filter(move |child| child.name() == name)
    }

    /// The value of an attribute without prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<Value<'d>> {
        let Document { source, .. } = *self.document;
        let raw = source.get(self.attributes())?;
        let mut attributes = Attributes::new(raw, 0);
        let found = attributes.with_checks(false).flatten().find(|a| a.key.as_ref() == name)?;
        value(source, range_of(source, &found.value)?)
    }

    /// Whether there is such an attribute.
    pub(super) fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    /// The value of `xlink:href`.
    pub(super) fn href(&self) -> Option<Value<'d>> {
        value(self.document.source, self.element.href.clone()?)
    }

    /// The text in it. No element may be, and comments do not part it.
    pub(super) fn text(&self) -> Result<Value<'d>, ManifestError> {
        let Element { content, .. } = self.element;
        let source = self.document.source.get(content.clone()).ok_or(ManifestError::Malformed)?;
        let mut reader = Reader::from_str(source);
        let mut text = String::new();
        let mut whole: Option<Range<usize>> = None;
        loop {
            let start = offset(reader.buffer_position())?;
            let event = reader.read_event().map_err(|_| ManifestError::Malformed)?;
            let span = start..offset(reader.buffer_position())?;
            let raw = source.get(span.clone()).ok_or(ManifestError::Malformed)?;
            let (piece, span) = match &event {
                Event::Text(_) => (Cow::Borrowed(raw), trim(source, span)),
                Event::GeneralRef(_) => (decode(raw)?, span),
                Event::CData(data) => (Cow::Borrowed(&**data), span),
                Event::Comment(_) | Event::PI(_) => continue,
                Event::Eof => break,
                _ => return Err(ManifestError::Malformed),
            };
            text.push_str(&piece);
            if !is_blank(&piece) {
                whole = Some(whole.map_or(span.start, |whole| whole.start)..span.end);
            }
        }
        let whole = whole.unwrap_or_default();
        let add = |n: usize| n.checked_add(content.start).ok_or(ManifestError::Malformed);
        Ok(Value { text: text.trim_matches(BLANKS).to_owned().into(), span: add(whole.start)?..add(whole.end)? })
    }
}

/// What XML takes for white space.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

fn is_blank(text: &str) -> bool {
    text.trim_matches(BLANKS).is_empty()
}

struct Parser<'m> {
    document: Document<'m>,
    /// That of the root.
    namespace: Option<String>,
    /// The elements whose end tags are to come.
    open: Vec<usize>,
    /// How many elements that are not ours are open inside of those.
    skipped: usize,
}

impl<'m> Parser<'m> {
    /// Whether an element is one of an MPD.
    fn is_ours(
        &mut self,
        event: &Event<'_>,
        namespace: &ResolveResult<'_>,
    ) -> Result<bool, ManifestError> {
        let namespace = match namespace {
            ResolveResult::Bound(Namespace(name)) => Some(*name),
            ResolveResult::Unbound => None,
            ResolveResult::Unknown(_) => return Ok(false),
        };
        if self.document.elements.is_empty()
            && let Event::Start(tag) | Event::Empty(tag) = event
        {
            if tag.local_name().as_ref() != "MPD" {
                return Err(ManifestError::Malformed);
            }
            self.namespace = namespace.map(ToOwned::to_owned);
        }
        Ok(namespace.is_none() || namespace == self.namespace.as_deref())
    }

    fn event(
        &mut self,
        event: &Event<'m>,
        span: Range<usize>,
        is_ours: bool,
        resolver: &NamespaceResolver,
    ) -> Result<(), ManifestError> {
        let raw = self.document.source.get(span.clone()).ok_or(ManifestError::Malformed)?;
        let is_outside = self.open.is_empty();
        match event {
            Event::Start(tag) | Event::Empty(tag) => {
                let is_second = is_outside && !self.document.elements.is_empty();
                if is_second || self.open.len().saturating_add(self.skipped) >= MAX_DEPTH {
                    return Err(ManifestError::Malformed);
                }
                let is_closed = matches!(event, Event::Empty(_));
                let element = self.element(tag, span, is_closed, resolver)?;
                if self.skipped > 0 || !is_ours {
                    if is_outside {
                        return Err(ManifestError::Malformed);
                    }
                    self.skipped = self.skipped.saturating_add(usize::from(!is_closed));
                    return Ok(());
                }
                if !is_closed {
                    self.open.push(self.document.elements.len());
                }
                self.document.elements.push(element);
                Ok(())
            }
            Event::End(_) if self.skipped > 0 => {
                self.skipped = self.skipped.saturating_sub(1);
                Ok(())
            }
            Event::End(_) => self.close(&span),
            Event::Text(_) if is_outside && !is_blank(raw) || raw.contains("]]>") => {
                Err(ManifestError::Malformed)
            }
            Event::Text(_) | Event::Comment(_) | Event::PI(_) => Ok(()),
            Event::GeneralRef(_) if !is_outside => decode(raw).map(drop),
            Event::CData(_) if !is_outside => Ok(()),
            Event::Decl(declaration) if span.start == 0 => check(declaration),
            _ => Err(ManifestError::Malformed),
        }
    }

    /// Reads a start tag.
    fn element(
        &self,
        tag: &BytesStart<'m>,
        span: Range<usize>,
        is_closed: bool,
        resolver: &NamespaceResolver,
    ) -> Result<Element<'m>, ManifestError> {
        let source = self.document.source;
        let slice = |text: &str| {
            let range = range_of(source, text)?;
            Some((source.get(range.clone())?, range))
        };
        let (qualified, _) = slice(tag.name().into_inner()).ok_or(ManifestError::Malformed)?;
        let (raw, attributes) = slice(tag.attributes_raw()).ok_or(ManifestError::Malformed)?;
        let is_name = |first: char| first.is_alphabetic() || "_:".contains(first);
        if !qualified.starts_with(is_name) || raw.contains('<') {
            return Err(ManifestError::Malformed);
        }
        let mut href = None;
        for attribute in Attributes::new(raw, 0) {
            let attribute = attribute.map_err(|_| ManifestError::Malformed)?;
            decode(&attribute.value)?;
            let (namespace, name) = resolver.resolve_attribute(attribute.key);
            let is_xlink = match namespace {
                ResolveResult::Bound(Namespace(uri)) => uri == XLINK,
                // Players go by the usual prefix.
                ResolveResult::Unknown(prefix) => prefix == "xlink",
                ResolveResult::Unbound => false,
            };
            if is_xlink && name.as_ref() == "href" {
                href = range_of(source, &attribute.value);
            }
        }
        let name = qualified.rsplit_once(':').map_or(qualified, |(_, name)| name);
        let content = if is_closed { span.end..span.end } else { span.end..source.len() };
        let next = self.document.elements.len().saturating_add(1);
        Ok(Element { name, qualified, attributes, span, content, next, href })
    }

    /// Ends the element that was opened last.
    fn close(&mut self, tag: &Range<usize>) -> Result<(), ManifestError> {
        let next = self.document.elements.len();
        let at = self.open.pop().ok_or(ManifestError::Malformed)?;
        let element = self.document.elements.get_mut(at).ok_or(ManifestError::Malformed)?;
        element.content.end = tag.start;
        element.span.end = tag.end;
        element.next = next;
        Ok(())
    }

    fn finish(self) -> Result<Document<'m>, ManifestError> {
        let is_whole = self.open.is_empty() && !self.document.elements.is_empty();
        if is_whole { Ok(self.document) } else { Err(ManifestError::Malformed) }
    }
}

/// Only UTF-8 can have come here unharmed.
fn check(declaration: &BytesDecl<'_>) -> Result<(), ManifestError> {
    let is_version = declaration.version().is_ok_and(|version| version.starts_with("1."));
    let is_utf8 = match declaration.encoding() {
        Some(Ok(encoding)) => encoding.eq_ignore_ascii_case("utf-8"),
        Some(Err(_)) => false,
        None => true,
    };
    if is_version && is_utf8 { Ok(()) } else { Err(ManifestError::Malformed) }
}

fn decode(raw: &str) -> Result<Cow<'_, str>, ManifestError> {
    unescape(raw).map_err(|_| ManifestError::Malformed)
}

/// The attribute value at `span`.
fn value(source: &str, span: Range<usize>) -> Option<Value<'_>> {
    let span = trim(source, span);
    Some(Value { text: decode(source.get(span.clone())?).ok()?, span })
}

/// A range without the blanks at its ends.
fn trim(source: &str, span: Range<usize>) -> Range<usize> {
    let text = source.get(span.clone()).unwrap_or_default();
    range_of(source, text.trim_matches(BLANKS)).unwrap_or(span)
}

/// Where `part`, a slice of `source`, stands in it.
fn range_of(source: &str, part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(source.as_ptr().addr())?;
    let end = start.checked_add(part.len())?;
    (end <= source.len()).then_some(start..end)
}

fn offset(position: u64) -> Result<usize, ManifestError> {
    usize::try_from(position).map_err(|_| ManifestError::Malformed)
}
