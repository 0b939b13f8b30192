//! The clock. The library does not read it: callers pass in the time.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use playgate::UnixTime;
use playgate_json::Moment;

/// The system clock, or a fixed time.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Use this as the current time: unix seconds, or like 2030-01-01T00:00:00Z [default: the clock]
    #[arg(long, value_name = "TIME")]
    now: Option<Moment>,
}

impl Clock {
    /// Whether the time is fixed by an argument.
    pub(crate) const fn stands_still(self) -> bool {
        self.now.is_some()
    }

    /// The time.
    pub(crate) fn now(self) -> UnixTime {
        match self.now {
            Some(Moment(time)) => time,
            None => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                UnixTime::from_secs(since.as_secs())
            }
        }
    }
}
