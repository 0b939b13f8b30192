//! Runs a gate: its services, its signals, and its settings when they change.

use core::future::pending;
use core::net::SocketAddr;
use core::time::Duration;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use playgate_edge::{LogEntry, faults, panicked};
use playgate_server::{
    Directory, EventQueue, Gate, Leader, Limits, Metrics, Origin, Proxy, RedisAddress, RedisFault,
    RedisStore, SqliteStore, State, StateThread, Surroundings, SystemClock, TrustedProxies,
    Webhooks, listen, raise_open_files, status, stop_signal,
};
use serde_json::json;
use tokio::runtime;
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};
use crate::listener;

use super::Gate as Options;
use super::log::Log;
use super::media::Media;
use super::settings::{Settings, StateSetting};

/// For viewers. A connection takes up to two open files: itself, and a file or a connection to the media server.
const LIMITS: Limits = Limits {
    connections: 10_000,
    // Longer than a player waits for the next segment.
    idle: Duration::from_secs(75),
    write: Duration::from_secs(120),
    grace: Duration::from_secs(30),
};

/// For operators.
const STATUS_LIMITS: Limits = Limits {
    connections: 128,
    idle: Duration::from_secs(20),
    write: Duration::from_secs(10),
    grace: Duration::ZERO,
};

/// Fewer connections than this are no gate.
const FEW_CONNECTIONS: usize = 64;

/// Open files besides those of connections.
const OTHER_FILES: usize = 64;

/// The clock, the log and the counts.
struct World {
    log: Log,
    metrics: Arc<Metrics>,
}

impl Surroundings for World {
    fn now(&self) -> u64 {
        SystemClock.now()
    }

    fn decided(&self, entry: &LogEntry, took: Duration) {
        self.metrics.decided(entry, took);
    }

    fn log(&self, line: String) {
        self.log.write(&line);
    }
}

pub(super) fn run(options: Options, settings: Settings) -> Result<Exit, Failure> {
    let cannot = |what: &str, error: &dyn core::fmt::Display| {
        Failure::unavailable(format_args!("cannot {what}: {error}"))
    };
    let runtime = runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| cannot("start threads", &error))?;
    let metrics = Arc::new(Metrics::default());
    let log = Log::start(Arc::clone(&metrics)).map_err(|error| cannot("start threads", &error))?;
    let hook = log.clone();
    // A message may have text of a request.
    panic::set_hook(Box::new(move |info| {
        let (file, line) = info.location().map_or(("", 0), |at| (at.file(), at.line()));
        hook.write(&panicked(file, line));
    }));
    let world = Arc::new(World { log, metrics });
    let media = match &settings.media {
        Some(root) => {
            let directory = Directory::open(root).map_err(|error| {
                cannot(&format!("open the directory {}", root.display()), &error)
            })?;
            Media::Directory(directory)
        }
        None if settings.forward_auth.is_some() => Media::None,
        None => Media::Server(Box::new(Origin::new())),
    };
    runtime.block_on(async {
        let state = match &settings.state {
            Some(StateSetting::File(file)) => Some(open_state(file, &settings, &world)?),
            Some(StateSetting::Redis(url, replicas)) => {
                Some(connect_state(url, *replicas, &settings, &world).await?)
            }
            Some(StateSetting::Leader(gate, secret)) => {
                let leader = Leader::new(gate, secret).ok_or_else(|| {
                    Failure::usage("ADMIN_SECRET has characters that a header field cannot have")
                })?;
                Some(Arc::new(leader) as Arc<dyn State>)
            }
            None => None,
        };
        serve(options, settings, media, state, world).await
    })
}

