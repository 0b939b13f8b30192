//! The decision on one request, without a wait.

use core::net::IpAddr;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString as _};

use crate::cookie;
use crate::error::ParseError;
use crate::manifest::Carrier;
use crate::path::CanonicalPath;
use crate::query::joined;
use crate::request::{Placement, Request, Target, is_signed};
use crate::time::UnixTime;
use crate::verify::{Denied, Verified, Verifier};
use crate::worker::answer::{Answer, Headers, Problem};
use crate::worker::config::{Broken, Config};
use crate::worker::delivery::Delivery;
use crate::worker::disposition;
use crate::worker::log::{self, LogEntry};
use crate::worker::manifest::Rewriting;
use crate::worker::object;
use crate::worker::redirect::Redirect;

/// The parts of a request that the gate looks at. Header fields that are absent or empty are `None`.
#[derive(Clone, Copy, Default)]
pub(crate) struct RequestParts<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) origin: Option<&'a str>,
    pub(crate) cookie: Option<&'a str>,
    pub(crate) authorization: Option<&'a str>,
    pub(crate) client_ip: Option<IpAddr>,
    pub(crate) range: Option<&'a str>,
    /// In the order of [`forward::REQUEST_HEADERS`](crate::worker::forward::REQUEST_HEADERS).
    pub(crate) conditions: [Option<&'a str>; 5],
}

impl<'a> RequestParts<'a> {
    /// Reads them from one text, so that they cross into wasm in one piece: each part is a line, in the order of
    /// the fields. No part can have a line feed: neither a URL nor a header field can.
    pub(crate) fn parse(text: &'a str) -> Self {
        let mut lines = text.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty());
        Self {
            method: line().unwrap_or_default(),
            url: line().unwrap_or_default(),
            origin: line(),
            cookie: line(),
            authorization: line(),
            client_ip: line().and_then(|ip| ip.parse().ok()),
            range: line(),
            conditions: core::array::from_fn(|_| line()),
        }
    }
}

/// What comes of a request.
pub(crate) enum Decision {
    /// It is answered here and now.
    Answer(Answer, LogEntry),
    /// Its media is served. The status of the entry is that of the response, later.
    Serve(Delivery, LogEntry),
}

/// Decides on one request at `now`.
///
/// 0. a configuration with a fault serves nothing - 503 `misconfigured`
/// 1. OPTIONS is answered before any check, as a preflight carries no token - 204
/// 2. methods other than GET and HEAD - 405 `method_not_allowed`
/// 3. public paths are served without a token
/// 4. the core's checks - 401 `missing`, 403 all others
///
/// `country` is asked for the client's country where a token may be bound to some: the runtime makes what
/// it knows of a client into an object when it is first touched, and most tokens need none of it.
pub(crate) fn decide(
    config: &Result<Config, Broken>,
    asked: &RequestParts<'_>,
    now: u64,
    country: impl FnOnce() -> Option<String>,
) -> Decision {
    let method = log::method_name(asked.method);
    let line = LogEntry { decision: "deny", method, ..LogEntry::default() };
    // 0
    let config = match config {
        Ok(config) => config,
        Err(broken) => {
            let cors = broken.origins.headers(asked.origin);
            return problem(Problem::Misconfigured, cors, LogEntry { decision: "error", ..line });
        }
    };
    // 1
    if method == "OPTIONS" {
        let answer =
            Answer { status: 204, headers: config.origins.preflight(asked.origin), body: None };
        return Decision::Answer(answer, LogEntry { decision: "preflight", status: 204, ..line });
    }
    let cors = config.cors(asked.origin);
    // 2
    if !matches!(method, "GET" | "HEAD") {
        return problem(Problem::MethodNotAllowed, cors, line);
    }
    let media = Delivery {
        path: String::new(),
        query: None,
        head: method == "HEAD",
        now,
        expires: None,
        disposition: None,
        cookie: None,
        cors,
        rewriting: None,
        redirect: None,
    };
    // 3
    if let Some((path, query)) = public(config, asked.url) {
        let line = LogEntry { decision: "public", scope: Some(log::path_of(&path)), ..line };
        return Decision::Serve(Delivery { path, query, ..media }, line);
    }
    // 4
    let mut request = Request::new(asked.url);
    request.cookie = asked.cookie;
    request.authorization = asked.authorization;
    request.client_ip = asked.client_ip;
    let (verifier, now) = (config.verifier(), UnixTime::from_secs(now));
    let mut texts = [Some(asked.url), asked.cookie, asked.authorization].into_iter().flatten();
    let may_name = |text| verifier.rules.formats().any(|format| format.may_name_countries(text));
    let country = texts.any(may_name).then(country).flatten();
    // XX is the edge's word for a country that it does not know.
    request.client_country = country.as_deref().filter(|known| *known != "XX");
    match verifier.judge(&request, now) {
        Ok(verified) => {
            let line = LogEntry {
                decision: "allow",
                kid: Some(verified.kid().to_string()),
                scope: Some(log::path_of(&verified.scope().to_string())),
                placement: Some(verified.placement().name()),
                ..line
            };
            let path = verified.path();
            let may_be_manifest = object::may_be_manifest(&path.to_cow());
            // Whether the store has a manifest all the same, which would be rewritten, it says later.
            let is_rewritten = may_be_manifest && verified.grant().directory().is_some();
            let is_file = !is_rewritten && !path.is_manifest();
            let redirect = is_file.then(|| verifier.lasting_address(&verified, now)).flatten();
            if let Some((location, expires)) = redirect {
                let redirect = Redirect { location, expires: expires.as_secs() };
                let answer = redirect.answer(media.now, media.cors);
                return Decision::Answer(answer, LogEntry { status: 302, ..line });
            }
            let media = admitted(media, config, asked, &verifier, &verified, may_be_manifest);
            Decision::Serve(media, line)
        }
        // What the token says, proved or not: an operator looks for the key that is missing.
        Err(Denied { refusal, token, .. }) => {
            let added = refusal == ParseError::UnsignedParameter.into();
            let added = added.then(|| verifier.added_params(&request, now).find_map(log::param));
            let line = LogEntry {
                param: added.flatten(),
                kid: token.as_ref().and_then(|token| log::kid(verifier.ring, token.kid()?)),
                scope: token.as_ref().map(|token| log::path_of(&token.scope().to_string())),
                placement: token.map(|token| token.located.placement.name()),
                ..line
            };
            problem(Problem::Refused(refusal), media.cors, line)
        }
    }
}

