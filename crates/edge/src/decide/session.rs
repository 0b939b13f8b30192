//! The session endpoints: a page starts a session with a session link, refreshes it, and signs out.
//!
//! | method and path | credential | status |
//! |---|---|---|
//! | `POST /.playgate/session` | the token of the session link, in the query | 200 with access tokens, and the cookie |
//! | `POST /.playgate/session/refresh` | the refresh token in the cookie | 200 with access tokens, and the cookie |
//! | `DELETE /.playgate/session` | the refresh token in the cookie | 204 |
//!
//! Only pages of the gate's own origin and of `ALLOW_ORIGINS` may call them, and only from the same site. Browsers cannot
//! forge `Origin` and `Sec-Fetch-Site`, and the cookie is `SameSite=Strict`.

use playgate::{
    PresentedToken, Purpose, Refusal, Request, SESSION_PATH, SessionGrant, State, StateError,
    UnixTime, Verified, Verifier,
};
use playgate_state::{
    Client, Reason, RecordCommand, RecordReply, Refresh, Session, SessionLink, TokenFacts,
};
use serde::Serialize;

use super::{Decision, Now, known, problem};
use crate::answer::{Answer, Headers, Problem};
use crate::config::{Config, StateConfig};
use crate::log::LogEntry;
use crate::record_request::{About, RecordRequest, network};
use crate::request::RequestParts;

const REFRESH_PATH: &str = "/.playgate/session/refresh";

/// The cookie of the refresh token. Browsers take it only over an encrypted connection (RFC 6265bis, section 4.1.3.1).
/// `__Host-` would send it to every path.
const COOKIE: &str = "__Secure-playgate-session";

/// The most cookies of this name that are looked at: any site of the domain may set some.
const MAX_COOKIES: usize = 4;

/// The longest text that is kept of `User-Agent`, in characters.
const MAX_USER_AGENT: usize = 256;

/// The endpoint of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Start or end.
    Session,
    Refresh,
}

/// The session endpoint that a URL names.
pub(super) fn endpoint(url: &str) -> Option<Endpoint> {
    match Request::new(url).path_and_query().ok()?.0 {
        SESSION_PATH => Some(Endpoint::Session),
        REFRESH_PATH => Some(Endpoint::Refresh),
        _ => None,
    }
}

/// A request to a session endpoint.
pub(super) struct SessionCall<'a> {
    pub(super) config: &'a Config,
    pub(super) state: &'a StateConfig,
    pub(super) at: Now<'a>,
    pub(super) parts: &'a RequestParts<'a>,
    pub(super) entry: LogEntry,
}

/// Why there is no answer yet, or none that helps.
enum Stop {
    AskDenylist,
    AskRecord(Box<RecordRequest>),
    Refuse(Refusal),
}

impl From<StateError> for Stop {
    fn from(error: StateError) -> Self {
        Self::Refuse(error.into())
    }
}

