//! What one gate knows of the deployment's revocations: a replica of the denylist, and how old it is.
//!
//! Nothing here waits. The caller asks the denylist what [`DenylistCopy::ask`] says and passes on the answer. Requests
//! are decided on the replica in memory, so revocations cost them no question.

use core::time::Duration;

use playgate::{PresentedToken, State, StateError, UnixTime};
use playgate_state::{Progress, Reason, Replica, TokenFacts, Update};

use crate::built;

/// How long a question may take until another one is asked, in milliseconds.
const PATIENCE: u64 = 5_000;

/// For how long after a failed question no request waits for another one, in milliseconds, so that not every request
/// asks a denylist that is down.
const PAUSE: u64 = 1_000;

/// How a gate follows the denylist. All lengths are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Freshness {
    /// The age from which the replica is renewed while requests go on.
    pub(crate) refresh: u64,
    /// The age from which requests wait for a renewal.
    pub(crate) max_age: u64,
    /// The age up to which requests are still decided if the denylist gives no answer.
    pub(crate) outage: u64,
}

/// What one gate knows of the denylist.
#[derive(Debug, Default)]
pub struct DenylistCopy {
    /// The last complete replica.
    replica: Option<Replica>,
    /// A replica that is still being read: the first, or that of a new epoch.
    incoming: Option<Replica>,
    /// When the question was asked that completed the replica, in Unix milliseconds.
    known_at: Option<u64>,
    /// When the question was asked that is not answered yet.
    asked_at: Option<u64>,
    /// When a question last failed.
    failed_at: Option<u64>,
}

/// A question to the denylist: the entries from this number on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DenylistQuestion {
    /// The epoch that the gate follows, if it follows one.
    pub epoch: Option<u64>,
    /// The number of the first entry that it does not have.
    pub from: u64,
}

impl DenylistCopy {
    /// Whether to ask the denylist now, in the background.
    #[must_use]
    pub(crate) fn is_due(&self, freshness: Freshness, now: u64) -> bool {
        let is_asked = self.asked_at.is_some_and(|at| age(at, now) < PATIENCE);
        !is_asked && self.can_ask(now) && self.age(now) >= freshness.refresh
    }

    /// Whether a request may wait for an answer.
    #[must_use]
    pub(crate) fn can_ask(&self, now: u64) -> bool {
        self.failed_at.is_none_or(|at| age(at, now) >= PAUSE)
    }

    /// The next question. The answer goes to [`DenylistCopy::answered`], or [`DenylistCopy::unanswered`] is called.
    pub fn ask(&mut self, now: u64) -> DenylistQuestion {
        self.asked_at = Some(now);
        let followed = self.incoming.as_ref().or(self.replica.as_ref());
        match followed {
            Some(replica) => {
                DenylistQuestion { epoch: Some(replica.epoch()), from: replica.position() }
            }
            None => DenylistQuestion { epoch: None, from: 0 },
        }
    }

    /// Processes an answer to a question that was asked at `asked`. Returns the next question if there is more to
    /// read.
    pub fn answered(&mut self, answer: &[u8], asked: u64, now: u64) -> Option<DenylistQuestion> {
        self.asked_at = None;
        let Some(Ok(update)) = built::STATE.then(|| Update::parse(answer)) else {
            self.unusable(now);
            return None;
        };
        let follows = |replica: &Replica| replica.epoch() == update.epoch();
        // A late answer must not bring back a log that another one has replaced.
        let is_outdated = self.known_at.is_some_and(|at| asked < at && at <= now);
        if is_outdated && !self.replica.as_ref().is_some_and(follows) {
            return None;
        }
        let target = match (&mut self.incoming, &mut self.replica) {
            (Some(incoming), _) if follows(incoming) => incoming,
            (_, Some(replica)) if follows(replica) => {
                self.incoming = None;
                replica
            }
            (incoming, _) => incoming.insert(Replica::new(update.epoch(), *update.key())),
        };
        match target.apply(&update) {
            Ok(Progress::Complete) => {
                if let Some(incoming) = self.incoming.take() {
                    self.replica = Some(incoming);
                }
                self.failed_at = None;
                // An answer may overtake another one.
                self.known_at = self.known_at.filter(|at| *at <= now).max(Some(asked));
                None
            }
            Ok(Progress::Next(_)) => Some(self.ask(now)),
            // The answer does not continue the replica, as if it belonged to another question.
            Err(_) => {
                self.unusable(now);
                None
            }
        }
    }

