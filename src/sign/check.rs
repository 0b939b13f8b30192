//! Whether links can be signed on given options.

use crate::error::{Fault, Field, UnusableKey};
use crate::format::Writer;
use crate::key::KeyRing;
use crate::options::{CheckedOptions, DEFAULT_LIFETIME, Expiry, Issued, LinkOptions, SignError};
use crate::time::UnixTime;

/// Checks the options, and that `writer` can say all of them.
///
/// # Errors
/// The first that cannot be signed.
pub(super) fn checked<'t, 'a>(
    options: &'t LinkOptions<'a>,
    ring: &'a KeyRing,
    writer: &dyn Writer,
    now: UnixTime,
) -> Result<CheckedOptions<'t, 'a>, SignError> {
    let entry = match options.key {
        Some(kid) => ring.find(kid)?,
        None => ring.serving(writer.name()).next().ok_or(UnusableKey::OtherFormat)?,
    };
    if !entry.serves(writer.name()) {
        return Err(UnusableKey::OtherFormat.into());
    }
    if entry.is_retired(now) {
        return Err(UnusableKey::Retired.into());
    }
    let lasts = match options.expiry {
        Expiry::At(_) => None,
        Expiry::In(secs) => Some(secs),
        Expiry::Usual => Some(writer.lifetime().unwrap_or(DEFAULT_LIFETIME)),
    };
    let asked = match (options.expiry, lasts) {
        (Expiry::At(time), _) => time,
        (_, secs) => now.saturating_add(secs.unwrap_or_default()),
    };
    if asked <= now {
        return Err(SignError::ExpiresInThePast);
    }
    if options.not_before.is_some_and(|start| start >= asked) {
        return Err(SignError::NeverValid);
    }
    if asked.is_far_from(now) {
        return Err(SignError::ExpiresTooFar);
    }
    let expires = asked.rounded_up(options.round);
    if expires.is_far_from(now) {
        return Err(SignError::RoundedTooFar);
    }
    writer.check(options)?;
    let issued = match options.issued {
        Issued::At(time) => Some(time),
        Issued::Never => None,
        Issued::WithViewer => {
            options.subject.or(options.session).map(|_| window(lasts, options.round, expires, now))
        }
    };
    if issued.is_some_and(|time| time.is_far_from(now)) {
        return Err(SignError::Field(Field::Iat, Fault::OutOfRange));
    }
    Ok(CheckedOptions { options, entry, expires, issued, now })
}

/// The first moment at which a link signed on the same options has this expiry: `now`, or where moments are
/// rounded an earlier one. All links of a window are the same bytes. `lasts` is how long a link was asked to
/// last, where it was not asked to end at a moment.
fn window(lasts: Option<u64>, round: u64, expires: UnixTime, now: UnixTime) -> UnixTime {
    match lasts {
        None => now.rounded_down(round),
        Some(secs) => {
            let longest = secs.saturating_add(round.max(1)).saturating_sub(1);
            UnixTime::from_secs(expires.secs_since(UnixTime::from_secs(longest)))
        }
    }
}