impl SessionCall<'_> {
    pub(super) fn decide(
        self,
        endpoint: Endpoint,
        country: impl FnOnce() -> Option<String>,
    ) -> Decision {
        let (methods, allowed) = match endpoint {
            Endpoint::Session => ("DELETE, POST", "DELETE, OPTIONS, POST"),
            Endpoint::Refresh => ("POST", "OPTIONS, POST"),
        };
        if self.entry.method == "OPTIONS" {
            let headers = self.config.origins.preflight(self.parts.origin, methods, allowed);
            let answer = Answer { status: 204, headers, body: None };
            let entry = LogEntry { decision: "preflight", status: 204, ..self.entry };
            return Decision::Respond(answer.into(), entry);
        }
        let cors = self.config.cors(self.parts.origin);
        if !self.is_of_own_page() {
            return problem(Problem::CrossSite, cors, self.entry);
        }
        let outcome = match (endpoint, self.entry.method) {
            (Endpoint::Session, "POST") => self.start(country),
            (Endpoint::Refresh, "POST") => self.refresh(),
            (Endpoint::Session, "DELETE") => self.end(),
            _ => {
                let (reason, detail) = ("method_not_allowed", format!("this call takes {methods}"));
                let mut answer = Answer::with_detail(405, reason, None, &detail);
                answer.headers.push(("Allow", allowed.into()));
                answer.headers.extend(cors);
                let reason = Some(reason);
                let entry = LogEntry { reason, status: answer.status, ..self.entry };
                return Decision::Respond(answer.into(), entry);
            }
        };
        match outcome {
            Ok(mut answer) => {
                answer.headers.extend(cors);
                let status = answer.status;
                Decision::Respond(
                    answer.into(),
                    LogEntry { decision: "session", status, ..self.entry },
                )
            }
            Err(Stop::AskDenylist) => Decision::AskDenylist,
            Err(Stop::AskRecord(question)) => Decision::AskRecord(question),
            Err(Stop::Refuse(refusal)) => {
                let mut headers = cors;
                if refusal == StateError::SessionEnded.into() {
                    headers.push(("Set-Cookie", cookie("", 0).into()));
                }
                problem(Problem::Refused(refusal), headers, self.entry)
            }
        }
    }

    /// Whether the request is from a page that may call. A program that is no browser sends the `Origin` of such a page.
    fn is_of_own_page(&self) -> bool {
        let RequestParts { url, origin, fetch_site, .. } = *self.parts;
        let is_own = |origin: &str| {
            let rest = url.strip_prefix(origin);
            rest.is_some_and(|rest| rest.starts_with('/')) || self.config.origins.lists(origin)
        };
        matches!(fetch_site, None | Some("same-origin" | "same-site")) && origin.is_some_and(is_own)
    }

    fn client(&self) -> Client {
        let agent = self.parts.user_agent.unwrap_or_default();
        Client {
            network: network(self.parts.client_ip),
            user_agent: agent.chars().take(MAX_USER_AGENT).collect(),
        }
    }

    /// Starts a session.
    fn start(&self, country: impl FnOnce() -> Option<String>) -> Result<Answer, Stop> {
        let known = known(self.config, self.state, self.at);
        let verifier = self.config.verifier().purpose(Purpose::StartSession).state(Some(&known));
        let mut request = Request::new(self.parts.url);
        request.client_ip = self.parts.client_ip;
        let country = verifier.may_name_countries(self.parts.url).then(country).flatten();
        request.client_country = country.as_deref();
        let now = UnixTime::from_secs(self.at.secs);
        let verified = verifier.verify(&request, now).map_err(|refusal| self.stop(refusal))?;
        let grant = verified.grant();
        let wrong_purpose = Stop::Refuse(playgate::PolicyError::WrongPurpose.into());
        let (Some(new), Some(sub), Some(sid), Some(started)) =
            (grant.new_session(), grant.subject(), grant.token_id(), grant.issued())
        else {
            return Err(wrong_purpose);
        };
        let link = SessionLink {
            sid: sid.as_str().into(),
            started: started.as_secs(),
            kid: verified.kid().into(),
            access: new.access().as_secs(),
            idle: new.idle().as_secs(),
            absolute: new.absolute().as_secs(),
            directories: new.directories().collect(),
            max: grant.max_playbacks(),
            claims: verified.claims(),
            // A gate may be behind, or have a leeway.
            until: grant
                .expires()
                .as_secs()
                .saturating_add(self.config.leeway)
                .saturating_add(playgate_state::CLOCK_SLACK),
        };
        let command = RecordCommand::StartSession { link: Box::new(link), client: self.client() };
        self.go_on(sub.as_str(), sid.as_str(), command)
    }

    /// Refreshes the session.
    fn refresh(&self) -> Result<Answer, Stop> {
        let known = known(self.config, self.state, self.at);
        let cookies = self.cookies();
        let verifier = self.config.verifier().purpose(Purpose::RefreshSession).state(Some(&known));
        let (token, others) = self.tokens(&verifier, &cookies)?;
        if others.iter().any(|other| *other != token) {
            // Another site of the domain has set one of its own, or an old one.
            return Err(Stop::Refuse(Refusal::Ambiguous));
        }
        let RefreshToken { sub, sid, generation } = token;
        let refresh = Refresh { sid: sid.clone(), generation, client: self.client() };
        self.go_on(&sub, &sid, RecordCommand::Refresh(refresh))
    }

    /// Signs out. Without a session, there is nothing to do.
    fn end(&self) -> Result<Answer, Stop> {
        let cookies = self.cookies();
        // Also one that was revoked.
        let verifier =
            self.config.verifier().purpose(Purpose::RefreshSession).state(Some(&Permissive));
        if let Ok((token, others)) = self.tokens(&verifier, &cookies) {
            for RefreshToken { sub, sid, .. } in [token].into_iter().chain(others) {
                let reason = Reason::SignedOut;
                let command = RecordCommand::EndSessions {
                    sid: Some(sid.clone()),
                    started_before: None,
                    reason,
                };
                self.ask(&sub, &sid, command)?;
            }
        }
        let mut headers = no_store();
        headers.push(("Set-Cookie", cookie("", 0).into()));
        Ok(Answer { status: 204, headers, body: None })
    }

    /// The addresses that the refresh tokens in the cookies are for, with these tokens.
    fn cookies(&self) -> Vec<String> {
        let pairs = self.parts.cookie.unwrap_or_default().split(';').map(str::trim);
        let values = pairs.filter_map(|pair| pair.strip_prefix(COOKIE)?.strip_prefix('='));
        let mut urls: Vec<_> = values
            .filter(|value| !value.is_empty())
            .take(MAX_COOKIES)
            .map(|value| [SESSION_PATH, "?", value].concat())
            .collect();
        urls.dedup();
        urls
    }

    /// The first good refresh token, and the others. If none is good, the refusal of the last one.
    fn tokens(
        &self,
        verifier: &Verifier<'_>,
        urls: &[String],
    ) -> Result<(RefreshToken, Vec<RefreshToken>), Stop> {
        let now = UnixTime::from_secs(self.at.secs);
        let (mut good, mut refused) = (Vec::new(), Refusal::Missing);
        for url in urls {
            match verifier.verify(&Request::new(url), now) {
                Ok(verified) => good.extend(RefreshToken::of(&verified)),
                // This may be the good one.
                Err(refusal) if refusal == StateError::Unavailable.into() => {
                    return Err(self.stop(refusal));
                }
                Err(refusal) => refused = refusal,
            }
        }
        match good.as_slice() {
            [] => Err(Stop::Refuse(refused)),
            _ => {
                let first = good.remove(0);
                Ok((first, good))
            }
        }
    }

    /// What to do about a token that is not good, or not yet.
    fn stop(&self, refusal: Refusal) -> Stop {
        let may_ask = known(self.config, self.state, self.at).may_ask();
        if may_ask && refusal == StateError::Unavailable.into() {
            Stop::AskDenylist
        } else {
            Stop::Refuse(refusal)
        }
    }

    /// The reply of the viewer's record.
    fn ask(&self, sub: &str, sid: &str, command: RecordCommand) -> Result<&RecordReply, Stop> {
        let about = About::Session((sub.into(), sid.into()));
        match self.at.replies.of(&about) {
            None => {
                let question = RecordRequest::of_viewer(sub, about, command);
                Err(Stop::AskRecord(Box::new(question)))
            }
            Some(None) => Err(StateError::Unavailable.into()),
            Some(Some(reply)) => Ok(reply),
        }
    }

    /// Asks whether the session goes on, and if so answers with its tokens.
    fn go_on(&self, sub: &str, sid: &str, command: RecordCommand) -> Result<Answer, Stop> {
        match self.ask(sub, sid, command)? {
            RecordReply::Session(session) => self.answer(sub, session),
            RecordReply::AlreadyUsed => Err(StateError::AlreadyUsed.into()),
            RecordReply::SessionEnded => Err(StateError::SessionEnded.into()),
            _ => Err(StateError::Unavailable.into()),
        }
    }

    fn answer(&self, sub: &str, session: &Session) -> Result<Answer, Stop> {
        let (link, playback) = (&session.link, session.playback_id());
        // Whoever revokes the key of the session link ends its session, though another key has signed since.
        let facts = TokenFacts {
            sub: Some(sub),
            kid: Some(&link.kid),
            path: SESSION_PATH,
            issued: Some(link.started),
            ..TokenFacts::default()
        };
        known(self.config, self.state, self.at).check(&facts, None)?;
        let verifier = self.config.verifier();
        let now = UnixTime::from_secs(self.at.secs);
        let grant = SessionGrant {
            subject: sub,
            session: &playback,
            started: UnixTime::from_secs(link.started),
            generation: session.generation,
            max_playbacks: link.max,
            claims: link.claims.as_deref(),
        };
        let until = session.access_until.min(self.at.secs.saturating_add(link.access));
        let until = UnixTime::from_secs(until);
        let tokens = link.directories.iter().filter_map(|directory| {
            let token = verifier.access_token(&grant, directory, until, now)?;
            Some(ShownToken {
                directory,
                expires: token.expires().as_secs(),
                token: token.as_str().into(),
            })
        });
        let tokens: Vec<_> = tokens.collect();
        let until = UnixTime::from_secs(session.until());
        let of_session = SessionGrant { session: &link.sid, ..grant };
        let refresh = verifier.refresh_token(&of_session, until, now);
        let (Some(refresh), true) = (refresh, tokens.len() == link.directories.len()) else {
            // No key can sign. The session stays as it is.
            return Err(StateError::Unavailable.into());
        };
        let first_end = tokens.iter().map(|token| token.expires).min().unwrap_or_default();
        let body = Refreshed {
            refresh_in: refresh_in(first_end.saturating_sub(self.at.secs), (self.at.random)()),
            session_expires: session.expires(),
            tokens,
        };
        let mut headers = no_store();
        headers.push(("Content-Type", "application/json".into()));
        let length = refresh.expires().duration_since(now);
        headers.push(("Set-Cookie", cookie(refresh.as_str(), length.as_secs()).into()));
        // Strings and numbers always serialize.
        let body = serde_json::to_string(&body).unwrap_or_default();
        Ok(Answer { status: 200, headers, body: Some(body) })
    }
}

