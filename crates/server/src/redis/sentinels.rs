//! The sentinels of a Redis: which server is the primary.

use core::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{Client, ConnectionInfo, ErrorKind, RedisError, RedisResult};
use tokio::sync::Mutex;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::fault::RedisFault;

/// How long to wait for a sentinel. Others are asked at the same time.
const PATIENCE: Duration = Duration::from_millis(600);

/// All sentinels. One that is dead or hangs does not stop the others. One that is cut off with an old primary decides only if
/// no others answer.
pub(super) struct Sentinels(Vec<Mutex<SentinelClient>>);

impl Sentinels {
    pub(super) fn new(
        addresses: Vec<ConnectionInfo>,
        name: &str,
        node: &SentinelNodeConnectionInfo,
    ) -> Result<Self, RedisFault> {
        let client = |address| {
            let (name, node) = (name.to_string(), Some(node.clone()));
            SentinelClient::build(vec![address], name, node, SentinelServerType::Master)
        };
        let clients = addresses.into_iter().map(|address| client(address).map(Mutex::new));
        Ok(Self(clients.collect::<Result<_, _>>()?))
    }

    /// The primary that most of them name, and that says of itself that it is one.
    pub(super) async fn primary(&self) -> Result<Client, RedisFault> {
        let mut answers: FuturesUnordered<_> = self.0.iter().map(ask).collect();
        let mut named: Vec<(Client, usize)> = Vec::new();
        let mut failed = RedisError::from((
            ErrorKind::MasterNameNotFoundBySentinel,
            "no sentinel names a primary",
        ));
        while let Some(answer) = answers.next().await {
            let client = match answer {
                Ok(Ok(client)) => client,
                Ok(Err(error)) => {
                    failed = error;
                    continue;
                }
                Err(_) => continue,
            };
            let address = client.get_connection_info().addr();
            let known =
                named.iter_mut().find(|(one, _)| one.get_connection_info().addr() == address);
            let votes = match known {
                Some((_, votes)) => {
                    *votes = votes.saturating_add(1);
                    *votes
                }
                None => {
                    named.push((client.clone(), 1));
                    1
                }
            };
            // More do not change the result.
            if votes > self.0.len() / 2 {
                return Ok(client);
            }
        }
        let most = named.into_iter().max_by_key(|(_, votes)| *votes);
        most.map(|(client, _)| client).ok_or_else(|| failed.into())
    }
}

async fn ask(sentinel: &Mutex<SentinelClient>) -> Result<RedisResult<Client>, Elapsed> {
    timeout(PATIENCE, async { sentinel.lock().await.async_get_client().await }).await
}
