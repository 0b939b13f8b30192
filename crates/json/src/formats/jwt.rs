//! JWTs at a gate. Without the feature `jwt`, `no_jwt.rs` is in the place of this module.

use core::fmt;

pub(super) use playgate::JwtRules;
use playgate::{Verifier, check_name};

use super::GateFormats;
use crate::error::RequestError;

/// The rules for JWTs. If the formats are not known, the rules may not be needed.
pub(super) fn read(
    asked: &GateFormats,
    is_read: bool,
    errors: &mut Vec<RequestError>,
) -> Option<JwtRules> {
    let mut error = |setting, message: &dyn fmt::Display| {
        errors.push(RequestError::new(setting, message));
    };
    let mut rules = match asked.jwt_path.as_deref().map(JwtRules::new) {
        Some(Ok(rules)) => Some(rules),
        Some(Err(wrong)) => {
            error("jwt_path", &wrong);
            None
        }
        None => {
            if is_read {
                let message =
                    "is missing; write the directory that a claim allows, like /videos/{vid}/";
                error("jwt_path", &message);
            }
            None
        }
    };
    if let Some(name) = &asked.jwt_name {
        if let Err(wrong) = check_name(name) {
            error("jwt_name", &wrong);
        }
        rules = rules.and_then(|rules| rules.name(name).ok());
    }
    if let Some(issuer) = &asked.issuer {
        if issuer.is_empty() {
            error("issuer", &"is empty; name an issuer, or leave it out");
        }
        rules = rules.map(|rules| rules.issuer(issuer));
    }
    rules.filter(|_| is_read)
}

/// Lets the verifier read JWTs by these rules.
pub(super) const fn add<'a>(verifier: Verifier<'a>, rules: Option<&'a JwtRules>) -> Verifier<'a> {
    verifier.jwt(rules)
}
