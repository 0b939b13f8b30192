//! A link to sign, and the signed link.

use core::fmt;
use core::time::Duration;
use std::borrow::Cow;

use serde::Serialize;

use crate::error::RequestError;
#[cfg(feature = "formats")]
use crate::formats::LinkFormat;
use crate::shape::{Shape, UNKNOWN};
use crate::time::{Moment, Seconds};
use crate::value::Value;
use playgate::UnixTime;
use playgate::{Advice, Builder, Link, SignError, Signer, percent_encoded};
use playgate::{Fault, Field, UnusableKey};

/// Where a signer puts the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the query: for one file.
    Query,
    /// In the path, so that relative addresses inherit it.
    Path,
}

/// A link to sign. Each member corresponds to the `playgate sign` option of the same name.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the signer's builder documents each one")]
pub struct SignRequest {
    pub url: String,
    pub expires_in: Option<Seconds>,
    pub expires_at: Option<Moment>,
    pub dir: Option<u8>,
    /// Whether the URL is a raw name that [`percent_encoded`] must encode.
    pub encode: bool,
    pub exact: bool,
    /// Whether the answer also has the value of a `Set-Cookie` header.
    pub cookie: bool,
    pub place: Option<Place>,
    pub kid: Option<String>,
    pub audience: Option<String>,
    /// Separated by dots: `PT.ES`. In JSON it is a list.
    pub country: Option<String>,
    pub download: Option<String>,
    pub inline: Option<String>,
    /// Up to four networks, separated by commas. In JSON it may be a list.
    pub ip: Option<String>,
    pub jti: Option<String>,
    pub max: Option<u16>,
    pub no_iat: bool,
    pub not_before: Option<Moment>,
    pub preview: Option<Seconds>,
    pub reval: Option<Seconds>,
    pub round: Option<Seconds>,
    pub run: Option<Seconds>,
    pub sid: Option<String>,
    pub sub: Option<String>,
    pub uses: Option<u16>,
    #[cfg(feature = "formats")]
    pub format: LinkFormat,
}

pub(crate) const LENGTH: &str = "write whole seconds, 0 or more, or text like \"10m\"";
const COUNT: &str = "write 1 to 1000";
const TIME: &str = "write whole unix seconds, or text like \"2026-01-01T00:00:00Z\"";

pub(crate) fn count(value: Value) -> Result<u16, &'static str> {
    u16::try_from(value.number()?).map_err(|_| COUNT)
}

impl Shape for SignRequest {
    const EXPECTED: &'static str = "write an object with a `url`, like {\"url\": \"https://...\"}";

    fn set(&mut self, name: &str, value: Value) -> Result<(), &'static str> {
        match name {
            "url" => self.url = value.text()?,
            "expires_in" => self.expires_in = Some(value.parsed(Seconds, LENGTH)?),
            "expires_at" => self.expires_at = Some(value.parsed(Moment::from_secs, TIME)?),
            "dir" => self.dir = Some(value.number()?.try_into().map_err(|_| "write 1 to 64")?),
            "cookie" => self.cookie = value.flag()?,
            "encode" => self.encode = value.flag()?,
            "exact" => self.exact = value.flag()?,
            "place" => {
                self.place = match value.text()?.as_str() {
                    "path" => Some(Place::Path),
                    "query" => Some(Place::Query),
                    _ => return Err("write \"query\" or \"path\""),
                }
            }
            "kid" => self.kid = Some(value.text()?),
            "audience" => self.audience = Some(value.text()?),
            "country" => self.country = Some(value.texts()?.join(".")),
            "download" => self.download = Some(value.text()?),
            "inline" => self.inline = Some(value.text()?),
            "ip" => {
                self.ip = Some(match value {
                    Value::List(_) => value.texts()?.join(","),
                    Value::Text(text) => text,
                    _ => {
                        return Err(
                            "write a network, such as \"203.0.113.0/24\", or a list of them",
                        );
                    }
                });
            }
            "jti" => self.jti = Some(value.id()?),
            "max" => self.max = Some(count(value)?),
            "no_iat" => self.no_iat = value.flag()?,
            "not_before" => self.not_before = Some(value.parsed(Moment::from_secs, TIME)?),
            "preview" => self.preview = Some(value.parsed(Seconds, LENGTH)?),
            "reval" => self.reval = Some(value.parsed(Seconds, LENGTH)?),
            "round" => self.round = Some(value.parsed(Seconds, LENGTH)?),
            "run" => self.run = Some(value.parsed(Seconds, LENGTH)?),
            "sid" => self.sid = Some(value.id()?),
            "sub" => self.sub = Some(value.id()?),
            "uses" => self.uses = Some(count(value)?),
            #[cfg(feature = "formats")]
            "format" => self.format.format = Some(value.text()?),
            #[cfg(feature = "formats")]
            "claims" => self.format.claims = value.members()?,
            #[cfg(feature = "formats")]
            "issuer" => self.format.issuer = Some(value.text()?),
            #[cfg(feature = "formats")]
            "jwt_name" => self.format.jwt_name = Some(value.text()?),
            #[cfg(feature = "formats")]
            "timed_hmac_ttl" => {
                self.format.timed_hmac_ttl = Some(value.parsed(Seconds, LENGTH)?);
            }
            #[cfg(feature = "formats")]
            "timed_hmac_param" => self.format.timed_hmac_param = Some(value.text()?),
            #[cfg(feature = "formats")]
            "timed_hmac_url_safe" => self.format.timed_hmac_url_safe = value.flag()?,
            _ => return Err(UNKNOWN),
        }
        Ok(())
    }

    fn checked(self) -> Result<Self, RequestError> {
        match self.url.as_str() {
            "" => Err(RequestError::new("url", &"is missing; write the address to sign")),
            _ => Ok(self),
        }
    }
}

