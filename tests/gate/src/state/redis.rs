//! A Redis. Its keys and their forms are written here once more, so that no change of them goes unnoticed.

use playgate::UnixTime;
use playgate_server::{RedisStore, StateFailure, Waiting};
use playgate_state::{Reason, decode, encode};
use redis::{Client, Commands as _, Connection, pipe};
use serde_json::{Value, json};

use super::Storage;

const LOG: &str = "{playgate}/log";
const CURRENT: &str = "{playgate}/current";
const IDENTITY: &str = "{playgate}/identity";
const COMPACTED: &str = "{playgate}/compacted";

/// A row of the log: kind, value, issued before, until, reason, removed.
type Row = (String, String, Option<u64>, u64, Reason, bool);

pub(crate) struct Redis {
    pub(crate) store: RedisStore,
    pub(crate) client: Client,
}

impl Redis {
    fn connect(&self) -> Connection {
        self.client.get_connection().expect("a connection")
    }

    fn len(&self) -> u64 {
        self.connect().llen(LOG).expect("a log")
    }

    /// Adds rows of tokens with these ids.
    fn add(&self, ids: impl Iterator<Item = String>, until: u64) {
        let mut connection = self.connect();
        let (mut rows, mut current) = (Vec::new(), Vec::new());
        for (seq, id) in (self.len()..).zip(ids) {
            current.push((["jti/", &id].concat(), seq));
            let row: Row = ("jti".into(), id, None, until, Reason::Revoked, false);
            rows.push(encode(&row));
        }
        for (rows, current) in rows.chunks(10_000).zip(current.chunks(10_000)) {
            let mut commands = pipe();
            commands.rpush(LOG, rows).hset_multiple(CURRENT, current);
            commands.exec(&mut connection).expect("a log");
        }
    }
}

impl Storage for Redis {
    fn lose(&self, rows: u64) {
        let (mut connection, kept) = (self.connect(), self.len() - rows);
        let fields: Vec<(String, u64)> = connection.hgetall(CURRENT).expect("fields");
        for (field, _) in fields.iter().filter(|(_, seq)| *seq >= kept) {
            let _: () = connection.hdel(CURRENT, field).expect("a field");
        }
        let last = i64::try_from(rows).expect("few") + 1;
        let _: () = connection.ltrim(LOG, 0, isize::try_from(-last).expect("few")).expect("a log");
    }

    fn make_due(&self) {
        let _: () = self.connect().del(COMPACTED).expect("a mark");
    }

    fn sweep(&self, now: UnixTime) -> Waiting<()> {
        let store = self.store.clone();
        Box::pin(async move { store.sweep(now).await.map_err(|_| StateFailure::Unavailable) })
    }

    fn rows(&self) -> Value {
        let mut connection = self.connect();
        let rows: Vec<Vec<u8>> = connection.lrange(LOG, 0, -1).expect("a log");
        let row = |(seq, bytes): (u64, &Vec<u8>)| {
            let (kind, value, ..): Row = decode(bytes).expect("a row");
            let current: Option<u64> =
                connection.hget(CURRENT, [&*kind, "/", &value].concat()).expect("a field");
            json!({ "seq": seq, "kind": kind, "value": value, "current": u8::from(current == Some(seq)) })
        };
        (0..).zip(&rows).map(row).collect()
    }

    /// Redis counts down until ended rows are looked for.
    fn identity(&self, now: UnixTime) -> Value {
        let mut connection = self.connect();
        let epoch: Vec<u8> = connection.hget(IDENTITY, "epoch").expect("an epoch");
        let left: u64 = connection.pttl(COMPACTED).expect("a mark");
        json!({ "epoch": format!("{epoch:?}"), "compact_at": now.as_secs() * 1000 + left })
    }

    /// Its clock is not asked.
    fn come_from_the_future(&self) {}

    fn fill_up(&self, len: u64, until: u64) {
        self.add((self.len()..len).map(|n| format!("x{n}")), until);
    }

    fn fill(&self, rows: u64) {
        let len = self.len();
        self.add((len..len + rows).map(|n| format!("ended-{n}")), 1);
    }

    fn record(&self, name: &str) -> Option<Vec<u8>> {
        self.connect().get(key(name)).expect("a record")
    }

    fn set_record(&self, name: &str, record: &[u8]) {
        let _: () = self.connect().set(key(name), record).expect("a record");
    }
}

fn key(name: &str) -> String {
    ["{playgate}/record/", name].concat()
}
