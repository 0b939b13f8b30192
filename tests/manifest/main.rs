//! Manifests, rewritten: those of packagers, those that were thought of, and those of chance.

#![allow(
    dead_code,
    missing_debug_implementations,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod packagers;
mod playlists;
mod properties;

#[path = "../manifests/asked.rs"]
mod asked;
#[path = "../manifests/checks.rs"]
mod checks;
#[path = "../manifests/m3u8.rs"]
mod m3u8;
#[path = "../manifests/mpd.rs"]
mod mpd;
#[path = "../manifests/playlist.rs"]
mod playlist;
