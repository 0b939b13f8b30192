use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs, thread};

use playgate_state::{
    Client, Kind, MAX_LEN, OverLimit, Play, Put, Reason, RecordReply, Redeem, Revocation,
};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::state::model::{NOW, Tested, any_steps, check, session_link};

fn log(store: &SqliteStore) -> Log<'_> {
    Log { tables: &store.connection, outbox: &store.outbox }
}

fn at(secs: u64) -> UnixTime {
    UnixTime::from_secs(secs)
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("playgate.db")
}

fn open(folder: &TempDir) -> SqliteStore {
    SqliteStore::open(&file(folder)).unwrap()
}

fn sub(value: &str, until: u64) -> Revocation {
    let (issued_before, reason) = (None, Reason::Revoked);
    Revocation { kind: Kind::Sub, value: value.into(), issued_before, until, reason }
}

fn revoke(store: &mut SqliteStore, revocation: Revocation) -> Result<DenylistReply, StoreError> {
    store.denylist(DenylistCommand::Revoke(revocation), at(NOW))
}

fn since(store: &mut SqliteStore, epoch: Option<u64>, from: u64) -> playgate_state::Update {
    match store.denylist(DenylistCommand::Since { epoch, from }, at(NOW)).unwrap() {
        DenylistReply::Update(update) => update,
        reply => panic!("{reply:?}"),
    }
}

/// Fills a part of the log with other revocations.
fn fill(store: &SqliteStore, from: u64, to: u64, until: u64) {
    let query = "WITH RECURSIVE n (i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
        INSERT INTO log SELECT i, 'sid', 'x' || i, NULL, ?, 'displaced', 0, 1 FROM n";
    store.connection.execute(query, [from, to, until]).unwrap();
}

impl Tested for Vec<SqliteStore> {
    fn denylist(&mut self, n: usize, command: DenylistCommand, now: UnixTime) -> DenylistReply {
        self[n].denylist(command, now).unwrap()
    }

    fn record(&mut self, n: usize, name: &str, command: RecordCommand, now: UnixTime) -> Outcome {
        self[n].record(name, command, now).unwrap()
    }

    fn sweep(&mut self, n: usize, now: UnixTime) {
        self[n].sweep(now).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_the_state_says(steps in any_steps()) {
        let folder = TempDir::new().unwrap();
        check(&mut vec![open(&folder), open(&folder)], steps)?;
    }
}

#[test]
fn one_of_many_redeems() {
    let folder = TempDir::new().unwrap();
    // They create the file, too.
    let path = file(&folder);
    let replies = thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|client| {
                let path = &path;
                scope.spawn(move || {
                    let mut store = SqliteStore::open(path).unwrap();
                    let client = client.to_string();
                    let redeem = Redeem { client, uses: 1, until: NOW + 60 };
                    store.record("jti/1", RecordCommand::Redeem(redeem), at(NOW)).unwrap().reply
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect::<Vec<_>>()
    });
    let redeemed = replies.iter().filter(|reply| matches!(reply, RecordReply::Redeemed));
    assert_eq!(redeemed.count(), 1);
    let used = replies.iter().filter(|reply| matches!(reply, RecordReply::AlreadyUsed));
    assert_eq!(used.count(), 7);
}

#[test]
fn a_displaced_playback_is_on_the_denylist() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder);
    for sid in ["one", "two"] {
        let (sid, start, max, over) = (sid.into(), None, 1, OverLimit::Displace);
        let play = Play { sid, start, max, over, until: NOW + 600 };
        store.record("viewer/1", RecordCommand::Play(play), at(NOW)).unwrap();
    }
    let command = DenylistCommand::List { after: None, limit: 9 };
    let DenylistReply::Listed { rows, next } = store.denylist(command, at(NOW)).unwrap() else {
        panic!()
    };
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((row.revocation.kind, &*row.revocation.value), (Kind::Sid, "one"));
    assert_eq!((row.revocation.reason, next), (Reason::Displaced, None));
}

