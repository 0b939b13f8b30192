//! The client of a gate's own calls, below `/.playgate/`.

use core::time::Duration;
use std::collections::HashMap;
use std::env;
use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;
use serde_json::value::RawValue;
use ureq::Agent;
use ureq::http::Request;
use url::Url;
use zeroize::Zeroizing;

use crate::exit::{self, Exit, Failure};
use crate::keys::{self, SecretFile};

/// The variable that holds the secret if no file is named.
const VARIABLE: &str = "PLAYGATE_ADMIN_SECRET";

const SECRET_FILE: SecretFile = SecretFile {
    source: "the file in --secret-file",
    advice: "write the gate's ADMIN_SECRET into it",
    takes: "--secret-file takes a path, not the secret",
};

/// How long to wait for the gate.
const PATIENCE: Duration = Duration::from_secs(30);

/// The gate and its secret.
#[derive(Args)]
pub(crate) struct GateArgs {
    /// The gate's scheme and host
    #[arg(value_name = "https://HOST", value_parser = gate)]
    gate: Url,

    #[command(flatten)]
    secret: SecretArgs,
}

/// A viewer, of whom something is listed or ended.
#[derive(Args)]
pub(crate) struct ViewerArgs {
    /// The viewer, as in --sub
    #[arg(value_name = "VIEWER")]
    sub: String,

    /// End them
    #[arg(long)]
    end: bool,

    /// End only the one of this id
    #[arg(long, value_name = "ID", requires = "end", allow_hyphen_values = true)]
    sid: Option<String>,

    #[command(flatten)]
    gate: GateArgs,
}

/// The secret of the gate.
#[derive(Args)]
pub(crate) struct SecretArgs {
    /// A file with the gate's ADMIN_SECRET [default: the variable PLAYGATE_ADMIN_SECRET]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

/// Reads the gate's address. The secret must not be sent in clear text.
pub(crate) fn gate(text: &str) -> Result<Url, &'static str> {
    const FORM: &str = "write scheme and host, like https://cdn.example.com";
    let url = Url::parse(text).map_err(|_| FORM)?;
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        "https" => {}
        "http" if is_local => {}
        "http" => return Err("write https: the secret must not travel in clear text"),
        _ => return Err(FORM),
    }
    let is_bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    if is_bare { Ok(url) } else { Err(FORM) }
}

/// A gate to call.
pub(crate) struct Gate {
    agent: Agent,
    url: Url,
    secret: Zeroizing<String>,
}

impl Gate {
    pub(crate) fn new(args: &GateArgs) -> Result<Self, Failure> {
        Self::at(args.gate.clone(), &args.secret)
    }

    /// The gate that serves an address.
    pub(crate) fn serving(address: &str, secret: &SecretArgs) -> Result<Self, Failure> {
        let origin = Url::parse(address).map(|url| url.origin().ascii_serialization());
        let url = gate(&origin.unwrap_or_default()).map_err(Failure::usage)?;
        Self::at(url, secret)
    }

    fn at(url: Url, secret: &SecretArgs) -> Result<Self, Failure> {
        let secret = match &secret.secret_file {
            Some(file) => keys::read_file(file, &SECRET_FILE)?,
            None => Zeroizing::new(env::var(VARIABLE).map_err(|_| {
                Failure::usage(
                    "no secret for the gate; put its ADMIN_SECRET into PLAYGATE_ADMIN_SECRET or a file for --secret-file",
                )
            })?),
        };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would take the secret elsewhere.
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .build()
            .new_agent();
        Ok(Self { agent, url, secret })
    }

    /// The status and the body of the answer to a call.
    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<(u16, String), Failure> {
        let mut url = self.url.clone();
        url.set_path(&["/.playgate/", path].concat());
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let bearer = Zeroizing::new(["Bearer ", self.secret.trim()].concat());
        let request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header("Authorization", bearer.as_str())
            .header("Content-Type", "application/json");
        let cannot = |error: &dyn core::fmt::Display| {
            Failure::unavailable(format_args!("cannot reach the gate: {error}"))
        };
        let request = request.body(body.unwrap_or_default());
        let request = request.map_err(|_| {
            Failure::usage("the secret has characters that a header field cannot have")
        })?;
        let mut response = self.agent.run(request).map_err(|error| cannot(&error))?;
        let body = response.body_mut().read_to_string().map_err(|error| cannot(&error))?;
        Ok((response.status().as_u16(), body))
    }
}

impl ViewerArgs {
    /// Prints what the viewer has, one per line, or ends it: `playbacks` or `sessions`. `one` is what each is called.
    pub(crate) fn run(self, what: &'static str, one: &'static str) -> Result<Exit, Failure> {
        let Self { sub, end, sid, gate } = self;
        let mut query = vec![("sub", sub.as_str())];
        query.extend(sid.as_deref().map(|sid| ("sid", sid)));
        let method = if end { "DELETE" } else { "GET" };
        let (status, body) = Gate::new(&gate)?.call(method, what, &query, None)?;
        match status {
            204 => Ok(Exit::Done),
            200 => {
                type Page = HashMap<String, Vec<Box<RawValue>>>;
                let page: Page = serde_json::from_str(&body).map_err(|_| unreadable())?;
                let listed = page.get(what).ok_or_else(unreadable)?;
                let lines: String = listed.iter().flat_map(|one| [one.get(), "\n"]).collect();
                exit::answer(lines.as_bytes()).map(|()| Exit::Done)
            }
            404 if sid.is_some() => {
                exit::say(format_args!("the viewer has no such {one}"));
                Ok(Exit::Refused)
            }
            _ => Err(failure(status, &body)),
        }
    }
}

/// What to do about an answer that is no success.
pub(crate) fn failure(status: u16, body: &str) -> Failure {
    #[derive(Deserialize)]
    struct Problem {
        reason: Option<String>,
        detail: Option<String>,
    }
    let problem: Option<Problem> = serde_json::from_str(body).ok();
    let reason = problem.as_ref().and_then(|problem| problem.reason.as_deref());
    let detail = problem.as_ref().and_then(|problem| problem.detail.as_deref());
    match (status, reason) {
        (400, _) => Failure::usage(detail.unwrap_or("the gate cannot read this call")),
        (401, Some("unauthorized")) => {
            Failure::unavailable("the gate refuses the secret; use its ADMIN_SECRET")
        }
        (401 | 403, _) => Failure::unavailable(
            "this gate keeps no state: bind DENYLIST and RECORDS and set ADMIN_SECRET, or check the address",
        ),
        (_, Some(_)) => Failure::unavailable(format_args!(
            "the gate answers {status}: {}",
            detail.unwrap_or_default()
        )),
        _ => unreadable(),
    }
}

pub(crate) fn unreadable() -> Failure {
    Failure::unavailable("this is not the answer of a gate; check the address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_goes_only_where_it_is_encrypted() {
        for good in ["https://cdn.example.com", "https://cdn.example.com/", "http://localhost:8787"]
        {
            assert!(gate(good).is_ok(), "{good}");
        }
        for bad in [
            "http://cdn.example.com",
            "cdn.example.com",
            "https://cdn.example.com/videos/",
            "https://cdn.example.com/?a=b",
            "https://me@cdn.example.com/",
            "ftp://cdn.example.com",
        ] {
            assert!(gate(bad).is_err(), "{bad}");
        }
    }
}
