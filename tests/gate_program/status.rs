//! The status, and the log.

use core::time::Duration;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Stdio};
use std::thread;
use std::time::Instant;

use crate::server::{Answer, Server};
use crate::signals::{reads_the_rest, starts_to_read};
use crate::{Place, get, link, reason};

/// A gate with a status: the line about it comes first.
fn with_status(place: &Place, secret: Option<&str>) -> (Server, Server) {
    let mut gate = place.gate();
    gate.args(["--root", "media", "--status", "127.0.0.1:0", "--listen", "127.0.0.1:0"]);
    gate.envs(secret.map(|secret| ("ADMIN_SECRET", secret)));
    let mut child = gate.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let status = address(&mut log, "playgate: status on http://");
    let host = address(&mut log, "playgate: listening on http://");
    let nobody = std::process::Command::new("true").stderr(Stdio::piped()).spawn().unwrap();
    (Server::of(child, log, host), of_nobody(nobody, status))
}

fn address(log: &mut BufReader<ChildStderr>, start: &str) -> String {
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    line.trim().strip_prefix(start).unwrap().into()
}

fn of_nobody(mut child: Child, host: String) -> Server {
    let log = BufReader::new(child.stderr.take().unwrap());
    Server::of(child, log, host)
}

fn value(metrics: &Answer, name: &str) -> Option<f64> {
    let line = metrics.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

#[test]
fn decisions_are_counted_and_nothing_names_anybody() {
    let place = Place::new();
    let (server, status) = with_status(&place, Some("0123456789abcdef"));
    assert_eq!(reason(&server, &link(&["--sub", "viewer-1"], None), &[]), None);
    assert_eq!(reason(&server, "/videos/42/film.mp4", &[]).as_deref(), Some("missing"));
    let metrics = get(&status, "/metrics", &[]);
    assert_eq!(metrics.status, 200);
    assert!(metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    assert_eq!(
        value(&metrics, r#"playgate_decisions_total{decision="allow",reason=""}"#),
        Some(1.0)
    );
    assert_eq!(
        value(&metrics, r#"playgate_decisions_total{decision="deny",reason="missing"}"#),
        Some(1.0)
    );
    assert_eq!(value(&metrics, "playgate_answer_seconds_count"), Some(2.0));
    assert!(
        value(&metrics, "playgate_denylist_age_milliseconds")
            .is_some_and(|age| (0.0..20_000.0).contains(&age))
    );
    assert!(!metrics.body.contains("viewer-1") && !metrics.body.contains("sig="));
    for (path, expected) in
        [("/healthz", 200), ("/readyz", 200), ("/", 404), ("/videos/42/film.mp4", 404)]
    {
        assert_eq!(get(&status, path, &[]).status, expected, "{path}");
    }
    // Viewers see none of it.
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(reason(&server, path, &[]).as_deref(), Some("missing"));
    }
}

#[test]
fn a_gate_that_stops_is_not_ready() {
    let place = Place::new();
    let (server, status) = with_status(&place, None);
    assert_eq!(get(&status, "/readyz", &[]).status, 200);
    let reader = starts_to_read(&server, &place);
    server.signal("TERM");
    let start = Instant::now();
    let answer = loop {
        let answer = get(&status, "/readyz", &[]);
        if answer.status != 200 || start.elapsed() > Duration::from_secs(10) {
            break answer;
        }
    };
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("stopping"), "{}", answer.body);
    reads_the_rest(reader);
}

#[test]
fn a_log_that_nobody_reads_does_not_stop_the_gate() {
    let place = Place::new();
    let (lines, mut gate) = (12_000, place.gate());
    gate.args(["--root", "media", "--status", "127.0.0.1:0", "--listen", "127.0.0.1:0"]);
    let mut child =
        gate.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It is open, and nobody reads it.
    let _unread = child.stdout.take();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let status = address(&mut log, "playgate: status on http://");
    let host = address(&mut log, "playgate: listening on http://");
    let server = Server::of(child, log, host);
    let nobody = std::process::Command::new("true").stderr(Stdio::piped()).spawn().unwrap();
    let status = of_nobody(nobody, status);
    let start = Instant::now();
    let askers: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = server.connect();
            thread::spawn(move || {
                use std::io::{Read as _, Write as _};
                for _ in 0..lines / 4 {
                    stream
                        .write_all(b"GET /videos/42/film.mp4 HTTP/1.1\r\nHost: h\r\n\r\n")
                        .unwrap();
                    let mut answer = [0; 4096];
                    let len = stream.read(&mut answer).unwrap();
                    assert!(answer[..len].starts_with(b"HTTP/1.1 401"));
                }
            })
        })
        .collect();
    for asker in askers {
        asker.join().unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(60));
    assert_eq!(reason(&server, &link(&[], None), &[]), None);
    let metrics = get(&status, "/metrics", &[]);
    assert!(
        value(&metrics, "playgate_lost_lines_total").is_some_and(|lost| lost > 0.0),
        "{}",
        metrics.body
    );
}
