//! Which variables of a multivariant playlist may take the token to the playlists that import them.

use std::collections::{BTreeMap, BTreeSet};

use crate::ManifestError;
use crate::hls::addresses::{Addresses, with_braces};
use crate::hls::attributes::Attributes;
use crate::hls::tags::{has_addresses, in_comment, resource};
use crate::hls::variables::{has_open_brace, references};
use crate::rewriter::Rewriter;

/// Names of variables that do not get the token.
pub(crate) type Withheld = BTreeSet<String>;

/// Reads a multivariant playlist for what it does with its variables.
///
/// An address of another host would take along the token in the value of a variable. The order of lines
/// does not matter: Shaka Player reads all definitions first. What cannot be read for sure counts as an
/// address of another host.
#[derive(Debug)]
pub(crate) struct Exports<'c, 'p> {
    addresses: Addresses<'c>,
    definitions: BTreeMap<&'p str, &'p str>,
    /// HlsVariables that addresses of other hosts use.
    abroad: BTreeSet<&'p str>,
    /// Whether no variable may have the token. A media playlist that imports an address of another host
    /// and one of this host can put them together: `{$there}/?from={$here}`.
    is_foreign: bool,
    /// Whether a value may be the start of a reference that is put together.
    has_brace: bool,
}

impl<'c, 'p> Exports<'c, 'p> {
    pub(crate) fn new(rewriter: &'c Rewriter) -> Self {
        Self {
            addresses: Addresses::new(rewriter),
            definitions: BTreeMap::new(),
            abroad: BTreeSet::new(),
            is_foreign: false,
            has_brace: with_braces(&rewriter.query).contains('{'),
        }
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// [`ManifestError::TooComplex`] over a bound on variables.
    pub(crate) fn line(&mut self, line: &'p str) -> Result<(), ManifestError> {
        let read = &mut self.addresses.growth.read;
        *read = read.saturating_add(line.len());
        // References that only Shaka Player finds.
        let has_others = line.contains('$')
            && line.contains("%7")
            && references(&with_braces(line)).count() > references(line).count();
        self.is_foreign |= has_others;
        let text = line.trim_ascii();
        let Some(tag) = text.strip_prefix('#') else {
            return self.note(text, true);
        };
        let tag = if tag.starts_with("EXT") { Some(tag) } else { in_comment(tag) };
        let Some((name, list)) = tag.and_then(|tag| tag.split_once(':')) else { return Ok(()) };
        if name == "EXT-X-DEFINE" {
            return self.define(list);
        }
        if references(list).next().is_none() {
            return Ok(());
        }
        let mut attributes = Attributes::new(list);
        for attribute in attributes.by_ref() {
            let is_address = resource(name, attribute.name, attribute.value).is_some();
            let may_stay = attribute.quoted && (is_address || !attribute.value.contains("//"));
            self.note(attribute.value, may_stay)?;
        }
        if !has_addresses(name) || !attributes.is_clean() {
            self.abroad.extend(references(list));
        }
        Ok(())
    }

    /// Notes the variables of a text that does not lead to this host.
    fn note(&mut self, text: &'p str, may_stay: bool) -> Result<(), ManifestError> {
        if references(text).next().is_some() && !(may_stay && self.addresses.stays_here(text)?) {
            self.abroad.extend(references(text));
            self.is_foreign |= has_open_brace(text);
        }
        Ok(())
    }

    fn define(&mut self, list: &'p str) -> Result<(), ManifestError> {
        let mut attributes = Attributes::new(list);
        let (mut names, mut values) = (0_usize, 0_usize);
        let [mut name, mut value] = [""; 2];
        for attribute in attributes.by_ref() {
            if attribute.name == "VALUE" {
                (value, values) = (attribute.value, values.saturating_add(1));
                let is_foreign =
                    starts_abroad(value) && (value == "/" || !self.addresses.stays_here(value)?);
                self.is_foreign |= is_foreign;
            } else {
                (name, names) = (attribute.value, names.saturating_add(1));
            }
        }
        self.has_brace |= has_open_brace(value);
        let is_clear = names == 1 && values <= 1 && attributes.is_clean();
        // Players differ in which of two definitions they take, and in what they read here.
        self.is_foreign |= !is_clear && references(list).next().is_some();
        self.is_foreign |= self.definitions.insert(name, value).is_some();
        self.addresses.define(list)
    }

    /// The variables that do not get the token; `None` where no variable may have it.
    pub(crate) fn withheld(mut self) -> Option<Withheld> {
        if self.is_foreign || (self.has_brace && !self.abroad.is_empty()) {
            return None;
        }
        let mut withheld = Withheld::new();
        while let Some(name) = self.abroad.pop_first() {
            // Each definition is followed once.
            if let Some(value) = self.definitions.remove(name) {
                withheld.insert(name.to_owned());
                self.abroad.extend(references(value));
            }
        }
        Some(withheld)
    }
}

/// Whether a definition may be written with the token.
pub(crate) fn is_free(list: &str, withheld: &Withheld) -> bool {
    let mut attributes = Attributes::new(list);
    let is_named = attributes
        .by_ref()
        .any(|attribute| attribute.name != "VALUE" && withheld.contains(attribute.value));
    attributes.by_ref().for_each(drop);
    withheld.is_empty() || (!is_named && attributes.is_clean())
}

/// Whether a value may be the start of an address of another host.
fn starts_abroad(value: &str) -> bool {
    let is_scheme = value.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("http"));
    value == "/" || is_scheme || value.contains("//") || value.contains(['\\', '{'])
}
