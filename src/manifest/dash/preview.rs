//! The start of an MPD: of every Representation the segments that start within it, each with an address
//! of its own. A template would lead to them all, so there is none left.

use alloc::string::String;
use alloc::vec::Vec;

use crate::manifest::dash::bases::Bases;
use crate::manifest::dash::document::{Document, Node};
use crate::manifest::dash::duration;
use crate::manifest::dash::edits::Edits;
use crate::manifest::dash::list;
use crate::manifest::dash::segments::Info;
use crate::manifest::dash::writer::{Writer, is_nothing, remote};
use crate::manifest::{Carrier, ManifestError};

/// The most segments that are listed or passed over. Each that is listed is signed, and takes some 300
/// bytes.
const MAX_SEGMENTS: usize = 50_000;

/// Writes the first `secs` seconds of an MPD.
pub(super) fn write(
    carrier: &Carrier,
    document: &Document<'_>,
    root: Node<'_>,
    secs: u64,
) -> Result<Edits, ManifestError> {
    let is_static = root.attribute("type").is_none_or(|kind| kind.text == "static");
    let is_elsewhere = |node| remote(node).is_some() || node.name() == "ImportedMPD";
    if !is_static || document.nodes().any(is_elsewhere) {
        return Err(ManifestError::NoPreview);
    }
    let mut writer = Writer::new(carrier);
    let mpd = writer.locations(root)?;
    let bases = writer.level(root, &mpd, false)?;
    let mut preview = Preview { writer, shown: duration::of_secs(secs), budget: MAX_SEGMENTS };
    let periods = periods(root)?;
    preview.cut(root, &periods)?;
    for node in root.children() {
        match periods.iter().find(|period| period.node.span() == node.span()) {
            Some(period) => preview.period(period, &bases)?,
            None => preview.writer.attributes(node, &bases),
        }
    }
    Ok(preview.writer.edits)
}

/// A Period, and when it is, in nanoseconds of the presentation.
struct Period<'d> {
    node: Node<'d>,
    start: u64,
    end: u64,
}

/// The Periods, and when they are (ISO/IEC 23009-1, section 5.3.2.1).
fn periods(root: Node<'_>) -> Result<Vec<Period<'_>>, ManifestError> {
    let total = time(root, "mediaPresentationDuration")?;
    let mut periods = Vec::new();
    let mut next = Some(0);
    let mut nodes = root.named("Period").filter(|node| !is_nothing(*node)).peekable();
    while let Some(node) = nodes.next() {
        let start = time(node, "start")?.or(next).ok_or(ManifestError::NoPreview)?;
        next = time(node, "duration")?.map(|duration| start.saturating_add(duration));
        let following = match nodes.peek() {
            Some(following) => time(*following, "start")?,
            None => total,
        };
        let end = match (next, following) {
            (Some(end), Some(following)) => end.min(following),
            (end, following) => end.or(following).ok_or(ManifestError::NoPreview)?,
        };
        periods.push(Period { node, start, end });
    }
    Ok(periods)
}

/// A duration; `None` where there is no such attribute.
fn time(node: Node<'_>, name: &str) -> Result<Option<u64>, ManifestError> {
    let Some(value) = node.attribute(name) else { return Ok(None) };
    duration::parse(&value.text).map(Some).ok_or(ManifestError::NoPreview)
}

struct Preview<'c> {
    writer: Writer<'c>,
    /// How many nanoseconds from the start may be seen.
    shown: u64,
    /// How many segments may still be listed.
    budget: usize,
}

impl Preview<'_> {
    /// Shortens the presentation.
    fn cut(&mut self, root: Node<'_>, periods: &[Period<'_>]) -> Result<(), ManifestError> {
        if !periods.iter().any(|period| period.start < self.shown) {
            return Err(ManifestError::NoPreview);
        }
        self.shorten(root, "mediaPresentationDuration", self.shown)?;
        // It said when it ends by its Periods, of which the last ones may be gone.
        if !root.has("mediaPresentationDuration")
            && periods.iter().any(|period| period.end > self.shown)
        {
            let at = root.attributes().start;
            let duration = duration::to_text(self.shown);
            let markup = [" mediaPresentationDuration=\"", &duration, "\""].concat();
            self.writer.edits.markup(at..at, &markup);
        }
        Ok(())
    }

    /// Makes a duration no longer than `most`.
    fn shorten(&mut self, node: Node<'_>, name: &str, most: u64) -> Result<(), ManifestError> {
        if let Some(value) = node.attribute(name)
            && time(node, name)? > Some(most)
        {
            self.writer.edits.text(value.span, &duration::to_text(most));
        }
        Ok(())
    }

    fn period(&mut self, period: &Period<'_>, parents: &Bases) -> Result<(), ManifestError> {
        let Period { node, start, end } = *period;
        let Some(most) = self.shown.checked_sub(start).filter(|most| *most > 0) else {
            self.writer.edits.markup(node.span(), "");
            return Ok(());
        };
        self.shorten(node, "duration", most)?;
        let length = end.saturating_sub(start).min(most);
        self.level(node, parents, &Info::default(), length)
    }

    /// Writes a level of a Period of which `length` nanoseconds may be seen.
    fn level<'d>(
        &mut self,
        node: Node<'d>,
        parents: &Bases,
        above: &Info<'d>,
        length: u64,
    ) -> Result<(), ManifestError> {
        let bases = self.writer.level(node, parents, false)?;
        self.writer.attributes(node, &bases);
        let (own, others): (Vec<_>, Vec<_>) = node.children().partition(|child| {
            matches!(child.name(), "SegmentBase" | "SegmentList" | "SegmentTemplate")
        });
        let mut info = above.clone();
        own.iter().for_each(|own| info.add(*own));
        let mut list = String::new();
        if node.name() == "Representation" {
            let segments = info.segments(length, &mut self.budget)?;
            let list_of = list::Of { carrier: self.writer.carrier, node, info: &info, bases: &bases };
            list_of.push(&segments, &mut list)?;
        } else {
            for child in others {
                self.level(child, &bases, &info, length)?;
            }
        }
        self.place(node, &own, &list);
        Ok(())
    }

    /// Puts what is said of segments now where it was said before, or at the end.
    fn place(&mut self, node: Node<'_>, own: &[Node<'_>], list: &str) {
        let edits = &mut self.writer.edits;
        let mut list = list;
        for own in own {
            edits.markup(own.span(), list);
            list = "";
        }
        if list.is_empty() {
            return;
        }
        match node.content() {
            Some(content) => edits.markup(content.end..content.end, list),
            None => {
                let end = [">", list, "</", node.qualified(), ">"].concat();
                edits.markup(node.attributes().end..node.span().end, &end);
            }
        }
    }
}
