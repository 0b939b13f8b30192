//! What one gate remembers of the deployment's state between requests.

use std::collections::HashMap;

use playgate_state::{Action, Answer};

use crate::denylist::Denylist;
use crate::question::{About, Answers, Question};

/// The most entries of a table. A table that is full is emptied: the gate asks again.
const MAX_LEN: usize = 4_096;

/// How often a playback that runs is reported, in milliseconds: three times before its lease ends.
const KEEP: u64 = 30_000;

/// What one gate remembers. Nothing in it is decisive: without it, the gate asks again.
#[derive(Debug, Default)]
pub struct Memory {
    /// The copy of the denylist.
    pub denylist: Denylist,
    /// The tokens of references.
    references: Recent<String>,
    /// Redemptions, by the id of the token and the client. They are for ever.
    redemptions: Recent<()>,
    /// The ids of playbacks that run, by their id or by what they were started with.
    playbacks: Recent<String>,
}

impl Memory {
    /// The token of a reference, if it was looked up less than `max_age` milliseconds ago.
    pub(crate) fn token(&self, reference: &str, now: u64, max_age: u64) -> Option<&str> {
        self.references.get(reference, now, max_age).map(String::as_str)
    }

    /// Whether a client is known to have redeemed a token.
    pub(crate) fn has_redeemed(&self, about: &str) -> bool {
        self.redemptions.0.contains_key(about)
    }

    /// The id of a playback that is known to have a place, and whether it is time to report it again.
    pub(crate) fn playing(&self, about: &str, now: u64) -> Option<(&str, bool)> {
        let (sid, at) = self.playbacks.0.get(about)?;
        // One that was displaced does not come back, but the viewer may start another one with the same link.
        let is_revoked = self.denylist.has_sid(sid, now);
        (!is_revoked).then(|| (sid.as_str(), age(*at, now) >= KEEP))
    }

    /// Adds an answer, encoded, to what a request knows; `None` if there was none.
    pub fn settle(
        &mut self,
        answers: &mut Answers,
        question: &Question,
        answer: Option<&[u8]>,
        now: u64,
    ) {
        if let Some(answer) = answers.add(question, answer) {
            self.learn(question, answer, now);
        }
    }

    /// Remembers an answer. `now` is the time at which it was asked.
    fn learn(&mut self, question: &Question, answer: &Answer, now: u64) {
        match (&question.about, answer) {
            (About::Reference(reference), Answer::Token { token }) => {
                self.references.insert(reference, token.clone(), now);
            }
            (About::Redemption(about), Answer::Redeemed) => {
                self.redemptions.insert(about, (), now);
            }
            (About::Playback(about), Answer::Playing { sid }) => {
                self.playbacks.insert(about, sid.clone(), now);
            }
            (About::Playback(about), _) => {
                self.playbacks.0.remove(about);
            }
            _ => {}
        }
    }

    /// Notes that a playback is about to be reported.
    pub fn reported(&mut self, question: &Question, now: u64) {
        if let (About::Playback(about), Action::Play(play)) = (&question.about, &question.action) {
            self.playbacks.insert(about, play.sid.clone(), now);
        }
    }
}

/// Values with the time at which they were right, in Unix milliseconds.
#[derive(Debug)]
struct Recent<V>(HashMap<String, (V, u64)>);

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<V> Recent<V> {
    fn get(&self, key: &str, now: u64, max_age: u64) -> Option<&V> {
        let (value, at) = self.0.get(key)?;
        (age(*at, now) <= max_age).then_some(value)
    }

    fn insert(&mut self, key: &str, value: V, now: u64) {
        if self.0.len() >= MAX_LEN {
            self.0.clear();
        }
        self.0.insert(key.into(), (value, now));
    }
}

/// The age of something at `at`. A clock that was set back says nothing about age, so it counts as very old.
pub(crate) fn age(at: u64, now: u64) -> u64 {
    now.checked_sub(at).unwrap_or(u64::MAX)
}
