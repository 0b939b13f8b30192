//! The JSON shapes that the program, the minting service and the bindings share.

use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::error::{Field, Refusal};
use crate::key::KeyRing;
use crate::query::ParamNames;
use crate::request::Request;
use crate::sign::{Builder, Link, SignError, Signer};
use crate::time::UnixTime;
use crate::verify::{Verified, Verifier};

/// Reads a shape from JSON.
///
/// # Errors
/// A [`RequestError`] with the member that does not fit.
pub fn from_str<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, RequestError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        // `.` is the whole, and `?` a member whose name did not come in whole.
        let field = error.path().to_string().trim_end_matches(['.', '?']).into();
        RequestError { field, message: without_position(error.inner().to_string()) }
    })?;
    json.end().map_err(|error| RequestError::new("", &error))?;
    Ok(value)
}

/// The message of a JSON error without «at line 1 column 38», which tells nobody anything once the
/// member is named.
fn without_position(mut message: String) -> String {
    if let Some(at) = message.rfind(" at line ") {
        message.truncate(at);
    }
    message
}

/// A request that cannot be met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestError {
    /// What to write instead.
    #[serde(rename = "error")]
    pub message: String,
    /// The member that it is about; empty where it is the whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
}

impl RequestError {
    /// An error about one member.
    #[must_use]
    pub fn new(field: &str, message: &dyn fmt::Display) -> Self {
        Self { message: message.to_string(), field: field.into() }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.message),
            field => write!(f, "{field}: {}", self.message),
        }
    }
}

impl core::error::Error for RequestError {}

/// A length of time: seconds as a number, or text such as `10m` and `1h 30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "NumberOrText")]
pub struct Seconds(pub u64);

impl core::str::FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let secs = text.parse().ok();
        let secs = secs.or_else(|| humantime::parse_duration(text).ok().map(|d| d.as_secs()));
        secs.map(Self).ok_or("not a length of time; write seconds, or as in 10m, 2h, 1h 30m")
    }
}

/// A moment: unix seconds as a number, or RFC 3339 text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "NumberOrText")]
pub struct Moment(pub UnixTime);

impl core::str::FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let secs = text.parse().ok().or_else(|| rfc_3339(text)).map(UnixTime::from_secs);
        secs.map(Self).ok_or("not a time; write unix seconds, or as in 2026-01-01T00:00:00Z")
    }
}

/// Unix seconds from RFC 3339. humantime reads UTC alone, so an offset such as `+01:00` is taken off
/// first.
fn rfc_3339(text: &str) -> Option<u64> {
    let utc = |text: &str| {
        let time = humantime::parse_rfc3339(text).ok()?;
        time.duration_since(std::time::UNIX_EPOCH).ok().as_ref().map(Duration::as_secs)
    };
    let offset = text.len().checked_sub("+00:00".len()).and_then(|at| text.split_at_checked(at));
    let Some((local, offset)) = offset.filter(|(_, offset)| offset.starts_with(['+', '-'])) else {
        return utc(text);
    };
    let (east, (hours, minutes)) = (offset.starts_with('+'), offset.get(1..)?.split_once(':')?);
    let number = |text: &str, most: u64| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number: &u64| digits && *number <= most)
    };
    let offset = number(hours, 23)?.saturating_mul(3600);
    let offset = offset.saturating_add(number(minutes, 59)?.saturating_mul(60));
    if local.ends_with('Z') {
        return None;
    }
    let local = utc(&alloc::format!("{local}Z"))?;
    if east { local.checked_sub(offset) } else { local.checked_add(offset) }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "neither a whole number nor text")]
enum NumberOrText {
    Number(u64),
    Text(String),
}

impl TryFrom<NumberOrText> for Seconds {
    type Error = &'static str;

    fn try_from(value: NumberOrText) -> Result<Self, Self::Error> {
        match value {
            NumberOrText::Number(secs) => Ok(Self(secs)),
            NumberOrText::Text(text) => text.parse(),
        }
    }
}

impl TryFrom<NumberOrText> for Moment {
    type Error = &'static str;

    fn try_from(value: NumberOrText) -> Result<Self, Self::Error> {
        match value {
            NumberOrText::Number(secs) => Ok(Self(UnixTime::from_secs(secs))),
            NumberOrText::Text(text) => text.parse(),
        }
    }
}

/// Where a signer puts the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// In the query: one file.
    #[default]
    Query,
    /// In the path, where relative addresses inherit it.
    Path,
}

/// A link to sign. Each member is the option of that name of `playgate sign`; one that is not known
/// is refused, as it may be meant as a restriction.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an object with a `url`")]
#[expect(missing_docs, reason = "the signer's builder says what each one means")]
pub struct SignRequest {
    pub url: String,
    pub expires_in: Option<Seconds>,
    pub expires_at: Option<Moment>,
    pub dir: Option<u8>,
    pub place: Place,
    pub kid: Option<String>,
    pub audience: Option<String>,
    #[serde(deserialize_with = "dotted")]
    pub country: Option<String>,
    pub download: Option<String>,
    pub ip: Option<String>,
    pub jti: Option<String>,
    pub not_before: Option<Moment>,
    pub run: Option<Seconds>,
    pub sid: Option<String>,
    pub sub: Option<String>,
}

/// `["PT", "ES"]` as on the wire, `PT.ES`.
fn dotted<'de, D: serde::Deserializer<'de>>(json: D) -> Result<Option<String>, D::Error> {
    let countries = Option::<Vec<String>>::deserialize(json)?;
    Ok(countries.filter(|countries| !countries.is_empty()).map(|countries| countries.join(".")))
}

