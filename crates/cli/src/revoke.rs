//! `playgate revoke` and `playgate revocations`: end links early, at a gate that keeps state.

use core::time::Duration;
use std::env;
use std::path::PathBuf;

use clap::Args;
use playgate::UnixTime;
use playgate_json::{Moment, Seconds};
use serde::Deserialize;
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;
use url::Url;
use zeroize::Zeroizing;

use crate::clock::Clock;
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
struct GateArgs {
    /// The gate's scheme and host
    #[arg(value_name = "https://HOST", value_parser = gate)]
    gate: Url,

    /// A file with the gate's ADMIN_SECRET [default: the variable PLAYGATE_ADMIN_SECRET]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

/// Revoke links
///
/// Every gate of the deployment refuses the tokens that the option names, after at most DENYLIST_MAX_AGE (10
/// seconds by default). Prints the revocation that now holds, as one line of JSON. A second revocation of the same
/// value joins the first: the later end, the wider condition and the newer reason count.
///
/// A revocation ends by itself. Let it last as long as the longest-lived token that it concerns: the latest expiry,
/// and the --run on top of it.
#[derive(Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
EXAMPLES:
  A viewer has signed out: every link issued before now
    playgate revoke --sub viewer-1 --issued-before now --for 7d https://cdn.example.com

  Every link to a directory
    playgate revoke --dir /videos/42/ --for 7d https://cdn.example.com

  Undo a revocation
    playgate revoke --undo --sub viewer-1 https://cdn.example.com

EXIT CODES:
  0  done
  1  with --undo: there is no such revocation
  2  wrong usage
  3  the gate cannot be reached, refuses the secret, or keeps no state"
)]
pub(crate) struct Revoke {
    #[command(flatten)]
    what: What,

    /// Revoke only tokens issued before this time; `now` is allowed. A token without iat is always revoked. Only with
    /// --sub, --dir and --all
    #[arg(long, value_name = "TIME", value_parser = time_or_now)]
    issued_before: Option<TimeOrNow>,

    /// How long the revocation lasts, like 7d
    #[arg(long = "for", value_name = "LENGTH", conflicts_with = "until")]
    length: Option<Seconds>,

    /// When the revocation ends: unix seconds, or like 2030-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,

    /// The reason that viewers get: revoked, signed_out or displaced
    #[arg(long, value_name = "REASON", value_parser = ["revoked", "signed_out", "displaced"])]
    reason: Option<String>,

    /// Undo the revocation
    #[arg(long, conflicts_with_all = ["issued_before", "length", "until", "reason"])]
    undo: bool,

    #[command(flatten)]
    gate: GateArgs,

    #[command(flatten)]
    clock: Clock,
}

/// What to revoke.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Revoke every token
    #[arg(long)]
    all: bool,

    /// Revoke every token for a path below this directory
    #[arg(long, value_name = "PATH")]
    dir: Option<String>,

    /// Revoke the token with this id
    #[arg(long, value_name = "ID")]
    jti: Option<String>,

    /// Revoke the tokens that this key signed
    #[arg(long, value_name = "ID")]
    kid: Option<String>,

    /// Revoke the tokens of this playback
    #[arg(long, value_name = "ID")]
    sid: Option<String>,

    /// Revoke the tokens of this viewer
    #[arg(long, value_name = "ID")]
    sub: Option<String>,
}

/// List what is revoked
///
/// Prints each revocation that has not ended as one line of JSON, the oldest first.
#[derive(Args)]
#[command(after_help = "\
EXAMPLE:
  PLAYGATE_ADMIN_SECRET=... playgate revocations https://cdn.example.com

EXIT CODES:
  0  done
  2  wrong usage
  3  the gate cannot be reached, refuses the secret, or keeps no state")]
pub(crate) struct Revocations {
    #[command(flatten)]
    gate: GateArgs,
}

#[derive(Clone, Copy)]
enum TimeOrNow {
    Now,
    Time(UnixTime),
}

fn time_or_now(text: &str) -> Result<TimeOrNow, &'static str> {
    match text {
        "now" => Ok(TimeOrNow::Now),
        _ => text.parse().map(|Moment(time)| TimeOrNow::Time(time)),
    }
}

