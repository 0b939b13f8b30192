//! The token that a reference stands for.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::{RecordCommand, RecordReply};
use crate::revocation::{Kind, Reason, Revocation};

/// The token of a reference. It is signed, so whoever can write to the store cannot open anything.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    token: String,
    jti: String,
    pub(super) until: u64,
}

/// Stores the token of a reference.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put {
    /// The token, with its name.
    pub token: String,
    /// Its id. Deleting the reference revokes it.
    pub jti: String,
    /// The latest time at which a gate could admit the token, or one that it was exchanged for, in unix seconds.
    pub until: u64,
}

impl From<Put> for Reference {
    fn from(Put { token, jti, until }: Put) -> Self {
        Self { token, jti, until }
    }
}

impl Reference {
    /// The reply to a command that changes nothing.
    pub(super) fn reply(&self, command: &RecordCommand) -> RecordReply {
        match command {
            RecordCommand::Get => RecordReply::Token { token: self.token.clone() },
            RecordCommand::Put(put) if put.token == self.token => RecordReply::Done,
            RecordCommand::Put(_) => RecordReply::Taken,
            _ => RecordReply::Unknown,
        }
    }

    /// Ends the token, wherever it already is.
    pub(super) fn revocation(&self) -> Revocation {
        let (kind, reason) = (Kind::Jti, Reason::Revoked);
        let value = self.jti.clone();
        Revocation { kind, value, issued_before: None, until: self.until, reason }
    }
}

/// Shows no token.
impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reference").field("until", &self.until).finish_non_exhaustive()
    }
}

/// Shows no token.
impl fmt::Debug for Put {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Put").field("until", &self.until).finish_non_exhaustive()
    }
}
