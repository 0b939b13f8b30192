//! Signs links.

mod check;
mod encode;
mod link;
mod session;

use alloc::sync::Arc;
use core::time::Duration;

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
pub use self::session::SessionBuilder;

/// Signs links with the first key of a ring.
///
/// ```
/// use core::time::Duration;
/// use playgate::{KeyRing, Signer, UnixTime};
/// // A development key. Read yours from the environment or a file.
/// let ring = KeyRing::parse("main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")?;
/// let now = UnixTime::from_secs(1_767_225_000);
/// let link = Signer::new(ring)
///     .link("https://cdn.example.com/videos/42/master.m3u8")
///     .expires_in(Duration::from_secs(600))
///     .sign(now)?;
/// // A playlist's link allows its directory, with the token in the path: players fetch what it lists.
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
    /// The default lifetime of a link, in seconds.
    pub const DEFAULT_LIFETIME: u64 = DEFAULT_LIFETIME;

    /// Creates a signer with these keys.
    #[must_use]
    pub const fn new(ring: KeyRing) -> Self {
        Self { ring }
    }

    /// Starts a link to `url`, which must be absolute and percent-encoded as a browser sends it.
    pub fn link<'a>(&'a self, url: &'a str) -> Builder<'a, &'a str> {
        Builder { ring: &self.ring, urls: url, options: LinkOptions::default(), writer: None }
    }

    /// Starts a batch of links that differ only in their URLs.
    pub fn links<I>(&self, urls: I) -> Builder<'_, Batch<I>> {
        Builder {
            ring: &self.ring,
            urls: Batch(urls),
            options: LinkOptions::default(),
            writer: None,
        }
    }
}

/// Many URLs to sign with the same options.
#[derive(Clone, Debug)]
pub struct Batch<I>(I);

/// The options of a link. [`Signer::link`] and [`Signer::links`] create one.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder<'a, U> {
    ring: &'a KeyRing,
    urls: U,
    options: LinkOptions<'a>,
    /// The format; `None` for native.
    writer: Option<Arc<dyn Writer + 'a>>,
}

impl<'a, U> Builder<'a, U> {
    /// Expires this long after signing. Fractions of a second are cut off, here and below.
    pub const fn expires_in(mut self, length: Duration) -> Self {
        self.options.expiry = Expiry::In(length.as_secs());
        self
    }

    /// Expires at `time`. Wire name: `exp`.
    pub const fn expires_at(mut self, time: UnixTime) -> Self {
        self.options.expiry = Expiry::At(time);
        self
    }

    /// Signs with the key of this id instead of the first in the ring. Wire name: `kid`.
    pub const fn key(mut self, kid: &'a str) -> Self {
        self.options.key = Some(kid);
        self
    }

    /// Allows everything below the first `n` segments of the path (1 to 64). Wire name: `dir`.
    pub const fn directory(mut self, n: u8) -> Self {
        self.options.scope = Extent::Directory(n);
        self
    }

    /// Allows only this address. This is the default except for manifests, `.m3u8` and `.mpd`: their links allow
    /// their directory by default, with the token in the path.
    pub const fn exact(mut self) -> Self {
        self.options.scope = Extent::Exact;
        self
    }

    /// Puts the token in the path instead of the query, so that relative addresses inherit it. Also use this for
    /// tokens in cookies or as bearer: see [`Link::token`].
    pub const fn in_path(mut self) -> Self {
        self.options.in_path = Some(true);
        self
    }

    /// Puts the token in the query, even for a manifest: the gate then rewrites the addresses in it.
    pub const fn in_query(mut self) -> Self {
        self.options.in_path = Some(false);
        self
    }

    /// Only for this deployment: 1 to 64 of `A-Z a-z 0-9 - _ .`. Wire name: `aud`.
    pub const fn audience(mut self, name: &'a str) -> Self {
        self.options.audience = Some(name);
        self
    }

    /// Claims for your origin, such as a role: a JSON object in printable ASCII, of at most 384 bytes. Wire name: `cl`.
    pub const fn claims(mut self, json: &'a str) -> Self {
        self.options.claims = Some(json);
        self
    }

    /// Only for clients in these countries: ISO 3166-1 alpha-2 codes in uppercase, separated by dots, such as
    /// `PT.ES`. Wire name: `cc`.
    pub const fn countries(mut self, countries: &'a str) -> Self {
        self.options.countries = Some(countries);
        self
    }

