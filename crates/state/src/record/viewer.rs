//! One viewer: the playbacks, of which only so many may run at the same time, and the [sessions](super::session).
//!
//! A playback has a place as long as it asks for media, and for 90 seconds more. So a place is always free again soon,
//! even if nobody says that the playback has ended. Its id is remembered until its tokens expire: they may ask for
//! media again, after a long pause.
//!
//! A page can say that it leaves, which makes room for another playback. If that takes the place, the first one is
//! revoked, so that nobody can leave and stay.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::session::{Session, Sessions};
use super::{RecordCommand, RecordReply, Theft};
use crate::revocation::{Kind, Reason, Revocation};

/// For how long a playback that was left may still be reported, because segments were on their way, in seconds.
pub(super) const LATE: u64 = 10;

/// For how long a playback that does not ask for media keeps its place, in seconds.
pub const LEASE: u64 = 90;

/// The most playbacks of a viewer that are revoked at a time. More than that is no viewer, and would fill the denylist.
const MAX_ENDED: usize = if cfg!(test) { 20 } else { 100 };

/// The most playbacks that are remembered. Those that were revoked are on the denylist as well.
// Small in this crate's own tests.
const MAX_LEN: usize = if cfg!(test) { 50 } else { 2_000 };

/// What is remembered of a viewer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    /// In the order in which they got their places.
    playbacks: Vec<Playback>,
    sessions: Sessions,
}

/// A playback.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Playback {
    /// Its id.
    pub sid: String,
    /// When it got its place, in unix seconds.
    pub started: u64,
    /// When it last asked for media, as far as the gates have told, in unix seconds. `None` after a long pause.
    pub kept: Option<u64>,
    /// When the last of its tokens expires, in unix seconds.
    pub until: u64,
    /// What it was started with: see [`Play::start`].
    pub start: Option<u64>,
    /// When its page said that it leaves, in unix seconds, unless it stayed.
    pub left: Option<u64>,
    /// Why its tokens are revoked, if they are.
    pub ended: Option<End>,
}

/// Why a playback was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// Another one took its place.
    Displaced,
    /// The operator ended it.
    Revoked,
}

/// Starts a playback, or keeps one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Play {
    /// The id of the playback.
    pub sid: String,
    /// A fingerprint of the link and the client that start it. A player may fetch a manifest more than once: the same
    /// start is the same playback.
    pub start: Option<u64>,
    /// How many playbacks the viewer may have at once.
    pub max: u16,
    /// What happens if it is one too many.
    pub over: OverLimit,
    /// When the last token of the playback expires, in unix seconds.
    pub until: u64,
}

/// What happens if a viewer starts more playbacks than the token allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OverLimit {
    /// The oldest playback ends.
    #[default]
    Displace,
    /// The new one is refused.
    Refuse,
}

impl Playback {
    /// Whether it has a place.
    const fn runs(&self, now: u64) -> bool {
        self.ended.is_none() && self.is_recent(now)
    }

    /// For how long it has gone on after its page said that it leaves. Those that went on for the shortest time make
    /// room first, and then the oldest.
    const fn stay(&self) -> u64 {
        match (self.left, self.kept) {
            (Some(left), Some(kept)) => kept.saturating_sub(left),
            _ => u64::MAX,
        }
    }

    /// Whether it asked for media lately.
    const fn is_recent(&self, now: u64) -> bool {
        match self.kept {
            Some(kept) => kept.saturating_add(LEASE) > now,
            None => false,
        }
    }
}