    /// Notes that a question was not answered.
    pub fn unanswered(&mut self, now: u64) {
        (self.asked_at, self.failed_at) = (None, Some(now));
    }

    /// Notes an answer that cannot be used. A replica that is being read starts again.
    fn unusable(&mut self, now: u64) {
        self.unanswered(now);
        self.incoming = None;
    }

    /// Whether a playback is known to be revoked.
    pub(crate) fn has_sid(&self, sid: &str, now: u64) -> bool {
        let now = UnixTime::from_secs(now.div_euclid(1000));
        self.replica.as_ref().is_some_and(|replica| replica.has_sid(sid, now))
    }

    /// How old its knowledge is, in milliseconds; the largest number if it knows nothing.
    #[must_use]
    pub fn age(&self, now: u64) -> u64 {
        self.known_at.map_or(u64::MAX, |at| age(at, now))
    }
}

/// The age of something at `at`. A clock that was set back says nothing about age, so it counts as very old.
pub(crate) fn age(at: u64, now: u64) -> u64 {
    now.checked_sub(at).unwrap_or(u64::MAX)
}

/// The state that decides on a request: what the gate knows at this moment.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    /// `None` if the caller knows nothing.
    pub(crate) denylist: Option<&'a DenylistCopy>,
    pub(crate) freshness: Freshness,
    /// The time in Unix milliseconds.
    pub(crate) now: u64,
    /// For how long a token may be admitted after it has expired.
    pub(crate) leeway: Duration,
    /// When the denylist was asked for this request, if it was.
    pub(crate) asked: Option<u64>,
    /// Whether there are records that count uses and playbacks.
    pub(crate) has_records: bool,
}

impl Known<'_> {
    /// Whether this request may wait for an answer.
    pub(crate) fn may_ask(&self) -> bool {
        self.asked.is_none() && self.denylist.is_some_and(|denylist| denylist.can_ask(self.now))
    }

    /// The replica, if it is new enough to decide. An answer to a question that was asked for this request is new enough,
    /// however long it took.
    fn replica(&self, revalidate: Option<Duration>) -> Option<&Replica> {
        let denylist = self.denylist?;
        let replica = denylist.replica.as_ref()?;
        if self.asked.is_some_and(|asked| {
            denylist.known_at.is_some_and(|at| (asked..=self.now).contains(&at))
        }) {
            return Some(replica);
        }
        let Freshness { max_age, outage, .. } = self.freshness;
        let allowed = if self.may_ask() { max_age } else { outage };
        let demanded = revalidate.map_or(u64::MAX, |age| age.as_secs().saturating_mul(1000));
        (denylist.age(self.now) <= allowed.min(demanded)).then_some(replica)
    }

    /// Whether something is revoked, by knowledge that is not older than `revalidate`.
    ///
    /// # Errors
    /// Why it is; or that nobody knows.
    pub(crate) fn check(
        &self,
        facts: &TokenFacts<'_>,
        revalidate: Option<Duration>,
    ) -> Result<(), StateError> {
        let replica = self.replica(revalidate).ok_or(StateError::Unavailable)?;
        // A revocation lasts as long as the tokens that it concerns, which the leeway lets live on.
        let now = (self.now / 1000).saturating_sub(self.leeway.as_secs());
        match replica.find(facts, UnixTime::from_secs(now)) {
            None => Ok(()),
            Some(Reason::Displaced) => Err(StateError::Displaced),
            Some(Reason::Revoked) => Err(StateError::Revoked),
            Some(Reason::SessionEnded) => Err(StateError::SessionEnded),
            Some(Reason::SignedOut) => Err(StateError::SignedOut),
        }
    }
}

