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
#[cfg(feature = "alloc")]
mod native;
mod structure;
mod vectors;

#[path = "../common/vectors.rs"]
mod vector_files;

#[cfg(feature = "jwt")]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "the fuzz targets share the oracle, and use more of it"
)]
#[path = "../fuzz/src/forged.rs"]
mod forged;
