//! A playlist that is there as a whole.

use crate::ManifestError;
use crate::bounds;
use crate::hls::HlsRewriter;
use crate::hls::exports::{Exports, Withheld};
use crate::hls::lines::{First, first, split_line};
use crate::hls::live::{self, Facts};
use crate::outcome::AddressReport;
use crate::rewriter::Rewriter;

/// Rewrites a playlist that is there as a whole.
///
/// A media playlist imports variables of the multivariant one (section 4.4.2.3), and only the player
/// sees both. So the value of a variable that is an absolute address in the directory gets the token:
/// an address that starts with the variable has it then. One that starts with the value of a relative
/// address inherits it, as the multivariant playlist names the media playlist with the token in its path.
///
/// No value gets it where a playlist or another value may lead to another host, and not the value of a
/// variable that an address of another host uses: the token would go there.
pub(crate) fn rewrite(rewriter: &Rewriter, playlist: &str) -> Result<String, ManifestError> {
    rewrite_with(HlsRewriter::new(rewriter), rewriter, playlist).map(|(text, _)| text)
}

/// The same, with what became of each address.
pub(crate) fn explain(
    rewriter: &Rewriter,
    playlist: &str,
) -> Result<(String, Vec<AddressReport>), ManifestError> {
    let mut hls = HlsRewriter::new(rewriter);
    hls.addresses.logged();
    rewrite_with(hls, rewriter, playlist)
}

fn rewrite_with(
    mut hls: HlsRewriter<'_>,
    rewriter: &Rewriter,
    playlist: &str,
) -> Result<(String, Vec<AddressReport>), ManifestError> {
    let is_preview = rewriter.preview.is_some();
    let has_definitions = !is_preview && playlist.contains("#EXT-X-DEFINE");
    if let First::Header(line_end) = first(playlist).ok_or(ManifestError::Malformed)?
        && (rewriter.is_exchanged() || is_preview || has_definitions)
    {
        let facts = Facts::of(playlist);
        if rewriter.is_exchanged() && facts.is_live() {
            return Ok((live::stand_in(rewriter, &facts, line_end), Vec::new()));
        }
        hls.preview = hls.preview.map(|preview| preview.stays(facts.stays));
        if has_definitions && facts.is_multivariant() {
            hls.withheld = withheld(rewriter, playlist)?;
        }
    }
    // A token is some times as long as most addresses. Memory that is not written to costs nothing, and
    // to move what was written does.
    let len = playlist.len();
    let mut out = String::with_capacity(len.saturating_mul(4).min(bounds::most(len)));
    hls.addresses.growth.whole(len);
    hls.line(playlist, &mut out)?;
    Ok((out, hls.addresses.into_log()))
}

/// The variables of a multivariant playlist that do not get the token. `None` where no variable may have it,
/// as one of the playlists that it names may be on another host.
fn withheld(rewriter: &Rewriter, playlist: &str) -> Result<Option<Withheld>, ManifestError> {
    let mut hls = HlsRewriter::new(rewriter);
    hls.addresses.watched();
    let mut exports = Exports::new(rewriter);
    let mut out = String::new();
    let mut rest = playlist;
    while !rest.is_empty() {
        let (line, after) = split_line(rest);
        out.clear();
        hls.line(line, &mut out)?;
        exports.line(line)?;
        rest = after;
    }
    Ok(exports.withheld().filter(|_| !hls.addresses.leads_abroad))
}
