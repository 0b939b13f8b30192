//! The state of a test, what befalls it, and states that fail.

mod file;
mod redis;

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex};

use playgate::UnixTime;
use playgate_server::{State, StateFailure, Told, Waiting};
use playgate_state::{
    DenylistCommand, DenylistReply, Outcome, OverLimit, Play, RecordCommand, Update,
};
use serde_json::{Value, json};

/// What a test may put in the place of the state.
const STAND_INS: [&str; 9] = [
    "a bucket that exhausts memory",
    "a bucket that fails",
    "a denylist that fails",
    "a denylist that fails later",
    "a denylist that never answers",
    "a denylist that talks rubbish",
    "records that fail",
    "records that never answer",
    "records that talk rubbish",
];

/// Whether a text is a stand-in, or the address of another gate.
pub(crate) fn is_known(text: &str) -> bool {
    STAND_INS.contains(&text) || text.starts_with("http")
}

pub(crate) use self::file::File;
pub(crate) use self::redis::Redis;

/// What is stored, as others than a gate could change it.
pub(crate) trait Storage: Send + Sync {
    /// Restores an older state: the last rows are lost.
    fn lose(&self, rows: u64);
    /// It is time to look for ended rows.
    fn make_due(&self);
    fn sweep(&self, now: UnixTime) -> Waiting<()>;
    /// The log.
    fn rows(&self) -> Value;
    /// Epoch, and when ended rows are looked for.
    fn identity(&self, now: UnixTime) -> Value;
    /// The clock was ahead when they were last looked for.
    fn come_from_the_future(&self);
    /// Adds rows up to this length that hold until then.
    fn fill_up(&self, len: u64, until: u64);
    /// Adds rows that ended long ago.
    fn fill(&self, rows: u64);
    fn record(&self, name: &str) -> Option<Vec<u8>>;
    fn set_record(&self, name: &str, record: &[u8]);
}

/// The state, and how often it was asked.
#[derive(Clone)]
pub(crate) struct Counted {
    state: Arc<dyn State>,
    storage: Arc<dyn Storage>,
    asked: Arc<Mutex<HashMap<String, u64>>>,
}

impl Counted {
    pub(crate) fn new(state: Arc<dyn State>, storage: Arc<dyn Storage>) -> Self {
        Self { state, storage, asked: Arc::default() }
    }

    /// The state with a denylist and records that may be stand-ins.
    pub(crate) fn with(&self, denylist: Option<&str>, records: Option<&str>) -> WithStandIns {
        WithStandIns {
            real: self.clone(),
            denylist: denylist.map(String::from),
            records: records.map(String::from),
            answers: Mutex::new(1),
        }
    }

    fn count(&self, what: &str) {
        *self.asked.lock().expect("counts").entry(what.into()).or_default() += 1;
    }

    /// Does what a test asks for: the methods of the classes in tests/edge/around.mjs.
    pub(crate) async fn control(
        &self,
        words: &[Value],
        record: Option<&str>,
        now: UnixTime,
    ) -> Value {
        let text = |n: usize| words.get(n).and_then(Value::as_str).unwrap_or_default();
        let number = |n: usize| words.get(n).and_then(Value::as_u64).unwrap_or_default();
        let (store, verb) = (&self.storage, text(0));
        match (record, verb) {
            (_, "counted") => {
                let asked = self.asked.lock().expect("counts");
                return json!(asked.get(record.unwrap_or("denylist")).copied().unwrap_or(0));
            }
            (None, "adds") => return self.adds(text(1), now).await,
            (None, "stored") => return store.rows(),
            (None, "identity") => return store.identity(now),
            (Some(name), "stored") => return json!(store.record(name)),
            (Some(name), "swap") => {
                let record = store.record(name).expect("a record");
                let (old, new) = (text(1).as_bytes(), text(2).as_bytes());
                let at = record.windows(old.len()).position(|window| window == old);
                if let Some(at) = at {
                    let swapped = [&record[..at], new, &record[at + old.len()..]].concat();
                    store.set_record(name, &swapped);
                }
                return json!(at.is_some());
            }
            (None, "lose") => store.lose(number(1)),
            (None, "ring") => {
                store.make_due();
                store.sweep(now).await.expect("a sweep");
            }
            (None, "sweep") => store.sweep(now).await.expect("a sweep"),
            (None, "comesFromTheFuture") => store.come_from_the_future(),
            (None, "fillUp") => store.fill_up(number(1), number(2)),
            (None, "fill") => store.fill(number(1)),
            (Some(name), "spoil") => {
                let mut record = store.record(name).expect("a record");
                record[0] = 99;
                store.set_record(name, &record);
            }
            (Some(name), "ring") => {
                let swept = self.state.record(name.into(), RecordCommand::Sweep, now).await;
                drop(swept.expect("a sweep"));
            }
            _ => panic!("no such method: {verb}"),
        }
        Value::Null
    }

