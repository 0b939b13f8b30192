//! A gate that was built without JWTs: it refuses to read them, so there are no rules.

use playgate::Verifier;

use super::GateFormats;
use crate::error::RequestError;

/// There is no value of this type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtRules {}

/// An error, if they are to be read.
pub(super) fn read(
    _: &GateFormats,
    is_read: bool,
    errors: &mut Vec<RequestError>,
) -> Option<JwtRules> {
    if is_read {
        let message = "this gate was built without JWT";
        errors.push(RequestError::new("formats", &message));
    }
    None
}

/// Changes nothing.
pub(super) const fn add<'a>(verifier: Verifier<'a>, _: Option<&'a JwtRules>) -> Verifier<'a> {
    verifier
}
