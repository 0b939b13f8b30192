//! A gate that was built without timed HMACs: it refuses to read them, so there are no settings.

use playgate::Verifier;

use super::GateFormats;
use crate::error::RequestError;

/// There is no value of this type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimedHmac {}

/// An error, if they are to be read.
pub(super) fn read(
    _: &GateFormats,
    is_read: bool,
    errors: &mut Vec<RequestError>,
) -> Option<TimedHmac> {
    if is_read {
        let message = "this gate was built without timed HMACs";
        errors.push(RequestError::new("formats", &message));
    }
    None
}

/// Changes nothing.
pub(super) const fn add<'a>(verifier: Verifier<'a>, _: Option<&'a TimedHmac>) -> Verifier<'a> {
    verifier
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_not_read() {
        let formats = Some("native,timed-hmac".into());
        let asked =
            GateFormats { formats, timed_hmac_ttl: Some("3h".into()), ..GateFormats::default() };
        let message = "this gate was built without timed HMACs";
        assert_eq!(asked.read(), Err(vec![RequestError::new("formats", &message)]));
        assert!(GateFormats::default().read().is_ok());
    }
}
