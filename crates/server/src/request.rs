//! A request as the gate's decisions read it.

use std::borrow::Cow;

use http::Version;
use http::header::{self, HeaderName};
use http::request::Parts;
use http::uri::Authority;
use playgate_edge::RequestParts;

use crate::client::Client;

const CONDITIONS: [HeaderName; 5] = [
    header::IF_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::IF_UNMODIFIED_SINCE,
];

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The texts of a request.
pub(crate) struct Texts<'a> {
    method: &'a str,
    pub(crate) url: String,
    fields: [Option<Cow<'a, str>>; 6],
    conditions: [Option<Cow<'a, str>>; 5],
    client: &'a Client,
}

impl<'a> Texts<'a> {
    /// Reads them. `None` if the host is missing or no host.
    pub(crate) fn of(parts: &'a Parts, client: &'a Client) -> Option<Self> {
        let scheme = if client.is_secure { "https" } else { "http" };
        let field = text(parts, &header::HOST, ", ");
        // A target with a host comes before the field, which must be there all the same (RFC 9112, section 3.2).
        let host = match parts.uri.authority() {
            Some(_)
                if parts.version == Version::HTTP_11 && !field.as_deref().is_some_and(is_host) =>
            {
                return None;
            }
            Some(authority) => Cow::Borrowed(authority.as_str()),
            None => field?,
        };
        if !is_host(&host) {
            return None;
        }
        let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
        let field = |name| text(parts, &name, ", ");
        Some(Self {
            method: parts.method.as_str(),
            url: [scheme, "://", &host, target].concat(),
            fields: [
                field(header::ORIGIN),
                // HTTP/2 may send each cookie by itself (RFC 9113, section 8.2.3).
                text(parts, &header::COOKIE, "; "),
                field(header::AUTHORIZATION),
                field(header::RANGE),
                field(FETCH_SITE),
                field(header::USER_AGENT),
            ],
            conditions: CONDITIONS.map(field),
            client,
        })
    }

    /// The same, as the gate reads it.
    pub(crate) fn parts(&self) -> RequestParts<'_> {
        let [origin, cookie, authorization, range, fetch_site, user_agent] =
            self.fields.each_ref().map(|field| field.as_deref().filter(|text| !text.is_empty()));
        let conditions = self.conditions.each_ref();
        RequestParts {
            method: self.method,
            url: &self.url,
            origin,
            cookie,
            authorization,
            client_ip: self.client.address,
            range,
            conditions: conditions.map(|field| field.as_deref().filter(|text| !text.is_empty())),
            fetch_site,
            user_agent,
        }
    }
}

/// Whether a text is a host, perhaps with a port, and no more.
fn is_host(text: &str) -> bool {
    text.parse::<Authority>().is_ok_and(|host| {
        let has_port = host.as_str().len() > host.host().len();
        !text.contains('@') && (!has_port || host.port_u16().is_some())
    })
}

/// The value of a header field; several are joined. What is no UTF-8 is replaced, so that it matches nothing.
fn text<'a>(parts: &'a Parts, name: &HeaderName, separator: &str) -> Option<Cow<'a, str>> {
    let mut values = parts.headers.get_all(name).iter();
    let first = String::from_utf8_lossy(values.next()?.as_bytes());
    Some(values.fold(first, |mut joined, value| {
        let joined_text = joined.to_mut();
        joined_text.push_str(separator);
        joined_text.push_str(&String::from_utf8_lossy(value.as_bytes()));
        joined
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    const CLIENT: Client = Client { address: None, country: None, is_secure: true };

    fn parts(target: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_host_is_of_the_target_or_the_field() {
        for (target, fields, expected) in [
            (
                "/a?b",
                &[("host", "cdn.example.com:8080")][..],
                Some("https://cdn.example.com:8080/a?b"),
            ),
            ("http://cdn.example.com/a", &[("host", "other")], Some("https://cdn.example.com/a")),
            ("*", &[("host", "h")], Some("https://h*")),
            ("/a", &[("host", "[::1]:80")], Some("https://[::1]:80/a")),
            ("/a", &[], None),
            ("/a", &[("host", "")], None),
            ("/a", &[("host", "a"), ("host", "b")], None),
            ("/a", &[("host", "a/b")], None),
            ("/a", &[("host", "me@a")], None),
            ("http://me@a/", &[("host", "a")], None),
            ("/a", &[("host", "a?b")], None),
            ("/a", &[("host", "a:bc")], None),
            ("/a", &[("host", "a:99999999")], None),
            ("http://a/", &[], None),
            ("http://a/", &[("host", "a"), ("host", "b")], None),
        ] {
            let parts = parts(target, fields);
            let texts = Texts::of(&parts, &CLIENT);
            assert_eq!(texts.map(|texts| texts.url).as_deref(), expected, "{target} {fields:?}");
        }
    }

    #[test]
    fn fields_that_come_twice_are_joined() {
        let parts = parts(
            "/a",
            &[
                ("host", "h"),
                ("cookie", "a=1"),
                ("cookie", "b=2"),
                ("range", "bytes=0-1"),
                ("range", "bytes=3-4"),
                ("origin", ""),
                ("if-range", "\"x\""),
            ],
        );
        let texts = Texts::of(&parts, &CLIENT).unwrap();
        let read = texts.parts();
        assert_eq!((read.cookie, read.range), (Some("a=1; b=2"), Some("bytes=0-1, bytes=3-4")));
        assert_eq!((read.origin, read.conditions[3]), (None, Some("\"x\"")));
    }
}
