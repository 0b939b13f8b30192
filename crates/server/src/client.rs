//! Who sends a request.

use std::net::IpAddr;

/// What the gate believes of a client.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// Its address.
    pub address: Option<IpAddr>,
    /// Its country, ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Whether it came over TLS.
    pub is_secure: bool,
}
