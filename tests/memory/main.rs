//! What manifests cost in memory and work: every allocation of this process is counted.

#![allow(unsafe_code, reason = "GlobalAlloc is an unsafe trait; each call is handed on as it came")]
#![allow(
    dead_code,
    missing_debug_implementations,
    missing_docs,
    unreachable_pub,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "tests"
)]

mod bounds;
mod lines;
mod shapes;

#[path = "../common/gauge.rs"]
mod gauge;
#[path = "../manifests/hostile.rs"]
mod hostile;
