//! Step 4 of a decision: the token. The core checks it; references are replaced by their tokens first; then the records
//! are asked.

use core::mem;
use std::borrow::Cow;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use playgate::{
    ParseError, Placement, Refusal, Request, State, StateError, UnixTime, Verified, Verifier,
    cookie,
};
use playgate_manifest::Rewriter;
use playgate_state::{RecordCommand, RecordReply};

use super::{Decision, Now, known, problem, serve};
use crate::admission::{Admission, Admitted, Stop};
use crate::answer::Problem;
use crate::built;
use crate::config::{Config, StateConfig, Store};
use crate::delivery::{Delivery, Rewriting};
use crate::denylist::Known;
use crate::disposition;
use crate::log::{self, LogEntry};
use crate::object;
use crate::record_request::RecordRequest;
use crate::redirect::Redirect;
use crate::reference;
use crate::request::RequestParts;
use crate::viewer::Viewer;

/// A request that needs a token.
pub(super) struct Gated<'a> {
    pub(super) config: &'a Config,
    pub(super) at: Now<'a>,
    /// What is served if the token is good.
    pub(super) delivery: Delivery,
    pub(super) entry: LogEntry,
}

/// How often the cookies of a request are looked at again, without one that is of no use.
const MAX_TURNS: usize = 9;

