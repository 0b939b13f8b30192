//! The gate over HTTP, without a platform and without I/O: configuration, decision, conditions, ranges, CORS,
//! cookies, manifests and log.
//!
//! [`decide`] answers a request, or says what is to be delivered. [`Plan`] then says what
//! to ask the media store, and makes the response of what that answers. Both are synchronous: whoever drives them moves
//! the bytes.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

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
mod http_date;
mod log;
mod object;
mod pass_headers;
mod plan;
mod range;
mod redirect;
mod request;
mod secret;

pub use crate::answer::Fields;
pub use crate::config::{Binding, Broken, Config, Setting, Variables};
pub use crate::decide::{Decision, decide};
pub use crate::log::{LogEntry, LogLevel, faults, panicked};
pub use crate::plan::{Body, Found, Next, Object, Plan, Response, Step};
pub use crate::range::StoreRange;
pub use crate::request::RequestParts;
