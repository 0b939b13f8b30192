//! The program `playgate`: makes keys, signs links, verifies and explains them, and mints links for
//! origins over HTTP.
//!
//! It handles what the library leaves to its callers: the clock, files, the environment, the network.

#![forbid(unsafe_code)]

mod address;
mod calls;
mod clock;
mod exit;
mod gate;
mod inspect;
mod keygen;
mod keys;
mod lines;
mod link_args;
mod listener;
mod playbacks;
mod printed;
mod revoke;
mod rewrite;
mod serve;
mod sessions;
mod sign;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

const EXAMPLES: &str = "\
EXAMPLES:
  Make a key, once, for the origin and the edge:
    (umask 077; playgate keygen > keys.txt)

  A link to one file, for 10 minutes:
    playgate sign --keys keys.txt https://cdn.example.com/videos/42/film.mp4

  A link to a stream that starts within 5 minutes and plays for 4 hours. It opens
  everything below /videos/42/, and segments inherit the token from the path:
    playgate sign --keys keys.txt --expires-in 5m --run 4h \\
        https://cdn.example.com/videos/42/master.m3u8

  The same with a JSON Web Token, for a gate with --jwt-path '/videos/{vid}/':
    playgate sign --keys keys.txt --format jwt --claim vid=42 \\
        https://cdn.example.com/videos/42/master.m3u8

  Would the gate admit a link, and if not, why not?
    playgate verify --keys keys.txt 'https://cdn.example.com/...'
    playgate inspect --keys keys.txt 'https://cdn.example.com/...'

  Many links at once, one URL per line:
    playgate sign --keys keys.txt --stdin < urls.txt > links.txt

  Revoke a viewer's links, at every gate within seconds:
    playgate revoke --sub viewer-1 --issued-before now --for 7d https://cdn.example.com

  Links over HTTP, for an origin in any language:
    PLAYGATE_SECRET=... playgate serve --keys keys.txt

KEYS:
  Entries as keygen prints them, one per line. The first signs, all verify. Pass
  them with --keys FILE or in the variable PLAYGATE_KEYS. There is no option for
  a key itself, because every process on the machine can read arguments.

EXIT CODES:
  0  done, or admitted
  1  refused
  2  wrong usage, or a URL that cannot be signed
  3  keys, input or address unavailable";

/// Signs links to video and files, and verifies them as the gate at the CDN edge does.
#[derive(Parser)]
#[command(name = "playgate", version, after_help = EXAMPLES, arg_required_else_help = true)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Keygen(keygen::Keygen),
    Sign(sign::Sign),
    Verify(verify::Verify),
    Inspect(inspect::Inspect),
    Rewrite(rewrite::Rewrite),
    Revoke(revoke::Revoke),
    Revocations(revoke::Revocations),
    Playbacks(playbacks::Playbacks),
    Sessions(sessions::Sessions),
    Serve(serve::Serve),
    Gate(gate::Gate),
}

fn main() -> ExitCode {
    let program = match Program::try_parse() {
        Ok(program) => program,
        Err(error) => return exit::parser(&error),
    };
    exit::code(match program.command {
        Command::Keygen(command) => command.run(),
        Command::Sign(command) => command.run(),
        Command::Verify(command) => command.run(),
        Command::Inspect(command) => command.run(),
        Command::Rewrite(command) => command.run(),
        Command::Revoke(command) => command.run(),
        Command::Revocations(command) => command.run(),
        Command::Playbacks(command) => command.run(),
        Command::Sessions(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Gate(command) => command.run(),
    })
}
