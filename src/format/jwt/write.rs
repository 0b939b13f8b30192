//! Writes JWTs into links.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::claims::READ;
use super::{FORMAT, MAX_TOKEN_LEN, NAME};
use crate::bytes::is_graphic;
use crate::error::{Fault, Field};
use crate::format::name::{MAX_NAME_LEN, NameError, check_name};
use crate::format::place::place;
use crate::format::{SignedUrl, Writer, native};
use crate::grant::{MAX_NUMBER, parse_text};
use crate::options::{Address, CheckedOptions, Extent, LinkOptions, SignError};
use crate::request::Placement;

/// The options of a JWT that other tokens lack.
///
/// ```
/// use playgate::{Jwt, KeyRing, Signer, UnixTime};
/// # let ring = KeyRing::parse("main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")?;
/// let link = Signer::new(ring)
///     .link("https://cdn.example.com/videos/42/film.mp4")
///     .jwt(Jwt::new().claim("vid", "42").issuer("https://www.example.com"))
///     .sign(UnixTime::from_secs(1_767_225_000))?;
/// assert!(link.as_str().starts_with("https://cdn.example.com/videos/42/film.mp4?token=eyJ"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Jwt<'a> {
    claims: Vec<(Cow<'a, str>, ClaimValue<'a>)>,
    issuer: Option<Cow<'a, str>>,
    name: Cow<'a, str>,
}

/// The value of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of JSON")]
pub enum ClaimValue<'a> {
    Number(u64),
    Text(Cow<'a, str>),
}

impl<'a> From<&'a str> for ClaimValue<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for ClaimValue<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<u64> for ClaimValue<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl Serialize for ClaimValue<'_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => json.serialize_u64(*number),
            Self::Text(text) => json.serialize_str(text),
        }
    }
}

impl Default for Jwt<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Jwt<'a> {
    /// A JWT with only the claims that every link has.
    pub const fn new() -> Self {
        Self { claims: Vec::new(), issuer: None, name: Cow::Borrowed(NAME) }
    }

    /// Adds a claim, such as the one that the gate's template names.
    pub fn claim(
        mut self,
        name: impl Into<Cow<'a, str>>,
        value: impl Into<ClaimValue<'a>>,
    ) -> Self {
        self.claims.push((name.into(), value.into()));
        self
    }

    /// Sets the issuer. Wire name: `iss`.
    pub fn issuer(mut self, issuer: impl Into<Cow<'a, str>>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Sets the name of the token in the link. Default: `token`.
    ///
    /// # Errors
    /// [`NameError`] if it is `pg`, or not 1 to 64 of `A-Z a-z 0-9 - _ .`.
    pub fn name(mut self, name: impl Into<Cow<'a, str>>) -> Result<Self, NameError> {
        self.name = name.into();
        check_name(&self.name)?;
        Ok(self)
    }
}

