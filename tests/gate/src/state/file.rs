//! A SQLite file.

use std::path::PathBuf;

use playgate::UnixTime;
use playgate_server::{StateThread, Waiting};
use rusqlite::{Connection, OptionalExtension as _};
use serde_json::{Value, json};

use super::Storage;

pub(crate) struct File {
    pub(crate) thread: StateThread,
    pub(crate) path: PathBuf,
}

impl File {
    fn open(&self) -> Connection {
        Connection::open(&self.path).expect("the file")
    }

    fn execute(&self, query: &str, values: impl rusqlite::Params) {
        self.open().execute(query, values).expect("the tables");
    }
}

impl Storage for File {
    fn lose(&self, rows: u64) {
        self.execute("DELETE FROM log WHERE seq >= (SELECT max(seq) + 1 FROM log) - ?", [rows]);
    }

    fn make_due(&self) {
        self.execute("UPDATE identity SET compact_at = 1", []);
    }

    fn sweep(&self, now: UnixTime) -> Waiting<()> {
        self.thread.ask(move |store| store.sweep(now))
    }

    fn rows(&self) -> Value {
        let database = self.open();
        let query = "SELECT seq, kind, value, current FROM log ORDER BY seq";
        let mut query = database.prepare(query).expect("a log");
        let rows = query.query_map([], |row| {
            Ok(json!({
                "seq": row.get::<_, u64>(0)?, "kind": row.get::<_, String>(1)?,
                "value": row.get::<_, String>(2)?, "current": row.get::<_, u64>(3)?,
            }))
        });
        rows.expect("rows").collect::<Result<Value, _>>().expect("a row")
    }

    fn identity(&self, _: UnixTime) -> Value {
        let query = "SELECT epoch, compact_at FROM identity";
        let database = self.open();
        let identity = database.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)));
        let (epoch, at): (Vec<u8>, u64) = identity.expect("an identity");
        json!({ "epoch": format!("{epoch:?}"), "compact_at": at * 1000 })
    }

    fn come_from_the_future(&self) {
        self.execute("UPDATE identity SET compact_at = 1000000000000", []);
    }

    fn fill_up(&self, len: u64, until: u64) {
        self.execute(
            "WITH RECURSIVE n (i) AS (SELECT coalesce(max(seq) + 1, 0) FROM log UNION ALL
             SELECT i + 1 FROM n WHERE i + 1 < ?)
             INSERT INTO log SELECT i, 'jti', 'x' || i, NULL, ?, 'revoked', 0, 1 FROM n",
            [len, until],
        );
    }

    fn fill(&self, rows: u64) {
        self.execute(
            "WITH RECURSIVE n (i, left) AS (SELECT coalesce(max(seq) + 1, 0), ? FROM log
             UNION ALL SELECT i + 1, left - 1 FROM n WHERE left > 1)
             INSERT INTO log SELECT i, 'jti', 'ended-' || i, NULL, 1, 'revoked', 0, 1 FROM n",
            [rows],
        );
    }

    fn record(&self, name: &str) -> Option<Vec<u8>> {
        let query = "SELECT record FROM records WHERE name = ?";
        self.open().query_row(query, [name], |row| row.get(0)).optional().expect("records")
    }

    fn set_record(&self, name: &str, record: &[u8]) {
        self.execute("UPDATE records SET record = ? WHERE name = ?", (record, name));
    }
}
