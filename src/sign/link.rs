//! What a signer gives.

use core::fmt;
use core::ops::Range;

use alloc::string::{String, ToString as _};

use super::SignError;
use crate::cookie::set_cookie;
use crate::format::{Rules, UnverifiedToken};
use crate::request::{Placement, Request};
use crate::time::UnixTime;

/// A signed link. It is a credential: it prints itself with [`Display`](fmt::Display), never with
/// [`Debug`](fmt::Debug).
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    url: String,
    /// Where in the URL the token stands.
    token: Range<usize>,
    placement: Placement,
    expires: UnixTime,
}

impl Link {
    pub(crate) fn new(
        url: String,
        token: Range<usize>,
        in_path: bool,
        expires: UnixTime,
    ) -> Result<Self, SignError> {
        if url.len() > Request::MAX_URL_LEN {
            return Err(SignError::UrlTooLong(url.len()));
        }
        let placement = if in_path { Placement::Path } else { Placement::Query };
        Ok(Self { url, token, placement, expires })
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
        self.read().map(|token| token.scope.to_string())
    }

    /// The value of a `Set-Cookie` header that hands the token over at the time `now` (RFC 6265), for all
    /// below the link's directory and until the link ends. Players then need no token in any address,
    /// where browsers keep cookies. The answer with it has to come from the host of the link.
    ///
    /// `None` where the link opens one address only, where its directory is for the gate to say, as of a
    /// JWT, and where browsers would drop the cookie: a directory of more than 1,024 bytes.
    #[must_use]
    pub fn cookie(&self, now: UnixTime) -> Option<String> {
        let directory = self.read().filter(|token| token.grant.directory.is_some())?;
        set_cookie(self.token(), &directory.scope.to_string(), self.expires.secs_since(now))
    }

    /// The native token in it.
    fn read(&self) -> Option<UnverifiedToken<'_>> {
        let (request, rules) = (Request::new(&self.url), Rules::NATIVE);
        rules.locate(&request).and_then(|located| rules.read(&located)).ok()
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
