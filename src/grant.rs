//! What a token allows: its times and bindings, independent of formats.

mod claims;
mod network;
mod new_session;

use core::fmt;
use core::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding as _, Error};

#[cfg(feature = "jwt")]
use alloc::vec::Vec;
#[cfg(feature = "alloc")]
use alloc::{borrow::Cow, string::String};

use crate::bytes;
use crate::error::{Fault, Field, ParseError};
use crate::time::UnixTime;

pub use self::claims::Claims;
pub use self::network::{Network, NetworkError, Networks};
pub use self::new_session::NewSession;

/// Text of a token: borrowed from the request if possible, otherwise decoded, as in a JWT.
#[derive(Clone, PartialEq, Eq)]
pub struct Text<'a>(TextOf<'a>);

#[cfg(feature = "alloc")]
type TextOf<'a> = Cow<'a, str>;
#[cfg(not(feature = "alloc"))]
type TextOf<'a> = &'a str;

impl<'a> Text<'a> {
    /// Text borrowed from a request.
    pub(crate) const fn new(text: &'a str) -> Self {
        #[cfg(feature = "alloc")]
        let text = Cow::Borrowed(text);
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let Self(text) = self;
        text
    }
}

/// Decoded text.
#[cfg(feature = "jwt")]
impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// The audience of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience<'a> {
    /// One deployment, by name.
    One(Text<'a>),
    /// Several: the claim `aud` of a JWT may be a list (RFC 7519, section 4.1.3).
    #[cfg(feature = "jwt")]
    Many(Vec<Text<'a>>),
}

impl Audience<'_> {
    /// Whether it contains the deployment of this name. An empty name is never contained.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        !name.is_empty()
            && match self {
                Self::One(one) => one.as_str() == name,
                #[cfg(feature = "jwt")]
                Self::Many(names) => names.iter().any(|one| one.as_str() == name),
            }
    }
}

/// What a token allows besides its scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant<'a> {
    pub(crate) expires: u64,
    pub(crate) audience: Option<Audience<'a>>,
    pub(crate) claims: Option<Claims<'a>>,
    pub(crate) countries: Option<Countries<'a>>,
    pub(crate) directory: Option<u8>,
    pub(crate) download: Option<DownloadName<'a>>,
    pub(crate) generation: Option<u32>,
    pub(crate) issued: Option<u64>,
    pub(crate) networks: Option<Networks<'a>>,
    pub(crate) token_id: Option<Text<'a>>,
    pub(crate) max_playbacks: Option<u16>,
    pub(crate) new_session: Option<NewSession<'a>>,
    pub(crate) not_before: Option<u64>,
    pub(crate) preview: Option<u64>,
    pub(crate) revalidate: Option<u64>,
    pub(crate) run: Option<u64>,
    pub(crate) session: Option<Text<'a>>,
    pub(crate) subject: Option<Text<'a>>,
    pub(crate) uses: Option<u16>,
}

impl<'a> Grant<'a> {
    /// The grant of a token that is not parsed yet.
    pub(crate) const UNREAD: Self = Self {
        expires: 0,
        audience: None,
        claims: None,
        countries: None,
        directory: None,
        download: None,
        generation: None,
        issued: None,
        networks: None,
        token_id: None,
        max_playbacks: None,
        new_session: None,
        not_before: None,
        preview: None,
        revalidate: None,
        run: None,
        session: None,
        subject: None,
        uses: None,
    };

    /// The time of expiry. From then on, the token allows nothing. Wire name: `exp`.
    #[must_use]
    pub const fn expires(&self) -> UnixTime {
        UnixTime::from_secs(self.expires)
    }

