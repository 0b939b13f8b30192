//! Writes native tokens into links.

use core::fmt::Write as _;

use alloc::string::String;

use base64ct::{Base64UrlUnpadded, Encoding as _};

use crate::error::{Fault, Field};
use crate::grant::DownloadName;
use crate::key::SecretKey;
use crate::mac::Tag;
use crate::path::CanonicalPath;
use crate::query::{ParamNames, SignedQuery};
use crate::scope::Scope;
use crate::sign::{Address, CheckedTerms, Extent, Link, SignError};
use crate::time::UnixTime;

/// Signs one URL on terms that were checked.
///
/// # Errors
/// What is wrong with the URL.
pub(crate) fn sign(terms: &CheckedTerms<'_, '_>, url: &str) -> Result<Link, SignError> {
    terms.sign(url)
}

impl CheckedTerms<'_, '_> {
    fn sign(&self, url: &str) -> Result<Link, SignError> {
        let Address { base, path, query } = Address::parse(url, [super::NAME])?;
        let directory = match self.terms.scope {
            Extent::Directory(n) => Some(n),
            Extent::Exact => None,
            Extent::Fitting => own_directory(path)?,
        };
        let in_path = self.terms.in_path.unwrap_or(directory.is_some() && path.is_manifest());
        let scope = match (directory, query) {
            (Some(n), _) => Scope::directory(path, n).ok_or(SignError::OutsideScope)?,
            (None, None) => Scope::exact(path, SignedQuery::None),
            (None, Some(query)) if in_path => {
                Scope::exact(path, SignedQuery::Without(query, ParamNames::default()))
            }
            (None, Some(query)) => Scope::exact(path, SignedQuery::Whole(query)),
        };
        if directory.is_none() && self.terms.preview.is_some() {
            return Err(SignError::Field(Field::Pre, Fault::NeedsDirectory));
        }

        // One allocation for most links: a token without long bindings has under 200 bytes.
        let mut link = String::with_capacity(url.len().saturating_add(200));
        link.push_str(base);
        let token = if in_path {
            link.push('/');
            let start = link.len();
            self.push_token(scope, directory, &mut link)?;
            let token = start..link.len();
            path.pieces(&mut |piece| link.push_str(piece));
            if let Some(query) = query {
                link.push('?');
                link.push_str(query);
            }
            token
        } else {
            path.pieces(&mut |piece| link.push_str(piece));
            link.push('?');
            if let Some(query) = query {
                link.push_str(query);
                link.push('&');
            }
            let start = link.len();
            self.push_token(scope, directory, &mut link)?;
            start..link.len()
        };
        Link::new(link, token, in_path, self.expires)
    }

    /// The token by itself: for a directory, the first `n` segments, or for an exact scope.
    #[cfg(feature = "alloc")]
    pub(crate) fn token(&self, scope: Scope<'_>, n: Option<u8>) -> Result<String, SignError> {
        let mut token = String::new();
        self.push_token(scope, n, &mut token)?;
        Ok(token)
    }

    /// Appends the token.
    fn push_token(
        &self,
        scope: Scope<'_>,
        directory: Option<u8>,
        link: &mut String,
    ) -> Result<(), SignError> {
        let start = link.len();
        self.push_fields(directory, link);
        let tag = tag(&self.entry.key, scope, link.get(start..).unwrap_or_default());
        link.push_str("&sig=");
        tag.push_to(link);
        if link.len().saturating_sub(start) > super::MAX_TOKEN_LEN {
            return Err(SignError::Field(Field::Token, Fault::WrongLength));
        }
        Ok(())
    }

    pub(super) fn push_fields(&self, directory: Option<u8>, token: &mut String) {
        let terms = self.terms;
        token.push_str("pg=1");
        push_number("&exp=", Some(self.expires.as_secs()), token);
        push_text("&kid=", Some(self.entry.id.as_str()), token);
        push_text("&aud=", terms.audience, token);
        push_text("&cc=", terms.countries, token);
        push_number("&dir=", directory.map(u64::from), token);
        if let Some(name) = terms.download {
            token.push_str("&dl=");
            if terms.inline {
                token.push_str(DownloadName::INLINE);
            }
            token.push_str(&Base64UrlUnpadded::encode_string(name.as_bytes()));
        }
        push_number("&iat=", self.issued.map(UnixTime::as_secs), token);
        for (n, network) in terms.networks.iter().enumerate() {
            let joint = if n == 0 { "&ip=" } else { "." };
            // Writing to a String cannot fail.
            let _ = write!(token, "{joint}{network}");
        }
        push_text("&jti=", terms.token_id, token);
        push_number("&nbf=", terms.not_before.map(UnixTime::as_secs), token);
        push_number("&pre=", terms.preview, token);
        push_number("&run=", terms.run, token);
        push_text("&sid=", terms.session, token);
        push_text("&sub=", terms.subject, token);
    }
}

/// A token of its two parts.
#[cfg(feature = "alloc")]
pub(crate) fn join(fields: &str, tag: &str) -> String {
    [fields, tag].join("&sig=")
}

/// The directory that a manifest is in, in segments: players fetch from there what it lists. `None` for
/// what is no manifest.
///
/// # Errors
/// [`SignError::NoDirectory`] for a manifest without one: a link to it only would not play.
fn own_directory(path: CanonicalPath<'_>) -> Result<Option<u8>, SignError> {
    if !path.is_manifest() {
        return Ok(None);
    }
    let depth = u8::try_from(path.depth()).ok();
    let depth = depth.filter(|n| (1..=super::MAX_DIRECTORY).contains(n));
    depth.map(Some).ok_or(SignError::NoDirectory)
}

/// The tag over a scope and the fields of a token.
pub(super) fn tag(key: &SecretKey, scope: Scope<'_>, fields: &str) -> Tag {
    let mut mac = key.mac().start();
    scope.pieces(&mut |piece| mac.update(piece));
    mac.update("\n");
    mac.update(fields);
    mac.finish()
}

fn push_text(name: &str, value: Option<&str>, token: &mut String) {
    if let Some(value) = value {
        token.push_str(name);
        token.push_str(value);
    }
}

fn push_number(name: &str, value: Option<u64>, token: &mut String) {
    if let Some(value) = value {
        // Writing to a String cannot fail.
        let _ = write!(token, "{name}{value}");
    }
}
