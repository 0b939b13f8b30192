//! The signer: one call, one link.

use core::fmt::{self, Write as _};

use alloc::string::{String, ToString as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::bytes::{self, is_id, is_name};
use crate::error::{Fault, Field, UnusableKey};
use crate::format::{self, native};
use crate::grant::{Countries, DownloadName, MAX_NUMBER, Network, parse_text};
use crate::key::{Entry, KeyRing};
use crate::mac::Tag;
use crate::path::{CanonicalPath, PathError};
use crate::query::{ParamNames, SignedQuery, is_query};
use crate::request::{Request, Target};
use crate::scope::Scope;
use crate::time::UnixTime;

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
///     .directory(2)
///     .sign(now)?;
/// assert!(link.as_str().starts_with(
///     "https://cdn.example.com/videos/42/master.m3u8?pg=1&exp=1767225600&kid=main&dir=2&sig="
/// ));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Signer {
    ring: KeyRing,
}

impl Signer {
    /// How long a link lasts where nothing else is said, in seconds.
    pub const DEFAULT_LIFETIME: u64 = 600;

    /// A signer with these keys.
    #[must_use]
    pub const fn new(ring: KeyRing) -> Self {
        Self { ring }
    }

    /// Starts a link to `url`: absolute, percent-encoded as a browser would send it.
    pub fn link<'a>(&'a self, url: &'a str) -> Builder<'a, &'a str> {
        Builder { ring: &self.ring, urls: url, terms: Terms::default() }
    }

    /// Starts a batch of links that differ in their URL alone.
    pub fn links<I>(&self, urls: I) -> Builder<'_, Batch<I>> {
        Builder { ring: &self.ring, urls: Batch(urls), terms: Terms::default() }
    }
}

/// Many URLs to sign on the same terms.
#[derive(Clone, Debug)]
pub struct Batch<I>(I);

/// What a link shall allow. [`Signer::link`] and [`Signer::links`] start one.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder<'a, U> {
    ring: &'a KeyRing,
    urls: U,
    terms: Terms<'a>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Terms<'a> {
    expiry: Expiry,
    key: Option<&'a str>,
    audience: Option<&'a str>,
    countries: Option<&'a str>,
    directory: Option<u8>,
    download: Option<&'a str>,
    network: Option<Network>,
    token_id: Option<&'a str>,
    not_before: Option<UnixTime>,
    run: Option<u64>,
    session: Option<&'a str>,
    subject: Option<&'a str>,
    in_path: bool,
}

#[derive(Clone, Copy, Debug)]
enum Expiry {
    At(UnixTime),
    In(u64),
}

impl Default for Expiry {
    fn default() -> Self {
        Self::In(Signer::DEFAULT_LIFETIME)
    }
}

impl<'a, U> Builder<'a, U> {
    /// Ends `secs` seconds after the time of signing.
    pub const fn expires_in(mut self, secs: u64) -> Self {
        self.terms.expiry = Expiry::In(secs);
        self
    }

    /// Ends at `time`. Wire name: `exp`.
    pub const fn expires_at(mut self, time: UnixTime) -> Self {
        self.terms.expiry = Expiry::At(time);
        self
    }

    /// Signs with the key of this id instead of the ring's first. Wire name: `kid`.
    pub const fn key(mut self, kid: &'a str) -> Self {
        self.terms.key = Some(kid);
        self
    }

    /// Allows all below the first `n` segments of the path (1 to 64). Wire name: `dir`.
    pub const fn directory(mut self, n: u8) -> Self {
        self.terms.directory = Some(n);
        self
    }

    /// Puts the token in the path, where relative addresses inherit it, and not in the query. A token
    /// that travels as cookie or bearer is signed in this way too: see [`Link::token`].
    pub const fn in_path(mut self) -> Self {
        self.terms.in_path = true;
        self
    }

    /// For this deployment alone: 1 to 64 of `A-Z a-z 0-9 - _ .`. Wire name: `aud`.
    pub const fn audience(mut self, name: &'a str) -> Self {
        self.terms.audience = Some(name);
        self
    }

    /// For clients in these countries alone, ISO 3166-1 alpha-2 in upper case, parted by dots: `PT.ES`.
    /// Wire name: `cc`.
    pub const fn countries(mut self, countries: &'a str) -> Self {
        self.terms.countries = Some(countries);
        self
    }