    /// The audience. Wire name: `aud`.
    #[must_use]
    pub const fn audience(&self) -> Option<&Audience<'a>> {
        self.audience.as_ref()
    }

    /// Claims of the origin in a native token. [`Verified::claims`](crate::Verified::claims) also returns those of a JWT.
    /// Wire name: `cl`.
    #[must_use]
    pub const fn claims(&self) -> Option<Claims<'a>> {
        self.claims
    }

    /// The allowed countries. Wire name: `cc`.
    #[must_use]
    pub const fn countries(&self) -> Option<Countries<'a>> {
        self.countries
    }

    /// Directory scope: the number of signed path segments. Wire name: `dir`.
    #[must_use]
    pub const fn directory(&self) -> Option<u8> {
        self.directory
    }

    /// The name to serve the file under. Wire name: `dl`.
    #[must_use]
    pub const fn download(&self) -> Option<DownloadName<'a>> {
        self.download
    }

    /// The number of a session's token, from 1: each refresh makes the next one. Wire name: `gen`.
    #[must_use]
    pub const fn generation(&self) -> Option<u32> {
        self.generation
    }

    /// The time of signing. Wire name: `iat`.
    #[must_use]
    pub fn issued(&self) -> Option<UnixTime> {
        self.issued.map(UnixTime::from_secs)
    }

    /// The allowed client networks. Wire name: `ip`.
    #[must_use]
    pub const fn networks(&self) -> Option<Networks<'a>> {
        self.networks
    }

    /// The id of the token, for revocation. Wire name: `jti`.
    #[must_use]
    pub const fn token_id(&self) -> Option<&Text<'a>> {
        self.token_id.as_ref()
    }

    /// How many playbacks of the viewer may run at once. A gate without state refuses the token. Wire name: `max`.
    #[must_use]
    pub const fn max_playbacks(&self) -> Option<u16> {
        self.max_playbacks
    }

    /// The session that the link starts. Wire name: `ses`.
    #[must_use]
    pub const fn new_session(&self) -> Option<NewSession<'a>> {
        self.new_session
    }

    /// Before this time, the token allows nothing. Wire name: `nbf`.
    #[must_use]
    pub fn not_before(&self) -> Option<UnixTime> {
        self.not_before.map(UnixTime::from_secs)
    }

    /// Preview: how much may be played, from the start. Wire name: `pre`.
    #[must_use]
    pub fn preview(&self) -> Option<Duration> {
        self.preview.map(Duration::from_secs)
    }

    /// The greatest age of the revocations that may decide on this token. A gate without revocations refuses it.
    /// Wire name: `reval`.
    #[must_use]
    pub fn revalidate(&self) -> Option<Duration> {
        self.revalidate.map(Duration::from_secs)
    }

    /// Play-until: a gate that serves a manifest may exchange the token for one that lasts this
    /// long. Wire name: `run`.
    #[must_use]
    pub fn run(&self) -> Option<Duration> {
        self.run.map(Duration::from_secs)
    }

    /// The playback session. Wire name: `sid`.
    #[must_use]
    pub const fn session(&self) -> Option<&Text<'a>> {
        self.session.as_ref()
    }

    /// The viewer. Wire name: `sub`.
    #[must_use]
    pub const fn subject(&self) -> Option<&Text<'a>> {
        self.subject.as_ref()
    }

    /// How many clients may redeem the token. A gate without state refuses it. Wire name: `uses`.
    #[must_use]
    pub const fn uses(&self) -> Option<u16> {
        self.uses
    }

    /// Whether it is counted how often or at how many places the token is used. Session links work once, and so do refresh
    /// tokens.
    pub(crate) const fn is_counted(&self) -> bool {
        let refreshes = self.generation.is_some() && self.directory.is_none();
        self.max_playbacks.is_some()
            || self.uses.is_some()
            || self.new_session.is_some()
            || refreshes
    }

    /// Whether a gate without state refuses the token.
    pub(crate) const fn needs_state(&self) -> bool {
        self.is_counted() || self.revalidate.is_some()
    }

    /// Whether a playback needs a token with an id of its own. A file of a single use has none: it would be another link
    /// to the file.
    #[cfg(feature = "alloc")]
    pub(crate) const fn needs_session(&self) -> bool {
        self.max_playbacks.is_some() && self.session.is_none() && self.uses.is_none()
    }

    /// Checks that what is remembered has a name: what is counted, and a session. The names have no control characters,
    /// because a playback that is displaced is revoked by its id.
    pub(crate) fn check_names(&self) -> Result<(), ParseError> {
        let is_tame = |id: &Option<Text<'_>>| {
            !id.as_ref().is_some_and(|id| id.as_str().chars().any(char::is_control))
        };
        match self {
            Self { max_playbacks: Some(_), subject: None, .. } => {
                Err(ParseError::Malformed(Field::Max, Fault::NeedsSubject))
            }
            Self { max_playbacks: Some(_), session, .. } if !is_tame(session) => {
                Err(ParseError::Malformed(Field::Sid, Fault::Character))
            }
            Self { max_playbacks: Some(_), subject, .. } if !is_tame(subject) => {
                Err(ParseError::Malformed(Field::Sub, Fault::Character))
            }
            Self { uses: Some(_), token_id: None, .. } => {
                Err(ParseError::Malformed(Field::Uses, Fault::NeedsTokenId))
            }
            Self { new_session: Some(_), subject: None, .. } => {
                Err(ParseError::Malformed(Field::Ses, Fault::NeedsSubject))
            }
            Self { new_session: Some(_), token_id: None, .. } => {
                Err(ParseError::Malformed(Field::Ses, Fault::NeedsTokenId))
            }
            Self { new_session: Some(_), issued: Some(issued), expires, .. }
                if expires.saturating_sub(*issued) > NewSession::MAX_LINK =>
            {
                Err(ParseError::Malformed(Field::Exp, Fault::OutOfRange))
            }
            Self { new_session: Some(_), token_id: Some(id), .. }
                if id.as_str().len() > NewSession::MAX_ID_LEN =>
            {
                Err(ParseError::Malformed(Field::Jti, Fault::WrongLength))
            }
            _ => Ok(()),
        }
    }

    /// Whether this token should be exchanged for one of its own for each playback: a playback that starts gets its own
    /// length, its own id, or is counted.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub const fn starts_playback(&self) -> bool {
        self.run.is_some()
            || self.uses.is_some()
            || self.max_playbacks.is_some() && self.session.is_none()
    }
}

