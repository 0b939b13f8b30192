//! How the program ends: one of four exit codes, and one line on stderr that says what to do.

use core::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::error::{ContextValue, ErrorKind};
use playgate::redacted;

use crate::printed;

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or admitted.
    Done = 0,
    /// A link was refused.
    Refused = 1,
    /// Wrong usage, or a URL that cannot be signed.
    Usage = 2,
    /// Keys, input or address unavailable.
    Unavailable = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why the program stops early.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    /// What is wrong and what to do; empty if there is no one to read it.
    message: String,
}

impl Failure {
    /// Wrong usage.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string() }
    }

    /// Something that the program needs is unavailable.
    pub(crate) fn unavailable(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Unavailable, message: message.to_string() }
    }

    /// The lines of the message.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.message.lines().map(str::trim)
    }

    /// The output could not be written. If the reader has closed the pipe, as `| head` does, that is not a failure.
    pub(crate) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self { exit: Exit::Done, message: String::new() },
            _ => Self::unavailable(format_args!("cannot write the output: {error}")),
        }
    }
}

/// Writes complete answers to stdout, and flushes them.
pub(crate) fn answer(text: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(&printed::escaped(text))
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::output(&error))
}

/// Writes one line to stderr. Ignores errors, because stderr may be closed.
pub(crate) fn say(message: impl fmt::Display) {
    let message = message.to_string();
    let _ = writeln!(io::stderr().lock(), "playgate: {}", printed::shown(&message));
}

/// The exit code of a command.
pub(crate) fn code(result: Result<Exit, Failure>) -> ExitCode {
    let exit = result.unwrap_or_else(|Failure { exit, message }| {
        if !message.is_empty() {
            say(message);
        }
        exit
    });
    exit.into()
}

/// Answers arguments that are not a command: prints help, the version, or what is wrong.
pub(crate) fn parser(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
        }
        _ => {
            let text = without_secrets(error);
            say(text.strip_prefix("error: ").unwrap_or(&text).trim_end());
            Exit::Usage.into()
        }
    }
}

/// The parser's message without secrets. The parser repeats arguments that it does not understand, and these
/// may be keys or tokens.
fn without_secrets(error: &clap::Error) -> String {
    /// Fewer characters than a tag or the shortest key.
    const LONGEST: usize = 40;
    let mut text = error.to_string();
    for (_, value) in error.context() {
        if let ContextValue::String(value) = value
            && value.len() > LONGEST
        {
            text = text.replace(value, "...");
        }
    }
    redacted(&text)
}
