//! `playgate sign --session`: signs session links.

use clap::Args;
use playgate::{Signer, UnixTime};
use playgate_json::{Seconds, SessionRequest, SignRequest};

use super::{push_json, random_id};
use crate::exit::{self, Exit, Failure};
use crate::link_args::in_options;

/// The options of a session link.
#[derive(Args)]
#[command(next_help_heading = "Sessions")]
pub(super) struct SessionArgs {
    /// Sign a session link for --sub: a page POSTs to it once, and the gate keeps the viewer signed in. The URL is the
    /// gate's scheme and host
    #[arg(long, requires = "sub", requires = "open", conflicts_with_all = NOT_FOR_SESSIONS)]
    pub(super) session: bool,

    /// A directory that the session opens, like /videos/42/. May be given up to eight times
    #[arg(long, value_name = "DIRECTORY", requires = "session")]
    open: Vec<String>,

    /// How long access tokens last, at most a day [default: 10m]
    #[arg(long, value_name = "LENGTH", requires = "session")]
    access: Option<Seconds>,

    /// End the session after so long without a refresh [default: 7d]
    #[arg(long, value_name = "LENGTH", requires = "session")]
    idle: Option<Seconds>,

    /// End the session after so long in any case, at most 400 days [default: 30d]
    #[arg(long, value_name = "LENGTH", requires = "session")]
    absolute: Option<Seconds>,
}

/// The options of other links. A session link has none of them, and must not ignore a restriction.
const NOT_FOR_SESSIONS: [&str; 27] = [
    "encode",
    "stdin",
    "reference",
    "expires_at",
    "not_before",
    "dir",
    "exact",
    "place",
    "country",
    "ip",
    "download",
    "inline",
    "round",
    "no_iat",
    "cookie",
    "preview",
    "reval",
    "run",
    "uses",
    "sid",
    "format",
    "issuer",
    "jwt_name",
    "timed_hmac_ttl",
    "timed_hmac_param",
    "timed_hmac_url_safe",
    "secret_file",
];

impl SessionArgs {
    /// Prints the link to a session at the gate of this URL. `links` has the options that other links have, too.
    pub(super) fn sign(
        self,
        url: &str,
        links: SignRequest,
        signer: &Signer,
        json: bool,
        now: UnixTime,
    ) -> Result<Exit, Failure> {
        // Each by name: a new option may be a restriction, so it belongs into NOT_FOR_SESSIONS or into the request.
        let SignRequest {
            url: _,
            expires_in,
            expires_at: _,
            dir: _,
            encode: _,
            exact: _,
            cookie: _,
            place: _,
            kid,
            audience,
            country: _,
            download: _,
            inline: _,
            ip: _,
            jti,
            max,
            no_iat: _,
            not_before: _,
            preview: _,
            reval: _,
            round: _,
            run: _,
            sid: _,
            sub,
            uses: _,
            format,
        } = links;
        let jti = match jti {
            Some(jti) => jti,
            None => random_id::<16>()?,
        };
        let request = SessionRequest {
            url: url.into(),
            sub: sub.unwrap_or_default(),
            open: self.open,
            access: self.access,
            idle: self.idle,
            absolute: self.absolute,
            max,
            claims: format.claims,
            expires_in,
            audience,
            kid,
            jti: Some(jti),
        };
        let link = request.sign(signer, now);
        let link = link.map_err(|error| Failure::usage(in_options(&error)))?;
        let mut answer = Vec::new();
        if json {
            push_json(&link, &mut answer);
        } else {
            answer.extend_from_slice(link.link.as_bytes());
        }
        answer.push(b'\n');
        exit::answer(&answer)?;
        Ok(Exit::Done)
    }
}
