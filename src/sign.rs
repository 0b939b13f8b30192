//! The signer: one call, one link.

mod check;
mod encode;
mod link;

use alloc::sync::Arc;

use crate::format;
use crate::format::Writer;
#[cfg(feature = "jwt")]
use crate::format::jwt::Jwt;
#[cfg(feature = "timed-hmac")]
use crate::format::timed_hmac::TimedHmac;
use crate::grant::Network;
use crate::key::KeyRing;
use crate::options::{
    CheckedOptions, DEFAULT_LIFETIME, Expiry, Extent, Issued, LinkOptions, SignError,
};
use crate::time::UnixTime;

use self::check::checked;
pub use self::encode::percent_encoded;
pub use self::link::Link;

/// Signs links with the first key of a ring.
///
/// ```
/// use playgate::{KeyRing, Signer, UnixTime};
/// // A development key. Read yours from the environment or a file.
/// let ring = KeyRing::parse("main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")?;
/// let now = UnixTime::from_secs(1_767_225_000);
/// let link = Signer::new(ring)
///     .link("https://cdn.example.com/videos/42/master.m3u8")
///     .expires_in(600)
///     .sign(now)?;
/// // A playlist's link opens its directory, from the path: players fetch from there what it lists.
/// assert!(link.as_str().starts_with(
///     "https://cdn.example.com/pg=1&exp=1767225600&kid=main&dir=2&sig="
/// ));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Signer {
    ring: KeyRing,
}

impl Signer {
    /// How long a link lasts where nothing else is said, in seconds.
    pub const DEFAULT_LIFETIME: u64 = DEFAULT_LIFETIME;

    /// A signer with these keys.
    #[must_use]
    pub const fn new(ring: KeyRing) -> Self {
        Self { ring }
    }

    /// Starts a link to `url`: absolute, percent-encoded as a browser would send it.
    pub fn link<'a>(&'a self, url: &'a str) -> Builder<'a, &'a str> {
        Builder { ring: &self.ring, urls: url, options: LinkOptions::default(), writer: None }
    }

    /// Starts a batch of links that differ in their URL alone.
    pub fn links<I>(&self, urls: I) -> Builder<'_, Batch<I>> {
        Builder {
            ring: &self.ring,
            urls: Batch(urls),
            options: LinkOptions::default(),
            writer: None,
        }
    }
}

/// Many URLs to sign on the same options.
#[derive(Clone, Debug)]
pub struct Batch<I>(I);

/// What a link shall allow. [`Signer::link`] and [`Signer::links`] start one.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder<'a, U> {
    ring: &'a KeyRing,
    urls: U,
    options: LinkOptions<'a>,
    /// The format; `None` is the native one.
    writer: Option<Arc<dyn Writer + 'a>>,
}

impl<'a, U> Builder<'a, U> {
    /// Ends `secs` seconds after the time of signing.
    pub const fn expires_in(mut self, secs: u64) -> Self {
        self.options.expiry = Expiry::In(secs);
        self
    }

    /// Ends at `time`. Wire name: `exp`.
    pub const fn expires_at(mut self, time: UnixTime) -> Self {
        self.options.expiry = Expiry::At(time);
        self
    }

    /// Signs with the key of this id instead of the ring's first. Wire name: `kid`.
    pub const fn key(mut self, kid: &'a str) -> Self {
        self.options.key = Some(kid);
        self
    }

    /// Allows all below the first `n` segments of the path (1 to 64). Wire name: `dir`.
    pub const fn directory(mut self, n: u8) -> Self {
        self.options.scope = Extent::Directory(n);
        self
    }

    /// Allows this one address. So it is anyway but for manifests, `.m3u8` and `.mpd`: a link to one opens
    /// its directory, with the token in the path, where nothing else is said.
    pub const fn exact(mut self) -> Self {
        self.options.scope = Extent::Exact;
        self
    }

    /// Puts the token in the path, where relative addresses inherit it, and not in the query. A token
    /// that travels as cookie or bearer is signed in this way too: see [`Link::token`].
    pub const fn in_path(mut self) -> Self {
        self.options.in_path = Some(true);
        self
    }

    /// Puts the token in the query, also for a manifest: the gate then rewrites the addresses in it.
    pub const fn in_query(mut self) -> Self {
        self.options.in_path = Some(false);
        self
    }

    /// For this deployment alone: 1 to 64 of `A-Z a-z 0-9 - _ .`. Wire name: `aud`.
    pub const fn audience(mut self, name: &'a str) -> Self {
        self.options.audience = Some(name);
        self
    }

    /// For clients in these countries only, ISO 3166-1 alpha-2 in upper case, separated by dots: `PT.ES`.
    /// Wire name: `cc`.
    pub const fn countries(mut self, countries: &'a str) -> Self {
        self.options.countries = Some(countries);
        self
    }

    /// To be saved as a file of this name: 1 to 255 bytes of any text without controls. Wire name: `dl`.
    pub const fn download(mut self, name: &'a str) -> Self {
        self.options.download = Some(name);
        self.options.inline = false;
        self
    }

