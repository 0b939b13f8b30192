//! What a link shall allow, before any format writes it, and why nothing is signed.

mod address;
mod countries;
mod error;

use alloc::vec::Vec;

use crate::grant::Network;
use crate::key::Entry;
use crate::time::UnixTime;

pub(crate) use self::address::Address;
pub(crate) use self::countries::unknown as unknown_country;
pub use self::error::Advice;
pub use self::error::SignError;

/// How long a link lasts where nothing else is said, in seconds.
pub(crate) const DEFAULT_LIFETIME: u64 = 600;

#[derive(Clone, Debug, Default)]
pub(crate) struct LinkOptions<'a> {
    pub(crate) expiry: Expiry,
    pub(crate) key: Option<&'a str>,
    pub(crate) audience: Option<&'a str>,
    pub(crate) countries: Option<&'a str>,
    pub(crate) download: Option<&'a str>,
    /// Whether the file is to be shown, and not saved.
    pub(crate) inline: bool,
    pub(crate) issued: Issued,
    pub(crate) networks: Vec<Network>,
    pub(crate) token_id: Option<&'a str>,
    pub(crate) not_before: Option<UnixTime>,
    pub(crate) preview: Option<u64>,
    /// Moments are rounded to multiples of so many seconds.
    pub(crate) round: u64,
    pub(crate) run: Option<u64>,
    pub(crate) scope: Extent,
    pub(crate) session: Option<&'a str>,
    pub(crate) subject: Option<&'a str>,
    /// Whether the token goes into the path; `None` leaves it to the scope.
    pub(crate) in_path: Option<bool>,
}

/// How much of the URL space a link opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Extent {
    /// One address; for a manifest its directory, as players fetch the rest from there.
    #[default]
    Fitting,
    Exact,
    Directory(u8),
}

/// When a link ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Expiry {
    At(UnixTime),
    In(u64),
    /// After the time that its format has for that, or [`DEFAULT_LIFETIME`].
    #[default]
    Usual,
}

/// Whether a token says when it was signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Issued {
    At(UnixTime),
    Never,
    /// Where it names a viewer or a playback: their links are revoked by when they were signed.
    #[default]
    WithViewer,
}

/// LinkOptions that a token can carry. The format writes it.
///
/// They are borrowed: to copy what was just written in parts takes 5 ns.
#[derive(Clone, Copy)]
pub(crate) struct CheckedOptions<'t, 'a> {
    pub(crate) options: &'t LinkOptions<'a>,
    pub(crate) entry: &'a Entry,
    pub(crate) expires: UnixTime,
    pub(crate) issued: Option<UnixTime>,
    /// When it is signed.
    #[cfg_attr(not(feature = "timed-hmac"), expect(dead_code, reason = "only one format asks"))]
    pub(crate) now: UnixTime,
}
