//! Who may mint: in production whoever shows the secret, in development pages of this machine.

use core::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN, WWW_AUTHENTICATE};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use zeroize::Zeroizing;

use super::router::{App, refuse};

/// What a caller has to show.
pub(super) enum Access {
    /// This secret.
    Bearer(Zeroizing<String>),
    /// That it runs on this machine, and that no page from elsewhere makes it ask.
    Local,
}

impl Access {
    /// The refusal of a request to mint, if it is one to refuse.
    pub(super) fn refusal(&self, headers: &HeaderMap) -> Option<Response> {
        match self {
            Self::Bearer(secret) if shows(headers, secret) => None,
            Self::Bearer(_) => {
                let message = "send the secret as `Authorization: Bearer <secret>`";
                let mut response = refuse(StatusCode::UNAUTHORIZED, message);
                let scheme = HeaderValue::from_static("Bearer");
                response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
                Some(response)
            }
            Self::Local if is_same_origin(headers) => None,
            Self::Local => {
                Some(refuse(StatusCode::FORBIDDEN, "pages of other origins cannot mint links"))
            }
        }
    }
}

/// Whether there is one `Authorization` header, with this secret.
fn shows(headers: &HeaderMap, secret: &str) -> bool {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Some((scheme, shown)) = value.as_bytes().split_at_checked("Bearer ".len()) else {
        return false;
    };
    scheme.eq_ignore_ascii_case(b"Bearer ") && playgate::secrets_match(shown, secret.as_bytes())
}

/// Browsers send `Origin` with every POST: it has to be the page of this very server.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let host = headers.get(HOST).map(HeaderValue::as_bytes);
    origin.as_bytes().strip_prefix(b"http://").is_some_and(|origin| Some(origin) == host)
}

/// In development, refuses names that are not of this machine: a page from elsewhere can have its own
/// name point here (DNS rebinding), and would then read answers as its own.
pub(super) async fn local_hosts_alone(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    if matches!(app.access, Access::Local) && !host.is_some_and(is_local) {
        let message = "with --dev this server answers only as localhost; open it under that name";
        return refuse(StatusCode::FORBIDDEN, message);
    }
    next.run(request).await
}

fn is_local(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    !host.contains('@')
        && (name.eq_ignore_ascii_case("localhost")
            || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_names() {
        for host in ["localhost", "LOCALHOST:8788", "127.0.0.1:8788", "127.1.2.3", "[::1]:8788"] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "",
            "example.com",
            "localhost.example.com:8788",
            "127.0.0.1.example.com",
            "me@localhost",
            "10.0.0.1",
            "[::2]",
            "localhost:8788/x",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }
}
