//! What signals do: new settings without a dropped request, and a stop that lets requests finish.

use core::time::Duration;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use crate::program::program;
use crate::server::Server;
use crate::{Place, link, now, reason};

/// More than the buffers of a connection hold.
const LARGE: usize = 64 << 20;

/// Starts to read a large file, and stops after its head.
pub(crate) fn starts_to_read(server: &Server, place: &Place) -> BufReader<TcpStream> {
    fs::write(place.path("media/videos/42/large.mp4"), vec![7; LARGE]).unwrap();
    let signed = link(&["--dir", "2"], None);
    let target = signed.replace("film.mp4", "large.mp4");
    let mut stream = server.connect();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "HTTP/1.1 200 OK\r\n");
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).unwrap();
    }
    reader
}

pub(crate) fn reads_the_rest(mut reader: BufReader<TcpStream>) {
    let mut body = vec![0; LARGE];
    reader.read_exact(&mut body).unwrap();
    assert!(body.iter().all(|byte| *byte == 7));
}

#[test]
fn keys_are_rotated_without_a_dropped_request() {
    let place = Place::new();
    let keygen = |id: &str| {
        let made = program().args(["keygen", "--id", id]).output().unwrap();
        String::from_utf8(made.stdout).unwrap()
    };
    let (old, new) = (keygen("old"), keygen("new"));
    place.write("gate.toml", "LOG = \"all\"\n");
    let keys = place.write("keys.txt", &old);
    let by_old = link(&[], Some(&keys));
    let mut gate = program();
    gate.current_dir(place.path("")).args([
        "gate",
        "--root",
        "media",
        "--keys",
        "keys.txt",
        "--config",
        "gate.toml",
    ]);
    let mut server = Server::spawn(gate.stdout(Stdio::piped()));
    let mut lines = BufReader::new(server.child.stdout.take().unwrap()).lines();
    let mut wait_for = |what: &str| loop {
        let line = lines.next().unwrap().unwrap();
        if line.contains(what) {
            return line;
        }
    };
    assert_eq!(reason(&server, &by_old, &[]), None);
    place.write("keys.txt", &format!("{new}{old}"));
    let by_new = link(&[], Some(&keys));
    assert_eq!(reason(&server, &by_new, &[]).as_deref(), Some("unknown_key"));
    server.signal("HUP");
    wait_for("\"reason\":\"reloaded\"");
    for target in [&by_old, &by_new] {
        assert_eq!(reason(&server, target, &[]), None);
    }
    // With a fault, the old settings stay.
    place.write("gate.toml", "LEEWAY = \"never\"\n");
    place.write("keys.txt", &new);
    server.signal("HUP");
    let line = wait_for("misconfigured");
    assert!(
        line.contains("LEEWAY: write a number") && line.starts_with("{\"time\":\"20"),
        "{line}"
    );
    assert_eq!(reason(&server, &by_old, &[]), None);
    // Requests at the time of a change are answered, by the old settings or the new ones.
    place.write("gate.toml", "");
    let host = server.host.clone();
    let asks = thread::spawn(move || {
        let mut answers = 0;
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(1) {
            let mut stream = TcpStream::connect(&host).unwrap();
            write!(stream, "GET {by_new} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(
                answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("0123456789"),
                "{answer}"
            );
            answers += 1;
        }
        answers
    });
    for _ in 0..20 {
        server.signal("HUP");
        thread::sleep(Duration::from_millis(30));
    }
    assert!(asks.join().unwrap() > 10);
    assert_eq!(reason(&server, &by_old, &[]).as_deref(), Some("unknown_key"));
}

#[test]
fn a_stop_lets_requests_finish() {
    let place = Place::new();
    let mut server = place.start(|_| {});
    let idle = server.connect();
    let reader = starts_to_read(&server, &place);
    server.signal("TERM");
    let start = now();
    while TcpStream::connect(&server.host).is_ok() {
        assert!(now() < start + 10, "it still takes connections");
        thread::sleep(Duration::from_millis(20));
    }
    reads_the_rest(reader);
    assert_eq!(server.wait().code(), Some(0));
    assert!(now() < start + 10);
    drop(idle);
}

#[test]
fn what_takes_a_restart_changes_nothing() {
    let place = Place::new();
    let secret = "0123456789abcdef";
    place.write("gate.toml", &format!("ADMIN_SECRET = \"{secret}\"\n"));
    let mut gate = place.gate();
    gate.args(["--root", "media", "--config", "gate.toml"]);
    let mut server = Server::spawn(gate.stdout(Stdio::piped()));
    let mut lines = BufReader::new(server.child.stdout.take().unwrap()).lines();
    let mut wait_for = |what: &str| loop {
        if lines.next().unwrap().unwrap().contains(what) {
            return;
        }
    };
    let target = link(&["--sub", "viewer-1"], None);
    let mut revoke = program();
    revoke
        .env("PLAYGATE_ADMIN_SECRET", secret)
        .args(["revoke", "--sub", "viewer-1", "--for", "1h"]);
    assert!(revoke.arg(format!("http://{}", server.host)).status().unwrap().success());
    assert_eq!(reason(&server, &target, &[]).as_deref(), Some("revoked"));
    for settings in [
        "LEEWAY = 7\n".to_string(),
        format!("ADMIN_SECRET = \"{secret}\"\nSTATE = \"other.db\"\n"),
        format!(
            "ADMIN_SECRET = \"{secret}\"\nEVENTS_URL = \"https://a.example/\"\nEVENTS_SECRET = \"whsec_ZGV2ZWxvcG1lbnQgZXZlbnRzIHNlY3JldA==\"\n"
        ),
    ] {
        place.write("gate.toml", &settings);
        server.signal("HUP");
        wait_for("take a restart to change");
        assert_eq!(reason(&server, &target, &[]).as_deref(), Some("revoked"), "{settings}");
    }
    // The secret itself may change.
    place.write("gate.toml", "ADMIN_SECRET = \"another-secret-of-24-chars\"\n");
    server.signal("HUP");
    wait_for("\"reason\":\"reloaded\"");
    assert_eq!(reason(&server, &target, &[]).as_deref(), Some("revoked"));
}
