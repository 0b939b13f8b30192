//! The options of a link, independent of formats, and the errors of signing.

mod address;
mod countries;
mod error;

use alloc::vec::Vec;

use crate::error::{Fault, Field};
use crate::grant::{MAX_COUNT, Network};
use crate::key::Entry;
use crate::time::UnixTime;

pub(crate) use self::address::Address;
pub(crate) use self::countries::unknown as unknown_country;
pub use self::error::Advice;
pub use self::error::SignError;

/// The default lifetime of a link, in seconds.
pub(crate) const DEFAULT_LIFETIME: u64 = 600;

#[derive(Clone, Debug, Default)]
pub(crate) struct LinkOptions<'a> {
    pub(crate) expiry: Expiry,
    pub(crate) key: Option<&'a str>,
    pub(crate) audience: Option<&'a str>,
    pub(crate) countries: Option<&'a str>,
    pub(crate) download: Option<&'a str>,
    /// Whether to show the file instead of saving it.
    pub(crate) inline: bool,
    pub(crate) issued: Issued,
    pub(crate) networks: Vec<Network>,
    pub(crate) token_id: Option<&'a str>,
    pub(crate) max_playbacks: Option<u16>,
    pub(crate) not_before: Option<UnixTime>,
    pub(crate) preview: Option<u64>,
    pub(crate) revalidate: Option<u64>,
    /// Times are rounded to multiples of this many seconds.
    pub(crate) round: u64,
    pub(crate) run: Option<u64>,
    pub(crate) scope: Extent,
    pub(crate) session: Option<&'a str>,
    pub(crate) subject: Option<&'a str>,
    pub(crate) uses: Option<u16>,
    /// Whether the token goes into the path; `None` to decide by scope.
    pub(crate) in_path: Option<bool>,
}

impl LinkOptions<'_> {
    /// Checks that what is counted is in range, and has a name to be counted under.
    pub(crate) fn check_counts(&self) -> Result<(), SignError> {
        let (sub, jti) = (self.subject.is_some(), self.token_id.is_some());
        for (field, count, is_named, unnamed) in [
            (Field::Max, self.max_playbacks, sub, Fault::NeedsSubject),
            (Field::Uses, self.uses, jti, Fault::NeedsTokenId),
        ] {
            match count {
                Some(count) if !(1..=MAX_COUNT).contains(&count) => {
                    return Err(SignError::Field(field, Fault::OutOfRange));
                }
                Some(_) if !is_named => return Err(SignError::Field(field, unnamed)),
                _ => {}
            }
        }
        Ok(())
    }
}

/// What a link allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Extent {
    /// One address; for a manifest its directory, from which players fetch the rest.
    #[default]
    Fitting,
    Exact,
    Directory(u8),
}

/// When a link expires.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Expiry {
    At(UnixTime),
    In(u64),
    /// After the default lifetime of its format, or [`DEFAULT_LIFETIME`].
    #[default]
    Usual,
}

/// Whether a token contains its time of signing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Issued {
    At(UnixTime),
    Never,
    /// If it names a viewer or a playback: their links can be revoked by time of signing.
    #[default]
    WithViewer,
}

/// Options that a token can carry, checked.
///
/// They are borrowed: copying them just after they were written in parts takes 5 ns.
#[derive(Clone, Copy)]
pub(crate) struct CheckedOptions<'t, 'a> {
    pub(crate) options: &'t LinkOptions<'a>,
    pub(crate) entry: &'a Entry,
    pub(crate) expires: UnixTime,
    pub(crate) issued: Option<UnixTime>,
    /// The time of signing.
    #[cfg_attr(
        not(feature = "timed-hmac"),
        expect(dead_code, reason = "only one format needs it")
    )]
    pub(crate) now: UnixTime,
}
