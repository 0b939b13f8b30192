//! What the deployment's records say about an admitted request: whether its token may be used once more, and whether
//! the viewer may have one more playback.

use playgate::{StateError, Verified, Verifier};
use playgate_state::{Action, Answer, OverLimit, Play, Redeem};

use crate::memory::Memory;
use crate::object;
use crate::question::{About, Answers, Question, fingerprint, network};
use crate::range::ByteRange;
use crate::request::RequestParts;

/// What an admitted request may do.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    /// The id of the playback that it starts, if it starts one that has none.
    pub(crate) playback: Option<String>,
    /// Whether its token must not be exchanged: the request only looks.
    pub(crate) only_looks: bool,
    /// A playback to report, in the background.
    pub(crate) report: Option<Question>,
}

/// Why a request is not served yet, or not at all.
#[derive(Debug)]
pub(crate) enum Stop {
    /// This must be asked first.
    Ask(Question),
    /// It is refused.
    Refuse(StateError),
}

/// A request that the core admitted.
pub(crate) struct Admitted<'a> {
    pub(crate) parts: &'a RequestParts<'a>,
    pub(crate) verifier: &'a Verifier<'a>,
    pub(crate) verified: &'a Verified<'a>,
    pub(crate) memory: &'a Memory,
    pub(crate) answers: &'a Answers,
    pub(crate) over: OverLimit,
    /// In Unix milliseconds.
    pub(crate) now: u64,
    /// For how long a token may be admitted after it has expired, in seconds.
    pub(crate) leeway: u64,
    /// The longest `run` that the gate grants, in seconds.
    pub(crate) max_run: u64,
}

impl Admitted<'_> {
    /// What the records say. `new_id` makes the id of a playback.
    pub(crate) fn settle(&self, new_id: impl FnOnce() -> String) -> Result<Admission, Stop> {
        let grant = self.verified.grant();
        let is_counted = grant.uses().is_some() || grant.max_playbacks().is_some();
        if is_counted && self.only_looks() {
            return Ok(Admission { only_looks: true, ..Admission::default() });
        }
        if let Some((uses, jti)) = grant.uses().zip(grant.token_id()) {
            self.redeem(uses, jti.as_str())?;
        }
        if let Some((max, sub)) = grant.max_playbacks().zip(grant.subject()) {
            return self.play(max, sub.as_str(), new_id);
        }
        let starts = grant.starts_playback() && grant.session().is_none();
        Ok(Admission { playback: starts.then(new_id), ..Admission::default() })
    }

    /// Whether the request asks for no more than the first two bytes of a file. Mail scanners and the previews of
    /// chats send such requests, and so does Safari before it plays a file. The same bytes of a playlist or a key would
    /// tell too much.
    fn only_looks(&self) -> bool {
        let path = self.verified.path();
        let is_file = !path.is_manifest() && !object::may_be_manifest(&path.to_cow());
        let range = self.parts.range.and_then(ByteRange::parse);
        let is_probe = matches!(range, Some(ByteRange::FromTo(0, 0..=1)));
        self.parts.method == "HEAD" || is_file && is_probe
    }

    fn redeem(&self, uses: u16, jti: &str) -> Result<(), Stop> {
        let client = network(self.parts.client_ip);
        let about = [jti, " ", &client].concat();
        if self.memory.has_redeemed(&about) {
            return Ok(());
        }
        let until = self.verified.grant().expires().as_secs();
        let action = Action::Redeem(Redeem { client, uses, until });
        match self.ask(Question::of_token(jti, about, action))? {
            Answer::Redeemed => Ok(()),
            _ => Err(Stop::Refuse(StateError::AlreadyUsed)),
        }
    }

    fn play(
        &self,
        max: u16,
        sub: &str,
        new_id: impl FnOnce() -> String,
    ) -> Result<Admission, Stop> {
        let grant = self.verified.grant();
        let token = self.verifier.named_token(self.verified).unwrap_or_default();
        let own = grant.session().map(|sid| sid.as_str());
        // A token without an id for its playback is of one playback in each network.
        let start = own.is_none().then(|| fingerprint(&token, &network(self.parts.client_ip)));
        let may_be_manifest = object::may_be_manifest(&self.verified.path().to_cow());
        let starts = own.is_none() && (may_be_manifest || grant.run().is_some());
        let about = match (own, start) {
            (Some(sid), _) => format!("{sub} {sid}"),
            (None, start) => format!("{sub} {:016x} {starts}", start.unwrap_or_default()),
        };
        let known = self.memory.playing(&about, self.now);
        let admission = |sid: &str| Admission {
            playback: starts.then(|| sid.to_string()),
            ..Admission::default()
        };
        if let Some((sid, false)) = known {
            return Ok(admission(sid));
        }
        let sid = match (own, known) {
            (Some(sid), _) | (None, Some((sid, _))) => sid.to_string(),
            (None, None) if starts => new_id(),
            (None, None) => format!("link-{:016x}", start.unwrap_or_default()),
        };
        let run = grant.run().map_or(0, |run| run.as_secs().min(self.max_run));
        let until = grant.expires().as_secs().saturating_add(run).saturating_add(self.leeway);
        // Who has the id in the token is stopped by the denylist, so the answer is not needed at once.
        let is_served = own.is_some() && (known.is_some() || !may_be_manifest);
        let start = start.filter(|_| starts);
        let play = Play { sid, start, max, over: self.over, until, is_served };
        let question = Question::of_viewer(sub, About::Playback(about), Action::Play(play));
        if is_served {
            return Ok(Admission { report: Some(question), ..Admission::default() });
        }
        match self.ask(question)? {
            Answer::Playing { sid } => Ok(admission(sid)),
            Answer::Displaced => Err(Stop::Refuse(StateError::Displaced)),
            _ => Err(Stop::Refuse(StateError::TooManyPlaybacks)),
        }
    }

    /// The answer to a question that this request must not go on without.
    fn ask(&self, question: Question) -> Result<&Answer, Stop> {
        match self.answers.of(&question.record) {
            None => Err(Stop::Ask(question)),
            Some(None) => Err(Stop::Refuse(StateError::Unavailable)),
            Some(Some(answer)) => Ok(answer),
        }
    }
}
