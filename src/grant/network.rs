//! Client networks.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

#[cfg(feature = "alloc")]
use alloc::string::String;

use super::parse_number;
use crate::error::Fault;

/// A client network: an address and the length of its prefix.
///
/// Prints the wire form, `cb007100-24`; parses CIDR notation, `203.0.113.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The network of `address`; clears the bits after the prefix. `None` if the prefix is 0 or longer than
    /// the address.
    #[must_use]
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        Self::masked(address.to_canonical(), prefix)
    }

    fn masked(address: IpAddr, prefix: u8) -> Option<Self> {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        (1..=longest).contains(&prefix).then(|| Self { address: masked(address, prefix), prefix })
    }

    /// Whether it contains `client`. An IPv4-mapped IPv6 address counts as IPv4.
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

/// One to four client networks, joined by dots on the wire: `cb007100-24.c6336400-24`. A dual-stack viewer has
/// both an IPv4 and an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Networks<'a>(&'a str);

impl<'a> Networks<'a> {
    /// The maximum number of networks in one token.
    pub const MAX: usize = 4;

    pub(crate) fn parse(text: &'a str) -> Result<Self, Fault> {
        for (n, network) in text.split('.').enumerate() {
            if n == Self::MAX {
                return Err(Fault::TooMany);
            }
            Network::parse(network)?;
            if text.split('.').take(n).any(|earlier| earlier == network) {
                return Err(Fault::NotCanonical);
            }
        }
        Ok(Self(text))
    }

    /// The networks, in the order of the token.
    pub fn iter(self) -> impl Iterator<Item = Network> + use<'a> {
        self.0.split('.').filter_map(|network| Network::parse(network).ok())
    }

    /// Whether one of them contains `client`. An IPv4-mapped IPv6 address counts as IPv4.
    #[must_use]
    pub fn contains(self, client: IpAddr) -> bool {
        self.iter().any(|network| network.contains(client))
    }
}

impl fmt::Display for Networks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
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

    /// Parses `203.0.113.9/24`. The default prefix is /24 for IPv4 and /64 for IPv6: the addresses of a household
    /// change within these (RFC 6177), and a stricter binding would stop films midway.
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
