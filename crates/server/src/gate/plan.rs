//! Carries out the plan of a delivery.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Response, StatusCode};
use playgate_edge::{Broken, Config, Found, LogEntry, Next, Plan};

use super::{Gate, response};
use crate::body::GateBody;
use crate::read::{decoded, read};
use crate::store::{MediaStore, Stored};

/// The most steps: a plan takes at most eight.
const MAX_STEPS: usize = 20;

impl<S: MediaStore> Gate<S> {
    /// Does what the plan says until there is a response.
    pub(super) async fn deliver(
        &self,
        config: &Result<Config, Broken>,
        mut plan: Plan,
        mut next: Next,
    ) -> (Response<GateBody<S::Body>>, Option<LogEntry>) {
        let Ok(config) = config else { return (self.core.fails("Plan"), None) };
        let mut stored: Option<Stored<S::Body>> = None;
        for _ in 0..MAX_STEPS {
            next = match next {
                Next::Ask(step) => {
                    drop(stored.take());
                    let answer = self.media.ask(step).await;
                    let next = match &answer {
                        None => plan.failed(config),
                        Some(Stored::Missing) => plan.found(Found::Missing),
                        Some(Stored::Found { metadata, .. }) => {
                            plan.found(Found::Object(metadata.object()))
                        }
                        Some(Stored::Answer { status, headers, .. }) => {
                            fetched(&mut plan, config, *status, headers)
                        }
                    };
                    stored = answer;
                    next
                }
                Next::Read { limit, compression } => {
                    match read_manifest(stored.take(), limit, compression).await {
                        Some(manifest) => Next::Respond(plan.rewrite(manifest.as_deref())),
                        None => plan.failed(config),
                    }
                }
                Next::Respond(answer) => match response(answer, body(stored.take())) {
                    Some(response) => return (response, Some(plan.entry().clone())),
                    None => plan.failed(config),
                },
            };
        }
        (self.core.fails("Steps"), None)
    }
}

fn fetched(plan: &mut Plan, config: &Config, status: StatusCode, headers: &HeaderMap) -> Next {
    // With chunks, a length says nothing (RFC 9112, section 6.3).
    let is_chunked = headers.contains_key(TRANSFER_ENCODING);
    // Old servers write names of files in Latin-1.
    let texts: Vec<(&str, String)> = headers
        .iter()
        .filter(|(name, _)| !(is_chunked && *name == CONTENT_LENGTH))
        .map(|(name, value)| {
            let bytes = value.as_bytes();
            let text = match core::str::from_utf8(bytes) {
                Ok(text) => text.into(),
                Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
            };
            (name.as_str(), text)
        })
        .collect();
    let fields: Vec<(&str, &str)> =
        texts.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let has_body = !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    plan.fetched(config, status.as_u16(), &fields, has_body)
}

fn body<B>(stored: Option<Stored<B>>) -> Option<B> {
    match stored? {
        Stored::Answer { body, .. } | Stored::Found { body, .. } => Some(body),
        Stored::Missing => None,
    }
}

/// The manifest; `Some(None)` if it exceeds the limit, `None` if it cannot be read.
async fn read_manifest<B>(
    stored: Option<Stored<B>>,
    limit: usize,
    compression: Option<&str>,
) -> Option<Option<Bytes>>
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn core::error::Error + Send + Sync>>>,
{
    // Of a server, the plan expects that these are decoded already.
    let usual = match &stored {
        Some(Stored::Answer { headers, .. }) => {
            headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok())
        }
        _ => None,
    };
    let usual = usual.map(|name| name.trim().to_ascii_lowercase());
    let usual = usual.filter(|name| matches!(name.as_str(), "br" | "gzip"));
    let bytes = read(body(stored)?, limit).await.ok()?;
    match (bytes, compression.or(usual.as_deref())) {
        (Some(bytes), Some(compression)) => decoded(bytes, compression, limit).ok(),
        (bytes, _) => Some(bytes),
    }
}
