//! The settings of formats: for operators of a gate, and for signers.

#[cfg_attr(not(feature = "jwt"), path = "formats/no_jwt.rs")]
mod jwt;
#[cfg(feature = "formats")]
mod link;
#[cfg_attr(not(feature = "timed-hmac"), path = "formats/no_timed_hmac.rs")]
mod timed_hmac;

use playgate::Verifier;

use self::jwt::JwtRules;
#[cfg(feature = "formats")]
pub use self::link::LinkFormat;
use self::timed_hmac::TimedHmac;
use crate::error::RequestError;

/// The formats that a gate reads, as its operator configures them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GateFormats {
    /// One or more of `native`, `jwt` and `timed-hmac`, separated by commas; `native` by default.
    pub formats: Option<String>,
    /// The template for [`JwtRules::new`].
    pub jwt_path: Option<String>,
    /// The name for [`JwtRules::name`].
    pub jwt_name: Option<String>,
    /// The issuer for [`JwtRules::issuer`].
    pub issuer: Option<String>,
    /// How long timed HMACs last: in seconds, or as in `3h`.
    pub timed_hmac_ttl: Option<String>,
    /// The name for [`TimedHmac::param`].
    pub timed_hmac_param: Option<String>,
    /// Whether tags of timed HMACs are in base64url: `true` or `false`.
    pub timed_hmac_url_safe: Option<String>,
}

/// The formats that a gate can read.
const NAMES: [&str; 3] = ["native", "jwt", "timed-hmac"];

impl GateFormats {
    /// Reads the settings.
    ///
    /// # Errors
    /// A [`RequestError`] for each setting that is wrong or missing. Without a template, the scope of a JWT
    /// is unknown, so no formats are returned.
    pub fn read(&self) -> Result<Formats, Vec<RequestError>> {
        let asked: Vec<_> =
            self.formats.as_deref().unwrap_or("native").split(',').map(str::trim).collect();
        let mut errors = Vec::new();
        let once = |name: &&str| asked.iter().filter(|other| *other == name).count() == 1;
        let are_known = asked.iter().all(|name| NAMES.contains(name) && once(name));
        if !are_known {
            let message = "write one or more of native, jwt, timed-hmac, separated by commas";
            errors.push(RequestError::new("formats", &message));
        }
        let reads = |name| are_known && asked.contains(&name);
        let unread = |name| are_known && !asked.contains(&name);
        let jwt =
            [("jwt_path", &self.jwt_path), ("jwt_name", &self.jwt_name), ("issuer", &self.issuer)];
        let jwt = if unread("jwt") {
            refuse_settings(&jwt, "JWTs", "jwt", &mut errors)
        } else {
            jwt::read(self, reads("jwt"), &mut errors)
        };
        let timed_hmac = [
            ("timed_hmac_ttl", &self.timed_hmac_ttl),
            ("timed_hmac_param", &self.timed_hmac_param),
            ("timed_hmac_url_safe", &self.timed_hmac_url_safe),
        ];
        let timed_hmac = if unread("timed-hmac") {
            refuse_settings(&timed_hmac, "timed HMACs", "timed-hmac", &mut errors)
        } else {
            timed_hmac::read(self, reads("timed-hmac"), &mut errors)
        };
        let names = [
            self.jwt_name.as_deref().unwrap_or("token"),
            self.timed_hmac_param.as_deref().unwrap_or("verify"),
        ];
        if reads("jwt") && reads("timed-hmac") && names.first() == names.last() {
            let message = "is also the name of JWTs; write another";
            errors.push(RequestError::new("timed_hmac_param", &message));
        }
        match errors.as_slice() {
            [] => Ok(Formats { native: reads("native"), jwt, timed_hmac }),
            _ => Err(errors),
        }
    }
}

