//! A URL to sign.

use crate::bytes;
use crate::error::{Fault, ParseError};
use crate::options::SignError;
use crate::path::CanonicalPath;
use crate::query::is_query;
use crate::request::{UrlParts, is_signed};

/// The parts of a URL that can be signed.
pub(crate) struct Address<'a> {
    /// Scheme and authority; empty where the URL starts with its path.
    pub(crate) base: &'a str,
    pub(crate) path: CanonicalPath<'a>,
    pub(crate) query: Option<&'a str>,
}

impl<'a> Address<'a> {
    /// Takes a URL apart that carries no token that goes by one of `names`.
    pub(crate) fn parse<'n>(
        url: &'a str,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Self, SignError> {
        let UrlParts { base, path, query, .. } =
            UrlParts::parse(url).map_err(|error| match error {
                ParseError::Malformed(_, Fault::WrongLength) => SignError::UrlTooLong(url.len()),
                ParseError::Malformed(_, Fault::NoHost) => SignError::UrlWithoutHost,
                _ => SignError::Url,
            })?;
        if !base.is_empty() {
            check_base(base)?;
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

/// Checks scheme and authority: `https://user@host:port`.
fn check_base(base: &str) -> Result<(), SignError> {
    let authority = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
    let authority = authority.ok_or(SignError::Url)?;
    if !bytes::all(authority.as_bytes(), bytes::is_graphic) {
        return Err(SignError::Url);
    }
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.is_empty() || host.starts_with(':') {
        return Err(SignError::UrlWithoutHost);
    }
    Ok(())
}