    /// To be saved as a file of this name: 1 to 255 bytes of any text without controls. Wire name: `dl`.
    pub const fn download(mut self, name: &'a str) -> Self {
        self.terms.download = Some(name);
        self
    }

    /// For clients in this network alone. Wire name: `ip`.
    pub const fn network(mut self, network: Network) -> Self {
        self.terms.network = Some(network);
        self
    }

    /// The token's own id: 1 to 64 of `A-Z a-z 0-9 - _`. Wire name: `jti`.
    pub const fn token_id(mut self, id: &'a str) -> Self {
        self.terms.token_id = Some(id);
        self
    }

    /// Not before this time. Wire name: `nbf`.
    pub const fn not_before(mut self, time: UnixTime) -> Self {
        self.terms.not_before = Some(time);
        self
    }

    /// Play-until: the gate may exchange the token for one that lasts so many seconds. Wire name: `run`.
    pub const fn run(mut self, secs: u64) -> Self {
        self.terms.run = Some(secs);
        self
    }

    /// The playback session: 1 to 64 of `A-Z a-z 0-9 - _`. Wire name: `sid`.
    pub const fn session(mut self, id: &'a str) -> Self {
        self.terms.session = Some(id);
        self
    }

    /// The viewer: 1 to 64 of `A-Z a-z 0-9 - _`. Wire name: `sub`.
    pub const fn subject(mut self, id: &'a str) -> Self {
        self.terms.subject = Some(id);
        self
    }
}

impl<'a> Builder<'a, &'a str> {
    /// Signs the link.
    ///
    /// # Errors
    /// A [`SignError`] that says what to write instead.
    pub fn sign(self, now: UnixTime) -> Result<Link, SignError> {
        self.terms.checked(self.ring, now)?.sign(self.urls)
    }
}

impl<'a, I> Builder<'a, Batch<I>>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    /// Signs one link for each URL, in order. The terms are checked once, and the key's schedule is
    /// the ring's.
    ///
    /// # Errors
    /// A [`SignError`] where the terms cannot be signed at all; each URL has a result of its own.
    pub fn sign(
        self,
        now: UnixTime,
    ) -> Result<impl Iterator<Item = Result<Link, SignError>> + use<'a, I>, SignError> {
        let terms = self.terms.checked(self.ring, now)?;
        Ok(self.urls.0.into_iter().map(move |url| terms.sign(url.as_ref())))
    }
}

/// 100 years, in seconds: an expiry beyond it was given in milliseconds.
const FAR: u64 = 100 * 365 * 86_400;

impl<'a> Terms<'a> {
    fn checked(self, ring: &'a KeyRing, now: UnixTime) -> Result<CheckedTerms<'a>, SignError> {
        let entry = match self.key {
            Some(kid) => ring.find(kid)?,
            None => ring.entries().next().ok_or(UnusableKey::Unknown)?,
        };
        if entry.is_retired(now) {
            return Err(UnusableKey::Retired.into());
        }
        let expires = match self.expiry {
            Expiry::At(time) => time,
            Expiry::In(secs) => now.saturating_add(secs),
        };
        if expires <= now {
            return Err(SignError::ExpiresInThePast);
        }
        if expires.secs_since(now) > FAR {
            return Err(SignError::ExpiresTooFar);
        }
        if self.not_before.is_some_and(|start| start >= expires) {
            return Err(SignError::NeverValid);
        }
        let field = |field| move |fault| SignError::Field(field, fault);
        let number = |name, n: Option<u64>, most| match n {
            Some(n) if n < 1 || n > most => Err(SignError::Field(name, Fault::OutOfRange)),
            _ => Ok(()),
        };
        number(Field::Dir, self.directory.map(u64::from), native::MAX_DIRECTORY.into())?;
        number(Field::Run, self.run, MAX_NUMBER)?;
        if let Some(countries) = self.countries {
            Countries::parse(countries).map_err(field(Field::Cc))?;
        }
        if let Some(name) = self.audience {
            parse_text(name, native::MAX_NAME_LEN, is_name).map_err(field(Field::Aud))?;
        }
        if let Some(name) = self.download {
            DownloadName::check(name).map_err(field(Field::Dl))?;
        }
        let check_id = |name, id: Option<&str>| match id {
            Some(id) => parse_text(id, native::MAX_NAME_LEN, is_id).map(drop).map_err(field(name)),
            None => Ok(()),
        };
        check_id(Field::Jti, self.token_id)?;
        check_id(Field::Sid, self.session)?;
        check_id(Field::Sub, self.subject)?;
        Ok(CheckedTerms { terms: self, entry, expires })
    }
}

#[derive(Clone, Copy)]
struct CheckedTerms<'a> {
    terms: Terms<'a>,
    entry: &'a Entry,
    expires: UnixTime,
}