impl Viewer {
    pub(super) fn apply(
        &mut self,
        command: RecordCommand,
        now: u64,
        revocations: &mut Vec<Revocation>,
        theft: &mut Option<Box<Theft>>,
    ) -> RecordReply {
        self.forget(now);
        match command {
            RecordCommand::StartSession { link, client } => {
                let (reply, surplus) = self.sessions.start(*link, client, now);
                self.end_sessions(surplus, Reason::SessionEnded, now, revocations);
                reply
            }
            RecordCommand::Refresh(refresh) => {
                let refreshed = self.sessions.refresh(refresh, now);
                refreshed.unwrap_or_else(|stolen| {
                    *theft = Some(Box::new(stolen.theft));
                    self.end_sessions([stolen.session], Reason::SessionEnded, now, revocations);
                    RecordReply::SessionEnded
                })
            }
            RecordCommand::Seen { sid, generation } => {
                self.sessions.seen(&sid, generation, now);
                RecordReply::Done
            }
            RecordCommand::ListSessions => RecordReply::Sessions(self.sessions.list()),
            RecordCommand::EndSessions { sid, started_before, reason } => {
                let ended = match &sid {
                    Some(sid) => self.sessions.take(|session| session.link.sid == *sid),
                    // Without a time, also those of this second.
                    None => {
                        let time = started_before.unwrap_or(now.saturating_add(1));
                        self.sessions.take_before(time, now)
                    }
                };
                let is_known = sid.is_none() || !ended.is_empty();
                let ended = ended.into_iter().filter(|session| session.has_access(now));
                self.end_sessions(ended, reason, now, revocations);
                if is_known { RecordReply::Done } else { RecordReply::Unknown }
            }
            RecordCommand::Play(play) => self.play(play, now, revocations),
            RecordCommand::List => {
                let is_shown = |one: &&Playback| one.runs(now) && one.left.is_none();
                RecordReply::Playbacks(self.playbacks.iter().filter(is_shown).cloned().collect())
            }
            RecordCommand::End { sid, revoke } => {
                let is_meant = |one: &&mut Playback| sid.as_ref().is_none_or(|sid| *sid == one.sid);
                let mut answer =
                    if sid.is_none() { RecordReply::Done } else { RecordReply::Unknown };
                for playback in self.playbacks.iter_mut().filter(is_meant) {
                    answer = RecordReply::Done;
                    playback.left = playback.left.or(Some(now));
                    if revoke {
                        playback.end(End::Revoked, &mut self.sessions, revocations);
                    }
                }
                answer
            }
            _ => RecordReply::Unknown,
        }
    }

    /// Revokes the access tokens of sessions that have ended, and frees their places.
    fn end_sessions(
        &mut self,
        ended: impl IntoIterator<Item = Session>,
        reason: Reason,
        now: u64,
        revocations: &mut Vec<Revocation>,
    ) {
        for session in ended {
            revocations.push(session.revocation(reason));
            if session.link.max.is_some() {
                self.end_playback_of(&session, now);
            }
        }
    }

    /// Ends the playback of a session that has ended, also if no gate has told of it yet.
    fn end_playback_of(&mut self, session: &Session, now: u64) {
        let sid = session.playback_id();
        if let Some(playback) = self.playbacks.iter_mut().find(|one| one.sid == sid) {
            playback.ended = playback.ended.or(Some(End::Revoked));
            playback.left = playback.left.or(Some(now));
            return;
        }
        let (until, ended) = (session.access_until(), Some(End::Revoked));
        let left = Some(now);
        self.remember(
            Playback { sid, started: now, kept: None, until, start: None, left, ended },
            now,
        );
    }

