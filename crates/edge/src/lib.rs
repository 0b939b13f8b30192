//! The gate over HTTP, without I/O and independent of any platform: configuration, decision, conditions,
//! ranges, CORS, cookies, manifests and log.
//!
//! [`decide`] answers a request itself, or returns a [`Plan`] for its delivery. The plan says what to ask
//! the media store, and turns the store's answers into a response. Both are synchronous: the caller moves
//! the bytes.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

mod admission;
mod answer;
mod authority;
mod built;
mod calls;
mod conditional;
mod config;
mod cors;
mod decide;
mod delivery;
mod denylist;
mod disposition;
mod event;
mod forward;
mod freshness;
mod http_date;
mod log;
mod memory;
mod object;
mod pass_headers;
mod plan;
mod range;
mod record_request;
mod redirect;
mod reference;
mod request;
mod secret;
mod viewer;

pub use crate::answer::Fields;
pub use crate::calls::{
    Answered, Call, Done, MAX_BODY, RecordCall, UPDATE_TYPE, done, incomplete, read_call,
};
pub use crate::config::{Binding, Broken, Config, Setting, Variables};
pub use crate::decide::{Decision, Now, decide};
pub use crate::denylist::{DenylistCopy, DenylistQuestion};
pub use crate::event::{About, Event, refreshes};
pub use crate::log::{LogEntry, LogLevel, faults, panicked};
pub use crate::memory::Memory;
pub use crate::plan::{Body, Found, Next, Object, Plan, Response, Step};
pub use crate::range::StoreRange;
pub use crate::record_request::{RecordRequest, Replies};
pub use crate::request::RequestParts;