/// Refuses the settings of a format that is not read.
fn refuse_settings<T>(
    settings: &[(&'static str, &Option<String>)],
    what: &str,
    format: &str,
    errors: &mut Vec<RequestError>,
) -> Option<T> {
    for (setting, _) in settings.iter().filter(|(_, value)| value.is_some()) {
        let message =
            format_args!("applies only to {what}, which are not read; add {format} to the formats");
        errors.push(RequestError::new(setting, &message));
    }
    None
}

/// The formats that a gate reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formats {
    /// Whether native tokens are read.
    pub native: bool,
    /// The rules for JWTs, if they are read.
    pub jwt: Option<JwtRules>,
    /// How timed HMACs are read, if they are.
    pub timed_hmac: Option<TimedHmac>,
}

impl Default for Formats {
    fn default() -> Self {
        Self { native: true, jwt: None, timed_hmac: None }
    }
}

impl Formats {
    /// Configures the verifier to read these formats.
    #[must_use]
    pub const fn of<'a>(&'a self, verifier: Verifier<'a>) -> Verifier<'a> {
        let verifier = jwt::add(verifier.native(self.native), self.jwt.as_ref());
        timed_hmac::add(verifier, self.timed_hmac.as_ref())
    }
}

#[cfg(all(test, feature = "formats"))]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::time::Seconds;
    use crate::value::Value;
    use playgate::Jwt;

    /// Reads settings in this order: formats, jwt_path, jwt_name, issuer.
    fn read(settings: [&str; 4]) -> Result<Formats, Vec<RequestError>> {
        let [formats, jwt_path, jwt_name, issuer] =
            settings.map(|text| Some(String::from(text)).filter(|text| text != "-"));
        GateFormats { formats, jwt_path, jwt_name, issuer, ..GateFormats::default() }.read()
    }

    #[track_caller]
    fn refused(settings: [&str; 4], field: &str, message: &str) {
        assert_eq!(read(settings), Err([RequestError::new(field, &message)].into()));
    }

    #[test]
    fn how_timed_hmacs_are_read() {
        let asked =
            |formats: &str, ttl: Option<&str>, param: Option<&str>, url_safe: Option<&str>| {
                let text = |text: Option<&str>| text.map(String::from);
                let jwt_path = formats.contains("jwt").then(|| "/v/{id}/".into());
                let asked = GateFormats {
                    formats: Some(formats.into()),
                    jwt_path,
                    timed_hmac_ttl: text(ttl),
                    timed_hmac_param: text(param),
                    timed_hmac_url_safe: text(url_safe),
                    ..GateFormats::default()
                };
                asked.read()
            };
        let read = asked("native,timed-hmac", Some("3h"), Some("v"), Some("true")).unwrap();
        let format = TimedHmac::new(Duration::from_secs(10_800)).param("v").unwrap().url_safe(true);
        assert_eq!(read, Formats { native: true, jwt: None, timed_hmac: Some(format) });
        let three = asked("native,jwt,timed-hmac", Some("60"), None, Some("false")).unwrap();
        assert_eq!(three.timed_hmac, Some(TimedHmac::new(Duration::from_secs(60))));
        assert!(three.native && three.jwt.is_some());
        for (formats, [ttl, param, url_safe], field, message) in [
            (
                "timed-hmac",
                [None; 3],
                "timed_hmac_ttl",
                "is missing; write how long a link lasts, like 3h",
            ),
            (
                "timed-hmac",
                [Some("0"), None, None],
                "timed_hmac_ttl",
                "is out of range; write one second or more",
            ),
            (
                "timed-hmac",
                [Some("60"), None, Some("yes")],
                "timed_hmac_url_safe",
                "write \"true\" or \"false\"",
            ),
            (
                "jwt,timed-hmac",
                [Some("60"), Some("token"), None],
                "timed_hmac_param",
                "is also the name of JWTs; write another",
            ),
            (
                "native",
                [Some("60"), None, None],
                "timed_hmac_ttl",
                "applies only to timed HMACs, which are not read; add timed-hmac to the formats",
            ),
        ] {
            let errors = asked(formats, ttl, param, url_safe).unwrap_err();
            assert_eq!(errors, [RequestError::new(field, &message)], "{formats}");
        }
    }

    #[test]
    fn what_a_timed_hmac_cannot_be_made_of() {
        let link = LinkFormat { format: Some("timed-hmac".into()), ..LinkFormat::default() };
        let missing = "is missing; write how long the gate lets links last, like 3h";
        let error = |link: LinkFormat| link.timed_hmac().unwrap_err();
        assert_eq!(error(link.clone()), RequestError::new("timed_hmac_ttl", &missing));
        let jwt = LinkFormat { issuer: Some("joe".into()), ..link };
        assert_eq!(error(jwt).field, "issuer");
        let native = LinkFormat { timed_hmac_ttl: Some(Seconds(60)), ..LinkFormat::default() };
        let message = "is only for timed HMACs; set the format to timed-hmac";
        assert_eq!(native.jwt(), Err(RequestError::new("timed_hmac_ttl", &message)));
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
        assert_eq!(default, Ok(Formats::default()));
    }

    #[test]
    fn a_gate_reads_one_format_or_both() {
        let rules = || JwtRules::new("/v/{id}/").unwrap();
        let formats = |native, rules| Ok(Formats { native, jwt: Some(rules), timed_hmac: None });
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
                refused(
                    settings,
                    "formats",
                    "write one or more of native, jwt, timed-hmac, separated by commas",
                );
            }
        }
    }

    #[test]
    fn what_is_for_jwts_alone() {
        let message = "applies only to JWTs, which are not read; add jwt to the formats";
        for formats in ["-", "native"] {
            refused([formats, "/v/{id}/", "-", "-"], "jwt_path", message);
            refused([formats, "-", "access", "-"], "jwt_name", message);
            refused([formats, "-", "-", "me"], "issuer", message);
            // Even if the setting is also wrong in itself.
            refused([formats, "", "-", "-"], "jwt_path", message);
        }
    }

    #[test]
    fn nothing_is_read_without_a_template() {
        let message = "is missing; write the directory that a claim allows, like /videos/{vid}/";
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
            let message = "is empty; name an issuer, or leave it out";
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
            not_a_jwt(&link(format), "format", "write native, jwt or timed-hmac");
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
