//! Signs session links.

use core::time::Duration;

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{Fault, Field};
use crate::format;
use crate::grant::NewSession;
use crate::key::KeyRing;
use crate::options::{Expiry, Extent, LinkOptions, SessionOptions, SignError};
use crate::session::SESSION_PATH;
use crate::time::UnixTime;

use super::{Link, Signer, check::checked};

/// The options of a session link. [`Signer::session`] creates one.
#[derive(Clone, Debug)]
#[must_use]
pub struct SessionBuilder<'a> {
    ring: &'a KeyRing,
    gate: &'a str,
    options: LinkOptions<'a>,
    session: SessionOptions<'a>,
}

impl Signer {
    /// Starts a session link: with `POST`, a page exchanges it once for a session at the gate, whose refresh token stays
    /// in a cookie. `gate` is the scheme and host of the gate, `subject` the viewer who has just signed in. `id` becomes
    /// the id of the session: take 16 random bytes in base64url. Both ids have 1 to 64 of `A-Z a-z 0-9 - _`; the
    /// session's id at most 48.
    ///
    /// The link expires after a minute, the access tokens after 10 minutes, and the session after 30 days, or 7 without
    /// a refresh.
    ///
    /// ```
    /// use playgate::{KeyRing, Signer, UnixTime};
    /// # let ring = KeyRing::parse("main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")?;
    /// let link = Signer::new(ring)
    ///     .session("https://cdn.example.com", "viewer-1", "2x4vEoVfnYRpQ8Wq0c1TmA")
    ///     .open("/videos/42/")
    ///     .claims(r#"{"role":"viewer"}"#)
    ///     .sign(UnixTime::from_secs(1_767_225_000))?;
    /// assert!(link.as_str().starts_with("https://cdn.example.com/.playgate/session?pg=1&exp=1767225060"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn session<'a>(
        &'a self,
        gate: &'a str,
        subject: &'a str,
        id: &'a str,
    ) -> SessionBuilder<'a> {
        let options = LinkOptions {
            expiry: Expiry::In(SessionBuilder::DEFAULT_LIFETIME),
            scope: Extent::Exact,
            subject: Some(subject),
            token_id: Some(id),
            ..LinkOptions::default()
        };
        let session = SessionOptions {
            access: SessionBuilder::DEFAULT_ACCESS,
            idle: SessionBuilder::DEFAULT_IDLE,
            absolute: SessionBuilder::DEFAULT_ABSOLUTE,
            directories: Vec::new(),
        };
        SessionBuilder { ring: &self.ring, gate, options, session }
    }
}

impl<'a> SessionBuilder<'a> {
    /// The default lifetime of the link, in seconds.
    pub const DEFAULT_LIFETIME: u64 = 60;
    /// The default lifetime of access tokens, in seconds.
    pub const DEFAULT_ACCESS: u64 = 600;
    /// The default time without a refresh after which a session ends, in seconds.
    pub const DEFAULT_IDLE: u64 = 7 * 86_400;
    /// The default length of a session, in seconds.
    pub const DEFAULT_ABSOLUTE: u64 = 30 * 86_400;

    /// Opens a directory, such as `/videos/42/`, besides those of earlier calls. At least one, at most 8.
    pub fn open(mut self, directory: &'a str) -> Self {
        self.session.directories.push(directory);
        self
    }

    /// How long access tokens last, at most a day. This is how long a viewer can go on at most if the gate's state is
    /// lost. Fractions of a second are cut off, here and below.
    pub const fn access(mut self, length: Duration) -> Self {
        self.session.access = length.as_secs();
        self
    }

    /// After so long without a refresh, the session ends.
    pub const fn idle(mut self, length: Duration) -> Self {
        self.session.idle = length.as_secs();
        self
    }

    /// After so long, the session ends in any case: at most 400 days.
    pub const fn absolute(mut self, length: Duration) -> Self {
        self.session.absolute = length.as_secs();
        self
    }

    /// How many playbacks of the viewer may run at once. A session is one playback, in however many tabs.
    pub const fn max_playbacks(mut self, most: u16) -> Self {
        self.options.max_playbacks = Some(most);
        self
    }

    /// What your origin wants to know of the viewer at each request, such as a role: a JSON object in printable ASCII, of
    /// at most 384 bytes.
    pub const fn claims(mut self, json: &'a str) -> Self {
        self.options.claims = Some(json);
        self
    }

    /// The link expires this long after signing, instead of a minute: at most an hour.
    pub const fn expires_in(mut self, length: Duration) -> Self {
        self.options.expiry = Expiry::In(length.as_secs());
        self
    }

    /// Only for this deployment.
    pub const fn audience(mut self, name: &'a str) -> Self {
        self.options.audience = Some(name);
        self
    }

    /// Signs with the key of this id instead of the first in the ring.
    pub const fn key(mut self, kid: &'a str) -> Self {
        self.options.key = Some(kid);
        self
    }

    /// Signs the link.
    ///
    /// # Errors
    /// A [`SignError`] with what to write instead.
    pub fn sign(self, now: UnixTime) -> Result<Link, SignError> {
        let Self { ring, gate, options, session } = self;
        let options = LinkOptions { new_session: Some(session), ..options };
        if options.token_id.is_some_and(|id| id.len() > NewSession::MAX_ID_LEN) {
            return Err(SignError::Field(Field::Jti, Fault::WrongLength));
        }
        let gate = gate.strip_suffix('/').unwrap_or(gate);
        let host = gate.split_once("://").map(|(_, host)| host);
        if host.is_none_or(|host| host.contains(['/', '?', '#'])) {
            return Err(SignError::Url);
        }
        let checked = checked(&options, ring, format::NATIVE, now)?;
        if checked.expires.duration_since(now).as_secs() > NewSession::MAX_LINK {
            return Err(SignError::Field(Field::Exp, Fault::OutOfRange));
        }
        let url: String = [gate, SESSION_PATH].concat();
        Link::new(format::NATIVE.write(&checked, &url)?, checked.expires)
    }
}
