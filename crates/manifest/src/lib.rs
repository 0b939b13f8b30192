//! Manifests, HLS playlists and DASH presentations, whose addresses carry a token to the last segment.
//!
//! A player resolves each relative address against that of the manifest (RFC 3986, section 5.2). A token
//! in the path is inherited by that; one in the query is lost, and an absolute address has none. Here
//! such addresses get theirs: those within the token's scope on this very host, and no others.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

mod address;
mod bounds;
mod dash;
mod hls;
mod host;
mod outcome;
mod public;
mod rewriter;

use core::fmt;

pub use self::bounds::MAX_LEN;
pub use self::hls::HlsRewriter;
pub use self::outcome::{AddressOutcome, AddressReport};
pub use self::public::{PublicPaths, PublicPathsError};
pub use self::rewriter::Rewriter;

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
pub enum ManifestError {
    /// It breaks its grammar.
    Malformed,
    /// The request that asked for it names no scheme and host, without which an MPD is not rewritten:
    /// `https://cdn.example.com/...`.
    NoHost,
    /// A preview was asked for of what cannot be cut, or not be kept from the rest: a live window, media
    /// without segments of their own, segments that are public or that the viewer names.
    NoPreview,
    /// To rewrite it would take too much time or memory for its size: it defines hundreds of variables,
    /// say, and uses them thousands of times. No packager writes such a manifest.
    TooComplex,
    /// Rewritten, it would be too large: more than 16 MiB, and more than 16 times what it was, or more
    /// than [`MAX_LEN`].
    TooLarge,
}

impl ManifestError {
    /// The stable reason, as the gate's answers and the log have it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "bad_manifest",
            Self::NoHost => "misconfigured",
            Self::NoPreview => "no_preview",
            Self::TooComplex => "manifest_too_complex",
            Self::TooLarge => "manifest_too_large",
        }
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the manifest cannot be read",
            Self::NoHost => {
                "the request names no scheme and host, which the addresses of an MPD need"
            }
            Self::NoPreview => {
                "there can be no preview of this manifest; it needs an ended list of segments in files of \
                 their own, which are not public"
            }
            Self::TooComplex => {
                "the manifest would take too much time or memory to rewrite; write it with fewer \
                 variables and bases"
            }
            Self::TooLarge => "the manifest would be too large with the token in its addresses",
        })
    }
}

impl core::error::Error for ManifestError {}

impl Rewriter {
    /// Rewrites a manifest: what has to carry the token does, and every other byte stays.
    ///
    /// # Errors
    /// A [`ManifestError`]; then nothing of it may be handed out.
    pub fn rewrite(&self, kind: Kind, manifest: &str) -> Result<String, ManifestError> {
        match kind {
            Kind::Dash => dash::rewrite(self, manifest),
            Kind::Hls => hls::rewrite(self, manifest),
        }
    }

    /// Rewrites a manifest, and tells what became of each address in it.
    ///
    /// # Errors
    /// As [`Rewriter::rewrite`].
    pub fn explain(
        &self,
        kind: Kind,
        manifest: &str,
    ) -> Result<(String, Vec<AddressReport>), ManifestError> {
        match kind {
            Kind::Dash => dash::explain(self, manifest),
            Kind::Hls => hls::explain(self, manifest),
        }
    }
}
