//! `--stdin`: one line in, one line out, in order.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Stdio};

use crate::program::{NOW, Run, keyed, run_with_input};

const LINK: &str = "https://cdn.example.com/videos/42/film.mp4\
    ?pg=1&exp=1767225600&kid=main&sig=REksvdGhg_BiP3UrQfvCau3yJDie26YKJonKWbyzAes";

fn film() -> &'static str {
    LINK.split_once('?').unwrap().0
}

#[test]
fn a_line_that_cannot_be_signed_keeps_its_place() {
    let long = format!("https://cdn.example.com/{}", "x".repeat(17_000));
    let film = film();
    let input =
        format!("{film}\n\nhttps://cdn.example.com/a b\n{film}\r\n{long}\nfilm.mp4\n{film}");
    let mut input = input.into_bytes();
    input.extend_from_slice(b"\n\xff\n");

    run_with_input(&["sign", NOW, "--stdin"], &input).is(
        2,
        &format!("{LINK}\n\n\n{LINK}\n\n\n{LINK}\n\n"),
        "playgate: line 2: the URL is empty\n\
         playgate: line 3: the path has a space; write https://cdn.example.com/a%20b\n\
         playgate: line 5: the line is longer than 16384 bytes; a URL has 8192 at most\n\
         playgate: line 6: not an absolute URL; write it as https://host/path\n\
         playgate: line 8: the line is not UTF-8; percent-encode the URL\n",
    );
    let signed = format!(
        "{{\"link\":\"{LINK}\",\"expires\":1767225600,\"scope\":\"/videos/42/film.mp4\"}}\n"
    );
    let error = |message| format!("{{\"error\":\"{message}\",\"field\":\"url\"}}\n");
    let answers = [
        signed.clone(),
        error("the URL is empty"),
        error("the path has a space; write https://cdn.example.com/a%20b"),
        signed.clone(),
        error("the line is longer than 16384 bytes; a URL has 8192 at most"),
        error("not an absolute URL; write it as https://host/path"),
        signed,
        error("the line is not UTF-8; percent-encode the URL"),
    ];
    run_with_input(&["sign", NOW, "--stdin", "--json"], &input).is(2, &answers.concat(), "");
}

#[test]
fn options_that_cannot_be_signed_are_told_before_the_first_line() {
    run_with_input(&["sign", NOW, "--stdin", "--kid=next"], b"/a\n")
        .fails(2, "--kid: the key ring has no key of that id");
    run_with_input(&["sign", NOW, "--stdin", "--dir=3"], format!("{}\n", film()).as_bytes()).is(
        2,
        "\n",
        "playgate: line 1: --dir: the path has fewer directories than asked for; \
         what follows its last / is a file\n",
    );
}

#[test]
fn every_line_has_a_verdict() {
    let other = LINK.replace("film", "other");
    let long = "x".repeat(17_000);
    let mut input = format!("{LINK}\n\n{other}\n{long}\n{}\n{LINK}\n", film()).into_bytes();
    input.extend_from_slice(b"\xff");
    let allow = "allow  kid=main expires=2026-01-01T00:00:00Z scope=/videos/42/film.mp4\n";
    run_with_input(&["verify", NOW, "--stdin"], &input).is(
        1,
        &format!(
            "{allow}\
             deny  malformed: `url` is not absolute; write it with https:// and the host\n\
             deny  bad_signature: the signature does not fit this request\n\
             deny  malformed: the link has more than the 8192 bytes that a gate reads\n\
             deny  missing: the request carries no token\n\
             {allow}\
             deny  malformed: `url` has a character that is not allowed\n"
        ),
        "",
    );
    run_with_input(&["verify", NOW, "--stdin"], LINK.as_bytes()).is(0, allow, "");
    run_with_input(&["verify", NOW, "--stdin", "--json"], format!("{other}\n{long}").as_bytes())
        .is(
            1,
            "{\"verdict\":\"deny\",\"reason\":\"bad_signature\",\"status\":403}\n\
         {\"verdict\":\"deny\",\"reason\":\"malformed\",\"status\":403,\"field\":\"url\"}\n",
            "",
        );
    run_with_input(&["verify", "--stdin"], b"").is(0, "", "");
    run_with_input(&["sign", "--stdin"], b"").is(0, "", "");
}

