//! `playgate inspect`: the gate's decision, explained.

use std::io::BufRead;

use clap::Args;
use playgate::{KeyRing, ParamNames, Report, UnixTime};
use playgate_json::{GateOptions, ReportShape};

use crate::clock::Clock;
use crate::exit::{self, Exit, Failure};
use crate::keys::KeyArgs;
use crate::lines::{self, Blocks, Line};
use crate::printed::{self, MARK};
use crate::verify::{Beside, GateArgs, refusal};

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
  playgate inspect --keys keys.txt --json --stdin < links.txt

LENGTHS are seconds, or as in 90s, 10m, 4h.
TIMES are unix seconds, or as in 2030-01-01T00:00:00Z.

EXIT CODES:
  0  admitted
  1  refused; with --stdin, any of them
  2  wrong usage
  3  keys unreadable")]
pub(crate) struct Inspect {
    #[command(flatten)]
    keys: KeyArgs,

    /// The link: an absolute URL, or a path with its query
    #[arg(value_name = "URL", required_unless_present = "stdin")]
    url: Option<String>,

    /// Read links from standard input, one a line; there is a report for each
    #[arg(long, conflicts_with = "url")]
    stdin: bool,

    /// Print a JSON object, one a line
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
        let ring = self.keys.load(self.stdin)?.ring;
        let inspector = Inspector { gate, ring, beside: self.beside, json: self.json };
        match self.url {
            None => inspector.inspect_lines(&mut lines::stdin(), self.clock),
            Some(url) => {
                let (exit, answer) = inspector.inspect(Ok(&url), self.clock.now());
                exit::answer(answer.as_bytes())?;
                Ok(exit)
            }
        }
    }
}

struct Inspector {
    gate: GateOptions,
    ring: KeyRing,
    beside: Beside,
    json: bool,
}

impl Inspector {
    /// A report for each line, in order; as text with an empty line between two.
    fn inspect_lines(
        &self,
        input: &mut Blocks<impl BufRead>,
        clock: Clock,
    ) -> Result<Exit, Failure> {
        let (mut exit, mut between) = (Exit::Done, "");
        while let Some(block) = input.next()? {
            let now = clock.now();
            let mut answers = String::new();
            for line in block {
                let (one, answer) = self.inspect(line, now);
                if one == Exit::Refused {
                    exit = one;
                }
                answers.extend([between, &answer]);
                between = if self.json { "" } else { "\n" };
            }
            exit::answer(answers.as_bytes())?;
        }
        Ok(exit)
    }

    fn inspect(&self, line: Line<'_>, now: UnixTime) -> (Exit, String) {
        let report = match line {
            Ok(url) => {
                let forward = ParamNames::new(&self.gate.forward_params);
                let request = self.beside.request(url);
                self.gate.verifier(&self.ring).inspect(&request, forward, now)
            }
            Err(bad) => refusal(bad).into(),
        };
        let exit = if report.is_admitted() { Exit::Done } else { Exit::Refused };
        // The report is made of text and numbers: it always has a JSON form.
        let answer = if self.json {
            serde_json::to_string(&ReportShape(&report)).unwrap_or_default() + "\n"
        } else {
            shown(report)
        };
        (exit, answer)
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
