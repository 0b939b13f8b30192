//! What the program prints of text that came from elsewhere: nothing of it steers the terminal.

use std::io::Write as _;

use serde_json::Value;

use crate::program::{keyed, run};
use crate::server::{Answer, SECRET, Server};

/// Controls of C1, marks and overrides of direction, separators of lines.
const STEERING: &str =
    "\u{9b}31m\u{85}\u{90}\u{202e}\u{202a}\u{2066}\u{2069}\u{200e}\u{200f}\u{61c}\u{2028}\u{2029}";

#[track_caller]
fn is_tame(text: &str) {
    let steers = |c: char| c != '\n' && (c.is_control() || STEERING.contains(c));
    let wild: Vec<_> = text.chars().filter(|c| steers(*c) && !"31m".contains(*c)).collect();
    assert!(wild.is_empty(), "{wild:?} in {text:?}");
}

#[test]
fn a_link_in_a_report() {
    for link in [
        format!("https://cdn.example.com/a{STEERING}.mp4?pg=1&exp=1&kid=main&sig=x"),
        format!("https://cdn.example.com/a.mp4?pg=1&exp=1{STEERING}&kid={STEERING}&sig=x"),
        format!(
            "https://cdn.example.com/a.mp4?{STEERING}=1&pg=1&exp=1&kid=main&{STEERING}=1&sig=x"
        ),
        format!("{STEERING}://{STEERING}/a.mp4"),
    ] {
        for arguments in [
            &["inspect", &link][..],
            &["inspect", "--json", &link],
            &["verify", &link],
            &["verify", "--json", &link],
            &["sign", &link],
            &["sign", "--json", &link],
            &["sign", "--sub", &link, "https://cdn.example.com/a.mp4"],
            &["verify", "--keys", &link, "https://cdn.example.com/a.mp4"],
            &["sign", &format!("--{link}")],
        ] {
            let told = run(arguments);
            is_tame(&told.stdout);
            is_tame(&told.stderr);
        }
    }
}

#[test]
fn claims_in_json_mean_the_same() {
    let film = "https://cdn.example.com/videos/42/film.mp4";
    let jwt = ["--format", "jwt", "--claim", "vid=42", "--sub", STEERING];
    let link = run(&[&["sign"], &jwt[..], &[film]].concat());
    assert_eq!(link.code, Some(0), "{link:?}");
    let gate = ["--format", "jwt", "--jwt-path", "/videos/{vid}/", "--json", link.stdout.trim()];
    for command in ["verify", "inspect"] {
        let told = run(&[&[command], &gate[..]].concat());
        assert_eq!(told.code, Some(0), "{told:?}");
        is_tame(&told.stdout);
        let answer: Value = serde_json::from_str(&told.stdout).unwrap();
        assert!(answer.is_object());
        if answer.to_string().contains("sub") {
            assert!(answer.to_string().contains(STEERING), "{answer}");
        }
    }
}

#[test]
fn the_path_of_a_request() {
    let mut server = Server::spawn(keyed().env("PLAYGATE_SECRET", SECRET).arg("serve"));
    let mut stream = server.connect();
    let host = server.host.clone();
    write!(stream, "GET /a{STEERING}b HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
        .unwrap();
    let answer = Answer::read(&mut stream);
    assert!(matches!(answer.status, 400 | 404), "{answer:?}");
    is_tame(&answer.body);
    assert_eq!(server.ask("GET /end", &[], b"").status, 404);
    loop {
        let line = server.log_line();
        is_tame(&line);
        if line.contains("/end") {
            break;
        }
    }
}