    /// To be shown as ever, and to have this name where a viewer saves it: as [`download`](Self::download).
    /// Wire name: `dl`.
    pub const fn inline(mut self, name: &'a str) -> Self {
        self.options.download = Some(name);
        self.options.inline = true;
        self
    }

    /// Says when the link was signed, or nothing of it. Where this is not called, it says so if it names a
    /// viewer or a playback: their links can then be revoked by when they were signed. Wire name: `iat`.
    pub const fn issued_at(mut self, time: Option<UnixTime>) -> Self {
        self.options.issued = match time {
            Some(time) => Issued::At(time),
            None => Issued::Never,
        };
        self
    }

    /// Only for clients in this network, or in another one that was given before: up to four. Wire name:
    /// `ip`.
    pub fn network(mut self, network: Network) -> Self {
        if !self.options.networks.contains(&network) {
            self.options.networks.push(network);
        }
        self
    }

    /// The token's own id: 1 to 64 of `A-Z a-z 0-9 - _`. Wire name: `jti`.
    pub const fn token_id(mut self, id: &'a str) -> Self {
        self.options.token_id = Some(id);
        self
    }

    /// Not before this time. Wire name: `nbf`.
    pub const fn not_before(mut self, time: UnixTime) -> Self {
        self.options.not_before = Some(time);
        self
    }

    /// Preview: the first `secs` seconds of what the manifest lists, and a directory scope alone. Wire name:
    /// `pre`.
    pub const fn preview(mut self, secs: u64) -> Self {
        self.options.preview = Some(secs);
        self
    }

    /// Play-until: a gate that serves a manifest exchanges the token for one that lasts so many seconds.
    /// Wire name: `run`.
    pub const fn run(mut self, secs: u64) -> Self {
        self.options.run = Some(secs);
        self
    }

    /// Rounds the expiry up to a multiple of `secs` seconds since 1970, and `iat` down to the start of the window
    /// in which links get this expiry: all that are made in it are then the same bytes, so that caches and
    /// pages keep them. Each lasts up to `secs` longer than asked for. 0 and 1 round nothing.
    pub const fn round(mut self, secs: u64) -> Self {
        self.options.round = secs;
        self
    }

    /// The playback session: 1 to 64 of `A-Z a-z 0-9 - _`. Wire name: `sid`.
    pub const fn session(mut self, id: &'a str) -> Self {
        self.options.session = Some(id);
        self
    }

    /// The viewer: 1 to 64 of `A-Z a-z 0-9 - _`. Wire name: `sub`.
    pub const fn subject(mut self, id: &'a str) -> Self {
        self.options.subject = Some(id);
        self
    }
}

impl<U> Builder<'_, U> {
    /// Writes a timed HMAC instead of a native token. It says when it was issued, and nothing else: the link opens
    /// one address, for as long as the gate adds to that time. Where no expiry is asked for, it is issued now.
    #[cfg(feature = "timed-hmac")]
    pub fn timed_hmac(mut self, format: TimedHmac) -> Self {
        self.writer = Some(Arc::new(format));
        self
    }
}

#[cfg(feature = "jwt")]
impl<'a, U> Builder<'a, U> {
    /// Writes a JWT instead of a native token. It cannot say all that a native one can: no countries,
    /// network, preview or name to save as, and what it opens is for the gate's template to say.
    pub fn jwt(mut self, jwt: Jwt<'a>) -> Self {
        self.writer = Some(Arc::new(jwt));
        self
    }
}

impl<'a> Builder<'a, &'a str> {
    /// Signs the link.
    ///
    /// # Errors
    /// A [`SignError`] that says what to write instead.
    pub fn sign(self, now: UnixTime) -> Result<Link, SignError> {
        let writer = self.writer.as_deref().unwrap_or(format::NATIVE);
        let options = checked(&self.options, self.ring, writer, now)?;
        Link::new(writer.write(&options, self.urls)?, options.expires)
    }
}

impl<'a, I> Builder<'a, Batch<I>>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    /// Signs one link for each URL, in order. The options are checked once, and the key's schedule is
    /// the ring's.
    ///
    /// # Errors
    /// A [`SignError`] where the options cannot be signed at all; each URL has a result of its own.
    pub fn sign(
        self,
        now: UnixTime,
    ) -> Result<impl Iterator<Item = Result<Link, SignError>> + use<'a, I>, SignError> {
        let Self { ring, urls, options, writer } = self;
        let named = writer.as_deref().unwrap_or(format::NATIVE);
        let CheckedOptions { entry, expires, issued, .. } = checked(&options, ring, named, now)?;
        Ok(urls.0.into_iter().map(move |url| {
            let writer = writer.as_deref().unwrap_or(format::NATIVE);
            let options = CheckedOptions { options: &options, entry, expires, issued, now };
            Link::new(writer.write(&options, url.as_ref())?, expires)
        }))
    }
}
