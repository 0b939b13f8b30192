//! What a token allows: its times and its bindings, whatever format carried them.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

#[cfg(feature = "alloc")]
use alloc::string::String;

use crate::bytes;
use crate::error::Fault;
use crate::time::UnixTime;

/// What a token allows besides its scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grant<'a> {
    pub(crate) expires: u64,
    pub(crate) audience: Option<&'a str>,
    pub(crate) countries: Option<Countries<'a>>,
    pub(crate) directory: Option<u8>,
    pub(crate) download: Option<DownloadName<'a>>,
    pub(crate) network: Option<Network>,
    pub(crate) token_id: Option<&'a str>,
    pub(crate) not_before: Option<u64>,
    pub(crate) run: Option<u64>,
    pub(crate) session: Option<&'a str>,
    pub(crate) subject: Option<&'a str>,
}

impl<'a> Grant<'a> {
    /// From this moment on it allows nothing. Wire name: `exp`.
    #[must_use]
    pub const fn expires(&self) -> UnixTime {
        UnixTime::from_secs(self.expires)
    }

    /// The deployment it is for. Wire name: `aud`.
    #[must_use]
    pub const fn audience(&self) -> Option<&'a str> {
        self.audience
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

    /// The client network that it allows. Wire name: `ip`.
    #[must_use]
    pub const fn network(&self) -> Option<Network> {
        self.network
    }

    /// The id of the token, for revocation. Wire name: `jti`.
    #[must_use]
    pub const fn token_id(&self) -> Option<&'a str> {
        self.token_id
    }

    /// Before this moment it allows nothing. Wire name: `nbf`.
    #[must_use]
    pub fn not_before(&self) -> Option<UnixTime> {
        self.not_before.map(UnixTime::from_secs)
    }

    /// Play-until, in seconds. Wire name: `run`.
    #[must_use]
    pub const fn run(&self) -> Option<u64> {
        self.run
    }

    /// The playback session. Wire name: `sid`.
    #[must_use]
    pub const fn session(&self) -> Option<&'a str> {
        self.session
    }

    /// The viewer. Wire name: `sub`.
    #[must_use]
    pub const fn subject(&self) -> Option<&'a str> {
        self.subject
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

/// The name of a file to save: 1 to 255 bytes of UTF-8 without controls, on the wire in base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownloadName<'a>(&'a str);

impl<'a> DownloadName<'a> {
    /// Bytes in the longest name, the limit of most file systems.
    pub const MAX_LEN: usize = 255;

    pub(crate) fn parse(text: &'a str) -> Result<Self, Fault> {
        if !bytes::all(text.as_bytes(), bytes::is_id) {
            return Err(Fault::Character);
        }
        // The engine writes whole groups of three bytes before it looks at the rest.
        let mut buffer = [0; Self::MAX_LEN + 3];
        if text.len() > Self::MAX_LEN.div_ceil(3).saturating_mul(4) {
            return Err(Fault::WrongLength);
        }
        let decoded = URL_SAFE_NO_PAD.decode_slice(text, &mut buffer);
        let decoded = decoded.ok().and_then(|len| buffer.get(..len)).ok_or(Fault::NotCanonical)?;
        Self::check(core::str::from_utf8(decoded).map_err(|_| Fault::Character)?)?;
        Ok(Self(text))
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

    /// The name. Quote it before it goes into a header (RFC 6266).
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn decode(self) -> String {
        let bytes = URL_SAFE_NO_PAD.decode(self.0).unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    }
}

/// A client network: an address and the length of its prefix.
///
/// Prints as on the wire, `cb007100-24`; reads CIDR notation, `203.0.113.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The network of `address`; bits beyond the prefix are cleared. `None` where the prefix is 0 or
    /// longer than the address.
    #[must_use]
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        Self::masked(address.to_canonical(), prefix)
    }

    fn masked(address: IpAddr, prefix: u8) -> Option<Self> {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        (1..=longest).contains(&prefix).then(|| Self { address: masked(address, prefix), prefix })
    }

    /// Whether it holds `client`. An IPv4 address mapped into IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        client.is_ipv4() == self.address.is_ipv4() && masked(client, self.prefix) == self.address
    }

    /// In CIDR notation, `203.0.113.0/24`.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn to_cidr(self) -> String {
        alloc::format!("{}/{}", self.address, self.prefix)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let (digits, prefix) = text.split_once('-').ok_or(Fault::WrongLength)?;
        if !digits.bytes().all(hex) {
            return Err(Fault::Character);
        }
        let address = match digits.len() {
            8 => u32::from_str_radix(digits, 16).map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
            32 => {
                u128::from_str_radix(digits, 16).map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)))
            }
            _ => return Err(Fault::WrongLength),
        };
        let address = address.map_err(|_| Fault::Character)?;
        let prefix = parse_number(prefix, 1, 128)?;
        let network = u8::try_from(prefix).ok().and_then(|prefix| Self::masked(address, prefix));
        let network = network.ok_or(Fault::OutOfRange)?;
        if network.address == address { Ok(network) } else { Err(Fault::NotCanonical) }
    }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let host_bits = |width: u32| width.saturating_sub(u32::from(prefix));
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(host_bits(32)).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(host_bits(128)).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(v4) => write!(f, "{:08x}-{}", v4.to_bits(), self.prefix),
            IpAddr::V6(v6) => write!(f, "{:032x}-{}", v6.to_bits(), self.prefix),
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// Reads `203.0.113.9/24`. Without a prefix it is /24 for IPv4 and /64 for IPv6: addresses of
    /// one household change within these (RFC 6177), and a stricter binding stops films midway.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| NetworkError)?,
            None if address.to_canonical().is_ipv4() => 24,
            None => 64,
        };
        Self::new(address, prefix).ok_or(NetworkError)
    }
}

/// Not a network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkError;

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a network; write 203.0.113.0/24 or 2001:db8::/64")
    }
}

impl core::error::Error for NetworkError {}

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
