//! The tokens of a session: what a gate makes from a session link, and again at each refresh.

use core::fmt;
use core::time::Duration;

use alloc::string::String;
use alloc::vec::Vec;

use crate::format::Mint;
use crate::grant::MAX_NUMBER;
use crate::key::Entry;
use crate::options::{CheckedOptions, LinkOptions};
use crate::path::CanonicalPath;
use crate::query::SignedQuery;
use crate::scope::Scope;
use crate::time::UnixTime;
use crate::verify::Verifier;

/// The path of the endpoint at which sessions start, on every gate. Refresh tokens are for this path.
pub const SESSION_PATH: &str = "/.playgate/session";

/// What the tokens of a session say.
#[derive(Clone, Copy)]
pub struct SessionGrant<'a> {
    /// The viewer.
    pub subject: &'a str,
    /// The field `sid`: the id of the session in a refresh token, that of its playback in an access token.
    pub session: &'a str,
    /// When the viewer signed in. It is the time of issue of every token, so that revoking what was issued before a
    /// time ends all sessions that started before it.
    pub started: UnixTime,
    /// The number of the token, from 1.
    pub generation: u32,
    /// How many playbacks of the viewer may run at once.
    pub max_playbacks: Option<u16>,
    /// Claims, as a JSON object.
    pub claims: Option<&'a str>,
}

/// Shows no id and no claim.
impl fmt::Debug for SessionGrant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionGrant").field("generation", &self.generation).finish_non_exhaustive()
    }
}

/// A token that a gate made. `Debug` does not print it, as it is a credential.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedToken {
    token: String,
    expires: UnixTime,
}

impl IssuedToken {
    /// The token with its name, as in a path or as bearer.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.token
    }

    /// When it expires.
    #[must_use]
    pub const fn expires(&self) -> UnixTime {
        self.expires
    }
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken").field("expires", &self.expires).finish_non_exhaustive()
    }
}

