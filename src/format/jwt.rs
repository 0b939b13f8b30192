//! JSON Web Tokens (RFC 7519) in the compact serialization of RFC 7515, signed with HS256:
//!
//! ```text
//! base64url(header) "." base64url(payload) "." base64url(signature)
//! ```
//!
//! The algorithm belongs to the key, never to the token (RFC 8725, section 3.1): a header that does not name HS256
//! is refused. The token determines its scope: the gate's [`Template`] turns one of its claims into a directory.

mod claims;
mod description;
mod diagnosis;
mod header;
mod json;
mod template;
mod write;

use alloc::string::String;
use alloc::vec::Vec;

use crate::bytes;
use crate::description::FieldDescription;
use crate::error::{Fault, Field, ParseError, Refusal};
use crate::format::name::{NameError, check_name};
use crate::format::{Exchange, Explain, Format, Located, Rules, SigningInput, UnverifiedToken};
use crate::key::KeyRing;
use crate::mac::EncodedTag;
use crate::path::CanonicalPath;
use crate::query::{ParamNames, SignedQuery, is_query, split_at_param};
use crate::request::{Placement, Request};
use crate::scope::Scope;

use self::claims::Claims;
use self::description::describe;
use self::diagnosis::{GUESS, of_signature};
use self::json::Room;
use self::template::Template;
pub use self::template::TemplateError;
pub use self::write::{ClaimValue, Jwt};

const FORMAT: &str = "jwt";

/// The maximum length of a token in bytes.
const MAX_TOKEN_LEN: usize = 4096;
/// The default name of a token.
const NAME: &str = "token";

/// How a gate reads JWTs. The template is required: without it, the scope of a token is unknown.
///
/// ```
/// use playgate::{JwtRules, KeyRing, Verifier};
/// # let ring = KeyRing::parse("main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")?;
/// let rules = JwtRules::new("/videos/{vid}/")?.issuer("https://www.example.com");
/// let verifier = Verifier::new(&ring).jwt(Some(&rules));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtRules {
    pub(crate) name: String,
    template: Template,
    issuer: Option<String>,
}

impl JwtRules {
    /// Binds a claim to a directory. With `/videos/{vid}/`, a token whose claim `vid` is `42` allows only
    /// `/videos/42/` and what is below it.
    ///
    /// # Errors
    /// A [`TemplateError`] with what to write instead.
    pub fn new(template: &str) -> Result<Self, TemplateError> {
        Ok(Self { name: NAME.into(), template: Template::parse(template)?, issuer: None })
    }

    /// Sets the required issuer of tokens. Wire name: `iss`.
    #[must_use]
    pub fn issuer(mut self, issuer: &str) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Sets the name of tokens in a query, a path or a cookie. Default: `token`.
    ///
    /// # Errors
    /// [`NameError`] if it is `pg`, or not 1 to 64 of `A-Z a-z 0-9 - _ .`.
    pub fn name(mut self, name: &str) -> Result<Self, NameError> {
        check_name(name)?;
        self.name = name.into();
        Ok(self)
    }

    /// The text after the name and a `=`: a token in the first path segment or in a cookie.
    fn value<'r>(&self, text: &'r str) -> Option<&'r str> {
        text.strip_prefix(self.name.as_str())?.strip_prefix('=')
    }

    /// Checks a part of the query outside the token.
    fn check_query(&self, part: Option<&str>) -> Result<(), Refusal> {
        match part {
            Some(part) if split_at_param(part, &self.name).is_some() => Err(Refusal::Ambiguous),
            Some(part) if !is_query(part) => Err(malformed(Field::Url, Fault::Character).into()),
            _ => Ok(()),
        }
    }
}

impl Format for JwtRules {
    fn name(&self) -> &'static str {
        FORMAT
    }

    fn in_path<'r>(&self, path: &'r str) -> Option<(&'r str, &'r str)> {
        let segment = self.value(path.strip_prefix('/')?)?;
        Some(segment.split_at(segment.find('/').unwrap_or(segment.len())))
    }

    fn in_query<'r>(&self, query: &'r str) -> Option<(Option<&'r str>, &'r str)> {
        split_at_param(query, &self.name)
    }

    fn in_bearer<'r>(&self, header: &'r str) -> Option<&'r str> {
        bearer(header)
    }

    fn in_cookie<'r>(&self, pair: &'r str) -> Option<&'r str> {
        self.value(pair)
    }

    fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Parses the token, then checks the path of the request against its directory.
    fn read<'r>(
        &'r self,
        token: &mut UnverifiedToken<'r>,
        _unsigned_params: ParamNames<'r>,
    ) -> Result<(), Refusal> {
        let Located { placement, text, query, path, .. } = token.located;
        let in_query = placement == Placement::Query;
        let (text, after) = if in_query { split(text, b'&') } else { (text, None) };
        if text.len() > MAX_TOKEN_LEN {
            return Err(malformed(Field::Token, Fault::WrongLength).into());
        }
        let (header, rest) = split(text, b'.');
        let (payload, sig) = split(rest.unwrap_or_default(), b'.');
        let sig = sig.unwrap_or_default();
        let kid = header::read(header)?;
        let mut room = Room::new();
        let json = json::decode(payload, Field::Payload, &mut room)?;
        token.grant.directory = Some(self.template.depth);
        let Claims { bound, issuer } = claims::read(json, &self.template.claim, &mut token.grant)?;
        let Some((tag, None)) = EncodedTag::split(sig) else {
            return Err(malformed(Field::Sig, EncodedTag::fault(sig)).into());
        };
        self.check_query(query)?;
        self.check_query(after)?;
        let path = CanonicalPath::parse(path)?;
        let directory = self.template.directory(path, &bound);
        let signed = text.len().saturating_sub(sig.len()).saturating_sub(1);
        token.kid = kid;
        token.issuer = issuer;
        token.opens = directory.map(|directory| Scope::exact(directory, SignedQuery::None));
        token.signed = text.get(..signed).unwrap_or_default();
        token.tag = tag;
        token.path = path;
        token.after = after;
        Ok(())
    }

    fn claims(&self, token: &UnverifiedToken<'_>) -> Option<String> {
        let (_, payload) = token.signed.split_once('.')?;
        let mut room = Room::new();
        let json = json::decode(payload, Field::Payload, &mut room).ok()?;
        claims::unread(json, &self.template.claim)
    }

    fn input<'r>(&self, token: &UnverifiedToken<'r>) -> SigningInput<'r> {
        SigningInput { scope: None, texts: [token.signed, "", "", ""] }
    }
}