fn admitted(
    media: Delivery,
    config: &Config,
    asked: &RequestParts<'_>,
    verifier: &Verifier<'_>,
    verified: &Verified<'_>,
    may_be_manifest: bool,
) -> Delivery {
    let now = UnixTime::from_secs(media.now);
    let carrier = may_be_manifest.then(|| Carrier::new(verifier, verified, now)).flatten();
    let redirect = carrier.as_ref().and_then(|carrier| redirect(carrier, verified));
    let rewriting = carrier.map(|carrier| {
        let carrier = carrier.public_paths(config.public.clone());
        Box::new(Rewriting { carrier, max_bytes: config.max_manifest_bytes })
    });
    let mut media = Delivery {
        path: verified.path().to_string(),
        query: verified.clean_query(config.forward_params(may_be_manifest)),
        expires: Some(verified.expires().as_secs()),
        disposition: verified.grant().download().map(disposition::of),
        rewriting,
        redirect,
        ..media
    };
    if config.set_cookie
        && verified.placement() != Placement::Cookie
        && verified.grant().directory().is_some()
    {
        media.cookie = cookie(&media, asked, verified);
    }
    media
}

/// Where a file is to be found for as long as its link says with `run`, should what may be a manifest be a file.
/// Manifests need no such address: those in them last.
///
/// A link that lasts longer anyway stays as it is. From a cookie or the `Authorization` header there is
/// none: what a client sends there it sends again, and an address with a token beside that would have two.
fn redirect(carrier: &Carrier, verified: &Verified<'_>) -> Option<Box<Redirect>> {
    let expires = carrier.expires();
    if !carrier.exchanged || verified.path().is_manifest() || expires <= verified.grant().expires()
    {
        return None;
    }
    let location = verified.address_with(carrier.token())?;
    Some(Box::new(Redirect { location, expires: expires.as_secs() }))
}

/// The cookie that hands the token over, or the one that it was exchanged for.
fn cookie(media: &Delivery, asked: &RequestParts<'_>, verified: &Verified<'_>) -> Option<String> {
    // What may turn out to be no manifest starts no playback.
    let rewriting = media.rewriting.as_deref().filter(|_| verified.path().is_manifest());
    let (token, expires) = match rewriting {
        Some(Rewriting { carrier, .. }) => (Cow::from(carrier.token()), carrier.expires()),
        None => (verified.named_token().into(), verified.expires()),
    };
    let header = asked.cookie.unwrap_or_default();
    if header.split(';').any(|pair| pair.trim() == &*token) {
        return None;
    }
    let secs = expires.as_secs().saturating_sub(media.now);
    cookie::set_cookie(&token, &verified.scope().to_string(), secs)
}

