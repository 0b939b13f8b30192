//! Addresses as they are written anew, level by level.

use alloc::borrow::ToOwned as _;
use alloc::string::String;

use crate::manifest::address::Resource;
use crate::manifest::dash::bases::{Bases, Written};
use crate::manifest::dash::document::{Node, Value};
use crate::manifest::dash::edits::Edits;
use crate::manifest::{Carrier, ManifestError};

/// What stands for a remote element that is not there (ISO/IEC 23009-1, section 5.5.3).
const NOTHING: &str = "urn:mpeg:dash:resolve-to-zero:2013";

#[derive(Debug)]
pub(super) struct Writer<'c> {
    pub(super) carrier: &'c Carrier,
    pub(super) edits: Edits,
}

impl<'c> Writer<'c> {
    pub(super) fn new(carrier: &'c Carrier) -> Self {
        Self { carrier, edits: Edits::default() }
    }

    /// Writes an address, where it has to be another.
    pub(super) fn address(
        &mut self,
        value: Value<'_>,
        bases: &Bases,
        resource: Resource,
        is_template: bool,
    ) {
        let mut address = String::new();
        let written = bases.write(self.carrier, &value.text, resource, is_template, &mut address);
        if written == Written::Other {
            self.edits.text(value.span, &address);
        }
    }

    /// Writes the elements `Location`, `PatchLocation` and `ContentSteering`. What is relative to the MPD starts from its
    /// own address, and in some players from these.
    pub(super) fn locations(&mut self, root: Node<'_>) -> Result<Bases, ManifestError> {
        let own = Bases::of(self.carrier.base());
        let mut bases = own.clone();
        for location in root.named("Location") {
            self.entered(location, &own, Some(Resource::Manifest), &mut bases)?;
        }
        for location in root.named("PatchLocation") {
            let value = location.text()?;
            self.address(value, &bases, Resource::Manifest, false);
        }
        for steering in root.named("ContentSteering") {
            let value = steering.text()?;
            self.address(value, &bases, Resource::Media, false);
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
        let Value { text, span } = node.text()?;
        let mut address = String::new();
        let is_other = resource.is_some_and(|resource| {
            parents.write(self.carrier, &text, resource, false, &mut address) == Written::Other
        });
        if is_other {
            self.edits.text(span, &address);
        } else {
            address = text.into_owned();
        }
        for base in parents.enter(self.carrier, &address) {
            bases.add(base).map_err(|_| ManifestError::Malformed)?;
        }
        Ok(())
    }

    /// Writes the addresses in the attributes of an element that stand for themselves.
    pub(super) fn attributes(&mut self, node: Node<'_>, bases: &Bases) {
        let (name, resource) = match node.name() {
            "AdaptationSet" => ("initializationPrincipal", Resource::Media),
            "ImportedMPD" => ("uri", Resource::Manifest),
            "InitializationSet" => ("initialization", Resource::Media),
            _ => return,
        };
        if let Some(value) = node.attribute(name) {
            self.address(value, bases, resource, false);
        }
    }

    /// Puts a `Location` with the MPD's own address behind what precedes it in the schema (section
    /// 5.3.1.3).
    pub(super) fn insert_location(&mut self, root: Node<'_>) {
        let Some(content) = root.content() else { return };
        let before = ["ProgramInformation", "BaseURL"];
        let last = root.children().filter(|child| before.contains(&child.name())).last();
        let at = last.map_or(content.start, |last| last.span().end);
        let prefix = root.prefix().to_owned();
        self.edits.markup(at..at, &["<", &prefix, "Location>"].concat());
        self.edits.text(at..at, &self.carrier.own_address());
        self.edits.markup(at..at, &["</", &prefix, "Location>"].concat());
    }
}

/// The address of the remote element that stands for `node`.
pub(super) fn remote<'d>(node: Node<'d>) -> Option<Value<'d>> {
    node.href().filter(|href| href.text != NOTHING)
}

/// Whether the element is nowhere.
pub(super) fn is_nothing(node: Node<'_>) -> bool {
    node.href().is_some_and(|href| href.text == NOTHING)
}
