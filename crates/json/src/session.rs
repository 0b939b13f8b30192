//! A session link to sign.

use core::fmt;
use core::time::Duration;

use playgate::{
    Advice, Claims, Fault, Field, Link, NewSession, SessionBuilder, SignError, Signer, UnixTime,
};
use serde::Serialize;

use crate::error::RequestError;
use crate::shape::{Shape, UNKNOWN};
use crate::sign::{LENGTH, count};
use crate::time::Seconds;
use crate::value::Value;

/// A session link to sign. Each member corresponds to the `playgate sign --session` option of the same name.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the signer's builder documents each one")]
pub struct SessionRequest {
    /// The scheme and host of the gate.
    pub url: String,
    pub sub: String,
    pub open: Vec<String>,
    pub access: Option<Seconds>,
    pub idle: Option<Seconds>,
    pub absolute: Option<Seconds>,
    pub max: Option<u16>,
    pub claims: Vec<(String, Value)>,
    pub expires_in: Option<Seconds>,
    pub audience: Option<String>,
    pub kid: Option<String>,
    /// The id of the session. The caller makes a random one if it is not given.
    pub jti: Option<String>,
}

impl Shape for SessionRequest {
    const EXPECTED: &'static str = "write an object like {\"url\": \"https://...\", \"sub\": \"viewer-1\", \"open\": [\"/videos/42/\"]}";

    fn set(&mut self, name: &str, value: Value) -> Result<(), &'static str> {
        match name {
            "url" => self.url = value.text()?,
            "sub" => self.sub = value.id()?,
            "open" => {
                self.open =
                    value.texts().map_err(|_| "write a list of directories: [\"/videos/42/\"]")?;
            }
            "access" => self.access = Some(value.parsed(Seconds, LENGTH)?),
            "idle" => self.idle = Some(value.parsed(Seconds, LENGTH)?),
            "absolute" => self.absolute = Some(value.parsed(Seconds, LENGTH)?),
            "max" => self.max = Some(count(value)?),
            "claims" => self.claims = value.members()?,
            "expires_in" => self.expires_in = Some(value.parsed(Seconds, LENGTH)?),
            "audience" => self.audience = Some(value.text()?),
            "kid" => self.kid = Some(value.text()?),
            "jti" => self.jti = Some(value.id()?),
            _ => return Err(UNKNOWN),
        }
        Ok(())
    }

    fn checked(self) -> Result<Self, RequestError> {
        let missing = |field, message: &str| Err(RequestError::new(field, &message));
        if self.url.is_empty() {
            return missing("url", "is missing; write the gate's scheme and host");
        }
        if self.sub.is_empty() {
            return missing("sub", "is missing; write the id of the viewer");
        }
        Ok(self)
    }
}

impl SessionRequest {
    /// Signs the link.
    ///
    /// # Errors
    /// A [`RequestError`] with the member that cannot be signed.
    pub fn sign(&self, signer: &Signer, now: UnixTime) -> Result<SignedSessionLink, RequestError> {
        let claims = self.claims()?;
        let jti = self.jti.as_deref().unwrap_or_default();
        let mut link = signer.session(&self.url, &self.sub, jti);
        for directory in &self.open {
            link = link.open(directory);
        }
        let secs = |Seconds(secs)| Duration::from_secs(secs);
        if let Some(length) = self.access {
            link = link.access(secs(length));
        }
        if let Some(length) = self.idle {
            link = link.idle(secs(length));
        }
        if let Some(length) = self.absolute {
            link = link.absolute(secs(length));
        }
        if let Some(length) = self.expires_in {
            link = link.expires_in(secs(length));
        }
        if let Some(most) = self.max {
            link = link.max_playbacks(most);
        }
        if let Some(json) = &claims {
            link = link.claims(json);
        }
        if let Some(name) = &self.audience {
            link = link.audience(name);
        }
        if let Some(kid) = &self.kid {
            link = link.key(kid);
        }
        link.sign(now).map(SignedSessionLink::from).map_err(|error| self.error(error))
    }

