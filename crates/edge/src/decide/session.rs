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

mod answer;
mod cookie;

use core::time::Duration;

use playgate::{
    PolicyError, PresentedToken, Purpose, Refusal, Request, SESSION_PATH, State, StateError,
    UnixTime,
};
use playgate_state::{
    CLOCK_SLACK, Client, Reason, RecordCommand, RecordReply, Refresh, SessionLink,
};

use self::cookie::RefreshToken;
use super::{Decision, Now, known, problem};
use crate::answer::{Answer, Headers, Problem};
use crate::config::{Config, StateConfig};
use crate::log::LogEntry;
use crate::record_request::{About, RecordRequest, network};
use crate::request::RequestParts;

/// By how much the clock of an origin may be ahead.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

const REFRESH_PATH: &str = "/.playgate/session/refresh";

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
    /// With the value of `Set-Cookie` if the refresh token was exchanged all the same.
    Refuse(Refusal, Option<String>),
}

impl<R: Into<Refusal>> From<R> for Stop {
    fn from(refusal: R) -> Self {
        Self::Refuse(refusal.into(), None)
    }
}

impl SessionCall<'_> {
    pub(super) fn decide(self, endpoint: Endpoint) -> Decision {
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
            (Endpoint::Session, "POST") => self.start(),
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
            Err(Stop::Refuse(refusal, cookie)) => {
                let mut headers = cors;
                headers.extend(cookie.map(|cookie| ("Set-Cookie", cookie.into())));
                problem(Problem::Refused(refusal), headers, self.entry)
            }
        }
    }

    /// Whether the request is from a page that may call. A program that is no browser sends the `Origin` of such a page.
    fn is_of_own_page(&self) -> bool {
        let RequestParts { url, origin, fetch_site, .. } = *self.parts;
        // Scheme and host end at the third slash.
        let own = url.match_indices('/').nth(2).and_then(|(end, _)| url.get(..end));
        let is_own = |origin: &str| Some(origin) == own || self.config.origins.lists(origin);
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
    fn start(&self) -> Result<Answer, Stop> {
        let known = known(self.config, self.state, self.at);
        let verifier = self.config.verifier().purpose(Purpose::StartSession).state(Some(&known));
        let (request, now) = (Request::new(self.parts.url), UnixTime::from_secs(self.at.secs));
        let verified = verifier.verify(&request, now).map_err(|refusal| self.stop(refusal))?;
        let grant = verified.grant();
        let (Some(new), Some(sub), Some(sid), Some(started)) =
            (grant.new_session(), grant.subject(), grant.token_id(), grant.issued())
        else {
            return Err(PolicyError::WrongPurpose.into());
        };
        // Otherwise it would escape revocations of what was issued before a time.
        let latest =
            now.saturating_add(Duration::from_secs(self.config.leeway)).saturating_add(CLOCK_SKEW);
        if started > latest {
            return Err(PolicyError::NotYetValid.into());
        }
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
                .saturating_add(CLOCK_SLACK),
        };
        let command = RecordCommand::StartSession { link: Box::new(link), client: self.client() };
        self.go_on(sub.as_str(), sid.as_str(), command)
    }

    /// Refreshes the session.
    fn refresh(&self) -> Result<Answer, Stop> {
        let known = known(self.config, self.state, self.at);
        let verifier = self.config.verifier().purpose(Purpose::RefreshSession).state(Some(&known));
        let tokens = self.refresh_tokens(&verifier)?;
        let newest = tokens.iter().max_by_key(|token| token.generation);
        let newest = newest.ok_or(Refusal::Missing)?;
        if tokens.iter().any(|token| !token.is_of_same_session(newest)) {
            // Another site of the domain has set one.
            return Err(Refusal::Ambiguous.into());
        }
        let RefreshToken { sub, sid, generation } = newest;
        let refresh = Refresh { sid: sid.clone(), generation: *generation, client: self.client() };
        self.go_on(sub, sid, RecordCommand::Refresh(refresh))
    }

    /// Signs out. Without a session, there is nothing to do.
    fn end(&self) -> Result<Answer, Stop> {
        // Also a session that was revoked.
        let verifier =
            self.config.verifier().purpose(Purpose::RefreshSession).state(Some(&Permissive));
        for RefreshToken { sub, sid, .. } in self.refresh_tokens(&verifier).unwrap_or_default() {
            let command = RecordCommand::EndSessions {
                sid: Some(sid.clone()),
                started_before: None,
                reason: Reason::SignedOut,
            };
            self.ask(&sub, &sid, command)?;
        }
        let mut headers = no_store();
        headers.push(("Set-Cookie", cookie::with("", 0).into()));
        Ok(Answer { status: 204, headers, body: None })
    }

    /// What to do about a token that is not good, or not yet.
    fn stop(&self, refusal: Refusal) -> Stop {
        let may_ask = known(self.config, self.state, self.at).may_ask();
        if may_ask && refusal == StateError::Unavailable.into() {
            Stop::AskDenylist
        } else {
            refusal.into()
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

fn no_store() -> Headers {
    vec![("Cache-Control", "no-store".into()), ("X-Content-Type-Options", "nosniff".into())]
}
