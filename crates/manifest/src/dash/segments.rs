//! Which segments a Representation has, and when each starts (ISO/IEC 23009-1, section 5.3.9).

use crate::ManifestError;
use crate::dash::document::{Node, XmlValue};
use crate::dash::duration;

/// What is said of segments at the levels of an MPD, the outermost first: an inner one adds to it, and
/// goes before it.
#[derive(Clone, Debug, Default)]
pub(super) struct Info<'d>(Vec<Node<'d>>);

impl<'d> Info<'d> {
    /// Adds what is said one level below.
    pub(super) fn add(&mut self, node: Node<'d>) {
        self.0.push(node);
    }

    /// The name of the elements; `None` where there is none, or they differ.
    pub(super) fn name(&self) -> Option<&'d str> {
        let name = self.0.first()?.name();
        self.0.iter().all(|node| node.name() == name).then_some(name)
    }

    /// Whether it says nothing of segments, or only where they are in a file.
    pub(super) fn is_of_one_file(&self) -> bool {
        self.0.iter().all(|node| node.name() == "SegmentBase")
    }

    /// The work of reading it: all of its bytes once, and the attributes as often as one is asked for.
    pub(super) fn work(&self) -> usize {
        const ASKED: usize = 12;
        self.0.iter().fold(0, |work, node| {
            let attributes = node.attributes().len().saturating_mul(ASKED);
            work.saturating_add(node.span().len()).saturating_add(attributes)
        })
    }

    pub(super) fn attribute(&self, name: &str) -> Option<XmlValue<'d>> {
        self.0.iter().rev().find_map(|node| node.attribute(name))
    }

    pub(super) fn child(&self, name: &'static str) -> Option<Node<'d>> {
        self.children(name).next()
    }

    /// The elements of that name at the innermost level that has any.
    pub(super) fn children(&self, name: &'static str) -> impl Iterator<Item = Node<'d>> + use<'d> {
        let level = self.0.iter().rev().find(|node| node.named(name).next().is_some());
        level.copied().into_iter().flat_map(move |node| node.named(name))
    }

    /// A number; `None` where there is no such attribute.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, ManifestError> {
        self.attribute(name).map(|value| number(&value)).transpose()
    }

    /// The segments that start in a period before its `end`, in nanoseconds from where that starts. Every
    /// segment is taken off `budget`.
    pub(super) fn segments(
        &self,
        end: u64,
        budget: &mut usize,
    ) -> Result<Vec<Segment>, ManifestError> {
        if self.0.iter().any(|node| is_sequence(*node)) {
            return Err(ManifestError::NoPreview);
        }
        let timescale = self.number("timescale")?.unwrap_or(1);
        let ticks = u128::from(end).saturating_mul(u128::from(timescale));
        let ticks = ticks.div_ceil(u128::from(duration::of_secs(1)));
        let ticks = u64::try_from(ticks).map_err(|_| ManifestError::NoPreview)?;
        let mut segments = Segments { list: Vec::new(), count: 0, budget };
        if let Some(timeline) = self.child("SegmentTimeline") {
            let offset = self.number("presentationTimeOffset")?.unwrap_or(0);
            segments.of_timeline(timeline, offset, ticks.saturating_add(offset))?;
        } else {
            let duration = self.number("duration")?.filter(|duration| *duration > 0);
            let run = SegmentRun {
                start: 0,
                duration: duration.ok_or(ManifestError::NoPreview)?,
                last: None,
            };
            segments.of_run(&run, 0, ticks)?;
        }
        Ok(segments.list)
    }
}

/// A segment that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// How many are before it.
    pub(super) index: u64,
    /// When it starts, in ticks: in a timeline from that of the media, else from that of the period.
    pub(super) time: u64,
    pub(super) duration: u64,
}

struct Segments<'b> {
    list: Vec<Segment>,
    count: u64,
    budget: &'b mut usize,
}

/// Segments of one duration, one after the other.
struct SegmentRun {
    start: u64,
    duration: u64,
    /// When the last one starts, where that is known.
    last: Option<u64>,
}

impl Segments<'_> {
    /// Adds the segments of a timeline that start before `end` and last beyond `offset`.
    fn of_timeline(
        &mut self,
        timeline: Node<'_>,
        offset: u64,
        end: u64,
    ) -> Result<(), ManifestError> {
        if timeline.named("Pattern").next().is_some() {
            return Err(ManifestError::NoPreview);
        }
        let mut next = 0;
        let mut entries = timeline.named("S").peekable();
        while let Some(entry) = entries.next() {
            let start = entry.attribute("t").map_or(Ok(next), |t| number(&t))?;
            let duration = entry.attribute("d").map_or(Ok(0), |d| number(&d))?;
            if start < next || duration == 0 || is_sequence(entry) || entry.has("n") {
                return Err(ManifestError::NoPreview);
            }
            if start >= end {
                break;
            }
            let repeat = entry.attribute("r").map_or(Ok(0), |r| r.text.parse::<i64>());
            let last = match (repeat, entries.peek()) {
                (Ok(repeat @ 0..), _) => {
                    let more = repeat.unsigned_abs().saturating_mul(duration);
                    Some(start.saturating_add(more))
                }
                // Up to the next one, or to the end of the period.
                (Ok(_), Some(following)) => {
                    let following = following.attribute("t").ok_or(ManifestError::NoPreview)?;
                    Some(number(&following)?.saturating_sub(1))
                }
                (Ok(_), None) => None,
                (Err(_), _) => return Err(ManifestError::NoPreview),
            };
            next = self.of_run(&SegmentRun { start, duration, last }, offset, end)?;
        }
        Ok(())
    }

    /// Adds those of a run, and tells when it ends.
    fn of_run(&mut self, run: &SegmentRun, offset: u64, end: u64) -> Result<u64, ManifestError> {
        let mut time = run.start;
        while time < end && run.last.is_none_or(|last| time <= last) {
            *self.budget = self.budget.checked_sub(1).ok_or(ManifestError::NoPreview)?;
            let next = time.checked_add(run.duration).ok_or(ManifestError::NoPreview)?;
            if next > offset {
                self.list.push(Segment { index: self.count, time, duration: run.duration });
            }
            self.count = self.count.saturating_add(1);
            time = next;
        }
        Ok(time)
    }
}

/// Whether segments are in sequences or patterns, so that the element says more than is read here.
fn is_sequence(node: Node<'_>) -> bool {
    let mut names = ["k", "p", "ssp"].iter();
    names.any(|name| node.has(name)) || node.named("Pattern").next().is_some()
}

fn number(value: &XmlValue<'_>) -> Result<u64, ManifestError> {
    duration::number(&value.text).ok_or(ManifestError::NoPreview)
}
