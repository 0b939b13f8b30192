//! What holds for every link, and how the crates are built.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

extern crate alloc;

#[cfg(feature = "jwt")]
mod jwt;
mod native;
mod structure;

#[cfg(feature = "jwt")]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "the fuzz targets share the oracle, and use more of it"
)]
#[path = "../fuzz/src/forged.rs"]
mod forged;
