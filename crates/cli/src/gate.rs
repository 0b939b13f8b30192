//! `playgate gate`: the gate without Cloudflare.

mod log;
mod media;
mod run;
mod settings;

use core::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use playgate_server::Proxy;

use crate::exit::{Exit, Failure};
use crate::listener;

use self::settings::Settings;

/// Serve media to viewers with a token
///
/// The gate that the Worker is, without Cloudflare: it checks each request, and serves the files of a directory, or
/// asks a media server for them. It rewrites playlists, so that segments have a token too.
///
/// Settings have the names of the Worker's variables, as in docs/deploy.md. They come from the environment or from a
/// TOML file, lines like AUDIENCE = "cdn.example.com". Options come first, then the environment, then the file. All
/// are checked at the start, and every fault is reported. On SIGHUP the files are read again, without dropping a
/// request: so keys are rotated. If there is a fault, the gate goes on with the old settings, and logs it.
///
/// With ADMIN_SECRET the gate keeps state, in a SQLite file or in Redis: revocations, references, playbacks and sessions.
///
/// Log lines are JSON on stdout; they contain no token. On SIGINT and SIGTERM the gate finishes requests in flight, for
/// at most 30 seconds.
#[derive(Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
EXAMPLES:
  playgate gate --keys keys.txt --root /srv/media
  playgate gate --keys keys.txt --forward-auth nginx
  playgate gate --keys keys.txt --root /srv/media --state redis://redis.internal:6379
  playgate gate --config gate.toml --listen 0.0.0.0:8080 --status 127.0.0.1:9464

EXIT CODES:
  0  stopped by SIGINT or SIGTERM
  2  wrong usage, or wrong settings
  3  a file unreadable, or an address in use"
)]
pub(crate) struct Gate {
    /// The directory with the media [setting: MEDIA]
    #[arg(long, value_name = "DIR", conflicts_with = "origin")]
    root: Option<PathBuf>,

    /// The media server, like https://media.example.com [setting: ORIGIN]
    #[arg(long, value_name = "URL")]
    origin: Option<String>,

    /// Serve no media, but tell a proxy whether it may: caddy, envoy, nginx or traefik [setting: FORWARD_AUTH]
    #[arg(long, value_name = "PROXY", conflicts_with_all = ["root", "origin"])]
    forward_auth: Option<Proxy>,

    /// A TOML file with settings
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// A file with keys as keygen prints them, one per line [setting: PLAYGATE_KEYS]
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,

    /// What keeps the state, if ADMIN_SECRET is set: a SQLite file, or a Redis like redis://HOST:6379. Whoever is on this
    /// machine can read a password here; better write it into the file in --config [setting: STATE]
    /// [default: playgate.db]
    #[arg(long, value_name = "FILE|URL")]
    state: Option<String>,

    /// Address and port to listen on; port 0 means any free port [setting: LISTEN] [default: 127.0.0.1:8787]
    #[arg(long, value_name = "ADDRESS", value_parser = listener::address)]
    listen: Option<SocketAddr>,

    /// Address and port for /healthz, /readyz and /metrics; keep it private [setting: STATUS]
    #[arg(long, value_name = "ADDRESS", value_parser = listener::address)]
    status: Option<SocketAddr>,

    /// Networks of the proxies that may say who the client is, separated by commas, like 10.0.0.0/8: in
    /// X-Forwarded-For, X-Forwarded-Proto and the field in --country-header [setting: TRUSTED_PROXIES]
    #[arg(long, value_name = "NETWORKS")]
    trusted_proxies: Option<String>,

    /// The header field in which they say the client's country [setting: COUNTRY_HEADER]
    #[arg(long, value_name = "NAME")]
    country_header: Option<String>,
}

impl Gate {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let settings = Settings::read(&self)?;
        run::run(self, settings)
    }
}
