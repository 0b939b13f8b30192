//! The decision on one request, without a wait.

use std::borrow::Cow;

use playgate::{
    CanonicalPath, ParseError, Placement, Request, UnixTime, Verified, Verifier, cookie,
    query::joined,
};
use playgate_manifest::Rewriter;

use crate::answer::{Answer, Headers, Problem};
use crate::config::{Broken, Config};
use crate::delivery::{Delivery, Rewriting};
use crate::disposition;
use crate::log::{self, LogEntry};
use crate::object;
use crate::plan::{Next, Plan, Response};
use crate::redirect::Redirect;
use crate::request::RequestParts;

/// What comes of a request.
#[derive(Debug)]
pub enum Decision {
    /// It is answered at once.
    Respond(Response, LogEntry),
    /// Its delivery is served, and this is what to do first.
    Serve(Box<Plan>, Next),
}

/// Decides on one request at `now`.
///
/// 0. a configuration with a fault serves nothing - 503 `misconfigured`
/// 1. OPTIONS is answered before any check, as a preflight carries no token - 204
/// 2. methods other than GET and HEAD - 405 `method_not_allowed`
/// 3. public paths are served without a token
/// 4. the core's checks - 401 `missing`, 403 all others
///
/// `country` is parts for the client's country where a token may be bound to some: the runtime makes what
/// it knows of a client into an object when it is first touched, and most tokens need none of it.
pub fn decide(
    config: &Result<Config, Broken>,
    parts: &RequestParts<'_>,
    now: u64,
    country: impl FnOnce() -> Option<String>,
) -> Decision {
    let method = log::method_name(parts.method);
    let entry = LogEntry { decision: "deny", method, ..LogEntry::default() };
    // 0
    let config = match config {
        Ok(config) => config,
        Err(broken) => {
            let cors = broken.origins.headers(parts.origin);
            return problem(Problem::Misconfigured, cors, LogEntry { decision: "error", ..entry });
        }
    };
    // 1
    if method == "OPTIONS" {
        let answer =
            Answer { status: 204, headers: config.origins.preflight(parts.origin), body: None };
        let entry = LogEntry { decision: "preflight", status: 204, ..entry };
        return Decision::Respond(answer.into(), entry);
    }
    let cors = config.cors(parts.origin);
    // 2
    if !matches!(method, "GET" | "HEAD") {
        return problem(Problem::MethodNotAllowed, cors, entry);
    }
    let delivery = Delivery {
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
    if let Some((path, query)) = public(config, parts.url) {
        let entry = LogEntry { decision: "public", scope: Some(log::path_of(&path)), ..entry };
        return serve(config, Delivery { path, query, ..delivery }, parts, entry);
    }
    // 4
    let mut request = Request::new(parts.url);
    request.cookie = parts.cookie;
    request.authorization = parts.authorization;
    request.client_ip = parts.client_ip;
    let (verifier, now) = (config.verifier(), UnixTime::from_secs(now));
    let mut texts = [Some(parts.url), parts.cookie, parts.authorization].into_iter().flatten();
    let country = texts.any(|text| verifier.may_name_countries(text)).then(country).flatten();
    // XX is the edge's word for a country that it does not know.
    request.client_country = country.as_deref().filter(|known| *known != "XX");
    match verifier.decide(&request, now) {
        Ok(verified) => {
            let entry = LogEntry {
                decision: "allow",
                kid: Some(verified.kid().to_string()),
                scope: Some(log::path_of(&verified.scope().to_string())),
                placement: Some(verified.placement().name()),
                ..entry
            };
            let path = verified.path();
            let may_be_manifest = object::may_be_manifest(&path.to_cow());
            // Whether the store has a manifest all the same, which would be rewritten, it says later.
            let is_rewritten = may_be_manifest && verified.grant().directory().is_some();
            let is_file = !is_rewritten && !path.is_manifest();
            let redirect = is_file.then(|| verifier.lasting_address(&verified, now)).flatten();
            if let Some((location, expires)) = redirect {
                let redirect = Redirect { location, expires: expires.as_secs() };
                let answer = redirect.answer(delivery.now, delivery.cors);
                return Decision::Respond(answer.into(), LogEntry { status: 302, ..entry });
            }
            let delivery = admitted(delivery, config, parts, &verifier, &verified, may_be_manifest);
            serve(config, delivery, parts, entry)
        }
        // What the token says, proved or not: an operator looks for the key that is missing.
        Err(denied) => {
            let refusal = denied.refusal();
            let added = refusal == ParseError::UnsignedParameter.into();
            let added = added.then(|| verifier.added_params(&request, now).find_map(log::param));
            let entry = LogEntry {
                param: added.flatten(),
                kid: denied.untrusted_kid().and_then(|kid| log::kid(&config.ring, kid)),
                scope: denied.untrusted_scope().map(|scope| log::path_of(&scope.to_string())),
                placement: denied.placement().map(Placement::name),
                ..entry
            };
            problem(Problem::Refused(refusal), delivery.cors, entry)
        }
    }
}

fn serve(
    config: &Config,
    delivery: Delivery,
    parts: &RequestParts<'_>,
    entry: LogEntry,
) -> Decision {
    let (plan, next) = Plan::start(config, delivery, parts, entry);
    Decision::Serve(Box::new(plan), next)
}

fn admitted(
    delivery: Delivery,
    config: &Config,
    parts: &RequestParts<'_>,
    verifier: &Verifier<'_>,
    verified: &Verified<'_>,
    may_be_manifest: bool,
) -> Delivery {
    let now = UnixTime::from_secs(delivery.now);
    let rewriter = may_be_manifest.then(|| Rewriter::new(verifier, verified, now)).flatten();
    let redirect = rewriter.as_ref().and_then(|rewriter| redirect(rewriter, verified));
    let rewriting = rewriter.map(|rewriter| {
        let rewriter = rewriter.public_paths(config.public.clone());
        Box::new(Rewriting { rewriter, max_bytes: config.max_manifest_bytes })
    });
    let mut delivery = Delivery {
        path: verified.path().to_string(),
        query: verified.clean_query(config.forward_params(may_be_manifest)),
        expires: Some(verified.expires().as_secs()),
        disposition: verified.grant().download().map(disposition::of),
        rewriting,
        redirect,
        ..delivery
    };
    if config.set_cookie
        && verified.placement() != Placement::Cookie
        && verified.grant().directory().is_some()
    {
        delivery.cookie = cookie(&delivery, parts, verifier, verified);
    }
    delivery
}

/// Where a file is to be found for as long as its link says with `run`, should what may be a manifest be a file.
/// Manifests need no such address: those in them last.
///
/// A link that lasts longer anyway stays as it is. From a cookie or the `Authorization` header there is
/// none: what a client sends there it sends again, and an address with a token beside that would have two.
fn redirect(rewriter: &Rewriter, verified: &Verified<'_>) -> Option<Box<Redirect>> {
    let expires = rewriter.expires();
    if !rewriter.is_exchanged()
        || verified.path().is_manifest()
        || expires <= verified.grant().expires()
    {
        return None;
    }
    let location = verified.address_with(rewriter.token())?;
    Some(Box::new(Redirect { location, expires: expires.as_secs() }))
}

/// The cookie that hands the token over, or the one that it was exchanged for.
fn cookie(
    delivery: &Delivery,
    parts: &RequestParts<'_>,
    verifier: &Verifier<'_>,
    verified: &Verified<'_>,
) -> Option<String> {
    // What may turn out to be no manifest starts no playback.
    let rewriting = delivery.rewriting.as_deref().filter(|_| verified.path().is_manifest());
    let (token, expires) = match rewriting {
        Some(Rewriting { rewriter, .. }) => (Cow::from(rewriter.token()), rewriter.expires()),
        None => (verifier.named_token(verified)?.into(), verified.expires()),
    };
    let header = parts.cookie.unwrap_or_default();
    if header.split(';').any(|pair| pair.trim() == &*token) {
        return None;
    }
    let secs = expires.as_secs().saturating_sub(delivery.now);
    cookie::set_cookie(&token, &verified.scope().to_string(), secs)
}

/// The canonical path of a URL that needs no token, and what of its query travels on.
fn public(config: &Config, url: &str) -> Option<(String, Option<String>)> {
    if config.public.is_empty() {
        return None;
    }
    let (path, query) = Request::new(url).path_and_query().ok()?;
    let path = CanonicalPath::parse(path).ok()?.to_cow();
    // What carries a token in its path is verified: its extension is not that of a public file.
    if config.verifier().token_names().are_in(&path, None) {
        return None;
    }
    if !config.public.contains(&path) {
        return None;
    }
    let forward = config.forward_params(object::may_be_manifest(&path));
    let kept = query.unwrap_or_default().split('&').filter(|param| forward.has(param));
    Some((path.into_owned(), joined(kept)))
}

fn problem(problem: Problem, cors: Headers, entry: LogEntry) -> Decision {
    let (reason, field, status) = (Some(problem.reason()), problem.field(), problem.status());
    let head = entry.method == "HEAD";
    let answer = Answer::problem_about(entry.param.as_deref(), problem, head, cors);
    Decision::Respond(answer.into(), LogEntry { reason, field, status, ..entry })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Binding, Variables};
    use crate::plan::Body;
    use playgate::KeyRing;
    use playgate::{Link, Signer};

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

    fn parts<'a>(method: &'a str, url: &'a str) -> RequestParts<'a> {
        RequestParts {
            method,
            url,
            origin: Some("https://www.example.com"),
            ..RequestParts::default()
        }
    }

    #[track_caller]
    fn answered(variables: &Variables, parts: RequestParts<'_>, status: u16, reason: Option<&str>) {
        let decision = decide(&Config::read(variables), &parts, NOW, || None);
        let Decision::Respond(answer, entry) = decision else { panic!("served") };
        assert_eq!((answer.status, entry.status), (status, status));
        assert_eq!(entry.reason, reason);
        let sent = answer.headers.iter().find(|(name, _)| *name == "Playgate-Reason");
        assert_eq!(sent.map(|(_, value)| value.as_ref()), reason);
        assert!(answer.headers.iter().any(|(name, _)| *name == "Access-Control-Allow-Origin"));
    }

    #[track_caller]
    fn served(parts: RequestParts<'_>) -> (Delivery, LogEntry) {
        match decide(&Config::read(&variables()), &parts, NOW, || None) {
            Decision::Serve(plan, _) => (plan.delivery.clone(), plan.entry().clone()),
            Decision::Respond(answer, _) => panic!("answered {answer:?}"),
        }
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
            let decision = decide(&config, &parts("GET", &url), NOW, || None);
            let Decision::Respond(answer, entry) = decision else { panic!("served") };
            assert_eq!(
                (entry.reason, entry.param.as_deref()),
                (Some("unsigned_parameter"), Some("utm_source"))
            );
            let Body::Text(body) = answer.body else { panic!("no body") };
            assert!(body.contains(r#""param":"utm_source""#), "{url}");
        }
    }

    #[test]
    fn configuration_comes_before_all() {
        let broken = Variables { playgate_keys: None, ..variables() };
        for method in ["OPTIONS", "GET", "POST"] {
            answered(&broken, parts(method, FILM), 503, Some("misconfigured"));
        }
    }

    #[test]
    fn options_come_before_the_token() {
        answered(&variables(), parts("OPTIONS", "https://cdn.example.com//"), 204, None);
    }

    #[test]
    fn methods_come_before_the_token() {
        for method in ["POST", "PUT", "DELETE", "BREW", "get", ""] {
            answered(&variables(), parts(method, FILM), 405, Some("method_not_allowed"));
        }
    }

    #[test]
    fn public_paths_need_no_token() {
        let (delivery, entry) =
            served(parts("GET", "https://cdn.example.com/public/%61.txt?v=1&w=2&v=3"));
        assert_eq!(
            (delivery.path.as_str(), delivery.query.as_deref()),
            ("/public/a.txt", Some("v=1&v=3"))
        );
        assert_eq!((delivery.expires, entry.decision), (None, "public"));
        for url in [
            "https://cdn.example.com/public-not/a.txt",
            "https://cdn.example.com/public/../videos/42/film.mp4",
            "https://cdn.example.com/public%2Fa.txt",
            "https://cdn.example.com/videos/public/a.txt",
        ] {
            answered(&variables(), parts("GET", url), 401, Some("missing"));
        }
    }

    #[test]
    fn admitted_media_is_what_was_verified() {
        let (delivery, entry) = served(parts("HEAD", FILM));
        assert_eq!((delivery.path.as_str(), delivery.query), ("/videos/42/film.mp4", None));
        assert!(delivery.head);
        assert_eq!(delivery.expires, Some(1_767_225_600));
        assert_eq!(entry.kid.as_deref(), Some("main"));
        assert_eq!((entry.placement, entry.decision), (Some("query"), "allow"));
    }

    #[test]
    fn refusals_keep_their_reason() {
        answered(&variables(), parts("GET", "https://cdn.example.com/"), 401, Some("missing"));
        answered(
            &variables(),
            parts("GET", &FILM.replace("film", "flim")),
            403,
            Some("bad_signature"),
        );
    }

    #[test]
    fn a_refusal_is_logged_with_what_the_token_says() {
        let gone = FILM.replace("kid=main", "kid=gone");
        let decision = decide(&Config::read(&variables()), &parts("GET", &gone), NOW, || None);
        let Decision::Respond(_, entry) = decision else { panic!("served") };
        assert_eq!((entry.reason, entry.kid.as_deref()), (Some("unknown_key"), Some("gone")));
        assert_eq!(entry.scope.as_deref(), Some("/videos/42/film.mp4"));
    }

    #[test]
    fn the_country_is_asked_for_where_a_token_is_bound_to_some() {
        let reason = |url: &str, country: fn() -> Option<String>| match decide(
            &Config::read(&variables()),
            &parts("GET", url),
            NOW,
            country,
        ) {
            Decision::Respond(_, entry) => entry.reason,
            Decision::Serve(..) => None,
        };
        let bound = "https://cdn.example.com/videos/42/film.mp4?pg=1&exp=1767225600&kid=main\
                     &cc=PT.ES&sig=lT7PvnxBAKbdHynWgV8Abto4MwwEh5pQ2e9Stu_3KfM";
        assert_eq!(reason(FILM, || panic!("parts")), None);
        let other = FILM.replace("film", "flim");
        assert_eq!(reason(&other, || panic!("parts")), Some("bad_signature"));
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
            let parts = RequestParts {
                cookie: Some(&cookie),
                ..parts("GET", "https://h/videos/42/film.mp4")
            };
            match decide(&Config::read(&variables()), &parts, NOW, country) {
                Decision::Respond(_, entry) => entry.reason,
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
        assert_eq!(reason(&[&elsewhere], || panic!("parts")), Some("wrong_network"));
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
            let parts =
                RequestParts { authorization: bearer.then_some(&*header), ..parts("GET", url) };
            match decide(&Config::read(&variables()), &parts, NOW, || panic!("parts")) {
                Decision::Respond(Response { status: 302, headers, .. }, _) => {
                    let location = headers.iter().find(|(name, _)| *name == "Location");
                    (true, location.map(|(_, value)| value.to_string()))
                }
                Decision::Respond(answer, _) => panic!("{answer:?}"),
                Decision::Serve(plan, _) => (false, plan.delivery.redirect.map(|to| to.location)),
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
            let parts = parts("GET", &url);
            let entry = match decide(&Config::read(&variables()), &parts, NOW, || None) {
                Decision::Respond(_, entry) => entry.to_json(),
                Decision::Serve(plan, _) => plan.entry().to_json(),
            };
            assert!(!entry.contains("REksvd") && !entry.contains("cdn.example.com"), "{entry}");
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
        use hmac::{Hmac, KeyInit as _, Mac as _};
        use sha2::Sha256;
        let part = |json: String| Base64UrlUnpadded::encode_string(json.as_bytes());
        let header = part(format!(r#"{{"alg":"HS256"{header}}}"#));
        let payload = part(format!(r#"{{"vid":"42","exp":1767225600{payload}}}"#));
        let signed = [header, payload].join(".");
        let key = Base64UrlUnpadded::decode_vec(KEYS.split_once(':').unwrap().1).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(signed.as_bytes());
        [signed, Base64UrlUnpadded::encode_string(&mac.finalize().into_bytes())].join(".")
    }

    fn decided(variables: &Variables, url: &str) -> (Option<Delivery>, LogEntry) {
        match decide(&Config::read(variables), &parts("GET", url), NOW, || None) {
            Decision::Serve(plan, _) => (Some(plan.delivery.clone()), plan.entry().clone()),
            Decision::Respond(_, entry) => (None, entry),
        }
    }

    #[test]
    fn a_path_with_a_jwt_is_verified_whatever_its_extension() {
        let in_path = |token: &str| CLIP.replace(".com", &format!(".com/token={token}"));
        for formats in JWTS {
            let (delivery, entry) = decided(&jwts(formats), &in_path(&jwt("", "")));
            assert_eq!(delivery.unwrap().path, "/videos/42/1.ts");
            assert_eq!((entry.decision, entry.placement), ("allow", Some("path")));
            for token in ["", "x", "eyJ9.e30.x"] {
                let (delivery, entry) = decided(&jwts(formats), &in_path(token));
                assert!(delivery.is_none() && entry.reason == Some("malformed"), "{token}");
            }
        }
        let native = Variables { formats: None, jwt_path: None, ..jwts("") };
        let (delivery, entry) = decided(&native, &in_path("x"));
        assert_eq!(delivery.unwrap().path, "/token=x/videos/42/1.ts");
        assert_eq!((entry.decision, entry.placement), ("public", None));
    }

    #[test]
    fn a_refused_jwt_says_its_key_where_that_could_be_one() {
        let said = |kid: &str| {
            let kid = serde_json::to_string(kid).unwrap();
            let token = jwt(&format!(r#","kid":{kid}"#), "");
            let url = CLIP.replace(".com", &format!(".com/token={token}"));
            let (_, entry) = decided(&jwts("jwt"), &url);
            assert_eq!((entry.reason, entry.placement), (Some("unknown_key"), Some("path")));
            assert_eq!(entry.scope.as_deref(), Some("/videos/42/"));
            assert!(!entry.to_json().contains(&token), "{}", entry.to_json());
            entry.kid
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
            let (delivery, _) = decided(&variables, &format!("{CLIP}?token={token}"));
            let cookie = delivery.unwrap().cookie;
            assert!(cookie.as_ref().is_none_or(|set| set.starts_with(&format!("token={token}; "))));
            cookie
        };
        assert!(set("").unwrap().contains("; Path=/videos/42/; "));
        assert!(set(&format!(r#","fill":"{}""#, "x".repeat(2700))).is_some());
        assert!(set(&format!(r#","fill":"{}""#, "x".repeat(2950))).is_none());
    }
}
