//! Timed HMACs, as in Cloudflare's rules with `is_timed_hmac_valid_v0` and in its Workers example:
//!
//! ```text
//! <path>?verify=<10 digits>-<base64 of HMAC-SHA-256>
//! ```
//!
//! The digits are the time of issue as a Unix time in seconds. The signing input is the path as sent, in its
//! percent-encoded form, with the query before the token, and the digits. The separator, `?verify=` or `&verify=`,
//! is not part of it, and nothing may follow the token. The base64 is that of RFC 4648, section 4, with padding:
//! `+`, `/` and `=` may be percent-encoded or not. With the function's flag `s` it is base64url without padding.
//!
//! The gate configures how long tokens last. If function and example differ, the function counts: the path is
//! signed as sent. Unlike the function, a gate refuses a time of issue in the future.

mod diagnosis;
mod write;

use alloc::borrow::{Cow, ToOwned as _};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use self::diagnosis::{diagnose_grammar, diagnose_signature};
use crate::bytes;
use crate::description::{FieldDescription, Span};
use crate::error::{Fault, Field, ParseError, Refusal};
use crate::format::name::{NameError, check_name};
use crate::format::{
    Exchange, Explain, Format, Kid, Located, Rules, SigningInput, UnverifiedToken,
};
use crate::grant::parse_text;
use crate::key::KeyRing;
use crate::mac::EncodedTag;
use crate::path::CanonicalPath;
use crate::query::{ParamNames, SignedQuery, is_query, split_at_param};
use crate::redact::{MARK, redacted, redacted_path};
use crate::request::Request;
use crate::scope::Scope;
use crate::time::UnixTime;

const FORMAT: &str = "timed-hmac";
/// The default name of a token.
const NAME: &str = "verify";
/// The number of digits in the time of issue.
const DIGITS: usize = 10;

/// The timed HMAC format, for gates and signers.
///
/// ```
/// use core::time::Duration;
/// use playgate::{KeyRing, Request, Signer, TimedHmac, UnixTime, Verifier};
/// // The base64url of the secret's text.
/// let ring = KeyRing::parse("timed-hmac/old:bXkgc2VjcmV0IHN5bW1ldHJpYyBrZXkgb2YgMzIgYnl0ZXM")?;
/// let (format, now) = (TimedHmac::new(Duration::from_secs(10_800)), UnixTime::from_secs(1_767_225_000));
/// let signer = Signer::new(ring.clone());
/// let link = signer.link("/film.mp4").timed_hmac(format.clone()).sign(now)?;
/// assert!(link.as_str().starts_with("/film.mp4?verify=1767225000-"));
/// let gate = Verifier::new(&ring).timed_hmac(Some(&format));
/// assert!(gate.verify(&Request::new(link.as_str()), now).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedHmac {
    name: Cow<'static, str>,
    ttl: u64,
    url_safe: bool,
}

impl TimedHmac {
    /// The maximum lifetime of a link at a gate: 100 years, as for every token.
    pub const MAX_TTL: Duration = Duration::from_secs(100 * 365 * 86_400);

    /// Tokens that last this long from their time of issue: at least one second, at most [`MAX_TTL`](Self::MAX_TTL).
    #[must_use]
    pub const fn new(ttl: Duration) -> Self {
        let ttl = ttl.as_secs();
        let ttl = if ttl == 0 {
            1
        } else if ttl > Self::MAX_TTL.as_secs() {
            Self::MAX_TTL.as_secs()
        } else {
            ttl
        };
        Self { name: Cow::Borrowed(NAME), ttl, url_safe: false }
    }

    /// Sets the name of the query parameter. Default: `verify`.
    ///
    /// # Errors
    /// [`NameError`] if it is `pg`, or not 1 to 64 of `A-Z a-z 0-9 - _ .`.
    pub fn param(mut self, name: &str) -> Result<Self, NameError> {
        check_name(name)?;
        self.name = name.to_owned().into();
        Ok(self)
    }

    /// Whether the tag is in base64url without padding: the function's flag `s`.
    #[must_use]
    pub const fn url_safe(mut self, url_safe: bool) -> Self {
        self.url_safe = url_safe;
        self
    }

