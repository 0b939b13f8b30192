//! Decides on a request, and asks the state what the decision needs.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http_body::Body;
use playgate_edge::{
    Broken, Config, Decision, DenylistQuestion, LogEntry, Now, RecordRequest, Replies, decide,
};
use playgate_state::{DenylistCommand, DenylistReply, encode};
use tokio::time::timeout;

use super::{Core, Gate, response, seconds};
use crate::body::GateBody;
use crate::client::Client;
use crate::read::read;
use crate::request::Texts;
use crate::store::MediaStore;

/// How much is read of a body that has no use, and for how long.
const MAX_DRAINED: usize = 64 * 1024;
const DRAIN: Duration = Duration::from_secs(1);

/// The most questions of one request: it asks the denylist at most twice, and three records.
const MAX_QUESTIONS: usize = 10;

impl<S: MediaStore> Gate<S> {
    /// The response to a request, and what the log says about it.
    pub(super) async fn decide<B>(
        &self,
        config: &Result<Config, Broken>,
        texts: &Texts<'_>,
        client: &Client,
        body: B,
    ) -> (Response<GateBody<S::Body>>, Option<LogEntry>)
    where
        B: Body<Data = Bytes> + Send + Unpin,
        B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        let core = &self.core;
        let mut replies = Replies::default();
        for _ in 0..MAX_QUESTIONS {
            let now = core.now();
            let decision = {
                let memory = core.remembered();
                let secs = seconds(now).as_secs();
                let (memory, replies) = (Some(&*memory), &replies);
                let at = Now { secs, millis: now, memory, replies, random };
                decide(config, &texts.parts(), at, || client.country.clone())
            };
            match decision {
                Decision::AskDenylist => {
                    replies.asked = Some(now);
                    core.learn_since(now).await;
                }
                Decision::AskRecord(question) => {
                    let asked = core.now();
                    let reply = core.ask_record(&question).await;
                    core.remember().settle(&mut replies, &question, reply.as_deref(), asked);
                }
                Decision::Call => return core.carry_out(config, texts, body).await,
                Decision::Respond(answer, entry) => {
                    drain(body).await;
                    core.in_background(config, Vec::new());
                    let sent = response(answer, None).unwrap_or_else(|| core.fails("Header"));
                    return (sent, Some(entry));
                }
                Decision::Serve(plan, next, reports) => {
                    drain(body).await;
                    core.in_background(config, reports);
                    return self.deliver(config, *plan, next).await;
                }
            }
        }
        (core.fails("Questions"), None)
    }
}

impl Core {
    /// The reply of a record to a command, encoded; `None` if there is none. What it revoked, this gate knows then.
    pub(super) async fn ask_record(self: &Arc<Self>, question: &RecordRequest) -> Option<Vec<u8>> {
        let state = self.state.as_ref()?;
        let RecordRequest { record, command, .. } = question;
        let question = state.record(record.clone(), command.clone(), seconds(self.now()));
        let outcome = self.asked("record_failed", question).await?.ok()?;
        if !outcome.revocations.is_empty() {
            self.learn_since(self.now()).await;
        }
        Some(encode(&outcome.reply))
    }

    /// Starts what is to be done in the background: asks the denylist if it is time, and sends reports to records.
    fn in_background(
        self: &Arc<Self>,
        config: &Result<Config, Broken>,
        reports: Vec<RecordRequest>,
    ) {
        let Ok(config) = config else { return };
        let now = self.now();
        if config.asks(&self.remembered(), now) {
            let core = Arc::clone(self);
            tokio::spawn(async move { core.learn_since(now).await });
        }
        for report in reports {
            self.remember().reported(&report, now);
            let core = Arc::clone(self);
            tokio::spawn(async move {
                let asked = core.now();
                let reply = core.ask_record(&report).await;
                let mut nobody = Replies::default();
                core.remember().settle(&mut nobody, &report, reply.as_deref(), asked);
            });
        }
    }

    /// Learns what is revoked, unless that was asked since a time. Of the requests that wait, one asks for all.
    pub(super) async fn learn_since(&self, time: u64) {
        let mut asked = self.asked_at.lock().await;
        let now = self.now();
        // In the same millisecond it may have been before. A clock that was set back says nothing.
        if *asked > time && *asked <= now {
            return;
        }
        self.learn(now).await;
        *asked = now;
    }

    /// Asks the denylist until the gate knows everything that is revoked, or an answer is missing.
    async fn learn(&self, mut asked: u64) {
        let mut question = Some(self.remember().denylist.ask(asked));
        let mut last = None;
        while let Some(next) = question {
            // The same question again: the answer does not fit what the gate knows.
            let update = if last == Some(next) { None } else { self.ask_denylist(next).await };
            let now = self.now();
            let Some(update) = update else {
                self.remember().denylist.unanswered(now);
                return;
            };
            last = Some(next);
            question = self.remember().denylist.answered(&update, asked, now);
            asked = now;
        }
    }

    async fn ask_denylist(&self, question: DenylistQuestion) -> Option<Vec<u8>> {
        let state = self.state.as_ref()?;
        let DenylistQuestion { epoch, from } = question;
        let question = state.denylist(DenylistCommand::Since { epoch, from }, seconds(self.now()));
        match self.asked("denylist_failed", question).await?.ok()? {
            DenylistReply::Update(update) => Some(update.encode()),
            _ => None,
        }
    }
}

/// Reads the body of a request that has no use for one. Otherwise the connection would be closed before its end, and the
/// answer, or that to the next request of a proxy, could be lost.
async fn drain<B>(body: B)
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
{
    if !body.is_end_stream() {
        // What is longer, or takes longer, is the client's loss.
        let _ = timeout(DRAIN, read(body, MAX_DRAINED)).await;
    }
}

/// Random bytes.
fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // Without random numbers, ids could be guessed, and nothing may go on.
        std::process::abort();
    }
    bytes
}