    fn play(&mut self, play: Play, now: u64, revocations: &mut Vec<Revocation>) -> RecordReply {
        let Play { sid, start, max, over, until } = play;
        // The same id; or the same start, as long as somebody asks with it. A start that was displaced must not go on
        // as a new playback.
        let is_same = |one: &Playback| {
            one.sid == sid || start.is_some() && one.start == start && one.is_recent(now)
        };
        let mut playback = match self.playbacks.iter_mut().rfind(|one| is_same(one)) {
            Some(playback) => {
                playback.until = playback.until.max(until);
                let had_place = playback.runs(now);
                if let Some(end) = playback.ended {
                    playback.kept = Some(now);
                    return match end {
                        End::Displaced => RecordReply::Displaced,
                        End::Revoked => RecordReply::Revoked,
                    };
                }
                let left = playback.left.filter(|left| left.saturating_add(LATE) > now);
                let is_late = start.is_none() && left.is_some();
                if !is_late {
                    playback.left = None;
                }
                if had_place || is_late {
                    if had_place {
                        playback.kept = Some(now);
                    }
                    return RecordReply::Playing { sid: playback.sid.clone() };
                }
                // After a long pause, it needs a place like a new one.
                playback.clone()
            }
            None => {
                let (left, ended) = (None, None);
                Playback { sid, started: now, kept: Some(now), until, start, left, ended }
            }
        };
        let running = self.playbacks.iter().filter(|one| one.runs(now)).count();
        let surplus = running.saturating_add(1).saturating_sub(usize::from(max));
        let left = self.playbacks.iter().filter(|one| one.runs(now) && one.left.is_some()).count();
        let ended = self.playbacks.iter().filter(|one| one.ended.is_some()).count();
        if surplus > left && over == OverLimit::Refuse
            || surplus > 0 && ended.saturating_add(surplus) > MAX_ENDED
        {
            return RecordReply::TooManyPlaybacks;
        }
        for _ in 0..surplus {
            let running = self.playbacks.iter_mut().filter(|one| one.runs(now));
            if let Some(first) = running.min_by_key(|one| one.stay()) {
                first.end(End::Displaced, &mut self.sessions, revocations);
            }
        }
        (playback.started, playback.kept, playback.left) = (now, Some(now), None);
        let sid = playback.sid.clone();
        self.remember(playback, now);
        RecordReply::Playing { sid }
    }

    /// Adds a playback as the newest one.
    fn remember(&mut self, playback: Playback, now: u64) {
        self.playbacks.retain(|one| one.sid != playback.sid);
        if self.playbacks.len() >= MAX_LEN
            && let Some(at) = self.playbacks.iter().position(|one| !one.runs(now))
        {
            self.playbacks.remove(at);
        }
        self.playbacks.push(playback);
    }

    /// Forgets what has expired.
    fn forget(&mut self, now: u64) {
        self.playbacks.retain(|playback| playback.until > now);
        self.sessions.forget(now);
        for playback in &mut self.playbacks {
            // If the clock was set back, the time says nothing. The place must still be free again soon.
            playback.kept = playback.kept.map(|kept| kept.min(now));
            playback.left = playback.left.map(|left| left.min(now));
            if !playback.is_recent(now) {
                // Nor must it have a place again because the clock is set back.
                playback.kept = None;
            }
        }
    }

    /// The times from which on each part of it is not needed.
    pub(super) fn ends(&self) -> impl Iterator<Item = u64> {
        self.playbacks.iter().map(|playback| playback.until).chain(self.sessions.ends())
    }
}

impl Playback {
    /// Ends it, unless it is ended already.
    fn end(&mut self, end: End, sessions: &mut Sessions, revocations: &mut Vec<Revocation>) {
        if self.ended.is_some() {
            return;
        }
        if let Some(until) = sessions.playback_ends(&self.sid) {
            // No gate may have told of the newest tokens yet.
            self.until = self.until.max(until);
        }
        self.ended = Some(end);
        let reason = match end {
            End::Displaced => Reason::Displaced,
            End::Revoked => Reason::Revoked,
        };
        let (kind, value, until) = (Kind::Sid, self.sid.clone(), self.until);
        revocations.push(Revocation { kind, value, issued_before: None, until, reason });
    }
}

/// Shows no id.
impl fmt::Debug for Playback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { started, kept, until, ended, .. } = self;
        f.debug_struct("Playback")
            .field("started", started)
            .field("kept", kept)
            .field("until", until)
            .field("ended", ended)
            .finish_non_exhaustive()
    }
}

/// Shows no id.
impl fmt::Debug for Play {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { max, over, until, .. } = self;
        f.debug_struct("Play")
            .field("max", max)
            .field("over", over)
            .field("until", until)
            .finish_non_exhaustive()
    }
}
