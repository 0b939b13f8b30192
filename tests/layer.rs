//! `GateLayer` in front of services of axum: what they get, and what clients get.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, Uri};
use axum::routing::{any, get};
use playgate::{KeyRing, Signer, UnixTime};
use playgate_server::{
    Client, GateLayer, GateLayerBuilder, Grant, SqliteStore, StateThread, SystemClock,
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

#[path = "../examples/origin.rs"]
#[allow(dead_code, missing_docs, reason = "an example")]
mod origin;

const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

fn now() -> UnixTime {
    UnixTime::from_secs(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}

fn signer() -> Signer {
    Signer::new(KeyRing::parse(KEYS).unwrap())
}

/// A link without its host: `more` sets options.
macro_rules! link {
    ($url:expr $(, $option:ident($($value:expr),*))*) => {{
        let signer = signer();
        let link = signer.link(concat!("https://h", $url)) $(.$option($($value),*))*;
        link.sign(now()).unwrap().to_string().strip_prefix("https://h").unwrap().to_string()
    }};
}

/// An API that says what it got.
fn api(layer: GateLayer) -> Router {
    let says = |method: Method, uri: Uri, headers: HeaderMap, grant: Grant, body: String| async move {
        let forged =
            headers.get("playgate-subject").map(|value| value.to_str().unwrap().to_string());
        let grant = json!({
            "sub": grant.subject(), "sid": grant.session(), "role": grant.claim::<String>("role"), "expires": grant.expires(),
        });
        json!({ "method": method.as_str(), "uri": uri.to_string(), "grant": grant, "forged": forged, "body": body }).to_string()
    };
    Router::new().fallback(any(says)).layer(layer)
}

fn builder() -> GateLayerBuilder {
    GateLayer::builder([("PLAYGATE_KEYS", KEYS)])
}

fn layer() -> GateLayer {
    builder().build().unwrap()
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn reason(&self) -> Option<&str> {
        self.headers.get("playgate-reason").map(|reason| reason.to_str().unwrap())
    }
}

async fn ask(
    app: &Router,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut request = Request::builder().method(method).uri(target).header("host", "h");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::from(body.to_string())).unwrap();
    request
        .extensions_mut()
        .insert(axum::extract::ConnectInfo(SocketAddr::from(([203, 0, 113, 7], 1))));
    let answer = app.clone().oneshot(request).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

async fn get_(app: &Router, target: &str) -> Answer {
    ask(app, "GET", target, &[], "").await
}

#[tokio::test]
async fn without_a_good_token_the_service_is_not_asked() {
    let app = api(layer());
    let good = link!("/a/b");
    for (target, status, reason) in [
        ("/a/b", 401, "missing"),
        (good.replace("sig=", "sig=A").as_str(), 403, "malformed"),
        (good.replace("/a/b", "/a/c").as_str(), 403, "bad_signature"),
        (format!("{good}&x=y").as_str(), 403, "unsigned_parameter"),
        ("//a", 401, "missing"),
    ] {
        for method in ["GET", "POST", "DELETE", "PATCH"] {
            let answer = ask(&app, method, target, &[], "body").await;
            assert_eq!(
                (answer.status, answer.reason()),
                (status, Some(reason)),
                "{method} {target}"
            );
            assert_eq!(answer.headers["content-type"], "application/problem+json");
            assert_eq!(answer.json()["reason"], reason);
        }
    }
    assert_eq!(get_(&app, &good).await.status, 200);
}

#[tokio::test]
async fn the_service_gets_the_grant_and_an_address_without_the_token() {
    let app = api(layer());
    let expires = now().as_secs() + 600;
    let exact = link!("/a/b", subject("viewer-1"), claims(r#"{"role":"admin"}"#));
    let said =
        ask(&app, "POST", &exact, &[("playgate-subject", "somebody else")], "a body").await.json();
    assert_eq!(said["grant"]["sub"], "viewer-1");
    assert_eq!(said["grant"]["role"], "admin");
    assert!(said["grant"]["expires"].as_u64().unwrap().abs_diff(expires) < 5);
    assert_eq!(
        (&said["method"], &said["uri"], &said["body"]),
        (&json!("POST"), &json!("/a/b"), &json!("a body"))
    );
    assert_eq!(said["forged"], Value::Null);
    // In the path, and with parameters that a directory leaves to the service.
    let inside = link!("/a/b", directory(1), in_path());
    assert!(inside.starts_with("/pg="));
    let said = get_(&app, &format!("{inside}/c?page=2&sort=name")).await.json();
    assert_eq!(said["uri"], "/a/b/c?page=2&sort=name");
    let token = inside.split('/').nth(1).unwrap();
    for headers in [[("cookie", token)], [("authorization", &format!("Bearer {token}"))]] {
        let said = ask(&app, "DELETE", "/a/x?page=3", &headers, "").await.json();
        assert_eq!((&said["uri"], &said["method"]), (&json!("/a/x?page=3"), &json!("DELETE")));
    }
}

#[tokio::test]
async fn a_route_that_is_not_behind_the_layer_is_an_error() {
    let app = Router::new().route("/a", get(|grant: Grant| async move { format!("{grant:?}") }));
    assert_eq!(get_(&app, "/a").await.status, 500);
    // What a client says does not help.
    assert_eq!(ask(&app, "GET", "/a", &[("playgate-subject", "root")], "").await.status, 500);
}

#[tokio::test]
async fn preflights_and_public_paths_pass() {
    let public =
        GateLayer::builder([("PLAYGATE_KEYS", KEYS), ("PUBLIC", "/open/")]).build().unwrap();
    let app = Router::new()
        .fallback(any(|request: Request| async move { request.uri().to_string() }))
        .layer(public);
    assert_eq!(ask(&app, "OPTIONS", "/a", &[], "").await.body, "/a");
    assert_eq!(get_(&app, "/open/a?b=c").await.body, "/open/a?b=c");
    assert_eq!(get_(&app, "/closed").await.status, 401);
}

#[tokio::test]
async fn a_link_for_a_network_needs_to_know_the_client() {
    let target = link!("/a", network("203.0.113.0/24".parse().unwrap()));
    assert_eq!(get_(&api(layer()), &target).await.reason(), Some("wrong_network"));
    assert_eq!(get_(&api(builder().client(of_peer).build().unwrap()), &target).await.status, 200);
}

fn of_peer(parts: &axum::http::request::Parts) -> Client {
    let peer = parts.extensions.get::<axum::extract::ConnectInfo<SocketAddr>>();
    Client { address: peer.map(|peer| peer.0.ip()), ..Client::default() }
}

#[test]
fn wrong_settings_are_faults() {
    for (settings, fault) in [
        (vec![], "PLAYGATE_KEYS: is not set"),
        (vec![("PLAYGATE_KEYS", KEYS), ("AUDEINCE", "a")], "AUDEINCE: there is no such setting"),
        (vec![("PLAYGATE_KEYS", KEYS), ("ORIGIN", "https://a.example")], "ORIGIN: "),
        (vec![("PLAYGATE_KEYS", KEYS), ("ADMIN_SECRET", "0123456789abcdef")], "ADMIN_SECRET: "),
    ] {
        let faults = GateLayer::builder(settings).build().unwrap_err();
        assert!(faults.0.iter().any(|one| one.starts_with(fault)), "{faults}");
    }
}

/// The origin of the example, with a film and a playlist.
fn example() -> (tempfile::TempDir, Router) {
    let folder = tempfile::tempdir().unwrap();
    let media = folder.path().join("media/videos/42");
    fs::create_dir_all(&media).unwrap();
    fs::write(media.join("film.mp4"), "0123456789").unwrap();
    fs::write(media.join("list.m3u8"), "#EXTM3U\n#EXTINF:2,\n/videos/42/a.ts\n").unwrap();
    let app = origin::app(&folder.path().join("media"), &folder.path().join("state.db")).unwrap();
    (folder, app)
}

#[tokio::test]
async fn playlists_of_a_service_are_rewritten_and_its_files_have_ranges() {
    let (_folder, app) = example();
    let list = link!("/videos/42/list.m3u8", directory(2), in_query());
    let answer = get_(&app, &list).await;
    let token = list.split_once('?').unwrap().1;
    assert!(answer.body.contains(&format!("/{token}/videos/42/a.ts")), "{}", answer.body);
    let film = link!("/videos/42/film.mp4");
    let part = ask(&app, "GET", &film, &[("range", "bytes=2-4")], "").await;
    assert_eq!((part.status, part.body.as_str()), (206, "234"));
    assert_eq!(part.headers["content-range"], "bytes 2-4/10");
    let head = ask(&app, "HEAD", &film, &[], "").await;
    assert_eq!(
        (head.status, head.body.as_str(), &head.headers["content-length"]),
        (200, "", &"10".parse().unwrap())
    );
    assert_eq!(get_(&app, &link!("/videos/42/none.mp4")).await.status, 404);
    assert_eq!(ask(&app, "POST", &film, &[], "").await.reason(), Some("method_not_allowed"));
}

#[tokio::test]
async fn the_whole_life_of_a_viewer() {
    let (_folder, app) = example();
    assert!(get_(&app, "/").await.body.contains("openSession"));
    let from_page = [("origin", "http://h"), ("sec-fetch-site", "same-origin")];
    let start = async |name: &str| {
        let link = ask(&app, "POST", "/session-link", &[], name).await.body;
        let target = link.strip_prefix(origin::HOST).unwrap().to_string();
        assert_eq!(
            ask(&app, "POST", &target, &[("origin", "https://other.example")], "").await.reason(),
            Some("cross_site")
        );
        let started = ask(&app, "POST", &target, &from_page, "").await;
        assert_eq!(started.status, 200, "{}", started.body);
        let cookie =
            started.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_string();
        // For films, and for the API.
        let tokens =
            [0, 1].map(|n| started.json()["tokens"][n]["token"].as_str().unwrap().to_string());
        (tokens, cookie)
    };
    let (([viewer, of_api], cookie), ([root, root_api], _)) =
        (start("viewer-1").await, start("root").await);
    assert_eq!(get_(&app, &format!("/{viewer}/videos/42/film.mp4")).await.body, "0123456789");
    assert_eq!(get_(&app, "/api/statistics").await.reason(), Some("missing"));
    let refused = get_(&app, &format!("/{of_api}/api/statistics")).await;
    assert_eq!((refused.status, refused.reason()), (403, None), "{}", refused.body);
    assert_eq!(get_(&app, &format!("/{root_api}/api/statistics")).await.body, "hello root");
    // The operator ends the viewer's session.
    let secret = [("authorization", &*format!("Bearer {}", origin::ADMIN_SECRET))];
    assert_eq!(
        ask(&app, "DELETE", "/.playgate/sessions?sub=viewer-1", &secret, "").await.status,
        204
    );
    assert_eq!(get_(&app, &format!("/{viewer}/videos/42/film.mp4")).await.status, 403);
    let refresh = ask(
        &app,
        "POST",
        "/.playgate/session/refresh",
        &[from_page[0], from_page[1], ("cookie", &cookie)],
        "",
    )
    .await;
    assert_eq!(refresh.status, 403);
    assert_eq!(get_(&app, &format!("/{root}/videos/42/film.mp4")).await.status, 200);
}

#[tokio::test]
async fn uses_are_counted_for_all_services_behind_a_layer() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("state.db")).unwrap();
    let state = Arc::new(StateThread::start(store, Arc::new(SystemClock)).unwrap());
    let settings = [("PLAYGATE_KEYS", KEYS), ("ADMIN_SECRET", "0123456789abcdef")];
    let of_nobody = |_: &axum::http::request::Parts| Client {
        address: "192.0.2.1".parse().ok(),
        ..Client::default()
    };
    let counting = GateLayer::builder(settings).state(state);
    let [one, other] =
        [of_peer, of_nobody].map(|client| api(counting.clone().client(client).build().unwrap()));
    let target = link!("/a", uses(1), token_id("once"));
    for _ in 0..2 {
        assert_eq!(get_(&one, &target).await.status, 200);
        assert_eq!(get_(&other, &target).await.reason(), Some("already_used"));
    }
    // Without a state, nobody counts.
    assert_eq!(get_(&api(layer()), &target).await.reason(), Some("state_required"));
}