    /// The claims as a JSON object; `None` if there are none.
    fn claims(&self) -> Result<Option<String>, RequestError> {
        if self.claims.is_empty() {
            return Ok(None);
        }
        let claims = Value::Object(self.claims.clone());
        if let Some(message) = claims.unwritable() {
            return Err(RequestError::new("claims", &message));
        }
        // Texts, numbers and the like always serialize.
        Ok(Some(Claims::ascii(&serde_json::to_string(&claims).unwrap_or_default())))
    }

    /// The member whose length is wrong, and what to write instead.
    fn wrong_length(&self) -> (&'static str, String) {
        let secs = |length: Option<Seconds>, usual| length.map_or(usual, |Seconds(secs)| secs);
        let access = secs(self.access, SessionBuilder::DEFAULT_ACCESS);
        let idle = secs(self.idle, SessionBuilder::DEFAULT_IDLE);
        let absolute = secs(self.absolute, SessionBuilder::DEFAULT_ABSOLUTE);
        let spelt = |secs| humantime::format_duration(Duration::from_secs(secs));
        if absolute > NewSession::MAX_LENGTH {
            ("absolute", "is longer than 400 days".into())
        } else if !(1..=NewSession::MAX_ACCESS).contains(&access) {
            ("access", "must be 1s to 1day".into())
        } else if idle < access {
            (
                "idle",
                format!("is shorter than an access token lasts; write at least {}", spelt(access)),
            )
        } else {
            (
                "idle",
                format!("is longer than the session (absolute); write at most {}", spelt(absolute)),
            )
        }
    }

    /// Expresses an error of the signer in terms of this request.
    fn error(&self, error: SignError) -> RequestError {
        let member = match error {
            SignError::Field(Field::Ses, Fault::OutOfRange) => self.wrong_length().0,
            SignError::Field(Field::Ses, _) => "open",
            SignError::Field(Field::Cl, _) => "claims",
            _ => match error.field() {
                Field::Aud => "audience",
                Field::Exp => "expires_in",
                Field::Kid if self.kid.is_none() => "",
                Field::Token => "",
                field => field.name(),
            },
        };
        let message: &dyn fmt::Display = match &error {
            SignError::Field(Field::Ses, Fault::Missing) => {
                &"is missing; write at least one directory, like /videos/42/"
            }
            SignError::Field(Field::Ses, Fault::TooMany) => {
                &"has more than 8 directories; write one above them"
            }
            SignError::Field(Field::Ses, Fault::NotCanonical) => {
                &"has a directory that is not canonical; write it like /videos/42/"
            }
            SignError::Field(Field::Ses, Fault::NotADirectory) => {
                &"must be directories such as /videos/42/, of at most 640 bytes and 64 segments, and not below /.playgate/"
            }
            SignError::Field(Field::Ses, Fault::OutOfRange) => &self.wrong_length().1,
            SignError::Field(Field::Exp, Fault::OutOfRange) => &"is longer than an hour; write 1m",
            SignError::Field(Field::Cl, Fault::WrongLength) => {
                &"have more than 384 bytes of JSON; put the rest into a database, under the viewer's id"
            }
            SignError::Field(Field::Jti, Fault::WrongLength) => {
                &"is longer than 48 characters; write 16 random bytes in base64url"
            }
            SignError::Field(Field::Jti, Fault::Empty) => &"is missing; write a random id",
            SignError::Field(Field::Token, Fault::WrongLength) => {
                &"the token would be longer than gates accept; open fewer directories, or write fewer claims"
            }
            SignError::Url => &"write only the gate's scheme and host: https://cdn.example.com",
            SignError::Field(..) => &Advice(error),
            other => other,
        };
        RequestError::new(member, message)
    }
}

/// A signed session link. `Debug` does not show it: it is a credential.
#[derive(Clone, Serialize)]
pub struct SignedSessionLink {
    /// The URL to POST to.
    pub link: String,
    /// When it expires, in unix seconds.
    pub expires: u64,
}