/// Reads the gate's address. The secret must not be sent in clear text.
fn gate(text: &str) -> Result<Url, &'static str> {
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

impl Revoke {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let (kind, value) = self.what.named();
        let gate = Gate::new(&self.gate)?;
        if self.undo {
            let query = [("kind", kind), ("value", value)];
            let (status, body) = gate.call("DELETE", &query, None)?;
            return match status {
                204 => Ok(Exit::Done),
                404 => {
                    exit::say("there is no such revocation; `playgate revocations` lists them");
                    Ok(Exit::Refused)
                }
                _ => Err(failure(status, &body)),
            };
        }
        let now = self.clock.now();
        let until = match (self.length, self.until) {
            (Some(Seconds(secs)), _) => now.saturating_add(Duration::from_secs(secs)),
            (None, Some(Moment(time))) => time,
            (None, None) => {
                return Err(Failure::usage(
                    "say how long it lasts, with --for or --until: as long as the longest-lived token that it concerns",
                ));
            }
        };
        let issued_before = self.issued_before.map(|time| match time {
            TimeOrNow::Now => now.as_secs(),
            TimeOrNow::Time(time) => time.as_secs(),
        });
        let mut revocation = json!({ "kind": kind, "until": until.as_secs() });
        let more = [
            ("value", Some(value).filter(|value| !value.is_empty()).map(Value::from)),
            ("issued_before", issued_before.map(Value::from)),
            ("reason", self.reason.map(Value::from)),
        ];
        for (name, value) in more {
            if let (Some(members), Some(value)) = (revocation.as_object_mut(), value) {
                members.insert(name.into(), value);
            }
        }
        let (status, body) = gate.call("POST", &[], Some(revocation.to_string()))?;
        match status {
            200 | 201 => exit::answer(format!("{body}\n").as_bytes()).map(|()| Exit::Done),
            _ => Err(failure(status, &body)),
        }
    }
}

impl What {
    /// The kind and the value; an empty value for all.
    fn named(&self) -> (&'static str, &str) {
        let options = [
            ("dir", &self.dir),
            ("jti", &self.jti),
            ("kid", &self.kid),
            ("sid", &self.sid),
            ("sub", &self.sub),
        ];
        let named = options.into_iter().find_map(|(kind, value)| Some((kind, value.as_deref()?)));
        named.unwrap_or(("all", ""))
    }
}

impl Revocations {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        #[derive(Deserialize)]
        struct Page {
            revocations: Vec<Box<serde_json::value::RawValue>>,
            next: Option<u64>,
        }
        let gate = Gate::new(&self.gate)?;
        let mut after = String::new();
        loop {
            let query = [("limit", "1000"), ("after", after.as_str())];
            let query = if after.is_empty() { &query[..1] } else { &query[..] };
            let (status, body) = gate.call("GET", query, None)?;
            if status != 200 {
                return Err(failure(status, &body));
            }
            let page: Page = serde_json::from_str(&body).map_err(|_| unreadable())?;
            let lines: String = page.revocations.iter().flat_map(|one| [one.get(), "\n"]).collect();
            exit::answer(lines.as_bytes())?;
            match page.next {
                Some(next) => after = next.to_string(),
                None => return Ok(Exit::Done),
            }
        }
    }
}

/// A gate to call.
struct Gate {
    agent: Agent,
    url: Url,
    secret: Zeroizing<String>,
}

impl Gate {
    fn new(args: &GateArgs) -> Result<Self, Failure> {
        let secret = match &args.secret_file {
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
        let mut url = args.gate.clone();
        url.set_path("/.playgate/revocations");
        Ok(Self { agent, url, secret })
    }

    /// The status and the body of the answer to a call.
    fn call(
        &self,
        method: &str,
        query: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<(u16, String), Failure> {
        let mut url = self.url.clone();
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

/// What to do about an answer that is no success.
fn failure(status: u16, body: &str) -> Failure {
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
            "this gate keeps no state: bind DENYLIST and set ADMIN_SECRET, or check the address",
        ),
        (_, Some(_)) => Failure::unavailable(format_args!(
            "the gate answers {status}: {}",
            detail.unwrap_or_default()
        )),
        _ => unreadable(),
    }
}

fn unreadable() -> Failure {
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
