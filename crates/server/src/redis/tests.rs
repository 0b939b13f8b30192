//! Against Redis itself: `npm test -- redis`.

use std::collections::HashSet;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use playgate_edge::About;
use playgate_state::{
    Client, Kind, MAX_LEN, OverLimit, Play, Progress, Put, Reason, RecordReply, Redeem, Replica,
    Revocation, TokenFacts, Update,
};
use proptest::test_runner::{Config, TestRunner};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::events::EventQueue as _;
use crate::state::model::{NOW, Tested, any_steps, check, session_link};

const NEEDS: &str = "install redis-server (Debian: apt-get install redis-server)";

/// A server of its own.
struct Server {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Server {
    fn start(options: &[&str]) -> Self {
        let port = free_port();
        let folder = TempDir::new().unwrap();
        let server = Self { process: spawn(port, folder.path(), options), port, folder };
        server.wait();
        server
    }

    /// The same again, after a kill.
    fn restart(&mut self, options: &[&str]) {
        self.signal(Signal::KILL);
        self.process.wait().unwrap();
        self.process = spawn(self.port, self.folder.path(), options);
        self.wait();
    }

    fn wait(&self) {
        let url = format!("redis://127.0.0.1:{}", self.port);
        let client = ::redis::Client::open(url).unwrap();
        let answers = || ::redis::cmd("PING").exec(&mut client.get_connection()?);
        let start = Instant::now();
        // A server with a password is there, too.
        while answers().is_err_and(|error| error.code() != Some("NOAUTH")) {
            assert!(start.elapsed() < Duration::from_secs(10), "redis-server did not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.process);
        kill_process(pid, signal).unwrap();
    }

    /// Commands as an operator would give them.
    fn tell<T: ::redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let client = ::redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
        let mut command = ::redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut client.get_connection().unwrap()).unwrap()
    }

    fn store(&self) -> (RedisStore, Arc<Lines>) {
        self.store_with(0)
    }

    fn store_with(&self, replicas: u32) -> (RedisStore, Arc<Lines>) {
        store(&format!("redis://127.0.0.1:{}", self.port), replicas)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn spawn(port: u16, folder: &Path, options: &[&str]) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]);
    command.arg(folder).args(options).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|_| panic!("{NEEDS}"))
}

fn store(url: &str, replicas: u32) -> (RedisStore, Arc<Lines>) {
    let lines = Arc::new(Lines::default());
    let address = url.parse().unwrap();
    (RedisStore::new(address, replicas, true, Arc::clone(&lines) as _).unwrap(), lines)
}

/// The log.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl Surroundings for Lines {
    fn now(&self) -> u64 {
        NOW * 1000
    }

    fn decided(&self, _: &playgate_edge::LogEntry, _: Duration) {}

    fn log(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

fn at(secs: u64) -> UnixTime {
    UnixTime::from_secs(secs)
}

fn sub(value: &str) -> Revocation {
    let (issued_before, reason) = (None, Reason::Revoked);
    Revocation { kind: Kind::Sub, value: value.into(), issued_before, until: NOW + 900, reason }
}

async fn revoke(store: &RedisStore, value: &str) -> Result<DenylistReply, StateFailure> {
    store.denylist(DenylistCommand::Revoke(sub(value)), at(NOW)).await
}

async fn since(store: &RedisStore, epoch: Option<u64>, from: u64) -> Result<Update, StateFailure> {
    match store.denylist(DenylistCommand::Since { epoch, from }, at(NOW)).await? {
        DenylistReply::Update(update) => Ok(update),
        reply => panic!("{reply:?}"),
    }
}

async fn redeem(store: &RedisStore, name: &str, client: &str) -> Result<RecordReply, StateFailure> {
    let redeem = Redeem { client: client.into(), uses: 1, until: NOW + 60 };
    let command = RecordCommand::Redeem(redeem);
    store.record(name.into(), command, at(NOW)).await.map(|outcome| outcome.reply)
}

struct Pair<'a> {
    server: &'a Server,
    runtime: &'a Runtime,
    stores: [RedisStore; 2],
}

