//! What a gate without Cloudflare needs.
//!
//! [`SqliteStore`] is the state of a deployment on one machine: the denylist and the records of `playgate-state`, in one
//! file.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

mod sqlite;

pub use crate::sqlite::{SqliteStore, StoreError};
