//! The decision on one request. It is synchronous.

mod session;
mod token;

use core::time::Duration;

use playgate::{CanonicalPath, Request, query::joined};

use crate::answer::{Answer, Headers, Problem};
use crate::calls;
use crate::config::{Broken, Config, StateConfig};
use crate::delivery::Delivery;
use crate::denylist::Known;
use crate::log::{self, LogEntry};
use crate::memory::Memory;
use crate::object;
use crate::plan::{Next, Plan, Response};
use crate::record_request::{RecordRequest, Replies};
use crate::request::RequestParts;

/// The outcome for a request.
#[derive(Debug)]
pub enum Decision {
    /// The response is complete.
    Respond(Response, LogEntry),
    /// The plan serves the request; the second field is its first step. The third are commands to send in the
    /// background: that a playback runs, or that a session's token is in use.
    Serve(Box<Plan>, Next, Vec<RecordRequest>),
    /// The denylist must be asked first. Then decide again, with [`Replies::asked`].
    AskDenylist,
    /// A record must be asked first. Then decide again, with its answer.
    AskRecord(Box<RecordRequest>),
    /// One of the gate's own calls: [`read_call`](crate::read_call) reads it.
    Call,
}

/// The time of a decision, and what the gate knows then.
#[derive(Clone, Copy, Debug)]
pub struct Now<'a> {
    /// The time in Unix seconds.
    pub secs: u64,
    /// The same time in milliseconds.
    pub millis: u64,
    /// What the gate remembers of the deployment's state; `None` if it keeps none.
    pub memory: Option<&'a Memory>,
    /// What was asked for this request.
    pub replies: &'a Replies,
    /// Random bytes of the platform, for the ids of playbacks. Called only at a gate with state.
    pub random: fn() -> [u8; 16],
}

#[cfg(test)]
impl From<u64> for Now<'_> {
    /// A time in Unix seconds, at a gate that knows nothing of the denylist.
    fn from(secs: u64) -> Self {
        static NOTHING: Replies = Replies::NONE;
        Self {
            secs,
            millis: secs.saturating_mul(1000),
            memory: None,
            replies: &NOTHING,
            random: || [0; 16],
        }
    }
}

/// Decides on one request at `now`. The checks, in order:
///
/// 0. an invalid configuration serves nothing: 503 `misconfigured`; with state, paths under `/.playgate/` are
///    calls of the operator: 401 `unauthorized` without the secret; or the endpoints of sessions
/// 1. OPTIONS is answered before any check, because a preflight carries no token: 204
/// 2. methods other than GET and HEAD are refused: 405 `method_not_allowed`
/// 3. public paths are served without a token
/// 4. the core checks the token: 401 `missing`, 403 for all other refusals
///
/// `country` returns the client's country. It is called only if a token may be bound to countries: the
/// first access makes the runtime build an object with everything it knows about the client, and most
/// tokens do not need it.
pub fn decide<'n>(
    config: &Result<Config, Broken>,
    parts: &RequestParts<'_>,
    now: impl Into<Now<'n>>,
    country: impl FnOnce() -> Option<String>,
) -> Decision {
    let at = now.into();
    let now = at.secs;
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
    if let Some(state) = config.state()
        && calls::is_call(parts.url)
    {
        let endpoint = session::endpoint(parts.url).filter(|_| state.has_records);
        if let Some(endpoint) = endpoint {
            let call = session::SessionCall { config, state, at, parts, entry };
            return call.decide(endpoint);
        }
        return match calls::is_allowed(state, parts) {
            true => Decision::Call,
            false => problem(Problem::Unauthorized, Headers::new(), entry),
        };
    }
    // 1
    if method == "OPTIONS" {
        const METHODS: &str = "GET, HEAD, OPTIONS";
        let headers = config.origins.preflight(parts.origin, METHODS, METHODS);
        let answer = Answer { status: 204, headers, body: None };
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
        only_looks: false,
        viewer: None,
    };
    // 3
    if let Some((path, query)) = public(config, parts.url) {
        let entry = LogEntry { decision: "public", scope: Some(log::path_of(&path)), ..entry };
        return serve(config, Delivery { path, query, ..delivery }, parts, entry, Vec::new());
    }
    // 4
    token::Gated { config, at, delivery, entry }.decide(parts, country)
}

fn serve(
    config: &Config,
    delivery: Delivery,
    parts: &RequestParts<'_>,
    entry: LogEntry,
    reports: Vec<RecordRequest>,
) -> Decision {
    let (plan, next) = Plan::start(config, delivery, parts, entry);
    Decision::Serve(Box::new(plan), next, reports)
}

