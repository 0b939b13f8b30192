//! Admitted requests.

use core::fmt;

#[cfg(feature = "alloc")]
use alloc::string::String;

use crate::format::UnverifiedToken;
use crate::grant::Grant;
use crate::key::Entry;
use crate::path::CanonicalPath;
#[cfg(feature = "alloc")]
use crate::query::{ParamNames, joined, push_query};
use crate::request::Placement;
use crate::scope::Scope;
use crate::time::UnixTime;

/// An admitted request. Only [`Verifier::verify`](crate::Verifier::verify) creates one.
#[derive(Clone)]
pub struct Verified<'a> {
    pub(super) token: UnverifiedToken<'a>,
    pub(super) key: &'a Entry,
}

impl<'a> Verified<'a> {
    /// Only for a token that has passed every check.
    #[cfg(feature = "alloc")]
    pub(crate) const fn of(token: UnverifiedToken<'a>, key: &'a Entry) -> Self {
        Self { token, key }
    }

    /// What the token allows.
    #[must_use]
    pub const fn grant(&self) -> &Grant<'a> {
        &self.token.grant
    }

    /// What the origin says of the viewer, such as a role, as a JSON object in printable ASCII: the claims of a native
    /// token, or those of a JWT that Playgate does not read itself. `None` if there are none.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn claims(&self) -> Option<String> {
        self.token.located.format.claims(&self.token)
    }

    /// The id of the key that signed it.
    #[must_use]
    pub fn kid(&self) -> &'a str {
        self.key.id.as_str()
    }

    /// When the request is no longer admitted: the token has expired, or its key has retired.
    #[must_use]
    pub fn expires(&self) -> UnixTime {
        self.grant().expires().min(self.key.retires())
    }

    /// The placement of the token.
    #[must_use]
    pub const fn placement(&self) -> Placement {
        self.token.located.placement
    }

    /// The scope of the token.
    #[must_use]
    pub fn scope(&self) -> Scope<'a> {
        self.token.scope()
    }

    /// The key that signed it.
    #[cfg(feature = "alloc")]
    pub(crate) const fn key(&self) -> &'a Entry {
        self.key
    }

    /// Whether the token was in the address.
    #[cfg(feature = "alloc")]
    pub(crate) const fn is_in_address(&self) -> bool {
        matches!(self.placement(), Placement::Path | Placement::Query)
    }

    /// The address from its path on, with another token instead of its own. `None` if the token is not in the
    /// address.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn address_with(&self, token: &str) -> Option<String> {
        let [before, after] = self.token.queries();
        let mut address = String::new();
        let in_query = match self.placement() {
            Placement::Path => {
                address.extend(["/", token]);
                None
            }
            Placement::Query => Some(token),
            Placement::Bearer | Placement::Cookie => return None,
        };
        self.path().pieces(&mut |piece| address.push_str(piece));
        push_query(&mut address, [before, in_query, after].into_iter().flatten());
        Some(address)
    }

    /// Scheme and authority of the address: `https://cdn.example.com`; empty if it starts with its path.
    #[must_use]
    pub const fn base(&self) -> &'a str {
        self.token.located.base
    }

    /// The query parameters without the token.
    pub fn query_params(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let parts = self.token.queries().into_iter().flatten();
        parts.flat_map(|part| part.split('&')).filter(|param| !param.is_empty())
    }

    /// The path to fetch: the verified path, without the token.
    #[must_use]
    pub const fn path(&self) -> CanonicalPath<'a> {
        self.token.path
    }

    /// The query to fetch with: the signed parameters and those named in `forward`. Without `?`; `None` if
    /// nothing is left.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn clean_query(&self, forward: ParamNames<'_>) -> Option<String> {
        let [before, after] = self.token.queries().map(|query| query.map(|query| query.split('&')));
        let before = before.into_iter().flatten();
        let after = after.into_iter().flatten().filter(|param| forward.has(param));
        let scope = self.scope();
        let kept = before.filter(|param| scope.signs(param) || forward.has(param));
        joined(kept.chain(after))
    }

    /// The URL without the token and with the query of [`Verified::clean_query`]. It is the same for every link to
    /// the same media, so it can be a cache key.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn clean_url(&self, forward: ParamNames<'_>) -> String {
        let mut url = String::from(self.token.located.base);
        self.path().pieces(&mut |piece| url.push_str(piece));
        push_query(&mut url, self.clean_query(forward).as_deref());
        url
    }
}

impl fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("kid", &self.kid()).finish_non_exhaustive()
    }
}
