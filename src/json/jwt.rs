//! What is said about JWTs: by operators of a gate, and by those who sign.

use core::fmt;

use alloc::string::String;
use alloc::vec::Vec;

use super::{RequestError, Value};
#[cfg(any(feature = "worker", all(test, feature = "manifest")))]
use crate::format::{Format, Rules};
use crate::format::jwt::{ClaimValue, Jwt, JwtRules};
use crate::format::name::check_name;
use crate::verify::Verifier;

/// Which formats a gate reads, as its operator says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GateFormats {
    /// `native`, `jwt` or both, separated by commas; `native` by default.
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
    /// A [`RequestError`] for each setting that is wrong or missing. Without a template there is no telling
    /// what a JWT opens, so nothing is read then.
    pub fn read(&self) -> Result<Formats, Vec<RequestError>> {
        let mut formats: Vec<_> =
            self.formats.as_deref().unwrap_or("native").split(',').map(str::trim).collect();
        formats.sort_unstable();
        let mut errors = Vec::new();
        let mut error = |setting, message: &dyn fmt::Display| {
            errors.push(RequestError::new(setting, message));
        };
        let native = match formats.as_slice() {
            ["native"] => {
                for (setting, value) in [
                    ("jwt_path", &self.jwt_path),
                    ("jwt_name", &self.jwt_name),
                    ("issuer", &self.issuer),
                ] {
                    if value.is_some() {
                        let message =
                            "is for JWTs, and they are not read; name jwt among the formats";
                        error(setting, &message);
                    }
                }
                return if errors.is_empty() { Ok(Formats::default()) } else { Err(errors) };
            }
            ["jwt"] => Some(false),
            ["jwt", "native"] => Some(true),
            _ => {
                error("formats", &"write native, jwt, or native,jwt");
                None
            }
        };
        let mut rules = match self.jwt_path.as_deref().map(JwtRules::new) {
            Some(Ok(rules)) => Some(rules),
            Some(Err(wrong)) => {
                error("jwt_path", &wrong);
                None
            }
            None => {
                // Where the formats are not known, it may be that none is needed.
                if native.is_some() {
                    let message =
                        "is missing; name the directory that a claim opens, like /videos/{vid}/";
                    error("jwt_path", &message);
                }
                None
            }
        };
        if let Some(name) = &self.jwt_name {
            if let Err(wrong) = check_name(name) {
                error("jwt_name", &wrong);
            }
            rules = rules.and_then(|rules| rules.name(name).ok());
        }
        if let Some(issuer) = &self.issuer {
            if issuer.is_empty() {
                error("issuer", &"is empty; name one, or leave it out");
            }
            rules = rules.map(|rules| rules.issuer(issuer));
        }
        match (native, rules) {
            (Some(native), Some(rules)) if errors.is_empty() => {
                Ok(Formats { native, jwt: Some(rules) })
            }
            _ => Err(errors),
        }
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
    /// The rules of a gate that reads these.
    #[cfg(any(feature = "worker", all(test, feature = "manifest")))]
    pub(crate) fn rules(&self) -> Rules<'_> {
        Rules { native: self.native, jwt: self.jwt.as_ref(), ..Rules::NATIVE }
    }

    /// Their names.
    #[cfg(any(feature = "worker", all(test, feature = "manifest")))]
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + use<'_> {
        self.rules().formats().map(Format::name)
    }

    /// The verifier, reading these.
    #[must_use]
    pub const fn of<'a>(&'a self, verifier: Verifier<'a>) -> Verifier<'a> {
        verifier.native(self.native).jwt(self.jwt.as_ref())
    }
}