impl CheckedTerms<'_> {
    fn sign(&self, url: &str) -> Result<Link, SignError> {
        let Target { base, path, query, .. } = Target::parse(url).map_err(|_| SignError::Url)?;
        if !base.is_empty() && !is_http(base) {
            return Err(SignError::Url);
        }
        if native::split_path(path).0.is_some()
            || query.is_some_and(|q| native::find_param(q).is_some())
        {
            return Err(SignError::AlreadySigned);
        }
        let path = match CanonicalPath::parse(path) {
            Ok(canonical) if query.is_none() => canonical,
            canonical => {
                check_marks(path, query.unwrap_or_default())?;
                canonical?
            }
        };
        let scope = match (self.terms.directory, query) {
            (Some(n), _) => Scope::directory(path, n).ok_or(SignError::OutsideScope)?,
            (None, None) => Scope::exact(path, SignedQuery::None),
            (None, Some(query)) if self.terms.in_path => {
                Scope::exact(path, SignedQuery::Without(query, ParamNames::default()))
            }
            (None, Some(query)) => Scope::exact(path, SignedQuery::Whole(query)),
        };

        // One allocation for most links: a token without long bindings has under 200 bytes.
        let mut link = String::with_capacity(url.len().saturating_add(200));
        link.push_str(base);
        if self.terms.in_path {
            link.push('/');
            self.push_token(scope, None, &mut link)?;
            path.pieces(&mut |piece| link.push_str(piece));
            if let Some(query) = query {
                link.push('?');
                link.push_str(query);
            }
        } else {
            path.pieces(&mut |piece| link.push_str(piece));
            link.push('?');
            if let Some(query) = query {
                link.push_str(query);
                link.push('&');
            }
            let exact = self.terms.directory.is_none();
            self.push_token(scope, exact.then_some(base.len()), &mut link)?;
        }
        if link.len() > Request::MAX_URL_LEN {
            return Err(SignError::UrlTooLong);
        }
        Ok(Link { url: link, expires: self.expires })
    }

    /// Appends the token. Where its scope is what the link has from a place on, but for the byte before
    /// the token, that place is `scope_at`.
    fn push_token(
        &self,
        scope: Scope<'_>,
        scope_at: Option<usize>,
        link: &mut String,
    ) -> Result<(), SignError> {
        let start = link.len();
        self.push_fields(link);
        let end = link.len();
        link.push_str("&sig=");
        let tag = match scope_at {
            Some(at) => self.tag_in_place(link, at, start, end),
            None => {
                let mut mac = self.entry.key.mac().start();
                scope.pieces(&mut |piece| mac.update(piece));
                mac.update("\n");
                mac.update(link.get(start..end).unwrap_or_default());
                mac.finish()
            }
        };
        link.push_str(tag.encode().as_str());
        if link.len().saturating_sub(start) > native::MAX_TOKEN_LEN {
            return Err(SignError::Field(Field::Token, Fault::WrongLength));
        }
        Ok(())
    }

    /// The tag over a link from `at` to `end`, with a line feed before the token at `start`.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn tag_in_place(&self, link: &mut String, at: usize, start: usize, end: usize) -> Tag {
        // Read over, not hashed: so that the last block can be loaded whole, as where a link is verified.
        const BEHIND: &str = "...........................................................";
        let len = link.len();
        link.push_str(BEHIND);
        let feed = start.saturating_sub(at).saturating_sub(1);
        let text = link.get(at..).unwrap_or_default();
        let hash = self.entry.key.mac().hash_in_place(text, feed, end.saturating_sub(at));
        link.truncate(len);
        hash.tag()
    }

    /// Appends the fields that every token starts with, `pg=1&exp=..&kid=..`.
    ///
    /// They are put together first, around the place between `exp` and `kid`. To push them piece by piece
    /// takes 10 ns longer.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn push_required(&self, token: &mut String) {
        const START: &[u8; 9] = b"pg=1&exp=";
        const KID: &[u8; 5] = b"&kid=";
        const KID_AT: usize = NUMBER_LEN + KID.len();
        let kid = &self.entry.id;
        let mut text = Required([b'0'; 80]);
        let mut from = 0;
        if let Some((exp, rest)) = text.0.split_first_chunk_mut() {
            from = write_number(self.expires.as_secs(), exp).saturating_sub(START.len());
            put(START, exp.get_mut(from..));
            put(KID, Some(&mut *rest));
            put(kid.padded(), rest.get_mut(KID.len()..));
        }
        let text = core::str::from_utf8(&text.0).unwrap_or_default();
        token.push_str(text.get(from..KID_AT.saturating_add(kid.len())).unwrap_or_default());
    }

    fn push_fields(&self, token: &mut String) {
        let terms = &self.terms;
        self.push_required(token);
        push_text("&aud=", terms.audience, token);
        push_text("&cc=", terms.countries, token);
        if let Some(n) = terms.directory {
            token.push_str("&dir=");
            push_number(n.into(), token);
        }
        if let Some(name) = terms.download {
            token.push_str("&dl=");
            URL_SAFE_NO_PAD.encode_string(name, token);
        }
        if let Some(network) = terms.network {
            // Writing to a String cannot fail.
            let _ = write!(token, "&ip={network}");
        }
        push_text("&jti=", terms.token_id, token);
        if let Some(time) = terms.not_before {
            token.push_str("&nbf=");
            push_number(time.as_secs(), token);
        }
        if let Some(secs) = terms.run {
            token.push_str("&run=");
            push_number(secs, token);
        }
        push_text("&sid=", terms.session, token);
        push_text("&sub=", terms.subject, token);
    }
}

