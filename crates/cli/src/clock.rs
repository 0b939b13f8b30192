//! The clock. The library has none: time is an argument there.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use playgate::UnixTime;
use playgate_json::Moment;

/// The clock, or a moment at which it stands still.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// The time that counts as now: unix seconds, or as in 2030-01-01T00:00:00Z [default: the clock]
    #[arg(long, value_name = "TIME")]
    now: Option<Moment>,
}

impl Clock {
    /// Whether the time is an argument.
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
