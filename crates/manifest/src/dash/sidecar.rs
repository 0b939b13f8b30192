//! Subtitles and thumbnails: one file for the whole film, beside its segments.

use crate::dash::document::Node;

/// What a Representation is of, by the types that it and the levels above name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SidecarKind {
    /// Text or pictures.
    Beside,
    /// Video, sound, or what is not said.
    #[default]
    Media,
}

impl SidecarKind {
    /// That of an element in an element of this one.
    pub(super) fn within(self, node: Node<'_>) -> Self {
        let starts = |name: &str, starts: &[&str]| {
            let value = node.attribute(name)?;
            Some(starts.iter().any(|start| value.text.to_ascii_lowercase().starts_with(start)))
        };
        let is_beside = [
            starts("codecs", &["stpp", "wvtt"]).filter(|is_text| *is_text),
            starts("mimeType", &["text/", "image/", "application/ttml+xml"]),
            starts("contentType", &["text", "image"]),
        ];
        if starts("mimeType", &["video/", "audio/"]) == Some(true) {
            return Self::Media;
        }
        // A type of media in a container for all of them says nothing where the content type does.
        match is_beside {
            [Some(true), ..] | [_, Some(true), _] | [_, _, Some(true)] => Self::Beside,
            [_, None, None] => self,
            _ if self == Self::Beside && is_container(node) => self,
            _ => Self::Media,
        }
    }

    pub(super) const fn is_beside(self) -> bool {
        matches!(self, Self::Beside)
    }
}

/// Whether the type that an element names may hold text too.
fn is_container(node: Node<'_>) -> bool {
    let is = |mime: &str| mime.eq_ignore_ascii_case("application/mp4");
    !node.has("contentType") && node.attribute("mimeType").is_some_and(|mime| is(&mime.text))
}

/// Whether the bases of an element are files: those of a Representation, or of a set whose Representations
/// have none.
pub(super) fn is_file(node: Node<'_>) -> bool {
    match node.name() {
        "Representation" => true,
        "AdaptationSet" => {
            let mut representations = node.named("Representation");
            representations.all(|representation| {
                let mut children = representation.children();
                !children.any(|child| {
                    matches!(
                        child.name(),
                        "BaseURL" | "SegmentBase" | "SegmentList" | "SegmentTemplate"
                    )
                })
            })
        }
        _ => false,
    }
}
