//! The denylist of another gate, native or the Worker, that this one follows.

use core::fmt;
use core::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Empty;
use playgate::UnixTime;
use playgate_state::{DenylistCommand, DenylistReply, Outcome, RecordCommand, Update};
use tokio::time::timeout;

use super::{State, StateFailure, Waiting};
use crate::http_client::{HttpClient, http_client};
use crate::read::read;

/// How long to wait for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most bytes of an answer: several times those of a full tile.
const MAX_UPDATE: usize = 4 << 20;

/// A gate that keeps the denylist. It keeps no records for others, so links that are counted are refused here.
#[derive(Clone)]
pub struct Leader {
    /// `https://cdn.example.com/.playgate/denylist`.
    url: String,
    authorization: HeaderValue,
    client: HttpClient<Empty<Bytes>>,
}

impl Leader {
    /// A gate by its scheme and host, and its `ADMIN_SECRET`. `None` if no header field can have the secret.
    #[must_use]
    pub fn new(gate: &str, secret: &str) -> Option<Self> {
        let mut authorization = HeaderValue::try_from(["Bearer ", secret].concat()).ok()?;
        authorization.set_sensitive(true);
        let url = [gate.trim_end_matches('/'), "/.playgate/denylist"].concat();
        Some(Self { url, authorization, client: http_client() })
    }

    async fn since(self, epoch: Option<u64>, from: u64) -> Option<Update> {
        let epoch = epoch.map(|epoch| format!("&epoch={epoch}")).unwrap_or_default();
        let request = Request::get(format!("{}?from={from}{epoch}", self.url))
            .header(AUTHORIZATION, self.authorization)
            .body(Empty::new())
            .ok()?;
        let answer = self.client.request(request).await.ok()?;
        if answer.status() != StatusCode::OK {
            return None;
        }
        Update::parse(&read(answer.into_body(), MAX_UPDATE).await.ok()??).ok()
    }
}

/// Shows no secret.
impl fmt::Debug for Leader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leader").finish_non_exhaustive()
    }
}

impl State for Leader {
    fn denylist(&self, command: DenylistCommand, _: UnixTime) -> Waiting<DenylistReply> {
        let DenylistCommand::Since { epoch, from } = command else {
            return Box::pin(async { Err(StateFailure::Elsewhere) });
        };
        let leader = self.clone();
        Box::pin(async move {
            let update = timeout(PATIENCE, leader.since(epoch, from)).await.ok().flatten();
            update.map(DenylistReply::Update).ok_or(StateFailure::Unavailable)
        })
    }

    fn record(&self, _: String, _: RecordCommand, _: UnixTime) -> Waiting<Outcome> {
        Box::pin(async { Err(StateFailure::Elsewhere) })
    }
}