impl SignRequest {
    /// Signs the link.
    ///
    /// # Errors
    /// A [`RequestError`] with the member that cannot be signed.
    pub fn sign(&self, signer: &Signer, now: UnixTime) -> Result<SignedLink, RequestError> {
        let link = self.apply(signer.link(&self.url))?.sign(now);
        link.map(SignedLink::from).map_err(|error| self.error(error))
    }

    /// Puts everything but the URL on a builder.
    ///
    /// # Errors
    /// A [`RequestError`] where two members contradict each other or one cannot be read.
    pub fn apply<'a, U>(&'a self, builder: Builder<'a, U>) -> Result<Builder<'a, U>, RequestError> {
        let mut link = builder;
        match (self.expires_in, self.expires_at) {
            (Some(_), Some(_)) => {
                let message = "stands beside `expires_at`; give one of them";
                return Err(RequestError::new("expires_in", &message));
            }
            (Some(Seconds(secs)), None) => link = link.expires_in(secs),
            (None, Some(Moment(time))) => link = link.expires_at(time),
            (None, None) => {}
        }
        if self.place == Place::Path {
            link = link.in_path();
        }
        if let Some(n) = self.dir {
            link = link.directory(n);
        }
        if let Some(network) = &self.ip {
            let network = network.parse().map_err(|error| RequestError::new("ip", &error));
            link = link.network(network?);
        }
        if let Some(Moment(time)) = self.not_before {
            link = link.not_before(time);
        }
        if let Some(Seconds(secs)) = self.run {
            link = link.run(secs);
        }
        let texts: [(_, fn(Builder<'a, U>, &'a str) -> Builder<'a, U>); 7] = [
            (&self.kid, Builder::key),
            (&self.audience, Builder::audience),
            (&self.country, Builder::countries),
            (&self.download, Builder::download),
            (&self.jti, Builder::token_id),
            (&self.sid, Builder::session),
            (&self.sub, Builder::subject),
        ];
        Ok(texts.into_iter().fold(link, |link, (text, set)| match text {
            Some(text) => set(link, text),
            None => link,
        }))
    }

    /// The error of a signer in the words of this request.
    #[must_use]
    pub fn error(&self, error: SignError) -> RequestError {
        let member = match error.field() {
            Field::Aud => "audience",
            Field::Cc => "country",
            Field::Dl => "download",
            Field::Exp if self.expires_at.is_some() => "expires_at",
            Field::Exp => "expires_in",
            Field::Nbf => "not_before",
            Field::Token => "",
            field => field.name(),
        };
        let message = match error {
            SignError::Field(_, fault) => fault.to_string(),
            other => other.to_string(),
        };
        RequestError { message, field: member.into() }
    }
}

/// A signed link.
#[derive(Clone, Serialize)]
pub struct SignedLink {
    /// The URL.
    pub link: String,
    /// When it ends, in unix seconds.
    pub expires: u64,
    /// The part of the URL space that it allows.
    pub scope: String,
}

impl From<Link> for SignedLink {
    fn from(link: Link) -> Self {
        Self { expires: link.expires().as_secs(), scope: link.scope(), link: link.into() }
    }
}

impl fmt::Debug for SignedLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedLink").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// A request to verify or inspect.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the same as those of `Request`")]
pub struct VerifyRequest {
    pub url: String,
    pub cookie: Option<String>,
    pub authorization: Option<String>,
    pub client_ip: Option<IpAddr>,
    pub client_country: Option<String>,
}

impl VerifyRequest {
    /// The same, borrowed.
    #[must_use]
    pub fn as_request(&self) -> Request<'_> {
        let mut request = Request::new(&self.url);
        request.cookie = self.cookie.as_deref();
        request.authorization = self.authorization.as_deref();
        request.client_ip = self.client_ip;
        request.client_country = self.client_country.as_deref();
        request
    }
}

impl fmt::Debug for VerifyRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyRequest(..)")
    }
}

/// The settings of a gate.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the verifier says what each one means")]
pub struct Gate {
    pub audience: Option<String>,
    pub leeway: u64,
    pub max_lifetime: Option<u64>,
    #[serde(deserialize_with = "listed")]
    pub unsigned_params: String,
    #[serde(deserialize_with = "listed")]
    pub forward_params: String,
}

fn listed<'de, D: serde::Deserializer<'de>>(json: D) -> Result<String, D::Error> {
    Vec::<String>::deserialize(json).map(|names| names.join(","))
}

impl Gate {
    /// A verifier with these settings.
    #[must_use]
    pub fn verifier<'a>(&'a self, ring: &'a KeyRing) -> Verifier<'a> {
        Verifier::new(ring)
            .audience(self.audience.as_deref())
            .leeway(self.leeway)
            .max_lifetime(self.max_lifetime)
            .unsigned_params(ParamNames::new(&self.unsigned_params))
    }

    /// The decision on one request.
    #[must_use]
    pub fn verdict(&self, ring: &KeyRing, request: &Request<'_>, now: UnixTime) -> Verdict {
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

    #[track_caller]
    fn reads(text: &str, secs: Option<u64>) {
        let moment = text.parse().ok().map(|Moment(time)| time.as_secs());
        assert_eq!(moment, secs, "{text}");
    }

    #[test]
    fn moments() {
        for text in [
            "1767225600",
            "2026-01-01T00:00:00Z",
            "2026-01-01T01:00:00+01:00",
            "2025-12-31T18:15:00-05:45",
            "2026-01-01T00:00:00.999-00:00",
        ] {
            reads(text, Some(1_767_225_600));
        }
        for text in [
            "",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00+1:00",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+00:60",
            "2026-01-01T00:00:00+0+:00",
            "2026-01-01T00:00:00Z+01:00",
            "1970-01-01T00:00:00+00:01",
            "tomorrow",
        ] {
            reads(text, None);
        }
    }
}
