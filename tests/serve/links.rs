//! `playgate serve`: links over HTTP, on a free port of this machine.

use serde_json::{Value, json};

use crate::program::{keyed, run};
use crate::server::{SECRET, Server};
use crate::vector_files::{File, files};

const JSON: &str = "Content-Type: application/json";
const BEARER: &str = "Authorization: Bearer 0123456789abcdef";
const ONE: &[u8] = br#"{"url": "https://cdn.example.com/a.mp4"}"#;

#[test]
fn a_link_and_an_array_of_links() {
    let server = Server::start();
    let answer =
        server.ask("POST /links", &[BEARER, "content-type: Application/JSON; charset=utf-8"], ONE);
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let link = answer.json();
    assert_eq!(link["scope"], "/a.mp4");
    let url = link["link"].as_str().unwrap();
    let expires = link["expires"].as_u64().unwrap();
    assert!(
        url.starts_with(&format!("https://cdn.example.com/a.mp4?pg=1&exp={expires}&kid=main&sig="))
    );
    assert_eq!(run(&["verify", url]).code, Some(0));

    let answer = server.mint(
        r#" [{"url": "https://cdn.example.com/a.mp4", "expires_in": "1h"},
             {"url": "https://cdn.example.com/v/1/b.m3u8", "dir": 2, "place": "path"}]"#,
    );
    let links = answer.json();
    assert_eq!((answer.status, links.as_array().unwrap().len()), (200, 2));
    assert_eq!((&links[0]["scope"], &links[1]["scope"]), (&json!("/a.mp4"), &json!("/v/1/")));
    assert_eq!(server.mint("[]").json(), json!([]));
}

/// What a server of links has to be started with for a vector.
fn clock_and_ring<'v>(file: &'v File, vector: &'v Value) -> (u64, &'v str) {
    (vector["now"].as_u64().unwrap(), file.keys(vector))
}

#[test]
fn vectors_are_minted_as_they_are_signed() {
    for file in files() {
        let vectors = file.signed();
        let signer = |vector| clock_and_ring(&file, vector);
        let mut signers: Vec<_> = vectors.iter().copied().map(signer).collect();
        signers.sort_unstable();
        signers.dedup();
        for (now, keys) in signers {
            let mut program = keyed();
            let is_now = format!("--now={now}");
            program.env("PLAYGATE_KEYS", keys).args(["serve", "--dev", &is_now]);
            let server = Server::spawn(&mut program);
            let vectors = vectors.iter().filter(|vector| signer(vector) == (now, keys));
            let (asked, expected): (Vec<_>, Vec<_>) = vectors
                .map(|vector| {
                    let link = &vector["request"]["url"];
                    let (expires, scope) = file.said_of(vector);
                    let answer = match scope {
                        Some(scope) => json!({"link": link, "expires": expires, "scope": scope}),
                        None => json!({"link": link, "expires": expires}),
                    };
                    (&vector["sign"], answer)
                })
                .unzip();
            let answer = server.mint(&json!(asked).to_string());
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.json(), json!(expected));
            for (terms, expected) in asked.iter().zip(expected) {
                assert_eq!(server.mint(&terms.to_string()).json(), expected);
            }
        }
    }
}

