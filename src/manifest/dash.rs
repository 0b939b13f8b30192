//! DASH manifests (ISO/IEC 23009-1).

mod addresses;
mod bases;
mod document;
mod duration;
mod edits;
mod list;
mod preview;
mod segments;
mod template;
mod writer;

use alloc::string::String;

use crate::manifest::{Carrier, ManifestError};

use document::Document;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Rewrites an MPD. Every byte stays but those of addresses, and in a preview those of segments and
/// durations.
pub(crate) fn rewrite(carrier: &Carrier, mpd: &str) -> Result<String, ManifestError> {
    let source = mpd.strip_prefix(BYTE_ORDER_MARK).unwrap_or(mpd);
    let document = Document::parse(source)?;
    let root = document.root().ok_or(ManifestError::Malformed)?;
    let edits = match carrier.preview {
        None => addresses::write(carrier, root)?,
        Some(secs) => preview::write(carrier, &document, root, secs)?,
    };
    let mut out = String::new();
    if source.len() < mpd.len() {
        out.push(BYTE_ORDER_MARK);
    }
    edits.apply(source, &mut out)?;
    Ok(out)
}
