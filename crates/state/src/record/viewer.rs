//! The playbacks of one viewer, of which only so many may run at the same time.
//!
//! A playback has a place as long as it asks for media, and for 90 seconds more. So a place is always free again soon,
//! even if nobody says that the playback has ended. Its id is remembered until its tokens expire: they may ask for
//! media again, after a long pause.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::{Action, Answer};
use crate::revocation::{Kind, Reason, Revocation};

/// For how long a playback that does not ask for media keeps its place, in seconds.
pub const LEASE: u64 = 90;

/// The most playbacks that are remembered. Those that were revoked are on the denylist as well.
// Small in this crate's own tests.
const MAX_LEN: usize = if cfg!(test) { 50 } else { 2_000 };

/// The playbacks of a viewer, in the order in which they got their places.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    playbacks: Vec<Playback>,
}

/// A playback.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Playback {
    /// Its id.
    pub sid: String,
    /// When it got its place, in unix seconds.
    pub started: u64,
    /// When it last asked for media, as far as the gates have told, in unix seconds; 0 after its end.
    pub kept: u64,
    /// When the last of its tokens expires, in unix seconds.
    pub until: u64,
    /// What it was started with: see [`Play::start`].
    pub start: Option<u64>,
    /// Whether its tokens are revoked.
    pub is_revoked: bool,
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
    /// Whether media is already being served, so that the playback has to be revoked if it has no place.
    pub is_served: bool,
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
        !self.is_revoked && self.kept.saturating_add(LEASE) > now
    }
}

impl Viewer {
    pub(super) fn apply(
        &mut self,
        action: Action,
        now: u64,
        revocations: &mut Vec<Revocation>,
    ) -> Answer {
        self.forget(now);
        match action {
            Action::Play(play) => self.play(play, now, revocations),
            Action::List => {
                let running = self.playbacks.iter().filter(|playback| playback.runs(now));
                Answer::Playbacks(running.cloned().collect())
            }
            Action::End { sid, revoke } => {
                let is_meant = |one: &&mut Playback| sid.as_ref().is_none_or(|sid| *sid == one.sid);
                let mut answer = if sid.is_none() { Answer::Done } else { Answer::Unknown };
                for playback in self.playbacks.iter_mut().filter(is_meant) {
                    answer = Answer::Done;
                    playback.kept = 0;
                    if revoke && !playback.is_revoked {
                        playback.revoke(Reason::Revoked, revocations);
                    }
                }
                answer
            }
            _ => Answer::Unknown,
        }
    }

    fn play(&mut self, play: Play, now: u64, revocations: &mut Vec<Revocation>) -> Answer {
        let Play { sid, start, max, over, until, is_served } = play;
        let known = self.playbacks.iter().position(|playback| playback.sid == sid);
        let same = known.or_else(|| {
            let is_same = |one: &Playback| one.runs(now) && start.is_some() && one.start == start;
            self.playbacks.iter().position(is_same)
        });
        let mut playback = match same.and_then(|at| self.playbacks.get_mut(at)) {
            Some(playback) if playback.is_revoked => return Answer::Displaced,
            Some(playback) => {
                playback.until = playback.until.max(until);
                if playback.runs(now) {
                    playback.kept = now;
                    return Answer::Playing { sid: playback.sid.clone() };
                }
                // After a long pause, it needs a place like a new one.
                playback.clone()
            }
            None => Playback { sid, started: now, kept: now, until, start, is_revoked: false },
        };
        let running = self.playbacks.iter().filter(|one| one.runs(now)).count();
        let surplus = running.saturating_add(1).saturating_sub(usize::from(max));
        if surplus > 0 && over == OverLimit::Refuse {
            if is_served {
                self.remember(playback, now).revoke(Reason::Displaced, revocations);
            }
            return Answer::TooManyPlaybacks;
        }
        let oldest = self.playbacks.iter_mut().filter(|one| one.runs(now)).take(surplus);
        oldest.for_each(|one| one.revoke(Reason::Displaced, revocations));
        (playback.started, playback.kept) = (now, now);
        Answer::Playing { sid: self.remember(playback, now).sid.clone() }
    }

    /// Adds a playback as the newest one.
    fn remember(&mut self, playback: Playback, now: u64) -> &mut Playback {
        self.playbacks.retain(|one| one.sid != playback.sid);
        if self.playbacks.len() >= MAX_LEN
            && let Some(at) = self.playbacks.iter().position(|one| !one.runs(now))
        {
            self.playbacks.remove(at);
        }
        self.playbacks.push_mut(playback)
    }

    /// Forgets what has expired.
    fn forget(&mut self, now: u64) {
        self.playbacks.retain(|playback| playback.until > now);
        for playback in &mut self.playbacks {
            // If the clock was set back, the time says nothing. The place must still be free again soon.
            playback.kept = playback.kept.min(now);
            if !playback.runs(now) {
                // Nor must it have a place again because the clock is set back.
                playback.kept = 0;
            }
        }
    }

    /// From this time on, nothing of it is needed.
    pub(super) fn until(&self) -> u64 {
        self.playbacks.iter().map(|playback| playback.until).max().unwrap_or(0)
    }
}

impl Playback {
    fn revoke(&mut self, reason: Reason, revocations: &mut Vec<Revocation>) {
        (self.is_revoked, self.kept) = (true, 0);
        let (kind, value, until) = (Kind::Sid, self.sid.clone(), self.until);
        revocations.push(Revocation { kind, value, issued_before: None, until, reason });
    }
}

/// Shows no id.
impl fmt::Debug for Playback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { started, kept, until, is_revoked, .. } = self;
        f.debug_struct("Playback")
            .field("started", started)
            .field("kept", kept)
            .field("until", until)
            .field("is_revoked", is_revoked)
            .finish_non_exhaustive()
    }
}

/// Shows no id.
impl fmt::Debug for Play {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { max, over, until, is_served, .. } = self;
        f.debug_struct("Play")
            .field("max", max)
            .field("over", over)
            .field("until", until)
            .field("is_served", is_served)
            .finish_non_exhaustive()
    }
}