impl Gated<'_> {
    /// Decides. A cookie that is of no use is left out, and the others count: any site of the domain may set cookies.
    pub(super) fn decide(
        mut self,
        parts: &RequestParts<'_>,
        country: impl FnOnce() -> Option<String>,
    ) -> Decision {
        let (mut country, mut known_country) = (Some(country), None);
        let mut country = || {
            if let Some(country) = country.take() {
                known_country = country();
            }
            known_country.clone()
        };
        let [mut url, mut cookie, mut authorization] =
            [Some(parts.url), parts.cookie, parts.authorization].map(|text| text.map(Cow::from));
        let mut left_out = None;
        for _ in 0..MAX_TURNS {
            let parts = RequestParts {
                url: url.as_deref().unwrap_or_default(),
                cookie: cookie.as_deref(),
                authorization: authorization.as_deref(),
                ..*parts
            };
            let turn = match self.turn(&parts, left_out, &mut country) {
                Ok(decision) => return decision,
                Err(turn) => turn,
            };
            match turn {
                Turn::Replace { reference, token } => {
                    for text in [&mut url, &mut cookie, &mut authorization] {
                        *text = text
                            .take()
                            .map(|text| reference::replaced(&text, &reference, &token).into());
                    }
                }
                Turn::LeaveOut { pair, error } => {
                    left_out = left_out.or(Some(error));
                    let rest = cookie.take().map(|cookie| without(&cookie, &pair));
                    cookie = rest.filter(|rest| !rest.is_empty()).map(Cow::from);
                }
            }
        }
        self.refuse(left_out.unwrap_or(StateError::Unavailable), LogEntry::default())
    }

    /// Refuses the request. `about` says what is known of its token.
    fn refuse(&mut self, refusal: impl Into<Refusal>, about: LogEntry) -> Decision {
        self.problem(Problem::Refused(refusal.into()), about)
    }

    fn problem(&mut self, why: Problem, about: LogEntry) -> Decision {
        let LogEntry { decision, method, .. } = self.entry;
        let entry = LogEntry { decision, method, ..about };
        problem(why, mem::take(&mut self.delivery.cors), entry)
    }

    /// Decides on the request as it is now, or says what to change in it.
    fn turn(
        &mut self,
        parts: &RequestParts<'_>,
        left_out: Option<StateError>,
        country: &mut impl FnMut() -> Option<String>,
    ) -> Result<Decision, Turn> {
        let (config, at) = (self.config, self.at);
        let mut request = Request::new(parts.url);
        request.cookie = parts.cookie;
        request.authorization = parts.authorization;
        request.client_ip = parts.client_ip;
        let known = config.state().map(|state| known(config, state, at));
        let may_ask = known.as_ref().is_some_and(Known::may_ask);
        let known = known.as_ref().filter(|_| built::STATE).map(|known| known as &dyn State);
        let (verifier, now) = (config.verifier().state(known), UnixTime::from_secs(at.secs));
        let mut texts = [Some(parts.url), parts.cookie, parts.authorization].into_iter().flatten();
        let country = texts.any(|text| verifier.may_name_countries(text)).then(country).flatten();
        // `XX` means that the edge does not know the country.
        request.client_country = country.as_deref().filter(|known| *known != "XX");
        let denied = match verifier.decide(&request, now) {
            Ok(verified) => return self.admitted(parts, &verifier, &verified),
            Err(denied) => denied,
        };
        if let Some((placement, reference)) = denied.reference()
            && let Some(state) = config.state().filter(|state| state.has_records)
        {
            return match resolve(state, at, reference) {
                Ok(token) => Err(Turn::Replace { reference: reference.into(), token }),
                Err(Stop::Ask(question)) => Ok(Decision::AskRecord(question)),
                Err(Stop::Refuse(error)) if placement == Placement::Cookie => {
                    Err(Turn::LeaveOut { pair: reference.into(), error })
                }
                Err(Stop::Refuse(error)) => Ok(self.refuse(error, LogEntry::default())),
            };
        }
        let refusal = denied.refusal();
        if may_ask && refusal == StateError::Unavailable.into() {
            return Ok(Decision::AskDenylist);
        }
        // What was left out got further than what is left.
        if let Some(error) = left_out
            && !matches!(refusal, Refusal::State(_))
        {
            return Ok(self.refuse(error, LogEntry::default()));
        }
        // Log what the token says even though it is not verified: it tells the operator which key is
        // missing.
        let added = refusal == ParseError::UnsignedParameter.into();
        let added = added.then(|| verifier.added_params(&request, now).find_map(log::param));
        let about = LogEntry {
            param: added.flatten(),
            kid: denied.untrusted_kid().and_then(|kid| log::kid(&config.ring, kid)),
            scope: denied.untrusted_scope().map(|scope| log::path_of(&scope.to_string())),
            placement: denied.placement().map(Placement::name),
            ..LogEntry::default()
        };
        Ok(self.refuse(refusal, about))
    }

    /// Serves a request whose token is good, unless the records refuse it.
    fn admitted(
        &mut self,
        parts: &RequestParts<'_>,
        verifier: &Verifier<'_>,
        verified: &Verified<'_>,
    ) -> Result<Decision, Turn> {
        let (config, at) = (self.config, self.at);
        let entry = LogEntry {
            decision: "allow",
            method: self.entry.method,
            kid: Some(verified.kid().to_string()),
            scope: Some(log::path_of(&verified.scope().to_string())),
            placement: Some(verified.placement().name()),
            ..LogEntry::default()
        };
        if !config.rewrites() && needs_rewriting(config, verified) {
            return Ok(self.problem(Problem::ManifestsRequired, entry));
        }
        let admission = match self.settle(parts, verifier, verified) {
            Ok(admission) => admission,
            Err(Stop::Ask(question)) => return Ok(Decision::AskRecord(question)),
            Err(Stop::Refuse(error)) if verified.placement() == Placement::Cookie => {
                let pair = verifier.named_token(verified).unwrap_or_default();
                return Err(Turn::LeaveOut { pair, error });
            }
            Err(Stop::Refuse(error)) => return Ok(self.refuse(error, entry)),
        };
        let Admission { playback, only_looks, reports } = admission;
        let verifier = verifier.playback(playback.as_deref());
        let now = UnixTime::from_secs(at.secs);
        let path = verified.path();
        let may_be_manifest = object::may_be_manifest(&path.to_cow());
        // The path does not settle whether this is a manifest, which would be rewritten. The store's
        // answer does.
        let is_rewritten =
            config.rewrites() && may_be_manifest && verified.grant().directory().is_some();
        let may_redirect = config.store != Store::Proxy;
        let is_file = may_redirect && !is_rewritten && !path.is_manifest() && !only_looks;
        let redirect = is_file.then(|| verifier.lasting_address(verified, now)).flatten();
        if let Some((location, expires)) = redirect {
            let redirect = Redirect { location, expires: expires.as_secs() };
            let answer = redirect.answer(at.secs, mem::take(&mut self.delivery.cors));
            return Ok(Decision::Respond(answer.into(), LogEntry { status: 302, ..entry }));
        }
        // Who only looks gets no token.
        let rewriter = (config.rewrites() && may_be_manifest && !only_looks)
            .then(|| Rewriter::new(&verifier, verified, now))
            .flatten();
        let redirect = rewriter.as_ref().and_then(|rewriter| redirect_of(rewriter, verified));
        let rewriting = rewriter.map(|rewriter| {
            let rewriter = rewriter.public_paths(config.public.clone());
            Box::new(Rewriting { rewriter, max_bytes: config.max_manifest_bytes })
        });
        let mut delivery = Delivery {
            path: path.to_string(),
            query: verified.clean_query(config.forward_params(may_be_manifest)),
            expires: Some(verified.expires().as_secs()),
            disposition: verified.grant().download().map(disposition::of),
            viewer: config.forwards_viewer().then(|| Viewer::of(verified)).flatten(),
            rewriting,
            redirect,
            only_looks,
            ..mem::take(&mut self.delivery)
        };
        if config.set_cookie
            && !only_looks
            && verified.placement() != Placement::Cookie
            && verified.grant().directory().is_some()
        {
            delivery.cookie = cookie_of(&delivery, parts, &verifier, verified);
        }
        Ok(serve(config, delivery, parts, entry, reports))
    }

    /// What the records say about an admitted request. Without state, there is nothing to ask.
    fn settle(
        &self,
        parts: &RequestParts<'_>,
        verifier: &Verifier<'_>,
        verified: &Verified<'_>,
    ) -> Result<Admission, Stop> {
        let Self { config, at, .. } = self;
        let Some((state, memory)) = config.state().zip(at.memory) else {
            return Ok(Admission::default());
        };
        let admitted = Admitted {
            parts,
            verifier,
            verified,
            memory,
            replies: at.replies,
            over: state.over_limit,
            has_records: state.has_records,
            now: at.millis,
            leeway: config.leeway,
            max_run: config.max_run,
        };
        admitted.settle(|| Base64UrlUnpadded::encode_string(&(at.random)()))
    }
}

