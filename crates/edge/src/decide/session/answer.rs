//! The tokens of a session, as the answer to a start and to a refresh.

use playgate::{SESSION_PATH, SessionGrant, StateError, UnixTime};
use playgate_state::{Session, TokenFacts};
use serde::Serialize;

use super::{SessionCall, Stop, cookie, known, no_store};
use crate::answer::Answer;

impl SessionCall<'_> {
    /// The access tokens, and the refresh token in the cookie.
    pub(super) fn answer(&self, sub: &str, session: &Session) -> Result<Answer, Stop> {
        let (link, playback) = (&session.link, session.playback_id());
        // Whoever revokes the key of the session link ends its session, though another key has signed since.
        let facts = TokenFacts {
            sub: Some(sub),
            kid: Some(&link.kid),
            path: SESSION_PATH,
            issued: Some(link.started),
            ..TokenFacts::default()
        };
        let revoked = known(self.config, self.state, self.at).check(&facts, None).err();
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
            // A key has just verified a token, so one can sign.
            return Err(StateError::Unavailable.into());
        };
        let length = refresh.expires().duration_since(now);
        let cookie = cookie::with(refresh.as_str(), length.as_secs());
        if let Some(error) = revoked {
            // The token was exchanged, so the old one must not come back.
            return Err(Stop::Refuse(error.into(), Some(cookie)));
        }
        let ends = tokens.iter().map(|token| token.expires).min().unwrap_or_default();
        let ends = ends.min(refresh.expires().as_secs());
        let body = Refreshed {
            refresh_in: refresh_in(ends.saturating_sub(self.at.secs), (self.at.random)()),
            session_expires: session.expires(),
            tokens,
        };
        let mut headers = no_store();
        headers.push(("Content-Type", "application/json".into()));
        headers.push(("Set-Cookie", cookie.into()));
        // Strings and numbers always serialize.
        let body = serde_json::to_string(&body).unwrap_or_default();
        Ok(Answer { status: 200, headers, body: Some(body) })
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