/// Opens the state in a file.
fn open_state(
    file: &Path,
    settings: &Settings,
    world: &Arc<World>,
) -> Result<Arc<dyn State>, Failure> {
    let cannot = |error: &dyn core::fmt::Display| {
        Failure::unavailable(format_args!("{}: {error}", file.display()))
    };
    let mut store = SqliteStore::open(file).map_err(|error| cannot(&error))?;
    store.keep_events(settings.config.events().is_some());
    let thread =
        StateThread::start(store, Arc::clone(world) as _).map_err(|error| cannot(&error))?;
    send_events(settings, Arc::new(thread.clone()), world)?;
    Ok(Arc::new(thread))
}

/// Connects to the state in Redis. If that is not there yet, the gate starts all the same, and is not ready until it is.
async fn connect_state(
    url: &str,
    replicas: u32,
    settings: &Settings,
    world: &Arc<World>,
) -> Result<Arc<dyn State>, Failure> {
    let cannot =
        |fault: &RedisFault| Failure::unavailable(format_args!("cannot use STATE: {fault}"));
    let address: RedisAddress = url.parse().map_err(Failure::usage)?;
    let keeps_events = settings.config.events().is_some();
    let store = RedisStore::new(address, replicas, keeps_events, Arc::clone(world) as _)
        .map_err(|fault| cannot(&fault))?;
    match store.connect().await {
        Ok(true) => {}
        Ok(false) => world.log.write(
            &json!({
                "decision": "error", "reason": "state_not_kept",
                "error": "Redis writes nothing down as it is told, so what is revoked would open again after a restart; set its appendonly to yes",
            })
            .to_string(),
        ),
        Err(fault) if fault.may_pass() => world.log.write(
            &json!({ "decision": "error", "reason": "state_failed", "error": fault.to_string() })
                .to_string(),
        ),
        Err(fault) => return Err(cannot(&fault)),
    }
    send_events(settings, Arc::new(store.clone()), world)?;
    tokio::spawn(store.clone().tidy());
    Ok(Arc::new(store))
}

/// Sends events, if the operator wants them.
fn send_events(
    settings: &Settings,
    queue: Arc<dyn EventQueue>,
    world: &Arc<World>,
) -> Result<(), Failure> {
    if let Some((url, secret)) = settings.config.events() {
        let webhooks = Webhooks::new(url, secret, queue, Arc::clone(world) as _);
        let webhooks = webhooks
            .map_err(|error| Failure::unavailable(format_args!("cannot send events: {error}")))?;
        tokio::spawn(webhooks.run());
    }
    Ok(())
}

async fn serve(
    options: Options,
    settings: Settings,
    media: Media,
    state: Option<Arc<dyn State>>,
    world: Arc<World>,
) -> Result<Exit, Failure> {
    let cannot = |error: std::io::Error| {
        Failure::unavailable(format_args!("cannot listen for signals: {error}"))
    };
    let stop = stop_signal().map_err(cannot)?;
    let hangups = hangups().map_err(cannot)?;
    let files = raise_open_files();
    let connections = LIMITS.connections.min(files.saturating_sub(OTHER_FILES) / 2);
    if connections < FEW_CONNECTIONS {
        return Err(Failure::unavailable(format_args!(
            "the system allows this program only {files} open files; allow at least 1,024, with `ulimit -n` or LimitNOFILE of systemd"
        )));
    }
    let limits = Limits { connections, ..LIMITS };
    let events = events(&settings);
    let Settings {
        config,
        proxies,
        listen: address,
        status: status_address,
        media: root,
        state: file,
        forward_auth,
    } = settings;
    // Before the address of viewers is said: who waits for it may ask for the status.
    let operators = match status_address {
        Some(address) => Some(listener::bind(address, "status", "--status").await?),
        None => None,
    };
    let viewers = listener::bind(address, "listening", "--listen").await?;
    let gate = Arc::new(Gate::new(Ok(config), media, state, Arc::clone(&world) as _));
    if let Some(listener) = operators {
        let (gate, metrics) = (Arc::clone(&gate), Arc::clone(&world.metrics));
        let answer = move |request, _| {
            let (gate, metrics) = (Arc::clone(&gate), Arc::clone(&metrics));
            async move { status(&gate, &metrics, &request).await }
        };
        tokio::spawn(listen(listener, STATUS_LIMITS, pending(), answer));
    }
    let stopping = Arc::clone(&gate);
    let stop = async move {
        stop.await;
        stopping.stop();
    };
    let proxies = Arc::new(RwLock::new(Arc::new(proxies)));
    let (reloaded, trusted) = (Arc::clone(&gate), Arc::clone(&proxies));
    let fixed = Fixed {
        listen: address,
        status: status_address,
        media: root,
        state: file,
        forward_auth,
        events,
    };
    tokio::spawn(hangups.reload(move || reload(&options, &fixed, &reloaded, &trusted, &world)));
    listen(viewers, limits, stop, move |request, peer| {
        let gate = Arc::clone(&gate);
        let proxies = Arc::clone(&proxies.read().unwrap_or_else(PoisonError::into_inner));
        async move {
            if let Some(proxy) = forward_auth {
                return proxy.answer(&gate, request).await;
            }
            let client = proxies.client(peer.ip(), request.headers());
            gate.serve(request, &client).await
        }
    })
    .await;
    Ok(Exit::Done)
}

