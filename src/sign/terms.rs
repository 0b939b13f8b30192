//! What a link shall allow, and whether a token can say so.

#[cfg(feature = "jwt")]
use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{SignError, Signer};
use crate::error::{Fault, Field, UnusableKey};
use crate::format;
#[cfg(feature = "jwt")]
use crate::format::jwt::Jwt;
use crate::grant::Network;
use crate::key::{Entry, KeyRing};
use crate::time::UnixTime;

#[derive(Clone, Debug, Default)]
pub(crate) struct Terms<'a> {
    pub(crate) expiry: Expiry,
    pub(crate) key: Option<&'a str>,
    pub(crate) audience: Option<&'a str>,
    pub(crate) countries: Option<&'a str>,
    pub(crate) download: Option<&'a str>,
    /// Whether the file is to be shown, and not saved.
    pub(crate) inline: bool,
    pub(crate) issued: Issued,
    /// What a JWT says besides; `None` for a native token.
    #[cfg(feature = "jwt")]
    pub(crate) jwt: Option<Box<Jwt<'a>>>,
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

#[derive(Clone, Copy, Debug)]
pub(crate) enum Expiry {
    At(UnixTime),
    In(u64),
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

impl Default for Expiry {
    fn default() -> Self {
        Self::In(Signer::DEFAULT_LIFETIME)
    }
}

impl<'a> Terms<'a> {
    pub(super) fn checked(
        &self,
        ring: &'a KeyRing,
        now: UnixTime,
    ) -> Result<CheckedTerms<'_, 'a>, SignError> {
        let format = format::of(self).name();
        let entry = match self.key {
            Some(kid) => ring.find(kid)?,
            None => ring.serving(format).next().ok_or(UnusableKey::OtherFormat)?,
        };
        if !entry.serves(format) {
            return Err(UnusableKey::OtherFormat.into());
        }
        if entry.is_retired(now) {
            return Err(UnusableKey::Retired.into());
        }
        let asked = match self.expiry {
            Expiry::At(time) => time,
            Expiry::In(secs) => now.saturating_add(secs),
        };
        if asked <= now {
            return Err(SignError::ExpiresInThePast);
        }
        if self.not_before.is_some_and(|start| start >= asked) {
            return Err(SignError::NeverValid);
        }
        if asked.is_far_from(now) {
            return Err(SignError::ExpiresTooFar);
        }
        let expires = asked.rounded_up(self.round);
        if expires.is_far_from(now) {
            return Err(SignError::RoundedTooFar);
        }
        format::check(self)?;
        let issued = match self.issued {
            Issued::At(time) => Some(time),
            Issued::Never => None,
            Issued::WithViewer => self.subject.or(self.session).map(|_| self.window(expires, now)),
        };
        if issued.is_some_and(|time| time.is_far_from(now)) {
            return Err(SignError::Field(Field::Iat, Fault::OutOfRange));
        }
        Ok(CheckedTerms { terms: self, entry, expires, issued })
    }

    /// The first moment at which a link signed on these terms has this expiry: `now`, or where moments are
    /// rounded an earlier one. All links of a window are the same bytes.
    fn window(&self, expires: UnixTime, now: UnixTime) -> UnixTime {
        match self.expiry {
            Expiry::At(_) => now.rounded_down(self.round),
            Expiry::In(secs) => {
                let longest = secs.saturating_add(self.round.max(1)).saturating_sub(1);
                UnixTime::from_secs(expires.secs_since(UnixTime::from_secs(longest)))
            }
        }
    }
}

/// Terms that a token can carry. The format writes it.
///
/// They are borrowed: to copy what was just written in parts takes 5 ns.
#[derive(Clone, Copy)]
pub(crate) struct CheckedTerms<'t, 'a> {
    pub(crate) terms: &'t Terms<'a>,
    pub(crate) entry: &'a Entry,
    pub(crate) expires: UnixTime,
    pub(crate) issued: Option<UnixTime>,
}
