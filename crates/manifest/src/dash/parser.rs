//! An MPD is read once, and whatever is not well-formed is refused: players might read it in another way.

use core::ops::Range;
use std::borrow::ToOwned;

use quick_xml::events::attributes::Attributes;
use quick_xml::events::{BytesDecl, BytesStart, Event};
use quick_xml::name::{Namespace, NamespaceResolver, ResolveResult};
use quick_xml::reader::NsReader;

use crate::ManifestError;
use crate::dash::document::{Document, Element, at, decode, is_blank, offset, range_of};
use crate::dash::onward::NAMES;

/// How deep elements may be nested. An MPD nests eight of its own; events may hold more.
const MAX_DEPTH: usize = 64;

/// The most elements. A manifest of 2 MiB has a fifth of them, if it is one long timeline.
const MAX_ELEMENTS: usize = 1 << 20;

/// What the namespaces of an MPD and of a patch for one start with, whatever the edition.
const NAMESPACES: &str = "urn:mpeg:dash:schema:mpd";

/// An MPD, a patch for one, and what it may take in from elsewhere (ISO/IEC 23009-1, sections 5.5 and 5.15).
const ROOTS: [&str; 15] = [
    "MPD",
    "Patch",
    "Period",
    "AdaptationSet",
    "ContentProtection",
    "EventStream",
    "InitializationGroup",
    "InitializationPresentation",
    "InitializationSet",
    "Preselection",
    "Representation",
    "SegmentBase",
    "SegmentList",
    "SegmentTemplate",
    "SubRepresentation",
];

const XLINK: &str = "http://www.w3.org/1999/xlink";

/// Reads an MPD without a byte order mark.
pub(super) fn parse(source: &str) -> Result<Document<'_>, ManifestError> {
    let mut reader = NsReader::from_str(source);
    reader.config_mut().check_comments = true;
    let mut parser = Parser {
        document: Document { source, elements: Vec::new(), tags: Vec::new() },
        sends_on: NAMES.iter().any(|name| source.contains(&name.concat())),
        namespace: None,
        open: Vec::new(),
        has_many: false,
        skipped: 0,
    };
    // The reader would pass over a byte order mark without counting it.
    let is_control = |byte: u8| byte < b' ' && !b"\t\n\r".contains(&byte);
    if source.starts_with('\u{feff}') || source.bytes().any(is_control) {
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

struct Parser<'m> {
    document: Document<'m>,
    /// That of the root.
    namespace: Option<String>,
    /// The elements whose end tags are to come.
    open: Vec<usize>,
    /// Whether there is anything that has players send addresses on.
    sends_on: bool,
    /// Whether several may be in no other: what an MPD takes in is as many as it likes.
    has_many: bool,
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
            let name = tag.local_name();
            let name = ROOTS.iter().find(|root| **root == name.as_ref());
            let name = name.ok_or(ManifestError::Malformed)?;
            self.has_many = !matches!(*name, "MPD" | "Patch");
            self.namespace = namespace.map(ToOwned::to_owned);
        }
        Ok(namespace.is_none_or(|name| name.starts_with(NAMESPACES))
            || namespace == self.namespace.as_deref())
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
                let is_second = is_outside && !self.document.elements.is_empty() && !self.has_many;
                if is_second || self.open.len().saturating_add(self.skipped) >= MAX_DEPTH {
                    return Err(ManifestError::Malformed);
                }
                if self.document.elements.len() >= MAX_ELEMENTS {
                    return Err(ManifestError::TooComplex);
                }
                let is_closed = matches!(event, Event::Empty(_));
                let element = self.element(tag, span, is_closed, resolver)?;
                if self.sends_on {
                    // Its name too, where that has the player send something.
                    let name = at(element.start)..at(element.name_end);
                    let name = self.document.source.get(name).unwrap_or_default();
                    let is_sender = NAMES.iter().any(|sender| name.contains(&sender.concat()));
                    let start = if is_sender { element.start } else { element.name_end };
                    let tag = at(start)..at(element.attributes_end);
                    let text = self.document.source.get(tag.clone()).unwrap_or_default();
                    if NAMES.iter().any(|name| text.contains(&name.concat())) {
                        self.document.tags.push(tag);
                    }
                }
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
            Event::Decl(declaration) if span.start == 0 => check(declaration, self.document.source),
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
    ) -> Result<Element, ManifestError> {
        let source = self.document.source;
        let slice = |text: &str| {
            let range = range_of(source, text)?;
            Some((source.get(range.clone())?, range))
        };
        let (qualified, name) = slice(tag.name().into_inner()).ok_or(ManifestError::Malformed)?;
        let (raw, attributes) = slice(tag.attributes_raw()).ok_or(ManifestError::Malformed)?;
        let is_name = |first: char| first.is_alphabetic() || "_:".contains(first);
        if !qualified.starts_with(is_name) || raw.contains('<') {
            return Err(ManifestError::Malformed);
        }
        let mut href = 0..0;
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
                href = range_of(source, &attribute.value).ok_or(ManifestError::Malformed)?;
            }
        }
        let prefix_len = qualified.rfind(':').map_or(0, |colon| colon.saturating_add(1));
        let content_end = if is_closed { span.end } else { source.len() };
        let next = self.document.elements.len().saturating_add(1);
        Ok(Element {
            start: short(span.start)?,
            name_end: short(name.end)?,
            attributes_end: short(attributes.end)?,
            content_start: short(span.end)?,
            content_end: short(content_end)?,
            end: short(span.end)?,
            next: short(next)?,
            prefix_len: short(prefix_len)?,
            href: (short(href.start)?, short(href.end)?),
        })
    }

    /// Ends the element that was opened last.
    fn close(&mut self, tag: &Range<usize>) -> Result<(), ManifestError> {
        let next = self.document.elements.len();
        let at = self.open.pop().ok_or(ManifestError::Malformed)?;
        let element = self.document.elements.get_mut(at).ok_or(ManifestError::Malformed)?;
        element.content_end = short(tag.start)?;
        element.end = short(tag.end)?;
        element.next = short(next)?;
        Ok(())
    }

    fn finish(self) -> Result<Document<'m>, ManifestError> {
        let is_whole = self.open.is_empty() && !self.document.elements.is_empty();
        if is_whole { Ok(self.document) } else { Err(ManifestError::Malformed) }
    }
}

