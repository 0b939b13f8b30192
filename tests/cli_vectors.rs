//! The vectors of `tests/vectors`, through the program.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[path = "common/program.rs"]
mod program;

use core::net::IpAddr;
use std::process::Stdio;

use program::{Run, program};
use serde_json::Value;

fn vectors() -> (String, Vec<Value>) {
    let file: Value = serde_json::from_str(include_str!("vectors/native.json")).unwrap();
    (file["keys"].as_str().unwrap().to_owned(), file["vectors"].as_array().unwrap().clone())
}

/// `{"client_ip": "203.0.113.9"}` as `--client-ip=203.0.113.9`, an array as names parted by commas.
fn options(members: &Value) -> Vec<String> {
    let members = members.as_object().into_iter().flatten().filter(|(name, _)| *name != "url");
    let option = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::Bool(true) => return format!("--{name}"),
            Value::String(text) => text.clone(),
            Value::Array(names) => {
                names.iter().map(|name| name.as_str().unwrap()).collect::<Vec<_>>().join(",")
            }
            number => number.to_string(),
        };
        format!("--{}={value}", name.replace('_', "-"))
    };
    members.map(option).collect()
}

fn run(keys: &str, command: &str, vector: &Value, options: &[String], url: &Value) -> Run {
    let mut program = program();
    program.env("PLAYGATE_KEYS", keys).arg(command).arg(format!("--now={}", vector["now"]));
    program.args(options).arg("--json").arg("--").arg(url.as_str().unwrap());
    program.stdin(Stdio::null()).output().unwrap().into()
}

#[test]
fn verify_gives_the_verdict_of_every_vector() {
    let (keys, vectors) = vectors();
    assert!(vectors.len() >= 500, "only {} vectors", vectors.len());
    let mut wrong = Vec::new();
    for vector in &vectors {
        let request = &vector["request"];
        let options = [options(request), options(&vector["gate"])].concat();
        // The edge admits nobody whose address it cannot read; a person is told of the slip.
        let slip = request["client_ip"].as_str().filter(|ip| ip.parse::<IpAddr>().is_err());
        for command in ["verify", "inspect"] {
            let run = run(&keys, command, vector, &options, &request["url"]);
            if let Some(ip) = slip {
                let message = "\n\nFor more information, try '--help'.";
                run.fails(2, &format!("invalid value '{ip}' for '--client-ip <IP>': invalid IP address syntax{message}"));
                continue;
            }
            let verdict: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
            let expected = &vector["expect"];
            // The report of inspect says more than the verdict does.
            let agrees = match command {
                "verify" => verdict == *expected,
                _ => ["verdict", "reason", "status", "field", "scope", "clean_url"].iter().all(
                    |name| {
                        verdict[name] == expected[name]
                            || expected["verdict"] == "deny" && *name == "scope"
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
    let (keys, vectors) = vectors();
    let mut signed = 0;
    for vector in vectors.iter().filter(|vector| vector["sign"].is_object()) {
        let terms = &vector["sign"];
        let run = run(&keys, "sign", vector, &options(terms), &terms["url"]);
        assert_eq!(run.code, Some(0), "{}", vector["name"]);
        // It says so where it chose itself, for a playlist.
        let chose = (terms["place"].is_null() && run.stdout.contains("/pg=1&"))
            || (terms["dir"].is_null() && run.stdout.contains("&dir="));
        assert_eq!(run.stderr.contains("opens its directory"), chose, "{}", vector["name"]);
        let link: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(link["link"], vector["request"]["url"], "{}", vector["name"]);
        assert_eq!(link["scope"], vector["expect"]["scope"], "{}", vector["name"]);
        assert_eq!(link["expires"], vector["expect"]["expires"], "{}", vector["name"]);
        signed += 1;
    }
    assert!(signed >= 70, "only {signed} vectors were signed");
}
