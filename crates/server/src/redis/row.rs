//! The rows of the log, as Redis has them.

use playgate_edge::About;
use playgate_state::{Kind, Reason, Revocation, decode, encode};

use super::fault::RedisFault;

/// A revocation, or the end of one.
#[derive(Clone)]
pub(super) struct StoredRow {
    pub(super) revocation: Revocation,
    pub(super) removed: bool,
}

/// What is encoded: kind, value, issued before, until, reason, removed.
type Members = (String, String, Option<u64>, u64, Reason, bool);

impl StoredRow {
    pub(super) fn encode(&self) -> Vec<u8> {
        encode(&members(&self.revocation, self.removed))
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, RedisFault> {
        let members: Members = decode(bytes).ok_or(RedisFault::Version)?;
        Self::of(members).ok_or(RedisFault::Version)
    }

    fn of((kind, value, issued_before, until, reason, removed): Members) -> Option<Self> {
        let kind = Kind::from_name(&kind)?;
        let revocation = Revocation { kind, value, issued_before, until, reason };
        Some(Self { revocation, removed })
    }

    /// Where the newest row of its kind and value is noted.
    pub(super) fn field(&self) -> String {
        field(self.revocation.kind, &self.revocation.value)
    }
}

/// Where the newest row of a kind and a value is noted.
pub(super) fn field(kind: Kind, value: &str) -> String {
    [kind.name(), "/", value].concat()
}

/// A revocation for which there was no room, with what its event will tell.
pub(super) struct Postponed {
    pub(super) revocation: Revocation,
    pub(super) about: About,
}

impl Postponed {
    pub(super) fn encode(&self) -> Vec<u8> {
        let About { sub, refreshes } = &self.about;
        encode(&(members(&self.revocation, false), sub, refreshes))
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, RedisFault> {
        type All = (Members, Option<String>, Option<String>);
        let (members, sub, refreshes): All = decode(bytes).ok_or(RedisFault::Version)?;
        let StoredRow { revocation, .. } = StoredRow::of(members).ok_or(RedisFault::Version)?;
        Ok(Self { revocation, about: About { sub, refreshes } })
    }
}

fn members(revocation: &Revocation, removed: bool) -> Members {
    let Revocation { kind, value, issued_before, until, reason } = revocation;
    (kind.name().into(), value.clone(), *issued_before, *until, *reason, removed)
}
