//! The calls about playbacks.

use playgate::{Request, UnixTime};
use playgate_state::{Playback, RecordCommand};
use serde::Serialize;

use super::query::{viewer, viewer_and_id};
use super::{Call, RecordCall, Respond};
use crate::answer::Answer;
use crate::config::Config;
use crate::plan::Response;
use crate::record_request::{About, RecordRequest};
use crate::request::RequestParts;

/// A playback, as the operator sees it.
#[derive(Serialize)]
struct Shown<'a> {
    sid: &'a str,
    started: u64,
    /// When it last asked for media.
    kept: Option<u64>,
    /// When the last of its tokens expires.
    until: u64,
}

impl<'a> Shown<'a> {
    fn of(playback: &'a Playback) -> Self {
        let Playback { sid, started, kept, until, .. } = playback;
        Self { sid, started: *started, kept: *kept, until: *until }
    }
}

pub(super) fn list(query: &str) -> Result<Call, Response> {
    let sub = viewer(query)?;
    let question = RecordRequest::of_viewer(&sub, About::Nothing, RecordCommand::List);
    Ok(Call::Record(RecordCall { question, respond: Respond::Playbacks }))
}

/// The operator ends one playback, or all of a viewer.
pub(super) fn end(query: &str) -> Result<Call, Response> {
    let (sub, sid) = viewer_and_id(query)?;
    let question =
        RecordRequest::of_viewer(&sub, About::Nothing, RecordCommand::End { sid, revoke: true });
    let respond = Respond::Done("the viewer has no such playback");
    Ok(Call::Record(RecordCall { question, respond }))
}

/// A viewer leaves: the page tells with `navigator.sendBeacon`. The playback's own address is the proof.
pub(super) fn leave(
    config: &Config,
    parts: &RequestParts<'_>,
    body: &str,
    now: u64,
) -> Result<Call, Response> {
    let cors = || config.cors(parts.origin);
    let wrong = |detail: &str| -> Response {
        let mut answer = Answer::with_detail(400, "bad_request", None, detail);
        answer.headers.extend(cors());
        answer.into()
    };
    let verifier = config.verifier();
    let request = Request::new(body.trim());
    let token = verifier
        .authenticate(&request, UnixTime::from_secs(now))
        .map_err(|refusal| wrong(&format!("send an address from the playlist: {refusal}")))?;
    let grant = token.grant();
    let Some((sub, sid)) = grant.subject().zip(grant.session()) else {
        return Err(wrong(
            "the address names no viewer and no playback; send one from the manifest",
        ));
    };
    let sid = Some(sid.as_str().to_string());
    let command = RecordCommand::End { sid, revoke: false };
    let question = RecordRequest::of_viewer(sub.as_str(), About::Nothing, command);
    Ok(Call::Record(RecordCall { question, respond: Respond::Ended(cors()) }))
}

/// A viewer's playbacks in JSON.
#[derive(Serialize)]
pub(super) struct Page<'a> {
    playbacks: Vec<Shown<'a>>,
}

impl<'a> Page<'a> {
    pub(super) fn of(playbacks: &'a [Playback]) -> Self {
        Self { playbacks: playbacks.iter().map(Shown::of).collect() }
    }
}
