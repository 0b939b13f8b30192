//! An origin in axum, with a gate of its own: sign in, a session link, an API route with a role, and films.
//!
//!     cargo run -p playgate-server --example origin -- MEDIA-DIRECTORY
//!
//! Then open http://localhost:8080. Everything is in one program here. On Cloudflare, or with `playgate gate`, the films
//! would be at another host, and only the session link and the API stay with the origin.

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use playgate::{KeyRing, Signer, UnixTime};
use playgate_server::{Client, GateLayer, Grant, SqliteStore, StateThread, SystemClock};
use tower::Layer as _;
use tower_http::services::ServeDir;

/// A development key. Make yours with `playgate keygen`, and keep it out of the source.
const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
pub(crate) const ADMIN_SECRET: &str = "development-admin-secret";
pub(crate) const HOST: &str = "http://localhost:8080";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let media = std::env::args().nth(1).unwrap_or_else(|| "build/media".into());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    let app = app(Path::new(&media), Path::new("origin.db"))?;
    Ok(axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?)
}

/// The whole origin.
pub(crate) fn app(media: &Path, state: &Path) -> Result<Router, Box<dyn Error>> {
    let store = StateThread::start(SqliteStore::open(state)?, Arc::new(SystemClock))?;
    let settings = [("PLAYGATE_KEYS", KEYS), ("ADMIN_SECRET", ADMIN_SECRET)];
    let gate = GateLayer::builder(settings).manifests().state(Arc::new(store)).client(client);
    let gated = Router::new()
        .route("/api/statistics", get(statistics))
        .fallback_service(ServeDir::new(media));
    let signer = Arc::new(Signer::new(KeyRing::parse(KEYS)?));
    Ok(Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .route("/session.js", get(|| async { ([(CONTENT_TYPE, "text/javascript")], SCRIPT) }))
        .route("/session-link", post(session_link).with_state(signer))
        // Around the routes, not on each: a token in the path is taken off before they are looked up. The gate's own
        // calls come here, too.
        .fallback_service(gate.build()?.layer(gated)))
}

/// The viewer's address, as the connection tells it. Behind a proxy, take it from the field that the proxy sets.
fn client(parts: &Parts) -> Client {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    Client { address: peer.map(|peer| peer.0.ip()), ..Client::default() }
}

/// Signs a session link for whoever has signed in. Here that is everybody: your own sign-in comes first.
async fn session_link(State(signer): State<Arc<Signer>>, name: String) -> impl IntoResponse {
    let role = if name == "root" { r#"{"role":"admin"}"# } else { r#"{"role":"viewer"}"# };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // An id that is unique in your deployment, and says nothing.
    let id = format!("{:x}", now.as_nanos());
    let session = signer.session(HOST, &name, &id).open("/videos/").open("/api/").claims(role);
    match session.sign(UnixTime::from_secs(now.as_secs())) {
        Ok(link) => (StatusCode::OK, link.to_string()),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()),
    }
}

/// Only for administrators. The gate has checked the token, so what it says is true.
async fn statistics(grant: Grant) -> impl IntoResponse {
    match grant.claim::<String>("role").as_deref() {
        Some("admin") => (StatusCode::OK, format!("hello {}", grant.subject().unwrap_or_default())),
        _ => (StatusCode::FORBIDDEN, "this is for administrators".into()),
    }
}

const SCRIPT: &str = include_str!("../www/session.js");

const PAGE: &str = r#"<!doctype html>
<meta charset="utf-8">
<title>An origin with a gate</title>
<form><input name="name" placeholder="your name" required> <button>Sign in</button></form>
<video controls muted width="480"></video>
<pre></pre>
<script type="module">
  import { openSession } from "./session.js";
  document.forms[0].onsubmit = async (event) => {
    event.preventDefault();
    const name = event.target.name.value;
    const link = async () => (await fetch("/session-link", { method: "POST", body: name })).text();
    const session = await openSession({ gate: location.origin, link, ended: () => location.reload() });
    document.querySelector("video").src = session.url("/videos/42/film.mp4");
    const answer = await fetch(await session.ready("/api/statistics"));
    document.querySelector("pre").textContent = await answer.text();
  };
</script>
"#;
