//! Decisions for a proxy that delivers the media itself, and asks before each request: `auth_request` of nginx,
//! `forward_auth` of Caddy, ForwardAuth of Traefik, `ext_authz` of Envoy.
//!
//! Each tells about the client's request in its own way, and passes on what a client forges in the ways of the others.
//! So a gate reads one of them. Its answers are 200, 401 and 403, which all four understand.

use core::net::IpAddr;
use core::time::Duration;
use std::str::FromStr;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body::Body;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::body::GateBody;
use crate::client::Client;
use crate::gate::{Gate, problem};
use crate::store::MediaStore;

/// How long a decision may take. Proxies wait for minutes, or for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the proxy asks. Envoy writes the client's path after it.
const PATH: &str = "/auth";

/// The gate's own calls, which the proxy passes to it as they are.
const CALLS: &str = "/.playgate/";

/// The fields that every answer has. A proxy that copies a field that is missing may pass on the client's.
const ALWAYS: [HeaderName; 5] = [
    HeaderName::from_static("playgate-claims"),
    HeaderName::from_static("playgate-path"),
    HeaderName::from_static("playgate-reason"),
    HeaderName::from_static("playgate-session"),
    HeaderName::from_static("playgate-subject"),
];

/// How a proxy tells about the client's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxy {
    /// `forward_auth` of Caddy.
    Caddy,
    /// The external authorization filter of Envoy, over HTTP.
    Envoy,
    /// `auth_request` of nginx, with the fields that `examples/nginx.conf` sets.
    Nginx,
    /// ForwardAuth of Traefik.
    Traefik,
}

impl FromStr for Proxy {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = [Self::Caddy, Self::Envoy, Self::Nginx, Self::Traefik];
        let proxy = known.into_iter().find(|proxy| proxy.name() == name);
        proxy.ok_or("write caddy, envoy, nginx or traefik")
    }
}

/// What is wrong with a question.
enum Fault {
    /// The client's request is none.
    Client(&'static str),
    /// The proxy does not ask as it should, and the operator has to change that.
    Proxy(&'static str),
}

/// The client's request, as the proxy tells it.
struct Told {
    method: Method,
    target: Uri,
    address: Option<IpAddr>,
    is_secure: bool,
}

impl Proxy {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caddy => "caddy",
            Self::Envoy => "envoy",
            Self::Nginx => "nginx",
            Self::Traefik => "traefik",
        }
    }