impl Tested for Pair<'_> {
    fn denylist(&mut self, n: usize, command: DenylistCommand, now: UnixTime) -> DenylistReply {
        self.runtime.block_on(self.stores[n].denylist(command, now)).unwrap()
    }

    fn record(&mut self, n: usize, name: &str, command: RecordCommand, now: UnixTime) -> Outcome {
        self.runtime.block_on(self.stores[n].record(name.into(), command, now)).unwrap()
    }

    fn sweep(&mut self, n: usize, now: UnixTime) {
        // Every day.
        let () = self.server.tell(&["DEL", "{playgate}/compacted"]);
        self.runtime.block_on(self.stores[n].sweep(now)).unwrap();
    }
}

#[test]
#[ignore = "needs redis-server: npm test -- redis"]
fn it_does_what_the_state_says() {
    let (server, runtime) = (Server::start(&[]), Runtime::new().unwrap());
    let mut runner = TestRunner::new(Config { cases: 64, ..Config::default() });
    let done = runner.run(&any_steps(), |steps| {
        let () = server.tell(&["FLUSHALL"]);
        let stores = [server.store().0, server.store().0];
        let mut pair = Pair { server: &server, runtime: &runtime, stores };
        check(&mut pair, steps)
    });
    done.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: npm test -- redis"]
async fn many_at_once_are_counted() {
    let server = Server::start(&[]);
    let gates: Vec<RedisStore> = (0..3).map(|_| server.store().0).collect();
    let mut tasks = JoinSet::new();
    for n in 0..300 {
        let gate = gates[n % 3].clone();
        // Ten links, each for one of thirty clients.
        let name = format!("redemption/{}", n % 10);
        tasks.spawn(async move { (n % 10, redeem(&gate, &name, &n.to_string()).await) });
    }
    let mut winners = [0; 10];
    for (link, reply) in tasks.join_all().await {
        match reply.unwrap() {
            RecordReply::Redeemed => winners[link] += 1,
            reply => assert_eq!(reply, RecordReply::AlreadyUsed),
        }
    }
    assert_eq!(winners, [1; 10]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: npm test -- redis"]
async fn many_revoke_at_once_and_nothing_is_lost() {
    let server = Server::start(&[]);
    let gates: Vec<RedisStore> = (0..3).map(|_| server.store().0).collect();
    let mut tasks = JoinSet::new();
    for n in 0..300 {
        let gate = gates[n % 3].clone();
        // Three gates revoke the same at the same time.
        tasks.spawn(async move { revoke(&gate, &format!("viewer-{}", n / 3)).await.unwrap() });
    }
    let new = tasks.join_all().await;
    let new = new.iter().filter(|reply| matches!(reply, DenylistReply::Appended(_))).count();
    assert_eq!(new, 100);
    let update = since(&gates[0], None, 0).await.unwrap();
    let hashes: HashSet<u64> = update.entries().iter().map(|entry| entry.hash).collect();
    assert_eq!((hashes.len(), update.end()), (100, 100));
}

#[tokio::test]
#[ignore = "needs redis-server: npm test -- redis"]
async fn another_gate_hears_of_it_and_of_a_lost_connection() {
    let mut server = Server::start(&["--appendonly", "yes"]);
    let ((one, _), (other, _)) = (server.store(), server.store());
    let news = || timeout(Duration::from_secs(5), other.news().unwrap());
    assert!(news().await.is_ok(), "the connection is new");
    assert!(
        timeout(Duration::from_millis(300), other.news().unwrap()).await.is_err(),
        "there are none"
    );
    revoke(&one, "a").await.unwrap();
    assert!(news().await.is_ok(), "a revocation");
    server.restart(&["--appendonly", "yes"]);
    assert!(news().await.is_ok(), "nobody could have told");
    assert_eq!(since(&other, None, 0).await.unwrap().end(), 1);
}

#[tokio::test]
#[ignore = "needs redis-server: npm test -- redis"]
async fn a_server_that_starts_is_read_from_the_start() {
    let mut server = Server::start(&["--appendonly", "yes"]);
    let (gate, _) = server.store();
    for value in ["a", "b", "c"] {
        revoke(&gate, value).await.unwrap();
    }
    let known = since(&gate, None, 0).await.unwrap();
    let same = since(&gate, Some(known.epoch()), 3).await.unwrap();
    assert_eq!((same.epoch(), same.from(), same.end()), (known.epoch(), 3, 3));
    // It may have lost rows, and got as many others: by their number nobody would notice.
    server.restart(&["--appendonly", "yes"]);
    let () = server.tell(&["LPOP", "{playgate}/log"]);
    let () = server.tell(&["HDEL", "{playgate}/current", "sub/a"]);
    revoke(&gate, "d").await.unwrap();
    let anew = since(&gate, Some(known.epoch()), 3).await.unwrap();
    assert_ne!(anew.epoch(), known.epoch());
    assert_eq!((anew.from(), anew.end()), (0, 3));
}

#[tokio::test]
#[ignore = "needs redis-server: npm test -- redis"]
async fn the_user_of_the_manual_may_do_what_a_gate_does() {
    let server = Server::start(&[]);
    let manual = include_str!("../../../../docs/native-gate.md");
    let line = manual.lines().find(|line| line.starts_with("user gate on ")).unwrap();
    let rule = line.replace("PASSWORD", "hush").replace("user", "ACL SETUSER");
    let () = server.tell(&rule.split(' ').collect::<Vec<_>>());
    let (gate, lines) = store(&format!("redis://gate:hush@127.0.0.1:{}", server.port), 0);
    gate.connect().await.unwrap();
    revoke(&gate, "a").await.unwrap();
    let undo = DenylistCommand::Undo { kind: Kind::Sub, value: "a".into() };
    gate.denylist(undo, at(NOW)).await.unwrap();
    gate.denylist(DenylistCommand::List { after: None, limit: 9 }, at(NOW)).await.unwrap();
    redeem(&gate, "redemption/1", "x").await.unwrap();
    // Ended, and revoked once more: it is worth a new log.
    fill(&server, 6_000, 1);
    revoke(&gate, "b").await.unwrap();
    gate.sweep(at(NOW)).await.unwrap();
    assert_eq!(since(&gate, None, 0).await.unwrap().end(), 1);
    // A revocation that waits for room.
    let (revocation, about) = (sub("c"), About::default());
    let postponed = row::Postponed { revocation, about };
    let client = ::redis::Client::open(format!("redis://127.0.0.1:{}", server.port)).unwrap();
    let mut command = ::redis::cmd("RPUSH");
    command.arg(PENDING).arg(postponed.encode());
    command.exec(&mut client.get_connection().unwrap()).unwrap();
    gate.sweep(at(NOW)).await.unwrap();
    assert_eq!(since(&gate, None, 0).await.unwrap().end(), 2);
    let due = gate.due(NOW * 1000).await.unwrap();
    gate.sent(due.events.into_iter().next().unwrap(), None).await.unwrap();
    let lines = lines.0.lock().unwrap();
    assert!(lines.iter().all(|line| !line.contains("error")), "{lines:?}");
}

#[tokio::test]
#[ignore = "needs redis-server: npm test -- redis"]
async fn what_is_lost_is_not_begun_anew() {
    let server = Server::start(&[]);
    let (gate, lines) = server.store();
    revoke(&gate, "a").await.unwrap();
    since(&gate, None, 0).await.unwrap();
    for others_begin in [false, true] {
        let () = server.tell(&["FLUSHALL"]);
        if others_begin {
            revoke(&server.store().0, "b").await.unwrap();
        }
        assert_eq!(since(&gate, None, 0).await.unwrap_err(), StateFailure::Unavailable);
        assert_eq!(revoke(&gate, "c").await.unwrap_err(), StateFailure::Unavailable);
        assert_eq!(redeem(&gate, "jti/1", "x").await.unwrap_err(), StateFailure::Unavailable);
    }
    assert!(lines.0.lock().unwrap().iter().any(|line| line.contains("has lost the state")));
    // An operator restarts the gate.
    assert_eq!(since(&server.store().0, None, 0).await.unwrap().end(), 1);
}

#[tokio::test]
#[ignore = "needs redis-server: npm test -- redis"]
async fn a_gate_with_a_wrong_clock_forgets_nothing_for_others() {
    let server = Server::start(&[]);
    let (gate, _) = server.store();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let revocation = Revocation { until: now + 600, ..sub("a") };
    gate.denylist(DenylistCommand::Revoke(revocation), at(now)).await.unwrap();
    gate.sweep(at(now + 200_000)).await.unwrap();
    assert_eq!(since(&gate, None, 0).await.unwrap().end(), 1);
}

#[tokio::test]
#[ignore = "needs redis-server: npm test -- redis"]
async fn a_new_log_that_is_not_whole_is_not_used() {
    let server = Server::start(&[]);
    let (gate, _) = server.store();
    revoke(&gate, "a").await.unwrap();
    let client = ::redis::Client::open(format!("redis://127.0.0.1:{}", server.port)).unwrap();
    let mut connection = client.get_connection().unwrap();
    let epoch: Vec<u8> =
        ::redis::cmd("HGET").arg(IDENTITY).arg("epoch").query(&mut connection).unwrap();
    // As after ten minutes in which the gate was stopped: what it wrote has ended.
    let mut command = ::redis::cmd("EVAL");
    command.arg(include_str!("replace.lua")).arg(5).arg(IDENTITY).arg(LOG).arg(CURRENT);
    command.arg("gone/log").arg("gone/current").arg(&epoch).arg(1).arg(b"new").arg(CHANNEL).arg(1);
    assert_eq!(command.query::<i64>(&mut connection).unwrap(), -1);
    assert_eq!(since(&gate, None, 0).await.unwrap().end(), 1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: npm test -- redis"]
async fn many_clients_of_one_link_are_counted() {
    let server = Server::start(&[]);
    let gates: Vec<RedisStore> = (0..3).map(|_| server.store().0).collect();
    let mut tasks = JoinSet::new();
    for n in 0..300 {
        let gate = gates[n % 3].clone();
        let redeem = Redeem { client: n.to_string(), uses: 200, until: NOW + 60 };
        let command = RecordCommand::Redeem(redeem);
        tasks.spawn(async move { gate.record("redemption/1".into(), command, at(NOW)).await });
    }
    let replies = tasks.join_all().await;
    let redeemed =
        replies.iter().filter(|reply| reply.as_ref().unwrap().reply == RecordReply::Redeemed);
    assert_eq!(redeemed.count(), 200);
}

#[tokio::test]
#[ignore = "needs redis-server: npm test -- redis"]
async fn a_replica_is_not_believed() {
    let primary = Server::start(&["--repl-diskless-sync-delay", "0"]);
    let port = primary.port.to_string();
    let replica = Server::start(&["--replicaof", "127.0.0.1", &port]);
    let (gate, _) = primary.store();
    revoke(&gate, "a").await.unwrap();
    let start = Instant::now();
    while replica.tell::<u64>(&["LLEN", "{playgate}/log"]) == 0 {
        assert!(start.elapsed() < Duration::from_secs(10), "the replica does not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (lost, _) = replica.store();
    assert_eq!(since(&lost, None, 0).await.unwrap_err(), StateFailure::Unavailable);
    assert_eq!(revoke(&lost, "b").await.unwrap_err(), StateFailure::Unavailable);
    assert_eq!(redeem(&lost, "jti/1", "x").await.unwrap_err(), StateFailure::Unavailable);
    assert!(matches!(lost.connect().await, Err(RedisFault::Replica)));
    // It becomes one while it is connected.
    let (demoted, _) = replica.store();
    let () = replica.tell(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!(since(&demoted, None, 0).await.unwrap().end(), 1);
    let () = replica.tell(&["REPLICAOF", "127.0.0.1", &port]);
    assert_eq!(since(&demoted, None, 0).await.unwrap_err(), StateFailure::Unavailable);
}

#[tokio::test]
#[ignore = "needs redis-server: npm test -- redis"]
async fn without_its_replicas_a_primary_is_not_believed() {
    let primary = Server::start(&["--repl-diskless-sync-delay", "0"]);
    let port = primary.port.to_string();
    let replica = Server::start(&["--replicaof", "127.0.0.1", &port]);
    let (gate, lines) = primary.store_with(1);
    let start = Instant::now();
    while revoke(&gate, "a").await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(10), "the replica does not come");
    }
    assert_eq!(replica.tell::<u64>(&["LLEN", "{playgate}/log"]), 1, "it was told first");
    replica.signal(Signal::STOP);
    assert_eq!(revoke(&gate, "b").await.unwrap_err(), StateFailure::Unavailable);
    assert_eq!(since(&gate, None, 0).await.unwrap_err(), StateFailure::Unavailable);
    assert_eq!(redeem(&gate, "jti/1", "x").await.unwrap_err(), StateFailure::Unavailable);
    assert!(lines.0.lock().unwrap().iter().any(|line| line.contains("STATE_REPLICAS")));
    replica.signal(Signal::CONT);
    assert_eq!(redeem(&gate, "jti/1", "x").await, Ok(RecordReply::Redeemed));
    assert_eq!(since(&gate, None, 0).await.unwrap().end(), 2);
}

#[tokio::test]
#[ignore = "needs redis-server: npm test -- redis"]
async fn a_server_that_hangs_is_not_waited_for() {
    let server = Server::start(&[]);
    let (gate, _) = server.store();
    revoke(&gate, "a").await.unwrap();
    server.signal(Signal::STOP);
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..40 {
        let gate = gate.clone();
        tasks.spawn(async move { since(&gate, None, 0).await });
    }
    let all = tasks.join_all().await;
    assert!(all.iter().all(|answer| answer == &Err(StateFailure::Unavailable)));
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    server.signal(Signal::CONT);
    assert_eq!(since(&gate, None, 0).await.unwrap().end(), 1);
}

#[tokio::test]
#[ignore = "needs redis-server: npm test -- redis"]
async fn what_is_not_fit_for_state_is_refused() {
    let evicts = Server::start(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    let (gate, _) = evicts.store();
    let fault = gate.connect().await.unwrap_err();
    assert!(!fault.may_pass() && fault.to_string().contains("noeviction"), "{fault}");
    let () = evicts.tell(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    revoke(&gate, "a").await.unwrap();
    assert_eq!(since(&gate, None, 0).await.unwrap().end(), 1);
    let () = evicts.tell(&["CONFIG", "SET", "maxmemory-policy", "volatile-ttl"]);
    assert_eq!(since(&gate, None, 0).await.unwrap_err(), StateFailure::Unavailable);
    let other = Server::start(&["--requirepass", "hush-hush", "--appendonly", "yes"]);
    let fault = other.store().0.connect().await.unwrap_err();
    assert!(!fault.may_pass(), "{fault}");
    let (gate, _) = store(&format!("redis://:wrong-hush@127.0.0.1:{}", other.port), 0);
    let fault = gate.connect().await.unwrap_err();
    assert!(!fault.may_pass() && !fault.to_string().contains("hush"), "{fault}");
    let (gate, _) = store(&format!("redis://:hush-hush@127.0.0.1:{}", other.port), 0);
    assert!(gate.connect().await.unwrap(), "it writes everything down");
    let alone = Server::start(&[]);
    assert!(!alone.store().0.connect().await.unwrap(), "it writes nothing down");
    let () = alone.tell(&["HSET", "{playgate}/identity", "version", "2"]);
    assert!(matches!(alone.store().0.connect().await, Err(RedisFault::Version)));
    let (gate, _) = store(&format!("redis://127.0.0.1:{}", free_port()), 0);
    assert!(gate.connect().await.unwrap_err().may_pass(), "it may come");
}

#[tokio::test]
#[ignore = "needs redis-server: npm test -- redis"]
async fn a_record_ends_in_redis_too() {
    let server = Server::start(&[]);
    let (gate, _) = server.store();
    let put = |until| RecordCommand::Put(Put { token: "t".into(), jti: "j".into(), until });
    gate.record("ref/1".into(), put(NOW + 60), at(NOW)).await.unwrap();
    let left: u64 = server.tell(&["TTL", "{playgate}/record/ref/1"]);
    assert!((3_655..=3_660).contains(&left), "{left}");
    // The longest that there can be.
    gate.record("ref/2".into(), put(u64::MAX), at(NOW)).await.unwrap();
    assert!(server.tell::<u64>(&["TTL", "{playgate}/record/ref/2"]) > 1_000_000_000);
    gate.record("ref/1".into(), RecordCommand::Delete, at(NOW)).await.unwrap();
    assert_eq!(server.tell::<u64>(&["EXISTS", "{playgate}/record/ref/1"]), 0);
}

/// Fills the log with ends of playbacks, as rows of the test of tests/gate.
fn fill(server: &Server, to: u64, until: u64) {
    let client = ::redis::Client::open(format!("redis://127.0.0.1:{}", server.port)).unwrap();
    let mut connection = client.get_connection().unwrap();
    let from: u64 = server.tell(&["LLEN", "{playgate}/log"]);
    for start in (from..to).step_by(10_000) {
        let (mut rows, mut current) = (pipe(), pipe());
        rows.cmd("RPUSH").arg(LOG);
        current.cmd("HSET").arg(CURRENT);
        for seq in start..to.min(start + 10_000) {
            let (kind, value, reason) = (Kind::Sid, format!("x{seq}"), Reason::Displaced);
            let revocation = Revocation { kind, value, issued_before: None, until, reason };
            let row = row::StoredRow { revocation, removed: false };
            rows.arg(row.encode());
            current.arg(row.field()).arg(seq);
        }
        rows.exec(&mut connection).unwrap();
        current.exec(&mut connection).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: npm test -- redis"]
async fn a_session_ends_although_the_log_is_full() {
    let server = Server::start(&[]);
    let (gate, _) = server.store();
    revoke(&gate, "first").await.unwrap();
    fill(&server, MAX_LEN / 10 * 9, NOW + 90_000);
    let perform = |name: &str, command| gate.record(name.into(), command, at(NOW));
    let start =
        RecordCommand::StartSession { link: Box::new(session_link()), client: Client::default() };
    perform("viewer/1", start).await.unwrap();
    let (sid, started_before, reason) = (Some("s".into()), None, Reason::SignedOut);
    let end = RecordCommand::EndSessions { sid, started_before, reason };
    assert_eq!(perform("viewer/1", end).await.unwrap().reply, RecordReply::Done);
    let list = perform("viewer/1", RecordCommand::ListSessions).await.unwrap().reply;
    assert_eq!(list, RecordReply::Sessions(Vec::new()));
    let pending = || server.tell::<u64>(&["LLEN", "{playgate}/pending"]);
    gate.sweep(at(NOW)).await.unwrap();
    assert_eq!(pending(), 1, "there is no room yet");
    // A playback cannot end another one now; an operator can.
    let play = |sid: &str| {
        let (sid, start, max, over) = (sid.into(), None, 1, OverLimit::Displace);
        RecordCommand::Play(Play { sid, start, max, over, until: NOW + 600 })
    };
    perform("viewer/2", play("one")).await.unwrap();
    assert_eq!(perform("viewer/2", play("two")).await, Err(StateFailure::Full));
    assert!(matches!(revoke(&gate, "last").await, Ok(DenylistReply::Appended(_))));
    // The others have ended.
    let () = server.tell(&["DEL", "{playgate}/compacted"]);
    gate.sweep(at(NOW + 100_000)).await.unwrap();
    assert_eq!(pending(), 0);
    let update = since(&gate, None, 0).await.unwrap();
    let key = *update.key();
    let hash = playgate_state::hash(&key, Kind::Sid, "s");
    assert!(update.end() == 1 && update.entries().iter().all(|entry| entry.hash == hash));
}

/// What a gate would know that has read the whole log.
async fn replica(gate: &RedisStore) -> Replica {
    let first = since(gate, None, 0).await.unwrap();
    let mut replica = Replica::new(first.epoch(), *first.key());
    assert_eq!(replica.apply(&first).unwrap(), Progress::Complete);
    replica
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: npm test -- redis"]
async fn a_log_is_written_anew_while_others_revoke() {
    let server = Server::start(&[]);
    let ((gate, _), (other, _)) = (server.store(), server.store());
    revoke(&gate, "early").await.unwrap();
    revoke(&gate, "undone").await.unwrap();
    let undo = |value: &str| DenylistCommand::Undo { kind: Kind::Sub, value: value.into() };
    gate.denylist(undo("undone"), at(NOW)).await.unwrap();
    let revoking = tokio::spawn(async move {
        for n in 0..600 {
            revoke(&other, &n.to_string()).await.unwrap();
            if n % 3 == 0 {
                other.denylist(undo(&n.to_string()), at(NOW)).await.unwrap();
            }
            // The same with a later end: its older row is not needed any more.
            let longer = Revocation { until: NOW + 2_000 + n, ..sub("again") };
            other.denylist(DenylistCommand::Revoke(longer), at(NOW)).await.unwrap();
        }
    });
    let (mut epochs, mut shortest) = (HashSet::new(), u64::MAX);
    while !revoking.is_finished() {
        // Ended rows, so that a new log is worth it.
        fill(&server, server.tell::<u64>(&["LLEN", "{playgate}/log"]) + 6_000, 1);
        let () = server.tell(&["DEL", "{playgate}/compacted"]);
        gate.sweep(at(NOW)).await.unwrap();
        epochs.insert(since(&gate, None, 0).await.unwrap().epoch());
        shortest = shortest.min(server.tell(&["LLEN", "{playgate}/log"]));
    }
    revoking.await.unwrap();
    assert!(epochs.len() > 1 && shortest < 3_000, "{} {shortest}", epochs.len());
    // Each that holds has one row now.
    fill(&server, 20_000, 1);
    let () = server.tell(&["DEL", "{playgate}/compacted"]);
    gate.sweep(at(NOW)).await.unwrap();
    let replica = replica(&gate).await;
    let finds = |value: &str| {
        let token = TokenFacts { sub: Some(value), ..TokenFacts::default() };
        replica.find(&token, at(NOW)).is_some()
    };
    assert!(finds("early") && finds("again") && !finds("undone"));
    for n in 0..600 {
        assert_eq!(finds(&n.to_string()), n % 3 != 0, "{n}");
    }
    assert_eq!(server.tell::<u64>(&["LLEN", "{playgate}/log"]), 402);
    assert_eq!(server.tell::<u64>(&["HLEN", "{playgate}/current"]), 402);
    assert_eq!(server.tell::<i64>(&["TTL", "{playgate}/log"]), -1, "it stays");
    assert_eq!(server.tell::<i64>(&["TTL", "{playgate}/current"]), -1, "it stays");
    let keys: Vec<String> = server.tell(&["KEYS", "{playgate}/new*"]);
    assert_eq!(keys, [""; 0], "nothing is left of the writing");
}

#[tokio::test]
#[ignore = "needs redis-server: npm test -- redis"]
async fn an_event_is_sent_by_one_gate() {
    let server = Server::start(&[]);
    let ((one, _), (other, _)) = (server.store(), server.store());
    revoke(&one, "a").await.unwrap();
    let now = NOW * 1000;
    let due = one.due(now).await.unwrap();
    let [event] = due.events.as_slice() else { panic!("{due:?}") };
    assert!(event.body.contains("revocation.created") && event.attempts == 0);
    assert!(other.due(now).await.unwrap().events.is_empty(), "the first one sends it");
    // Unless it is killed.
    let again = other.due(now + 31_000).await.unwrap();
    assert_eq!(again.events.first().map(|event| &event.id), Some(&event.id));
    other.sent(event.clone(), Some(now + 50_000)).await.unwrap();
    assert!(one.due(now + 49_999).await.unwrap().events.is_empty());
    let due = one.due(now + 50_000).await.unwrap();
    assert_eq!(due.events.first().map(|event| event.attempts), Some(1));
    one.sent(event.clone(), None).await.unwrap();
    let due = one.due(now + 900_000).await.unwrap();
    assert_eq!((due.events.len(), due.next), (0, None));
    assert_eq!(server.tell::<u64>(&["EXISTS", "{playgate}/bodies", "{playgate}/due"]), 0);
}
