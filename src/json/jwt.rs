//! What is said about JWTs: by operators of a gate, and by those who sign.

use core::fmt;

use alloc::string::String;
use alloc::vec::Vec;

use super::{RequestError, Value};
use crate::format::jwt::{ClaimValue, Jwt, JwtRules};
use crate::verify::Verifier;

/// Which formats a gate reads, as its operator says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GateFormats {
    /// `native`, `jwt` or both, parted by commas; `native` where nothing is said.
    pub formats: Option<String>,
    /// The template of [`JwtRules::new`].
    pub jwt_path: Option<String>,
    /// The name of [`JwtRules::name`].
    pub jwt_name: Option<String>,
    /// The issuer of [`JwtRules::issuer`].
    pub issuer: Option<String>,
}

impl GateFormats {
    /// What it comes to.
    ///
    /// # Errors
    /// A [`RequestError`] with the setting that is wrong or missing. Without a template there is no telling
    /// what a JWT opens, so nothing is read then.
    pub fn read(&self) -> Result<Formats, RequestError> {
        let error = |setting, message: &dyn fmt::Display| RequestError::new(setting, message);
        let mut formats: Vec<_> =
            self.formats.as_deref().unwrap_or("native").split(',').map(str::trim).collect();
        formats.sort_unstable();
        let (native, jwt) = match formats.as_slice() {
            ["native"] => (true, false),
            ["jwt"] => (false, true),
            ["jwt", "native"] => (true, true),
            _ => return Err(error("formats", &"write native, jwt, or native,jwt")),
        };
        if !jwt {
            let set = [
                ("jwt_path", &self.jwt_path),
                ("jwt_name", &self.jwt_name),
                ("issuer", &self.issuer),
            ];
            return match set.into_iter().find(|(_, value)| value.is_some()) {
                Some((setting, _)) => {
                    Err(error(setting, &"is for JWTs; read them: formats native,jwt"))
                }
                None => Ok(Formats { native, jwt: None }),
            };
        }
        let Some(path) = &self.jwt_path else {
            let message = "is missing; name the directory that a claim opens, like /videos/{vid}/";
            return Err(error("jwt_path", &message));
        };
        let mut rules = JwtRules::new(path).map_err(|wrong| error("jwt_path", &wrong))?;
        if let Some(name) = &self.jwt_name {
            rules = rules.name(name).map_err(|wrong| error("jwt_name", &wrong))?;
        }
        if let Some(issuer) = &self.issuer {
            rules = rules.issuer(issuer);
        }
        Ok(Formats { native, jwt: Some(rules) })
    }
}

/// The formats that a gate reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formats {
    /// Whether native tokens are read.
    pub native: bool,
    /// The rules for JWTs, where these are read.
    pub jwt: Option<JwtRules>,
}

impl Default for Formats {
    fn default() -> Self {
        Self { native: true, jwt: None }
    }
}

impl Formats {
    /// The verifier, reading these.
    #[must_use]
    pub const fn of<'a>(&'a self, verifier: Verifier<'a>) -> Verifier<'a> {
        verifier.native(self.native).jwt(self.jwt.as_ref())
    }
}

/// What a link to sign says of its format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkFormat {
    /// `native` or `jwt`; `native` where nothing is said.
    pub format: Option<String>,
    /// The claims of a JWT besides those that every link has: each is text or a whole number.
    pub claims: Vec<(String, Value)>,
    /// Who issues the JWT.
    pub issuer: Option<String>,
    /// The name of [`Jwt::name`].
    pub jwt_name: Option<String>,
}

impl LinkFormat {
    /// The JWT, where it is to be one.
    ///
    /// # Errors
    /// A [`RequestError`] with the member that is wrong.
    pub fn jwt(&self) -> Result<Option<Jwt<'_>>, RequestError> {
        let error = |member, message: &dyn fmt::Display| RequestError::new(member, message);
        match self.format.as_deref() {
            None | Some("native") => {
                let set = [
                    ("claims", !self.claims.is_empty()),
                    ("issuer", self.issuer.is_some()),
                    ("jwt_name", self.jwt_name.is_some()),
                ];
                return match set.into_iter().find(|(_, is_set)| *is_set) {
                    Some((member, _)) => {
                        Err(error(member, &"is for JWTs; ask for one: format jwt"))
                    }
                    None => Ok(None),
                };
            }
            Some("jwt") => {}
            Some(_) => return Err(error("format", &"write native or jwt")),
        }
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
