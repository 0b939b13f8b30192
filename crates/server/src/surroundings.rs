//! What a gate needs to know from the outside, and what it says there.

use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use playgate_edge::LogEntry;

/// What the gate needs to know from the outside.
pub trait Surroundings: Send + Sync + 'static {
    /// The time in Unix milliseconds.
    fn now(&self) -> u64;

    /// A decision was made, in this time.
    fn decided(&self, entry: &LogEntry, took: Duration);

    /// A line for the log, in JSON: an error of the gate, or a call.
    fn log(&self, line: String);
}

/// The clock of the machine. Nobody learns of decisions.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Surroundings for SystemClock {
    fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn decided(&self, _: &LogEntry, _: Duration) {}

    fn log(&self, _: String) {}
}