impl From<Link> for SignedSessionLink {
    fn from(link: Link) -> Self {
        Self { expires: link.expires().as_secs(), link: link.into() }
    }
}

impl fmt::Debug for SignedSessionLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedSessionLink").field("expires", &self.expires).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use playgate::KeyRing;

    const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);

    fn signed(json: &str) -> Result<String, String> {
        let ring = KeyRing::parse("main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
        let request = SessionRequest::from_value(Value::from_json(json).unwrap());
        let link = request.and_then(|request| request.sign(&Signer::new(ring), NOW));
        link.map(|link| link.link).map_err(|error| error.to_string())
    }

    #[test]
    fn each_member_is_in_the_token() {
        let link = signed(
            r#"{"url": "https://h", "sub": 7, "open": ["/videos/42/"], "access": "5m", "idle": "1day",
                "absolute": 172800, "max": 2, "claims": {"rôle": ["viewer"], "level": 3, "kids": true},
                "expires_in": 30, "jti": "s1"}"#,
        );
        let link = link.unwrap();
        let claims = "eyJyXHUwMGY0bGUiOlsidmlld2VyIl0sImxldmVsIjozLCJraWRzIjp0cnVlfQ";
        let expected = format!(
            "https://h/.playgate/session?pg=1&exp=1767225030&kid=main&cl={claims}&iat=1767225000&jti=s1&max=2\
             &ses=300.86400.172800.L3ZpZGVvcy80Mi8&sub=7&sig="
        );
        assert!(link.starts_with(&expected), "{link}\n{expected}");
    }

    #[test]
    fn errors_name_the_member() {
        let good = r#""url": "https://h", "sub": "v", "open": ["/a/"], "jti": "s""#;
        for (json, expected) in [
            (String::from("{}"), "url: is missing; write the gate's scheme and host"),
            (r#"{"url": "https://h"}"#.into(), "sub: is missing; write the id of the viewer"),
            (
                r#"{"url": "https://h", "sub": "v", "jti": "s"}"#.into(),
                "open: is missing; write at least one directory, like /videos/42/",
            ),
            (
                r#"{"url": "https://h", "sub": "v", "open": ["/a/"]}"#.into(),
                "jti: is missing; write a random id",
            ),
            (
                r#"{"url": "https://h/videos/", "sub": "v", "open": ["/a/"], "jti": "s"}"#.into(),
                "url: write only the gate's scheme and host: https://cdn.example.com",
            ),
            (
                format!(r#"{{{good}, "idle": "31days"}}"#),
                "idle: is longer than the session (absolute); write at most 30days",
            ),
            (
                format!(r#"{{{good}, "claims": {{"a": -1}}}}"#),
                "claims: write text, whole numbers, true, false, null, lists and objects",
            ),
            (
                format!(r#"{{{good}, "claims": {{"a": "{}"}}}}"#, "x".repeat(400)),
                "claims: have more than 384 bytes of JSON; put the rest into a database, under the viewer's id",
            ),
            (
                r#"{"url": "https://h", "sub": "v", "open": "/a/"}"#.into(),
                "open: write a list of directories: [\"/videos/42/\"]",
            ),
            (format!(r#"{{{good}, "access": 0}}"#), "access: must be 1s to 1day"),
            (format!(r#"{{{good}, "access": "2days"}}"#), "access: must be 1s to 1day"),
            (
                format!(r#"{{{good}, "idle": "5m"}}"#),
                "idle: is shorter than an access token lasts; write at least 10m",
            ),
            (format!(r#"{{{good}, "absolute": "401days"}}"#), "absolute: is longer than 400 days"),
            (
                format!(r#"{{{good}, "expires_in": "2h"}}"#),
                "expires_in: is longer than an hour; write 1m",
            ),
            (
                r#"{"url": "https://h", "sub": "v", "open": ["/a"], "jti": "s"}"#.into(),
                "open: must be directories such as /videos/42/, of at most 640 bytes and 64 segments, and not below \
                 /.playgate/",
            ),
        ] {
            assert_eq!(signed(&json).unwrap_err(), expected, "{json}");
        }
    }
}