/// The canonical path of a public URL, and the part of its query that is forwarded.
fn public(config: &Config, url: &str) -> Option<(String, Option<String>)> {
    if config.public.is_empty() {
        return None;
    }
    let (path, query) = Request::new(url).path_and_query().ok()?;
    let path = CanonicalPath::parse(path).ok()?.to_cow();
    // A path that contains a token must be verified, whatever its extension.
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

/// What the gate knows of the deployment's revocations.
fn known<'a>(config: &Config, state: &StateConfig, at: Now<'a>) -> Known<'a> {
    Known {
        denylist: at.memory.map(|memory| &memory.denylist),
        freshness: state.freshness,
        now: at.millis,
        leeway: Duration::from_secs(config.leeway),
        asked: at.replies.asked,
        has_records: state.has_records,
    }
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
    use base64ct::{Base64UrlUnpadded, Encoding as _};
    use playgate::KeyRing;
    use playgate::UnixTime;
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
            Decision::Serve(plan, ..) => (plan.delivery.clone(), plan.entry().clone()),
            other => panic!("{other:?}"),
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

    const SECRET: &str = "0123456789abcdef";

    fn stateful() -> Variables {
        let admin_secret = Some(SECRET.into());
        Variables { denylist: Binding::Right, admin_secret, ..variables() }
    }

    /// The reason, or `None` if the request is served; `ask`, `ask a record` and `call` for the others.
    fn outcome(memory: &Memory, seconds: u64, asked: bool, url: &str) -> Option<&'static str> {
        let asked = asked.then_some(seconds * 1000);
        let mut replies = Replies::NONE;
        replies.asked = asked;
        let now = Now { memory: Some(memory), replies: &replies, ..Now::from(seconds) };
        match decide(&Config::read(&stateful()), &parts("GET", url), now, || None) {
            Decision::Respond(answer, entry) => {
                assert_eq!(answer.status == 503, entry.reason == Some("state_unavailable"));
                entry.reason
            }
            Decision::Serve(..) => None,
            Decision::AskDenylist => Some("ask"),
            Decision::AskRecord(_) => Some("ask a record"),
            Decision::Call => Some("call"),
        }
    }

    #[test]
    fn without_knowledge_the_denylist_is_asked_and_then_nothing_is_served() {
        let nothing = Memory::default();
        assert_eq!(outcome(&nothing, NOW, false, FILM), Some("ask"));
        assert_eq!(outcome(&nothing, NOW, true, FILM), Some("state_unavailable"));
        // Forged tokens make nobody ask.
        let forged = FILM.replace("REksvd", "XEksvd");
        assert_eq!(outcome(&nothing, NOW, false, &forged), Some("bad_signature"));
        assert_eq!(outcome(&nothing, NOW, false, "https://h/public/a.ts"), None);
        // A denylist that just failed is not asked by every request.
        let mut failed = Memory::default();
        failed.denylist.unanswered(NOW * 1000);
        assert_eq!(outcome(&failed, NOW, false, FILM), Some("state_unavailable"));
        assert_eq!(outcome(&failed, NOW + 1, false, FILM), Some("ask"));
    }

    #[test]
    fn the_operators_calls_need_the_secret() {
        let url = "https://cdn.example.com/.playgate/revocations?limit=1";
        fn call(
            method: &str,
            url: &str,
            authorization: Option<&str>,
        ) -> (u16, Option<&'static str>) {
            let parts = RequestParts { authorization, ..parts(method, url) };
            match decide(&Config::read(&stateful()), &parts, NOW, || None) {
                Decision::Call => (0, None),
                Decision::Respond(answer, entry) => (answer.status, entry.reason),
                other => panic!("{other:?}"),
            }
        }
        for method in ["GET", "POST", "DELETE", "OPTIONS", "PUT"] {
            let right = format!("Bearer {SECRET}");
            assert_eq!(call(method, url, Some(&right)), (0, None));
            assert_eq!(
                call(method, url, Some(&right.to_lowercase())),
                (0, None),
                "only the scheme"
            );
            for wrong in [
                None,
                Some("Bearer"),
                Some("Bearer "),
                Some(SECRET),
                Some("Basic 0123456789abcdef"),
                Some("Bearer 0123456789abcdeF"),
                Some("Bearer 0123456789abcde"),
                Some("Bearer 0123456789abcdef0"),
            ] {
                assert_eq!(call(method, url, wrong), (401, Some("unauthorized")), "{wrong:?}");
            }
        }
        // Without state these are paths like any other.
        answered(&variables(), parts("GET", url), 401, Some("missing"));
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
            _ => None,
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
        let preview = link().preview(Duration::from_secs(30)).sign(now).unwrap();
        let reason = |cookies: &[&Link], country: fn() -> Option<String>| {
            let cookie = cookies.iter().map(|link| link.token()).collect::<Vec<_>>().join("; ");
            let parts = RequestParts {
                cookie: Some(&cookie),
                ..parts("GET", "https://h/videos/42/film.mp4")
            };
            match decide(&Config::read(&variables()), &parts, NOW, country) {
                Decision::Respond(_, entry) => entry.reason,
                _ => None,
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

    /// The redirect of a file: at once, or after the store has answered that it is not a manifest.
    #[test]
    fn a_file_with_run_is_redirected_where_its_link_would_end_earlier() {
        let now = UnixTime::from_secs(NOW);
        let signer = Signer::new(KeyRing::parse(KEYS).unwrap());
        let redirect = |file: &str, n: Option<u8>, in_path: bool, run: u64, bearer: bool| {
            let url = format!("https://cdn.example.com/videos/42/{file}");
            let link = signer.link(&url).run(Duration::from_secs(run));
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
                Decision::Serve(plan, ..) => (false, plan.delivery.redirect.map(|to| to.location)),
                other => panic!("{other:?}"),
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
                Decision::Serve(plan, ..) => plan.entry().to_json(),
                other => panic!("{other:?}"),
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

    /// A JWT signed with the first key, valid for ten minutes, with additional members in its header and
    /// payload.
    fn jwt(header: &str, payload: &str) -> String {
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
            Decision::Serve(plan, ..) => (Some(plan.delivery.clone()), plan.entry().clone()),
            Decision::Respond(_, entry) => (None, entry),
            other => panic!("{other:?}"),
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
