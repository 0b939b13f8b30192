//! `playgate revoke` and `playgate revocations`: end links early, at a gate that keeps state.

use core::time::Duration;

use clap::Args;
use playgate::UnixTime;
use playgate_json::{Moment, Seconds};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::calls::{Gate, GateArgs, failure, unreadable};
use crate::clock::Clock;
use crate::exit::{self, Exit, Failure};

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
  1  with --undo or --reference: there is no such revocation or reference
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

    /// The reason that viewers get: revoked, signed_out, session_ended or displaced
    #[arg(long, value_name = "REASON", value_parser = ["revoked", "signed_out", "session_ended", "displaced"])]
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
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    jti: Option<String>,

    /// Revoke the tokens that this key signed
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    kid: Option<String>,

    /// Delete this reference, and revoke its token. This lasts until the token expires
    #[arg(long, value_name = "ref.ID", conflicts_with_all = ["issued_before", "length", "until", "reason", "undo"])]
    reference: Option<String>,

    /// Revoke the tokens of this playback
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    sid: Option<String>,

    /// Revoke the tokens of this viewer
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
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

impl Revoke {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let (kind, value) = self.what.named();
        let gate = Gate::new(&self.gate)?;
        if let Some(reference) = &self.what.reference {
            let query = [("reference", reference.as_str())];
            let (status, body) = gate.call("DELETE", "references", &query, None)?;
            return match status {
                204 => Ok(Exit::Done),
                404 => {
                    exit::say("there is no such reference; it may have expired");
                    Ok(Exit::Refused)
                }
                _ => Err(failure(status, &body)),
            };
        }
        if self.undo {
            let query = [("kind", kind), ("value", value)];
            let (status, body) = gate.call("DELETE", "revocations", &query, None)?;
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
        let (status, body) = gate.call("POST", "revocations", &[], Some(revocation.to_string()))?;
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
            let (status, body) = gate.call("GET", "revocations", query, None)?;
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