/// Puts a text of known length at the start of a buffer, without a call.
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn put<const N: usize>(text: &[u8; N], buffer: Option<&mut [u8]>) {
    if let Some(start) = buffer.and_then(<[u8]>::first_chunk_mut) {
        *start = *text;
    }
}

/// Whole and aligned words, as the check for UTF-8 goes faster over these.
#[repr(align(8))]
struct Required([u8; 80]);

/// Looks for what a URL to sign may not have in its query, and a fragment first.
fn check_marks(path: &str, query: &str) -> Result<(), SignError> {
    if path.contains('#') || query.contains('#') {
        Err(SignError::Fragment)
    } else if !is_query(query) || query.contains(['"', '\'', '<', '>']) {
        Err(SignError::Query)
    } else {
        Ok(())
    }
}

fn is_http(base: &str) -> bool {
    let host = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && bytes::all(host.as_bytes(), bytes::is_graphic))
}

fn push_text(name: &str, value: Option<&str>, token: &mut String) {
    if let Some(value) = value {
        token.push_str(name);
        token.push_str(value);
    }
}

fn push_number(number: u64, token: &mut String) {
    let mut digits = [0; NUMBER_LEN];
    let from = write_number(number, &mut digits);
    let digits = digits.get(from..).and_then(|digits| core::str::from_utf8(digits).ok());
    token.push_str(digits.unwrap_or_default());
}

/// Places for decimal digits: an even number, and enough for any `u64`.
const NUMBER_LEN: usize = 32;

/// Writes decimal digits to the end of a buffer, and gives the place of the first. `write!` takes longer
/// than all the rest of a token's text together.
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn write_number(number: u64, buffer: &mut [u8; NUMBER_LEN]) -> usize {
    let mut from = buffer.len();
    let mut rest = number;
    // Two at a time: each step has to wait for the division of the one before.
    for [tens, ones] in buffer.as_chunks_mut().0.iter_mut().rev() {
        let two = (rest % 100) as u8;
        *tens = b'0'.wrapping_add(two / 10);
        *ones = b'0'.wrapping_add(two % 10);
        from = from.wrapping_sub(2);
        rest /= 100;
        if rest == 0 {
            return if two < 10 { from.wrapping_add(1) } else { from };
        }
    }
    from
}