#[test]
fn links_are_for_those_who_show_the_secret() {
    let server = Server::start();
    let error = json!({"error": "send the secret as `Authorization: Bearer <secret>`"});
    let longer = format!("{BEARER}0");
    for headers in [
        &[JSON][..],
        &[JSON, "Authorization: Bearer 0123456789abcdeF"],
        &[JSON, "Authorization: Bearer 0123456789abcde"],
        &[JSON, "Authorization: Bearer "],
        &[JSON, "Authorization: Basic 0123456789abcdef"],
        &[JSON, "Authorization: Digest 0123456789abcdef"],
        &[JSON, "Authorization: 0123456789abcdef"],
        &[JSON, &longer],
        &[JSON, BEARER, BEARER],
    ] {
        let answer = server.ask("POST /links", headers, ONE);
        answer.refuses(401, &error);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    assert_eq!(
        server.ask("POST /links", &[JSON, "authorization: bearer 0123456789abcdef"], ONE).status,
        200
    );
    assert_eq!(
        server.ask("POST /links", &[JSON, BEARER, "Host: cdn.example.com"], ONE).status,
        200
    );
    let health = server.ask("GET /healthz", &[], b"");
    assert_eq!((health.status, health.body.as_str()), (200, "ok"));
    assert_eq!(server.ask("GET /dev.json", &[BEARER], b"").status, 404);
}

#[test]
fn errors_name_the_member() {
    let server = Server::start();
    for (body, field, error) in [
        (
            r#"{"url": "https://cdn.example.com/a b"}"#,
            "url",
            "the path has a space; write https://cdn.example.com/a%20b",
        ),
        (r#"{}"#, "url", "is missing; write the address to sign"),
        (r#"{"url": ""}"#, "url", "is missing; write the address to sign"),
        (
            r#"{"url": "https://x/master.m3u8"}"#,
            "url",
            "the playlist has no directory, or more than 64; move it, or sign it as exact",
        ),
        (
            r#"{"url": "https://x/C# lesson.mp4"}"#,
            "url",
            "the URL has a #; if that is part of a name, write https://x/C%23%20lesson.mp4; append a \
             #fragment to the signed link",
        ),
        (
            r#"{"url": "https://x/a", "country": ["PT", "UK"]}"#,
            "country",
            "`UK` is not an ISO 3166-1 country code; write GB",
        ),
        (
            r#"{"url": "https://x/a", "expires_in": "10M"}"#,
            "expires_in",
            "M is ambiguous: minutes or months? write 10m for minutes, or 10months",
        ),
        (
            r#"{"url": "https://x/a", "sub": "auth0|8731"}"#,
            "sub",
            "has a character other than A-Z a-z 0-9 - _; write the base64url of the id or its hash",
        ),
        (
            r#"{"url": "https://x/a", "sub": 1.5}"#,
            "sub",
            "write text, in quotes, or a whole number",
        ),
        (r#"{"url": "https://x/a", "max": 2}"#, "max", "needs the viewer's id, `sub`"),
        (r#"{"url": "https://x/a", "uses": 1}"#, "uses", "needs the token's id, `jti`"),
        (r#"{"url": "https://x/a", "sub": "v", "max": 0}"#, "max", "is out of range"),
        (r#"{"url": "https://x/a", "jti": "j", "uses": 1001}"#, "uses", "is out of range"),
        (r#"{"url": "https://x/a", "jti": "j", "uses": 65537}"#, "uses", "write 1 to 1000"),
        (
            r#"{"url": "https://x/a", "sub": "v", "max": 1.5}"#,
            "max",
            "write a whole number, without quotes",
        ),
        (
            r#"{"url": "https://x/a", "sub": "v", "max": "2"}"#,
            "max",
            "write a whole number, without quotes",
        ),
        (
            r#"{"url": "https://x/a", "expires_in": 0}"#,
            "expires_in",
            "the link would expire before it is signed",
        ),
        (
            r#"{"url": "https://x/a", "expires_at": 1}"#,
            "expires_at",
            "the link would expire before it is signed",
        ),
        (
            r#"{"url": "https://x/a", "expires_in": -1}"#,
            "expires_in",
            "write whole seconds, 0 or more, or text like \"10m\"",
        ),
        (
            r#"{"url": "https://x/a", "expires_at": 1, "expires_in": 1}"#,
            "expires_in",
            "cannot be combined with `expires_at`",
        ),
        (
            r#"{"url": "https://x/a", "dir": 1}"#,
            "dir",
            "the path has too few directories; the text after its last / is a file",
        ),
        (r#"{"url": "https://x/a", "dir": 256}"#, "dir", "write 1 to 64"),
        (r#"{"url": "https://x/a", "kid": "b"}"#, "kid", "the key id is not in the key ring"),
        (r#"{"url": "https://x/a", "place": "cookie"}"#, "place", "write \"query\" or \"path\""),
        (
            r#"{"url": "https://x/a", "ip": "x"}"#,
            "ip",
            "not a network; write 203.0.113.0/24 or 2001:db8::/64",
        ),
        (r#"{"url": "https://x/a", "run": 0}"#, "run", "is out of range"),
        (
            r#"[{"url": "https://x/a"}, {"url": "https://x/a", "expires_in": "x"}]"#,
            "[1].expires_in",
            "not a duration; write seconds, or text like 10m, 2h, 1h 30m",
        ),
        (
            r#"[{"url": "https://x/a"}, {"url": "https://x/a", "dir": 9}]"#,
            "[1].dir",
            "the path has too few directories; the text after its last / is a file",
        ),
        (
            r#"{"url": "https://x/a", "expires_at": 1.5}"#,
            "expires_at",
            "write whole unix seconds, or text like \"2026-01-01T00:00:00Z\"",
        ),
        (
            r#"{"url": "https://x/a", "expires_in": "-5m"}"#,
            "expires_in",
            "a duration cannot be negative; write seconds, or text like 10m, 2h, 1h 30m",
        ),
        (
            r#"{"url": "https://x/a", "round": "200y"}"#,
            "round",
            "after rounding, the link would last over 100 years; round less",
        ),
        (r#"{"url": "https://x/a", "dir": "2"}"#, "dir", "write a whole number, without quotes"),
        (
            r#"{"url": "https://x/a", "ip": 7}"#,
            "ip",
            "write a network, such as \"203.0.113.0/24\", or a list of them",
        ),
        (
            r#"{"url": "https://x/a", "expires-in": "10m"}"#,
            "expires-in",
            "no such member; write names in lower case, with _ between words: `expires_in`",
        ),
        (r#"{}"#, "url", "is missing; write the address to sign"),
        (
            r#"[{"url": "https://x/a"}, 7]"#,
            "[1]",
            "write an object with a `url`, like {\"url\": \"https://...\"}",
        ),
    ] {
        server.mint(body).refuses(400, &json!({"error": error, "field": field}));
    }
    let unknown = server.mint(r#"[{"url": "https://x/a", "expire": 1}]"#);
    assert_eq!((unknown.status, &unknown.json()["field"]), (400, &json!("[0].expire")));
    for (body, error) in [
        ("", "not JSON: EOF while parsing a value at line 1 column 0"),
        ("{", "not JSON: EOF while parsing an object at line 1 column 1"),
        ("{} {}", "not JSON: trailing characters at line 1 column 4"),
    ] {
        server.mint(body).refuses(400, &json!({"error": error}));
    }
    let not_utf8 = server.ask("POST /links", &[JSON, BEARER], b"\xff");
    not_utf8.refuses(400, &json!({"error": "the body is not UTF-8"}));
}

#[test]
fn ids_are_text_or_numbers_and_names_can_be_encoded() {
    let server = Server::start();
    let minted = |body: &str| {
        let answer = server.mint(body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["link"].as_str().unwrap().to_owned()
    };
    let link = minted(r#"{"url": "https://x/a", "sub": 8731, "jti": 1, "sid": 0}"#);
    assert!(link.contains("&jti=1&sid=0&sub=8731&sig="), "{link}");
    let link = minted(r#"{"url": "https://x/C# 100%?.mp4", "encode": true}"#);
    assert!(link.starts_with("https://x/C%23%20100%25%3F.mp4?pg=1&"), "{link}");
    assert_eq!(run(&["verify", &link]).code, Some(0));
}

#[test]
fn the_log_says_why_a_request_was_bad() {
    let mut server = Server::start();
    server.mint(r#"{"url": "https://x/a b"}"#);
    server.mint("{");
    server.mint(
        r#"{"url": "https://x/a", "REksvdGhg_BiP3UrQfvCau3yJDie26YKJonKWbyzAes\n\u0007": 1}"#,
    );
    server.ask("POST /links", &[BEARER], ONE);
    server.ask("POST /links", &[JSON], ONE);
    server.ask("GET /link", &[], b"");
    // A body whose chunks cannot be read.
    server.ask("POST /links", &[JSON, BEARER, "Transfer-Encoding: chunked"], b"zz\r\n");
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    let log = server.rest_of_log();
    let reasons: Vec<_> = log.lines().map(|line| line.split_once(" ms: ").unwrap().1).collect();
    assert_eq!(
        reasons,
        [
            "url: the path has a space; write https://x/a%20b",
            "not JSON: EOF while parsing an object at line 1 column 1",
            "..\u{fffd}\u{fffd}: no such member; write names in lower case, with _ between words: `expires_in`",
            "send JSON, with Content-Type: application/json",
            "send the secret as `Authorization: Bearer <secret>`",
            "no such path; use POST /links to mint links, or POST /sessions for a session link",
            "the body is incomplete",
        ]
    );
}

#[test]
fn a_session_link() {
    let server = Server::start();
    let ask = |body: &str| server.ask("POST /sessions", &[BEARER, JSON], body.as_bytes());
    let good = r#""url": "https://cdn.example.com", "sub": "viewer-1", "open": ["/videos/42/"]"#;
    let answer = ask(&format!(
        r#"{{{good}, "access": "5m", "max": 2, "claims": {{"role": "viewer", "level": 3}}}}"#
    ));
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let (json, other) = (answer.json(), ask(&format!("{{{good}}}")).json());
    let expires = json["expires"].as_u64().unwrap();
    let link = json["link"].as_str().unwrap();
    let start = "https://cdn.example.com/.playgate/session?pg=1&exp=";
    assert!(link.starts_with(&format!("{start}{expires}&kid=main&cl=")), "{link}");
    assert!(link.contains("&max=2&ses=300.604800.2592000.L3ZpZGVvcy80Mi8&sub=viewer-1&sig="));
    let id = |link: &Value| {
        link["link"].as_str().unwrap().split("&jti=").nth(1).unwrap()[..22].to_owned()
    };
    assert_ne!(id(&json), id(&other));
    for (body, field, error) in [
        ("{}".into(), "url", "is missing; write the gate's scheme and host"),
        (
            format!(r#"{{{good}, "run": "4h"}}"#),
            "run",
            "no such member; write names in lower case, with _ between words: `expires_in`",
        ),
        (
            format!(r#"{{{good}, "claims": {{"a": 1.5}}}}"#),
            "claims",
            "write text, whole numbers, true, false, null, lists and objects",
        ),
    ] {
        ask(&body).refuses(400, &json!({"error": error, "field": field}));
    }
    server
        .ask("POST /sessions", &[JSON], b"{}")
        .refuses(401, &json!({"error": "send the secret as `Authorization: Bearer <secret>`"}));
    assert_eq!(server.ask("GET /sessions", &[BEARER], b"").status, 405);
}

#[test]
fn limits() {
    let server = Server::start();
    let array = |links| format!("[{}]", vec![r#"{"url": "https://x/a"}"#; links].join(","));
    assert_eq!(server.mint(&array(1000)).json().as_array().unwrap().len(), 1000);
    server
        .mint(&array(1001))
        .refuses(400, &json!({"error": "more than 1000 links; request fewer at a time"}));
    let longest = 256 * 1024;
    let padded = |len| {
        let body = core::str::from_utf8(ONE).unwrap();
        body.to_owned() + &" ".repeat(len - body.len())
    };
    assert_eq!(server.mint(&padded(longest)).status, 200);
    server.mint(&padded(longest + 1)).refuses(
        413,
        &json!({"error": "the body is longer than 262144 bytes; request fewer links at a time"}),
    );
    for kind in ["X-None: 1", "Content-Type: text/plain", "Content-Type: application/jsonp"] {
        server
            .ask("POST /links", &[BEARER, kind], ONE)
            .refuses(415, &json!({"error": "send JSON, with Content-Type: application/json"}));
    }
    for (request, allowed) in
        [("GET /links", "POST"), ("PUT /links", "POST"), ("POST /healthz", "GET,HEAD")]
    {
        let answer = server.ask(request, &[BEARER], b"");
        answer.refuses(405, &json!({"error": "wrong method; see the Allow header"}));
        assert_eq!(answer.header("allow"), Some(allowed));
    }
    for request in ["GET /", "POST /", "POST /links/", "GET /links/1"] {
        server
            .ask(request, &[BEARER], b"")
            .refuses(404, &json!({"error": "no such path; use POST /links to mint links, or POST /sessions for a session link"}));
    }
}

#[test]
fn the_log_has_a_line_a_request_and_no_credentials() {
    let mut server = Server::start();
    server.ask("POST /links?to=/pg=1", &[JSON, BEARER], ONE);
    server.ask("GET /pg=1&exp=1&kid=main&sig=x/a.mp4", &[], b"");
    server.ask("GET /token=eyJh.eyJ2.x/a.mp4", &[], b"");
    server.ask("GET /access=eyJh.eyJ2.x/pg=1&sig=x/a.mp4", &[], b"");
    server.ask("GET /a/token%3DeyJh.eyJ2.x/a.mp4", &[], b"");
    server.ask("GET /a.mp4?token=eyJh.eyJ2.x", &[], b"");
    server.ask("GET /healthz", &[], b"");
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    let log = server.rest_of_log();
    let times = log.lines().map(|line| line.split_once(" ms").unwrap().0);
    let lines: Vec<_> = times.map(|line| line.rsplit_once(' ').unwrap().0).collect();
    assert_eq!(
        lines,
        [
            "playgate: POST /links 200",
            "playgate: GET /pg=... 404",
            "playgate: GET /token=... 404",
            "playgate: GET /access=... 404",
            "playgate: GET /a/token%... 404",
            "playgate: GET /a.mp4 404",
            "playgate: GET /healthz 200",
        ]
    );
    for credential in [SECRET, "sig=", "eyJ"] {
        assert!(!log.contains(credential), "{log}");
    }
}
