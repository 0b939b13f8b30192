//! The vectors of `tests/vectors`, through the program.

use core::net::IpAddr;
use std::process::Stdio;

use serde_json::Value;

use crate::program::{Run, program};
use crate::vector_files::{File, files, names};

/// `{"client_ip": "203.0.113.9"}` as `--client-ip=203.0.113.9`, an array as names parted by commas, an
/// object as an option for each of its members.
fn options(members: &Value) -> Vec<String> {
    let members = members.as_object().into_iter().flatten().filter(|(name, _)| *name != "url");
    let option = |(name, value): (&String, &Value)| {
        let option = match name.as_str() {
            "claims" => "--claim".to_owned(),
            "formats" => "--format".to_owned(),
            name => format!("--{}", name.replace('_', "-")),
        };
        match value {
            Value::Array(_) => vec![format!("{option}={}", names(value))],
            Value::Bool(true) => vec![option],
            Value::Object(claims) => {
                let claim = |(name, value): (&String, &Value)| {
                    format!("{option}={name}={}", value.as_str().unwrap())
                };
                claims.iter().map(claim).collect()
            }
            Value::String(text) => vec![format!("{option}={text}")],
            number => vec![format!("{option}={number}")],
        }
    };
    members.flat_map(option).collect()
}

fn run(keys: &str, command: &str, vector: &Value, options: &[String], url: &Value) -> Run {
    let mut program = program();
    program.env("PLAYGATE_KEYS", keys).arg(command).arg(format!("--now={}", vector["now"]));
    program.args(options).arg("--json").arg("--").arg(url.as_str().unwrap());
    let mut run: Run = program.stdin(Stdio::null()).output().unwrap().into();
    // It warns of the ring's short keys in each run.
    let is_kept = |line: &&str| !line.contains("has fewer than 32 bytes");
    run.stderr = run.stderr.split_inclusive('\n').filter(is_kept).collect();
    run
}

/// A text as reports have it: what could be a tag is left out.
fn in_short(text: &str) -> String {
    let is_tag = |run: &str| run.len() >= 43 && run.bytes().any(|byte| byte.is_ascii_uppercase());
    let is_mark = |c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c));
    let pieces = text.split_inclusive(is_mark).map(|piece| {
        let run = piece.trim_end_matches(is_mark);
        if is_tag(run) { piece.replacen(run, "..", 1) } else { piece.to_owned() }
    });
    pieces.collect()
}

#[test]
fn verify_gives_the_verdict_of_every_vector() {
    for file in files() {
        verify(&file);
    }
}

fn verify(file: &File) {
    let mut wrong = Vec::new();
    for vector in &file.vectors {
        let request = &vector["request"];
        let options = [options(request), options(&vector["gate"])].concat();
        // The edge admits nobody whose address it cannot read; a person is told of the slip.
        let slip = request["client_ip"].as_str().filter(|ip| ip.parse::<IpAddr>().is_err());
        for command in ["verify", "inspect"] {
            // A client drops a fragment, and so does the program: no gate would see it.
            if request["url"].as_str().unwrap().contains('#') {
                continue;
            }
            let run = run(file.keys(vector), command, vector, &options, &request["url"]);
            if let Some(ip) = slip {
                let message = "\n\nFor more information, try '--help'.";
                run.fails(2, &format!("invalid value '{ip}' for '--client-ip <IP>': invalid IP address syntax{message}"));
                continue;
            }
            let verdict: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
            // A client keeps a fragment to itself, and so does the program.
            let is_cut = request["url"].as_str().unwrap().contains('#');
            let expected = &vector[if is_cut { "behind_url_parser" } else { "expect" }];
            // The report of inspect says more than the verdict does.
            let agrees = match command {
                "verify" => verdict == *expected,
                _ => ["verdict", "reason", "status", "field", "scope", "clean_url"].iter().all(
                    |name| {
                        verdict[name] == expected[name]
                            || expected["verdict"] == "deny" && *name == "scope"
                            || expected[name]
                                .as_str()
                                .is_some_and(|text| verdict[name] == in_short(text))
                    },
                ),
            };
            let code = if expected["verdict"] == "allow" { 0 } else { 1 };
            if !agrees || run.code != Some(code) || !run.stderr.is_empty() {
                wrong.push(format!("{} {command}: {run:?}\n    not {expected}", vector["name"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn sign_makes_the_link_of_every_vector_that_has_one() {
    for file in files() {
        // A claim is text here, always.
        let is_text = |vector: &&Value| {
            vector["sign"]["claims"].as_object().into_iter().flatten().all(|(_, c)| c.is_string())
        };
        let vectors = file.signed();
        let texts: Vec<_> = vectors.iter().copied().filter(is_text).collect();
        assert!(texts.len() + 2 >= vectors.len(), "only {} can be asked for", texts.len());
        for vector in texts {
            sign(&file, vector);
        }
    }
}

fn sign(file: &File, vector: &Value) {
    let terms = &vector["sign"];
    let run = run(file.keys(vector), "sign", vector, &options(terms), &terms["url"]);
    assert_eq!(run.code, Some(0), "{}", vector["name"]);
    // It says so where it chose itself, for a playlist.
    let is_jwt = terms["format"] == "jwt";
    let name = if is_jwt { terms["jwt_name"].as_str().unwrap_or("token") } else { "pg" };
    let placed = terms["place"].is_null() && run.stdout.contains(&format!("/{name}="));
    let chose = match is_jwt {
        true => placed.then_some("has its token in the path; use --place"),
        false => (placed || terms["dir"].is_null() && run.stdout.contains("&dir="))
            .then_some("opens its directory"),
    };
    match chose {
        Some(text) => assert!(run.stderr.contains(text), "{}: {}", vector["name"], run.stderr),
        None => {
            // And where a file is to outlast its link.
            let url = terms["url"].as_str().unwrap();
            let outlasts = !terms["run"].is_null() && !url.contains(".m3u8");
            let told = run.stderr.contains("with --run, a link to a file");
            let lines = run.stderr.lines().count();
            assert_eq!((told, lines), (outlasts, usize::from(outlasts)), "{}", vector["name"]);
        }
    }
    let link: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(link["link"], vector["request"]["url"], "{}", vector["name"]);
    let said = (link["expires"].as_u64().unwrap(), link["scope"].as_str());
    assert_eq!(said, file.said_of(vector), "{}", vector["name"]);
}
