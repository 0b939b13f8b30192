//! A URL to sign.

use super::SignError;
use crate::bytes;
use crate::format::is_signed;
use crate::path::CanonicalPath;
use crate::query::is_query;
use crate::request::Target;

/// The parts of a URL that can be signed.
pub(crate) struct Address<'a> {
    /// Scheme and authority; empty where the URL starts with its path.
    pub(crate) base: &'a str,
    pub(crate) path: CanonicalPath<'a>,
    pub(crate) query: Option<&'a str>,
}

impl<'a> Address<'a> {
    /// Takes a URL apart that carries no token that goes by one of `names`.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn parse<'n>(
        url: &'a str,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Self, SignError> {
        let Target { base, path, query, .. } = Target::parse(url).map_err(|_| SignError::Url)?;
        if !base.is_empty() && !is_http(base) {
            return Err(SignError::Url);
        }
        if is_signed(names.into_iter(), path, query) {
            return Err(SignError::AlreadySigned);
        }
        let path = match CanonicalPath::parse(path) {
            Ok(canonical) if query.is_none() => canonical,
            canonical => {
                check_marks(path, query.unwrap_or_default())?;
                canonical?
            }
        };
        Ok(Self { base, path, query })
    }
}

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
