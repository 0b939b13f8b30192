//! The client of HTTP/1.1, also over TLS, with which the gate asks media servers and sends events.

use core::time::Duration;

use http_body::Body;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// For how long a connection without requests is kept: less than servers do, of which some close it after five seconds.
const IDLE: Duration = Duration::from_secs(4);

/// The most header fields of an answer.
const MAX_HEADERS: usize = 512;

pub(crate) type HttpClient<B> = Client<HttpsConnector<HttpConnector>, B>;

/// A client. It follows no redirects, and over TLS it trusts the certificates that the machine trusts.
pub(crate) fn http_client<B>() -> HttpClient<B>
where
    B: Body + Send,
    B::Data: Send,
{
    let mut roots = RootCertStore::empty();
    // Without any, every server that needs one is refused.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let tls = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_protocol_versions(rustls::DEFAULT_VERSIONS);
    let tls = match tls {
        Ok(tls) => tls,
        // The provider has both versions.
        Err(_) => ClientConfig::builder(),
    };
    let tls = tls.with_root_certificates(roots).with_no_client_auth();
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_connect_timeout(Some(CONNECT));
    http.set_nodelay(true);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .http1_max_headers(MAX_HEADERS)
        .build(connector)
}
