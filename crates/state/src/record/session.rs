//! The sessions of one viewer: long sign-ins, from which short access tokens are renewed with refresh tokens.
//!
//! A refresh token works once: it is exchanged for its successor, the next generation. Nothing secret is stored, only
//! the number of the newest generation. If a token that was exchanged comes back, either the answer to its first use was
//! lost, or two have it, of whom one stole it (RFC 9700, section 4.14.2):
//!
//! - The token before the newest gets the same successor again, never another one: within 10 seconds of the exchange
//!   from anybody, because tabs of a browser share the token; within 60 seconds if the newest was not seen in use yet;
//!   and later if it comes from the client that made the exchange, until the newest has been in use for 10 seconds: a
//!   laptop may fall asleep between request and answer, and wake up with two tabs.
//! - Everything else that is older than the newest ends the session.

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::{fmt, mem};

use playgate::NewSession;
use serde::{Deserialize, Serialize};

use super::RecordReply;
use crate::log::CLOCK_SLACK;
use crate::revocation::{Kind, Reason, Revocation};

/// For how long after an exchange anybody gets its answer again, in seconds.
const GRACE: u64 = 10;

/// The same as long as the newest token was not seen in use.
const UNSEEN_GRACE: u64 = 60;

/// For how long a session link lasts at most, in seconds.
const LONGEST_LINK: u64 = NewSession::MAX_LINK;

/// The most sessions of a viewer. One more ends the one that was refreshed the longest time ago.
const MAX_SESSIONS: usize = if cfg!(test) { 3 } else { 50 };

/// The sessions of a viewer.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sessions {
    running: Vec<Session>,
    /// The ids of the session links that were used, each with the time from which no gate takes it any more.
    used: Vec<(String, u64)>,
    /// Links that were issued before this time start nothing any more; and the time from which no gate takes one.
    ended_before: Option<(u64, u64)>,
}

/// What a session link says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLink {
    /// Its id, which becomes that of the session.
    pub sid: String,
    /// When the viewer signed in: when the link was issued, in unix seconds.
    pub started: u64,
    /// The key that signed it.
    pub kid: String,
    /// For how many seconds access tokens last.
    pub access: u64,
    /// After so many seconds without a refresh the session ends.
    pub idle: u64,
    /// After so many seconds it ends in any case.
    pub absolute: u64,
    /// What it opens.
    pub directories: Vec<String>,
    /// How many playbacks of the viewer may run at once.
    pub max: Option<u16>,
    /// Claims for the origin, as a JSON object.
    pub claims: Option<String>,
    /// From this time on, in unix seconds, no gate takes the link.
    pub until: u64,
}

/// A session that runs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// What its link said.
    pub link: SessionLink,
    /// The number of the newest refresh token.
    pub generation: u32,
    /// When the newest one was made, in unix seconds.
    pub rotated: u64,
    /// Who got it.
    pub client: Client,
    /// When an access token that was made with it was first seen in use, in unix seconds.
    seen: Option<u64>,
    /// The number of its playback: one that has ended is followed by another.
    playback: u32,
    /// When the last of the access tokens expires, in unix seconds: later than the newest if the clock was set back.
    pub access_until: u64,
}

/// Refreshes a session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// The id of the session.
    pub sid: String,
    /// The generation of the refresh token.
    pub generation: u32,
    /// Who refreshes.
    pub client: Client,
}

/// A client, as far as the gate can tell.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its network.
    pub network: Option<String>,
    /// Its header field `User-Agent`.
    pub user_agent: String,
}

/// A refresh token was used twice.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Theft {
    /// The session.
    pub sid: String,
    /// When its newest token was made, in unix seconds, and for whom.
    pub first: (u64, Client),
    /// When the older token came, in unix seconds, and from whom.
    pub second: (u64, Client),
}

/// A session that ended because one of its tokens was used twice.
pub(super) struct Stolen {
    pub(super) session: Session,
    pub(super) theft: Theft,
}

impl Sessions {
    /// Starts a session. Also returns those that end because there are too many.
    pub(super) fn start(
        &mut self,
        link: SessionLink,
        client: Client,
        now: u64,
    ) -> (RecordReply, Vec<Session>) {
        if self.used.iter().any(|(used, _)| *used == link.sid) {
            return (RecordReply::AlreadyUsed, Vec::new());
        }
        if self.ended_before.is_some_and(|(time, _)| link.started < time) {
            return (RecordReply::SessionEnded, Vec::new());
        }
        self.used.push((link.sid.clone(), link.until));
        let (generation, seen, playback, access_until) = (1, None, 1, 0);
        let mut session =
            Session { link, generation, rotated: now, client, seen, playback, access_until };
        if session.until() <= now {
            return (RecordReply::SessionEnded, Vec::new());
        }
        let reply = session.reply(now);
        self.running.push(session);
        let surplus = self.running.len().saturating_sub(MAX_SESSIONS);
        // The order is that of the last refreshes.
        (reply, self.running.drain(..surplus).collect())
    }

    /// Refreshes a session.
    ///
    /// # Errors
    /// The session, if the refresh token was used twice.
    pub(super) fn refresh(
        &mut self,
        refresh: Refresh,
        now: u64,
    ) -> Result<RecordReply, Box<Stolen>> {
        let Refresh { sid, generation, client } = refresh;
        let Some(at) = self.running.iter().position(|session| session.link.sid == sid) else {
            return Ok(RecordReply::SessionEnded);
        };
        let mut session = self.running.remove(at);
        match generation.cmp(&session.generation) {
            // No gate has made it: the store is older than the token.
            core::cmp::Ordering::Greater => {
                self.running.insert(at, session);
                return Ok(RecordReply::SessionEnded);
            }
            core::cmp::Ordering::Equal => {
                session.generation = session.generation.saturating_add(1);
                (session.rotated, session.client, session.seen) = (now, client, None);
            }
            core::cmp::Ordering::Less if session.answers_again(generation, &client, now) => {}
            core::cmp::Ordering::Less => {
                let first = (session.rotated, mem::take(&mut session.client));
                let theft = Theft { sid, first, second: (now, client) };
                return Err(Box::new(Stolen { session, theft }));
            }
        }
        let reply = session.reply(now);
        self.running.push(session);
        Ok(reply)
    }

