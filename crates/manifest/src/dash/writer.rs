//! Addresses as they are written anew, level by level.

use crate::ManifestError;
use crate::address::Resource;
use crate::dash::bases::{Bases, Reference, WrittenAs};
use crate::dash::document::{Node, XmlValue};
use crate::dash::edits::Edits;
use crate::dash::schema::{self, Held};
use crate::outcome::AddressReport;
use crate::rewriter::Rewriter;

/// What stands for a remote element that is not there (ISO/IEC 23009-1, section 5.5.3).
const NOTHING: &str = "urn:mpeg:dash:resolve-to-zero:2013";

/// How much work there may be for each byte of an MPD, and for the first ones: see [`Bases::work`]. An address
/// of 60 bytes that starts from four bases takes some 32 for each; most need not be resolved.
const WORK: usize = 96;
const LEAST_WORK: usize = 1 << 20;

/// The most addresses with blanks between them.
const MAX_LISTED: usize = 16;

#[derive(Debug)]
pub(super) struct MpdWriter<'c> {
    pub(super) rewriter: &'c Rewriter,
    pub(super) edits: Edits,
    /// The work that is left, in bytes.
    work: usize,
    /// What became of each address, with the place where it starts, where somebody asks.
    pub(super) log: Vec<(usize, AddressReport)>,
}

impl<'c> MpdWriter<'c> {
    /// For an MPD of so many bytes.
    pub(super) fn new(rewriter: &'c Rewriter, len: usize) -> Self {
        let work = len.saturating_mul(WORK).saturating_add(LEAST_WORK);
        Self { rewriter, edits: Edits::new(len), work, log: Vec::new() }
    }

    /// Takes work off what is left, so that no MPD takes longer than its size allows.
    pub(super) fn spend(&mut self, work: usize) -> Result<(), ManifestError> {
        self.work = self.work.checked_sub(work).ok_or(ManifestError::TooComplex)?;
        Ok(())
    }

    /// [`Bases::write`] for an address at a place of the source, as long as there is work left, and all that the
    /// address may start from is known.
    pub(super) fn write(
        &mut self,
        at: usize,
        bases: &Bases,
        reference: Reference<'_>,
        out: &mut String,
    ) -> Result<WrittenAs, ManifestError> {
        if bases.keep(self.rewriter, reference) {
            return Ok(WrittenAs::Same);
        }
        if !bases.know(self.rewriter, reference) {
            return Err(ManifestError::TooComplex);
        }
        self.spend(bases.work().saturating_add(reference.text.len()))?;
        let written = bases.write(self.rewriter, reference, out);
        if self.rewriter.keeps_log {
            let text = if written == WrittenAs::Other { out.as_str() } else { reference.text };
            let [address, text] = [reference.text, text].map(|text| self.rewriter.masked(text));
            let why = bases.outcome(self.rewriter, reference, written);
            self.log.push((at, AddressReport { line: 0, address, written: text, why }));
        }
        Ok(written)
    }

    /// Writes an address, where it has to be another.
    pub(super) fn address(
        &mut self,
        value: XmlValue<'_>,
        bases: &Bases,
        resource: Resource,
        is_template: bool,
    ) -> Result<(), ManifestError> {
        let mut address = String::new();
        let reference = Reference { text: &value.text, resource, is_template };
        if self.write(value.span.start, bases, reference, &mut address)? == WrittenAs::Other {
            self.edits.text(value.span, &address)?;
        }
        Ok(())
    }

    /// Writes the elements `Location` and `PatchLocation`. What is relative to the MPD starts from its own
    /// address, and in some players from a `Location`.
    pub(super) fn locations(&mut self, root: Node<'_>) -> Result<Bases, ManifestError> {
        let own = Bases::of(self.rewriter.base());
        let mut bases = own.clone();
        let mut found = Bases::default();
        for location in root.named("Location") {
            self.entered(location, &own, Some(Resource::Manifest), &mut found)?;
        }
        bases.add_others(&found)?;
        for location in root.named("PatchLocation") {
            let value = location.text()?;
            self.address(value, &bases, Resource::Manifest, false)?;
        }
        Ok(bases)
    }