/// Where events go, and the secret that signs them.
fn events(settings: &Settings) -> Option<(String, Zeroizing<String>)> {
    let (url, secret) = settings.config.events()?;
    Some((url.into(), Zeroizing::new(secret.into())))
}

/// What takes a restart to change.
#[derive(PartialEq, Eq)]
struct Fixed {
    listen: SocketAddr,
    status: Option<SocketAddr>,
    media: Option<PathBuf>,
    state: Option<StateSetting>,
    forward_auth: Option<Proxy>,
    /// Where events go, and the secret that signs them.
    events: Option<(String, Zeroizing<String>)>,
}

/// Reads the settings again. If they are wrong, the old ones stay.
fn reload(
    options: &Options,
    fixed: &Fixed,
    gate: &Gate<Media>,
    proxies: &RwLock<Arc<TrustedProxies>>,
    world: &World,
) {
    let settings = match Settings::read(options) {
        Ok(settings) => settings,
        Err(failure) => {
            world.metrics.reloaded(false);
            let lines = failure.lines().filter(|line| *line != super::settings::WRONG);
            let errors: Vec<String> = lines.map(String::from).collect();
            return world.log.write(&faults(&errors));
        }
    };
    let events = events(&settings);
    let Settings { config, media, state, listen, status, proxies: trusted, forward_auth } =
        settings;
    if (Fixed { listen, status, media, state, forward_auth, events }) != *fixed {
        world.metrics.reloaded(false);
        let error = "LISTEN, STATUS, MEDIA, FORWARD_AUTH, EVENTS_URL, EVENTS_SECRET, STATE, STATE_REPLICAS and DENYLIST take a restart to change, and so does whether there is an ORIGIN or an ADMIN_SECRET; the old settings stay";
        return world.log.write(&faults(&[error.into()]));
    }
    gate.reload(config);
    *proxies.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(trusted);
    world.metrics.reloaded(true);
    world.log.write(r#"{"decision":"event","reason":"reloaded"}"#);
}

/// The signals on which settings are read again.
#[cfg(unix)]
struct Hangups(tokio::signal::unix::Signal);

#[cfg(unix)]
fn hangups() -> std::io::Result<Hangups> {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).map(Hangups)
}

#[cfg(unix)]
impl Hangups {
    async fn reload(mut self, read: impl Fn() + Send + 'static) {
        while self.0.recv().await.is_some() {
            tokio::task::block_in_place(&read);
        }
    }
}

/// There are none.
#[cfg(not(unix))]
struct Hangups;

#[cfg(not(unix))]
fn hangups() -> std::io::Result<Hangups> {
    Ok(Hangups)
}

#[cfg(not(unix))]
impl Hangups {
    async fn reload(self, _: impl Fn() + Send + 'static) {}
}
