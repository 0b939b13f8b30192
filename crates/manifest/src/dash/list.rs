//! The `SegmentList` of a Representation, written out.

use playgate::Request;
use quick_xml::escape::escape;

use crate::ManifestError;
use crate::address::Resource;
use crate::bounds::MAX_LEN;
use crate::dash::bases::{Bases, Reference, WrittenAs};
use crate::dash::document::Node;
use crate::dash::duration;
use crate::dash::segments::{Info, Segment};
use crate::dash::template::{self, Values};
use crate::rewriter::Rewriter;

/// What it is written of.
pub(super) struct Of<'a, 'd> {
    pub(super) rewriter: &'a Rewriter,
    /// The Representation.
    pub(super) node: Node<'d>,
    pub(super) info: &'a Info<'d>,
    pub(super) bases: &'a Bases,
}

impl Of<'_, '_> {
    /// Appends the element.
    pub(super) fn push(&self, segments: &[Segment], out: &mut String) -> Result<(), ManifestError> {
        let Self { node, info, .. } = *self;
        let is_list = match info.name() {
            Some("SegmentList") => true,
            Some("SegmentTemplate") => false,
            // Ranges of one file, or all of it, or what is said contradicts itself.
            _ => return Err(ManifestError::NoPreview),
        };
        let timeline = info.child("SegmentTimeline").is_some();
        let prefix = node.prefix();
        open(prefix, "SegmentList", out);
        // The first number of a template is in its addresses.
        let kept = [("startNumber", is_list), ("duration", !timeline)];
        let kept = kept.iter().filter(|(_, is_kept)| *is_kept).map(|(name, _)| *name);
        for name in ["timescale", "presentationTimeOffset", "eptDelta"].into_iter().chain(kept) {
            if let Some(value) = info.attribute(name) {
                attribute(name, &value.text, out);
            }
        }
        out.push('>');
        self.source("Initialization", "initialization", out)?;
        if timeline {
            open(prefix, "SegmentTimeline", out);
            out.push('>');
            // Players that pair entries with addresses count no repetitions.
            for segment in segments {
                open(prefix, "S", out);
                attribute("t", &segment.time.to_string(), out);
                attribute("d", &segment.duration.to_string(), out);
                out.push_str("/>");
            }
            close(prefix, "SegmentTimeline", out);
        }
        self.source("BitstreamSwitching", "bitstreamSwitching", out)?;
        if is_list {
            self.listed(segments, out)?
        } else {
            self.filled(segments, out)?
        }
        close(prefix, "SegmentList", out);
        Ok(())
    }

    /// Appends the element for data of all segments, of a template or of such an element.
    fn source(
        &self,
        name: &'static str,
        template: &str,
        out: &mut String,
    ) -> Result<(), ManifestError> {
        let address = match (self.info.attribute(template), self.info.child(name)) {
            (Some(template), _) => self.fill(&template.text, None, None)?,
            (None, Some(node)) => media(node, "sourceURL", "range")?,
            (None, None) => return Ok(()),
        };
        open(self.node.prefix(), name, out);
        self.address("sourceURL", &address, out)
    }

    /// Appends the addresses of a list.
    fn listed(&self, segments: &[Segment], out: &mut String) -> Result<(), ManifestError> {
        let mut urls = (0..).zip(self.info.children("SegmentURL"));
        for segment in segments {
            let Some((_, url)) = urls.find(|(index, _)| *index == segment.index) else { break };
            if url.has("indexRange") {
                return Err(ManifestError::NoPreview);
            }
            let address = media(url, "media", "mediaRange")?;
            open(self.node.prefix(), "SegmentURL", out);
            self.address("media", &address, out)?;
        }
        Ok(())
    }

    /// Appends the addresses that a template makes.
    fn filled(&self, segments: &[Segment], out: &mut String) -> Result<(), ManifestError> {
        let first = self.info.number("startNumber")?.unwrap_or(1);
        let last = self.info.number("endNumber")?;
        // Without a number all segments are one file.
        let template = self.info.attribute("media");
        let template = template.filter(|template| template::tells_apart(&template.text));
        let template = template.filter(|template| template.text.len() <= Request::MAX_URL_LEN);
        let template = template.ok_or(ManifestError::NoPreview)?;
        for segment in segments {
            let number = first.checked_add(segment.index).ok_or(ManifestError::NoPreview)?;
            if last.is_some_and(|last| number > last) {
                break;
            }
            let address = self.fill(&template.text, Some(number), Some(segment.time))?;
            open(self.node.prefix(), "SegmentURL", out);
            self.address("media", &address, out)?;
        }
        Ok(())
    }

    fn fill(
        &self,
        template: &str,
        number: Option<u64>,
        time: Option<u64>,
    ) -> Result<String, ManifestError> {
        let id = self.node.attribute("id");
        let id = id.as_ref().map(|id| &*id.text);
        let bandwidth = self.node.attribute("bandwidth");
        let bandwidth = bandwidth.and_then(|bandwidth| duration::number(&bandwidth.text));
        let values = Values { id, bandwidth, number, time };
        template::fill(template, &values).ok_or(ManifestError::NoPreview)
    }

    /// Appends an address and the end of its element.
    fn address(&self, name: &str, address: &str, out: &mut String) -> Result<(), ManifestError> {
        // What everybody may fetch cannot be cut.
        if name == "media" && self.bases.lead_to_public(self.rewriter, address) {
            return Err(ManifestError::NoPreview);
        }
        if out.len() > MAX_LEN {
            return Err(ManifestError::TooLarge);
        }
        let mut written = String::new();
        let reference = Reference { text: address, resource: Resource::Media, is_template: false };
        match self.bases.write(self.rewriter, reference, &mut written) {
            WrittenAs::Other => attribute(name, &written, out),
            WrittenAs::Same => attribute(name, address, out),
            WrittenAs::Undecided => return Err(ManifestError::NoPreview),
        }
        out.push_str("/>");
        Ok(())
    }
}

/// An address that leads to a file of its own: the token of a part would open all.
fn media(node: Node<'_>, name: &str, range: &str) -> Result<String, ManifestError> {
    let address = node.attribute(name).filter(|address| !address.text.is_empty());
    match address {
        Some(address) if !node.has(range) => Ok(address.text.into_owned()),
        _ => Err(ManifestError::NoPreview),
    }
}

fn open(prefix: &str, name: &str, out: &mut String) {
    out.push('<');
    out.push_str(prefix);
    out.push_str(name);
}

fn attribute(name: &str, value: &str, out: &mut String) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    out.push_str(&escape(value));
    out.push('"');
}

fn close(prefix: &str, name: &str, out: &mut String) {
    out.push_str("</");
    out.push_str(prefix);
    out.push_str(name);
    out.push('>');
}