/// A signed link. It is a credential: it prints itself with [`Display`](fmt::Display), never with
/// [`Debug`](fmt::Debug).
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    url: String,
    expires: UnixTime,
}

impl Link {
    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// When it ends.
    #[must_use]
    pub const fn expires(&self) -> UnixTime {
        self.expires
    }

    /// The part of the URL space that it allows.
    #[must_use]
    pub fn scope(&self) -> String {
        let request = Request::new(&self.url);
        let located = format::locate(&request);
        let token = located.and_then(|located| format::read(&located, ParamNames::default()));
        token.map(|token| token.scope.to_string()).unwrap_or_default()
    }

    /// The token by itself, to be sent as the cookie `pg` or as `Authorization: Bearer`. With an exact
    /// scope and a query, sign [`in_path`](Builder::in_path) for these.
    #[must_use]
    pub fn token(&self) -> &str {
        let request = Request::new(&self.url);
        format::locate(&request).map(|located| located.text).unwrap_or_default()
    }
}

impl From<Link> for String {
    fn from(link: Link) -> Self {
        link.url
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("expires", &self.expires).finish_non_exhaustive()
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// Why nothing was signed, and what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// The URL carries a token.
    AlreadySigned,
    /// The link would end before it begins.
    ExpiresInThePast,
    /// The link would last more than 100 years.
    ExpiresTooFar,
    /// A term has a value that the format cannot carry.
    Field(Field, Fault),
    /// The URL has a fragment, which no server sees.
    Fragment,
    /// The ring cannot sign with that key.
    Key(UnusableKey),
    /// `nbf` is not before `exp`.
    NeverValid,
    /// `dir` is deeper than the path.
    OutsideScope,
    /// The path breaks the canonical form.
    Path(PathError),
    /// The query has a character that browsers encode.
    Query,
    /// Not an absolute http or https URL, nor a path.
    Url,
    /// The link would be longer than the gate reads.
    UrlTooLong,
}

impl SignError {
    /// The field concerned, where the error is of one.
    #[must_use]
    pub const fn field(self) -> Field {
        match self {
            Self::ExpiresInThePast | Self::ExpiresTooFar => Field::Exp,
            Self::Field(field, _) => field,
            Self::Key(_) => Field::Kid,
            Self::NeverValid => Field::Nbf,
            Self::OutsideScope => Field::Dir,
            Self::AlreadySigned
            | Self::Fragment
            | Self::Path(_)
            | Self::Query
            | Self::Url
            | Self::UrlTooLong => Field::Url,
        }
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadySigned => f.write_str("the URL carries a token already; sign it without"),
            Self::ExpiresInThePast => f.write_str("the link would expire before it is signed"),
            Self::ExpiresTooFar => f.write_str(
                "the link would last over 100 years; give the expiry in seconds, not milliseconds",
            ),
            Self::Field(field, fault) => write!(f, "`{}` {fault}", field.name()),
            Self::Fragment => f.write_str("the URL has a #fragment; append it to the signed link"),
            Self::Key(UnusableKey::Retired) => f.write_str("the key is retired"),
            Self::Key(UnusableKey::Unknown) => f.write_str("the key ring has no key of that id"),
            Self::NeverValid => f.write_str("not-before is not earlier than the expiry"),
            Self::OutsideScope => f.write_str(
                "the path has fewer directories than asked for; what follows its last / is a file",
            ),
            Self::Path(error) => write!(f, "the path {error}"),
            Self::Query => f.write_str(
                "the query has a space, a quote, < or >, or a character outside ASCII; \
                 percent-encode it",
            ),
            Self::Url => f.write_str(
                "not an absolute URL; write it as https://host/path, at most 8192 bytes",
            ),
            Self::UrlTooLong => f.write_str("the link would be longer than 8192 bytes"),
        }
    }
}

impl core::error::Error for SignError {}

impl From<PathError> for SignError {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

impl From<UnusableKey> for SignError {
    fn from(error: UnusableKey) -> Self {
        Self::Key(error)
    }
}
