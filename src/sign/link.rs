//! What a signer gives.

use core::fmt;
use core::ops::Range;

use alloc::string::{String, ToString as _};

use crate::cookie::set_cookie;
use crate::format::SignedUrl;
use crate::options::{Extent, SignError};
use crate::path::CanonicalPath;
use crate::query::{ParamNames, SignedQuery};
use crate::request::{Placement, Request, UrlParts};
use crate::scope::Scope;
use crate::time::UnixTime;

/// A signed link. It is a credential: it prints itself with [`Display`](fmt::Display), never with
/// [`Debug`](fmt::Debug).
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    url: String,
    /// Where in the URL the token stands.
    token: Range<usize>,
    placement: Placement,
    /// How much of the URL space it opens, where that is known.
    extent: Option<Extent>,
    expires: UnixTime,
}

impl Link {
    pub(super) fn new(written: SignedUrl, expires: UnixTime) -> Result<Self, SignError> {
        let SignedUrl { url, token, placement, scope: extent } = written;
        if url.len() > Request::MAX_URL_LEN {
            return Err(SignError::UrlTooLong(url.len()));
        }
        Ok(Self { url, token, placement, extent, expires })
    }

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

    /// The part of the URL space that it allows. `None` where the gate alone knows that: of a JWT.
    #[must_use]
    pub fn scope(&self) -> Option<String> {
        let extent = self.extent?;
        // The address without the token.
        let (before, after) = (self.url.get(..self.token.start)?, self.url.get(self.token.end..)?);
        let mark: &[char] = if self.placement == Placement::Path { &['/'] } else { &['?', '&'] };
        let address = [before.get(..before.rfind(mark)?)?, after].concat();
        let UrlParts { path, query, .. } = UrlParts::parse(&address).ok()?;
        let path = CanonicalPath::parse(path).ok()?;
        let scope = match (extent, query) {
            (Extent::Directory(n), _) => Scope::directory(path, n)?,
            (_, None) => Scope::exact(path, SignedQuery::None),
            (_, Some(query)) if self.placement == Placement::Path => {
                Scope::exact(path, SignedQuery::Without(query, ParamNames::default()))
            }
            (_, Some(query)) => Scope::exact(path, SignedQuery::Whole(query)),
        };
        Some(scope.to_string())
    }

    /// The value of a `Set-Cookie` header that hands the token over at the time `now` (RFC 6265), for all
    /// below the link's directory and until the link ends. Players then need no token in any address,
    /// where browsers keep cookies. The answer with it has to come from the host of the link.
    ///
    /// `None` where the link opens one address only, where its directory is for the gate to say, as of a
    /// JWT, and where browsers would drop the cookie: a directory of more than 1,024 bytes.
    #[must_use]
    pub fn cookie(&self, now: UnixTime) -> Option<String> {
        let is_directory = matches!(self.extent, Some(Extent::Directory(_)));
        let directory = self.scope().filter(|_| is_directory)?;
        set_cookie(self.token(), &directory, self.expires.secs_since(now))
    }

    /// Where the token stands.
    #[must_use]
    pub const fn placement(&self) -> Placement {
        self.placement
    }

    /// The token by itself. It may travel as `Authorization: Bearer`; as a cookie a native token stands as
    /// it is, and a JWT behind its name, `token=`. With an exact scope and a query, sign
    /// [`in_path`](crate::Builder::in_path) for these.
    #[must_use]
    pub fn token(&self) -> &str {
        self.url.get(self.token.clone()).unwrap_or_default()
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