#[test]
fn what_is_no_longer_needed_is_forgotten() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder);
    let put = Put { token: "t".into(), jti: "j".into(), until: NOW + 60 };
    store.record("ref/1", RecordCommand::Put(put), at(NOW)).unwrap();
    store.sweep(at(NOW + 59)).unwrap();
    let count = |store: &SqliteStore| -> u64 {
        store.connection.query_row("SELECT count(*) FROM records", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count(&store), 1);
    store.sweep(at(NOW + 60)).unwrap();
    assert_eq!(count(&store), 0);
}

#[test]
fn a_long_log_starts_anew() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder);
    let epoch = since(&mut store, None, 0).epoch();
    fill(&store, 0, 5_000, NOW + 60);
    for value in ["a", "b", "a"] {
        revoke(&mut store, sub(value, NOW + 900_000)).unwrap();
    }
    revoke(&mut store, sub("a", NOW + 900_001)).unwrap();
    store.sweep(at(NOW)).unwrap();
    assert_eq!(since(&mut store, Some(epoch), 5_003).from(), 5_003, "all is still needed");
    store.sweep(at(NOW + 86_399)).unwrap();
    assert_eq!(since(&mut store, None, 0).epoch(), epoch, "once a day");
    store.sweep(at(NOW + 86_400)).unwrap();
    let update = since(&mut store, Some(epoch), 5_003);
    assert_ne!(update.epoch(), epoch);
    assert_eq!((update.from(), update.end()), (0, 2));
    let command = DenylistCommand::List { after: None, limit: 9 };
    let DenylistReply::Listed { rows, .. } = store.denylist(command, at(NOW)).unwrap() else {
        panic!()
    };
    let rows: Vec<_> = rows.iter().map(|row| (row.seq, &*row.revocation.value)).collect();
    assert_eq!(rows, [(0, "b"), (1, "a")]);
}

#[test]
fn a_restored_backup_starts_a_new_epoch() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder);
    revoke(&mut store, sub("a", NOW + 60)).unwrap();
    let epoch = since(&mut store, None, 0).epoch();
    let same = since(&mut store, Some(epoch), 1);
    assert_eq!((same.epoch(), same.from(), same.end()), (epoch, 1, 1));
    let renewed = since(&mut store, Some(epoch), 2);
    assert_ne!(renewed.epoch(), epoch);
    assert_eq!((renewed.from(), renewed.end()), (0, 1));
}

#[test]
fn a_full_denylist_keeps_room_for_operators() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder);
    fill(&store, 0, MAX_LEN / 10 * 9, NOW + 600);
    let mut play = |sid: &str| {
        let (sid, over) = (sid.into(), OverLimit::Displace);
        let play = Play { sid, start: None, max: 1, over, until: NOW + 60 };
        store.record("viewer/v", RecordCommand::Play(play), at(NOW)).map(drop)
    };
    play("first").unwrap();
    assert!(matches!(play("second"), Err(StoreError::Full)));
    // Whatever reason they give.
    let reason = Reason::Displaced;
    revoke(&mut store, Revocation { reason, ..sub("operator", NOW + 60) }).unwrap();
    fill(&store, MAX_LEN / 10 * 9 + 1, MAX_LEN, NOW + 600);
    assert!(matches!(revoke(&mut store, sub("another", NOW + 60)), Err(StoreError::Full)));
    // What has ended makes room.
    let later = at(NOW + 600 + playgate_state::CLOCK_SLACK);
    let command = DenylistCommand::Revoke(sub("another", NOW + 900_000));
    let reply = store.denylist(command, later).unwrap();
    assert!(matches!(reply, DenylistReply::Appended(row) if row.seq == 0));
}

