//! The calls about references.

use core::fmt;

use playgate::{Refusal, Request, UnixTime};
use playgate_json::{Shape, Value};
use playgate_state::{Put, RecordCommand};
use serde::Serialize;

use super::query::{check, needed};
use super::{Call, RecordCall, Respond, parse, wrong};
use crate::config::Config;
use crate::plan::Response;
use crate::record_request::RecordRequest;
use crate::reference;

/// A link to store, and the reference that will stand for its token.
#[derive(Default)]
struct Creation {
    link: String,
    reference: String,
}

impl Shape for Creation {
    const EXPECTED: &'static str =
        "write an object like {\"link\": \"https://...\", \"reference\": \"ref....\"}";

    fn set(&mut self, name: &str, value: Value) -> Result<(), &'static str> {
        match name {
            "link" => self.link = value.text()?,
            "reference" => self.reference = value.text()?,
            _ => return Err("no such member; they are link and reference"),
        }
        Ok(())
    }
}

/// What is created. `Debug` shows neither the link nor the reference: both are credentials.
#[derive(Serialize)]
pub(super) struct Created {
    link: String,
    reference: String,
    expires: u64,
}

impl fmt::Debug for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Created").field("expires", &self.expires).finish_non_exhaustive()
    }
}

pub(super) fn create(config: &Config, body: &str, now: u64) -> Result<Call, Response> {
    let Creation { link, reference } = parse(body)?;
    let named = ["pg=", &reference].concat();
    if !reference::is_reference(&named) {
        return Err(wrong_form());
    }
    let verifier = config.verifier();
    let request = Request::new(&link);
    let token =
        verifier.authenticate(&request, UnixTime::from_secs(now)).map_err(
            |refusal| match refusal {
                Refusal::State(_) => {
                    wrong("link", "this is a link with a reference; store a signed link")
                }
                _ => wrong("link", &refusal.to_string()),
            },
        )?;
    let grant = token.grant();
    if grant.new_session().is_some() || grant.generation().is_some() {
        return Err(wrong("link", "tokens of sessions have no reference; store a link to media"));
    }
    let no_jti = "the token has no id; sign the link with a jti, so that it can be taken back";
    let jti = grant.token_id().ok_or_else(|| wrong("link", no_jti))?.as_str().to_string();
    let named_token = verifier.named_authentic(&token).filter(|token| token.starts_with("pg="));
    let address = token.address_with(&named);
    let (Some(stored), Some(address)) = (named_token, address) else {
        return Err(wrong("link", "only native links can have a reference"));
    };
    let expires = grant.expires().as_secs();
    let run = grant.run().map_or(0, |run| run.as_secs().min(config.max_run));
    let until = expires.saturating_add(run).saturating_add(config.leeway);
    if until <= now {
        return Err(wrong("link", "the link has expired"));
    }
    let link = [token.base(), &address].concat();
    let created = Created { link, reference, expires };
    let command = RecordCommand::Put(Put { token: stored, jti, until });
    let question = RecordRequest::of_reference(&named, command);
    Ok(Call::Record(RecordCall { question, respond: Respond::Reference(created) }))
}

fn wrong_form() -> Response {
    wrong("reference", "write ref. and 43 characters of base64url: 32 random bytes")
}

pub(super) fn delete(query: &str) -> Result<Call, Response> {
    check(query, &["reference"])?;
    let named = ["pg=", &needed(query, "reference")?].concat();
    if !reference::is_reference(&named) {
        return Err(wrong_form());
    }
    let question = RecordRequest::of_reference(&named, RecordCommand::Delete);
    let respond = Respond::Done("there is no such reference");
    Ok(Call::Record(RecordCall { question, respond }))
}
