//! What one gate remembers of the deployment's state between requests.

use core::fmt;
use std::collections::HashMap;

use playgate_state::{LEASE, RecordCommand, RecordReply};

use crate::denylist::{DenylistCopy, age};
use crate::record_request::{About, Pair, RecordRequest, Replies};

/// The most entries of a table.
const MAX_LEN: usize = 4_096;

/// How often a playback that runs is reported, in milliseconds: three times before its lease ends.
const KEEP: u64 = 30_000;

/// For how long an unknown reference is not looked up again, in milliseconds.
const UNKNOWN: u64 = 5_000;

/// What one gate remembers, so that it need not ask again: what the records have admitted, and tokens of references.
/// `Debug` shows nothing of it.
#[derive(Default)]
pub struct Memory {
    /// The copy of the denylist.
    pub denylist: DenylistCopy,
    /// The tokens of references. Unknown ones have none.
    references: Recent<String>,
    /// Redemptions, which are for ever.
    redemptions: Recent<()>,
    /// The ids of playbacks that have a place.
    playbacks: Recent<String>,
    /// The newest generations of sessions that are known to be in use.
    sessions: Recent<u32>,
}

impl Memory {
    /// The token of a reference, or that there is none, if it was looked up less than `max_age` milliseconds ago.
    pub(crate) fn token(&self, reference: &str, now: u64, max_age: u64) -> Option<Option<&str>> {
        let (token, at) = self.references.0.get(&of_reference(reference))?;
        let max_age = if token.is_empty() { max_age.min(UNKNOWN) } else { max_age };
        (age(*at, now) <= max_age).then_some(Some(token.as_str()).filter(|token| !token.is_empty()))
    }

    /// Whether a client is known to have redeemed a token.
    pub(crate) fn has_redeemed(&self, about: &Pair) -> bool {
        self.redemptions.0.contains_key(about)
    }

    /// The id of a playback that is known to have a place, and whether it is time to report it again.
    pub(crate) fn playing(&self, about: &Pair, now: u64) -> Option<(&str, bool)> {
        let (sid, at) = self.playbacks.0.get(about)?;
        let is_revoked = self.denylist.has_sid(sid, now);
        (!is_revoked).then(|| (sid.as_str(), age(*at, now) >= KEEP))
    }

    /// Whether a session is known to be in use with tokens of this generation, or later ones.
    pub(crate) fn has_seen(&self, about: &Pair, generation: u32) -> bool {
        let seen = self.sessions.0.get(about);
        seen.is_some_and(|(seen, _)| *seen >= generation)
    }

    /// Adds an answer, encoded, to what a request knows; `None` if there was none. `now` is the time of the question.
    pub fn settle(
        &mut self,
        replies: &mut Replies,
        question: &RecordRequest,
        answer: Option<&[u8]>,
        now: u64,
    ) {
        let Some(answer) = replies.add(question, answer) else {
            // It may be lost: the next request reports it again.
            if let About::Seen(about) = &question.about {
                self.sessions.0.remove(about);
            }
            return;
        };
        match (&question.about, answer) {
            (About::Reference(reference), RecordReply::Token { token }) => {
                self.references.insert(of_reference(reference), token.clone(), now);
            }
            (About::Reference(reference), RecordReply::Unknown) => {
                self.references.insert(of_reference(reference), String::new(), now);
            }
            (About::Redemption(about), RecordReply::Redeemed) => {
                self.redemptions.insert(about.clone(), (), now);
            }
            (About::Playback(about), RecordReply::Playing { sid }) => {
                self.playbacks.insert(about.clone(), sid.clone(), now);
            }
            (About::Playback(about), _) => {
                self.playbacks.0.remove(about);
            }
            _ => {}
        }
    }

    /// How many playbacks this gate has served since their leases were last renewed.
    #[must_use]
    pub fn playbacks(&self, now: u64) -> usize {
        self.playbacks
            .0
            .values()
            .filter(|(_, at)| age(*at, now) < LEASE.saturating_mul(1000))
            .count()
    }

    /// Notes that a report is about to be sent, so that the next request does not send it as well.
    pub fn reported(&mut self, question: &RecordRequest, now: u64) {
        if let (About::Playback(about), RecordCommand::Play(play)) =
            (&question.about, &question.command)
        {
            self.playbacks.insert(about.clone(), play.sid.clone(), now);
        }
        if let (About::Seen(about), RecordCommand::Seen { generation, .. }) =
            (&question.about, &question.command)
        {
            self.sessions.insert(about.clone(), *generation, now);
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

/// Values with the time at which they were right, in Unix milliseconds.
#[derive(Default)]
struct Recent<T>(HashMap<Pair, (T, u64)>);

impl<T> Recent<T> {
    fn insert(&mut self, key: Pair, value: T, now: u64) {
        if self.0.len() >= MAX_LEN && !self.0.contains_key(&key) {
            // What has not been used for long goes first.
            self.0.retain(|_, (_, at)| age(*at, now) < 2 * KEEP);
            if self.0.len() >= MAX_LEN {
                self.0.clear();
            }
        }
        self.0.insert(key, (value, now));
    }
}

/// The key of a reference.
fn of_reference(reference: &str) -> Pair {
    (reference.into(), String::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use playgate_state::{Put, encode};

    const NOW: u64 = 1_767_225_000_000;

    fn question(reference: &str) -> RecordRequest {
        let put = Put { token: "secret".into(), jti: "secret".into(), until: 9 };
        RecordRequest::of_reference(reference, RecordCommand::Put(put))
    }

    #[test]
    fn a_full_table_forgets_what_is_old() {
        let mut table = Recent::<String>::default();
        let key = |n: usize| (n.to_string(), String::new());
        for n in 0..MAX_LEN {
            table.insert(key(n), String::new(), if n < 10 { NOW } else { NOW + 50_000 });
        }
        table.insert(key(20), String::new(), NOW + 60_000);
        assert_eq!(table.0.len(), MAX_LEN, "it was there before");
        table.insert(key(MAX_LEN), String::new(), NOW + 60_000);
        assert_eq!(table.0.len(), MAX_LEN - 9);
        assert!(!table.0.contains_key(&key(9)) && table.0.contains_key(&key(10)));
    }

    #[test]
    fn an_unknown_reference_is_asked_for_again_soon() {
        let mut memory = Memory::default();
        let mut replies = Replies::default();
        memory.settle(
            &mut replies,
            &question("pg=ref.a"),
            Some(&encode(&RecordReply::Unknown)),
            NOW,
        );
        assert_eq!(memory.token("pg=ref.a", NOW + 5_000, 10_000), Some(None));
        assert_eq!(memory.token("pg=ref.a", NOW + 5_001, 10_000), None);
        assert_eq!(memory.token("pg=ref.b", NOW, 10_000), None);
        let token = RecordReply::Token { token: "secret".into() };
        memory.settle(&mut replies, &question("pg=ref.a"), Some(&encode(&token)), NOW + 6_000);
        assert_eq!(memory.token("pg=ref.a", NOW + 6_000, 10_000), Some(Some("secret")));
    }

    #[test]
    fn debug_shows_no_token_and_no_id() {
        let mut memory = Memory::default();
        let mut replies = Replies::default();
        let token = RecordReply::Token { token: "secret".into() };
        let question = question("pg=ref.secret");
        memory.settle(&mut replies, &question, Some(&encode(&token)), NOW);
        let text = format!("{memory:?} {replies:?} {question:?}");
        assert!(text.starts_with("Memory") && !text.contains("secret"), "{text}");
    }
}