    /// Decodes a tag.
    fn tag<'r>(&self, sig: &'r str) -> Result<EncodedTag<'r>, Fault> {
        if self.url_safe {
            return match EncodedTag::split(sig) {
                Some((tag, None)) => Ok(tag),
                _ => Err(EncodedTag::fault(sig)),
            };
        }
        standard_tag(sig)
    }

    /// The length of an encoded tag.
    const fn tag_len(&self) -> usize {
        if self.url_safe { EncodedTag::LEN } else { EncodedTag::LEN + 1 }
    }
}

/// Decodes a tag in standard base64 with padding.
fn standard_tag(sig: &str) -> Result<EncodedTag<'_>, Fault> {
    let mut characters = [0; EncodedTag::LEN];
    let (mut places, mut rest) = (characters.iter_mut(), sig);
    let fault = || if sig.is_empty() { Fault::Empty } else { Fault::WrongLength };
    loop {
        let (character, after) = split_character(rest).ok_or_else(fault)?;
        match (places.next(), character) {
            (Some(place), b'+') => *place = b'-',
            (Some(place), b'/') => *place = b'_',
            (Some(_), b'=') => return Err(Fault::WrongLength),
            (Some(place), character) if character.is_ascii_alphanumeric() => *place = character,
            (None, b'=') if after.is_empty() => break,
            (Some(_), _) => return Err(Fault::Character),
            (None, _) => return Err(Fault::WrongLength),
        }
        rest = after;
    }
    EncodedTag::decoded(sig, &characters).ok_or(Fault::NotCanonical)
}

/// The first character of base64 in a URL. Only `+`, `/` and `=` may be percent-encoded.
fn split_character(text: &str) -> Option<(u8, &str)> {
    for (escape, character) in [("%2b", b'+'), ("%2f", b'/'), ("%3d", b'=')] {
        if let Some((start, rest)) = text.split_at_checked(escape.len())
            && start.eq_ignore_ascii_case(escape)
        {
            return Some((character, rest));
        }
    }
    let (first, _) = text.as_bytes().split_first()?;
    // Non-ASCII characters are not base64.
    Some((*first, text.get(1..).unwrap_or_default()))
}

/// Splits a token into its digits and its tag.
fn split_token(token: &str) -> (&str, Option<&str>) {
    match token.split_once('-') {
        Some((digits, sig)) => (digits, Some(sig)),
        None => (token, None),
    }
}

/// Splits a query after the token.
fn split_query(text: &str) -> (&str, Option<&str>) {
    match text.split_once('&') {
        Some((token, after)) => (token, Some(after)),
        None => (text, None),
    }
}

/// Parses the time of issue.
fn parse_digits(digits: &str) -> Result<u64, Fault> {
    parse_text(digits, DIGITS, |byte| byte.is_ascii_digit())?;
    if digits.len() != DIGITS {
        return Err(Fault::WrongLength);
    }
    digits.parse().map_err(|_| Fault::Character)
}

const fn malformed(field: Field, fault: Fault) -> ParseError {
    ParseError::Malformed(field, fault)
}

