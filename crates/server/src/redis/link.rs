//! The connection to the primary, and a new one when it is lost.

use core::time::Duration;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, FromRedisValue, Pipeline, PushInfo, PushKind,
    RedisResult, pipe,
};
use tokio::sync::{Mutex, Notify};
use tokio::time::timeout;

use super::address::{Place, RedisAddress};
use super::fault::RedisFault;
use super::sentinels::Sentinels;
use super::{CHANNEL, IDENTITY, VERSION};

/// How long to wait for a connection, and for an answer: both fit into the patience of a gate, which is two seconds.
const PATIENCE: Duration = Duration::from_millis(900);

/// One connection for all requests.
pub(super) struct Link {
    server: Server,
    connected: Mutex<Connected>,
    /// There may be news: a gate has told, or nobody could have told.
    pub(super) news: Arc<Notify>,
    /// Whether it hears of news at all. One connection of a gate is enough.
    hears: bool,
    lost: Arc<Lost>,
}

/// When a connection of a store was last given up. Those that are older are not tried any more: they lead to the same server.
#[derive(Default)]
pub(super) struct Lost(std::sync::Mutex<Option<Instant>>);

impl Lost {
    fn note(&self, began: Instant) {
        let mut lost = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *lost = (*lost).max(Some(began));
    }

    fn is_after(&self, connected: Instant) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) > Some(connected)
    }
}

/// The connection, if there is one.
#[derive(Default)]
struct Connected {
    connection: Option<(MultiplexedConnection, Instant)>,
    /// Where it leads to, if sentinels said so.
    address: Option<ConnectionAddr>,
    /// When the last attempt failed, and why.
    failed: Option<(Instant, RedisFault)>,
}

/// Who is asked for a connection.
enum Server {
    One(Box<Client>),
    Sentinels(Sentinels),
}

impl Link {
    pub(super) fn new(
        address: RedisAddress,
        hears: bool,
        lost: Arc<Lost>,
    ) -> Result<Self, RedisFault> {
        let server = match address.0 {
            Place::Server(info) => Server::One(Box::new(Client::open(info)?)),
            Place::Sentinels(sentinels, name, node) => {
                Server::Sentinels(Sentinels::new(sentinels, &name, &node)?)
            }
        };
        Ok(Self { server, connected: Mutex::default(), news: Arc::default(), hears, lost })
    }

    /// Sends commands, and returns their replies. They are performed in their order, but others may come between.
    pub(super) async fn query<T: FromRedisValue>(
        &self,
        commands: &Pipeline,
    ) -> Result<T, RedisFault> {
        let mut connection = self.connection().await?;
        let began = Instant::now();
        let reply: RedisResult<T> = commands.query_async(&mut connection).await;
        let reply = reply.map_err(RedisFault::from);
        if reply.as_ref().is_err_and(RedisFault::is_of_connection) {
            self.lost.note(began);
        }
        reply
    }

    /// Gives up all connections of the store that there were at a time.
    pub(super) fn give_up(&self, time: Instant) {
        self.lost.note(time);
    }

    /// The connection, or a new one. Of those who wait, one connects for all, or fails for all.
    pub(super) async fn connection(&self) -> Result<MultiplexedConnection, RedisFault> {
        let asked = Instant::now();
        let mut connected = self.connected.lock().await;
        if let Some((connection, since)) = &connected.connection
            && !self.lost.is_after(*since)
        {
            return Ok(connection.clone());
        }
        connected.connection = None;
        if let Some((time, fault)) = &connected.failed
            && *time > asked
        {
            return Err(fault.clone());
        }
        let connection = match timeout(PATIENCE, self.connect()).await {
            Ok(connection) => connection,
            Err(_) => {
                let error = std::io::Error::from(std::io::ErrorKind::TimedOut);
                Err(redis::RedisError::from(error).into())
            }
        };
        let (connection, address) = connection.inspect_err(|fault| {
            connected.failed = Some((Instant::now(), fault.clone()));
        })?;
        connected.address = address;
        connected.connection = Some((connection.clone(), Instant::now()));
        // Of what happened in between, nobody told.
        self.news.notify_one();
        Ok(connection)
    }

    /// Gives up all connections if the sentinels name another primary now. The old one may not know that yet, and would take
    /// changes that are lost.
    pub(super) async fn look_for_another_primary(&self) {
        let Server::Sentinels(sentinels) = &self.server else { return };
        let began = Instant::now();
        // Without an answer the old one may still be the right one.
        let Ok(named) = sentinels.primary().await else { return };
        let named = named.get_connection_info().addr();
        if self.connected.lock().await.address.as_ref().is_some_and(|address| address != named) {
            self.give_up(began);
        }
    }

    async fn connect(&self) -> Result<(MultiplexedConnection, Option<ConnectionAddr>), RedisFault> {
        let news = Arc::clone(&self.news);
        let tell = move |push: PushInfo| {
            if matches!(push.kind, PushKind::Message | PushKind::Disconnection) {
                news.notify_one();
            }
            Ok::<_, core::convert::Infallible>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_push_sender(tell);
        let (mut connection, address) = match &self.server {
            Server::One(client) => {
                (client.get_multiplexed_async_connection_with_config(&config).await?, None)
            }
            Server::Sentinels(sentinels) => {
                let client = sentinels.primary().await?;
                let address = client.get_connection_info().addr().clone();
                (client.get_multiplexed_async_connection_with_config(&config).await?, Some(address))
            }
        };
        check(&mut connection).await?;
        if self.hears {
            connection.subscribe(CHANNEL).await?;
        }
        Ok((connection, address))
    }
}

/// Checks that a server is fit to keep state.
async fn check(connection: &mut MultiplexedConnection) -> Result<(), RedisFault> {
    let mut questions = pipe();
    questions.cmd("INFO").arg("memory").cmd("INFO").arg("replication");
    questions.cmd("HGET").arg(IDENTITY).arg("version");
    let (memory, replication, version): (String, String, Option<String>) =
        questions.query_async(connection).await?;
    if !has_line(&replication, "role:master") {
        return Err(RedisFault::Replica);
    }
    if version.is_some_and(|version| version != VERSION) {
        return Err(RedisFault::Version);
    }
    if !has_line(&memory, "maxmemory:0") && !has_line(&memory, "maxmemory_policy:noeviction") {
        return Err(RedisFault::Evicts);
    }
    Ok(())
}

/// Whether a server writes down what it is told. Replicas do not make up for that: they repeat a server that starts empty.
pub(super) async fn keeps(connection: &mut MultiplexedConnection) -> Result<bool, RedisFault> {
    let mut questions = pipe();
    questions.cmd("INFO").arg("persistence");
    let (persistence,): (String,) = questions.query_async(connection).await?;
    Ok(has_line(&persistence, "aof_enabled:1"))
}

/// Whether a server says this of itself.
fn has_line(information: &str, line: &str) -> bool {
    information.lines().any(|known| known.trim_end() == line)
}