    /// Serves the file as a download with this name: 1 to 255 bytes of text without control characters. Wire
    /// name: `dl`.
    pub const fn download(mut self, name: &'a str) -> Self {
        self.options.download = Some(name);
        self.options.inline = false;
        self
    }

    /// Shows the file as usual, with this name if a viewer saves it. The name is as in
    /// [`download`](Self::download). Wire name: `dl`.
    pub const fn inline(mut self, name: &'a str) -> Self {
        self.options.download = Some(name);
        self.options.inline = true;
        self
    }

    /// Whether the token contains its time of signing. By default it does if it names a viewer or a playback:
    /// their links can then be revoked by time of signing. Wire name: `iat`.
    pub const fn issued_at(mut self, time: Option<UnixTime>) -> Self {
        self.options.issued = match time {
            Some(time) => Issued::At(time),
            None => Issued::Never,
        };
        self
    }

    /// Only for clients in this network or in those of earlier calls: up to four. Wire name: `ip`.
    pub fn network(mut self, network: Network) -> Self {
        if !self.options.networks.contains(&network) {
            self.options.networks.push(network);
        }
        self
    }

    /// The id of the token: 1 to 64 of `A-Z a-z 0-9 - _`. Wire name: `jti`.
    pub const fn token_id(mut self, id: &'a str) -> Self {
        self.options.token_id = Some(id);
        self
    }

    /// How many playbacks of the viewer may run at once: 1 to 1,000. Needs [`subject`](Self::subject). A gate without
    /// state refuses the link. Wire name: `max`.
    pub const fn max_playbacks(mut self, most: u16) -> Self {
        self.options.max_playbacks = Some(most);
        self
    }

    /// Not valid before this time. Wire name: `nbf`.
    pub const fn not_before(mut self, time: UnixTime) -> Self {
        self.options.not_before = Some(time);
        self
    }

    /// Preview: allows only the start of what the manifest lists, of this length. Needs a directory scope. Wire
    /// name: `pre`.
    pub const fn preview(mut self, length: Duration) -> Self {
        self.options.preview = Some(length.as_secs());
        self
    }

    /// The greatest age of the revocations that may decide on this link: a gate with older ones asks for new ones
    /// first. A gate without state refuses the link. Wire name: `reval`.
    pub const fn revalidate(mut self, age: Duration) -> Self {
        self.options.revalidate = Some(age.as_secs());
        self
    }

    /// Play-until: a gate that serves a manifest exchanges the token for one that lasts this long.
    /// Wire name: `run`.
    pub const fn run(mut self, length: Duration) -> Self {
        self.options.run = Some(length.as_secs());
        self
    }

    /// Rounds the expiry up to a multiple of `step` since 1970, and `iat` down to the start of the window
    /// in which links get this expiry. All links made in that window are the same bytes, so caches and pages can
    /// keep them. Each lasts up to `step` longer than requested. Steps of 0 and 1 seconds round nothing.
    pub const fn round(mut self, step: Duration) -> Self {
        self.options.round = step.as_secs();
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

    /// How many clients may redeem the link: 1 to 1,000; 1 makes it a single-use link. Needs
    /// [`token_id`](Self::token_id). A gate without state refuses the link. Wire name: `uses`.
    pub const fn uses(mut self, count: u16) -> Self {
        self.options.uses = Some(count);
        self
    }
}

impl<U> Builder<'_, U> {
    /// Writes a timed HMAC instead of a native token. It contains only its time of issue: the link allows one
    /// address, for the lifetime that the gate adds to that time. Without an explicit expiry, it is issued now.
    #[cfg(feature = "timed-hmac")]
    pub fn timed_hmac(mut self, format: TimedHmac) -> Self {
        self.writer = Some(Arc::new(format));
        self
    }
}

#[cfg(feature = "jwt")]
impl<'a, U> Builder<'a, U> {
    /// Writes a JWT instead of a native token. A JWT has no countries, networks, preview or download name, and
    /// the gate's template determines its scope.
    pub fn jwt(mut self, jwt: Jwt<'a>) -> Self {
        self.writer = Some(Arc::new(jwt));
        self
    }
}

impl<'a> Builder<'a, &'a str> {
    /// Signs the link.
    ///
    /// # Errors
    /// A [`SignError`] with what to write instead.
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
    /// Signs one link for each URL, in order. The options are checked only once, and the key is already
    /// expanded in the ring.
    ///
    /// # Errors
    /// A [`SignError`] if the options cannot be signed at all; each URL has its own result.
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
