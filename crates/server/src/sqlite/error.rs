//! What can go wrong.

use core::fmt;

/// Why a store cannot answer.
#[derive(Debug)]
pub enum StoreError {
    /// SQLite failed.
    Database(rusqlite::Error),
    /// The file cannot be opened or created.
    File(std::io::Error),
    /// The file is not one of this version of Playgate.
    Foreign,
    /// There is no room for another revocation.
    Full,
    /// The system has no random numbers.
    Random,
    /// A record is of another version of Playgate.
    Version,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => write!(f, "the state cannot be read or written: {error}"),
            Self::File(error) => write!(f, "the state's file cannot be opened: {error}"),
            Self::Foreign => f.write_str(
                "the file is not a state of this version of Playgate; choose another file",
            ),
            Self::Full => f.write_str(
                "the denylist is full; undo what is not needed, or revoke by directory or by time of issue",
            ),
            Self::Random => f.write_str("the system has no random numbers"),
            Self::Version => f.write_str(
                "a record is of another version of Playgate; run the same version everywhere",
            ),
        }
    }
}

impl core::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Database(error) => Some(error),
            Self::File(error) => Some(error),
            Self::Foreign | Self::Full | Self::Random | Self::Version => None,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}
