//! `playgate playbacks`: what a viewer is watching, at a gate that counts playbacks.

use clap::Args;
use serde::Deserialize;

use crate::exit::{self, Exit, Failure};
use crate::gate::{Gate, GateArgs, failure, unreadable};

/// List a viewer's playbacks, or end them
///
/// Prints each playback that runs as one line of JSON: its id (sid), when it started, when it last asked for media, and
/// when the last of its tokens expires, in unix seconds. Only playbacks of links with --max are known.
///
/// With --end, every gate refuses their tokens, after at most DENYLIST_MAX_AGE (10 seconds by default).
#[derive(Args)]
#[command(after_help = "\
EXAMPLES:
  playgate playbacks viewer-1 https://cdn.example.com
  playgate playbacks viewer-1 --end https://cdn.example.com

EXIT CODES:
  0  done
  1  with --sid: the viewer has no such playback
  2  wrong usage
  3  the gate cannot be reached, refuses the secret, or keeps no state")]
pub(crate) struct Playbacks {
    /// The viewer, as in --sub
    #[arg(value_name = "VIEWER")]
    sub: String,

    /// End the playbacks
    #[arg(long)]
    end: bool,

    /// End only this playback
    #[arg(long, value_name = "ID", requires = "end")]
    sid: Option<String>,

    #[command(flatten)]
    gate: GateArgs,
}

impl Playbacks {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        #[derive(Deserialize)]
        struct Page {
            playbacks: Vec<Box<serde_json::value::RawValue>>,
        }
        let gate = Gate::new(&self.gate)?;
        let mut query = vec![("sub", self.sub.as_str())];
        query.extend(self.sid.as_deref().map(|sid| ("sid", sid)));
        let method = if self.end { "DELETE" } else { "GET" };
        let (status, body) = gate.call(method, "playbacks", &query, None)?;
        match status {
            204 => Ok(Exit::Done),
            200 => {
                let page: Page = serde_json::from_str(&body).map_err(|_| unreadable())?;
                let lines: String =
                    page.playbacks.iter().flat_map(|one| [one.get(), "\n"]).collect();
                exit::answer(lines.as_bytes()).map(|()| Exit::Done)
            }
            404 if self.sid.is_some() => {
                exit::say("the viewer has no such playback");
                Ok(Exit::Refused)
            }
            _ => Err(failure(status, &body)),
        }
    }
}
