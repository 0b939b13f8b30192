//! What became of an address, for whoever asks why.

/// What became of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressOutcome {
    /// It carries a token already.
    HasToken,
    /// It is relative to the manifest, whose address has the token in its path.
    Inherits,
    /// It leads to another host, or is no address of HTTP at all: `data:`, `skd:`.
    OtherHost,
    /// It leads to this host, and not into the directory that the token opens.
    OutsideDirectory,
    /// It leads to what is served without a token.
    Public,
    /// It has a token of its own, as in a preview, which opens nothing else.
    Signed,
    /// It has the token.
    Token,
    /// Only the player knows where it leads: it starts with a variable that is imported, or from several
    /// bases, for each of which it would have to be another.
    Unknown,
    /// It cannot be read in one way alone, or is longer than an address may be.
    Unreadable,
}

impl AddressOutcome {
    /// Whether an address becomes another for that.
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

/// An address of a manifest, and what became of it. In both, `TOKEN` is in the place of each token, so that
/// they may be shown to others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddressReport {
    /// The line that it is in, from 1.
    pub line: usize,
    /// The address as it was.
    pub address: String,
    /// As it is in the manifest that is handed out.
    pub written: String,
    /// Why.
    pub why: AddressOutcome,
}
