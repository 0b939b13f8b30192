//! The outcome for each address of a manifest, for reports.

/// What the rewriter did with an address, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressOutcome {
    /// It already carries a token.
    HasToken,
    /// It is relative to the manifest, whose address has the token in its path.
    Inherits,
    /// It leads to another host, or is not an HTTP address: `data:`, `skd:`.
    OtherHost,
    /// It leads to this host, but not into the token's directory.
    OutsideDirectory,
    /// It leads to a public path, which needs no token.
    Public,
    /// It got a token of its own, as in a preview. That token allows nothing else.
    Signed,
    /// It got the token.
    Token,
    /// Only the player knows where it leads: it starts with an imported variable, or it has several bases
    /// that would each need a different address.
    Unknown,
    /// It is ambiguous, or longer than an address may be.
    Unreadable,
}

impl AddressOutcome {
    /// Whether this outcome changes the address.
    pub(crate) const fn is_written(self) -> bool {
        matches!(self, Self::Public | Self::Signed | Self::Token)
    }

    /// A stable name in `snake_case`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::HasToken => "has_token",
            Self::Inherits => "inherits",
            Self::OtherHost => "other_host",
            Self::OutsideDirectory => "outside_directory",
            Self::Public => "public",
            Self::Signed => "signed",
            Self::Token => "token",
            Self::Unknown => "unknown",
            Self::Unreadable => "unreadable",
        }
    }
}

/// An address of a manifest, and its outcome. In both addresses, `TOKEN` replaces each token, so that the
/// report is safe to share.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddressReport {
    /// The line number of the address, from 1.
    pub line: usize,
    /// The original address.
    pub address: String,
    /// The address in the rewritten manifest.
    pub written: String,
    /// The outcome.
    pub why: AddressOutcome,
}
