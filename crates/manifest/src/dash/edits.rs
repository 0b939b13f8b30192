//! What is written anew in an MPD, while every other byte stays.

use core::ops::Range;

use quick_xml::escape::escape;

use crate::dash::document::at;
use crate::{ManifestError, bounds};

/// Replacements, in any order.
#[derive(Debug)]
pub(super) struct Edits {
    /// The most bytes that may be put in.
    most: usize,
    /// What is replaced in the source, and what of `text` replaces it.
    list: Vec<(Range<u32>, Range<u32>)>,
    text: String,
}

impl Edits {
    /// For an MPD of so many bytes.
    pub(super) const fn new(len: usize) -> Self {
        Self { most: bounds::most(len), list: Vec::new(), text: String::new() }
    }

    /// Puts markup where something else was, or nothing.
    pub(super) fn markup(&mut self, span: Range<usize>, markup: &str) -> Result<(), ManifestError> {
        let start = self.text.len();
        // At once, as a token in each of many addresses would fill the memory.
        self.check(markup.len())?;
        bounds::reserve(&mut self.text, markup.len(), self.most);
        self.text.push_str(markup);
        self.list.push((short(span)?, short(start..self.text.len())?));
        Ok(())
    }

    /// Puts a text there, escaped.
    pub(super) fn text(&mut self, span: Range<usize>, text: &str) -> Result<(), ManifestError> {
        self.markup(span, &escape(text))
    }

    /// Whether so many bytes more are still fine.
    pub(super) fn check(&self, more: usize) -> Result<(), ManifestError> {
        let len = self.text.len().saturating_add(more);
        if len > self.most { Err(ManifestError::TooLarge) } else { Ok(()) }
    }

    /// Appends `source` with the replacements to `out`.
    pub(super) fn apply(mut self, source: &str, out: &mut String) -> Result<(), ManifestError> {
        self.list.sort_by_key(|(span, _)| span.start);
        let mut from = 0;
        out.reserve(source.len().saturating_add(self.text.len()));
        for (span, text) in &self.list {
            let [span, text] = [span, text].map(|range| at(range.start)..at(range.end));
            // None where two overlap.
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
