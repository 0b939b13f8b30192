//! Writes native tokens into links.

use core::fmt::Write as _;

use alloc::string::String;

use super::fields::{OPTIONAL, Out, Row, Said};
use super::{MAX_TOKEN_LEN, NAME};
use crate::error::{Fault, Field};
use crate::format::SignedUrl;
use crate::format::place::place;
use crate::key::SecretKey;
use crate::mac::Tag;
use crate::options::{Address, CheckedOptions, Extent, SignError};
use crate::path::CanonicalPath;
use crate::query::{ParamNames, SignedQuery};
use crate::request::Placement;
use crate::scope::{MAX_DIRECTORY, Scope};

/// Signs one URL on options that were checked.
///
/// # Errors
/// What is wrong with the URL.
pub(super) fn write(options: &CheckedOptions<'_, '_>, url: &str) -> Result<SignedUrl, SignError> {
    let address = Address::parse(url, [NAME])?;
    let Address { path, query, .. } = address;
    let extent = match options.options.scope {
        Extent::Fitting => fitting(path)?,
        asked => asked,
    };
    let directory = match extent {
        Extent::Directory(n) => Some(n),
        Extent::Exact | Extent::Fitting => None,
    };
    let in_path = options.options.in_path.unwrap_or(directory.is_some() && path.is_manifest());
    let scope = match (directory, query) {
        (Some(n), _) => Scope::directory(path, n).ok_or(SignError::OutsideScope)?,
        (None, None) => Scope::exact(path, SignedQuery::None),
        (None, Some(query)) if in_path => {
            Scope::exact(path, SignedQuery::Without(query, ParamNames::default()))
        }
        (None, Some(query)) => Scope::exact(path, SignedQuery::Whole(query)),
    };
    if directory.is_none() && options.options.preview.is_some() {
        return Err(SignError::Field(Field::Pre, Fault::NeedsDirectory));
    }
    // One allocation for most links: a token without long bindings has under 200 bytes.
    let room = url.len().saturating_add(200);
    let push = |link: &mut String| push_token(options, scope, directory, link);
    let (url, token) = place(&address, in_path, "", room, push)?;
    let placement = if in_path { Placement::Path } else { Placement::Query };
    Ok(SignedUrl { url, token, placement, scope: Some(extent) })
}

/// Appends a token: for a directory, the first `n` segments, or for an exact scope.
pub(super) fn push_token(
    options: &CheckedOptions<'_, '_>,
    scope: Scope<'_>,
    n: Option<u8>,
    link: &mut String,
) -> Result<(), SignError> {
    let start = link.len();
    push_fields(options, n, link);
    let tag = tag(&options.entry.key, scope, link.get(start..).unwrap_or_default());
    link.push_str("&sig=");
    tag.push_to(link);
    if link.len().saturating_sub(start) > MAX_TOKEN_LEN {
        return Err(SignError::Field(Field::Token, Fault::WrongLength));
    }
    Ok(())
}

pub(super) fn push_fields(
    options: &CheckedOptions<'_, '_>,
    directory: Option<u8>,
    token: &mut String,
) {
    // Writing to a String cannot fail.
    let _ = write!(token, "pg=1&exp={}&kid=", options.expires.as_secs());
    token.push_str(options.entry.id.as_str());
    let said = Said { options, directory };
    for Row { field, write, .. } in OPTIONAL {
        write(&said, Out { field: *field, token: &mut *token });
    }
}

/// A token of its two parts.
#[cfg(feature = "alloc")]
pub(super) fn join(fields: &str, tag: &str) -> String {
    [fields, tag].join("&sig=")
}

/// The directory that a manifest is in: players fetch from there what it lists. What is no manifest is one
/// address.
///
/// # Errors
/// [`SignError::NoDirectory`] for a manifest without one: a link to it only would not play.
fn fitting(path: CanonicalPath<'_>) -> Result<Extent, SignError> {
    if !path.is_manifest() {
        return Ok(Extent::Exact);
    }
    let depth = u8::try_from(path.depth()).ok();
    let depth = depth.filter(|n| (1..=MAX_DIRECTORY).contains(n));
    depth.map(Extent::Directory).ok_or(SignError::NoDirectory)
}

/// The tag over a scope and the fields of a token.
pub(super) fn tag(key: &SecretKey, scope: Scope<'_>, fields: &str) -> Tag {
    let mut mac = key.mac().start();
    scope.pieces(&mut |piece| mac.update(piece));
    mac.update("\n");
    mac.update(fields);
    mac.finish()
}
