//! Links with JSON Web Tokens, and a gate that reads them.

#![allow(dead_code, reason = "not every test uses all of it")]

use crate::program::{NOW, Run, run};

pub(crate) const FILM: &str = "https://cdn.example.com/videos/42/film.mp4";
/// `{"alg":"HS256","typ":"JWT","kid":"main"}` and `{"vid":"42","exp":1767225600}`.
pub(crate) const BODY: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6Im1haW4ifQ\
    .eyJ2aWQiOiI0MiIsImV4cCI6MTc2NzIyNTYwMH0";
pub(crate) const TAG: &str = "50d4YyhKi_Swy5wDhJg5yKR1V8VGjiMYC4mgIqDEyCo";
pub(crate) const PATH: &str = "--jwt-path=/videos/{vid}/";
pub(crate) const MORE: &str = "\n\nFor more information, try '--help'.";

pub(crate) fn token() -> String {
    format!("{BODY}.{TAG}")
}

pub(crate) fn link() -> String {
    format!("{FILM}?token={BODY}.{TAG}")
}

pub(crate) fn sign(options: &[&str], url: &str) -> Run {
    run(&[&["sign", NOW, "--format=jwt"], options, &[url]].concat())
}

/// A command at a gate that reads JWTs.
pub(crate) fn at_gate(command: &str, options: &[&str], url: &str) -> Run {
    run(&[&[command, NOW, "--format=jwt", PATH], options, &[url]].concat())
}