/// The token that a reference stands for.
fn resolve(state: &StateConfig, at: Now<'_>, reference: &str) -> Result<String, Stop> {
    let max_age = state.freshness.max_age;
    match at.memory.and_then(|memory| memory.token(reference, at.millis, max_age)) {
        Some(Some(token)) => return Ok(token.into()),
        Some(None) => return Err(Stop::Refuse(StateError::UnknownReference)),
        None => {}
    }
    let question = RecordRequest::of_reference(reference, RecordCommand::Get);
    match at.replies.of(&question.about) {
        None => Err(Stop::Ask(Box::new(question))),
        Some(None) => Err(Stop::Refuse(StateError::Unavailable)),
        Some(Some(RecordReply::Token { token })) => Ok(token.clone()),
        Some(Some(_)) => Err(Stop::Refuse(StateError::UnknownReference)),
    }
}

/// What to change in a request before it is decided again.
enum Turn {
    /// A reference, for its token.
    Replace { reference: String, token: String },
    /// A cookie, which is of no use.
    LeaveOut { pair: String, error: StateError },
}

/// A `Cookie` header without one of its cookies.
fn without(cookie: &str, pair: &str) -> String {
    let kept = cookie.split(';').map(str::trim).filter(|one| *one != pair);
    kept.collect::<Vec<_>>().join("; ")
}

/// Whether a playlist cannot be served as it is stored: it would show more than the preview, or its addresses would
/// not lead to the media, because they need the token that this one is exchanged for, or do not inherit it.
fn needs_rewriting(config: &Config, verified: &Verified<'_>) -> bool {
    let grant = verified.grant();
    let is_lost = verified.placement() == Placement::Query && !config.set_cookie;
    let needs_token = grant.directory().is_some() && (grant.starts_playback() || is_lost);
    verified.path().is_manifest() && (grant.preview().is_some() || needs_token)
}

/// The address to redirect to if a path that may lead to a manifest turns out to lead to a file. The
/// address is valid for as long as `run` specifies. Manifests need no redirect, because the addresses in
/// them already last that long.
///
/// Returns `None` if the link itself lasts at least as long, or if the token came in a cookie or in the
/// `Authorization` header: the client sends those again, so a request to an address with a token would
/// carry two.
fn redirect_of(rewriter: &Rewriter, verified: &Verified<'_>) -> Option<Box<Redirect>> {
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

/// The cookie with the token, or with the token that it was exchanged for.
fn cookie_of(
    delivery: &Delivery,
    parts: &RequestParts<'_>,
    verifier: &Verifier<'_>,
    verified: &Verified<'_>,
) -> Option<String> {
    // Only a path that is certainly a manifest's starts a playback.
    let rewriting = delivery.rewriting.as_deref().filter(|_| verified.path().is_manifest());
    let (token, expires) = match rewriting {
        Some(Rewriting { rewriter, .. }) => (Cow::from(rewriter.token()), rewriter.expires()),
        None => (verifier.named_token(verified)?.into(), verified.expires()),
    };
    let header = parts.cookie.unwrap_or_default();
    if header.split(';').any(|pair| pair.trim() == &*token) {
        return None;
    }
    let length = expires.duration_since(UnixTime::from_secs(delivery.now));
    cookie::set_cookie(&token, &verified.scope().to_string(), length)
}
