//! Where a service listens.

use core::net::SocketAddr;
use std::io;

use tokio::net::TcpListener;

use crate::exit::{self, Failure};

/// Reads an address and a port. `localhost` is always 127.0.0.1, whatever a resolver returns.
pub(crate) fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let local = text
        .to_ascii_lowercase()
        .strip_prefix("localhost:")
        .map(|port| ["127.0.0.1:", port].concat());
    local.as_deref().unwrap_or(text).parse().map_err(|_| {
        "write an IP address and a port, like 127.0.0.1:8788 or [::1]:8788, or 0.0.0.0:8788 for all addresses of this machine"
    })
}

/// Listens, and says where. `what` is what goes on there, and `option` names another place.
pub(crate) async fn bind(
    address: SocketAddr,
    what: &str,
    option: &str,
) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::unavailable(match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("{address} is in use; choose another port with {option}")
            }
            io::ErrorKind::AddrNotAvailable => {
                format!("{address} is not an address of this machine; choose another with {option}")
            }
            io::ErrorKind::PermissionDenied => format!(
                "the system does not allow this user to listen on {address}; choose a port above 1023 with \
                 {option}"
            ),
            _ => format!("cannot listen on {address}: {error}"),
        })
    })?;
    let address = listener.local_addr().unwrap_or(address);
    exit::say(format_args!("{what} on http://{address}"));
    Ok(listener)
}