/// What a link to sign says of its format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkFormat {
    /// `native` or `jwt`; `native` by default.
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
                        Err(error(member, &"is only for JWTs; set the format to jwt"))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The settings, in this order: formats, jwt_path, jwt_name, issuer.
    fn read(settings: [&str; 4]) -> Result<Formats, Vec<RequestError>> {
        let [formats, jwt_path, jwt_name, issuer] =
            settings.map(|text| Some(String::from(text)).filter(|text| text != "-"));
        GateFormats { formats, jwt_path, jwt_name, issuer }.read()
    }

    #[track_caller]
    fn refused(settings: [&str; 4], field: &str, message: &str) {
        assert_eq!(read(settings), Err([RequestError::new(field, &message)].into()));
    }

    #[test]
    fn every_error_is_named() {
        let fields = |settings| {
            let errors = read(settings).unwrap_err();
            errors.into_iter().map(|error| error.field).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(fields(["jwt", "-", "pg", ""]), "jwt_path jwt_name issuer");
        assert_eq!(fields(["native", "/", "pg", ""]), "jwt_path jwt_name issuer");
        assert_eq!(fields(["nativ", "/", "pg", ""]), "formats jwt_path jwt_name issuer");
        assert_eq!(fields(["nativ", "-", "-", "-"]), "formats");
    }

    #[test]
    fn a_gate_reads_native_tokens_where_nothing_is_said() {
        let default = GateFormats::default().read();
        assert_eq!(default, Ok(Formats::default()));
        assert_eq!(default, read(["native", "-", "-", "-"]));
        assert_eq!(default, Ok(Formats { native: true, jwt: None }));
    }

    #[test]
    fn a_gate_reads_one_format_or_both() {
        let rules = || JwtRules::new("/v/{id}/").unwrap();
        let formats = |native, rules| Ok(Formats { native, jwt: Some(rules) });
        assert_eq!(read(["jwt", "/v/{id}/", "-", "-"]), formats(false, rules()));
        for both in ["native,jwt", "jwt,native", " jwt , native "] {
            assert_eq!(read([both, "/v/{id}/", "-", "-"]), formats(true, rules()), "{both}");
        }
        let named = rules().name("access").unwrap().issuer("me");
        assert_eq!(read(["jwt", "/v/{id}/", "access", "me"]), formats(false, named));
    }

    #[test]
    fn what_is_no_list_of_formats() {
        for formats in ["", ",", "JWT", "jwt,jwt", "native,native", "native,jwt,", "native jwt"] {
            for path in ["-", "/v/{id}/"] {
                let settings = [formats, path, "-", "-"];
                refused(settings, "formats", "write native, jwt, or native,jwt");
            }
        }
    }

    #[test]
    fn what_is_for_jwts_alone() {
        let message = "is for JWTs, and they are not read; name jwt among the formats";
        for formats in ["-", "native"] {
            refused([formats, "/v/{id}/", "-", "-"], "jwt_path", message);
            refused([formats, "-", "access", "-"], "jwt_name", message);
            refused([formats, "-", "-", "me"], "issuer", message);
            // Also where it is wrong by itself.
            refused([formats, "", "-", "-"], "jwt_path", message);
        }
    }

    #[test]
    fn nothing_is_read_without_a_template() {
        let message = "is missing; name the directory that a claim opens, like /videos/{vid}/";
        for formats in ["jwt", "native,jwt"] {
            refused([formats, "-", "-", "-"], "jwt_path", message);
            refused([formats, "-", "access", "me"], "jwt_path", message);
            let message = "write a directory with one claim as a segment, like /videos/{vid}/";
            refused([formats, "", "-", "-"], "jwt_path", message);
            refused([formats, "/", "-", "-"], "jwt_path", message);
            refused([formats, "/v/{id}", "-", "-"], "jwt_path", message);
            let message =
                "write 1 to 64 of A-Z a-z 0-9 - _ . and not pg, the name of native tokens";
            for name in ["", "pg", "a b", "a="] {
                refused([formats, "/v/{id}/", name, "-"], "jwt_name", message);
            }
            let message = "is empty; name one, or leave it out";
            refused([formats, "/v/{id}/", "-", ""], "issuer", message);
        }
    }

    fn link(format: &str) -> LinkFormat {
        LinkFormat { format: Some(format.into()), ..LinkFormat::default() }
    }

    fn claims(name: &str, value: Value) -> Vec<(String, Value)> {
        Vec::from([(name.into(), value)])
    }

    #[track_caller]
    fn not_a_jwt(link: &LinkFormat, field: &str, message: &str) {
        assert_eq!(link.jwt(), Err(RequestError::new(field, &message)));
    }

    #[test]
    fn a_link_has_a_jwt_where_one_is_asked_for() {
        assert_eq!(LinkFormat::default().jwt(), Ok(None));
        assert_eq!(link("native").jwt(), Ok(None));
        assert_eq!(link("jwt").jwt(), Ok(Some(Jwt::new())));
        let all = LinkFormat {
            claims: Vec::from([
                ("vid".into(), Value::Number(42)),
                ("plan".into(), Value::Text("gold".into())),
            ]),
            issuer: Some("me".into()),
            jwt_name: Some("access".into()),
            ..link("jwt")
        };
        let jwt = Jwt::new().claim("vid", 42).claim("plan", "gold").issuer("me");
        assert_eq!(all.jwt(), Ok(Some(jwt.name("access").unwrap())));
    }

    #[test]
    fn what_only_a_jwt_says() {
        let message = "is only for JWTs; set the format to jwt";
        for native in [LinkFormat::default(), link("native")] {
            let native = || native.clone();
            let some = || Some(String::from("me"));
            let claims = claims("vid", Value::Null);
            not_a_jwt(&LinkFormat { claims, ..native() }, "claims", message);
            not_a_jwt(&LinkFormat { issuer: some(), ..native() }, "issuer", message);
            not_a_jwt(&LinkFormat { jwt_name: some(), ..native() }, "jwt_name", message);
        }
    }

    #[test]
    fn what_a_jwt_cannot_be_made_of() {
        for format in ["", "JWT", "native,jwt", "jose"] {
            not_a_jwt(&link(format), "format", "write native or jwt");
        }
        let list = || Value::List(Vec::from([Value::Number(1)]));
        let object = Value::Object(claims("a", Value::Number(1)));
        for value in [Value::Flag(true), list(), Value::Null, object, Value::Other] {
            let claims = claims("vid", value);
            let message = "write text or whole numbers";
            not_a_jwt(&LinkFormat { claims, ..link("jwt") }, "claims", message);
        }
        let message = "write 1 to 64 of A-Z a-z 0-9 - _ . and not pg, the name of native tokens";
        for name in ["", "pg", "a b"] {
            let jwt_name = Some(name.into());
            not_a_jwt(&LinkFormat { jwt_name, ..link("jwt") }, "jwt_name", message);
        }
    }
}
