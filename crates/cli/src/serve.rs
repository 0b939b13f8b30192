//! `playgate serve`: mints links over HTTP, for an origin in any language. With `--dev`, also serves the page.

mod access;
mod links;
mod page;
mod router;

use core::net::SocketAddr;
use core::time::Duration;
use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::http::Request;
use axum::response::Response;
use clap::Args;
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use playgate::Signer;
use playgate_server::{Limits, listen, stop_signal};
use tokio::runtime;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::exit::{Exit, Failure};
use crate::keys::{self, KeyArgs, SecretFile};
use crate::listener;

use self::access::Access;
use self::page::Page;
use self::router::App;

/// The variable that holds the secret if no file is named.
const VARIABLE: &str = "PLAYGATE_SECRET";

/// Below the usual limit of 1,024 open files. An answer has at most 600 KB.
const LIMITS: Limits = Limits {
    connections: 512,
    idle: Duration::from_secs(10),
    write: Duration::from_secs(10),
    grace: Duration::from_secs(5),
};

/// The fewest characters of a secret: 16 random characters cannot be guessed.
const MIN_SECRET_LEN: usize = 16;

/// Mint links over HTTP
///
/// POST /links takes a JSON object and returns a link, or takes an array of up to 1000 objects and
/// returns an array of links in the same order. If one fails, no link is signed. Members are the options of
/// `playgate sign`, with _ for -, but "country" is a list, and "claims" is an object like {"vid": "42"}:
///
///   curl -H "Authorization: Bearer $PLAYGATE_SECRET" -H "Content-Type: application/json" \
///     -d '{"url": "https://cdn.example.com/videos/42/film.mp4", "expires_in": "10m"}' \
///     http://127.0.0.1:8788/links
///
///   {"link": "https://cdn.example.com/...", "expires": 1767225600, "scope": "/videos/42/film.mp4"}
///
/// If a link cannot be signed, the response is 400 with {"error": "...", "field": "expires_in"}. GET
/// /healthz returns ok. On SIGINT and SIGTERM the service finishes requests in flight, for at most 5
/// seconds.
///
/// Anyone who has the secret can mint any link. Run the service next to the origin, and behind TLS if
/// other machines can reach it. The secret has at least 16 characters and comes from --secret-file or
/// the variable PLAYGATE_SECRET.
#[derive(Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
EXAMPLES:
  PLAYGATE_SECRET=$(openssl rand -hex 32) playgate serve --keys keys.txt
  playgate serve --keys dev-keys.txt --dev

EXIT CODES:
  0  stopped by SIGINT or SIGTERM
  2  wrong usage, or the secret is missing or too short
  3  keys unreadable, or address in use"
)]
pub(crate) struct Serve {
    #[command(flatten)]
    keys: KeyArgs,

    /// Address and port to listen on; port 0 means any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8788", value_parser = listener::address)]
    listen: SocketAddr,

    /// A file with the secret that callers send [default: the variable PLAYGATE_SECRET]
    #[arg(long, value_name = "FILE", conflicts_with = "dev")]
    secret_file: Option<PathBuf>,

    /// For development on this machine: require no secret, and serve the page with the keys
    #[arg(long)]
    dev: bool,

    /// The folder that contains the page
    #[arg(long, value_name = "DIR", default_value = "build/www", requires = "dev")]
    www: PathBuf,

    /// The gate from which the page plays
    #[arg(long, value_name = "URL", default_value = "http://localhost:8787", requires = "dev")]
    edge: String,

    #[command(flatten)]
    clock: Clock,
}

/// Where the secret is.
const SECRET_FILE: SecretFile = SecretFile {
    source: "the file in --secret-file",
    advice: "write the secret that callers send into it",
    takes: "--secret-file takes a path, not the secret",
};

impl Serve {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        if self.dev && !self.listen.ip().is_loopback() {
            return Err(Failure::usage(
                "--dev gives the keys to everyone who can connect; listen on 127.0.0.1 or [::1]",
            ));
        }
        if !self.dev && self.clock.stands_still() {
            return Err(Failure::usage("--now is for tests; use it only with --dev"));
        }
        let access = if self.dev { Access::Local } else { Access::Bearer(self.secret()?) };
        let keys = self.keys.load(false)?;
        let page = self.dev.then(|| Page::new(self.www, self.edge, keys.text));
        let app = App { signer: Signer::new(keys.ring), clock: self.clock, access, page };
        let runtime = runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime
            .map_err(|error| Failure::unavailable(format_args!("cannot start threads: {error}")))?;
        runtime.block_on(serve(self.listen, app))
    }

    fn secret(&self) -> Result<Zeroizing<String>, Failure> {
        let secret = match &self.secret_file {
            Some(file) => keys::read_file(file, &SECRET_FILE)?,
            None => Zeroizing::new(env::var(VARIABLE).map_err(|_| {
                Failure::usage(
                    "no secret for callers; put one of at least 16 characters into PLAYGATE_SECRET \
                     or a file for --secret-file (or use --dev to try it out)",
                )
            })?),
        };
        let secret = Zeroizing::new(secret.trim().to_owned());
        if secret.chars().count() < MIN_SECRET_LEN {
            return Err(Failure::usage(
                "the secret is too short; make one with `openssl rand -hex 32`",
            ));
        }
        Ok(secret)
    }
}

async fn serve(address: SocketAddr, app: App) -> Result<Exit, Failure> {
    let stop = stop_signal().map_err(|error| {
        Failure::unavailable(format_args!("cannot listen for signals: {error}"))
    })?;
    let listener = listener::bind(address, "listening", "--listen").await?;
    let router = router::router(Arc::new(app));
    listen(listener, LIMITS, stop, move |request, _| answer(router.clone(), request)).await;
    Ok(Exit::Done)
}

async fn answer(router: Router, request: Request<Incoming>) -> Response {
    match TowerToHyperService::new(router).call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
