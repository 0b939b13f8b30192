//! `playgate serve`: links with JSON Web Tokens, and what it says to those that it cannot mint.

use serde_json::json;

use crate::program::run;
use crate::server::Server;

#[test]
fn a_jwt() {
    let server = Server::start();
    let answer = server.mint(
        r#"{"url": "https://cdn.example.com/videos/42/a.mp4", "format": "jwt",
            "claims": {"vid": 42, "plan": "gold"}, "issuer": "me", "jwt_name": "access"}"#,
    );
    let link = answer.json();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(link.as_object().unwrap().keys().collect::<Vec<_>>(), ["link", "expires"]);
    let url = link["link"].as_str().unwrap();
    assert!(url.starts_with("https://cdn.example.com/videos/42/a.mp4?access=eyJ"), "{url}");
    let gate = ["--format=jwt", "--jwt-path=/videos/{vid}/", "--jwt-name=access", "--issuer=me"];
    let verdict = run(&[&["verify", "--json", url], &gate[..]].concat());
    assert_eq!(verdict.code, Some(0), "{verdict:?}");
    assert!(verdict.stdout.contains(r#""scope":"/videos/42/""#), "{verdict:?}");

    let both = server.mint(
        r#"[{"url": "/videos/42/a.m3u8", "format": "jwt", "claims": {"vid": "42"}},
            {"url": "/videos/42/a.m3u8", "format": "native", "claims": {}}]"#,
    );
    let both = both.json();
    assert!(both[0]["link"].as_str().unwrap().starts_with("/token=eyJ"));
    assert!(both[1]["link"].as_str().unwrap().starts_with("/pg=1&"));
    assert_eq!((&both[0]["scope"], &both[1]["scope"]), (&json!(null), &json!("/videos/42/")));
}

#[test]
fn errors_of_a_jwt_name_the_member() {
    const NOT_IN_JWT: &str = "is not available in this format; use a native link";
    const CLAIMS: &str = "write text or whole numbers";
    const NAME_RULE: &str =
        "write 1 to 64 of A-Z a-z 0-9 - _ . and not pg, the name of native tokens";
    const TAKEN: &str = "a claim is given twice, or is one of aud, exp, iat, iss, jti, max, nbf, reval, run, sid, sub and \
                         uses, which have options of their own";
    let server = Server::start();
    for (members, field, error) in [
        (r#""country": ["PT"]"#, "country", NOT_IN_JWT),
        (r#""ip": "203.0.113.9""#, "ip", NOT_IN_JWT),
        (r#""download": "a.mp4""#, "download", NOT_IN_JWT),
        (r#""preview": 30"#, "preview", NOT_IN_JWT),
        (r#""dir": 1"#, "dir", NOT_IN_JWT),
        (r#""exact": true"#, "exact", NOT_IN_JWT),
        (r#""claims": [7]"#, "claims", "write an object"),
        (r#""claims": {"vid": -7}"#, "claims", CLAIMS),
        (r#""claims": {"vid": 4.2}"#, "claims", CLAIMS),
        (r#""claims": {"vid": null}"#, "claims", CLAIMS),
        (r#""claims": {"vid": ["42"]}"#, "claims", CLAIMS),
        (r#""claims": {"vid": ""}"#, "claims", "is empty"),
        (r#""claims": {"": "42"}"#, "claims", "is empty"),
        (r#""claims": {"vid": 9007199254740992}"#, "claims", "is out of range"),
        (r#""claims": {"vid": 1, "vid": 2}"#, "claims", TAKEN),
        (r#""claims": {"exp": 4102444800}"#, "claims", TAKEN),
        (r#""jwt_name": "pg""#, "jwt_name", NAME_RULE),
        (r#""issuer": """#, "issuer", "is empty"),
        (r#""issuer": 7"#, "issuer", "write text, in quotes"),
        (r#""run": 0"#, "run", "is out of range"),
    ] {
        let body = format!(r#"{{"url": "https://x/a", "format": "jwt", {members}}}"#);
        server.mint(&body).refuses(400, &json!({"error": error, "field": field}));
    }
    const FOR_JWTS: &str = "is only for JWTs; set the format to jwt";
    for (members, field, error) in [
        (r#""claims": {"vid": "42"}"#, "claims", FOR_JWTS),
        (r#""issuer": "me""#, "issuer", FOR_JWTS),
        (r#""jwt_name": "access", "format": "native""#, "jwt_name", FOR_JWTS),
        (r#""format": "JWT""#, "format", "write native, jwt or timed-hmac"),
        (r#""format": true"#, "format", "write text, in quotes"),
    ] {
        let body = format!(r#"[{{"url": "https://x/a", {members}}}]"#);
        let field = format!("[0].{field}");
        server.mint(&body).refuses(400, &json!({"error": error, "field": field}));
    }
    let long = "x".repeat(4096);
    let body = format!(r#"{{"url": "/a", "format": "jwt", "claims": {{"a": "{long}"}}}}"#);
    server.mint(&body).refuses(
        400,
        &json!({"error": "the token would be longer than gates accept; put less into it"}),
    );
    for (url, error) in [
        ("https://x/a b?token=", "the URL already has a token; sign it without"),
        ("https://x/a b", "the path has a space; write https://x/a%20b"),
        // The spelling that it would have is none to sign.
        ("https:/x/a?token=", "not an absolute URL; write https://host/path"),
    ] {
        let body = json!({"url": url, "format": "jwt"}).to_string();
        server.mint(&body).refuses(400, &json!({"error": error, "field": "url"}));
    }
}
