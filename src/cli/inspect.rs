//! `playgate inspect`: the gate's decision, explained.

use clap::Args;
use playgate::{ParamNames, Report};

use crate::clock::Clock;
use crate::exit::{self, Exit, Failure};
use crate::keys::KeyArgs;
use crate::printed::{self, MARK};
use crate::verify::{Beside, GateArgs};

/// Explain a decision
///
/// Prints every check with its outcome, the canonical path and the signing input; and where the
/// signature does not fit, the usual mistake that would explain it. It prints no signature and no key.
#[derive(Args)]
#[command(after_help = "\
EXAMPLES:
  playgate inspect --keys keys.txt 'https://cdn.example.com/film.mp4?pg=1&exp=...'
  playgate inspect --keys keys.txt --format jwt --jwt-path '/videos/{vid}/' \\
      'https://cdn.example.com/videos/42/film.mp4?token=...'

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
        let gate = self.gate.gate()?;
        let ring = self.keys.load(false)?.ring;
        let request = self.beside.request(&self.url);
        let forward = ParamNames::new(&gate.forward_params);
        let report = gate.verifier(&ring).inspect(&request, forward, self.clock.now());
        let exit = if report.is_admitted() { Exit::Done } else { Exit::Refused };
        // The report is made of text and numbers: it always has a JSON form.
        let answer = if self.json {
            serde_json::to_string(&report).unwrap_or_default() + "\n"
        } else {
            shown(report)
        };
        exit::answer(answer.as_bytes())?;
        Ok(exit)
    }
}

/// The report as text. A link may hold what moves a terminal's cursor or turns the text around, and a
/// claim whole lines of a report: these are shown as marks.
fn shown(mut report: Report) -> String {
    let one_line = |text: &mut String| *text = text.replace('\n', MARK);
    for note in &mut report.fields {
        [&mut note.name, &mut note.value, &mut note.meaning].into_iter().for_each(one_line);
    }
    report.hints.iter_mut().for_each(one_line);
    printed::shown(&report.to_string()).into_owned()
}