    /// Two playbacks of a viewer who may have one: the first is displaced. Returns what went wrong.
    async fn adds(&self, lines: &str, now: UnixTime) -> Value {
        let lines: Vec<&str> = lines.split('\n').collect();
        let (first, until) = (lines[1], lines[3].parse().expect("a time"));
        for sid in [first, "another"] {
            let sid = sid.into();
            let play = Play { sid, start: None, max: 1, over: OverLimit::Displace, until };
            let name = format!("viewer/of-{first}");
            match self.state.record(name, RecordCommand::Play(play), now).await {
                Ok(_) => {}
                Err(StateFailure::Full) => return json!("the denylist is full"),
                Err(failure) => return json!(format!("{failure:?}")),
            }
        }
        Value::Null
    }
}

impl State for Counted {
    fn denylist(&self, command: DenylistCommand, now: UnixTime) -> Waiting<DenylistReply> {
        if matches!(command, DenylistCommand::Since { .. }) {
            self.count("denylist");
        }
        self.state.denylist(command, now)
    }

    fn record(&self, name: String, command: RecordCommand, now: UnixTime) -> Waiting<Outcome> {
        self.count(&name);
        self.state.record(name, command, now)
    }

    fn news(&self) -> Option<Told> {
        self.state.news()
    }
}

/// The state, of which parts may be stand-ins.
pub(crate) struct WithStandIns {
    real: Counted,
    denylist: Option<String>,
    records: Option<String>,
    /// How many more answers a denylist gives that fails later.
    answers: Mutex<u32>,
}

impl State for WithStandIns {
    fn denylist(&self, command: DenylistCommand, now: UnixTime) -> Waiting<DenylistReply> {
        match self.denylist.as_deref() {
            None => self.real.denylist(command, now),
            Some("a denylist that never answers") => Box::pin(pending()),
            Some("a denylist that talks rubbish") => {
                // Not the next entries.
                let update = Update::new(1, [0; 16], 7, Vec::new());
                Box::pin(async { Ok(DenylistReply::Update(update)) })
            }
            Some("a denylist that fails later") => {
                let mut answers = self.answers.lock().expect("answers");
                let is_last = *answers == 0;
                *answers = answers.saturating_sub(1);
                Box::pin(async move {
                    if is_last {
                        return Err(StateFailure::Unavailable);
                    }
                    Ok(DenylistReply::Update(Update::new(1, [0; 16], 0, Vec::new())))
                })
            }
            Some(_) => Box::pin(async { Err(StateFailure::Unavailable) }),
        }
    }

    fn record(&self, name: String, command: RecordCommand, now: UnixTime) -> Waiting<Outcome> {
        match self.records.as_deref() {
            None => self.real.record(name, command, now),
            Some("records that never answer") => Box::pin(pending()),
            // What a record of another version would be.
            Some("records that talk rubbish") => Box::pin(async { Err(StateFailure::Unavailable) }),
            Some(_) => Box::pin(async { Err(StateFailure::Unavailable) }),
        }
    }
}
