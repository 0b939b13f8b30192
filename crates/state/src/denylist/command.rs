//! What a denylist is told, what it replies, and the rows that it keeps.

use alloc::{string::String, vec::Vec};
use core::fmt;

use crate::log::{Entry, Update};
use crate::revocation::{Kind, Revocation};

/// One row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The sequence number.
    pub seq: u64,
    /// The whole revocation: a merged one, if there was one of the same kind and value.
    pub revocation: Revocation,
    /// The [`hash`](crate::hash) of its kind and value.
    pub hash: u64,
    /// Whether the row takes the revocation back.
    pub removed: bool,
}

impl Row {
    /// What gates get of it.
    #[must_use]
    pub const fn entry(&self) -> Entry {
        Entry::new(self.hash, &self.revocation, self.removed)
    }
}

/// A command to a denylist.
#[derive(Clone, PartialEq, Eq)]
pub enum DenylistCommand {
    /// Lists the revocations that have not ended.
    List {
        /// The last sequence number of the page before.
        after: Option<u64>,
        /// The maximum number of rows.
        limit: usize,
    },
    /// Revokes. The caller has checked the revocation.
    Revoke(Revocation),
    /// Asks for what is new.
    Since {
        /// The epoch that the gate follows, if it follows one.
        epoch: Option<u64>,
        /// The number of entries that it has.
        from: u64,
    },
    /// Takes a revocation back.
    Undo {
        /// The kind of the revocation.
        kind: Kind,
        /// Its value.
        value: String,
    },
}

/// Shows no value: it names a viewer, or may be a secret.
impl fmt::Debug for DenylistCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List { after, limit } => {
                f.debug_struct("List").field("after", after).field("limit", limit).finish()
            }
            Self::Revoke(revocation) => f.debug_tuple("Revoke").field(revocation).finish(),
            Self::Since { epoch, from } => {
                f.debug_struct("Since").field("epoch", epoch).field("from", from).finish()
            }
            Self::Undo { kind, .. } => {
                f.debug_struct("Undo").field("kind", kind).finish_non_exhaustive()
            }
        }
    }
}

/// The reply to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DenylistReply {
    /// This row is new.
    Appended(Row),
    /// The revocations that have not ended, oldest change first.
    Listed {
        /// One page.
        rows: Vec<Row>,
        /// The `after` of the next page, if there is one.
        next: Option<u64>,
    },
    /// This row already says the same.
    Unchanged(Row),
    /// There is no such revocation.
    Unknown,
    /// What is new. If the gate does not follow this epoch, or has more entries than there are, everything is new: the
    /// update starts at 0. Such an update must not be cached for ever: it belongs to another question.
    Update(Update),
}
