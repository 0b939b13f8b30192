//! The Cloudflare Worker: I/O, and the mapping to HTTP. The decision itself is the core's.
//!
//! Plain functions, tested natively: everything but `gate`, `origin`, `r2` and `response`, which
//! talk to the runtime.

mod answer;
mod authority;
mod conditional;
mod config;
mod cors;
mod decide;
mod disposition;
mod forward;
mod freshness;
mod http_date;
mod log;
mod manifest;
mod media;
mod object;
mod pass_headers;
mod range;
mod redirect;
mod secret;

#[cfg(all(feature = "worker", target_arch = "wasm32"))]
mod gate;
#[cfg(all(feature = "worker", target_arch = "wasm32"))]
mod origin;
#[cfg(all(feature = "worker", target_arch = "wasm32"))]
mod r2;
#[cfg(all(feature = "worker", target_arch = "wasm32"))]
mod response;
