//! State in a file: calls of operators reach a native gate as they reach the Worker.

use std::process::Command;

use crate::program::{Run, program};
use crate::server::Server;
use crate::{Place, link, reason};

const SECRET: &str = "0123456789abcdef";

/// A call of an operator to a gate.
fn operates(server: &Server, words: &[&str]) -> Run {
    let mut call: Command = program();
    call.env("PLAYGATE_ADMIN_SECRET", SECRET).args(words).arg(format!("http://{}", server.host));
    call.output().unwrap().into()
}

fn starts(place: &Place) -> Server {
    place.start(|gate| {
        gate.env("ADMIN_SECRET", SECRET);
    })
}

#[test]
fn what_is_revoked_stays_so_after_a_kill() {
    let place = Place::new();
    let target = link(&["--sub", "viewer-1"], None);
    for round in 0..5 {
        let server = starts(&place);
        let expected = (round > 0).then(|| "revoked".to_string());
        assert_eq!(reason(&server, &target, &[]), expected);
        if round == 0 {
            let run = operates(&server, &["revoke", "--sub", "viewer-1", "--for", "1h"]);
            assert_eq!(run.code, Some(0), "{run:?}");
            // At once: the gate itself was told.
            assert_eq!(reason(&server, &target, &[]).as_deref(), Some("revoked"));
        }
        let run = operates(&server, &["revocations"]);
        assert!(run.stdout.contains("viewer-1"), "{run:?}");
        server.signal("KILL");
    }
    let server = starts(&place);
    let run = operates(&server, &["revoke", "--sub", "viewer-1", "--undo"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(reason(&server, &target, &[]), None);
}

#[test]
fn two_gates_share_a_file() {
    let place = Place::new();
    let target = link(&["--sub", "viewer-1"], None);
    let quick = |gate: &mut Command| {
        gate.envs([
            ("ADMIN_SECRET", SECRET),
            ("DENYLIST_REFRESH", "100ms"),
            ("DENYLIST_MAX_AGE", "200ms"),
        ]);
    };
    let (one, other) = (place.start(quick), place.start(quick));
    assert_eq!(reason(&other, &target, &[]), None);
    assert_eq!(operates(&one, &["revoke", "--sub", "viewer-1", "--for", "1h"]).code, Some(0));
    std::thread::sleep(core::time::Duration::from_millis(250));
    assert_eq!(reason(&other, &target, &[]).as_deref(), Some("revoked"));
}

#[test]
fn a_single_use_is_counted_across_a_kill() {
    let place = Place::new();
    let target = link(&["--uses", "1", "--jti", "once"], None);
    let ip = |ip: &str| format!("X-Forwarded-For: {ip}");
    let trusting = |gate: &mut Command| {
        gate.env("ADMIN_SECRET", SECRET).args(["--trusted-proxies", "127.0.0.1"]);
    };
    let server = place.start(trusting);
    assert_eq!(reason(&server, &target, &[&ip("203.0.113.1")]), None);
    server.signal("KILL");
    let server = place.start(trusting);
    assert_eq!(reason(&server, &target, &[&ip("203.0.113.2")]).as_deref(), Some("already_used"));
    assert_eq!(reason(&server, &target, &[&ip("203.0.113.1")]), None);
}

#[test]
fn a_file_of_another_program_is_left_alone() {
    let place = Place::new();
    let file = place.write(
        "notes.db",
        "these are notes, not a state of any gate, and they shall stay as they are",
    );
    let mut gate = place.gate();
    gate.args(["--root", "media", "--state", "notes.db"]).env("ADMIN_SECRET", SECRET);
    let failed = crate::server::run_in_vain(&mut gate);
    assert_eq!(failed.code, Some(3), "{failed:?}");
    assert!(failed.stderr.contains("notes.db: "), "{failed:?}");
    assert!(std::fs::read_to_string(file).unwrap().starts_with("these are notes"));
}