impl Format for TimedHmac {
    fn name(&self) -> &'static str {
        FORMAT
    }

    fn in_query<'r>(&self, query: &'r str) -> Option<(Option<&'r str>, &'r str)> {
        split_at_param(query, &self.name)
    }

    fn read<'r>(
        &'r self,
        token: &mut UnverifiedToken<'r>,
        _unsigned_params: ParamNames<'r>,
    ) -> Result<(), Refusal> {
        let Located { text, path, query, .. } = token.located;
        let (text, after) = split_query(text);
        let (digits, sig) = split_token(text);
        let issued = parse_digits(digits).map_err(|fault| malformed(Field::Iat, fault))?;
        let sig = sig.ok_or(malformed(Field::Sig, Fault::Missing))?;
        let tag = self.tag(sig).map_err(|fault| malformed(Field::Sig, fault))?;
        for part in [query, after].into_iter().flatten() {
            if split_at_param(part, &self.name).is_some() {
                return Err(Refusal::Ambiguous);
            }
            if !is_query(part) {
                return Err(malformed(Field::Url, Fault::Character).into());
            }
        }
        if after.is_some() {
            return Err(ParseError::UnsignedParameter.into());
        }
        let path = CanonicalPath::parse(path)?;
        let query = query.map_or(SignedQuery::None, SignedQuery::Whole);
        token.kid = Kid::Any;
        token.grant.expires = issued.saturating_add(self.ttl);
        token.grant.issued = Some(issued);
        token.grant.not_before = Some(issued);
        token.opens = Some(Scope::exact(path, query));
        token.signed = digits;
        token.tag = tag;
        token.path = path;
        Ok(())
    }

    fn input<'r>(&self, token: &UnverifiedToken<'r>) -> SigningInput<'r> {
        let Located { path, query, .. } = token.located;
        let mark = if query.is_some() { "?" } else { "" };
        SigningInput { scope: None, texts: [path, mark, query.unwrap_or_default(), token.signed] }
    }

    fn after<'r>(&self, text: &'r str) -> Option<&'r str> {
        split_query(text).1
    }
}

impl Exchange for TimedHmac {
    fn token_name(&self) -> &str {
        &self.name
    }

    fn check_audience(&self, _name: &str) -> Result<(), &'static str> {
        Err("a timed HMAC has no audience; omit it, or remove timed-hmac from FORMATS")
    }

    fn named(&self, token: &UnverifiedToken<'_>) -> String {
        [&self.name, "=", token.signed, "-", token.tag.as_str()].concat()
    }
}

impl Explain for TimedHmac {
    fn describe(&self, text: &str, _scope: Option<&str>) -> Vec<FieldDescription> {
        let (token, _) = split_query(text);
        let (digits, sig) = split_token(token);
        let meaning = match parse_digits(digits) {
            Ok(issued) => {
                let issued = UnixTime::from_secs(issued);
                format!("issued {issued}, for {}", Span(self.ttl))
            }
            Err(fault) => fault.to_string(),
        };
        let mut notes = Vec::from([FieldDescription {
            name: Field::Iat.name().to_owned(),
            value: redacted(digits),
            meaning,
        }]);
        notes.extend(sig.map(|sig| {
            let len = crate::percent::decoded(sig).len();
            let meaning = format!("the signature; it has {len} of {} characters", self.tag_len());
            FieldDescription { name: Field::Sig.name().to_owned(), value: MARK.to_owned(), meaning }
        }));
        notes
    }

    fn displayed_input(&self, token: &UnverifiedToken<'_>) -> String {
        let [path, mark, query, digits] = self.input(token).texts;
        let scope = redacted_path(&[path, mark].concat());
        let query = if bytes::all(query.as_bytes(), bytes::is_graphic) {
            redacted(query)
        } else {
            String::new()
        };
        [&scope, &query, digits].concat()
    }

    fn diagnose_grammar(
        &self,
        _rules: &Rules<'_>,
        ring: &KeyRing,
        _request: &Request<'_>,
        located: &Located<'_>,
    ) -> Vec<String> {
        diagnose_grammar(ring, located)
    }

    fn diagnose_signature(&self, ring: &KeyRing, token: &UnverifiedToken<'_>) -> Vec<String> {
        diagnose_signature(ring, token)
    }

    fn likely_cause(&self) -> Option<&'static str> {
        Some("the entry in the ring must be the base64url of the secret's text")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::SignError;
    use crate::sign::Signer;
    use crate::verify::Verifier;

    fn standard(sig: &str) -> Option<Fault> {
        standard_tag(sig).err()
    }

    #[test]
    fn each_character_of_base64_is_itself_or_percent_encoded() {
        let tag = "IaLGSmELTvlhfd0ItdN6PhhHTFhzx73EX8uy/FcSDi8=";
        assert_eq!(standard(tag), None);
        assert_eq!(standard(&tag.replace('=', "%3D").replace('/', "%2f")), None);
        for (from, to, fault) in [
            ("=", "", Fault::WrongLength),
            ("=", "==", Fault::WrongLength),
            ("=", "A", Fault::WrongLength),
            ("8=", "=", Fault::WrongLength),
            ("8=", "9=", Fault::NotCanonical),
            ("/", "_", Fault::Character),
            ("/", "%2E", Fault::Character),
            ("I", "%49", Fault::Character),
            ("I", "\u{fc}", Fault::Character),
        ] {
            assert_eq!(standard(&tag.replacen(from, to, 1)), Some(fault), "{from} {to}");
        }
        assert_eq!(standard(""), Some(Fault::Empty));
    }

