//! Header fields that pass between a viewer and the media server.

use crate::pass_headers::PassHeaders;

/// The request header fields that are sent to the server. All others are dropped, above all cookies and the
/// token, but also anything that would make one URL mean different things to different viewers.
pub(crate) const REQUEST_HEADERS: [&str; 5] =
    ["If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since"];

/// The header field with the secret of `ORIGIN_SECRET`, by which the server recognizes the gate.
pub(crate) const SECRET_HEADER: &str = "Playgate-Origin-Secret";

/// The header fields of the server that reach every viewer: what the media is, which part and which version
/// of it this is, and how it was served. All others are dropped, because a newly registered field must not
/// pass unreviewed.
///
/// `Timing-Allow-Origin` is not among them: `ALLOW_ORIGINS` decides who may learn anything about an answer.
/// `Content-Location` is not either: it is the server's own address.
const RESPONSE_HEADERS: [&str; 17] = [
    "accept-ranges",
    "content-digest",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-range",
    "content-type",
    "date",
    "digest",
    "etag",
    "last-modified",
    "repr-digest",
    // For errors that are passed on.
    "retry-after",
    "server-timing",
    "vary",
];

/// Caching header fields besides `Cache-Control`. The gate sets them for media that it protects, and the
/// server for public media.
const PUBLIC_HEADERS: [&str; 2] = ["age", "expires"];

/// Decides which header fields of a server's answer reach the viewer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseFilter<'a> {
    /// The value of `Connection`, which names hop-by-hop fields (RFC 9110, section 7.6.1).
    pub(crate) connection: &'a str,
    /// Whether the media is public.
    pub(crate) is_public: bool,
    /// The header fields that the operator passes.
    pub(crate) pass: &'a PassHeaders,
}

impl ResponseFilter<'_> {
    /// Whether a header field passes.
    pub(crate) fn passes(self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let is_listed = RESPONSE_HEADERS.contains(&name.as_str())
            // Common Media Server Data (CTA-5006).
            || name.starts_with("cmsd-")
            || (self.is_public && PUBLIC_HEADERS.contains(&name.as_str()))
            || self.pass.has(&name);
        let mut connection = self.connection.split(',').map(str::trim);
        is_listed && !connection.any(|listed| listed.eq_ignore_ascii_case(&name))
    }
}

/// How the gate treats the server's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Media, or 304: serve it.
    Media,
    /// An error of the server: pass on its status and body, uncached.
    Error,
    /// Of no use to a viewer: a redirect would bypass the gate, and an authentication challenge would ask
    /// for credentials of another server.
    Unusable,
}

