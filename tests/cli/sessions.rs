//! `playgate sign --session` and `playgate sessions`: what needs no gate. The rest is in tests/edge/revoke.test.mjs.

use crate::program::{NOW, run};

const GATE: &str = "https://cdn.example.com";

#[track_caller]
fn sign(more: &[&str]) -> crate::program::Run {
    let start = ["sign", "--session", NOW, "--sub", "viewer-1"];
    run(&[&start, more, &[GATE]].concat())
}

#[test]
fn a_session_link_says_what_the_session_is() {
    let link = sign(&["--open", "/videos/42/", "--jti", "s1"]);
    link.is(
        0,
        "https://cdn.example.com/.playgate/session?pg=1&exp=1767225060&kid=main&iat=1767225000&jti=s1\
         &ses=600.604800.2592000.L3ZpZGVvcy80Mi8&sub=viewer-1\
         &sig=RwmaX8trHK4bigfxdGeU_Rn-tP1OL-3Grm76V814HJI\n",
        "",
    );
    let json = sign(&[
        "--json",
        "--jti",
        "s1",
        "--open",
        "/videos/42/",
        "--open",
        "/a/",
        "--access",
        "5m",
        "--idle",
        "1d",
        "--absolute",
        "2d",
        "--max",
        "2",
        "--claim",
        "role=viewer",
        "--claim",
        "plan=\u{fc}",
        "--expires-in",
        "30s",
        "--audience",
        "eu",
        "--kid",
        "main",
    ]);
    let link: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(link["expires"], 1_767_225_030);
    // {"role":"viewer","plan":"\u00fc"}
    let expected = "https://cdn.example.com/.playgate/session?pg=1&exp=1767225030&kid=main&aud=eu\
                    &cl=eyJyb2xlIjoidmlld2VyIiwicGxhbiI6Ilx1MDBmYyJ9&iat=1767225000&jti=s1&max=2\
                    &ses=300.86400.172800.L3ZpZGVvcy80Mi8.L2Ev&sub=viewer-1&sig=";
    assert!(link["link"].as_str().unwrap().starts_with(expected), "{link}");
}

#[test]
fn each_session_has_an_id_of_its_own() {
    let [first, second] = [0, 1].map(|_| sign(&["--open", "/videos/42/"]).stdout);
    assert_ne!(first, second);
    let id = first.split("&jti=").nth(1).unwrap().split('&').next().unwrap();
    assert_eq!(id.len(), 22);
}

#[test]
fn an_id_may_start_with_a_hyphen() {
    // As one in 64 random ids does.
    let link = sign(&["--open", "/a/", "--jti", "-a"]).stdout;
    assert!(link.contains("&jti=-a&"), "{link}");
    let film = "https://cdn.example.com/videos/42/film.mp4";
    let link = run(&["sign", NOW, "--sid", "-s", "--sub", "-v", film]).stdout;
    assert!(link.contains("&sid=-s&sub=-v&"), "{link}");
    for command in ["playbacks", "sessions"] {
        let run = run(&[command, "v", "--end", "--sid", "-s", GATE]);
        assert!(run.stderr.contains("no secret for the gate"), "{}", run.stderr);
    }
}

#[test]
fn what_a_session_cannot_have_is_refused() {
    for (more, message) in [
        (
            &["--open", "/videos/42"][..],
            "--open: must be directories such as /videos/42/, of at most 640 bytes and 64 segments, and not below /.playgate/",
        ),
        (&["--open", "/a/", "--access", "2d"], "--access: must be 1s to 1day"),
        (
            &["--open", "/a/", "--jti", "a b"],
            "--jti: has a character other than A-Z a-z 0-9 - _; write the base64url of the id or its hash",
        ),
    ] {
        sign(more).fails(2, message);
    }
    for other in [
        "--dir=2",
        "--exact",
        "--run=4h",
        "--ip=203.0.113.1",
        "--uses=1",
        "--sid=s",
        "--format=jwt",
        "--stdin",
    ] {
        let refused = sign(&["--open", "/a/", other]);
        let name = other.split('=').next().unwrap();
        assert_eq!(refused.code, Some(2), "{other}");
        assert!(
            refused.stderr.contains(&format!("'--session' cannot be used with '{name}")),
            "{}",
            refused.stderr
        );
    }
    run(&["sign", NOW, "--session", "--sub", "v", "--open", "/a/", GATE, GATE])
        .fails(2, "a session link is for one gate; write one URL");
    assert_eq!(run(&["sign", NOW, "--open", "/a/", GATE]).code, Some(2));
}

#[test]
fn a_session_link_is_explained() {
    let link = sign(&["--open", "/videos/42/"]).stdout;
    let inspected = run(&["inspect", NOW, link.trim()]);
    assert_eq!(inspected.code, Some(1));
    for part in [
        "deny  wrong_purpose",
        "this is a session link: a page POSTs to it, once; it opens no media",
        "starts a session of at most 30 d 0 h, or 7 d 0 h without a refresh, for /videos/42/",
    ] {
        assert!(inspected.stdout.contains(part), "{}", inspected.stdout);
    }
}
