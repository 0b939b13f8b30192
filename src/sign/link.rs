//! What a signer gives.

use core::fmt;

use alloc::string::{String, ToString as _};

use crate::format;
use crate::query::ParamNames;
use crate::request::{Placement, Request};
use crate::time::UnixTime;

/// A signed link. It is a credential: it prints itself with [`Display`](fmt::Display), never with
/// [`Debug`](fmt::Debug).
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    url: String,
    expires: UnixTime,
}

impl Link {
    pub(crate) const fn new(url: String, expires: UnixTime) -> Self {
        Self { url, expires }
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

    /// The part of the URL space that it allows.
    #[must_use]
    pub fn scope(&self) -> String {
        let request = Request::new(&self.url);
        let located = format::locate(&request);
        let token = located.and_then(|located| format::read(&located, ParamNames::default()));
        token.map(|token| token.scope.to_string()).unwrap_or_default()
    }

    /// Where the token stands.
    #[must_use]
    pub fn placement(&self) -> Placement {
        let request = Request::new(&self.url);
        format::locate(&request).map_or(Placement::Query, |located| located.placement)
    }

    /// The token by itself, to be sent as the cookie `pg` or as `Authorization: Bearer`. With an exact
    /// scope and a query, sign [`in_path`](crate::Builder::in_path) for these.
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