    /// Answers the proxy.
    pub async fn answer<S, B>(
        self,
        gate: &Gate<S>,
        request: Request<B>,
    ) -> Response<GateBody<S::Body>>
    where
        S: MediaStore,
        B: Body<Data = Bytes> + Send + Unpin,
        B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        if request.uri().path().starts_with(CALLS) {
            let client = self.client(request.headers());
            return gate.serve(request, &client).await;
        }
        let told = match self.told(&request) {
            Ok(told) => told,
            Err(Fault::Client(detail)) => {
                return finished(problem(StatusCode::FORBIDDEN, "malformed", detail));
            }
            Err(Fault::Proxy(fault)) => {
                gate.log(
                    json!({ "decision": "error", "reason": "misconfigured", "errors": [fault] }),
                );
                let detail = "the proxy does not tell about the request as it should; the gate's log says more";
                return finished(problem(StatusCode::FORBIDDEN, "misconfigured", detail));
            }
        };
        if told.target.path().starts_with(CALLS) {
            let detail = "the proxy must pass this path to the gate without asking first";
            return finished(problem(StatusCode::FORBIDDEN, "misconfigured", detail));
        }
        let client = Client { address: told.address, country: None, is_secure: told.is_secure };
        let mut asked = Request::new(http_body_util::Empty::<Bytes>::new());
        *asked.method_mut() = told.method;
        *asked.uri_mut() = told.target;
        // Ranges and conditions are about the media, which the proxy delivers.
        for name in [header::HOST, header::ORIGIN, header::COOKIE, header::AUTHORIZATION] {
            for value in request.headers().get_all(&name) {
                asked.headers_mut().append(name.clone(), value.clone());
            }
        }
        match timeout(PATIENCE, gate.serve(asked, &client)).await {
            Ok(answer) => finished(answer),
            Err(_) => {
                let detail = "the state gave no answer in time; try again";
                finished(problem(StatusCode::FORBIDDEN, "state_unavailable", detail))
            }
        }
    }

    /// The client's request.
    fn told<B>(self, request: &Request<B>) -> Result<Told, Fault> {
        let headers = request.headers();
        let path = request.uri().path();
        // Another proxy would pass these on as the client sends them.
        if self.foreign().iter().any(|name| headers.contains_key(*name)) {
            return Err(Fault::Proxy("there are fields of another proxy than FORWARD_AUTH names"));
        }
        let (method, target) = match self {
            Self::Envoy => {
                let target = request.uri().path_and_query().map_or("", |target| target.as_str());
                let target = target.strip_prefix(PATH).filter(|target| target.starts_with('/'));
                let fault = "the path does not start with /auth/; set path_prefix: /auth";
                (request.method().as_str(), target.ok_or(Fault::Proxy(fault))?)
            }
            _ if path != PATH => {
                return Err(Fault::Proxy("the proxy asks at another path than /auth"));
            }
            Self::Caddy | Self::Traefik => (
                single(
                    headers,
                    "x-forwarded-method",
                    "X-Forwarded-Method is missing, or there are two",
                )?,
                single(headers, "x-forwarded-uri", "X-Forwarded-Uri is missing, or there are two")?,
            ),
            Self::Nginx => (
                single(
                    headers,
                    "x-original-method",
                    "X-Original-Method is missing, or there are two",
                )?,
                single(headers, "x-original-uri", "X-Original-URI is missing, or there are two")?,
            ),
        };
        let method = method.parse().map_err(|_| Fault::Client("the method is none"))?;
        // A parser would leave out what comes after it, and the proxy may not.
        let target = if target.contains('#') { "" } else { target };
        let target = target.parse().map_err(|_| Fault::Client("the address is none"))?;
        let Client { address, is_secure, .. } = self.client(headers);
        Ok(Told { method, target, address, is_secure })
    }

    /// The fields in which other proxies tell about the client's request.
    const fn foreign(self) -> [&'static str; 2] {
        match self {
            Self::Nginx => ["x-forwarded-method", "x-forwarded-uri"],
            Self::Caddy | Self::Envoy | Self::Traefik => ["x-original-method", "x-original-uri"],
        }
    }

    /// The client, as the proxy knows it.
    fn client(self, headers: &HeaderMap) -> Client {
        let address = match self {
            Self::Nginx => once(headers, "x-real-ip"),
            // The proxy itself adds the last one.
            Self::Caddy | Self::Envoy | Self::Traefik => last(headers, "x-forwarded-for"),
        };
        let scheme = last(headers, "x-forwarded-proto");
        Client {
            address: address.and_then(|address| address.parse().ok()),
            country: None,
            is_secure: scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")),
        }
    }
}

/// The value of a field that the proxy sets once.
fn single<'a>(headers: &'a HeaderMap, name: &str, fault: &'static str) -> Result<&'a str, Fault> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => {
            value.to_str().map_err(|_| Fault::Client("the address has bytes that are no ASCII"))
        }
        _ => Err(Fault::Proxy(fault)),
    }
}

/// The value of a field that comes once.
fn once<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// The last element of a list.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim)
}

