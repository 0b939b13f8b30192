//! The session that a session link starts.

use core::time::Duration;

#[cfg(feature = "alloc")]
use alloc::string::String;

#[cfg(feature = "alloc")]
use base64ct::{Base64UrlUnpadded, Encoding as _};

use super::{decode_text, parse_number};
use crate::error::Fault;
use crate::path::CanonicalPath;
use crate::scope::MAX_DIRECTORY;

/// What a session link says about its session. On the wire: three lengths in seconds, then each directory in base64url,
/// separated by dots: `600.604800.2592000.L3ZpZGVvcy80Mi8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSession<'a> {
    access: u64,
    idle: u64,
    absolute: u64,
    /// As on the wire.
    directories: &'a str,
}

impl<'a> NewSession<'a> {
    /// The most directories that a session opens.
    pub const MAX_DIRECTORIES: usize = 8;

    /// The longest session in seconds: 400 days, for which browsers keep a cookie at most (RFC 6265bis, section 5.5).
    pub const MAX_LENGTH: u64 = 400 * 86_400;

    /// The longest access token in seconds: a day.
    pub const MAX_ACCESS: u64 = 86_400;

    /// The longest id of a session: a gate may add a number to it.
    pub const MAX_ID_LEN: usize = 48;

    /// The longest lifetime of a session link in seconds: an hour.
    pub const MAX_LINK: u64 = 3_600;

    /// The maximum length of a directory in bytes. The token allows less if it has several.
    const MAX_DIRECTORY_LEN: usize = 640;

    /// Directories below this one are the gate's own calls.
    const RESERVED: &'static str = "/.playgate/";

    /// Parses the value of the field `ses`.
    ///
    /// # Errors
    /// Why the value is invalid.
    pub fn parse(value: &'a str) -> Result<Self, Fault> {
        let mut parts = value.splitn(4, '.');
        let mut length = || parse_number(parts.next().unwrap_or_default(), 1, Self::MAX_LENGTH);
        let (access, idle, absolute) = (length()?, length()?, length()?);
        Self::check_lengths(access, idle, absolute)?;
        let directories = parts.next().ok_or(Fault::Missing)?;
        if directories.split('.').count() > Self::MAX_DIRECTORIES {
            return Err(Fault::TooMany);
        }
        for directory in directories.split('.') {
            Self::check_directory(decode_text(directory, &mut [0; Self::MAX_DIRECTORY_LEN])?)?;
        }
        Ok(Self { access, idle, absolute, directories })
    }

    pub(crate) const fn check_lengths(access: u64, idle: u64, absolute: u64) -> Result<(), Fault> {
        let is_in_order = 1 <= access && access <= idle && idle <= absolute;
        if is_in_order && access <= Self::MAX_ACCESS && absolute <= Self::MAX_LENGTH {
            Ok(())
        } else {
            Err(Fault::OutOfRange)
        }
    }

    /// Checks a directory before it is encoded: one spelling, and none of the gate's own calls.
    pub(crate) fn check_directory(directory: &str) -> Result<(), Fault> {
        let path = CanonicalPath::parse(directory).map_err(|_| Fault::NotCanonical)?;
        if path.as_canonical().is_none() {
            return Err(Fault::NotCanonical);
        }
        // A token before a directory that looks like one would be one of two.
        let is_taken = directory.starts_with(Self::RESERVED) || directory.starts_with("/pg=");
        if !directory.ends_with('/') || is_taken {
            return Err(Fault::NotADirectory);
        }
        let depth = directory.bytes().filter(|byte| *byte == b'/').count().saturating_sub(1);
        match u8::try_from(depth) {
            Ok(1..=MAX_DIRECTORY) if directory.len() <= Self::MAX_DIRECTORY_LEN => Ok(()),
            _ => Err(Fault::NotADirectory),
        }
    }

    /// How long its access tokens last.
    #[must_use]
    pub const fn access(&self) -> Duration {
        Duration::from_secs(self.access)
    }

    /// After so long without a refresh, it ends.
    #[must_use]
    pub const fn idle(&self) -> Duration {
        Duration::from_secs(self.idle)
    }

    /// After so long it ends, however often it is refreshed.
    #[must_use]
    pub const fn absolute(&self) -> Duration {
        Duration::from_secs(self.absolute)
    }

    /// The directories that it opens, in canonical form with a slash at the end.
    #[cfg(feature = "alloc")]
    pub fn directories(&self) -> impl Iterator<Item = String> + use<'a> {
        self.directories.split('.').map(|directory| {
            let bytes = Base64UrlUnpadded::decode_vec(directory).unwrap_or_default();
            String::from_utf8(bytes).unwrap_or_default()
        })
    }
}
