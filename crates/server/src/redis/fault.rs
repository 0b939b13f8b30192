//! What can go wrong.

use core::fmt;

use redis::{ErrorKind, ServerErrorKind};

/// Why Redis does not answer, or its answer is of no use.
#[derive(Clone)]
pub enum RedisFault {
    /// Others changed the same again and again.
    Contended,
    /// Redis may forget what it has no room for.
    Evicts,
    /// There is no room for another revocation. A log may have as many rows as this.
    Full(u64),
    /// The server is a replica, and only repeats what its primary says.
    Replica,
    /// Fewer replicas than required have confirmed a change. It may be lost.
    Replicas,
    /// What this gate knew is not there any more.
    Gone,
    /// The system has no random numbers.
    Random,
    /// The connection failed, or a command.
    Redis(redis::RedisError),
    /// A record, or the whole state, is of another version of Playgate.
    Version,
}

impl RedisFault {
    /// Whether another connection may help: to another server, if there is a new primary.
    pub(super) fn is_of_connection(&self) -> bool {
        if matches!(self, Self::Evicts | Self::Replica | Self::Replicas) {
            return true;
        }
        let Self::Redis(error) = self else { return false };
        error.is_unrecoverable_error()
            || error.is_io_error()
            || error.is_timeout()
            || error.is_connection_dropped()
            || matches!(
                error.kind(),
                ErrorKind::Parse
                    | ErrorKind::Server(
                        ServerErrorKind::BusyLoading
                            | ServerErrorKind::MasterDown
                            | ServerErrorKind::ReadOnly
                    )
            )
    }

    /// Whether time may mend it, without an operator.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Redis(error) => {
                let kind = error.kind();
                !matches!(kind, ErrorKind::InvalidClientConfig | ErrorKind::RESP3NotSupported)
                    && (refusal(error).is_none() || code(error).as_deref() == Some("OOM"))
            }
            Self::Contended | Self::Full(_) | Self::Replica | Self::Replicas => true,
            Self::Evicts | Self::Gone | Self::Random | Self::Version => false,
        }
    }
}

/// The code of an error that the server has sent, also for one of several commands.
fn code(error: &redis::RedisError) -> Option<String> {
    let code = error.code().map(String::from);
    code.or_else(|| {
        let errors = error.clone().into_server_errors()?;
        errors.first().map(|(_, error)| error.code().into())
    })
}

/// What to tell an operator whose settings the server does not accept.
fn refusal(error: &redis::RedisError) -> Option<&'static str> {
    match (error.kind(), code(error).as_deref()) {
        (ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS")) => {
            Some("Redis does not accept the user or the password in STATE, or wants one")
        }
        (_, Some("OOM")) => Some("the memory of Redis is full; give it more"),
        (_, Some("NOPERM")) => Some(
            "Redis does not let this user do what a gate does; docs/native-gate.md lists the commands",
        ),
        _ => None,
    }
}

/// Without what the server says of a command: that could name a viewer.
impl fmt::Display for RedisFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contended => f.write_str("others change the same at the same time"),
            Self::Evicts => f.write_str(
                "Redis may forget revocations when its memory is full; set its maxmemory-policy to noeviction",
            ),
            Self::Full(_) => f.write_str(
                "the denylist is full; undo what is not needed, or revoke by directory or by time of issue",
            ),
            Self::Replica => f.write_str(
                "this Redis is a replica; give the address of the primary, or of the sentinels that know it",
            ),
            Self::Replicas => f.write_str(
                "fewer replicas than STATE_REPLICAS have confirmed the change, so it may be lost",
            ),
            Self::Gone => f.write_str(
                "Redis has lost the state that this gate knew, so what was revoked or used would open again; restore it, or restart the gates to begin anew",
            ),
            Self::Random => f.write_str("the system has no random numbers"),
            Self::Redis(error) => match (refusal(error), error.is_io_error(), code(error)) {
                (Some(refusal), _, _) => f.write_str(refusal),
                (None, true, _) => write!(f, "Redis cannot be reached: {error}"),
                (None, false, Some(code)) => write!(f, "Redis refuses a command: {code}"),
                (None, false, None) => write!(f, "Redis cannot be asked: {}", error.category()),
            },
            Self::Version => f.write_str(
                "the state is of another version of Playgate; run the same version everywhere, or use another database",
            ),
        }
    }
}

/// As little as [`Display`](fmt::Display) shows.
impl fmt::Debug for RedisFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisFault({self})")
    }
}

impl core::error::Error for RedisFault {}

impl From<redis::RedisError> for RedisFault {
    fn from(error: redis::RedisError) -> Self {
        Self::Redis(error)
    }
}
