//! What the deployment's records say about an admitted request: whether its token may be used once more, and whether
//! the viewer may have one more playback.

use playgate::{StateError, Verified, Verifier};
use playgate_state::{OverLimit, Play, RecordCommand, RecordReply, Redeem};

use crate::memory::Memory;
use crate::object;
use crate::range::ByteRange;
use crate::record_request::{About, RecordRequest, Replies, fingerprint, network};
use crate::request::RequestParts;

/// What an admitted request may do.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    /// The id of the playback that it starts, if it starts one that has none.
    pub(crate) playback: Option<String>,
    /// Whether its token must not be exchanged: the request only looks.
    pub(crate) only_looks: bool,
    /// What to report in the background: a playback that runs, and a session's token that is in use.
    pub(crate) reports: Vec<RecordRequest>,
}

/// Why a request is not served yet, or not at all.
#[derive(Debug)]
pub(crate) enum Stop {
    /// This must be asked first.
    Ask(Box<RecordRequest>),
    /// It is refused.
    Refuse(StateError),
}

/// A request that the core admitted.
pub(crate) struct Admitted<'a> {
    pub(crate) parts: &'a RequestParts<'a>,
    pub(crate) verifier: &'a Verifier<'a>,
    pub(crate) verified: &'a Verified<'a>,
    pub(crate) memory: &'a Memory,
    pub(crate) replies: &'a Replies,
    pub(crate) over: OverLimit,
    pub(crate) has_records: bool,
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
        let mut admission = self.settle_counts(new_id)?;
        admission.reports.extend(self.seen());
        Ok(admission)
    }

    /// That the tokens of a session's generation are in use: the first time that this gate sees one.
    fn seen(&self) -> Option<RecordRequest> {
        let grant = self.verified.grant();
        let generation = grant.generation().filter(|_| self.has_records)?;
        let (sub, sid) = grant.subject().zip(grant.session())?;
        let about = (sub.as_str().to_string(), sid.as_str().to_string());
        if self.memory.has_seen(&about, generation) {
            return None;
        }
        let command = RecordCommand::Seen { sid: sid.as_str().into(), generation };
        Some(RecordRequest::of_viewer(sub.as_str(), About::Seen(about), command))
    }

    fn settle_counts(&self, new_id: impl FnOnce() -> String) -> Result<Admission, Stop> {
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
        let client = self.client()?;
        let about = (jti.to_string(), client.clone());
        if self.memory.has_redeemed(&about) {
            return Ok(());
        }
        let until = self.verified.grant().expires().as_secs();
        let command = RecordCommand::Redeem(Redeem { client, uses, until });
        match self.ask(RecordRequest::of_token(jti, about, command))? {
            RecordReply::Redeemed => Ok(()),
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
        let own = grant.session().map(|sid| sid.as_str());
        // Without an id of its own, a token is one playback in each network.
        let start = match own {
            Some(_) => None,
            None => {
                let token = self.verifier.named_token(self.verified);
                let token = token.ok_or(Stop::Refuse(StateError::Unavailable))?;
                Some(fingerprint(&token, &self.client()?))
            }
        };
        let name = own.map_or_else(|| start.unwrap_or_default().to_string(), str::to_string);
        let about = (sub.to_string(), name);
        let known = self.memory.playing(&about, self.now);
        let admission = |sid: &str, report: Option<RecordRequest>| Admission {
            playback: own.is_none().then(|| sid.to_string()),
            reports: report.into_iter().collect(),
            ..Admission::default()
        };
        if let Some((sid, false)) = known {
            return Ok(admission(sid, None));
        }
        let sid = match (own, known) {
            (Some(sid), _) | (None, Some((sid, _))) => sid.to_string(),
            (None, None) => new_id(),
        };
        let run = grant.run().map_or(0, |run| run.as_secs().min(self.max_run));
        let until = grant.expires().as_secs().saturating_add(run).saturating_add(self.leeway);
        let play = Play { sid: sid.clone(), start, max, over: self.over, until };
        let question =
            RecordRequest::of_viewer(sub, About::Playback(about), RecordCommand::Play(play));
        // It had a place a moment ago.
        if known.is_some() {
            return Ok(admission(&sid, Some(question)));
        }
        match self.ask(question)? {
            // If the token does not contain the id, the core has not looked for it on the denylist.
            RecordReply::Playing { sid } if self.memory.denylist.has_sid(sid, self.now) => {
                Err(Stop::Refuse(StateError::Revoked))
            }
            RecordReply::Playing { sid } => Ok(admission(sid, None)),
            RecordReply::Displaced => Err(Stop::Refuse(StateError::Displaced)),
            RecordReply::Revoked => Err(Stop::Refuse(StateError::Revoked)),
            _ => Err(Stop::Refuse(StateError::TooManyPlaybacks)),
        }
    }

    /// The client's network. Clients that nobody can tell apart are not counted, and not served.
    fn client(&self) -> Result<String, Stop> {
        network(self.parts.client_ip).ok_or(Stop::Refuse(StateError::Unavailable))
    }

    /// The answer to a question that this request must not go on without.
    fn ask(&self, question: RecordRequest) -> Result<&RecordReply, Stop> {
        match self.replies.of(&question.about) {
            None => Err(Stop::Ask(Box::new(question))),
            Some(None) => Err(Stop::Refuse(StateError::Unavailable)),
            Some(Some(answer)) => Ok(answer),
        }
    }
}
