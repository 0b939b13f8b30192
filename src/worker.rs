//! The Cloudflare Worker: I/O, and the mapping to HTTP. The decision itself is the core's.
//!
//! Plain functions, tested natively: everything but `gate`, which talks to the runtime.

mod answer;
mod authority;
mod conditional;
mod config;
mod cors;
mod decide;
mod delivery;
mod disposition;
mod forward;
mod freshness;
mod from_origin;
mod from_store;
mod http_date;
mod log;
mod manifest;
mod object;
mod pass_headers;
mod plan;
mod range;
mod redirect;
mod secret;

#[cfg(all(feature = "worker", target_arch = "wasm32"))]
mod gate;
