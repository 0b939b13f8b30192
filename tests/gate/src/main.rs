//! The native gate, and around it what a test sets: the clock, the variables, the client, and what befalls the state. It
//! is the counterpart of tests/edge/around.mjs.

mod media;
mod state;
mod told;

use std::collections::HashMap;
use std::env;
use std::net::SocketAddr;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use playgate::UnixTime;
use playgate_edge::{Binding, Config, LogEntry, Setting, Variables};
use playgate_server::{
    Client, EventQueue, Gate, GateBody, Leader, Limits, MediaStore, RedisAddress, RedisStore,
    SqliteStore, State, StateThread, Surroundings, Webhooks, listen,
};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use self::media::Media;
use self::told::Told;

/// What all gates of the test share.
struct World {
    root: PathBuf,
    variables: Map<String, Value>,
    gates: Mutex<HashMap<String, Arc<Gate<Media>>>>,
    metadata: media::Labels,
    state: state::Counted,
    outside: Arc<Outside>,
}

/// The clock and the log.
#[derive(Default)]
struct Outside {
    /// The time that the last request has set, in milliseconds; 0 for that of the machine.
    now: AtomicU64,
    /// By how much the clock is ahead where a request sets no time.
    ahead: AtomicI64,
    /// The lines since the last look at them, and all of them.
    lines: Mutex<(Vec<String>, Vec<String>)>,
}

impl Surroundings for Outside {
    fn now(&self) -> u64 {
        match self.now.load(Ordering::SeqCst) {
            0 => real_now().saturating_add_signed(self.ahead.load(Ordering::SeqCst)),
            set => set,
        }
    }

    fn decided(&self, _: &LogEntry, _: Duration) {}

    fn log(&self, line: String) {
        let (new, all) = &mut *self.lines.lock().expect("lines");
        new.push(line.clone());
        all.push(line);
    }
}

fn real_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[tokio::main]
async fn main() {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (root, state) = (arguments.next().expect("a root"), arguments.next().expect("a state"));
    let outside = Arc::new(Outside::default());
    let log = Arc::clone(&outside);
    panic::set_hook(Box::new(move |info| log.log(told::panicked(info))));
    let variables = env::var("PLAYGATE_TEST_VARIABLES").expect("variables");
    let variables: Map<String, Value> = serde_json::from_str(&variables).expect("JSON");
    let text = |name: &str| variables.get(name).and_then(Value::as_str);
    let events = text("EVENTS_URL").zip(text("EVENTS_SECRET"));
    let (queue, state) = open(&state, events.is_some(), &outside);
    if let Some((url, secret)) = events {
        let hooks = Webhooks::new(url, secret, queue, Arc::clone(&outside) as _);
        tokio::spawn(hooks.expect("a secret").run());
    }
    let world = Arc::new(World {
        root,
        variables,
        gates: Mutex::default(),
        metadata: media::Labels::default(),
        state,
        outside,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("listening on {}", listener.local_addr().expect("an address"));
    // A test of slow clients does not wait as long as they may.
    let patience = env::var("PLAYGATE_TEST_PATIENCE").ok().and_then(|text| text.parse().ok());
    let patience = Duration::from_secs(patience.unwrap_or(60));
    let limits =
        Limits { connections: 1_000, idle: patience, write: patience, grace: Duration::ZERO };
    // The test ends it by closing its input.
    let stop = async {
        tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()))
            .await
            .ok();
    };
    listen(listener, limits, stop, move |request, peer| {
        let world = Arc::clone(&world);
        async move { world.answer(request, peer).await }
    })
    .await;
}

/// The state: in Redis, if there is an address of one, and else in a file.
fn open(
    state: &Path,
    keeps_events: bool,
    outside: &Arc<Outside>,
) -> (Arc<dyn EventQueue>, state::Counted) {
    if let Some(url) = state.to_str().filter(|text| RedisAddress::is_meant(text)) {
        let address = url.parse().expect("an address");
        let store = RedisStore::new(address, 0, keeps_events, Arc::clone(outside) as _);
        let store = store.expect("a client");
        let client = redis::Client::open(url).expect("a client");
        let storage = state::Redis { store: store.clone(), client };
        let queue = Arc::new(store.clone());
        return (queue, state::Counted::new(Arc::new(store), Arc::new(storage)));
    }
    let mut store = SqliteStore::open(state).expect("a store");
    store.keep_events(keeps_events);
    let thread = StateThread::start(store, Arc::clone(outside) as _).expect("a thread");
    let storage = state::File { thread: thread.clone(), path: state.into() };
    let queue = Arc::new(thread.clone());
    (queue, state::Counted::new(Arc::new(thread), Arc::new(storage)))
}

