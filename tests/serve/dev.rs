//! `playgate serve --dev`: the page, its settings, and who may have them.

use std::fs;

use serde_json::json;

use crate::program::{folder, keyed, ring};
use crate::server::Server;

const JSON: &str = "Content-Type: application/json";
const ONE: &[u8] = br#"{"url": "http://localhost:8787/a.mp4"}"#;

#[test]
fn the_page_is_served_with_its_headers() {
    let www = folder("www");
    fs::write(www.join("index.html"), "<!doctype html><title>Page</title>").unwrap();
    fs::write(www.join("core.wasm"), "\0asm").unwrap();
    let server = Server::dev(&["--www", www.to_str().unwrap()]);
    for (path, kind) in
        [("/", "text/html"), ("/index.html", "text/html"), ("/core.wasm", "application/wasm")]
    {
        let page = server.ask(&format!("GET {path}"), &[], b"");
        assert_eq!((page.status, page.header("content-type")), (200, Some(kind)));
        assert_eq!(
            page.header("content-security-policy"),
            Some(
                "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
                 img-src 'self' data: blob: http: https:; media-src blob: data: http: https:; \
                 connect-src 'self' http: https:; worker-src 'self' blob:; frame-ancestors 'none'; \
                 base-uri 'none'; form-action 'none'"
            )
        );
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("cache-control"), Some("no-cache"));
    }
    let none = json!({"error": "no such path; use POST /links to mint links, or POST /sessions for a session link"});
    server.ask("GET /nowhere.js", &[], b"").refuses(404, &none);
    server.ask("GET /../Cargo.toml", &[], b"").refuses(404, &none);
    server.ask("GET /%2e%2e/Cargo.toml", &[], b"").refuses(404, &none);
    let method = json!({"error": "wrong method; see the Allow header"});
    server.ask("POST /index.html", &[], b"").refuses(405, &method);
}

#[test]
fn the_settings_are_for_this_machine_alone() {
    let server = Server::dev(&["--edge=http://localhost:9999"]);
    let settings = server.ask("GET /dev.json", &[], b"");
    assert_eq!(settings.json(), json!({"edge": "http://localhost:9999", "keys": ring()}));
    assert_eq!(settings.header("cache-control"), Some("no-store"));
    let default = Server::dev(&[]).ask("GET /dev.json", &["Host: localhost:8788"], b"");
    assert_eq!(default.json()["edge"], "http://localhost:8787");

    let error = json!({"error": "with --dev, this server answers only requests for localhost; use that name"});
    for host in
        ["Host: rebound.example.com", "Host: 10.0.0.1", "Host: localhost.example.com", "Host:"]
    {
        server.ask("GET /dev.json", &[host], b"").refuses(403, &error);
        server.ask("POST /links", &[JSON, host], ONE).refuses(403, &error);
        server.ask("GET /", &[host], b"").refuses(403, &error);
    }
}

#[test]
fn links_are_minted_for_the_page_and_for_no_other_origin() {
    let server = Server::dev(&[]);
    let own = format!("Origin: http://{}", server.host);
    assert_eq!(server.ask("POST /links", &[JSON, &own], ONE).status, 200);
    assert_eq!(server.ask("POST /links", &[JSON], ONE).status, 200);
    let error = json!({"error": "pages of other origins cannot mint links"});
    let tls = own.replace("http", "https");
    for origin in
        ["Origin: https://example.com", "Origin: null", "Origin: http://localhost:1", &tls]
    {
        server.ask("POST /links", &[JSON, origin], ONE).refuses(403, &error);
    }
}

#[test]
fn a_page_that_is_not_built_is_told_of() {
    let www = folder("unbuilt");
    let mut program = keyed();
    program.args(["serve", "--dev", "--listen=127.0.0.1:0", "--www"]).arg(&www);
    let mut child = program.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let stderr = child.stderr.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stderr), &mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let www = www.display();
    assert_eq!(
        line,
        format!(
            "playgate: warning: there is no page in {www}; build it with `npm run build`, or name its folder with --www\n"
        )
    );
}
