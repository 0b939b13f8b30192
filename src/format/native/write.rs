//! Writes native tokens into links.

use core::fmt::Write as _;

use alloc::string::String;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Fault, Field};
use crate::grant::DownloadName;
use crate::key::SecretKey;
use crate::mac::Tag;
use crate::path::CanonicalPath;
use crate::query::{ParamNames, SignedQuery};
use crate::scope::Scope;
use crate::sign::{Address, CheckedTerms, Extent, Link, SignError};

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
            self.push_token(scope, directory, None, &mut link)?;
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
            let exact = directory.is_none() && cfg!(not(target_arch = "wasm32"));
            self.push_token(scope, directory, exact.then_some(base.len()), &mut link)?;
            start..link.len()
        };
        Link::new(link, token, in_path, self.expires)
    }

    /// The token by itself: for a directory, the first `n` segments, or for an exact scope.
    #[cfg(feature = "manifest")]
    pub(crate) fn token(&self, scope: Scope<'_>, n: Option<u8>) -> Result<String, SignError> {
        let mut token = String::new();
        self.push_token(scope, n, None, &mut token)?;
        Ok(token)
    }

    /// Appends the token. Where its scope is what the link has from a place on, but for the byte before
    /// the token, that place is `scope_at`.
    fn push_token(
        &self,
        scope: Scope<'_>,
        directory: Option<u8>,
        scope_at: Option<usize>,
        link: &mut String,
    ) -> Result<(), SignError> {
        let start = link.len();
        self.push_fields(directory, link);
        let end = link.len();
        link.push_str("&sig=");
        let tag = match scope_at {
            Some(at) => self.tag_in_place(link, at, start, end),
            None => tag(&self.entry.key, scope, link.get(start..end).unwrap_or_default()),
        };
        link.push_str(tag.encode().as_str());
        if link.len().saturating_sub(start) > super::MAX_TOKEN_LEN {
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
        let hash = self.entry.key.mac().hash_in_place(text, Some(feed), end.saturating_sub(at));
        let tag = hash.tag();
        link.truncate(len);
        tag
    }

    /// Appends the fields that every token starts with, `pg=1&exp=..&kid=..`.
    ///
    /// They are put together first, around the place between `exp` and `kid`. To push them piece by piece
    /// takes 6 ns longer.
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

    pub(super) fn push_fields(&self, directory: Option<u8>, token: &mut String) {
        let terms = self.terms;
        self.push_required(token);
        push_text("&aud=", terms.audience, token);
        push_text("&cc=", terms.countries, token);
        if let Some(n) = directory {
            token.push_str("&dir=");
            push_number(n.into(), token);
        }
        if let Some(name) = terms.download {
            token.push_str("&dl=");
            if terms.inline {
                token.push_str(DownloadName::INLINE);
            }
            URL_SAFE_NO_PAD.encode_string(name, token);
        }
        if let Some(time) = self.issued {
            token.push_str("&iat=");
            push_number(time.as_secs(), token);
        }
        for (n, network) in terms.networks.iter().enumerate() {
            let joint = if n == 0 { "&ip=" } else { "." };
            // Writing to a String cannot fail.
            let _ = write!(token, "{joint}{network}");
        }
        push_text("&jti=", terms.token_id, token);
        if let Some(time) = terms.not_before {
            token.push_str("&nbf=");
            push_number(time.as_secs(), token);
        }
        if let Some(secs) = terms.preview {
            token.push_str("&pre=");
            push_number(secs, token);
        }
        if let Some(secs) = terms.run {
            token.push_str("&run=");
            push_number(secs, token);
        }
        push_text("&sid=", terms.session, token);
        push_text("&sub=", terms.subject, token);
    }
}

/// A token of its two parts.
#[cfg(feature = "manifest")]
pub(crate) fn join(fields: &str, tag: &str) -> String {
    [fields, tag].join("&sig=")
}

/// The directory that a manifest is in, in segments: players fetch from there what it lists. `None` for
/// what is no manifest.
///
/// # Errors
/// [`SignError::NoDirectory`] for a manifest without one: a link to it only would not play.
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
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
