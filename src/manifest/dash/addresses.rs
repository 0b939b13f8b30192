//! An MPD with all its addresses, and the token in those that need it.

use crate::manifest::address::Resource;
use crate::manifest::dash::bases::Bases;
use crate::manifest::dash::document::Node;
use crate::manifest::dash::edits::Edits;
use crate::manifest::dash::template;
use crate::manifest::dash::writer::{Writer, remote};
use crate::manifest::{Carrier, ManifestError};

/// Writes the addresses of an MPD.
pub(super) fn write(carrier: &Carrier, root: Node<'_>) -> Result<Edits, ManifestError> {
    let mut writer = Writer::new(carrier);
    let mpd = writer.locations(root)?;
    let is_dynamic = root.attribute("type").is_some_and(|kind| kind.text == "dynamic");
    if carrier.exchanged && is_dynamic && root.named("Location").next().is_none() {
        writer.insert_location(root);
    }
    let mut walk = Walk { writer, mpd };
    let mpd = walk.mpd.clone();
    walk.element(root, &mpd)?;
    Ok(walk.writer.edits)
}

/// The Representations that use what is said of segments at their own level or above.
#[derive(Default)]
struct Users {
    bases: Bases,
    /// Whether there is one whose id does more in a template than to fill a part of a segment.
    has_odd_id: bool,
}

impl Users {
    fn join(&mut self, others: &Self) {
        self.bases.join(&others.bases);
        self.has_odd_id |= others.has_odd_id;
    }
}

struct Walk<'c> {
    writer: Writer<'c>,
    /// What is relative to the MPD starts from these.
    mpd: Bases,
}

impl Walk<'_> {
    /// Writes the addresses in `node`, which is in a level with the bases `parents`.
    fn element(&mut self, node: Node<'_>, parents: &Bases) -> Result<Users, ManifestError> {
        self.remote(node, parents);
        let bases = self.writer.level(node, parents, true)?;
        let mut users = Users::default();
        for child in node.children().filter(|child| !is_segment_info(*child)) {
            users.join(&self.element(child, &bases)?);
        }
        self.writer.attributes(node, &bases);
        if node.name() == "Representation" {
            let id = node.attribute("id");
            let has_odd_id = !id.is_some_and(|id| template::is_plain_id(&id.text));
            users = Users { bases: bases.clone(), has_odd_id };
        }
        // Where nobody uses them here, nobody knows what they are relative to.
        if !users.bases.is_empty() {
            let info = node.children().filter(|child| is_segment_info(*child));
            info.for_each(|info| self.segments(info, &users));
        }
        Ok(users)
    }

    /// Writes the addresses of segments: all users resolve them against their own bases.
    fn segments(&mut self, node: Node<'_>, users: &Users) {
        self.remote(node, &users.bases);
        let (names, is_template): (&[&str], bool) = match node.name() {
            "SegmentTemplate" => {
                (&["media", "index", "initialization", "bitstreamSwitching"], true)
            }
            "SegmentURL" => (&["media", "index"], false),
            "Initialization" | "RepresentationIndex" | "BitstreamSwitching" => {
                (&["sourceURL"], false)
            }
            _ => (&[], false),
        };
        for value in names.iter().filter_map(|name| node.attribute(name)) {
            let is_odd = is_template && users.has_odd_id && template::has_id(&value.text);
            if !is_odd {
                self.writer.address(value, &users.bases, Resource::Media, is_template);
            }
        }
        for child in node.children() {
            self.segments(child, users);
        }
    }

    /// Writes the address of a remote element. Some players resolve it against the MPD, some against the
    /// level that it is in.
    fn remote(&mut self, node: Node<'_>, parents: &Bases) {
        if let Some(href) = remote(node) {
            let mut bases = self.mpd.clone();
            bases.join(parents);
            self.writer.address(href, &bases, Resource::Media, false);
        }
    }
}

fn is_segment_info(node: Node<'_>) -> bool {
    matches!(node.name(), "SegmentBase" | "SegmentList" | "SegmentTemplate")
}
