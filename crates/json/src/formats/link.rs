//! The format of a link to sign.

use core::fmt;
use core::time::Duration;

use playgate::{ClaimValue, Jwt, TimedHmac};

use super::NAMES;
use crate::error::RequestError;
use crate::time::Seconds;
use crate::value::Value;

/// The settings of a link to sign that concern its format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkFormat {
    /// `native`, `jwt` or `timed-hmac`; `native` by default.
    pub format: Option<String>,
    /// The claims of a JWT besides those that every link has. Each value is text or a whole number.
    pub claims: Vec<(String, Value)>,
    /// The issuer of the JWT.
    pub issuer: Option<String>,
    /// The name for [`Jwt::name`].
    pub jwt_name: Option<String>,
    /// How long the gate lets timed HMACs last.
    pub timed_hmac_ttl: Option<Seconds>,
    /// The name for [`TimedHmac::param`].
    pub timed_hmac_param: Option<String>,
    /// Whether the tag of a timed HMAC is in base64url.
    pub timed_hmac_url_safe: bool,
}

impl LinkFormat {
    /// Checks that the format exists, and that no setting belongs to another format.
    ///
    /// # Errors
    /// A [`RequestError`] with the member that is wrong.
    fn check(&self) -> Result<(), RequestError> {
        let format = self.format.as_deref().unwrap_or("native");
        if !NAMES.contains(&format) {
            return Err(RequestError::new("format", &"write native, jwt or timed-hmac"));
        }
        let set = [
            ("claims", "jwt", !self.claims.is_empty()),
            ("issuer", "jwt", self.issuer.is_some()),
            ("jwt_name", "jwt", self.jwt_name.is_some()),
            ("timed_hmac_ttl", "timed-hmac", self.timed_hmac_ttl.is_some()),
            ("timed_hmac_param", "timed-hmac", self.timed_hmac_param.is_some()),
            ("timed_hmac_url_safe", "timed-hmac", self.timed_hmac_url_safe),
        ];
        match set.into_iter().find(|(_, of, is_set)| *is_set && *of != format) {
            Some((member, "jwt", _)) => {
                Err(RequestError::new(member, &"is only for JWTs; set the format to jwt"))
            }
            Some((member, ..)) => {
                let message = "is only for timed HMACs; set the format to timed-hmac";
                Err(RequestError::new(member, &message))
            }
            None => Ok(()),
        }
    }

    /// How to write a timed HMAC, if that is the format.
    ///
    /// # Errors
    /// A [`RequestError`] with the member that is wrong.
    pub fn timed_hmac(&self) -> Result<Option<TimedHmac>, RequestError> {
        self.check()?;
        if self.format.as_deref() != Some("timed-hmac") {
            return Ok(None);
        }
        let error = |member, message: &dyn fmt::Display| RequestError::new(member, message);
        let format = match self.timed_hmac_ttl {
            Some(Seconds(secs)) if (1..=TimedHmac::MAX_TTL.as_secs()).contains(&secs) => {
                TimedHmac::new(Duration::from_secs(secs))
            }
            Some(_) => {
                return Err(error("timed_hmac_ttl", &"is out of range; write one second or more"));
            }
            None => {
                let message = "is missing; write how long the gate lets links last, like 3h";
                return Err(error("timed_hmac_ttl", &message));
            }
        };
        let format = format.url_safe(self.timed_hmac_url_safe);
        match &self.timed_hmac_param {
            Some(name) => {
                format.param(name).map(Some).map_err(|wrong| error("timed_hmac_param", &wrong))
            }
            None => Ok(Some(format)),
        }
    }

    /// The JWT, if that is the format.
    ///
    /// # Errors
    /// A [`RequestError`] with the member that is wrong.
    pub fn jwt(&self) -> Result<Option<Jwt<'_>>, RequestError> {
        self.check()?;
        if self.format.as_deref() != Some("jwt") {
            return Ok(None);
        }
        let error = |member, message: &dyn fmt::Display| RequestError::new(member, message);
        let mut jwt = Jwt::new();
        for (name, value) in &self.claims {
            jwt = jwt.claim(
                name,
                match value {
                    Value::Number(number) => ClaimValue::from(*number),
                    Value::Text(text) => ClaimValue::from(text.as_str()),
                    _ => return Err(error("claims", &"write text or whole numbers")),
                },
            );
        }
        if let Some(issuer) = &self.issuer {
            jwt = jwt.issuer(issuer);
        }
        if let Some(name) = &self.jwt_name {
            jwt = jwt.name(name).map_err(|wrong| error("jwt_name", &wrong))?;
        }
        Ok(Some(jwt))
    }
}
