//! Manifests, HLS playlists and DASH presentations, whose addresses carry a token to the last segment.
//!
//! A player resolves each relative address against that of the manifest (RFC 3986, section 5.2). A token
//! in the path is inherited by that; one in the query is lost, and an absolute address has none. Here
//! such addresses get theirs: those within the token's scope on this very host, and no others.

mod address;
mod carrier;
mod dash;
mod hls;
mod host;

use core::fmt;

use alloc::string::String;

pub use self::carrier::Carrier;
pub use self::hls::HlsRewriter;

/// Bytes in the largest manifest that comes of rewriting: a token is longer than many an address.
pub const MAX_LEN: usize = 32 << 20;

/// What a manifest is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// An MPD (ISO/IEC 23009-1).
    Dash,
    /// A playlist (draft-pantos-hls-rfc8216bis).
    Hls,
}

/// Why a manifest is not handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ManifestError {
    /// It breaks its grammar.
    Malformed,
    /// The request that asked for it names no scheme and host, without which an MPD is not rewritten:
    /// `https://cdn.example.com/...`.
    NoHost,
    /// It takes more work or memory than its size allows.
    TooComplex,
    /// Rewritten, it would be larger than [`MAX_LEN`].
    TooLarge,
    /// A preview was asked for of what cannot be cut: a live window, or media without segments of their
    /// own.
    NoPreview,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the manifest cannot be read",
            Self::NoHost => {
                "the request names no scheme and host, which the addresses of an MPD need"
            }
            Self::TooComplex => {
                "the manifest asks for more work than its size allows; make it simpler"
            }
            Self::TooLarge => "the manifest would be too large with the token in its addresses",
            Self::NoPreview => {
                "there can be no preview of this manifest; it needs an ended list of segments"
            }
        })
    }
}

impl core::error::Error for ManifestError {}

impl Carrier {
    /// Rewrites a manifest: what has to carry the token does, and every other byte stays.
    ///
    /// # Errors
    /// A [`ManifestError`]; then nothing of it may be handed out.
    pub fn rewrite(&self, kind: Kind, manifest: &str) -> Result<String, ManifestError> {
        let rewritten = match kind {
            Kind::Dash => dash::rewrite(self, manifest),
            Kind::Hls => hls::rewrite(self, manifest),
        }?;
        if rewritten.len() > MAX_LEN { Err(ManifestError::TooLarge) } else { Ok(rewritten) }
    }
}