impl Writer for Jwt<'_> {
    fn name(&self) -> &'static str {
        FORMAT
    }

    fn check(&self, options: &LinkOptions<'_>) -> Result<(), SignError> {
        // Each by name: a new option is a restriction that must not be dropped silently.
        let LinkOptions {
            expiry: _,
            key: _,
            audience,
            claims,
            countries,
            download,
            generation,
            inline: _,
            issued: _,
            networks,
            token_id,
            max_playbacks: _,
            new_session,
            not_before: _,
            preview,
            revalidate,
            round: _,
            run,
            scope,
            session,
            subject,
            uses: _,
            in_path: _,
        } = options;
        for (field, asked) in [
            (Field::Cc, countries.is_some()),
            (Field::Cl, claims.is_some()),
            (Field::Dir, *scope != Extent::Fitting),
            (Field::Dl, download.is_some()),
            (Field::Gen, generation.is_some()),
            (Field::Ip, !networks.is_empty()),
            (Field::Pre, preview.is_some()),
            (Field::Ses, new_session.is_some()),
        ] {
            if asked {
                return Err(SignError::Field(field, Fault::NotInFormat));
            }
        }
        let texts = [
            (Field::Aud, *audience),
            (Field::Iss, self.issuer.as_deref()),
            (Field::Jti, *token_id),
            (Field::Sid, *session),
            (Field::Sub, *subject),
        ];
        if let Some((field, _)) = texts.into_iter().find(|(_, text)| *text == Some("")) {
            return Err(SignError::Field(field, Fault::Empty));
        }
        for (field, secs) in [(Field::Reval, revalidate), (Field::Run, run)] {
            if secs.is_some_and(|secs| !(1..=MAX_NUMBER).contains(&secs)) {
                return Err(SignError::Field(field, Fault::OutOfRange));
            }
        }
        options.check_counts()?;
        let of_claim = |fault| SignError::Field(Field::Claim, fault);
        for (n, (name, value)) in self.claims.iter().enumerate() {
            parse_text(name, MAX_NAME_LEN, is_graphic).map_err(of_claim)?;
            // These have methods of their own.
            if READ.contains(&name.as_ref())
                || self.claims.iter().take(n).any(|(one, _)| one == name)
            {
                return Err(of_claim(Fault::OutOfOrder));
            }
            match value {
                ClaimValue::Text(text) if text.is_empty() => return Err(of_claim(Fault::Empty)),
                ClaimValue::Number(number) if *number > MAX_NUMBER => {
                    return Err(of_claim(Fault::OutOfRange));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn write(&self, options: &CheckedOptions<'_, '_>, url: &str) -> Result<SignedUrl, SignError> {
        let address = Address::parse(url, [native::NAME, &self.name])?;
        let token = token(self, options)?;
        let in_path = options.options.in_path.unwrap_or(address.path.is_manifest());
        let name = [&self.name, "="].concat();
        let room = [url, &name, &token].map(str::len).into_iter().fold(2, usize::saturating_add);
        let (url, token) = place(&address, in_path, &name, room, |link| {
            link.push_str(&token);
            Ok(())
        })?;
        let placement = if in_path { Placement::Path } else { Placement::Query };
        Ok(SignedUrl { url, token, placement, scope: None })
    }
}

/// The token (RFC 7515, section 7.1).
fn token(jwt: &Jwt<'_>, options: &CheckedOptions<'_, '_>) -> Result<String, SignError> {
    let mut token = String::new();
    push_json(&JoseHeader { kid: options.entry.id.as_str() }, &mut token);
    token.push('.');
    push_json(&Payload { jwt, options }, &mut token);
    let mut mac = options.entry.key.mac().start();
    mac.update(&token);
    token.push('.');
    mac.finish().push_to(&mut token);
    if token.len() > MAX_TOKEN_LEN {
        return Err(SignError::Field(Field::Token, Fault::WrongLength));
    }
    Ok(token)
}

fn push_json(value: &impl Serialize, token: &mut String) {
    // Writing text and numbers to memory cannot fail.
    let json = serde_json::to_string(value).unwrap_or_default();
    token.push_str(&Base64UrlUnpadded::encode_string(json.as_bytes()));
}

struct JoseHeader<'a> {
    kid: &'a str,
}

impl Serialize for JoseHeader<'_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        let mut json = json.serialize_map(None)?;
        for (name, value) in [("alg", "HS256"), ("typ", "JWT"), ("kid", self.kid)] {
            json.serialize_entry(name, value)?;
        }
        json.end()
    }
}

struct Payload<'j, 't, 'a> {
    jwt: &'j Jwt<'j>,
    options: &'j CheckedOptions<'t, 'a>,
}

impl Serialize for Payload<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        let options = self.options.options;
        let mut json = json.serialize_map(None)?;
        for (name, value) in &self.jwt.claims {
            json.serialize_entry(name, value)?;
        }
        let issuer = self.jwt.issuer.as_deref();
        for (name, value) in [("iss", issuer), ("sub", options.subject), ("aud", options.audience)]
        {
            if let Some(value) = value {
                json.serialize_entry(name, value)?;
            }
        }
        json.serialize_entry("exp", &self.options.expires.as_secs())?;
        if let Some(time) = self.options.issued {
            json.serialize_entry("iat", &time.as_secs())?;
        }
        if let Some(time) = options.not_before {
            json.serialize_entry("nbf", &time.as_secs())?;
        }
        for (name, value) in [("jti", options.token_id), ("sid", options.session)] {
            if let Some(value) = value {
                json.serialize_entry(name, value)?;
            }
        }
        for (name, count) in [("max", options.max_playbacks), ("uses", options.uses)] {
            if let Some(count) = count {
                json.serialize_entry(name, &count)?;
            }
        }
        for (name, secs) in [("reval", options.revalidate), ("run", options.run)] {
            if let Some(secs) = secs {
                json.serialize_entry(name, &secs)?;
            }
        }
        json.end()
    }
}
