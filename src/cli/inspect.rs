//! `playgate inspect`: the gate's decision, explained.

use clap::Args;
use playgate::ParamNames;
use playgate::json::Gate;

use crate::clock::Clock;
use crate::exit::{self, Exit, Failure};
use crate::keys::KeyArgs;
use crate::verify::{Beside, GateArgs};

/// Explain a decision
///
/// Prints every check with its outcome, the canonical path and the signing input; and where the
/// signature does not fit, the usual mistake that would explain it. It prints no signature and no key.
#[derive(Args)]
#[command(after_help = "\
EXAMPLE:
  playgate inspect --keys keys.txt 'https://cdn.example.com/film.mp4?pg=1&exp=...'

LENGTHS are seconds, or as in 90s, 10m, 4h.
TIMES are unix seconds, or as in 2030-01-01T00:00:00Z.

EXIT CODES:
  0  admitted
  1  refused
  2  wrong usage
  3  keys unreadable")]
pub(crate) struct Inspect {
    #[command(flatten)]
    keys: KeyArgs,

    /// The link: absolute, or from its path on
    url: String,

    /// Print a JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    clock: Clock,

    #[command(flatten)]
    beside: Beside,

    #[command(flatten)]
    gate: GateArgs,
}

impl Inspect {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let ring = self.keys.load(false)?.ring;
        let gate = Gate::from(self.gate);
        let request = self.beside.request(&self.url);
        let forward = ParamNames::new(&gate.forward_params);
        let report = gate.verifier(&ring).inspect(&request, forward, self.clock.now());
        // The report is made of text and numbers: it always has a JSON form.
        let answer = if self.json {
            serde_json::to_string(&report).unwrap_or_default() + "\n"
        } else {
            shown(&report.to_string())
        };
        exit::answer(answer.as_bytes())?;
        Ok(if report.refusal.is_none() { Exit::Done } else { Exit::Refused })
    }
}

/// A broken link may hold what moves a terminal's cursor: it is shown as a mark.
fn shown(report: &str) -> String {
    report.replace(|c: char| c.is_control() && c != '\n', "\u{fffd}")
}
