//! What a token allows: its times and its bindings, whatever format carried them.

mod network;

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _, Error};

#[cfg(feature = "jwt")]
use alloc::vec::Vec;
#[cfg(feature = "alloc")]
use alloc::{borrow::Cow, string::String};

use crate::bytes;
use crate::error::Fault;
use crate::time::UnixTime;

pub use self::network::{Network, NetworkError, Networks};

/// Text of a token: borrowed where it stands so in the request, and else, as of a claim of a JWT, on its own.
#[derive(Clone, PartialEq, Eq)]
pub struct Text<'a>(TextOf<'a>);

#[cfg(feature = "alloc")]
type TextOf<'a> = Cow<'a, str>;
#[cfg(not(feature = "alloc"))]
type TextOf<'a> = &'a str;

impl<'a> Text<'a> {
    /// Text of a request.
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

/// Text that was decoded.
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

/// The deployments that a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience<'a> {
    /// One, by its name.
    One(Text<'a>),
    /// Each of these: the claim `aud` of a JWT may be a list (RFC 7519, section 4.1.3).
    #[cfg(feature = "jwt")]
    Many(Vec<Text<'a>>),
}

impl Audience<'_> {
    /// Whether the deployment of this name is among them. No token names one that has no name.
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant<'a> {
    pub(crate) expires: u64,
    pub(crate) audience: Option<Audience<'a>>,
    pub(crate) countries: Option<Countries<'a>>,
    pub(crate) directory: Option<u8>,
    pub(crate) download: Option<DownloadName<'a>>,
    pub(crate) issued: Option<u64>,
    pub(crate) networks: Option<Networks<'a>>,
    pub(crate) token_id: Option<Text<'a>>,
    pub(crate) not_before: Option<u64>,
    pub(crate) preview: Option<u64>,
    pub(crate) run: Option<u64>,
    pub(crate) session: Option<Text<'a>>,
    pub(crate) subject: Option<Text<'a>>,
}

impl<'a> Grant<'a> {
    /// From this moment on it allows nothing. Wire name: `exp`.
    #[must_use]
    pub const fn expires(&self) -> UnixTime {
        UnixTime::from_secs(self.expires)
    }

    /// The deployments it is for. Wire name: `aud`.
    #[must_use]
    pub const fn audience(&self) -> Option<&Audience<'a>> {
        self.audience.as_ref()
    }

    /// The countries that it allows. Wire name: `cc`.
    #[must_use]
    pub const fn countries(&self) -> Option<Countries<'a>> {
        self.countries
    }

    /// Directory scope: how many segments of the path are signed. Wire name: `dir`.
    #[must_use]
    pub const fn directory(&self) -> Option<u8> {
        self.directory
    }

    /// Serve as an attachment under this name. Wire name: `dl`.
    #[must_use]
    pub const fn download(&self) -> Option<DownloadName<'a>> {
        self.download
    }

    /// When it was signed. Wire name: `iat`.
    #[must_use]
    pub fn issued(&self) -> Option<UnixTime> {
        self.issued.map(UnixTime::from_secs)
    }

    /// The client networks that it allows. Wire name: `ip`.
    #[must_use]
    pub const fn networks(&self) -> Option<Networks<'a>> {
        self.networks
    }

    /// The id of the token, for revocation. Wire name: `jti`.
    #[must_use]
    pub const fn token_id(&self) -> Option<&Text<'a>> {
        self.token_id.as_ref()
    }

    /// Before this moment it allows nothing. Wire name: `nbf`.
    #[must_use]
    pub fn not_before(&self) -> Option<UnixTime> {
        self.not_before.map(UnixTime::from_secs)
    }

    /// Preview: how many seconds from the start may be seen. Wire name: `pre`.
    #[must_use]
    pub const fn preview(&self) -> Option<u64> {
        self.preview
    }

    /// Play-until, in seconds: a gate that serves a manifest may exchange the token for one that lasts so
    /// long. Wire name: `run`.
    #[must_use]
    pub const fn run(&self) -> Option<u64> {
        self.run
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
}

/// Countries, ISO 3166-1 alpha-2 in upper case, as on the wire: `PT.ES`.
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

    /// As on the wire.
    #[cfg(feature = "alloc")]
    pub(crate) const fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether `country` is among them.
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

/// The name of a file, to save it or to show it: 1 to 255 bytes of UTF-8 without controls. On the wire it is in
/// base64url, after `inline.` where the file is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownloadName<'a>(&'a str);

impl<'a> DownloadName<'a> {
    /// Bytes in the longest name, the limit of most file systems.
    pub const MAX_LEN: usize = 255;

    /// Starts the value of a file that is to be shown. No name in base64url has a dot.
    pub(crate) const INLINE: &'static str = "inline.";

    /// Reads the value of the field `dl`.
    ///
    /// # Errors
    /// What breaks the rules for such a name.
    pub fn parse(value: &'a str) -> Result<Self, Fault> {
        let text = Self(value).encoded();
        if !bytes::all(text.as_bytes(), bytes::is_id) {
            return Err(Fault::Character);
        }
        let mut room = [0; Self::MAX_LEN];
        let decoded = Base64UrlUnpadded::decode(text, &mut room).map_err(|error| match error {
            Error::InvalidLength => Fault::WrongLength,
            Error::InvalidEncoding => Fault::NotCanonical,
        })?;
        Self::check(core::str::from_utf8(decoded).map_err(|_| Fault::Character)?)?;
        Ok(Self(value))
    }

    /// The rules for a name, before it is encoded.
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

    /// Whether the file is to be shown, and has this name where a viewer saves it.
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

/// The largest number in a token: 2^53-1, the last that JavaScript tells from the next.
pub(crate) const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Decimal digits of the largest number; no number of so many digits overflows.
const MAX_DIGITS: usize = 16;

/// A decimal number without sign or leading zero.
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

/// Text of 1 to `longest` bytes that all are `allowed`.
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