impl Exchange for JwtRules {
    fn token_name(&self) -> &str {
        &self.name
    }

    fn named(&self, token: &UnverifiedToken<'_>) -> String {
        [&self.name, "=", token.signed, ".", token.tag.as_str()].concat()
    }
}

impl Explain for JwtRules {
    fn describe(&self, text: &str, _scope: Option<&str>) -> Vec<FieldDescription> {
        describe(text)
    }

    /// The header and the claims: they were parsed, so they contain no secret.
    fn displayed_input(&self, token: &UnverifiedToken<'_>) -> String {
        token.signed.into()
    }

    fn diagnose_grammar(
        &self,
        _rules: &Rules<'_>,
        ring: &KeyRing,
        _request: &Request<'_>,
        located: &Located<'_>,
    ) -> Vec<String> {
        self.of_grammar(ring, located)
    }

    fn diagnose_signature(&self, ring: &KeyRing, token: &UnverifiedToken<'_>) -> Vec<String> {
        of_signature(ring, token)
    }

    fn likely_cause(&self) -> Option<&'static str> {
        Some(GUESS)
    }
}

/// The token of an `Authorization` header (RFC 6750, section 2.1). It counts only if it starts like a JSON object
/// in base64url: `{` and what may follow that.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, text) = header.split_once(' ')?;
    let starts_as_json = matches!(text.as_bytes(), [b'e', b'w' | b'y' | b'3', ..]);
    (scheme.eq_ignore_ascii_case("Bearer") && starts_as_json).then_some(text)
}

/// The text before and after the first `mark`.
fn split(text: &str, mark: u8) -> (&str, Option<&str>) {
    let end = bytes::position(text.as_bytes(), [mark]).unwrap_or(text.len());
    let (part, rest) = text.split_at_checked(end).unwrap_or_default();
    (part, rest.get(1..))
}

const fn malformed(field: Field, fault: Fault) -> ParseError {
    ParseError::Malformed(field, fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Kid;
    use crate::grant::Grant;
    use crate::key::SecretKey;
    use alloc::string::ToString as _;
    use alloc::vec::Vec;

    /// RFC 7515, appendix A.1. No claim of this token could be a directory, so no gate admits it. This test parses its
    /// parts and checks its signature.
    #[test]
    fn the_example_of_rfc7515() {
        const KEY: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1\
                           Z9CAow";
        const TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
                             eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc1\
                             9yb290Ijp0cnVlfQ.\
                             dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let (signed, sig) = TOKEN.rsplit_once('.').unwrap();
        let (header, payload) = signed.split_once('.').unwrap();
        assert!(matches!(header::read(header), Ok(Kid::Any)));

        let notes = describe(TOKEN);
        let said: Vec<_> = notes.iter().map(|note| (&*note.name, &*note.value)).collect();
        let expected = [
            ("typ", "JWT"),
            ("alg", "HS256"),
            ("iss", "joe"),
            ("exp", "1300819380"),
            ("http://example.com/is_root", ".."),
            ("sig", ".."),
        ];
        assert_eq!(said, expected);
        let (mut room, mut grant) = (Room::new(), Grant::UNREAD);
        let json = json::decode(payload, Field::Payload, &mut room).unwrap().to_string();
        let read = claims::read(&json, "vid", &mut grant);
        assert_eq!(read.err(), Some(ParseError::MissingClaim(Field::Claim)));

        let key = SecretKey::from_base64url(KEY).unwrap();
        let (tag, _) = EncodedTag::split(sig).unwrap();
        let verify = |text: &str| {
            let mut mac = key.mac().start();
            mac.update(text);
            mac.verify(&tag)
        };
        assert!(verify(signed).is_ok());
        assert!(verify(&signed.replace("Imh0", "ImH0")).is_err());
    }
}
