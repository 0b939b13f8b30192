//! A running `playgate serve`, and a client of HTTP/1.1 that writes what a test tells it to.

#![allow(dead_code, reason = "not every test uses all of it")]

use core::time::Duration;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use crate::program::{Run, keyed};

pub(crate) const SECRET: &str = "0123456789abcdef";

/// The program, listening on a free port; it is stopped when the test ends, well or not.
pub(crate) struct Server {
    pub(crate) child: Child,
    log: BufReader<ChildStderr>,
    /// `127.0.0.1:` and the port.
    pub(crate) host: String,
}

impl Server {
    /// With the secret of the environment.
    pub(crate) fn start() -> Self {
        Self::spawn(keyed().env("PLAYGATE_SECRET", SECRET).arg("serve"))
    }

    /// For development, with these options too.
    pub(crate) fn dev(options: &[&str]) -> Self {
        Self::spawn(keyed().args(["serve", "--dev"]).args(options))
    }

    /// This command, on a free port.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let command = command.args(["--listen", "127.0.0.1:0"]).stdin(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut server = Self { child, log, host: String::new() };
        loop {
            let line = server.log_line();
            assert!(!line.is_empty(), "the server did not start");
            if let Some(host) = line.strip_prefix("playgate: listening on http://") {
                server.host = host.to_owned();
                return server;
            }
        }
    }

    /// A server that listens already.
    pub(crate) const fn of(child: Child, log: BufReader<ChildStderr>, host: String) -> Self {
        Self { child, log, host }
    }

    /// The next line on stderr, without its end; empty when the server has ended.
    pub(crate) fn log_line(&mut self) -> String {
        let mut line = String::new();
        self.log.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// What is left on stderr when the server has ended.
    pub(crate) fn rest_of_log(&mut self) -> String {
        let mut log = String::new();
        self.log.read_to_string(&mut log).unwrap();
        log
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// A connection that waits at most 20 seconds for an answer.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends one request with these header lines.
    pub(crate) fn ask(&self, request: &str, headers: &[&str], body: &[u8]) -> Answer {
        let mut head = format!("{request} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|line| line.starts_with("Host:")) {
            head += &format!("Host: {}\r\n", self.host);
        }
        for line in headers {
            head += &format!("{line}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", body.len());
        let mut stream = self.connect();
        stream.write_all(head.as_bytes()).unwrap();
        // The server may answer before it has read all.
        let _ = stream.write_all(body);
        Answer::read(&mut stream)
    }

    /// Posts JSON with the secret.
    pub(crate) fn mint(&self, body: &str) -> Answer {
        let secret = format!("Authorization: Bearer {SECRET}");
        self.ask("POST /links", &[&secret, "Content-Type: application/json"], body.as_bytes())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a server that is not to start. One that does is stopped, and fails the test.
#[track_caller]
pub(crate) fn run_in_vain(command: &mut Command) -> Run {
    let pipes = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > Duration::from_secs(10) {
            child.kill().unwrap();
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap().into()
}

/// An answer in full.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Reads until the server closes the connection.
    pub(crate) fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(len @ 1..) = stream.read(&mut buffer) {
            bytes.extend_from_slice(&buffer[..len]);
        }
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default();
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }

    /// A JSON error, which no cache keeps.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, body: &Value) {
        assert_eq!((self.status, &self.json()), (status, body));
        assert_eq!(self.header("cache-control"), Some("no-store"));
    }
}
