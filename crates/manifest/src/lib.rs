//! Rewrites manifests (HLS playlists and DASH MPDs) so that their addresses carry a token, down to the last
//! segment.
//!
//! A player resolves each relative address against the address of the manifest (RFC 3986, section 5.2). A
//! relative address inherits a token in the path, but loses one in the query, and an absolute address has
//! no token at all. This crate adds the token to such addresses if they are on the same host and within the
//! token's scope, and to no others.

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

/// The format of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// An MPD (ISO/IEC 23009-1).
    Dash,
    /// A playlist (draft-pantos-hls-rfc8216bis).
    Hls,
}

/// Why a manifest is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestError {
    /// The manifest breaks the grammar of its format.
    Malformed,
    /// The request has no scheme and host (`https://cdn.example.com/...`). An MPD cannot be rewritten
    /// without them.
    NoHost,
    /// A preview was requested of a manifest that cannot be cut, or whose remainder cannot be withheld: a
    /// live window, media without separate segments, or segments that are public or whose address the
    /// viewer can choose.
    NoPreview,
    /// Rewriting would take too much time or memory for the size of the manifest. For example, it defines
    /// hundreds of variables and uses them thousands of times. No packager writes such a manifest.
    TooComplex,
    /// The rewritten manifest would be too large: more than 16 MiB and more than 16 times its original
    /// size, or more than [`MAX_LEN`].
    TooLarge,
}

impl ManifestError {
    /// The stable reason, as it appears in the gate's answers and in the log.
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
                "the request has no scheme and host; an MPD cannot be rewritten without them"
            }
            Self::NoPreview => {
                "there can be no preview of this manifest; previews need a complete (VOD) \
                 segment list, with each segment in a separate file that is not public"
            }
            Self::TooComplex => {
                "the manifest would take too much time or memory to rewrite; use fewer variables \
                 and base URLs"
            }
            Self::TooLarge => "the manifest would be too large with the token in its addresses",
        })
    }
}

impl core::error::Error for ManifestError {}

impl Rewriter {
    /// Rewrites a manifest: adds the token to the addresses that need it, and leaves every other byte as it
    /// is.
    ///
    /// # Errors
    /// A [`ManifestError`]. No part of the manifest may then be served.
    pub fn rewrite(&self, kind: Kind, manifest: &str) -> Result<String, ManifestError> {
        match kind {
            Kind::Dash => dash::rewrite(self, manifest),
            Kind::Hls => hls::rewrite(self, manifest),
        }
    }

    /// Rewrites a manifest, and reports the outcome for each address in it.
    ///
    /// # Errors
    /// The same as [`Rewriter::rewrite`].
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
