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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_not_read() {
        let formats = Some("native,jwt".into());
        let asked = GateFormats {
            formats,
            jwt_path: Some("/videos/{vid}/".into()),
            ..GateFormats::default()
        };
        let message = "this gate was built without JWT";
        assert_eq!(asked.read(), Err(vec![RequestError::new("formats", &message)]));
        assert!(GateFormats::default().read().is_ok());
    }
}