    /// Notes that the tokens of a generation are in use.
    pub(super) fn seen(&mut self, sid: &str, generation: u32, now: u64) {
        let is_it = |session: &&mut Session| session.playback_id() == sid;
        for session in self.running.iter_mut().filter(is_it) {
            if session.generation == generation {
                session.seen = session.seen.or(Some(now));
            }
        }
    }

    /// Notes that a playback ends. Its session goes on with another. Returns when the last of its tokens expires, if it is
    /// of a session.
    pub(super) fn playback_ends(&mut self, sid: &str) -> Option<u64> {
        let session = self.running.iter_mut().find(|session| session.playback_id() == sid)?;
        session.playback = session.playback.saturating_add(1);
        Some(session.access_until)
    }

    /// Ends all sessions that started before a time, also those whose links are not used yet.
    pub(super) fn take_before(&mut self, time: u64, now: u64) -> Vec<Session> {
        let (before, _) = self.ended_before.unwrap_or_default();
        let until = now.saturating_add(LONGEST_LINK).saturating_add(CLOCK_SLACK);
        self.ended_before = Some((before.max(time), until));
        self.take(|session| session.link.started < time)
    }

    /// Removes sessions.
    pub(super) fn take(&mut self, is_meant: impl Fn(&Session) -> bool) -> Vec<Session> {
        let (meant, others) = mem::take(&mut self.running).into_iter().partition(is_meant);
        self.running = others;
        meant
    }

    pub(super) fn list(&self) -> Vec<Session> {
        self.running.clone()
    }

    /// Forgets what has expired.
    pub(super) fn forget(&mut self, now: u64) {
        for session in &mut self.running {
            // If the clock was set back, the grace is counted from now on.
            session.rotated = session.rotated.min(now);
            session.seen = session.seen.map(|seen| seen.min(now));
        }
        self.running.retain(|session| session.until() > now);
        self.used.retain(|(_, until)| *until > now);
        self.ended_before = self.ended_before.filter(|(_, until)| *until > now);
    }

    /// The times from which on each part of it is not needed.
    pub(super) fn ends(&self) -> impl Iterator<Item = u64> {
        let sessions = self.running.iter().map(Session::until);
        let links = self.used.iter().map(|(_, until)| *until);
        sessions.chain(links).chain(self.ended_before.map(|(_, until)| until))
    }
}

impl Session {
    /// The id of its playback, which access tokens name. If playbacks are counted, one that was displaced or ended is on
    /// the denylist: the viewer comes back with another, and the id of the session itself stays good.
    #[must_use]
    pub fn playback_id(&self) -> String {
        match self.link.max {
            None => self.link.sid.clone(),
            Some(_) => [&self.link.sid, "-", self.playback.to_string().as_str()].concat(),
        }
    }

    /// When it ends at the latest, in unix seconds.
    #[must_use]
    pub const fn expires(&self) -> u64 {
        self.link.started.saturating_add(self.link.absolute)
    }

    /// When the last of its access tokens expires, in unix seconds.
    pub(super) const fn access_until(&self) -> u64 {
        self.access_until
    }

    /// When it ends unless it is refreshed, in unix seconds.
    #[must_use]
    pub fn until(&self) -> u64 {
        self.rotated.saturating_add(self.link.idle).min(self.expires())
    }

    /// Whether a token that was exchanged gets the answer to that exchange again.
    fn answers_again(&self, generation: u32, client: &Client, now: u64) -> bool {
        let is_within = |grace, since| now.saturating_sub(since) <= grace;
        let is_same = *client == self.client;
        let is_again = match self.seen {
            _ if is_within(GRACE, self.rotated) => true,
            None => is_same || is_within(UNSEEN_GRACE, self.rotated),
            Some(seen) => is_same && is_within(GRACE, seen),
        };
        is_again && generation.checked_add(1) == Some(self.generation)
    }

    /// That it goes on, with new access tokens.
    fn reply(&mut self, now: u64) -> RecordReply {
        let until = now.saturating_add(self.link.access).min(self.expires());
        self.access_until = self.access_until.max(until);
        RecordReply::Session(Box::new(self.clone()))
    }

    /// Whether some of its access tokens may still be good, at a gate that is behind or has a leeway.
    pub(super) const fn has_access(&self, now: u64) -> bool {
        self.access_until.saturating_add(CLOCK_SLACK) > now
    }

    /// Ends its access tokens, also those of earlier playbacks: a gate looks up both ids.
    pub(super) fn revocation(&self, reason: Reason) -> Revocation {
        let (kind, value, until) = (Kind::Sid, self.link.sid.clone(), self.access_until);
        Revocation { kind, value, issued_before: None, until, reason }
    }
}

/// Shows no id.
impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.running.fmt(f)
    }
}

/// Shows no id.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { generation, rotated, seen, .. } = self;
        f.debug_struct("Session")
            .field("generation", generation)
            .field("rotated", rotated)
            .field("seen", seen)
            .finish_non_exhaustive()
    }
}

/// Shows nothing of a client.
macro_rules! hide {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

hide!(Client, Refresh, SessionLink, Theft);