/// An answer that proxies understand: 200, 401 or 403, with every field set.
fn finished<B>(mut answer: Response<GateBody<B>>) -> Response<GateBody<B>> {
    let status = match answer.status() {
        // A preflight has no token. The server behind the proxy answers it, or refuses the method.
        StatusCode::OK | StatusCode::NO_CONTENT => StatusCode::OK,
        StatusCode::UNAUTHORIZED => StatusCode::UNAUTHORIZED,
        _ => StatusCode::FORBIDDEN,
    };
    if status != answer.status()
        && let GateBody::Own(text) = answer.body_mut()
        && let Ok(Value::Object(mut body)) = serde_json::from_slice(text)
    {
        // A proxy may copy the body.
        body.insert("status".into(), status.as_u16().into());
        body.insert("title".into(), status.canonical_reason().into());
        *text = Value::Object(body).to_string().into();
        answer.headers_mut().remove(header::CONTENT_LENGTH);
    }
    *answer.status_mut() = status;
    for name in ALWAYS {
        answer.headers_mut().entry(name).or_insert(HeaderValue::from_static(""));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, fields: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    const FORWARDED: [(&str, &str); 4] = [
        ("x-forwarded-method", "HEAD"),
        ("x-forwarded-uri", "/a?b=c"),
        ("x-forwarded-for", "192.0.2.9, 203.0.113.7"),
        ("x-forwarded-proto", "https"),
    ];
    const ORIGINAL: [(&str, &str); 4] = [
        ("x-original-method", "HEAD"),
        ("x-original-uri", "/a?b=c"),
        ("x-real-ip", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
    ];

    #[test]
    fn each_proxy_tells_in_its_own_way_and_in_no_other() {
        for (proxy, fields) in
            [(Proxy::Caddy, FORWARDED), (Proxy::Traefik, FORWARDED), (Proxy::Nginx, ORIGINAL)]
        {
            let told = proxy.told(&request("/auth?x=y", &fields)).ok().unwrap();
            assert_eq!((told.method, told.target), (Method::HEAD, "/a?b=c".parse().unwrap()));
            assert_eq!((told.address, told.is_secure), ("203.0.113.7".parse().ok(), true));
            for fault in 0..2 {
                // Missing, or twice.
                let missing: Vec<_> = fields
                    .into_iter()
                    .enumerate()
                    .filter(|(n, _)| *n != fault)
                    .map(|(_, field)| field)
                    .collect();
                assert!(proxy.told(&request("/auth", &missing)).is_err());
                let twice = [&fields[..], &[fields[fault]]].concat();
                assert!(proxy.told(&request("/auth", &twice)).is_err());
            }
            let other = if proxy == Proxy::Nginx { FORWARDED } else { ORIGINAL };
            assert!(proxy.told(&request("/auth", &other)).is_err());
            for target in ["/a#/b", "", "/ö", "/<"] {
                let mut odd = fields;
                odd[1].1 = target;
                let told = proxy.told(&request("/auth", &odd));
                assert!(matches!(told, Err(Fault::Client(_))), "{target}");
            }
            let both = [&FORWARDED[..], &ORIGINAL].concat();
            assert!(matches!(proxy.told(&request("/auth", &both)), Err(Fault::Proxy(_))));
            for path in ["/", "/auth/", "/a?b=c", "/authx"] {
                assert!(proxy.told(&request(path, &fields)).is_err(), "{path}");
            }
        }
        let told = Proxy::Envoy.told(&request("/auth/a?b=c", &FORWARDED)).ok().unwrap();
        assert_eq!((told.method, told.target), (Method::GET, "/a?b=c".parse().unwrap()));
        for path in ["/", "/auth", "/a", "/authx/a", "/auth?b"] {
            assert!(Proxy::Envoy.told(&request(path, &FORWARDED)).is_err(), "{path}");
        }
    }

    #[test]
    fn answers_are_those_that_proxies_understand() {
        type Answer = Response<GateBody<crate::directory::FileBody>>;
        for (status, expected) in
            [(200, 200), (204, 200), (401, 401), (403, 403), (302, 403), (405, 403), (503, 403)]
        {
            let status = StatusCode::from_u16(status).unwrap();
            let answer: Answer = finished(problem(status, "a_reason", "a detail"));
            assert_eq!(answer.status(), expected);
            assert_eq!(answer.headers()["playgate-subject"], "");
            assert_eq!(answer.headers()["playgate-reason"], "a_reason");
            let GateBody::Own(body) = answer.body() else { panic!("no text") };
            let body: Value = serde_json::from_slice(body).unwrap();
            assert_eq!((&body["status"], &body["detail"]), (&json!(expected), &json!("a detail")));
        }
    }
}