impl Verifier<'_> {
    /// Makes an access token of a session for a directory, such as `/videos/42/`. It expires at `expires`, or earlier
    /// if the operator limits lifetimes or the key retires. `None` if the gate makes no tokens, or the directory is not
    /// one.
    #[must_use]
    pub fn access_token(
        &self,
        session: &SessionGrant<'_>,
        directory: &str,
        expires: UnixTime,
        now: UnixTime,
    ) -> Option<IssuedToken> {
        let path = CanonicalPath::parse(directory).ok().filter(|_| directory.ends_with('/'))?;
        let n = u8::try_from(path.depth()).ok().filter(|n| *n > 0)?;
        let expires = expires.min(now.saturating_add(self.max_lifetime.unwrap_or(Duration::MAX)));
        self.issue(session, Scope::directory(path, n)?, Some(n), expires, now)
    }

    /// Makes the refresh token of a session. It has the format of a native token for [`SESSION_PATH`], and is good for
    /// [`Purpose::RefreshSession`](crate::Purpose::RefreshSession) only. `None` if the gate makes no tokens.
    #[must_use]
    pub fn refresh_token(
        &self,
        session: &SessionGrant<'_>,
        expires: UnixTime,
        now: UnixTime,
    ) -> Option<IssuedToken> {
        let path = CanonicalPath::parse(SESSION_PATH).ok()?;
        let scope = Scope::exact(path, SignedQuery::None);
        // What it opens is known where the session is.
        let session = SessionGrant { max_playbacks: None, claims: None, ..*session };
        self.issue(&session, scope, None, expires, now)
    }

    fn issue(
        &self,
        session: &SessionGrant<'_>,
        scope: Scope<'_>,
        n: Option<u8>,
        expires: UnixTime,
        now: UnixTime,
    ) -> Option<IssuedToken> {
        let mint: &dyn Mint = self.rules.mint()?;
        // The first key that lasts as long as the token, so that a session outlives the key that it started with. If none
        // does, the one that lasts longest.
        let live = self.ring.serving(mint.name()).filter(|entry| !entry.is_retired(now));
        let lasting = live.clone().find(|entry| entry.retires() >= expires);
        let entry: &Entry = lasting.or_else(|| live.max_by_key(|entry| entry.retires()))?;
        let expires = expires.min(entry.retires()).min(UnixTime::from_secs(MAX_NUMBER));
        let options = LinkOptions {
            audience: self.rules.audience,
            claims: session.claims,
            generation: Some(session.generation),
            max_playbacks: session.max_playbacks,
            networks: Vec::new(),
            session: Some(session.session),
            subject: Some(session.subject),
            ..LinkOptions::default()
        };
        mint.check(&options).ok()?;
        let issued = Some(session.started);
        let checked = CheckedOptions { options: &options, entry, expires, issued, now };
        let token = mint.token(&checked, scope, n).ok()?;
        Some(IssuedToken { token, expires })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Field, PolicyError, Refusal, StateError};
    use crate::key::KeyRing;
    use crate::options::SignError;
    use crate::purpose::Purpose;
    use crate::request::Request;
    use crate::sign::{SessionBuilder, Signer};
    use alloc::format;

    const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8,\
                        next:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
    const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);
    const DAYS_30: u64 = 1_767_225_000 + 30 * 86_400;
    const PURPOSES: [Purpose; 3] = [Purpose::Media, Purpose::StartSession, Purpose::RefreshSession];

    fn ring() -> KeyRing {
        KeyRing::parse(KEYS).unwrap()
    }

    fn grant() -> SessionGrant<'static> {
        SessionGrant {
            subject: "viewer-1",
            session: "s1",
            started: NOW,
            generation: 3,
            max_playbacks: Some(2),
            claims: Some(r#"{"role":"viewer"}"#),
        }
    }

    /// The purposes for which a gate takes the token of an address.
    fn purposes(url: &str) -> Vec<Purpose> {
        let ring = ring();
        let takes = |purpose: &Purpose| {
            let verifier = Verifier::new(&ring).purpose(*purpose);
            // An access token with `max` needs a gate that counts.
            match verifier.verify(&Request::new(url), NOW) {
                Ok(_) => true,
                Err(Refusal::State(_)) => true,
                Err(refusal) => {
                    assert_eq!(refusal, PolicyError::WrongPurpose.into(), "{url}");
                    false
                }
            }
        };
        PURPOSES.into_iter().filter(takes).collect()
    }

    #[test]
    fn each_token_has_one_purpose() {
        let ring = ring();
        let (signer, verifier) = (Signer::new(ring.clone()), Verifier::new(&ring));
        let link = signer.session("https://h", "v", "s1").open("/videos/42/").sign(NOW).unwrap();
        assert_eq!(purposes(link.as_str()), [Purpose::StartSession]);
        let refresh =
            verifier.refresh_token(&grant(), NOW.saturating_add(Duration::from_secs(9)), NOW);
        let url = format!("https://h{SESSION_PATH}?{}", refresh.unwrap().as_str());
        assert_eq!(purposes(&url), [Purpose::RefreshSession]);
        let access =
            verifier.access_token(&grant(), "/videos/42/", UnixTime::from_secs(DAYS_30), NOW);
        let url = format!("https://h/{}/videos/42/film.mp4", access.unwrap().as_str());
        assert_eq!(purposes(&url), [Purpose::Media]);
        // What an origin signs without meaning a session: any path, any ids.
        let any =
            signer.link("https://h/.playgate/session").subject("v").session("s1").token_id("j");
        assert_eq!(purposes(any.clone().sign(NOW).unwrap().as_str()), [Purpose::Media]);
        assert_eq!(purposes(any.directory(1).sign(NOW).unwrap().as_str()), [Purpose::Media]);
    }

    #[test]
    fn access_tokens_say_what_the_session_says() {
        let (ring, limit) = (ring(), Duration::from_secs(300));
        let verifier = Verifier::new(&ring).max_lifetime(Some(limit)).audience(Some("edge"));
        let token = |directory, until| {
            verifier.access_token(&grant(), directory, UnixTime::from_secs(until), NOW)
        };
        let access = token("/videos/42/", DAYS_30).unwrap();
        assert_eq!(access.expires(), NOW.saturating_add(limit));
        let (fields, _) = access.as_str().split_once("&sig=").unwrap();
        assert_eq!(
            fields,
            "pg=1&exp=1767225300&kid=main&aud=edge&cl=eyJyb2xlIjoidmlld2VyIn0&dir=2&gen=3\
             &iat=1767225000&max=2&sid=s1&sub=viewer-1"
        );
        for directory in ["/videos/42", "", "/", "videos/", "/a//"] {
            assert!(token(directory, DAYS_30).is_none(), "{directory}");
        }
        let refresh = verifier.refresh_token(&grant(), UnixTime::from_secs(DAYS_30), NOW).unwrap();
        let (fields, _) = refresh.as_str().split_once("&sig=").unwrap();
        assert_eq!(
            fields,
            "pg=1&exp=1769817000&kid=main&aud=edge&gen=3&iat=1767225000&sid=s1&sub=viewer-1"
        );
        let url = format!("{SESSION_PATH}?{}", refresh.as_str());
        let refreshing = verifier.purpose(Purpose::RefreshSession);
        let refusal = refreshing.verify(&Request::new(&url), NOW).unwrap_err();
        assert_eq!(refusal, StateError::Required.into(), "no maximum lifetime");
        assert!(verifier.native(false).refresh_token(&grant(), NOW, NOW).is_none());
    }

    #[test]
    fn a_new_key_takes_over() {
        let (main, next) = KEYS.split_once(',').unwrap();
        let issued = |keys: &str| {
            let ring = KeyRing::parse(keys).unwrap();
            let token =
                Verifier::new(&ring).refresh_token(&grant(), UnixTime::from_secs(DAYS_30), NOW);
            token.map(|token| {
                let (_, rest) = token.as_str().split_once("&kid=").unwrap();
                (String::from(rest.split('&').next().unwrap()), token.expires().as_secs())
            })
        };
        let later = NOW.as_secs() + 77;
        let with = |kid: &str, expires| Some((String::from(kid), expires));
        assert_eq!(issued(&format!("{next},{main}")), with("next", DAYS_30));
        assert_eq!(issued(&format!("{main}@{later},{next}")), with("next", DAYS_30));
        let both = format!("{main}@{later},{next}@{}", later + 9);
        assert_eq!(issued(&both), with("next", later + 9), "none lasts long enough");
        assert_eq!(issued(&format!("{main}@{},{next}", NOW.as_secs())), with("next", DAYS_30));
        assert_eq!(issued(&format!("jwt/{main}")), None);
    }

    #[test]
    fn what_a_session_link_cannot_say_is_refused() {
        let signer = Signer::new(ring());
        let good = || signer.session("https://h", "v", "s1").open("/videos/42/");
        assert!(good().open("/audio/").sign(NOW).is_ok());
        let nine = (0..8).fold(good(), |link, _| link.open("/a/"));
        let long = "x".repeat(49);
        let day = Duration::from_secs(86_400);
        let field = |link: SessionBuilder<'_>| link.sign(NOW).map_err(SignError::field).err();
        for (link, expected) in [
            (signer.session("https://h", "v", "s1"), Field::Ses),
            (nine, Field::Ses),
            (signer.session("https://h", "v", &long).open("/a/"), Field::Jti),
            (signer.session("https://h", "v", "").open("/a/"), Field::Jti),
            (signer.session("https://h", "a b", "s").open("/a/"), Field::Sub),
            (signer.session("https://h/videos/", "v", "s").open("/a/"), Field::Url),
            (signer.session("h", "v", "s").open("/a/"), Field::Url),
            (good().access(Duration::ZERO), Field::Ses),
            (good().access(day * 8), Field::Ses),
            (good().idle(day * 31), Field::Ses),
            (good().absolute(day * 401).idle(day), Field::Ses),
            (good().claims("[]"), Field::Cl),
            (good().claims("{\"\u{e9}\":1}"), Field::Cl),
            (good().claims("{"), Field::Cl),
            (good().max_playbacks(0), Field::Max),
        ] {
            assert_eq!(field(link), Some(expected));
        }
        for directory in
            ["/", "/a", "a/", "/a//", "/.playgate/", "/.playgate/x/", "/%61/", "/a/../"]
        {
            assert_eq!(field(good().open(directory)), Some(Field::Ses), "{directory}");
        }
    }
}
