//! Carries out the gate's own calls.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body::Body;
use playgate_edge::{
    Answered, Broken, Call, Config, DenylistQuestion, Done, LogEntry, MAX_BODY, UPDATE_TYPE, done,
    incomplete, read_call,
};
use playgate_state::{DenylistCommand, DenylistReply, Revocation};
use serde_json::json;
use tokio::time::timeout;

use super::{Core, problem, response, seconds};
use crate::body::GateBody;
use crate::read::read;
use crate::request::Texts;
use crate::state::StateFailure;

/// How long to wait for the body of a call.
const PATIENCE: Duration = Duration::from_secs(10);

impl Core {
    /// Carries out a call.
    pub(super) async fn carry_out<B, M>(
        self: &Arc<Self>,
        config: &Result<Config, Broken>,
        texts: &Texts<'_>,
        body: B,
    ) -> (Response<GateBody<M>>, Option<LogEntry>)
    where
        B: Body<Data = Bytes> + Send + Unpin,
        B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        let parts = texts.parts();
        let body = match timeout(PATIENCE, read(body, MAX_BODY)).await {
            Ok(Ok(body)) => body,
            Ok(Err(_)) => {
                let detail = "the body breaks off";
                return (problem(StatusCode::BAD_REQUEST, "bad_request", detail), None);
            }
            Err(_) => {
                let detail = "the body did not come in time";
                return (problem(StatusCode::REQUEST_TIMEOUT, "bad_request", detail), None);
            }
        };
        let now = seconds(self.now()).as_secs();
        let answer = match read_call(config, &parts, body.as_deref(), now) {
            Ok(Call::Record(call)) => {
                let reply = self.ask_record(&call.question).await;
                match call.answered(reply.as_deref()) {
                    Answered::Respond(answer) => Ok(answer),
                    Answered::Revoke { revocation, is_complete } => {
                        self.revoke(revocation, is_complete).await
                    }
                }
            }
            Ok(Call::Revoke(revocation)) => self.revoke(revocation, true).await,
            Ok(Call::List { after, limit }) => {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                self.manage(DenylistCommand::List { after, limit }).await.map(|reply| match reply {
                    DenylistReply::Listed { rows, next } => {
                        let revocations: Vec<_> =
                            rows.into_iter().map(|row| row.revocation).collect();
                        done(Done::Page { revocations: &revocations, next })
                    }
                    _ => done(Done::Unknown),
                })
            }
            Ok(Call::Since(question)) => match self.since(question).await {
                Ok(update) => return (update, None),
                Err(failed) => Err(failed),
            },
            Ok(Call::Undo { kind, value }) => {
                self.manage(DenylistCommand::Undo { kind, value }).await.map(|reply| match reply {
                    DenylistReply::Appended(_) => done(Done::Undone),
                    _ => done(Done::Unknown),
                })
            }
            Err(answer) => Ok(answer),
        };
        let sent = match answer {
            Ok(answer) => response(answer, None).unwrap_or_else(|| self.fails("Header")),
            Err(Failed::Elsewhere) => {
                let detail = "this gate follows the denylist of another one; make the call there";
                problem(StatusCode::NOT_FOUND, "not_found", detail)
            }
            Err(_) => self.fails("StateError"),
        };
        let status = sent.status().as_u16();
        let method = parts.method;
        let line = json!({ "decision": "call", "status": status, "method": method });
        self.log(line);
        (sent, None)
    }

    /// What is new for a gate that follows this one.
    async fn since<M>(
        &self,
        DenylistQuestion { epoch, from }: DenylistQuestion,
    ) -> Result<Response<GateBody<M>>, Failed> {
        match self.manage(DenylistCommand::Since { epoch, from }).await? {
            DenylistReply::Update(update) => {
                let mut sent = Response::new(GateBody::Own(update.encode().into()));
                let headers = sent.headers_mut();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(UPDATE_TYPE));
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                Ok(sent)
            }
            _ => Err(Failed::Other),
        }
    }

    async fn revoke(
        &self,
        revocation: Revocation,
        is_complete: bool,
    ) -> Result<playgate_edge::Response, Failed> {
        let reply = match self.manage(DenylistCommand::Revoke(revocation)).await {
            Err(Failed::Full) => return Ok(done(Done::Full)),
            other => other?,
        };
        let (row, is_new) = match reply {
            DenylistReply::Appended(row) => (row, true),
            DenylistReply::Unchanged(row) => (row, false),
            _ => return Err(Failed::Other),
        };
        Ok(match is_complete {
            true => done(Done::Revoked { revocation: &row.revocation, is_new }),
            false => incomplete(),
        })
    }

    /// Performs a command on the denylist. What it revoked, this gate knows then.
    async fn manage(&self, command: DenylistCommand) -> Result<DenylistReply, Failed> {
        let state = self.state.as_ref().ok_or(Failed::Other)?;
        let question = state.denylist(command, seconds(self.now()));
        let reply = match self.asked("denylist_failed", question).await {
            Some(Err(StateFailure::Elsewhere)) => return Err(Failed::Elsewhere),
            Some(Err(StateFailure::Full)) => return Err(Failed::Full),
            Some(Ok(reply)) => reply,
            _ => return Err(Failed::Other),
        };
        if matches!(reply, DenylistReply::Appended(_)) {
            self.learn_since(self.now()).await;
        }
        Ok(reply)
    }
}

/// Why the denylist did not do what a call wants.
enum Failed {
    Elsewhere,
    Full,
    Other,
}
