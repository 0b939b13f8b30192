//! `playgate serve`: slow clients, and how it ends.

use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use crate::server::{Answer, Server};

const BODY: &str = r#"{"url": "https://cdn.example.com/a.mp4"}"#;

/// Sends all of a request but the end of its body.
fn half_a_request(server: &Server) -> TcpStream {
    let mut stream = server.connect();
    let (half, _) = BODY.split_at(10);
    let len = BODY.len();
    let head = "Host: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer 0123456789abcdef";
    write!(stream, "POST /links HTTP/1.1\r\n{head}\r\nContent-Length: {len}\r\n\r\n{half}")
        .unwrap();
    // Until the server has read it.
    thread::sleep(Duration::from_millis(200));
    stream
}

#[test]
fn a_signal_ends_it_with_0_when_requests_in_flight_are_done() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start();
        let idle = server.connect();
        let mut stream = half_a_request(&server);
        server.signal(signal);
        thread::sleep(Duration::from_millis(200));
        assert!(TcpStream::connect(&server.host).is_err(), "it still takes connections");
        stream.write_all(&BODY.as_bytes()[10..]).unwrap();
        assert_eq!(Answer::read(&mut stream).status, 200);
        let told = Instant::now();
        assert_eq!(server.wait().code(), Some(0));
        assert!(told.elapsed() < Duration::from_secs(3), "an idle connection held it up");
        drop(idle);
    }
}

#[test]
fn a_request_that_does_not_end_is_left_after_five_seconds() {
    let mut server = Server::start();
    let stream = half_a_request(&server);
    let told = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!((4..8).contains(&told.elapsed().as_secs()), "{:?}", told.elapsed());
    drop(stream);
}

#[test]
fn slow_clients_are_let_go_after_ten_seconds() {
    let server = Server::start();
    let started = Instant::now();
    let mut silent = server.connect();
    let mut headers = server.connect();
    write!(headers, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n").unwrap();
    let mut body = half_a_request(&server);
    let mut start = [0; 12];
    body.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 408");
    for stream in [&mut silent, &mut headers] {
        let answer = Answer::read(stream);
        assert!(matches!(answer.status, 0 | 408), "{answer:?}");
    }
    assert!((9..15).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    // Others were served meanwhile, and still are.
    assert_eq!(server.ask("GET /healthz", &[], b"").status, 200);
}
