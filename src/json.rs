//! The JSON shapes that the program, the minting service and the bindings share.

mod time;
mod value;

use core::fmt;
use core::net::IpAddr;

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::Serialize;

use crate::error::{Field, Refusal};
use crate::key::KeyRing;
use crate::query::ParamNames;
use crate::sign::{Builder, Link, SignError, Signer};
use crate::time::UnixTime;
use crate::verify::{Verified, Verifier};

pub use self::time::{Moment, Seconds};
pub use self::value::Value;

/// A request that comes as a JSON object.
pub trait Request: Default {
    /// What to write where no object came.
    const EXPECTED: &'static str;

    /// Takes one member.
    ///
    /// # Errors
    /// What to write instead, or that there is no such member.
    fn set(&mut self, name: &str, value: Value) -> Result<(), &'static str>;

    /// Takes all members of an object. One that is not known is refused, as it may be meant as a
    /// restriction, and so is one that stands twice.
    ///
    /// # Errors
    /// A [`RequestError`] with the member that does not fit.
    fn from_value(value: Value) -> Result<Self, RequestError> {
        let Value::Object(members) = value else {
            return Err(RequestError::new("", &Self::EXPECTED));
        };
        let mut request = Self::default();
        let mut seen: Vec<String> = Vec::with_capacity(members.len());
        for (name, value) in members {
            if seen.contains(&name) {
                return Err(RequestError::new(&name, &"stands twice"));
            }
            // As if it were not there: what has no value restricts nothing.
            if !matches!(value, Value::Null) {
                request.set(&name, value).map_err(|error| RequestError::new(&name, &error))?;
            }
            seen.push(name);
        }
        Ok(request)
    }
}

/// What [`Request::set`] says of a member that it does not know.
const UNKNOWN: &str = "no such member";

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

/// Where a signer puts the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Place {
    /// In the query: one file.
    #[default]
    Query,
    /// In the path, where relative addresses inherit it.
    Path,
}

/// A link to sign. Each member is the option of that name of `playgate sign`.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the signer's builder says what each one means")]
pub struct SignRequest {
    pub url: String,
    pub expires_in: Option<Seconds>,
    pub expires_at: Option<Moment>,
    pub dir: Option<u8>,
    pub place: Place,
    pub kid: Option<String>,
    pub audience: Option<String>,
    /// Parted by dots: `PT.ES`. In JSON it is a list.
    pub country: Option<String>,
    pub download: Option<String>,
    pub ip: Option<String>,
    pub jti: Option<String>,
    pub not_before: Option<Moment>,
    pub run: Option<Seconds>,
    pub sid: Option<String>,
    pub sub: Option<String>,
}

impl Request for SignRequest {
    const EXPECTED: &'static str = "write an object with a `url`";

    fn set(&mut self, name: &str, value: Value) -> Result<(), &'static str> {
        match name {
            "url" => self.url = value.text()?,
            "expires_in" => self.expires_in = Some(value.parsed(Seconds)?),
            "expires_at" => self.expires_at = Some(value.parsed(Moment::from_secs)?),
            "dir" => self.dir = Some(value.number()?.try_into().map_err(|_| "write 1 to 64")?),
            "place" => {
                self.place = match value.text()?.as_str() {
                    "path" => Place::Path,
                    "query" => Place::Query,
                    _ => return Err("write \"query\" or \"path\""),
                }
            }
            "kid" => self.kid = Some(value.text()?),
            "audience" => self.audience = Some(value.text()?),
            "country" => self.country = Some(value.texts()?.join(".")).filter(|c| !c.is_empty()),
            "download" => self.download = Some(value.text()?),
            "ip" => self.ip = Some(value.text()?),
            "jti" => self.jti = Some(value.text()?),
            "not_before" => self.not_before = Some(value.parsed(Moment::from_secs)?),
            "run" => self.run = Some(value.parsed(Seconds)?),
            "sid" => self.sid = Some(value.text()?),
            "sub" => self.sub = Some(value.text()?),
            _ => return Err(UNKNOWN),
        }
        Ok(())
    }
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
        type Set<'a, U> = fn(Builder<'a, U>, &'a str) -> Builder<'a, U>;
        let texts: [(_, Set<'a, U>); 7] = [
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
#[derive(Clone, Default)]
#[expect(missing_docs, reason = "the same as those of `Request`")]
pub struct VerifyRequest {
    pub url: String,
    pub cookie: Option<String>,
    pub authorization: Option<String>,
    pub client_ip: Option<IpAddr>,
    pub client_country: Option<String>,
}

impl Request for VerifyRequest {
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
    pub fn as_request(&self) -> crate::Request<'_> {
        let mut request = crate::Request::new(&self.url);
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
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the verifier says what each one means")]
pub struct Gate {
    pub audience: Option<String>,
    pub leeway: u64,
    pub max_lifetime: Option<u64>,
    pub unsigned_params: String,
    pub forward_params: String,
}

impl Request for Gate {
    const EXPECTED: &'static str = "write an object; {} for a gate without settings";

    fn set(&mut self, name: &str, value: Value) -> Result<(), &'static str> {
        match name {
            "audience" => self.audience = Some(value.text()?),
            "leeway" => self.leeway = value.number()?,
            "max_lifetime" => self.max_lifetime = Some(value.number()?),
            "unsigned_params" => self.unsigned_params = value.texts()?.join(","),
            "forward_params" => self.forward_params = value.texts()?.join(","),
            _ => return Err(UNKNOWN),
        }
        Ok(())
    }
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
    pub fn verdict(&self, ring: &KeyRing, request: &crate::Request<'_>, now: UnixTime) -> Verdict {
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