#[test]
fn a_session_ends_though_the_denylist_is_full() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder);
    fill(&store, 0, MAX_LEN / 10 * 9, NOW + 600);
    let start =
        RecordCommand::StartSession { link: Box::new(session_link()), client: Client::default() };
    store.record("viewer/1", start, at(NOW)).unwrap();
    let (sid, started_before, reason) = (Some("s".into()), None, Reason::SignedOut);
    let end = RecordCommand::EndSessions { sid, started_before, reason };
    let ended = store.record("viewer/1", end, at(NOW)).unwrap();
    assert_eq!((ended.reply, ended.revocations.len()), (RecordReply::Done, 1));
    let list = store.record("viewer/1", RecordCommand::ListSessions, at(NOW)).unwrap().reply;
    assert_eq!(list, RecordReply::Sessions(Vec::new()));
    let is_current = |store: &SqliteStore| log(store).current(Kind::Sid, "s").unwrap().is_some();
    store.sweep(at(NOW)).unwrap();
    assert!(!is_current(&store));
    store.sweep(at(NOW + 90_000)).unwrap();
    assert!(is_current(&store), "now there is room");
    let left: u64 =
        store.connection.query_row("SELECT count(*) FROM pending", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn a_full_log_is_compacted_in_time() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder);
    fill(&store, 0, MAX_LEN / 2, NOW + 60);
    fill(&store, MAX_LEN / 2, MAX_LEN, NOW + 900_000);
    // Minutes if it were quadratic; only one needs room.
    let reply = store.denylist(DenylistCommand::Revoke(sub("a", NOW + 900_000)), at(NOW + 9_000));
    let expected = MAX_LEN / 2;
    assert!(matches!(reply.unwrap(), DenylistReply::Appended(row) if row.seq == expected));
}

#[test]
fn a_clock_that_was_ahead_does_not_stop_sweeping() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder);
    store.sweep(at(NOW + 9_000_000_000)).unwrap();
    revoke(&mut store, sub("a", NOW + 60)).unwrap();
    store.sweep(at(NOW + 90_000)).unwrap();
    assert_eq!(since(&mut store, None, 0).end(), 0);
}

#[test]
fn a_path_is_only_a_path() {
    let folder = TempDir::new().unwrap();
    for name in ["file:x?mode=memory", ":memory:"] {
        let path = folder.path().join(name);
        revoke(&mut SqliteStore::open(&path).unwrap(), sub("a", NOW + 60)).unwrap();
        assert_eq!(since(&mut SqliteStore::open(&path).unwrap(), None, 0).end(), 1, "{name}");
    }
}

#[test]
fn another_programs_log_is_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    let other = Connection::open(&path).unwrap();
    other.pragma_update(None, "journal_mode", "wal").unwrap();
    other.execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)").unwrap();
    // As if it had been killed: its files are there, and nobody has them open.
    let copies = TempDir::new().unwrap();
    for ending in ["", "-wal"] {
        let name = format!("playgate.db{ending}");
        fs::copy(folder.path().join(&name), copies.path().join(&name)).unwrap();
    }
    let contents = || {
        ["", "-wal"]
            .map(|ending| fs::read(copies.path().join(format!("playgate.db{ending}"))).unwrap())
    };
    let before = contents();
    assert!(matches!(SqliteStore::open(&file(&copies)), Err(StoreError::Foreign)));
    assert!(contents() == before);
}

#[test]
fn a_foreign_file_is_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    for (what, make) in [
        ("tables", "CREATE TABLE mine (x)"),
        ("another program", "PRAGMA application_id = 7"),
        ("another version", "PRAGMA application_id = 0x50474154; PRAGMA user_version = 2"),
    ] {
        Connection::open(&path).unwrap().execute_batch(make).unwrap();
        let before = fs::read(&path).unwrap();
        assert!(matches!(SqliteStore::open(&path), Err(StoreError::Foreign)), "{what}");
        assert_eq!(fs::read(&path).unwrap(), before, "{what}");
        fs::remove_file(&path).unwrap();
    }
    fs::write(&path, "no database, but a text that is longer than the header of one".repeat(9))
        .unwrap();
    assert!(matches!(SqliteStore::open(&path), Err(StoreError::Database(_))));
    assert!(matches!(SqliteStore::open(folder.path()), Err(StoreError::File(_))));
}

