//! What a deployment has to remember: the denylist, which ends tokens early, and [records](apply) of references,
//! redemptions and viewers. No I/O, no clock, no randomness: times and random bytes are arguments.
//!
//! One [`Denylist`] keeps a log of [`Revocation`]s. Each gate follows the log with a [`Replica`], and decides
//! only with that: it asks for what is [new](DenylistCommand::Since), [applies](Replica::apply) the [`Update`], and looks
//! tokens [up](Replica::find).
//!
//! ```
//! use playgate::UnixTime;
//! use playgate_state::{DenylistCommand, Denylist, Kind, Progress, TokenFacts, Reason, Replica, DenylistReply, Revocation, Update};
//!
//! let now = UnixTime::from_secs(1_767_225_600);
//! let (value, reason) = ("viewer-1".into(), Reason::SignedOut);
//! let revocation =
//!     Revocation { kind: Kind::Sub, value, issued_before: None, until: 1_767_311_400, reason };
//! revocation.check(now)?;
//! let mut denylist = Denylist::new(7, [1; 16]);
//! denylist.apply(DenylistCommand::Revoke(revocation), now);
//!
//! let DenylistReply::Update(update) = denylist.apply(DenylistCommand::Since { epoch: None, from: 0 }, now) else { panic!() };
//! let update = Update::parse(&update.encode())?;
//! let mut replica = Replica::new(update.epoch(), *update.key());
//! assert_eq!(replica.apply(&update)?, Progress::Complete);
//!
//! let question = TokenFacts { sub: Some("viewer-1"), path: "/videos/42/film.mp4", ..TokenFacts::default() };
//! assert_eq!(replica.find(&question, now), Some(Reason::SignedOut));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

#![no_std]
#![warn(clippy::std_instead_of_alloc, clippy::std_instead_of_core)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod denylist;
mod log;
mod record;
mod replica;
mod revocation;
mod table;
#[cfg(test)]
mod tests;

pub use crate::denylist::{
    Denylist, DenylistCommand, DenylistReply, Gap, MAX_LEN, Row, Writer, max_len, should_compact,
};
pub use crate::log::{CLOCK_SLACK, Entry, TILE, Update, UpdateError, hash, tile_end};
pub use crate::record::{
    Client, End, LEASE, Outcome, OverLimit, Play, Playback, Put, Record, RecordCommand,
    RecordReply, Redeem, Redemption, Reference, Refresh, Session, SessionLink, Theft, Viewer,
    apply, decode, encode,
};
pub use crate::replica::{ApplyError, Progress, Replica, TokenFacts};
pub use crate::revocation::{Kind, Reason, Revocation, RevocationError};
