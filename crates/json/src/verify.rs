//! A request to decide on, the gate that decides, and its verdict.

use core::fmt;
use core::net::IpAddr;

use playgate::{Field, KeyRing, ParamNames, Refusal, UnixTime};
use serde::Serialize;

#[cfg(feature = "formats")]
use crate::error::RequestError;
#[cfg(feature = "formats")]
use crate::formats::{Formats, GateFormats};
use crate::shape::{Shape, UNKNOWN};
use crate::value::Value;
use playgate::{Verified, Verifier};

/// A request to verify or inspect.
#[derive(Clone, Default)]
#[expect(missing_docs, reason = "the same as those of `Request`")]
pub struct VerifyRequest {
    pub url: String,
    pub cookie: Option<String>,
    pub authorization: Option<String>,
    pub client_ip: Option<IpAddr>,
    pub client_country: Option<String>,
}

impl Shape for VerifyRequest {
    const EXPECTED: &'static str = "write an object with a `url`";

    fn set(&mut self, name: &str, value: Value) -> Result<(), &'static str> {
        match name {
            "url" => self.url = value.text()?,
            "cookie" => self.cookie = Some(value.text()?),
            "authorization" => self.authorization = Some(value.text()?),
            "client_ip" => {
                let ip = value.text()?.parse();
                self.client_ip = Some(ip.map_err(|_| "write an IPv4 or IPv6 address")?);
            }
            "client_country" => self.client_country = Some(value.text()?),
            _ => return Err(UNKNOWN),
        }
        Ok(())
    }
}

impl VerifyRequest {
    /// The same, borrowed.
    #[must_use]
    pub fn as_request(&self) -> playgate::Request<'_> {
        let mut request = playgate::Request::new(&self.url);
        request.cookie = self.cookie.as_deref().map(header_value);
        request.authorization = self.authorization.as_deref().map(header_value);
        request.client_ip = self.client_ip;
        request.client_country = self.client_country.as_deref();
        request
    }
}

/// The value of a header field that may have been copied with its name: `Cookie: pg=...`.
#[must_use]
pub fn header_value(text: &str) -> &str {
    const NAMES: [&str; 3] = ["cookie", "set-cookie", "authorization"];
    match text.split_once(':') {
        Some((name, value))
            if NAMES.iter().any(|known| name.trim().eq_ignore_ascii_case(known)) =>
        {
            value.trim()
        }
        _ => text,
    }
}

impl fmt::Debug for VerifyRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyRequest(..)")
    }
}

/// The settings of a gate.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the verifier says what each one means")]
pub struct GateOptions {
    pub audience: Option<String>,
    #[cfg(feature = "formats")]
    pub formats: Formats,
    pub leeway: u64,
    pub max_lifetime: Option<u64>,
    pub unsigned_params: String,
    pub forward_params: String,
    /// What a JSON object says of the formats.
    #[cfg(feature = "formats")]
    asked: GateFormats,
}

impl Shape for GateOptions {
    const EXPECTED: &'static str = "write an object; {} for a gate without settings";

    fn set(&mut self, name: &str, value: Value) -> Result<(), &'static str> {
        match name {
            "audience" => self.audience = Some(value.text()?),
            #[cfg(feature = "formats")]
            "formats" => self.asked.formats = Some(value.texts()?.join(",")),
            #[cfg(feature = "formats")]
            "jwt_path" => self.asked.jwt_path = Some(value.text()?),
            #[cfg(feature = "formats")]
            "jwt_name" => self.asked.jwt_name = Some(value.text()?),
            #[cfg(feature = "formats")]
            "issuer" => self.asked.issuer = Some(value.text()?),
            #[cfg(feature = "formats")]
            "timed_hmac_ttl" => self.asked.timed_hmac_ttl = Some(value.id()?),
            #[cfg(feature = "formats")]
            "timed_hmac_param" => self.asked.timed_hmac_param = Some(value.text()?),
            #[cfg(feature = "formats")]
            "timed_hmac_url_safe" => {
                self.asked.timed_hmac_url_safe = Some(value.flag()?.to_string());
            }
            "leeway" => self.leeway = value.number()?,
            "max_lifetime" => self.max_lifetime = Some(value.number()?),
            "unsigned_params" => self.unsigned_params = value.texts()?.join(","),
            "forward_params" => self.forward_params = value.texts()?.join(","),
            _ => return Err(UNKNOWN),
        }
        Ok(())
    }

    #[cfg(feature = "formats")]
    fn checked(self) -> Result<Self, RequestError> {
        match self.asked.read() {
            Ok(formats) => Ok(Self { formats, ..self }),
            Err(errors) => Err(errors.into_iter().next().unwrap_or_default()),
        }
    }
}

impl GateOptions {
    /// A verifier with these settings.
    #[must_use]
    pub fn verifier<'a>(&'a self, ring: &'a KeyRing) -> Verifier<'a> {
        let verifier = Verifier::new(ring)
            .audience(self.audience.as_deref())
            .leeway(self.leeway)
            .max_lifetime(self.max_lifetime)
            .unsigned_params(ParamNames::new(&self.unsigned_params));
        #[cfg(feature = "formats")]
        let verifier = self.formats.of(verifier);
        verifier
    }

    /// The decision on one request.
    #[must_use]
    pub fn verdict(
        &self,
        ring: &KeyRing,
        request: &playgate::Request<'_>,
        now: UnixTime,
    ) -> Verdict {
        match self.verifier(ring).verify(request, now) {
            Ok(verified) => Verdict::allow(&verified, ParamNames::new(&self.forward_params)),
            Err(refusal) => refusal.into(),
        }
    }
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words of the refusal and of the verified token")]
pub enum Verdict {
    Allow {
        kid: String,
        expires: u64,
        scope: String,
        clean_url: String,
    },
    Deny {
        reason: &'static str,
        status: u16,
        #[serde(skip_serializing_if = "Option::is_none")]
        field: Option<&'static str>,
    },
}

impl Verdict {
    fn allow(verified: &Verified<'_>, forward: ParamNames<'_>) -> Self {
        Self::Allow {
            kid: verified.kid().into(),
            expires: verified.grant().expires().as_secs(),
            scope: verified.scope().to_string(),
            clean_url: verified.clean_url(forward),
        }
    }
}

impl From<Refusal> for Verdict {
    fn from(refusal: Refusal) -> Self {
        let field = refusal.field().map(Field::name);
        Self::Deny { reason: refusal.code(), status: refusal.status(), field }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_header_is_taken_off() {
        for (text, value) in [
            ("Cookie: pg=1&exp=2", "pg=1&exp=2"),
            ("cookie:pg=1", "pg=1"),
            ("Set-Cookie: pg=1; Path=/", "pg=1; Path=/"),
            ("AUTHORIZATION:  Bearer pg=1 ", "Bearer pg=1"),
            ("pg=1&aud=a:b", "pg=1&aud=a:b"),
            ("Bearer pg=1", "Bearer pg=1"),
            ("", ""),
        ] {
            assert_eq!(header_value(text), value);
        }
    }
}
