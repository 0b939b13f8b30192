//! Timed HMACs at a gate. Without the feature `timed-hmac`, `no_timed_hmac.rs` is in the place of this module.

use core::fmt;
use core::time::Duration;

pub(super) use playgate::TimedHmac;
use playgate::{Verifier, check_name};

use super::GateFormats;
use crate::error::RequestError;
use crate::time::Seconds;

/// How timed HMACs are read.
pub(super) fn read(
    asked: &GateFormats,
    is_read: bool,
    errors: &mut Vec<RequestError>,
) -> Option<TimedHmac> {
    let mut error = |setting, message: &dyn fmt::Display| {
        errors.push(RequestError::new(setting, message));
    };
    let ttl = match asked.timed_hmac_ttl.as_deref().map(str::parse) {
        Some(Ok(Seconds(secs))) if (1..=TimedHmac::MAX_TTL.as_secs()).contains(&secs) => Some(secs),
        Some(Ok(_)) => {
            error("timed_hmac_ttl", &"is out of range; write one second or more");
            None
        }
        Some(Err(wrong)) => {
            error("timed_hmac_ttl", &wrong);
            None
        }
        None => {
            if is_read {
                error("timed_hmac_ttl", &"is missing; write how long a link lasts, like 3h");
            }
            None
        }
    };
    let mut format = ttl.map(|secs| TimedHmac::new(Duration::from_secs(secs)));
    if let Some(name) = &asked.timed_hmac_param {
        if let Err(wrong) = check_name(name) {
            error("timed_hmac_param", &wrong);
        }
        format = format.and_then(|format| format.param(name).ok());
    }
    match asked.timed_hmac_url_safe.as_deref() {
        None | Some("false") => {}
        Some("true") => format = format.map(|format| format.url_safe(true)),
        Some(_) => error("timed_hmac_url_safe", &"write \"true\" or \"false\""),
    }
    format.filter(|_| is_read)
}

/// Lets the verifier read timed HMACs.
pub(super) const fn add<'a>(verifier: Verifier<'a>, format: Option<&'a TimedHmac>) -> Verifier<'a> {
    verifier.timed_hmac(format)
}