    /// The bases in `node`, which is itself in `parents`: every `BaseURL` there with each of these. They
    /// are written as addresses of media, or not at all.
    pub(super) fn level(
        &mut self,
        node: Node<'_>,
        parents: &Bases,
        is_written: bool,
    ) -> Result<Bases, ManifestError> {
        let mut bases = Bases::default();
        for base in node.named("BaseURL") {
            self.entered(base, parents, is_written.then_some(Resource::Media), &mut bases)?;
        }
        Ok(if bases.is_empty() { parents.clone() } else { bases })
    }

    /// Writes the address in `node`, and adds the bases below it.
    fn entered(
        &mut self,
        node: Node<'_>,
        parents: &Bases,
        resource: Option<Resource>,
        bases: &mut Bases,
    ) -> Result<(), ManifestError> {
        let XmlValue { text, span } = node.text()?;
        let mut address = String::new();
        let mut is_other = false;
        if let Some(resource) = resource {
            let reference = Reference { text: &text, resource, is_template: false };
            is_other =
                self.write(span.start, parents, reference, &mut address)? == WrittenAs::Other;
        }
        if is_other {
            self.edits.text(span, &address)?;
        } else {
            address = text.into_owned();
        }
        // Each is resolved, and compared with those that are there already.
        let work = parents.work().saturating_add(bases.work_to_add(parents));
        self.spend(work.saturating_add(address.len()))?;
        bases.enter(self.rewriter, parents, &address)
    }

    /// Writes the addresses that an element holds itself. `mpd` is what they start from in players that
    /// start from no level.
    pub(super) fn held(
        &mut self,
        node: Node<'_>,
        bases: &Bases,
        mpd: &Bases,
    ) -> Result<(), ManifestError> {
        let held = schema::held(node)?;
        if held.is_empty() {
            return Ok(());
        }
        let mut bases = bases.clone();
        self.spend(bases.work())?;
        bases.add_others(mpd)?;
        for Held { value, resource, is_list } in held {
            if is_list {
                self.list(&value, &bases, resource)?;
            } else {
                self.address(value, &bases, resource, false)?;
            }
        }
        Ok(())
    }

    /// Writes addresses with blanks between them. Of more than a handful nobody asks the last ones.
    fn list(
        &mut self,
        list: &XmlValue<'_>,
        bases: &Bases,
        resource: Resource,
    ) -> Result<(), ManifestError> {
        let mut out = String::new();
        let mut address = String::new();
        let mut has_changed = false;
        if list.text.split_ascii_whitespace().nth(MAX_LISTED).is_some() {
            return Ok(());
        }
        for (n, text) in list.text.split_ascii_whitespace().enumerate() {
            if n > 0 {
                out.push(' ');
            }
            let reference = Reference { text, resource, is_template: false };
            let written = self.write(list.span.start, bases, reference, &mut address)?;
            let is_other = written == WrittenAs::Other;
            out.push_str(if is_other { &address } else { text });
            has_changed |= is_other;
        }
        if has_changed { self.edits.text(list.span.clone(), &out) } else { Ok(()) }
    }

    /// Puts a `Location` with the MPD's own address behind what precedes it in the schema (section
    /// 5.3.1.3).
    pub(super) fn insert_location(&mut self, root: Node<'_>) -> Result<(), ManifestError> {
        let Some(content) = root.content() else { return Ok(()) };
        let before = ["ProgramInformation", "BaseURL"];
        let last = root.children().filter(|child| before.contains(&child.name())).last();
        let at = last.map_or(content.start, |last| last.span().end);
        let prefix = root.prefix().to_owned();
        let mut own = String::new();
        if let Some(host) = &self.rewriter.host {
            host.push(None, &mut own);
        }
        own.push_str(&self.rewriter.own_address());
        self.edits.markup(at..at, &["<", &prefix, "Location>"].concat())?;
        self.edits.text(at..at, &own)?;
        self.edits.markup(at..at, &["</", &prefix, "Location>"].concat())
    }
}

/// The address of the remote element that stands for `node`.
pub(super) fn remote<'d>(node: Node<'d>) -> Option<XmlValue<'d>> {
    node.href().filter(|href| href.text != NOTHING)
}

/// Whether the element is nowhere.
pub(super) fn is_nothing(node: Node<'_>) -> bool {
    node.href().is_some_and(|href| href.text == NOTHING)
}
