//! The minting service, `playgate serve`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod dev;
mod jwt;
mod links;
mod start;
#[cfg(unix)]
mod stop;

#[path = "../common/program.rs"]
mod program;
#[path = "../common/server.rs"]
mod server;
#[path = "../common/vectors.rs"]
mod vector_files;
