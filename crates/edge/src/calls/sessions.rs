//! The operator's calls about sessions.

use playgate_state::{Kind, Reason, RecordCommand, Revocation, Session};
use serde::Serialize;

use super::query::{viewer, viewer_and_id};
use super::{Call, RecordCall, Respond};
use crate::plan::Response;
use crate::record_request::{About, RecordRequest};

/// A viewer's sessions in JSON.
#[derive(Serialize)]
pub(super) struct Page<'a> {
    sessions: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct Shown<'a> {
    sid: &'a str,
    /// When the viewer signed in.
    started: u64,
    refreshed: u64,
    /// When it ends unless it is refreshed.
    until: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'a str>,
    user_agent: &'a str,
}

impl<'a> Page<'a> {
    pub(super) fn of(sessions: &'a [Session]) -> Self {
        let shown = |session: &'a Session| Shown {
            sid: &session.link.sid,
            started: session.link.started,
            refreshed: session.rotated,
            until: session.until(),
            network: session.client.network.as_deref(),
            user_agent: &session.client.user_agent,
        };
        Self { sessions: sessions.iter().map(shown).collect() }
    }
}

pub(super) fn list(query: &str) -> Result<Call, Response> {
    let sub = viewer(query)?;
    let question = RecordRequest::of_viewer(&sub, About::Nothing, RecordCommand::ListSessions);
    Ok(Call::Record(RecordCall { question, respond: Respond::Sessions }))
}

/// Ends one session, or all of a viewer.
pub(super) fn end(query: &str) -> Result<Call, Response> {
    let (sub, sid) = viewer_and_id(query)?;
    let command =
        RecordCommand::EndSessions { sid, started_before: None, reason: Reason::SessionEnded };
    let question = RecordRequest::of_viewer(&sub, About::Nothing, command);
    let respond = Respond::Done("the viewer has no such session");
    Ok(Call::Record(RecordCall { question, respond }))
}

/// A revocation. If it is of a viewer, it first ends the sessions that it concerns, which would otherwise go on once it
/// ends.
pub(super) fn end_first(revocation: Revocation, has_records: bool) -> Call {
    if revocation.kind != Kind::Sub || !has_records {
        return Call::Revoke(revocation);
    }
    let command = RecordCommand::EndSessions {
        sid: None,
        started_before: revocation.issued_before,
        // Only playbacks are displaced.
        reason: match revocation.reason {
            Reason::Displaced => Reason::Revoked,
            reason => reason,
        },
    };
    let question = RecordRequest::of_viewer(&revocation.value, About::Nothing, command);
    Call::Record(RecordCall { question, respond: Respond::Revoke(revocation) })
}