/// The canonical path of a URL that needs no token, and what of its query travels on.
fn public(config: &Config, url: &str) -> Option<(String, Option<String>)> {
    if config.public.is_empty() {
        return None;
    }
    let target = Target::parse(url).ok()?;
    let path = CanonicalPath::parse(target.path).ok()?.to_cow();
    // What carries a token in its path is verified: its extension is not that of a public file.
    if is_signed(config.verifier().rules.names(), &path, None) {
        return None;
    }
    if !config.public.contains(&path) {
        return None;
    }
    let forward = config.forward_params(object::may_be_manifest(&path));
    let kept = target.query.unwrap_or_default().split('&').filter(|param| forward.has(param));
    Some((path.into_owned(), joined(kept)))
}

fn problem(problem: Problem, cors: Headers, line: LogEntry) -> Decision {
    let (reason, field, status) = (Some(problem.reason()), problem.field(), problem.status());
    let head = line.method == "HEAD";
    let answer = Answer::problem_about(line.param.as_deref(), problem, head, cors);
    Decision::Answer(answer, LogEntry { reason, field, status, ..line })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyRing;
    use crate::sign::{Link, Signer};
    use crate::worker::config::{Binding, Variables};
    use alloc::format;
    use alloc::vec::Vec;

    const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const FILM: &str = "https://cdn.example.com/videos/42/film.mp4?pg=1&exp=1767225600&kid=main\
                        &sig=REksvdGhg_BiP3UrQfvCau3yJDie26YKJonKWbyzAes";
    const NOW: u64 = 1_767_225_000;

    fn variables() -> Variables {
        Variables {
            allow_origins: Some("https://www.example.com".into()),
            media: Binding::Right,
            playgate_keys: Some(KEYS.into()),
            public: Some("/public".into()),
            forward_params: Some("v".into()),
            ..Variables::default()
        }
    }

    fn asked<'a>(method: &'a str, url: &'a str) -> RequestParts<'a> {
        RequestParts {
            method,
            url,
            origin: Some("https://www.example.com"),
            ..RequestParts::default()
        }
    }

    #[track_caller]
    fn answered(variables: &Variables, asked: RequestParts<'_>, status: u16, reason: Option<&str>) {
        let decision = decide(&Config::read(variables), &asked, NOW, || None);
        let Decision::Answer(answer, line) = decision else { panic!("served") };
        assert_eq!((answer.status, line.status), (status, status));
        assert_eq!(line.reason, reason);
        let sent = answer.headers.iter().find(|(name, _)| *name == "Playgate-Reason");
        assert_eq!(sent.map(|(_, value)| value.as_ref()), reason);
        assert!(answer.headers.iter().any(|(name, _)| *name == "Access-Control-Allow-Origin"));
    }

    #[track_caller]
    fn served(asked: RequestParts<'_>) -> (Delivery, LogEntry) {
        match decide(&Config::read(&variables()), &asked, NOW, || None) {
            Decision::Serve(media, line) => (media, line),
            Decision::Answer(answer, _) => panic!("answered {answer:?}"),
        }
    }

    #[test]
    fn each_part_is_a_line() {
        let asked = RequestParts::parse(
            "GET\nhttps://a/\n\npg=1\nBearer x\n2001:db8::1\nbytes=1-\n\"a\"\n\nb\n\nc",
        );
        assert_eq!(asked.range, Some("bytes=1-"));
        assert_eq!(asked.conditions, [Some("\"a\""), None, Some("b"), None, Some("c")]);
        assert_eq!((asked.method, asked.url, asked.origin), ("GET", "https://a/", None));
        assert_eq!((asked.cookie, asked.authorization), (Some("pg=1"), Some("Bearer x")));
        assert_eq!(asked.client_ip, "2001:db8::1".parse().ok());
        let asked = RequestParts::parse("GET\nhttps://a/\n\n\n\nnowhere");
        assert_eq!((asked.client_ip, asked.range, asked.conditions), (None, None, [None; 5]));
    }

    #[test]
    fn an_added_parameter_is_named() {
        let in_path = {
            let (base, token) = FILM.split_once('?').unwrap();
            base.replace(".com/", &format!(".com/{token}/"))
        };
        for url in [
            format!("{FILM}&utm_source=mail"),
            FILM.replace("?pg", "?utm_source=mail&pg"),
            format!("{in_path}?utm_source=mail"),
        ] {
            let config = Config::read(&variables());
            let decision = decide(&config, &asked("GET", &url), NOW, || None);
            let Decision::Answer(answer, line) = decision else { panic!("served") };
            assert_eq!(
                (line.reason, line.param.as_deref()),
                (Some("unsigned_parameter"), Some("utm_source"))
            );
            assert!(answer.body.unwrap().contains(r#""param":"utm_source""#), "{url}");
        }
    }

    #[test]
    fn configuration_comes_before_all() {
        let broken = Variables { playgate_keys: None, ..variables() };
        for method in ["OPTIONS", "GET", "POST"] {
            answered(&broken, asked(method, FILM), 503, Some("misconfigured"));
        }
    }

    #[test]
    fn options_come_before_the_token() {
        answered(&variables(), asked("OPTIONS", "https://cdn.example.com//"), 204, None);
    }

    #[test]
    fn methods_come_before_the_token() {
        for method in ["POST", "PUT", "DELETE", "BREW", "get", ""] {
            answered(&variables(), asked(method, FILM), 405, Some("method_not_allowed"));
        }
    }

    #[test]
    fn public_paths_need_no_token() {
        let (media, line) =
            served(asked("GET", "https://cdn.example.com/public/%61.txt?v=1&w=2&v=3"));
        assert_eq!(
            (media.path.as_str(), media.query.as_deref()),
            ("/public/a.txt", Some("v=1&v=3"))
        );
        assert_eq!((media.expires, line.decision), (None, "public"));
        for url in [
            "https://cdn.example.com/public-not/a.txt",
            "https://cdn.example.com/public/../videos/42/film.mp4",
            "https://cdn.example.com/public%2Fa.txt",
            "https://cdn.example.com/videos/public/a.txt",
        ] {
            answered(&variables(), asked("GET", url), 401, Some("missing"));
        }
    }

    #[test]
    fn admitted_media_is_what_was_verified() {
        let (media, line) = served(asked("HEAD", FILM));
        assert_eq!((media.path.as_str(), media.query), ("/videos/42/film.mp4", None));
        assert!(media.head);
        assert_eq!(media.expires, Some(1_767_225_600));
        assert_eq!(line.kid.as_deref(), Some("main"));
        assert_eq!((line.placement, line.decision), (Some("query"), "allow"));
    }

    #[test]
    fn refusals_keep_their_reason() {
        answered(&variables(), asked("GET", "https://cdn.example.com/"), 401, Some("missing"));
        answered(
            &variables(),
            asked("GET", &FILM.replace("film", "flim")),
            403,
            Some("bad_signature"),
        );
    }

    #[test]
    fn a_refusal_is_logged_with_what_the_token_says() {
        let gone = FILM.replace("kid=main", "kid=gone");
        let decision = decide(&Config::read(&variables()), &asked("GET", &gone), NOW, || None);
        let Decision::Answer(_, line) = decision else { panic!("served") };
        assert_eq!((line.reason, line.kid.as_deref()), (Some("unknown_key"), Some("gone")));
        assert_eq!(line.scope.as_deref(), Some("/videos/42/film.mp4"));
    }

    #[test]
    fn the_country_is_asked_for_where_a_token_is_bound_to_some() {
        let reason = |url: &str, country: fn() -> Option<String>| match decide(
            &Config::read(&variables()),
            &asked("GET", url),
            NOW,
            country,
        ) {
            Decision::Answer(_, line) => line.reason,
            Decision::Serve(..) => None,
        };
        let bound = "https://cdn.example.com/videos/42/film.mp4?pg=1&exp=1767225600&kid=main\
                     &cc=PT.ES&sig=lT7PvnxBAKbdHynWgV8Abto4MwwEh5pQ2e9Stu_3KfM";
        assert_eq!(reason(FILM, || panic!("asked")), None);
        let other = FILM.replace("film", "flim");
        assert_eq!(reason(&other, || panic!("asked")), Some("bad_signature"));
        assert_eq!(reason(bound, || Some("PT".into())), None);
        for other in [|| None, || Some("XX".to_string()), || Some("FR".to_string())] {
            assert_eq!(reason(bound, other), Some("wrong_country"));
        }
    }

    #[test]
    fn of_several_cookies_one_that_is_bound_to_the_country_counts() {
        let ring = KeyRing::parse(KEYS).unwrap();
        let now = UnixTime::from_secs(NOW);
        let signer = Signer::new(ring);
        let link = || signer.link("https://cdn.example.com/videos/42/film.mp4").directory(2);
        let bound = link().countries("PT").sign(now).unwrap();
        let elsewhere = link().network("203.0.113.0/24".parse().unwrap()).sign(now).unwrap();
        let preview = link().preview(30).sign(now).unwrap();
        let reason = |cookies: &[&Link], country: fn() -> Option<String>| {
            let cookie = cookies.iter().map(|link| link.token()).collect::<Vec<_>>().join("; ");
            let asked = RequestParts {
                cookie: Some(&cookie),
                ..asked("GET", "https://h/videos/42/film.mp4")
            };
            match decide(&Config::read(&variables()), &asked, NOW, country) {
                Decision::Answer(_, line) => line.reason,
                Decision::Serve(..) => None,
            }
        };
        let here: fn() -> Option<String> = || Some("PT".into());
        for cookies in [
            &[&bound][..],
            &[&bound, &elsewhere],
            &[&elsewhere, &bound],
            &[&preview, &bound],
            &[&preview, &elsewhere, &bound],
        ] {
            assert_eq!(reason(cookies, here), None);
            assert!(reason(cookies, || Some("FR".into())).is_some());
        }
        assert_eq!(reason(&[&elsewhere], || panic!("asked")), Some("wrong_network"));
    }

    /// Where a file is redirected to, at once or once the store has said that it is no manifest.
    #[test]
    fn a_file_with_run_is_redirected_where_its_link_would_end_earlier() {
        let now = UnixTime::from_secs(NOW);
        let signer = Signer::new(KeyRing::parse(KEYS).unwrap());
        let redirect = |file: &str, n: Option<u8>, in_path: bool, run: u64, bearer: bool| {
            let url = format!("https://cdn.example.com/videos/42/{file}");
            let link = signer.link(&url).run(run);
            let link = n.map_or(link.clone().exact(), |n| link.directory(n));
            let link = if in_path { link.in_path() } else { link.in_query() }.sign(now).unwrap();
            let header = format!("Bearer {}", link.token());
            let url = if bearer { url.as_str() } else { link.as_str() };
            let asked =
                RequestParts { authorization: bearer.then_some(&*header), ..asked("GET", url) };
            match decide(&Config::read(&variables()), &asked, NOW, || panic!("asked")) {
                Decision::Answer(Answer { status: 302, headers, .. }, _) => {
                    let location = headers.iter().find(|(name, _)| *name == "Location");
                    (true, location.map(|(_, value)| value.to_string()))
                }
                Decision::Answer(answer, _) => panic!("{answer:?}"),
                Decision::Serve(media, _) => (false, media.redirect.map(|to| to.location)),
            }
        };
        for (file, n, at_once) in [
            ("a.mp4", None, true),
            ("a.mp4", Some(2), true),
            ("a", None, true),
            ("a", Some(2), false),
        ] {
            for in_path in [false, true] {
                let (is_answer, location) = redirect(file, n, in_path, 14_400, false);
                let location = location.unwrap();
                assert_eq!(is_answer, at_once, "{location}");
                let start = if in_path { "/pg=1&exp=" } else { "/videos/42/a" };
                assert!(location.starts_with(start), "{location}");
                assert!(location.contains("pg=1&exp=1767239400&kid=main&"), "{location}");
                assert_eq!(redirect(file, n, in_path, 600, false), (false, None));
            }
            assert_eq!(redirect(file, n, true, 14_400, true), (false, None), "{file}");
        }
        for in_path in [false, true] {
            assert_eq!(redirect("a.mpd", None, in_path, 14_400, false), (false, None));
            assert_eq!(redirect("a.mpd", Some(2), in_path, 14_400, false), (false, None));
        }
    }

    #[test]
    fn no_line_of_the_log_has_the_token() {
        for url in [FILM.to_string(), FILM.replace("film", "flim"), FILM.replace("exp=1", "exp=x")]
        {
            let asked = asked("GET", &url);
            let line = match decide(&Config::read(&variables()), &asked, NOW, || None) {
                Decision::Answer(_, line) | Decision::Serve(_, line) => line.to_json(),
            };
            assert!(!line.contains("REksvd") && !line.contains("cdn.example.com"), "{line}");
        }
    }

    const JWTS: [&str; 2] = ["jwt", "native,jwt"];
    const CLIP: &str = "https://cdn.example.com/videos/42/1.ts";

    fn jwts(formats: &str) -> Variables {
        Variables {
            formats: Some(formats.into()),
            jwt_path: Some("/videos/{vid}/".into()),
            public_extensions: Some("ts".into()),
            set_cookie: Some("true".into()),
            ..variables()
        }
    }

    /// A JWT by the first key for ten minutes, with these parts of a header and a payload.
    fn jwt(header: &str, payload: &str) -> String {
        use base64ct::{Base64UrlUnpadded, Encoding as _};
        let part = |json: String| Base64UrlUnpadded::encode_string(json.as_bytes());
        let header = part(format!(r#"{{"alg":"HS256"{header}}}"#));
        let payload = part(format!(r#"{{"vid":"42","exp":1767225600{payload}}}"#));
        let signed = [header, payload].join(".");
        let ring = crate::key::KeyRing::parse(KEYS).unwrap();
        let mut mac = ring.serving("native").next().unwrap().key.mac().start();
        mac.update(&signed);
        let mut token = signed + ".";
        mac.finish().push_to(&mut token);
        token
    }

    fn decided(variables: &Variables, url: &str) -> (Option<Delivery>, LogEntry) {
        match decide(&Config::read(variables), &asked("GET", url), NOW, || None) {
            Decision::Serve(media, line) => (Some(media), line),
            Decision::Answer(_, line) => (None, line),
        }
    }

    #[test]
    fn a_path_with_a_jwt_is_verified_whatever_its_extension() {
        let in_path = |token: &str| CLIP.replace(".com", &format!(".com/token={token}"));
        for formats in JWTS {
            let (media, line) = decided(&jwts(formats), &in_path(&jwt("", "")));
            assert_eq!(media.unwrap().path, "/videos/42/1.ts");
            assert_eq!((line.decision, line.placement), ("allow", Some("path")));
            for token in ["", "x", "eyJ9.e30.x"] {
                let (media, line) = decided(&jwts(formats), &in_path(token));
                assert!(media.is_none() && line.reason == Some("malformed"), "{token}");
            }
        }
        let native = Variables { formats: None, jwt_path: None, ..jwts("") };
        let (media, line) = decided(&native, &in_path("x"));
        assert_eq!(media.unwrap().path, "/token=x/videos/42/1.ts");
        assert_eq!((line.decision, line.placement), ("public", None));
    }

    #[test]
    fn a_refused_jwt_says_its_key_where_that_could_be_one() {
        let said = |kid: &str| {
            let kid = serde_json::to_string(kid).unwrap();
            let token = jwt(&format!(r#","kid":{kid}"#), "");
            let url = CLIP.replace(".com", &format!(".com/token={token}"));
            let (_, line) = decided(&jwts("jwt"), &url);
            assert_eq!((line.reason, line.placement), (Some("unknown_key"), Some("path")));
            assert_eq!(line.scope.as_deref(), Some("/videos/42/"));
            assert!(!line.to_json().contains(&token), "{}", line.to_json());
            line.kid
        };
        assert_eq!(said("gone").as_deref(), Some("gone"));
        for kid in ["", "a\"b", "a\nb", "a b", "\u{e9}", "\",\"decision\":\"allow", &jwt("", "")] {
            assert_eq!(said(kid), None, "{kid}");
        }
    }

    #[test]
    fn a_jwt_is_handed_over_as_a_cookie_that_browsers_keep() {
        let set = |payload: &str| {
            let token = jwt("", payload);
            let variables = Variables { public_extensions: None, ..jwts("jwt") };
            let (media, _) = decided(&variables, &format!("{CLIP}?token={token}"));
            let cookie = media.unwrap().cookie;
            assert!(cookie.as_ref().is_none_or(|set| set.starts_with(&format!("token={token}; "))));
            cookie
        };
        assert!(set("").unwrap().contains("; Path=/videos/42/; "));
        assert!(set(&format!(r#","fill":"{}""#, "x".repeat(2700))).is_some());
        assert!(set(&format!(r#","fill":"{}""#, "x".repeat(2950))).is_none());
    }
}