impl State for Known<'_> {
    fn admit(&self, token: &PresentedToken<'_>, _now: UnixTime) -> Result<(), StateError> {
        let grant = token.grant;
        let path = token.path.to_cow();
        let facts = TokenFacts {
            jti: grant.token_id().map(|id| id.as_str()),
            sid: grant.session().map(|id| id.as_str()),
            sub: grant.subject().map(|id| id.as_str()),
            kid: Some(token.kid),
            path: &path,
            issued: grant.issued().map(UnixTime::as_secs),
        };
        // The playback of a session has a number after the id of the session, which ends as a whole.
        let is_numbered = grant.generation().and(grant.max_playbacks()).is_some();
        let session = facts.sid.filter(|_| is_numbered).and_then(|sid| sid.rsplit_once('-'));
        if let Some((session, _)) = session {
            self.check(&TokenFacts { sid: Some(session), ..facts }, grant.revalidate())?;
        }
        self.check(&facts, grant.revalidate())
    }

    fn counts(&self) -> bool {
        self.has_records
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::calls;
    use playgate::{KeyRing, Request, Signer, Verifier};
    use playgate_state::{Denylist as Writer, DenylistCommand, DenylistReply};

    const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    /// In milliseconds.
    const NOW: u64 = 1_767_225_000_000;
    const FRESHNESS: Freshness = Freshness { refresh: 5_000, max_age: 10_000, outage: 60_000 };

    fn writer() -> Writer {
        Writer::new(7, [1; 16])
    }

    fn time(millis: u64) -> UnixTime {
        UnixTime::from_secs(millis / 1000)
    }

    fn revoke(writer: &mut Writer, json: &str) {
        let Ok(revocation) = calls::revoke(json, NOW / 1000) else { panic!("{json}") };
        let reply = writer.apply(DenylistCommand::Revoke(revocation), time(NOW));
        assert!(matches!(reply, DenylistReply::Appended(_)), "{reply:?}");
    }

    fn answer(writer: &mut Writer, question: DenylistQuestion) -> Vec<u8> {
        let DenylistQuestion { epoch, from } = question;
        let DenylistReply::Update(update) =
            writer.apply(DenylistCommand::Since { epoch, from }, time(NOW))
        else {
            panic!("no update")
        };
        update.encode()
    }

    /// Asks until the gate knows everything.
    fn learn(denylist: &mut DenylistCopy, writer: &mut Writer, now: u64) {
        let mut question = Some(denylist.ask(now));
        while let Some(next) = question {
            question = denylist.answered(&answer(writer, next), now, now);
        }
    }

    /// The reason for a link with every id, or `None` if it is admitted.
    fn reason(
        denylist: &DenylistCopy,
        now: u64,
        asked: bool,
        reval: Option<u64>,
    ) -> Option<&'static str> {
        let ring = KeyRing::parse(KEYS).unwrap();
        let signer = Signer::new(ring.clone());
        let mut link = signer
            .link("https://cdn.example.com/videos/42/film.mp4")
            .token_id("j1")
            .session("s1")
            .subject("v1")
            .expires_in(Duration::from_secs(86_400));
        if let Some(secs) = reval {
            link = link.revalidate(Duration::from_secs(secs));
        }
        let link = link.sign(time(NOW)).unwrap();
        let asked = asked.then_some(now);
        let leeway = Duration::ZERO;
        let known = Known {
            denylist: Some(denylist),
            freshness: FRESHNESS,
            now,
            leeway,
            asked,
            has_records: false,
        };
        let verifier = Verifier::new(&ring).state(Some(&known));
        verifier.verify(&Request::new(link.as_str()), time(now)).err().map(|refusal| refusal.code())
    }

    #[test]
    fn every_kind_of_revocation_takes_effect() {
        for (kind, value, reason_given, expected) in [
            ("jti", "j1", "revoked", Some("revoked")),
            ("sid", "s1", "displaced", Some("displaced")),
            ("sub", "v1", "signed_out", Some("signed_out")),
            ("kid", "main", "revoked", Some("revoked")),
            ("dir", "/videos/42/", "revoked", Some("revoked")),
            ("dir", "/", "revoked", Some("revoked")),
            ("jti", "s1", "revoked", None),
            ("sub", "v2", "revoked", None),
            ("dir", "/videos/4/", "revoked", None),
        ] {
            let (mut denylist, mut writer) = (DenylistCopy::default(), writer());
            learn(&mut denylist, &mut writer, NOW);
            assert_eq!(reason(&denylist, NOW, false, None), None);
            revoke(
                &mut writer,
                &format!(
                    r#"{{"kind":"{kind}","value":"{value}","until":1767311400,"reason":"{reason_given}"}}"#
                ),
            );
            learn(&mut denylist, &mut writer, NOW + 1);
            assert_eq!(reason(&denylist, NOW + 1, false, None), expected, "{kind} {value}");
        }
    }

    #[test]
    fn a_playback_is_revoked_only_by_its_own_id() {
        for (kind, value, revoked) in
            [("sid", "s1", true), ("sid", "s2", false), ("jti", "s1", false), ("all", "", false)]
        {
            let (mut denylist, mut writer) = (DenylistCopy::default(), writer());
            let value =
                if value.is_empty() { String::new() } else { format!(r#""value":"{value}","#) };
            revoke(&mut writer, &format!(r#"{{"kind":"{kind}",{value}"until":1767311400}}"#));
            learn(&mut denylist, &mut writer, NOW);
            assert_eq!(denylist.has_sid("s1", NOW), revoked, "{kind} {value}");
            assert!(!denylist.has_sid("s1", 1_767_311_400_000), "it has ended");
        }
    }

    #[test]
    fn age_decides_whether_to_ask_and_whether_to_serve() {
        let (mut denylist, mut writer) = (DenylistCopy::default(), writer());
        assert!(denylist.is_due(FRESHNESS, NOW));
        learn(&mut denylist, &mut writer, NOW);
        let at = |age: u64| NOW + age;
        assert!(!denylist.is_due(FRESHNESS, at(4_999)));
        assert!(denylist.is_due(FRESHNESS, at(5_000)));
        assert_eq!(reason(&denylist, at(10_000), false, None), None);
        assert_eq!(reason(&denylist, at(10_001), false, None), Some("state_unavailable"));
        // The outage policy.
        assert_eq!(reason(&denylist, at(60_000), true, None), None);
        assert_eq!(reason(&denylist, at(60_001), true, None), Some("state_unavailable"));
        // A token may ask for less, in an outage too.
        assert_eq!(reason(&denylist, at(2_000), false, Some(2)), None);
        assert_eq!(reason(&denylist, at(2_001), false, Some(2)), Some("state_unavailable"));
        assert_eq!(reason(&denylist, at(2_001), true, Some(2)), Some("state_unavailable"));
        assert_eq!(reason(&denylist, at(10_001), false, Some(3_600)), Some("state_unavailable"));
        // A clock that was set back says nothing about age.
        assert_eq!(reason(&denylist, NOW - 1, true, None), Some("state_unavailable"));
        assert!(denylist.is_due(FRESHNESS, NOW - 3_600_000));
    }

    #[test]
    fn an_answer_to_this_request_is_new_enough_however_long_it_took() {
        let (mut denylist, mut writer) = (DenylistCopy::default(), writer());
        learn(&mut denylist, &mut writer, NOW);
        let decided = |asked, now| {
            let (denylist, leeway) = (Some(&denylist), Duration::ZERO);
            Known { denylist, freshness: FRESHNESS, now, leeway, asked, has_records: false }
                .replica(None)
                .is_some()
        };
        assert!(decided(Some(NOW), NOW + 60_001));
        assert!(!decided(Some(NOW + 1), NOW + 60_001), "it was asked before this request");
        assert!(!decided(None, NOW + 60_001));
    }

    #[test]
    fn a_late_answer_does_not_bring_back_an_old_log() {
        let (mut denylist, mut writer) = (DenylistCopy::default(), writer());
        let first = denylist.ask(NOW);
        let late = answer(&mut writer, first);
        revoke(&mut writer, r#"{"kind":"sub","value":"v1","until":1767311400}"#);
        writer.compact(time(NOW), 8);
        learn(&mut denylist, &mut writer, NOW + 5);
        assert_eq!(reason(&denylist, NOW + 6, false, None), Some("revoked"));
        assert_eq!(denylist.answered(&late, NOW, NOW + 6), None);
        assert_eq!(reason(&denylist, NOW + 6, false, None), Some("revoked"));
        // One of the same log that was overtaken leaves the age as it is.
        let early = answer(&mut writer, DenylistQuestion { epoch: Some(8), from: 1 });
        assert_eq!(denylist.answered(&early, NOW + 1, NOW + 7), None);
        assert_eq!(denylist.age(NOW + 7), 2);
    }

    #[test]
    fn one_question_is_asked_at_a_time() {
        let mut denylist = DenylistCopy::default();
        let _ = denylist.ask(NOW);
        assert!(!denylist.is_due(FRESHNESS, NOW + PATIENCE - 1));
        assert!(denylist.is_due(FRESHNESS, NOW + PATIENCE), "the answer is lost");
        denylist.unanswered(NOW + 10);
        assert!(!denylist.is_due(FRESHNESS, NOW + 10 + PAUSE - 1));
        assert!(denylist.is_due(FRESHNESS, NOW + 10 + PAUSE));
    }

    #[test]
    fn a_useless_answer_changes_nothing() {
        let (mut denylist, mut writer) = (DenylistCopy::default(), writer());
        revoke(&mut writer, r#"{"kind":"sub","value":"v1","until":1767311400}"#);
        learn(&mut denylist, &mut writer, NOW);
        let right = answer(&mut writer, DenylistQuestion { epoch: None, from: 0 });
        for useless in
            [&b""[..], b"rubbish", &right[..right.len() - 1], &[&right[..], b"x"].concat()]
        {
            let question = denylist.ask(NOW + 1);
            assert_eq!(question.from, 1);
            assert_eq!(denylist.answered(useless, NOW + 1, NOW + 1), None);
            assert_eq!(reason(&denylist, NOW + 10_000, false, None), Some("revoked"));
            assert_eq!(reason(&denylist, NOW + 10_001, false, None), Some("state_unavailable"));
        }
        // An answer that was read before: nothing is forgotten.
        assert_eq!(denylist.answered(&right, NOW + 2, NOW + 2), None);
        assert_eq!(reason(&denylist, NOW + 2, false, None), Some("revoked"));
    }

    #[test]
    fn a_new_epoch_replaces_the_replica_once_it_is_complete() {
        let (mut denylist, mut writer) = (DenylistCopy::default(), writer());
        revoke(&mut writer, r#"{"kind":"sub","value":"v1","until":1767311400}"#);
        learn(&mut denylist, &mut writer, NOW);
        writer.compact(time(NOW), 8);
        learn(&mut denylist, &mut writer, NOW + 1);
        assert_eq!(denylist.ask(NOW + 2), DenylistQuestion { epoch: Some(8), from: 1 });
        assert_eq!(reason(&denylist, NOW + 2, false, None), Some("revoked"));
        // More than one tile: until the last one, the old replica decides.
        let mut large = Writer::new(9, [2; 16]);
        for n in 0..=playgate_state::TILE {
            revoke(&mut large, &format!(r#"{{"kind":"jti","value":"j{n}x","until":1767311400}}"#));
        }
        let question = denylist.ask(NOW + 3);
        let next = denylist.answered(&answer(&mut large, question), NOW + 3, NOW + 3).unwrap();
        assert_eq!(next, DenylistQuestion { epoch: Some(9), from: playgate_state::TILE });
        assert_eq!(reason(&denylist, NOW + 3, false, None), Some("revoked"));
        assert_eq!(denylist.answered(&answer(&mut large, next), NOW + 4, NOW + 4), None);
        assert_eq!(reason(&denylist, NOW + 4, false, None), None, "the new log does not name it");
    }
}
