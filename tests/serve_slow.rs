//! `playgate serve`: a client that reads nothing. In a file of its own: the many links take time from others.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[path = "common/program.rs"]
mod program;
#[path = "common/server.rs"]
mod server;

use core::time::Duration;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use server::Server;

/// A client that asks again and again, and reads nothing: what the server may write into. On this machine the
/// kernel takes in some megabytes before a write has to wait.
fn asks_and_reads_nothing(server: &Server) -> TcpStream {
    let url = format!(r#"{{"url": "https://cdn.example.com/{}.mp4"}}"#, "a".repeat(150));
    let body = format!("[{}]", vec![url; 1000].join(","));
    let head = "Host: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer 0123456789abcdef";
    let request =
        format!("POST /links HTTP/1.1\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut stream = server.connect();
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    // Until the server takes no more requests, as it cannot get rid of its answers.
    for _ in 0..200 {
        if stream.write_all(request.as_bytes()).is_err() {
            return stream;
        }
    }
    panic!("the server took 200 requests");
}

#[test]
fn a_client_that_does_not_read_is_let_go_after_ten_seconds() {
    let server = Server::start();
    let started = Instant::now();
    let mut stream = asks_and_reads_nothing(&server);
    // A connection that the server has left takes nothing in; one that it waits for would by then.
    thread::sleep(Duration::from_secs(13).saturating_sub(started.elapsed()));
    let mut read = Vec::new();
    let end = stream.read_to_end(&mut read);
    assert!(started.elapsed() < Duration::from_secs(18), "{:?}", started.elapsed());
    assert!(end.is_ok() || end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    // It ends within an answer, and the others were never sent.
    let answers = String::from_utf8_lossy(&read).matches("HTTP/1.1 200 OK").count();
    assert!((1..100).contains(&answers), "{answers}");
    assert_eq!(server.ask("GET /healthz", &[], b"").status, 200);
}
