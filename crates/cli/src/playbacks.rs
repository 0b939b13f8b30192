//! `playgate playbacks`: what a viewer is watching, at a gate that counts playbacks.

use clap::Args;

use crate::calls::ViewerArgs;
use crate::exit::{Exit, Failure};

/// List a viewer's playbacks, or end them
///
/// Prints each playback that runs as one line of JSON: its id (sid), when it started, when it last asked for media, and
/// when the last of its tokens expires, in unix seconds. Only playbacks of links with --max are known.
///
/// With --end, every gate refuses their tokens, after at most DENYLIST_MAX_AGE (10 seconds by default).
#[derive(Args)]
#[command(after_help = "\
EXAMPLES:
  playgate playbacks viewer-1 https://cdn.example.com
  playgate playbacks viewer-1 --end https://cdn.example.com

EXIT CODES:
  0  done
  1  with --sid: the viewer has no such playback
  2  wrong usage
  3  the gate cannot be reached, refuses the secret, or keeps no state")]
pub(crate) struct Playbacks {
    #[command(flatten)]
    viewer: ViewerArgs,
}

impl Playbacks {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        self.viewer.run("playbacks", "playback")
    }
}