    const KEYS: &str = "timed-hmac/old:c2VjcmV0IHRleHQgb2YgdGhpcnR5LXR3byBieXRlcw";
    const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);

    #[test]
    fn what_a_link_cannot_say() {
        let signer = Signer::new(KeyRing::parse(KEYS).unwrap());
        let link = || signer.link("/film.mp4").timed_hmac(TimedHmac::new(Duration::from_secs(600)));
        let refused = |field, fault| Err(SignError::Field(field, fault));
        let not = Fault::NotInFormat;
        assert_eq!(link().audience("edge").sign(NOW), refused(Field::Aud, not));
        assert_eq!(link().directory(1).sign(NOW), refused(Field::Dir, not));
        assert_eq!(link().in_path().sign(NOW), refused(Field::Token, not));
        assert_eq!(link().max_playbacks(1).sign(NOW), refused(Field::Max, not));
        assert_eq!(link().uses(1).sign(NOW), refused(Field::Uses, not));
        assert_eq!(link().issued_at(Some(NOW)).sign(NOW), refused(Field::Iat, not));
        assert_eq!(
            link().expires_in(Duration::from_secs(601)).sign(NOW),
            refused(Field::Exp, Fault::OutOfRange)
        );
        let signed = link().expires_in(Duration::from_secs(600)).sign(NOW).unwrap();
        assert_eq!(signed, link().sign(NOW).unwrap());
        assert_eq!(signed.scope().as_deref(), Some("/film.mp4"));
        assert!(signed.token().starts_with("1767225000-"));
        let again = signer
            .link(signed.as_str())
            .timed_hmac(TimedHmac::new(Duration::from_secs(600)))
            .sign(NOW);
        assert_eq!(again, Err(SignError::AlreadySigned));
    }

    #[test]
    fn the_message_that_was_signed_instead_is_named() {
        let ring = KeyRing::parse(KEYS).unwrap();
        let format = TimedHmac::new(Duration::from_secs(600));
        let gate = Verifier::new(&ring).timed_hmac(Some(&format));
        let entry = ring.find("old").unwrap();
        let hints = |message: &str, url: &str| {
            let mut mac = entry.key.mac().start();
            mac.update(message);
            let mut tag = String::new();
            mac.finish().push_to(&mut tag);
            let tag = tag.replace('-', "+").replace('_', "/");
            let url = [url, "verify=1767225000-", &tag, "="].concat();
            gate.inspect(&Request::new(&url), ParamNames::default(), NOW).hints.join("; ")
        };
        let query = hints("/a.mp41767225000", "https://h/a.mp4?v=1&");
        assert_eq!(query, "signed without the query before the token: include it");
        let host = hints("https://h/a.mp41767225000", "https://h/a.mp4?");
        assert_eq!(host, "signed as a whole link: sign from the path on");
        assert_eq!(hints("/a.mp41767225000", "https://h/a.mp4?"), "");
        let guess = hints("/other1767225000", "https://h/a.mp4?");
        assert_eq!(guess, "the entry in the ring must be the base64url of the secret's text");
    }

    #[test]
    fn a_time_has_ten_digits() {
        assert_eq!(parse_digits("1767225000"), Ok(1_767_225_000));
        assert_eq!(parse_digits("0000000001"), Ok(1));
        for (digits, fault) in [
            ("", Fault::Empty),
            ("176722500", Fault::WrongLength),
            ("17672250000", Fault::WrongLength),
            ("+767225000", Fault::Character),
            ("176722500x", Fault::Character),
        ] {
            assert_eq!(parse_digits(digits), Err(fault), "{digits}");
        }
    }
}
