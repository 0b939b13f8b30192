//! `playgate serve`: links over HTTP, for an origin in any language; and with `--dev` the page.

mod access;
mod connections;
mod links;
mod page;
mod router;
mod write_timeout;

use core::net::SocketAddr;
use std::env;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use playgate::Signer;
use tokio::net::TcpListener;
use tokio::runtime;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::exit::{self, Exit, Failure};
use crate::keys::{self, KeyArgs, SecretFile};

use self::access::Access;
use self::page::Page;
use self::router::App;

/// The variable that holds the secret where no file is named.
const VARIABLE: &str = "PLAYGATE_SECRET";

/// The fewest characters of a secret: 16 from a random generator are out of reach of guessing.
const MIN_SECRET_LEN: usize = 16;

/// Mint links over HTTP
///
/// POST /links with a JSON object, or an array of up to 1000, answers the link, or an array of links in
/// the same order; all of them or none. Members are the options of `playgate sign`, with _ for -; but
/// "country" is a list, and "claims" an object like {"vid": "42"}:
///
///   curl -H "Authorization: Bearer $PLAYGATE_SECRET" -H "Content-Type: application/json" \
///     -d '{"url": "https://cdn.example.com/videos/42/film.mp4", "expires_in": "10m"}' \
///     http://127.0.0.1:8788/links
///
///   {"link": "https://cdn.example.com/...", "expires": 1767225600, "scope": "/videos/42/film.mp4"}
///
/// What cannot be signed is answered with 400 and {"error": "...", "field": "expires_in"}. GET /healthz
/// answers ok. On SIGINT and SIGTERM requests in flight are finished, for at most 5 seconds.
///
/// Whoever holds the secret can mint any link: run it next to the origin, and behind TLS if other
/// machines can reach it. The secret is 16 characters or more, from --secret-file or the variable
/// PLAYGATE_SECRET.
#[derive(Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
EXAMPLES:
  PLAYGATE_SECRET=$(openssl rand -hex 32) playgate serve --keys keys.txt
  playgate serve --keys dev-keys.txt --dev

EXIT CODES:
  0  stopped by SIGINT or SIGTERM
  2  wrong usage, no secret, or one that is too short
  3  keys unreadable, or the address in use"
)]
pub(crate) struct Serve {
    #[command(flatten)]
    keys: KeyArgs,

    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8788", value_parser = listen)]
    listen: SocketAddr,

    /// A file with the secret that callers send [default: the variable PLAYGATE_SECRET]
    #[arg(long, value_name = "FILE", conflicts_with = "dev")]
    secret_file: Option<PathBuf>,

    /// For development on this machine: no secret is asked for, and the page is served, with the keys
    #[arg(long)]
    dev: bool,

    /// The folder of the page
    #[arg(long, value_name = "DIR", default_value = "build/www", requires = "dev")]
    www: PathBuf,

    /// The gate that the page plays from
    #[arg(long, value_name = "URL", default_value = "http://localhost:8787", requires = "dev")]
    edge: String,

    #[command(flatten)]
    clock: Clock,
}

/// An address and a port. `localhost` is this machine, whatever a resolver says.
fn listen(text: &str) -> Result<SocketAddr, &'static str> {
    let local = text
        .to_ascii_lowercase()
        .strip_prefix("localhost:")
        .map(|port| ["127.0.0.1:", port].concat());
    local.as_deref().unwrap_or(text).parse().map_err(|_| {
        "write an IP address and a port, like 127.0.0.1:8788 or [::1]:8788, or 0.0.0.0:8788 for all addresses of this machine"
    })
}

/// Where the secret is.
const SECRET_FILE: SecretFile = SecretFile {
    source: "the file of --secret-file",
    advice: "put there the secret that callers send",
    takes: "--secret-file takes a path, not the secret",
};

impl Serve {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        if self.dev && !self.listen.ip().is_loopback() {
            return Err(Failure::usage(
                "--dev gives the keys to whoever asks; listen on 127.0.0.1 or [::1]",
            ));
        }
        if !self.dev && self.clock.stands_still() {
            return Err(Failure::usage("--now is for tests; use it with --dev"));
        }
        let access = if self.dev { Access::Local } else { Access::Bearer(self.secret()?) };
        let keys = self.keys.load(false)?;
        let page = self.dev.then(|| Page::new(self.www, self.edge, keys.text));
        let app = App { signer: Signer::new(keys.ring), clock: self.clock, access, page };
        let runtime = runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            Failure::unavailable(format_args!("the system gives no threads: {error}"))
        })?;
        runtime.block_on(serve(self.listen, app))
    }

    fn secret(&self) -> Result<Zeroizing<String>, Failure> {
        let secret = match &self.secret_file {
            Some(file) => keys::read_file(file, &SECRET_FILE)?,
            None => Zeroizing::new(env::var(VARIABLE).map_err(|_| {
                Failure::usage(
                    "no secret for callers to show; put one of 16 characters or more into \
                     PLAYGATE_SECRET or a file for --secret-file (or try it with --dev)",
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
    let stop = connections::stop_signal()
        .map_err(|error| Failure::unavailable(format_args!("cannot wait for signals: {error}")))?;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::unavailable(match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("{address} is in use; choose another port with --listen")
            }
            io::ErrorKind::AddrNotAvailable => {
                format!("{address} is not an address of this machine; choose another with --listen")
            }
            io::ErrorKind::PermissionDenied => format!(
                "the system does not allow this user to listen on {address}; choose a port above 1023 with \
                 --listen"
            ),
            _ => format!("cannot listen on {address}: {error}"),
        })
    })?;
    let address = listener.local_addr().unwrap_or(address);
    exit::say(format_args!("listening on http://{address}"));
    connections::serve(listener, router::router(Arc::new(app)), stop).await;
    Ok(Exit::Done)
}
