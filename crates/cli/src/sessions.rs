//! `playgate sessions`: where a viewer is signed in.

use clap::Args;

use crate::calls::ViewerArgs;
use crate::exit::{Exit, Failure};

/// List a viewer's sessions, or end them
///
/// Prints each session as one line of JSON: its id (sid), when the viewer signed in (started), when it was last
/// refreshed, when it ends unless it is refreshed (until), in unix seconds, and the network and the browser of the last
/// refresh.
///
/// With --end, they cannot be refreshed any more, at once, and every gate refuses their access tokens, after at most
/// DENYLIST_MAX_AGE (10 seconds by default). To end links as well, use `playgate revoke --sub`.
#[derive(Args)]
#[command(after_help = "\
EXAMPLES:
  playgate sessions viewer-1 https://cdn.example.com
  playgate sessions viewer-1 --end https://cdn.example.com

EXIT CODES:
  0  done
  1  with --sid: the viewer has no such session
  2  wrong usage
  3  the gate cannot be reached, refuses the secret, or keeps no state")]
pub(crate) struct Sessions {
    #[command(flatten)]
    viewer: ViewerArgs,
}

impl Sessions {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        self.viewer.run("sessions", "session")
    }
}
