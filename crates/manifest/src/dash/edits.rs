//! Replacements in an MPD. Every other byte stays as it is.

use core::ops::Range;

use quick_xml::escape::escape;

use crate::dash::document::at;
use crate::{ManifestError, bounds};

/// Replacements, in any order.
#[derive(Debug)]
pub(super) struct Edits {
    /// The most bytes that may be inserted.
    most: usize,
    /// Spans of the source, and the spans of `text` that replace them.
    list: Vec<(Range<u32>, Range<u32>)>,
    text: String,
}

impl Edits {
    /// Creates an empty list for an MPD of this length.
    pub(super) const fn new(len: usize) -> Self {
        Self { most: bounds::most(len), list: Vec::new(), text: String::new() }
    }

    /// Replaces a span, which may be empty, with markup.
    pub(super) fn markup(&mut self, span: Range<usize>, markup: &str) -> Result<(), ManifestError> {
        let start = self.text.len();
        // Check now: a token in each of many addresses could exhaust the memory.
        self.check(markup.len())?;
        bounds::reserve(&mut self.text, markup.len(), self.most);
        self.text.push_str(markup);
        self.list.push((short(span)?, short(start..self.text.len())?));
        Ok(())
    }

    /// Replaces a span with text, escaped.
    pub(super) fn text(&mut self, span: Range<usize>, text: &str) -> Result<(), ManifestError> {
        self.markup(span, &escape(text))
    }

    /// Checks that this many more bytes are within the limit.
    pub(super) fn check(&self, more: usize) -> Result<(), ManifestError> {
        let len = self.text.len().saturating_add(more);
        if len > self.most { Err(ManifestError::TooLarge) } else { Ok(()) }
    }

    /// Appends `source`, with the replacements, to `out`.
    pub(super) fn apply(mut self, source: &str, out: &mut String) -> Result<(), ManifestError> {
        self.list.sort_by_key(|(span, _)| span.start);
        let removed: usize = self.list.iter().map(|(span, _)| span.len()).sum();
        let len = source.len().saturating_add(self.text.len()).saturating_sub(removed);
        if len > self.most {
            return Err(ManifestError::TooLarge);
        }
        let mut from = 0;
        out.reserve_exact(len);
        for (span, text) in &self.list {
            let [span, text] = [span, text].map(|range| at(range.start)..at(range.end));
            // Fails if two replacements overlap.
            out.push_str(source.get(from..span.start).ok_or(ManifestError::Malformed)?);
            out.push_str(self.text.get(text).ok_or(ManifestError::Malformed)?);
            from = span.end;
        }
        out.push_str(source.get(from..).ok_or(ManifestError::Malformed)?);
        Ok(())
    }
}

fn short(range: Range<usize>) -> Result<Range<u32>, ManifestError> {
    let short = |offset| u32::try_from(offset).map_err(|_| ManifestError::TooComplex);
    Ok(short(range.start)?..short(range.end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(edits: Edits) -> Result<String, ManifestError> {
        let mut out = String::new();
        edits.apply("0123456789", &mut out).map(|()| out)
    }

    #[test]
    fn every_other_byte_stays() {
        let mut edits = Edits::new(10);
        edits.text(8..10, "a&b").unwrap();
        edits.markup(2..4, "<c>").unwrap();
        edits.markup(5..5, "1").unwrap();
        edits.markup(5..5, "2").unwrap();
        assert_eq!(applied(edits).as_deref(), Ok("01<c>412567a&amp;b"));
        assert_eq!(applied(Edits::new(10)).as_deref(), Ok("0123456789"));
    }

    #[test]
    fn two_for_one_place_are_refused() {
        let mut edits = Edits::new(10);
        edits.markup(2..6, "").unwrap();
        edits.markup(4..5, "").unwrap();
        assert_eq!(applied(edits), Err(ManifestError::Malformed));
    }
}
