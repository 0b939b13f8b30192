//! The state of a test: a SQLite file, what befalls it, and states that fail.

use std::collections::HashMap;
use std::future::pending;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use playgate::UnixTime;
use playgate_server::{State, StateFailure, StateThread, Waiting};
use playgate_state::{
    DenylistCommand, DenylistReply, Outcome, OverLimit, Play, RecordCommand, Update,
};
use rusqlite::Connection;
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

/// The state, and how often it was asked.
#[derive(Clone)]
pub(crate) struct Counted {
    thread: StateThread,
    file: PathBuf,
    asked: Arc<Mutex<HashMap<String, u64>>>,
}

impl Counted {
    pub(crate) fn new(thread: StateThread, file: PathBuf) -> Self {
        Self { thread, file, asked: Arc::default() }
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
        let verb = words.first().and_then(Value::as_str).unwrap_or_default();
        let counted =
            |what: &str| self.asked.lock().expect("counts").get(what).copied().unwrap_or(0);
        let database = Connection::open(&self.file).expect("the file");
        match (record, verb) {
            (None, "counted") => json!(counted("denylist")),
            (None, "lose") => {
                let lost = words.get(1).and_then(Value::as_u64);
                let query = "DELETE FROM log WHERE seq >= (SELECT max(seq) + 1 FROM log) - ?";
                database.execute(query, [lost]).expect("a log");
                Value::Null
            }
            (None, "ring") => {
                database.execute("UPDATE identity SET compact_at = 1", []).expect("an identity");
                self.thread.ask(move |store| store.sweep(now)).await.expect("a sweep");
                Value::Null
            }
            // Two playbacks of a viewer who may have one: the first is displaced.
            (None, "adds") => {
                let lines = words.get(1).and_then(Value::as_str).unwrap_or_default();
                let mut lines = lines.split('\n');
                let (sid, until) =
                    (lines.nth(1).unwrap_or_default(), lines.nth(1).unwrap_or_default());
                let until = until.parse().expect("a time");
                let name = format!("viewer/of-{sid}");
                let mut added = Ok(());
                for sid in [sid, "another"] {
                    let over = OverLimit::Displace;
                    let play = Play { sid: sid.into(), start: None, max: 1, over, until };
                    let name = name.clone();
                    let work = move |store: &mut playgate_server::SqliteStore| {
                        store.record(&name, RecordCommand::Play(play), now).map(drop)
                    };
                    added = added.and(self.thread.ask(work).await);
                }
                match added {
                    Err(StateFailure::Full) => json!("the denylist is full"),
                    other => {
                        other.map_or_else(|error| json!(format!("{error:?}")), |()| Value::Null)
                    }
                }
            }
            (None, "sweep") => {
                self.thread.ask(move |store| store.sweep(now)).await.expect("a sweep");
                Value::Null
            }
            (None, "stored") => {
                let mut query = database
                    .prepare("SELECT seq, kind, value, current FROM log ORDER BY seq")
                    .expect("a log");
                let rows = query.query_map([], |row| {
                    Ok(json!({
                        "seq": row.get::<_, u64>(0)?, "kind": row.get::<_, String>(1)?,
                        "value": row.get::<_, String>(2)?, "current": row.get::<_, u64>(3)?,
                    }))
                });
                rows.expect("rows").collect::<Result<Value, _>>().expect("a row")
            }
            (None, "identity") => {
                let query = "SELECT epoch, compact_at FROM identity";
                let (epoch, at): (Vec<u8>, u64) = database
                    .query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))
                    .expect("an identity");
                json!({ "epoch": format!("{epoch:?}"), "compact_at": at * 1000 })
            }
            (None, "comesFromTheFuture") => {
                database
                    .execute("UPDATE identity SET compact_at = 1000000000000", [])
                    .expect("an identity");
                Value::Null
            }
            (None, "fillUp") => {
                let values = [words.get(1), words.get(2)].map(|word| word.and_then(Value::as_u64));
                database
                    .execute(
                        "WITH RECURSIVE n (i) AS (SELECT coalesce(max(seq) + 1, 0) FROM log UNION ALL
                         SELECT i + 1 FROM n WHERE i + 1 < ?)
                         INSERT INTO log SELECT i, 'jti', 'x' || i, NULL, ?, 'revoked', 0, 1 FROM n",
                        values,
                    )
                    .expect("a log");
                Value::Null
            }
            (None, "fill") => {
                let entries = words.get(1).and_then(Value::as_u64);
                database
                    .execute(
                        "WITH RECURSIVE n (i, left) AS (SELECT coalesce(max(seq) + 1, 0), ? FROM log
                         UNION ALL SELECT i + 1, left - 1 FROM n WHERE left > 1)
                         INSERT INTO log SELECT i, 'jti', 'ended-' || i, NULL, 1, 'revoked', 0, 1 FROM n",
                        [entries],
                    )
                    .expect("a log");
                Value::Null
            }
            (Some(name), "counted") => json!(counted(name)),
            (Some(name), "stored") => {
                let query = "SELECT record FROM records WHERE name = ?";
                database
                    .query_row(query, [name], |row| row.get::<_, Vec<u8>>(0))
                    .map_or(Value::Null, |record| json!(record))
            }
            (Some(name), "swap") => {
                let text = |n: usize| words.get(n).and_then(Value::as_str).unwrap_or_default();
                let query = "SELECT record FROM records WHERE name = ?";
                let record: Vec<u8> =
                    database.query_row(query, [name], |row| row.get(0)).expect("a record");
                let (old, new) = (text(1).as_bytes(), text(2).as_bytes());
                let at = record.windows(old.len()).position(|window| window == old);
                if let Some(at) = at {
                    let swapped = [&record[..at], new, &record[at + old.len()..]].concat();
                    let query = "UPDATE records SET record = ? WHERE name = ?";
                    database.execute(query, (swapped, name)).expect("a record");
                }
                json!(at.is_some())
            }
            (Some(name), "spoil") => {
                let query = "UPDATE records SET record = CAST(x'63' || substr(record, 2) AS BLOB) WHERE name = ?";
                database.execute(query, [name]).expect("a record");
                Value::Null
            }
            (Some(name), "ring") => {
                let name = name.to_string();
                let work = move |store: &mut playgate_server::SqliteStore| {
                    store.record(&name, RecordCommand::Sweep, now)
                };
                self.thread.ask(work).await.expect("a sweep");
                Value::Null
            }
            _ => panic!("no such method: {verb}"),
        }
    }
}

impl State for Counted {
    fn denylist(&self, command: DenylistCommand, now: UnixTime) -> Waiting<DenylistReply> {
        if matches!(command, DenylistCommand::Since { .. }) {
            self.count("denylist");
        }
        self.thread.denylist(command, now)
    }

    fn record(&self, name: String, command: RecordCommand, now: UnixTime) -> Waiting<Outcome> {
        self.count(&name);
        self.thread.record(name, command, now)
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
