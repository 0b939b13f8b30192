//! What is written anew in an MPD, while every other byte stays.

use core::ops::Range;

use alloc::string::String;
use alloc::vec::Vec;

use quick_xml::escape::escape;

use crate::manifest::ManifestError;

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
        self.text.push_str(markup);
        self.list.push((span, start..self.text.len()));
    }

    /// Puts a text there, escaped.
    pub(super) fn text(&mut self, span: Range<usize>, text: &str) {
        self.markup(span, &escape(text));
    }

    /// Appends `source` with the replacements to `out`.
    pub(super) fn apply(mut self, source: &str, out: &mut String) -> Result<(), ManifestError> {
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
