//! The state of a deployment, as the gate asks it.

#[cfg(feature = "standalone")]
mod leader;
#[cfg(all(test, feature = "standalone"))]
pub(crate) mod model;

use core::future::Future;
use core::pin::Pin;

use playgate::UnixTime;
use playgate_state::{DenylistCommand, DenylistReply, Outcome, RecordCommand};

#[cfg(feature = "standalone")]
pub use self::leader::Leader;

/// A reply that is waited for.
pub type Waiting<T> = Pin<Box<dyn Future<Output = Result<T, StateFailure>> + Send>>;

/// Something that is waited for.
pub type Told = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateFailure {
    /// The denylist has no room for another revocation.
    Full,
    /// Another gate keeps it.
    Elsewhere,
    /// It could not be asked, or cannot reply.
    Unavailable,
}

/// Where the denylist and the records of a deployment are.
pub trait State: Send + Sync + 'static {
    /// Performs a command on the denylist.
    fn denylist(&self, command: DenylistCommand, now: UnixTime) -> Waiting<DenylistReply>;

    /// Performs a command on the record of this name. The revocations that follow are on the denylist then.
    fn record(&self, name: String, command: RecordCommand, now: UnixTime) -> Waiting<Outcome>;

    /// Waits until another gate may have changed the denylist. `None` if this state does not tell; gates ask it all the
    /// same.
    fn news(&self) -> Option<Told> {
        None
    }
}