/// A state that has nothing against any token.
#[derive(Debug)]
struct Permissive;

impl State for Permissive {
    fn admit(&self, _: &PresentedToken<'_>, _: UnixTime) -> Result<(), StateError> {
        Ok(())
    }

    fn counts(&self) -> bool {
        true
    }
}

/// What a refresh token says.
#[derive(PartialEq, Eq)]
struct RefreshToken {
    sub: String,
    sid: String,
    generation: u32,
}

impl RefreshToken {
    fn of(verified: &Verified<'_>) -> Option<Self> {
        let grant = verified.grant();
        Some(Self {
            sub: grant.subject()?.as_str().into(),
            sid: grant.session()?.as_str().into(),
            generation: grant.generation()?,
        })
    }
}

/// The answer to a start and to a refresh.
#[derive(Serialize)]
struct Refreshed<'a> {
    tokens: Vec<ShownToken<'a>>,
    refresh_in: u64,
    session_expires: u64,
}

#[derive(Serialize)]
struct ShownToken<'a> {
    directory: &'a str,
    token: String,
    expires: u64,
}

/// In how many seconds the page should refresh tokens that last so long: after seven to eight tenths of that, at random,
/// so that viewers who started together do not all come together.
fn refresh_in(lasts: u64, random: [u8; 16]) -> u64 {
    let [first, second, ..] = random;
    let jitter = u64::from(u16::from_be_bytes([first, second]));
    let jitter = (lasts / 10).saturating_mul(jitter).div_euclid(65_536);
    (lasts.saturating_mul(8) / 10).saturating_sub(jitter).max(1)
}

fn cookie(token: &str, secs: u64) -> String {
    format!(
        "{COOKIE}={token}; Path={SESSION_PATH}; Max-Age={secs}; Secure; HttpOnly; SameSite=Strict"
    )
}

fn no_store() -> Headers {
    vec![("Cache-Control", "no-store".into()), ("X-Content-Type-Options", "nosniff".into())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_is_due_before_the_end_and_not_for_all_at_once() {
        assert_eq!(refresh_in(600, [0; 16]), 480);
        assert_eq!(refresh_in(600, [255; 16]), 421);
        assert_eq!(refresh_in(20, [0; 16]), 16);
        assert_eq!(refresh_in(1, [255; 16]), 1);
        assert_eq!(refresh_in(0, [0; 16]), 1);
    }
}