#[test]
fn every_line_has_a_report() {
    let other = LINK.replace("film", "other");
    let mut input = format!("{LINK}\n\n{other}\n{}\n{LINK}#t=1", "x".repeat(17_000)).into_bytes();
    input.extend_from_slice(b"\n\xff\n");
    let json = run_with_input(&["inspect", NOW, "--stdin", "--json"], &input);
    assert_eq!((json.code, json.stderr.as_str()), (Some(1), ""));
    let reports: Vec<serde_json::Value> =
        json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reasons: Vec<_> = reports.iter().map(|report| report["reason"].as_str()).collect();
    let bad = Some("malformed");
    assert_eq!(reasons, [None, bad, Some("bad_signature"), bad, None, bad]);

    let text =
        run_with_input(&["inspect", NOW, "--stdin"], format!("{LINK}\n{other}\n").as_bytes());
    let one = |link: &str| crate::program::run(&["inspect", NOW, link]).stdout;
    text.is(1, &format!("{}\n{}", one(LINK), one(&other)), "");
    run_with_input(&["inspect", NOW, "--stdin"], LINK.as_bytes()).is(0, &one(LINK), "");
    run_with_input(&["inspect", "--stdin"], b"").is(0, "", "");
}

#[test]
fn names_are_encoded_line_by_line() {
    let input = "https://cdn.example.com/C# 1.mp4\nhttps://cdn.example.com/a/../b\n";
    let run = run_with_input(&["sign", NOW, "--encode", "--stdin"], input.as_bytes());
    assert!(run.stdout.starts_with("https://cdn.example.com/C%23%201.mp4?pg=1&"), "{run:?}");
    let error = "playgate: line 2: the path has a segment . or ..; write the path without it\n";
    assert_eq!((run.code, run.stderr.as_str()), (Some(2), error));
}

#[test]
fn a_hundred_thousand_lines_are_signed_and_admitted() {
    let urls: String =
        (0..100_000).map(|n| format!("https://cdn.example.com/videos/{n}/film.mp4\n")).collect();
    let mut sign = keyed();
    let sign = sign.args(["sign", NOW, "--stdin"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut sign = sign.spawn().unwrap();
    let mut urls_in = sign.stdin.take().unwrap();
    let links = sign.stdout.take().unwrap();
    let verify =
        keyed().args(["verify", NOW, "--stdin"]).stdin(links).stdout(Stdio::piped()).spawn();
    let verify = verify.unwrap();
    let writer = std::thread::spawn(move || urls_in.write_all(urls.as_bytes()).unwrap());
    let verdicts: Run = verify.wait_with_output().unwrap().into();
    writer.join().unwrap();
    assert_eq!((sign.wait().unwrap().code(), verdicts.code), (Some(0), Some(0)));
    let mut lines = 0;
    for (n, verdict) in verdicts.stdout.lines().enumerate() {
        let scope = format!("scope=/videos/{n}/film.mp4");
        assert!(verdict.starts_with("allow  kid=main ") && verdict.ends_with(&scope), "{verdict}");
        lines += 1;
    }
    assert_eq!(lines, 100_000);
}

/// A running program that is asked line by line.
fn spawn(arguments: &[&str]) -> Child {
    let mut program = keyed();
    let program = program.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    program.stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn another_program_can_write_a_line_and_read_its_answer() {
    for (command, asked, answered) in [
        ("sign", film(), LINK),
        ("verify", LINK, "allow  kid=main expires=2026-01-01T00:00:00Z scope=/videos/42/film.mp4"),
    ] {
        let mut child = spawn(&[command, NOW, "--stdin"]);
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        for _ in 0..3 {
            // In two parts: half a line is no line.
            let (first, second) = asked.split_at(20);
            stdin.write_all(first.as_bytes()).unwrap();
            stdin.write_all(format!("{second}\n").as_bytes()).unwrap();
            let mut answer = String::new();
            stdout.read_line(&mut answer).unwrap();
            assert_eq!(answer, format!("{answered}\n"));
        }
        drop(stdin);
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn links_of_a_program_that_runs_for_long_expire_by_the_clock() {
    let mut child = spawn(&["sign", "--stdin", "--json"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut expiry = || {
        stdin.write_all(b"/a.mp4\n").unwrap();
        let mut answer = String::new();
        stdout.read_line(&mut answer).unwrap();
        let link: serde_json::Value = serde_json::from_str(&answer).unwrap();
        link["expires"].as_u64().unwrap()
    };
    let first = expiry();
    std::thread::sleep(core::time::Duration::from_millis(1100));
    assert!((1..=3).contains(&(expiry() - first)));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    for (command, line) in [("sign", film()), ("verify", LINK)] {
        let mut child = spawn(&[command, NOW, "--stdin"]);
        let mut stdin = child.stdin.take().unwrap();
        drop(child.stdout.take());
        // Until the program stops reading.
        while stdin.write_all(format!("{line}\n").repeat(1000).as_bytes()).is_ok() {}
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""), "{command}");
    }
}
