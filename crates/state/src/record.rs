//! Records: what is remembered under one key, and changed only by commands.
//!
//! [`apply`] is pure. Its caller stores the record under its key, in one transaction with the command, so that of two
//! commands at once one comes after the other. A command that is repeated after a lost reply changes nothing more.
//!
//! | record | key | holds |
//! |---|---|---|
//! | [`Redemption`] | the id of a token, `jti` | the clients that redeemed it |
//! | [`Reference`] | the hash of a reference | the token that it stands for |
//! | [`Viewer`] | a viewer, `sub` | the playbacks that run, and the [sessions](Session) |

mod redemption;
mod reference;
mod session;
#[cfg(test)]
mod tests;
mod viewer;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use playgate::UnixTime;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::redemption::{Redeem, Redemption};
pub use self::reference::{Put, Reference};
pub use self::session::{Client, Refresh, Session, SessionLink, Theft};
pub use self::viewer::{End, LEASE, OverLimit, Play, Playback, Viewer};
use crate::log::CLOCK_SLACK;
use crate::revocation::{Reason, Revocation};

/// What is remembered under one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// Of a token that may be used only so often.
    Redemption(Redemption),
    /// Of a reference token.
    Reference(Reference),
    /// Of a viewer.
    Viewer(Viewer),
}

/// A command to a record.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordCommand {
    /// Deletes a reference, and revokes its token.
    Delete,
    /// Ends the playback of this id; without an id, all of the viewer's.
    End {
        /// The playback.
        sid: Option<String>,
        /// Whether its tokens are revoked. If not, the viewer has left, and others may take its place.
        revoke: bool,
    },
    /// Ends sessions, and revokes their access tokens.
    EndSessions {
        /// The session; all of the viewer's without an id.
        sid: Option<String>,
        /// Only those that started before this time, in unix seconds.
        started_before: Option<u64>,
        /// Why, as viewers learn it.
        reason: Reason,
    },
    /// Asks for the token of a reference.
    Get,
    /// Lists the playbacks of a viewer.
    List,
    /// Lists the sessions of a viewer.
    ListSessions,
    /// Starts a playback, or keeps one that runs.
    Play(Play),
    /// Stores the token of a reference.
    Put(Put),
    /// Redeems a token.
    Redeem(Redeem),
    /// Refreshes a session.
    Refresh(Refresh),
    /// An access token of this generation was used, so the client has the tokens of that generation.
    Seen {
        /// The session.
        sid: String,
        /// The generation.
        generation: u32,
    },
    /// Starts a session.
    StartSession {
        /// What the session link says.
        link: Box<SessionLink>,
        /// Who starts it.
        client: Client,
    },
    /// Changes nothing, but what is no longer needed is forgotten.
    Sweep,
}

/// The reply of a record.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordReply {
    /// The token was redeemed by as many other clients as may redeem it.
    AlreadyUsed,
    /// Another playback took its place.
    Displaced,
    /// It is done, now or by an earlier command.
    Done,
    /// The playbacks that run.
    Playbacks(Vec<Playback>),
    /// The playback of this id runs.
    Playing {
        /// Its id: the one asked for, or that of a playback which the same client started with the same link.
        sid: String,
    },
    /// The client has redeemed the token, now or earlier.
    Redeemed,
    /// The operator ended the playback.
    Revoked,
    /// The session goes on, with new tokens.
    Session(Box<Session>),
    /// The session has ended, or there never was one.
    SessionEnded,
    /// The sessions of a viewer.
    Sessions(Vec<Session>),
    /// Another token is stored for the reference.
    Taken,
    /// The token of the reference.
    Token {
        /// The token, with its name.
        token: String,
    },
    /// The viewer has as many playbacks as the token allows.
    TooManyPlaybacks,
    /// There is no such record.
    Unknown,
}

/// The version of the encoding. Another one cannot be read, so whoever asks gets no answer.
const VERSION: u8 = 2;

/// A record, a command or an answer as bytes.
#[must_use]
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // Writing to memory cannot fail.
    postcard::to_extend(value, Vec::from([VERSION])).unwrap_or_default()
}

/// What [`encode`] made bytes of.
#[must_use]
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (&VERSION, bytes) = bytes.split_first()? else { return None };
    let (value, rest) = postcard::take_from_bytes(bytes).ok()?;
    rest.is_empty().then_some(value)
}

