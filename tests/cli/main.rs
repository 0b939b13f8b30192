//! The program: its commands, and the pages that show them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod basics;
mod jwt;
mod jwt_inspect;
mod jwt_usage;
mod keys;
mod lines;
mod readme;
mod rewrite;
mod sessions;
mod terminal;
mod usage;
mod vectors;

#[path = "../common/jwt.rs"]
mod jwt_links;
#[path = "../common/program.rs"]
mod program;
#[path = "../common/server.rs"]
mod server;
#[path = "../common/vectors.rs"]
mod vector_files;