#[test]
fn a_record_of_another_version_is_not_touched() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder);
    let values = params!["jti/1", [1_u8, 2, 3], NOW];
    store.connection.execute("INSERT INTO records VALUES (?, ?, ?)", values).unwrap();
    let redeem = Redeem { client: "c".into(), uses: 1, until: NOW + 60 };
    let reply = store.record("jti/1", RecordCommand::Redeem(redeem), at(NOW));
    assert!(matches!(reply, Err(StoreError::Version)), "{reply:?}");
    assert!(matches!(store.sweep(at(NOW)), Err(StoreError::Version)));
    let put = Put { token: "t".into(), jti: "j".into(), until: NOW + 60 };
    store.record("ref/1", RecordCommand::Put(put), at(NOW)).unwrap();
    assert!(store.sweep(at(NOW + 60)).is_err());
    let names = store.due(at(NOW + 99)).unwrap();
    assert_eq!(names, ["jti/1"], "the others are swept all the same");
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder);
    revoke(&mut store, sub("a", NOW + 60)).unwrap();
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap()).collect();
    assert_eq!(files.len(), 3, "with -wal and -shm");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
    assert_eq!(format!("{store:?}"), "SqliteStore { .. }");
    drop(store);
    // A backup that was copied.
    fs::set_permissions(file(&folder), fs::Permissions::from_mode(0o644)).unwrap();
    let _store = open(&folder);
    assert_eq!(fs::metadata(file(&folder)).unwrap().permissions().mode() & 0o777, 0o600);
}

/// Kills a process in the middle of its writes, again and again.
fn killed(times: u32) {
    let folder = TempDir::new().unwrap();
    let mut last = 0;
    for round in 0..times {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "sqlite::tests::writer", "--ignored", "--nocapture"])
            .env("PLAYGATE_TEST_STATE", file(&folder))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // It works, and then for some milliseconds more.
        let mut told = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while line.trim_end().parse::<u64>().is_err() {
            line.clear();
            assert!(told.read_line(&mut line).unwrap() > 0, "it has ended");
        }
        thread::sleep(Duration::from_millis(u64::from(round * 7 % 50)));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut rest = Vec::new();
        told.read_to_end(&mut rest).unwrap();
        line.push_str(&String::from_utf8_lossy(&rest));
        let whole = line.rsplit_once('\n').map_or("", |(whole, _)| whole);
        last = whole.lines().filter_map(|line| line.parse().ok()).next_back().unwrap_or(last);
        let mut store = open(&folder);
        let check: String =
            store.connection.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
        let revoked = log(&store).len().unwrap();
        assert!((last..=last + 1).contains(&revoked), "{revoked} stored, {last} told");
        // A reference is deleted together with its revocation. The last ones will do.
        for deleted in revoked.saturating_sub(5)..revoked {
            let reply =
                store.record(&deleted.to_string(), RecordCommand::Get, at(NOW)).unwrap().reply;
            assert!(matches!(reply, RecordReply::Unknown), "{deleted}");
        }
        last = revoked;
    }
    assert!(last > 0);
    println!("{times} times killed, {last} commands told and kept");
}

#[test]
fn a_kill_loses_nothing() {
    killed(10);
}

#[test]
#[ignore = "takes minutes; run by hand"]
fn a_thousand_kills_lose_nothing() {
    killed(1_000);
}

/// The process that is killed.
#[test]
#[ignore = "is started by others"]
fn writer() {
    let Some(path) = env::var_os("PLAYGATE_TEST_STATE") else { return };
    let mut store = SqliteStore::open(path.as_ref()).unwrap();
    let first = log(&store).len().unwrap();
    for n in first.. {
        let (name, until) = (n.to_string(), NOW + 600);
        let put = Put { token: "t".into(), jti: name.clone(), until };
        store.record(&name, RecordCommand::Put(put), at(NOW)).unwrap();
        store.record(&name, RecordCommand::Delete, at(NOW)).unwrap();
        // What follows is one more than the last entry of the log.
        println!("{}", n + 1);
    }
}
