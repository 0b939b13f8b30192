//! The part of the URL space that a token allows, computed from the request: it is never written into
//! the token, so there is no second spelling of the path to disagree with.

use core::fmt;

use crate::path::CanonicalPath;
use crate::query::SignedQuery;

/// The deepest directory scope, in segments.
pub(crate) const MAX_DIRECTORY: u8 = 64;

/// What a token allows: one address, or all below a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    path: CanonicalPath<'a>,
    query: SignedQuery<'a>,
}

impl<'a> Scope<'a> {
    /// The path, and the query that is signed with it.
    pub(crate) const fn exact(path: CanonicalPath<'a>, query: SignedQuery<'a>) -> Self {
        Self { path, query }
    }

    /// The first `n` segments of the path; `None` where it has fewer directories.
    pub(crate) fn directory(path: CanonicalPath<'a>, n: u8) -> Option<Self> {
        Some(Self { path: path.directory(n)?, query: SignedQuery::None })
    }

    /// Whether the tag covers this parameter of the query before or without a token.
    #[cfg(feature = "alloc")]
    pub(crate) fn signs(self, param: &str) -> bool {
        self.query.covers(param)
    }

    /// Hands the scope to `sink`, piece by piece.
    #[inline]
    pub(crate) fn pieces(self, sink: &mut impl FnMut(&str)) {
        self.path.pieces(sink);
        self.query.pieces(sink);
    }
}

impl fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        self.pieces(&mut |piece| result = result.and_then(|()| f.write_str(piece)));
        result
    }
}
