//! An MPD with all its addresses, and the token in those that need it.

use crate::ManifestError;
use crate::address::Resource;
use crate::dash::bases::Bases;
use crate::dash::document::{Document, Node};
use crate::dash::onward;
use crate::dash::patch;
use crate::dash::schema::{is_of_segments, of_segments};
use crate::dash::template::Ids;
use crate::dash::writer::{MpdWriter, remote};
use crate::rewriter::Rewriter;

/// Writes the addresses of an MPD, of a patch for one, or of elements that one takes in.
pub(super) fn write<'c>(
    rewriter: &'c Rewriter,
    document: &Document<'_>,
) -> Result<MpdWriter<'c>, ManifestError> {
    let mut writer = MpdWriter::new(rewriter, document.source.len());
    onward::close(&mut writer, document)?;
    let root = document.root().ok_or(ManifestError::Malformed)?;
    let is_part = root.name() != "MPD";
    let mpd = if is_part { Bases::of(rewriter.base()) } else { writer.locations(root)? };
    let is_dynamic = root.attribute("type").is_some_and(|kind| kind.text == "dynamic");
    if !is_part && rewriter.is_exchanged() && is_dynamic && root.named("Location").next().is_none()
    {
        writer.insert_location(root)?;
    }
    let mut walk = Walk { writer, mpd, is_part };
    let mpd = walk.mpd.clone();
    for node in document.tops() {
        walk.element(node, &mpd, false)?;
    }
    Ok(walk.writer)
}

/// The Representations that use what is said of segments at their own level or above.
#[derive(Default)]
struct Users {
    bases: Bases,
    ids: Ids,
}

struct Walk<'c> {
    writer: MpdWriter<'c>,
    /// What is relative to the MPD starts from these.
    mpd: Bases,
    /// Whether it is no MPD, but a part of one. What it is relative to is in the MPD: its own address is
    /// the best guess.
    is_part: bool,
}

impl Walk<'_> {
    /// Writes the addresses in `node`, which is in a level with the bases `parents`. Returns who uses what is
    /// said of segments there, for the levels above where `is_asked`: joining them takes time, and in most MPDs
    /// only the innermost levels say anything of segments.
    fn element(
        &mut self,
        node: Node<'_>,
        parents: &Bases,
        is_asked: bool,
    ) -> Result<Users, ManifestError> {
        self.remote(node, parents)?;
        let bases = self.writer.level(node, parents, true)?;
        let mut users = Users::default();
        let is_asked = is_asked || is_of_segments(node) || node.children().any(is_of_segments);
        for child in node.children().filter(|child| !is_of_segments(*child)) {
            let more = self.element(child, &bases, is_asked)?;
            if is_asked {
                self.join(&mut users, &more)?;
            }
        }
        if self.is_part {
            self.part(node, &bases)?;
        }
        self.writer.held(node, &bases, &self.mpd)?;
        if node.name() == "Representation" {
            let ids = node.attribute("id").map_or_else(Ids::odd, |id| Ids::of(&id.text));
            users = Users { bases: bases.clone(), ids };
        }
        // Where nobody uses them here, nobody knows what they are relative to.
        if users.bases.is_empty() && self.is_part {
            users.bases = bases;
        }
        if !users.bases.is_empty() {
            if is_of_segments(node) {
                self.segments(node, &users)?;
                return Ok(users);
            }
            for info in node.children().filter(|child| is_of_segments(*child)) {
                self.segments(info, &users)?;
            }
        }
        Ok(users)
    }

    fn join(&mut self, users: &mut Users, more: &Users) -> Result<(), ManifestError> {
        users.ids.join(more.ids);
        self.writer.spend(users.bases.work_to_add(&more.bases))?;
        users.bases.join(&more.bases);
        Ok(())
    }

    /// Writes the addresses of segments: all users resolve them against their own bases.
    fn segments(&mut self, node: Node<'_>, users: &Users) -> Result<(), ManifestError> {
        self.remote(node, &users.bases)?;
        let (names, is_template) = of_segments(node.name());
        for value in names.iter().filter_map(|name| node.attribute(name)) {
            if !is_template || users.ids.fit(&value.text) {
                self.writer.address(value, &users.bases, Resource::Media, is_template)?;
            }
        }
        for child in node.children() {
            self.segments(child, users)?;
        }
        Ok(())
    }

    /// Writes the address of a remote element. Some players resolve it against the level that it is in, some
    /// against the MPD.
    fn remote(&mut self, node: Node<'_>, parents: &Bases) -> Result<(), ManifestError> {
        let Some(href) = remote(node) else { return Ok(()) };
        let mut bases = parents.clone();
        self.writer.spend(bases.work())?;
        bases.add_others(&self.mpd)?;
        self.writer.address(href, &bases, Resource::Media, false)
    }

    /// Writes what is in a part of an MPD in another way than in an MPD.
    fn part(&mut self, node: Node<'_>, bases: &Bases) -> Result<(), ManifestError> {
        if let Some(put) = patch::put(node) {
            let value = node.text()?;
            self.writer.address(value, bases, put.resource, put.is_template)?;
        }
        // A patch may replace the whole of an element.
        for location in ["Location", "PatchLocation"].into_iter().flat_map(|name| node.named(name))
        {
            let value = location.text()?;
            self.writer.address(value, bases, Resource::Manifest, false)?;
        }
        Ok(())
    }
}