/// Countries: ISO 3166-1 alpha-2 codes in uppercase, as on the wire: `PT.ES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Countries<'a>(&'a str);

impl<'a> Countries<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, Fault> {
        for country in text.split('.') {
            if !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
                return Err(Fault::Character);
            }
            if country.len() != 2 {
                return Err(Fault::WrongLength);
            }
        }
        Ok(Self(text))
    }

    /// The codes as on the wire.
    #[cfg(feature = "alloc")]
    pub(crate) const fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether it contains `country`.
    #[must_use]
    pub fn contains(self, country: &str) -> bool {
        self.0.split('.').any(|allowed| allowed == country)
    }
}

impl fmt::Display for Countries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The name of a file to save or show: 1 to 255 bytes of UTF-8 without control characters. On the wire it is in
/// base64url, after `inline.` if the file is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownloadName<'a>(&'a str);

impl<'a> DownloadName<'a> {
    /// The maximum length of a name in bytes, the limit of most file systems.
    pub const MAX_LEN: usize = 255;

    /// The prefix of the value if the file is to be shown. No base64url contains a dot.
    pub(crate) const INLINE: &'static str = "inline.";

    /// Parses the value of the field `dl`.
    ///
    /// # Errors
    /// Why the name is invalid.
    pub fn parse(value: &'a str) -> Result<Self, Fault> {
        let text = Self(value).encoded();
        Self::check(decode_text(text, &mut [0; Self::MAX_LEN])?)?;
        Ok(Self(value))
    }

    /// Checks a name before it is encoded.
    pub(crate) fn check(name: &str) -> Result<(), Fault> {
        if name.is_empty() {
            Err(Fault::Empty)
        } else if name.len() > Self::MAX_LEN {
            Err(Fault::WrongLength)
        } else if name.bytes().any(|byte| byte.is_ascii_control()) {
            Err(Fault::Character)
        } else {
            Ok(())
        }
    }

    /// Whether to show the file; the name then applies if a viewer saves it.
    #[must_use]
    pub fn is_inline(self) -> bool {
        self.0.starts_with(Self::INLINE)
    }

    /// The name in base64url.
    fn encoded(self) -> &'a str {
        self.0.strip_prefix(Self::INLINE).unwrap_or(self.0)
    }

    /// The name. Quote it before it goes into a header (RFC 6266).
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn decode(self) -> String {
        let bytes = Base64UrlUnpadded::decode_vec(self.encoded()).unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    }
}

/// The largest number in a token: 2^53-1, the largest safe integer in JavaScript.
pub(crate) const MAX_NUMBER: u64 = (1 << 53) - 1;

/// The decimal digits of the largest number. No number with this many digits overflows.
const MAX_DIGITS: usize = 16;

/// The most uses or playbacks that a token can allow.
pub(crate) const MAX_COUNT: u16 = 1_000;

/// Parses a number from 1 to [`MAX_COUNT`].
pub(crate) fn parse_count(text: &str) -> Result<u16, Fault> {
    let number = parse_number(text, 1, MAX_COUNT.into())?;
    u16::try_from(number).map_err(|_| Fault::OutOfRange)
}

/// Decodes a text in base64url into `room`, and takes only its one spelling.
fn decode_text<'r>(value: &str, room: &'r mut [u8]) -> Result<&'r str, Fault> {
    if !bytes::all(value.as_bytes(), bytes::is_id) {
        return Err(Fault::Character);
    }
    let decoded = Base64UrlUnpadded::decode(value, room).map_err(|error| match error {
        Error::InvalidLength => Fault::WrongLength,
        Error::InvalidEncoding => Fault::NotCanonical,
    })?;
    core::str::from_utf8(decoded).map_err(|_| Fault::Character)
}

/// Parses a decimal number without sign or leading zero.
#[inline]
pub(crate) fn parse_number(text: &str, least: u64, most: u64) -> Result<u64, Fault> {
    let mut number: u64 = 0;
    for byte in text.bytes() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(Fault::Character);
        }
        number = number.wrapping_mul(10).wrapping_add(digit.into());
    }
    if text.len() > MAX_DIGITS {
        number = u64::MAX;
    }
    match text.as_bytes() {
        [] => Err(Fault::Empty),
        [b'0', _, ..] => Err(Fault::NotCanonical),
        _ if number < least || number > most => Err(Fault::OutOfRange),
        _ => Ok(number),
    }
}

/// Checks for 1 to `longest` bytes that are all `allowed`.
#[inline]
pub(crate) fn parse_text(
    text: &str,
    longest: usize,
    allowed: impl Fn(u8) -> bool,
) -> Result<&str, Fault> {
    if text.is_empty() {
        Err(Fault::Empty)
    } else if !bytes::all(text.as_bytes(), allowed) {
        Err(Fault::Character)
    } else if text.len() > longest {
        Err(Fault::WrongLength)
    } else {
        Ok(text)
    }
}