impl SignRequest {
    /// Signs the link.
    ///
    /// # Errors
    /// A [`RequestError`] with the member that cannot be signed.
    pub fn sign(&self, signer: &Signer, now: UnixTime) -> Result<SignedLink, RequestError> {
        let link = self.apply(signer.link(&self.written(&self.url)))?.sign(now);
        self.answer(link.map_err(|error| self.error(error))?, now)
    }

    /// The answer for a signed link.
    ///
    /// # Errors
    /// A [`RequestError`] if the link cannot have a cookie.
    pub fn answer(&self, link: Link, now: UnixTime) -> Result<SignedLink, RequestError> {
        let cookie = if self.cookie { link.cookie(now) } else { None };
        if self.cookie && cookie.is_none() {
            let message = if !self.is_native() {
                "a cookie is only for native links"
            } else if self.dir.is_none() {
                "a cookie needs a directory: sign with `dir`"
            } else {
                "browsers drop a cookie for a directory of more than 1,024 bytes"
            };
            return Err(RequestError::new("cookie", &message));
        }
        Ok(SignedLink { cookie, ..SignedLink::from(link) })
    }

    /// Whether the link has the native format.
    #[cfg(feature = "formats")]
    fn is_native(&self) -> bool {
        self.format.format.as_deref().is_none_or(|format| format == "native")
    }

    #[cfg(not(feature = "formats"))]
    const fn is_native(&self) -> bool {
        true
    }

