//! What is written anew in an MPD, while every other byte stays.

use core::ops::Range;

use alloc::string::String;
use alloc::vec::Vec;

use quick_xml::escape::escape;

use crate::manifest::{MAX_LEN, ManifestError};

/// Replacements, in any order.
#[derive(Debug, Default)]
pub(super) struct Edits {
    /// What is replaced in the source, and what of `text` replaces it.
    list: Vec<(Range<usize>, Range<usize>)>,
    text: String,
}

impl Edits {
    /// Puts markup where something else stood, or nothing did.
    pub(super) fn markup(&mut self, span: Range<usize>, markup: &str) {
        let start = self.text.len();
        // What is too long is never applied: a token in each of many addresses would fill the memory.
        if start <= MAX_LEN {
            self.text.push_str(markup);
        }
        self.list.push((span, start..self.text.len()));
    }

    /// Puts a text there, escaped.
    pub(super) fn text(&mut self, span: Range<usize>, text: &str) {
        self.markup(span, &escape(text));
    }

    /// Appends `source` with the replacements to `out`.
    pub(super) fn apply(mut self, source: &str, out: &mut String) -> Result<(), ManifestError> {
        if self.text.len() > MAX_LEN {
            return Err(ManifestError::TooLarge);
        }
        self.list.sort_by_key(|(span, _)| span.start);
        let mut from = 0;
        out.reserve(source.len().saturating_add(self.text.len()));
        for (span, text) in &self.list {
            // None where two overlap.
            out.push_str(source.get(from..span.start).ok_or(ManifestError::Malformed)?);
            out.push_str(self.text.get(text.clone()).ok_or(ManifestError::Malformed)?);
            from = span.end;
        }
        out.push_str(source.get(from..).ok_or(ManifestError::Malformed)?);
        Ok(())
    }
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
        let mut edits = Edits::default();
        edits.text(8..10, "a&b");
        edits.markup(2..4, "<c>");
        edits.markup(5..5, "1");
        edits.markup(5..5, "2");
        assert_eq!(applied(edits).as_deref(), Ok("01<c>412567a&amp;b"));
        assert_eq!(applied(Edits::default()).as_deref(), Ok("0123456789"));
    }

    #[test]
    fn two_for_one_place_are_refused() {
        let mut edits = Edits::default();
        edits.markup(2..6, "");
        edits.markup(4..5, "");
        assert_eq!(applied(edits), Err(ManifestError::Malformed));
    }
}