fn short(offset: usize) -> Result<u32, ManifestError> {
    u32::try_from(offset).map_err(|_| ManifestError::TooComplex)
}

/// Encodings in which ASCII is written as in UTF-8. Of a manifest in ASCII it does not matter which of them
/// it names.
const ASCII_ALIKE: [&str; 6] =
    ["us-ascii", "ascii", "iso-8859-1", "latin1", "iso-8859-15", "windows-1252"];

/// Only UTF-8 can have come here unharmed, and what is ASCII under another name.
fn check(declaration: &BytesDecl<'_>, source: &str) -> Result<(), ManifestError> {
    let is_version = declaration.version().is_ok_and(|version| version.starts_with("1."));
    let is_read = match declaration.encoding() {
        Some(Ok(encoding)) => {
            let is = |name: &&str| encoding.eq_ignore_ascii_case(name);
            ["utf-8", "utf8"].iter().any(is) || (source.is_ascii() && ASCII_ALIKE.iter().any(is))
        }
        Some(Err(_)) => false,
        None => true,
    };
    if is_version && is_read { Ok(()) } else { Err(ManifestError::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn malformed(source: &str) {
        assert_eq!(parse(source).err(), Some(ManifestError::Malformed), "{source}");
    }

    fn names(source: &str) -> Vec<String> {
        let document = parse(source).unwrap();
        document.nodes().map(|node| node.name().to_owned()).collect()
    }

    #[test]
    fn what_is_not_well_formed() {
        for source in [
            "",
            " ",
            "MPD",
            "<MPD>",
            "</MPD>",
            "<MPD></mpd>",
            "<MPD/><MPD/>",
            "<MPD/>text",
            "<MPD/>&amp;",
            "<MPD/><![CDATA[]]>",
            "<MPD><Period></MPD></Period>",
            "<MPD a='1' a='2'/>",
            "<MPD a=1/>",
            "<MPD a/>",
            "<MPD a='<'/>",
            "<MPD a='&'/>",
            "<MPD a='&b;'/>",
            "<MPD>&b;</MPD>",
            "<MPD>&</MPD>",
            "<MPD>]]></MPD>",
            "<MPD>\0</MPD>",
            "<MPD>\u{1b}</MPD>",
            "<MPD>< /></MPD>",
            "<MPD><1/></MPD>",
            "<MPD><!-- -- --></MPD>",
            "<MPD><!-- </MPD>",
            "<MPD><![CDATA[</MPD>",
            "<MPD><?a </MPD>",
            "<MPD",
            "<MPD a='",
            "\u{feff}<MPD/>",
        ] {
            malformed(source);
        }
    }

    #[test]
    fn the_root_is_an_mpd() {
        for source in
            ["<mpd/>", "<a:MPD/>", "<html/>", "<Patch/><Patch/>", "<Period/>text<Period/>"]
        {
            malformed(source);
        }
        assert_eq!(names("<Period/><Period/>"), ["Period", "Period"]);
        assert_eq!(names("<Patch><add/></Patch>"), ["Patch", "add"]);
        for source in ["<MPD/>", "<a:MPD xmlns:a='a'/>", " <!-- --> <?a?> <MPD></MPD> \n<!-- -->"] {
            assert_eq!(names(source), ["MPD"]);
        }
    }

    #[test]
    fn no_document_type() {
        malformed("<!DOCTYPE MPD><MPD/>");
        malformed("<!DOCTYPE MPD [<!ENTITY a \"https://other.example/\">]><MPD>&a;</MPD>");
    }

    #[test]
    fn utf_8_alone() {
        for declaration in [
            "<?xml version='1.0'?>",
            "<?xml version='1.0' encoding='utf-8' standalone='yes'?>",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
        ] {
            assert_eq!(names(&format!("{declaration}<MPD/>")), ["MPD"]);
            malformed(&format!(" {declaration}<MPD/>"));
            malformed(&format!("<MPD>{declaration}</MPD>"));
        }
        for encoding in ["US-ASCII", "iso-8859-1", "UTF8"] {
            let declaration = format!("<?xml version='1.0' encoding='{encoding}'?>");
            assert_eq!(names(&format!("{declaration}<MPD/>")), ["MPD"]);
            let latin = format!("{declaration}<MPD a='\u{e9}'/>");
            if encoding == "UTF8" { assert_eq!(names(&latin), ["MPD"]) } else { malformed(&latin) }
        }
        for encoding in ["utf-16", "utf-7", "ebcdic", ""] {
            malformed(&format!("<?xml version='1.0' encoding='{encoding}'?><MPD/>"));
        }
        malformed("<?xml encoding='utf-8'?><MPD/>");
    }

    #[test]
    fn nesting_is_bounded() {
        let nested =
            |n: usize| format!("<MPD>{}{}</MPD>", "<a xmlns='b'>".repeat(n), "</a>".repeat(n));
        assert!(parse(&nested(MAX_DEPTH - 1)).is_ok());
        malformed(&nested(MAX_DEPTH));
        malformed(&nested(100_000));
    }

    #[test]
    fn elements_of_other_namespaces_are_passed_over_with_all_in_them() {
        let source = "<d:MPD xmlns:d='d' xmlns:x='x'><x:a><d:b/></x:a><c/><d:e xmlns='f'><g/></d:e>\
                      <u:h><d:i/></u:h><x:j/><d:k/></d:MPD>";
        assert_eq!(names(source), ["MPD", "c", "e", "k"]);
        assert_eq!(names("<MPD xmlns='d'><a xmlns='e'><a xmlns='d'/></a></MPD>"), ["MPD"]);
    }

    /// Every way to break a small MPD by a byte or two is an answer, not a panic.
    #[test]
    fn never_panics() {
        let whole =
            "<?xml version='1.0'?><!-- c --><MPD a=\"&lt;\"><B><![CDATA[x]]>&#9;</B><C/></MPD>";
        for at in 0..=whole.len() {
            for end in at..=whole.len().min(at + 3) {
                for piece in
                    ["", "<", ">", "&", "-", "]", "'", "\"", "!", "?", "/", "<!", "<!-->", "ä"]
                {
                    let broken = [&whole[..at], piece, &whole[end..]].concat();
                    if let Ok(document) = parse(&broken) {
                        for node in document.nodes() {
                            let _ = (node.text(), node.attribute("a"), node.children().count());
                        }
                    }
                }
            }
        }
    }
}