type Body = Either<Full<Bytes>, GateBody<<Media as MediaStore>::Body>>;

impl World {
    async fn answer(&self, mut request: Request<Incoming>, _: SocketAddr) -> Response<Body> {
        let told = Told::take(request.headers_mut());
        if let Some(answer) = self.control(&told).await {
            return Response::new(Either::Left(Full::new(answer.into())));
        }
        if told.of("seen").is_some() {
            let scheme = told.of("scheme").unwrap_or("http");
            let host = request.headers().get("host").and_then(|host| host.to_str().ok());
            let target = request.uri().path_and_query().map_or("", |target| target.as_str());
            let url = [scheme, "://", host.unwrap_or_default(), target].concat();
            return Response::new(Either::Left(Full::new(url.into())));
        }
        self.outside.now.store(told.number("now"), Ordering::SeqCst);
        let client = Client {
            address: told.of("ip").and_then(|ip| ip.parse().ok()),
            country: told.of("country").map(String::from),
            is_secure: told.of("scheme") == Some("https"),
        };
        let gate = self.gate(told.of("env").unwrap_or("{}"));
        gate.serve(request, &client).await.map(Either::Right)
    }

    /// What a test asks of the harness itself.
    async fn control(&self, told: &Told) -> Option<String> {
        let lines = || self.outside.lines.lock().expect("lines");
        if told.of("log").is_some() {
            return Some(json!(std::mem::take(&mut lines().0)).to_string());
        }
        if told.of("output").is_some() {
            return Some(json!(lines().1).to_string());
        }
        if let Some(line) = told.of("say") {
            self.outside.log(json!({ "console": [line] }).to_string());
            return Some(String::new());
        }
        if told.of("instance").is_some() {
            return Some("1".into());
        }
        if let Some(labels) = told.of("metadata") {
            self.metadata.set(labels);
            return Some(String::new());
        }
        if let Some(ahead) = told.of("ahead") {
            self.outside.ahead.store(ahead.parse().unwrap_or(0), Ordering::SeqCst);
            return Some(String::new());
        }
        let words = told.of("object")?;
        self.outside.now.store(told.number("now"), Ordering::SeqCst);
        let words: Vec<Value> = serde_json::from_str(words).expect("words");
        let now = UnixTime::from_secs(self.outside.now() / 1000);
        Some(self.state.control(&words, told.of("record"), now).await.to_string())
    }

    /// The gate with these variables besides those of the test.
    fn gate(&self, text: &str) -> Arc<Gate<Media>> {
        let mut gates = self.gates.lock().expect("gates");
        if let Some(gate) = gates.get(text) {
            return Arc::clone(gate);
        }
        let mut variables = self.variables.clone();
        let own: Map<String, Value> = serde_json::from_str(text).expect("variables");
        variables.extend(own);
        let gate = Arc::new(self.open(&variables));
        gates.insert(text.into(), Arc::clone(&gate));
        gate
    }

    fn open(&self, variables: &Map<String, Value>) -> Gate<Media> {
        let of = |name: &str| variables.get(name).filter(|value| !value.is_null());
        let stand_in = |name: &str| of(name).and_then(Value::as_str);
        // Unless the test takes it away, there is a bucket, and there is state.
        let binding = |name: &str| match variables.get(name) {
            None => Binding::Right,
            Some(Value::Null) => Binding::Absent,
            Some(Value::String(text)) if state::is_known(text) => Binding::Right,
            Some(_) => Binding::Other,
        };
        let read =
            Variables::read(binding("MEDIA"), binding("DENYLIST"), binding("RECORDS"), |name| {
                match of(name) {
                    None => Setting::Unset,
                    Some(Value::String(text)) => Setting::Text(text.clone()),
                    Some(Value::Number(number)) if number.is_u64() => {
                        Setting::Text(number.to_string())
                    }
                    Some(_) => Setting::Unreadable,
                }
            });
        let config = Config::read(&read);
        if let Err(broken) = &config {
            self.outside.log(playgate_edge::faults(&broken.errors));
        }
        let media = Media::new(&self.root, self.metadata.clone(), stand_in("MEDIA"));
        let leader = stand_in("DENYLIST").filter(|text| text.starts_with("http"));
        let state: Arc<dyn State> = match leader.zip(stand_in("ADMIN_SECRET")) {
            Some((gate, secret)) => Arc::new(Leader::new(gate, secret).expect("a secret")),
            None => Arc::new(self.state.with(stand_in("DENYLIST"), stand_in("RECORDS"))),
        };
        let outside: Arc<dyn Surroundings> = Arc::clone(&self.outside) as _;
        Gate::new(config, media, Some(state), outside)
    }
}