/// Classifies a status of the server.
pub(crate) const fn meaning(status: u16) -> Meaning {
    match status {
        200 | 203 | 204 | 206 | 304 => Meaning::Media,
        401 | 407 => Meaning::Unusable,
        400..=599 => Meaning::Error,
        _ => Meaning::Unusable,
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::config::{Config, Variables};
    use crate::decide::{Decision, decide};
    use crate::plan::{Next, Plan, Step};
    use crate::request::RequestParts;
    use playgate::{Builder, KeyRing, Signer, UnixTime};

    const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const NOW: u64 = 1_767_225_000;
    const FILM: &str = "https://cdn.example.com/videos/42/film.mp4";
    const PUBLIC: &str = "https://cdn.example.com/public/film.mp4";
    const PAGE: &str = "https://www.example.com";

    /// A header field: its name and its value.
    type Field = (&'static str, &'static str);

    const TYPE: Field = ("content-type", "video/mp4");
    const NOSNIFF: Field = ("X-Content-Type-Options", "nosniff");

    /// The gate's own fields for media behind a token.
    const OWN: [Field; 4] = [
        ("Cache-Control", "private, max-age=600"),
        ("Playgate-Expires", "1767225600"),
        ("Playgate-Time-Left", "600"),
        NOSNIFF,
    ];

    /// The gate's own fields for an error of the server.
    const OWN_OF_ERROR: [Field; 4] = [("Cache-Control", "no-store"), OWN[1], OWN[2], NOSNIFF];

    /// Fields that never pass, whatever `PASS_HEADERS` says.
    const NEVER: &[&str] = &[
        // For one connection: those of RFC 9110, section 7.6.1, and similar ones.
        "alt-svc",
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        // Credentials.
        "authentication-info",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "set-cookie",
        "set-cookie2",
        "www-authenticate",
        // CORS.
        "access-control-allow-credentials",
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "access-control-allow-private-network",
        "access-control-expose-headers",
        "access-control-max-age",
        // Caches.
        "cdn-cache-control",
        "cloudflare-cdn-cache-control",
        "no-vary-search",
        "pragma",
        "surrogate-control",
        "surrogate-key",
        // The gate's own.
        "playgate-expires",
        "playgate-origin-secret",
        "playgate-reason",
        "playgate-time-left",
        // Instructions to browsers and servers.
        "clear-site-data",
        "content-location",
        "content-security-policy",
        "link",
        "location",
        "nel",
        "refresh",
        "report-to",
        "x-accel-redirect",
        "x-sendfile",
    ];

    /// Fields that pass only if `PASS_HEADERS` names them. Some names are almost those of fields that pass.
    const UNLESS_NAMED: &[&str] = &[
        "cmsd",
        "content-typ",
        "content-types",
        "cross-origin-resource-policy",
        "etag2",
        "not-yet-registered",
        "server",
        "strict-transport-security",
        "timing-allow-origin",
        "via",
        "x-cache",
        "x-cmsd-static",
        "x-content-type",
        "x-etag",
    ];

    fn gate() -> Variables {
        Variables {
            origin: Some("https://media.example.com".into()),
            origin_secret: Some("0123456789abcdef".into()),
            playgate_keys: Some(KEYS.into()),
            public: Some("/public".into()),
            ..Variables::default()
        }
    }

    /// Several lists of fields as one.
    fn join<'f>(lists: &[&[(&'f str, &'f str)]]) -> Vec<(&'f str, &'f str)> {
        lists.concat()
    }

    fn passing(names: &str) -> Variables {
        Variables { pass_headers: Some(names.into()), ..gate() }
    }

    /// A link to the film that lasts 600 seconds.
    fn signed(more: impl for<'a> FnOnce(Builder<'a, &'a str>) -> Builder<'a, &'a str>) -> String {
        let signer = Signer::new(KeyRing::parse(KEYS).unwrap());
        let link = more(signer.link(FILM).expires_in(Duration::from_secs(600)));
        link.sign(UnixTime::from_secs(NOW)).unwrap().into()
    }

    fn film() -> String {
        signed(|link| link)
    }

    fn get(url: &str) -> RequestParts<'_> {
        RequestParts { method: "GET", url, origin: Some(PAGE), ..RequestParts::default() }
    }

    fn start(variables: &Variables, request: &RequestParts<'_>) -> (Config, Plan, Next) {
        let config = Config::read(variables);
        let Decision::Serve(plan, next, _) = decide(&config, request, NOW, || None) else {
            panic!("answered")
        };
        (config.ok().unwrap(), *plan, next)
    }

    /// Compares all header fields of the response, in their order.
    #[track_caller]
    fn viewer_gets(
        variables: &Variables,
        request: &RequestParts<'_>,
        (status, sent): (u16, &[(&str, &str)]),
        expected: &[(&str, &str)],
    ) {
        let (config, mut plan, _) = start(variables, request);
        let next = plan.fetched(&config, status, sent, true);
        let Next::Respond(response) = next else { panic!("{next:?}") };
        assert_eq!(response.status, status);
        let headers = response.headers.iter();
        let got: Vec<_> = headers.map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn fields_about_the_media_pass_unchanged() {
        let sent = [
            ("accept-ranges", "bytes"),
            ("content-digest", "sha-256=:AA==:"),
            ("content-disposition", "inline"),
            ("content-encoding", "gzip"),
            ("content-language", "pt"),
            ("content-length", "10"),
            ("content-md5", "AA=="),
            ("content-range", "bytes 0-9/1000"),
            ("content-type", "video/mp4"),
            ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("digest", "sha-256=AA=="),
            ("etag", "W/\"a\""),
            ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("repr-digest", "sha-256=:AA==:"),
            ("retry-after", "5"),
            ("server-timing", "db;dur=5"),
            ("vary", "Accept"),
            ("vary", "Accept-Encoding"),
            ("cmsd-static", "ot=v"),
            ("cmsd-dynamic", "rtt=8"),
        ];
        viewer_gets(&gate(), &get(&film()), (206, &sent), &join(&[&sent, &OWN]));
        viewer_gets(&gate(), &get(PUBLIC), (200, &sent), &join(&[&sent, &[NOSNIFF]]));
        let expected = join(&[&sent, &OWN_OF_ERROR]);
        viewer_gets(&gate(), &get(&film()), (503, &sent), &expected);
    }

    #[test]
    fn no_other_field_passes() {
        let film = film();
        for name in NEVER.iter().chain(UNLESS_NAMED) {
            for name in [*name, &name.to_ascii_uppercase()] {
                let sent = [(name, "x"), TYPE];
                let expected = join(&[&[TYPE], &OWN]);
                viewer_gets(&gate(), &get(&film), (200, &sent), &expected);
                viewer_gets(&gate(), &get(PUBLIC), (200, &sent), &[TYPE, NOSNIFF]);
                let expected = join(&[&[TYPE], &OWN_OF_ERROR]);
                viewer_gets(&gate(), &get(&film), (404, &sent), &expected);
            }
        }
    }

    #[test]
    fn pass_headers_lets_fields_pass_by_name() {
        let film = film();
        for &name in UNLESS_NAMED {
            let variables = passing(&name.to_ascii_uppercase());
            let sent = [(name, "x"), ("x-unnamed", "x"), TYPE];
            let passed = [(name, "x"), TYPE];
            let expected = join(&[&passed, &OWN]);
            viewer_gets(&variables, &get(&film), (200, &sent), &expected);
            let expected = join(&[&passed, &[NOSNIFF]]);
            viewer_gets(&variables, &get(PUBLIC), (200, &sent), &expected);
            let expected = join(&[&passed, &OWN_OF_ERROR]);
            viewer_gets(&variables, &get(&film), (404, &sent), &expected);
        }
        for &name in NEVER {
            let Err(broken) = Config::read(&passing(name)) else { panic!("taken: {name}") };
            assert_eq!(broken.errors.len(), 1, "{name}");
            assert!(broken.errors[0].starts_with("PASS_HEADERS: "), "{name}");
        }
    }

    #[test]
    fn fields_named_by_connection_are_dropped() {
        let film = film();
        let named = passing("X-Hop");
        let (etag, hop, cmsd) = (("etag", "\"a\""), ("x-hop", "1"), ("cmsd-static", "ot=v"));
        for (connection, passed) in [
            ("close", &[TYPE, etag, hop, cmsd][..]),
            ("", &[TYPE, etag, hop, cmsd]),
            ("ETag", &[TYPE, hop, cmsd]),
            ("close, x-hop", &[TYPE, etag, cmsd]),
            ("X-HOP\t,etag", &[TYPE, cmsd]),
            ("x-hop,close,CMSD-Static", &[TYPE, etag]),
            // None of these is the name of a field that was sent.
            ("eta, etag2, x-hop-2, cmsd-", &[TYPE, etag, hop, cmsd]),
        ] {
            let sent = [TYPE, etag, ("connection", connection), hop, cmsd];
            let expected = [passed, &OWN].concat();
            viewer_gets(&named, &get(&film), (200, &sent), &expected);
            let expected = [passed, &[NOSNIFF]].concat();
            viewer_gets(&named, &get(PUBLIC), (200, &sent), &expected);
        }
        let sent = [TYPE, ("age", "7"), ("connection", "Age")];
        viewer_gets(&gate(), &get(PUBLIC), (200, &sent), &[TYPE, NOSNIFF]);
    }

    #[test]
    fn names_ignore_case() {
        let sent = [("ETag", "\"a\""), ("X-CACHE", "HIT"), ("Set-Cookie", "a=b")];
        let expected = join(&[&sent[..2], &OWN]);
        viewer_gets(&passing("x-cAche"), &get(&film()), (200, &sent), &expected);
    }

    #[test]
    fn caching_fields_are_the_gates_unless_public() {
        let film = film();
        let expires = ("expires", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (said, cache_control) in [
            ("public, max-age=86400", "private, max-age=600"),
            // Less its age.
            ("public, max-age=60", "private, max-age=53"),
            ("no-cache", "private, no-cache"),
            ("no-store", "private, no-store"),
        ] {
            let sent = [TYPE, ("age", "7"), expires, ("cache-control", said)];
            let expected = [TYPE, ("Cache-Control", cache_control), OWN[1], OWN[2], NOSNIFF];
            viewer_gets(&gate(), &get(&film), (200, &sent), &expected);
            let expected = join(&[&[TYPE], &OWN_OF_ERROR]);
            viewer_gets(&gate(), &get(&film), (404, &sent), &expected);
            let expected = [TYPE, ("age", "7"), expires, ("Cache-Control", said), NOSNIFF];
            viewer_gets(&gate(), &get(PUBLIC), (200, &sent), &expected);
        }
    }

    #[test]
    fn content_disposition_is_that_of_the_link() {
        let film = signed(|link| link.download("Film"));
        let sent = [TYPE, ("content-disposition", "inline"), ("content-length", "10")];
        let saved = ("Content-Disposition", "attachment; filename=\"Film\"");
        let expected = [TYPE, ("content-length", "10"), OWN[0], OWN[1], OWN[2], saved, NOSNIFF];
        viewer_gets(&gate(), &get(&film), (200, &sent), &expected);
    }

    #[test]
    fn the_only_cookie_is_the_gates() {
        let film = signed(|link| link.directory(2));
        let (_, token) = film.split_once('?').unwrap();
        let attributes = "Path=/videos/42/; Max-Age=600; Secure; HttpOnly; SameSite=None; \
                          Partitioned";
        let cookie = format!("{token}; {attributes}");
        let variables = Variables { set_cookie: Some("true".into()), ..gate() };
        let sent = [TYPE, ("set-cookie", "id=1")];
        let expected = [TYPE, OWN[0], OWN[1], OWN[2], ("Set-Cookie", cookie.as_str()), NOSNIFF];
        viewer_gets(&variables, &get(&film), (200, &sent), &expected);
        let expected = join(&[&[TYPE], &OWN_OF_ERROR]);
        viewer_gets(&variables, &get(&film), (404, &sent), &expected);
        viewer_gets(&variables, &get(PUBLIC), (200, &sent), &[TYPE, NOSNIFF]);
    }

    #[test]
    fn cors_fields_are_the_gates() {
        let film = film();
        let variables = Variables { allow_origins: Some(PAGE.into()), ..passing("X-Cache") };
        let vary = ("vary", "Accept-Encoding");
        let sent = [
            TYPE,
            ("access-control-allow-origin", "*"),
            ("access-control-allow-credentials", "false"),
            ("access-control-expose-headers", "*"),
            vary,
            ("x-cache", "HIT"),
        ];
        let exposed = "Content-Length, Content-Range, Accept-Ranges, ETag, Date, Playgate-Reason, \
                       Playgate-Expires, Playgate-Time-Left, CMSD-Static, CMSD-Dynamic, x-cache";
        let cors = [
            ("Vary", "Origin"),
            ("Access-Control-Allow-Origin", "https://www.example.com"),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Expose-Headers", exposed),
        ];
        let passed = [TYPE, vary, ("x-cache", "HIT")];
        let expected = join(&[&passed, &OWN, &cors]);
        viewer_gets(&variables, &get(&film), (200, &sent), &expected);
        let expected = join(&[&passed, &[NOSNIFF], &cors]);
        viewer_gets(&variables, &get(PUBLIC), (200, &sent), &expected);
        for origin in [None, Some("https://other.example")] {
            let request = RequestParts { origin, ..get(&film) };
            let expected = join(&[&passed, &OWN, &cors[..1]]);
            viewer_gets(&variables, &request, (200, &sent), &expected);
        }
    }

    /// Compares all header fields of the request to the server, in their order.
    #[track_caller]
    fn server_gets(variables: &Variables, request: &RequestParts<'_>, expected: &[Field]) {
        let (_, _, next) = start(variables, request);
        let Next::Ask(Step::Fetch { method, url, headers }) = next else { panic!("{next:?}") };
        assert_eq!(method, request.method);
        assert_eq!(url, "https://media.example.com/videos/42/film.mp4");
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(headers, expected);
    }

    #[test]
    fn the_server_gets_conditions_range_and_secret_only() {
        let film = film();
        let (before, then) = ("Sun, 06 Nov 1994 08:49:36 GMT", "Sun, 06 Nov 1994 08:49:37 GMT");
        let conditions = [
            ("If-Match", "\"m\""),
            ("If-Modified-Since", before),
            ("If-None-Match", "\"n\""),
            ("If-Range", "\"r\""),
            ("If-Unmodified-Since", then),
        ];
        let range = ("Range", "bytes=0-9");
        let secret = ("Playgate-Origin-Secret", "0123456789abcdef");
        let bare = RequestParts {
            cookie: Some("session=1"),
            authorization: Some("Basic YTpi"),
            client_ip: "203.0.113.9".parse().ok(),
            ..get(&film)
        };
        server_gets(&gate(), &bare, &[secret]);
        server_gets(&Variables { origin_secret: None, ..gate() }, &bare, &[]);
        for (n, condition) in conditions.into_iter().enumerate() {
            let mut request = bare;
            request.conditions[n] = Some(condition.1);
            server_gets(&gate(), &request, &[condition, secret]);
        }
        let request = RequestParts {
            range: Some("bytes=0-9"),
            conditions: conditions.map(|(_, value)| Some(value)),
            ..bare
        };
        server_gets(&gate(), &request, &join(&[&conditions, &[range, secret]]));
        // HEAD has no range (RFC 9110, section 14.2).
        let request = RequestParts { method: "HEAD", ..request };
        server_gets(&gate(), &request, &join(&[&conditions, &[secret]]));
    }

    #[test]
    fn statuses() {
        use Meaning::{Error, Media, Unusable};
        for (statuses, expected) in [
            (0..=199, Unusable),
            (200..=200, Media),
            (201..=202, Unusable),
            (203..=204, Media),
            (205..=205, Unusable),
            (206..=206, Media),
            (207..=303, Unusable),
            (304..=304, Media),
            (305..=399, Unusable),
            (400..=400, Error),
            (401..=401, Unusable),
            (402..=406, Error),
            (407..=407, Unusable),
            (408..=599, Error),
            (600..=u16::MAX, Unusable),
        ] {
            for status in statuses {
                assert_eq!(meaning(status), expected, "{status}");
            }
        }
    }
}