/// What follows from a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What to store; `None` if nothing is left.
    pub record: Option<Record>,
    /// The reply.
    pub reply: RecordReply,
    /// What must be on the denylist, before the record is stored.
    pub revocations: Vec<Revocation>,
    /// That a refresh token was used twice. Its session is among the revocations.
    pub theft: Option<Box<Theft>>,
}

/// Performs a command on a record, or on none. A command to a record of another type finds nothing.
#[must_use]
pub fn apply(record: Option<Record>, command: RecordCommand, now: UnixTime) -> Outcome {
    let now = now.as_secs();
    let (mut revocations, mut theft) = (Vec::new(), None);
    // A store may take its time to forget what has ended.
    let record = record.filter(|record| record.until() > now);
    let (record, reply) = match (record.or_else(|| command.first()), command) {
        (Some(Record::Redemption(mut redemption)), RecordCommand::Redeem(redeem)) => {
            let reply = redemption.redeem(redeem);
            (Some(Record::Redemption(redemption)), reply)
        }
        (Some(Record::Reference(reference)), RecordCommand::Delete) => {
            revocations.push(reference.revocation());
            (None, RecordReply::Done)
        }
        (Some(Record::Reference(reference)), command) => {
            let reply = reference.reply(&command);
            (Some(Record::Reference(reference)), reply)
        }
        (Some(Record::Viewer(mut viewer)), command) => {
            let reply = viewer.apply(command, now, &mut revocations, &mut theft);
            (Some(Record::Viewer(viewer)), reply)
        }
        (None, RecordCommand::Put(put)) => (Some(Record::Reference(put.into())), RecordReply::Done),
        (record, _) => (record, RecordReply::Unknown),
    };
    let record = record.filter(|record| record.until() > now);
    Outcome { record, reply, revocations, theft }
}

impl RecordCommand {
    /// The empty record that it may be the first command to, if there is one.
    fn first(&self) -> Option<Record> {
        match self {
            Self::Redeem(_) => Some(Record::Redemption(Redemption::default())),
            Self::End { .. }
            | Self::EndSessions { .. }
            | Self::List
            | Self::ListSessions
            | Self::Play(_)
            | Self::Refresh(_)
            | Self::Seen { .. }
            | Self::StartSession { .. } => Some(Record::Viewer(Viewer::default())),
            Self::Delete | Self::Get | Self::Put(_) | Self::Sweep => None,
        }
    }
}

impl Record {
    /// From this time on it is not needed, in unix seconds.
    #[must_use]
    pub fn until(&self) -> u64 {
        match self {
            // A gate may be behind, or have a leeway.
            Self::Redemption(redemption) => redemption.until.saturating_add(CLOCK_SLACK),
            Self::Reference(reference) => reference.until,
            Self::Viewer(viewer) => viewer.ends().max().unwrap_or(0),
        }
    }

    /// When to look for what is no longer needed, in unix seconds: not every part by itself, so that nobody is woken all
    /// the time.
    #[must_use]
    pub fn sweep_at(&self, now: UnixTime) -> u64 {
        const PAUSE: u64 = 3_600;
        let first = match self {
            Self::Viewer(viewer) => viewer.ends().min(),
            Self::Redemption(_) | Self::Reference(_) => None,
        };
        let until = self.until();
        first.map_or(until, |first| first.max(now.as_secs().saturating_add(PAUSE)).min(until))
    }
}

/// Shows no id and no token.
impl fmt::Debug for RecordCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delete => "Delete",
            Self::End { .. } => "End",
            Self::EndSessions { .. } => "EndSessions",
            Self::Get => "Get",
            Self::List => "List",
            Self::ListSessions => "ListSessions",
            Self::Play(_) => "Play",
            Self::Put(_) => "Put",
            Self::Redeem(_) => "Redeem",
            Self::Refresh(_) => "Refresh",
            Self::Seen { .. } => "Seen",
            Self::StartSession { .. } => "StartSession",
            Self::Sweep => "Sweep",
        })
    }
}

/// Shows no id and no token.
impl fmt::Debug for RecordReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyUsed => "AlreadyUsed",
            Self::Displaced => "Displaced",
            Self::Done => "Done",
            Self::Playbacks(_) => "Playbacks",
            Self::Playing { .. } => "Playing",
            Self::Redeemed => "Redeemed",
            Self::Revoked => "Revoked",
            Self::Session(_) => "Session",
            Self::SessionEnded => "SessionEnded",
            Self::Sessions(_) => "Sessions",
            Self::Taken => "Taken",
            Self::Token { .. } => "Token",
            Self::TooManyPlaybacks => "TooManyPlaybacks",
            Self::Unknown => "Unknown",
        })
    }
}
