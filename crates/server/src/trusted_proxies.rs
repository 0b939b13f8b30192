//! What a proxy that the operator trusts tells about the client.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::HeaderName;
use ipnet::{IpNet, Ipv4Net};

use crate::client::Client;

/// The proxies in front of the gate that may say who the client is. Nobody else can.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    /// The header field in which they name the country.
    country: Option<HeaderName>,
}

impl TrustedProxies {
    /// Proxies in these networks, which name the country in this header field, if in any.
    #[must_use]
    pub fn new(networks: Vec<IpNet>, country: Option<HeaderName>) -> Self {
        let networks = networks.into_iter().map(canonical).collect();
        Self { networks, country }
    }

    /// The client of a request that came from `peer`.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        if !self.trusts(peer) {
            return Client { address: Some(peer), country: None, is_secure: false };
        }
        let country = self.country.as_ref().and_then(|name| once(headers, name)).map(str::trim);
        let is_country = |text: &&str| matches!(text.as_bytes(), [a, b] if a.is_ascii_uppercase() && b.is_ascii_alphanumeric());
        // Each proxy appends whom it got the request from, and the last of several fields is the nearest proxy's.
        let protos = elements(headers, &HeaderName::from_static("x-forwarded-proto"));
        Client {
            address: self.forwarded_for(peer, headers),
            country: country.filter(is_country).map(String::from),
            is_secure: protos.last().is_some_and(|proto| proto.eq_ignore_ascii_case("https")),
        }
    }

    /// The last address of `X-Forwarded-For` that is not a trusted proxy's. `None` if it is no address.
    fn forwarded_for(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let hops = elements(headers, &HeaderName::from_static("x-forwarded-for"));
        let mut client = Some(peer);
        for hop in hops.iter().rev() {
            client = address(hop);
            if client.is_none_or(|client| !self.trusts(client)) {
                break;
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }
}

/// The value of a field that comes once. If there are two, one is the client's.
fn once<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// A network as addresses are looked up in it: of IPv4 if it is written as a part of IPv6.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let length = mapped.prefix_len().checked_sub(96);
    let address = mapped.addr().to_ipv4_mapped();
    match length.zip(address).map(|(length, address)| Ipv4Net::new(address, length)) {
        Some(Ok(network)) => network.into(),
        _ => mapped.into(),
    }
}

/// The elements of a list in all header fields of this name. One that is no text is an empty element.
fn elements<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let values = headers.get_all(name).iter();
    values.flat_map(|value| value.to_str().unwrap_or_default().split(',')).map(str::trim).collect()
}

/// An address, perhaps with a port.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let with_port = || hop.parse().ok().map(|socket: core::net::SocketAddr| socket.ip());
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    fn proxies() -> TrustedProxies {
        let networks = ["::ffff:10.0.0.0/104", "::1/128"].map(|network| network.parse().unwrap());
        TrustedProxies::new(networks.into(), Some(HeaderName::from_static("cf-ipcountry")))
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let told = headers(&[
            ("x-forwarded-for", "203.0.113.7"),
            ("x-forwarded-proto", "https"),
            ("cf-ipcountry", "PT"),
        ]);
        for (peer, address, country, is_secure) in [
            ("10.1.2.3", "203.0.113.7", Some("PT"), true),
            ("::ffff:10.1.2.3", "203.0.113.7", Some("PT"), true),
            ("::1", "203.0.113.7", Some("PT"), true),
            ("192.0.2.1", "192.0.2.1", None, false),
            ("::2", "::2", None, false),
        ] {
            let client = proxies().client(peer.parse().unwrap(), &told);
            assert_eq!(client.address, address.parse().ok(), "{peer}");
            assert_eq!((client.country.as_deref(), client.is_secure), (country, is_secure));
        }
    }

    #[test]
    fn what_a_client_puts_before_its_own_address_does_not_count() {
        for (fields, expected) in [
            (&["8.8.8.8, 203.0.113.7"][..], Some("203.0.113.7")),
            (&["8.8.8.8", "203.0.113.7, 10.0.0.9"], Some("203.0.113.7")),
            (&["203.0.113.7:4711"], Some("203.0.113.7")),
            (&["[2001:db8::1]:4711"], Some("2001:db8::1")),
            (&["2001:db8::1"], Some("2001:db8::1")),
            (&["::ffff:203.0.113.7"], Some("203.0.113.7")),
            (&["10.0.0.1, 10.0.0.2"], Some("10.0.0.1")),
            (&[], Some("10.1.2.3")),
            (&["8.8.8.8, unknown"], None),
            (&["8.8.8.8,"], None),
            (&["8.8.8.8", ""], None),
        ] {
            let fields: Vec<_> = fields.iter().map(|value| ("x-forwarded-for", *value)).collect();
            let client = proxies().client("10.1.2.3".parse().unwrap(), &headers(&fields));
            assert_eq!(client.address, expected.map(|one| one.parse().unwrap()), "{fields:?}");
        }
    }

    #[test]
    fn the_nearest_proxy_tells_the_scheme_and_a_country_has_two_characters() {
        let peer = "10.1.2.3".parse().unwrap();
        for (proto, is_secure) in
            [("https, http", false), ("http,https", true), ("HTTPS", true), ("", false)]
        {
            let client = proxies().client(peer, &headers(&[("x-forwarded-proto", proto)]));
            assert_eq!(client.is_secure, is_secure, "{proto}");
        }
        for (country, expected) in
            [("PT", Some("PT")), ("T1", Some("T1")), ("pt", None), ("PRT", None), ("", None)]
        {
            let client = proxies().client(peer, &headers(&[("cf-ipcountry", country)]));
            assert_eq!(client.country.as_deref(), expected);
        }
        let twice = headers(&[("cf-ipcountry", "PT"), ("cf-ipcountry", "US")]);
        assert_eq!(proxies().client(peer, &twice).country, None);
    }
}