    /// The form of `url` to sign. A link that already has a token is not encoded: it stays as it is, and is
    /// refused as already signed.
    #[must_use]
    pub fn written<'u>(&self, url: &'u str) -> Cow<'u, str> {
        if self.encode && !self.has_token(url) { percent_encoded(url).into() } else { url.into() }
    }

    /// Whether a URL really has a token, and not just a file name with `?pg=` in it.
    fn has_token(&self, url: &str) -> bool {
        let has =
            |token: &str| ["?", "&", "/"].iter().any(|mark| url.contains(&[mark, token].concat()));
        #[cfg(feature = "formats")]
        if self.format.format.as_deref() == Some("jwt") {
            let name = self.format.jwt_name.as_deref().unwrap_or("token");
            return has("pg=1&") || has(&[name, "=ey"].concat());
        }
        #[cfg(feature = "formats")]
        if self.format.format.as_deref() == Some("timed-hmac") {
            let name = self.format.timed_hmac_param.as_deref().unwrap_or("verify");
            return has("pg=1&") || has_timed_hmac(url, name);
        }
        has("pg=1&")
    }

    /// Sets everything but the URL on a builder.
    ///
    /// # Errors
    /// A [`RequestError`] if two members conflict, or if one cannot be read.
    pub fn apply<'a, U>(&'a self, builder: Builder<'a, U>) -> Result<Builder<'a, U>, RequestError> {
        let mut link = builder;
        match (self.expires_in, self.expires_at) {
            (Some(_), Some(_)) => {
                let message = "cannot be combined with `expires_at`";
                return Err(RequestError::new("expires_in", &message));
            }
            (Some(Seconds(secs)), None) => link = link.expires_in(Duration::from_secs(secs)),
            (None, Some(Moment(time))) => link = link.expires_at(time),
            (None, None) => {}
        }
        match self.place {
            Some(Place::Path) => link = link.in_path(),
            Some(Place::Query) => link = link.in_query(),
            None => {}
        }
        match (self.dir, self.exact) {
            (Some(_), true) => {
                let message = "cannot be combined with `dir`";
                return Err(RequestError::new("exact", &message));
            }
            (Some(n), false) => link = link.directory(n),
            (None, true) => link = link.exact(),
            (None, false) => {}
        }
        #[cfg(feature = "formats")]
        if let Some(jwt) = self.format.jwt()? {
            link = link.jwt(jwt);
        }
        #[cfg(feature = "formats")]
        if let Some(format) = self.format.timed_hmac()? {
            if self.place == Some(Place::Path) {
                let message = "a timed HMAC can only be in the query; leave this out";
                return Err(RequestError::new("place", &message));
            }
            link = link.timed_hmac(format);
        }
        for network in self.ip.iter().flat_map(|networks| networks.split(',')) {
            let network = network.trim().parse();
            link = link.network(network.map_err(|error| RequestError::new("ip", &error))?);
        }
        match (&self.download, &self.inline) {
            (Some(_), Some(_)) => {
                let message = "cannot be combined with `download`";
                return Err(RequestError::new("inline", &message));
            }
            (None, Some(name)) => link = link.inline(name),
            (Some(name), None) => link = link.download(name),
            (None, None) => {}
        }
        if self.no_iat {
            link = link.issued_at(None);
        }
        if let Some(Seconds(secs)) = self.round {
            link = link.round(Duration::from_secs(secs));
        }
        if let Some(Moment(time)) = self.not_before {
            link = link.not_before(time);
        }
        if let Some(Seconds(secs)) = self.preview {
            link = link.preview(Duration::from_secs(secs));
        }
        if let Some(most) = self.max {
            link = link.max_playbacks(most);
        }
        if let Some(count) = self.uses {
            link = link.uses(count);
        }
        if let Some(Seconds(secs)) = self.reval {
            link = link.revalidate(Duration::from_secs(secs));
        }
        if let Some(Seconds(secs)) = self.run {
            link = link.run(Duration::from_secs(secs));
        }
        type Set<'a, U> = fn(Builder<'a, U>, &'a str) -> Builder<'a, U>;
        let texts: [(_, Set<'a, U>); 6] = [
            (&self.kid, Builder::key),
            (&self.audience, Builder::audience),
            (&self.country, Builder::countries),
            (&self.jti, Builder::token_id),
            (&self.sid, Builder::session),
            (&self.sub, Builder::subject),
        ];
        Ok(texts.into_iter().fold(link, |link, (text, set)| match text {
            Some(text) => set(link, text),
            None => link,
        }))
    }

    /// Expresses an error of the signer in terms of this request.
    #[must_use]
    pub fn error(&self, error: SignError) -> RequestError {
        let member = match error.field() {
            _ if error == SignError::RoundedTooFar => "round",
            Field::Aud => "audience",
            Field::Cc => "country",
            #[cfg(feature = "formats")]
            Field::Claim => "claims",
            Field::Dir if self.exact => "exact",
            Field::Dl if self.inline.is_some() => "inline",
            Field::Dl => "download",
            Field::Exp if self.expires_at.is_some() => "expires_at",
            Field::Exp => "expires_in",
            #[cfg(feature = "formats")]
            Field::Iss => "issuer",
            // The request did not name a key, so it is the ring that must change.
            Field::Kid if self.kid.is_none() => "",
            Field::Nbf => "not_before",
            Field::Pre => "preview",
            Field::Token => "",
            field => field.name(),
        };
        let message: &dyn fmt::Display = match &error {
            #[cfg(feature = "formats")]
            SignError::Field(Field::Claim, Fault::OutOfOrder) => {
                &"a claim is given twice, or is one of aud, exp, iat, iss, jti, max, nbf, reval, run, sid, sub and \
                  uses, which have options of their own"
            }
            SignError::Field(Field::Token, Fault::WrongLength) => {
                &"the token would be longer than gates accept; put less into it"
            }
            SignError::Key(UnusableKey::Retired) if self.kid.is_none() => {
                &"the ring's first key is retired; put a current key first, or name another key (kid)"
            }
            SignError::Field(..) => &Advice(error),
            other => other,
        };
        RequestError::new(member, message)
    }
}

/// A signed link.
#[derive(Clone, Serialize)]
pub struct SignedLink {
    /// The URL.
    pub link: String,
    /// When it expires, in unix seconds.
    pub expires: u64,
    /// The part of the URL space that it allows. For a JWT, only the gate knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The value of a `Set-Cookie` header with the token, if it was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
}

impl From<Link> for SignedLink {
    fn from(link: Link) -> Self {
        Self {
            expires: link.expires().as_secs(),
            scope: link.scope(),
            cookie: None,
            link: link.into(),
        }
    }
}

impl fmt::Debug for SignedLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedLink").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// Whether a URL has a timed HMAC in its query: ten digits and a hyphen after its name.
#[cfg(feature = "formats")]
fn has_timed_hmac(url: &str, name: &str) -> bool {
    let params = url.split(['?', '&']).skip(1);
    let values = params.filter_map(|param| param.strip_prefix(name)?.strip_prefix('='));
    values
        .filter_map(|value| value.split_once('-'))
        .any(|(digits, _)| digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(all(test, feature = "formats"))]
mod tests {
    use super::*;

    #[test]
    fn a_name_like_a_timed_hmac_is_encoded() {
        let format = LinkFormat { format: Some("timed-hmac".into()), ..LinkFormat::default() };
        let request = SignRequest { encode: true, format, ..SignRequest::default() };
        let named = request.written("https://h/a/verify=1?x.mp4");
        assert_eq!(named, "https://h/a/verify=1%3Fx.mp4");
        let signed = "https://h/a.mp4?verify=1767225000-x";
        assert_eq!(request.written(signed), signed);
    }
}
