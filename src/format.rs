//! Wire formats. Each is one file that turns a request into an [`UnverifiedToken`]; nothing outside
//! this folder knows which one it was.

pub(crate) mod native;

use core::fmt;

use crate::error::Refusal;
use crate::grant::Grant;
use crate::mac::ShownTag;
use crate::path::CanonicalPath;
use crate::query::ParamNames;
use crate::request::{Placement, Request, Target};
use crate::scope::Scope;

/// A token where it was found, not yet read.
#[derive(Clone, Copy)]
pub(crate) struct Located<'a> {
    pub(crate) placement: Placement,
    /// From the token's first byte on. In a query more may follow; where the token ends is for the
    /// format to say.
    pub(crate) text: &'a str,
    /// Scheme and authority of the URL.
    pub(crate) base: &'a str,
    /// The path without a token.
    pub(crate) path: &'a str,
    /// The query: up to a token in it, or all of it where the token is elsewhere.
    pub(crate) query: Option<&'a str>,
}

/// A token that was read and not yet believed.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "alloc"), expect(dead_code, reason = "clean URLs are built of some"))]
pub(crate) struct UnverifiedToken<'a> {
    pub(crate) placement: Placement,
    pub(crate) kid: &'a str,
    pub(crate) grant: Grant<'a>,
    pub(crate) scope: Scope<'a>,
    /// The token up to its signature.
    pub(crate) signed: &'a str,
    pub(crate) tag: ShownTag<'a>,
    /// Scheme and authority of the URL.
    pub(crate) base: &'a str,
    pub(crate) path: CanonicalPath<'a>,
    /// The query before the token, and what follows it.
    pub(crate) queries: [Option<&'a str>; 2],
}

impl<'a> UnverifiedToken<'a> {
    /// The bytes under the MAC.
    #[inline]
    pub(crate) const fn input(&self) -> SigningInput<'a> {
        SigningInput { scope: self.scope, text: self.signed }
    }
}

/// The bytes under the MAC.
#[derive(Clone, Copy)]
pub(crate) struct SigningInput<'a> {
    scope: Scope<'a>,
    text: &'a str,
}

impl<'a> SigningInput<'a> {
    /// The token's part, without its signature.
    #[cfg(feature = "alloc")]
    pub(crate) const fn text(self) -> &'a str {
        self.text
    }

    #[inline]
    pub(crate) fn pieces(self, sink: &mut impl FnMut(&str)) {
        self.scope.pieces(sink);
        sink("\n");
        sink(self.text);
    }
}

impl fmt::Display for SigningInput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        self.pieces(&mut |piece| result = result.and_then(|()| f.write_str(piece)));
        result
    }
}

/// Check 1: finds the one token of a request.
///
/// # Errors
/// [`Refusal::Missing`], [`Refusal::Ambiguous`], or what is wrong with the URL.
#[inline]
pub(crate) fn locate<'a>(request: &Request<'a>) -> Result<Located<'a>, Refusal> {
    let target = Target::parse(request.url)?;
    native::locate(&target, request)
}

/// Check 2: reads the token, and computes from the request what it has to cover.
///
/// # Errors
/// What breaks the grammar.
#[inline]
pub(crate) fn read<'a>(
    located: &Located<'a>,
    unsigned_params: ParamNames<'a>,
) -> Result<UnverifiedToken<'a>, Refusal> {
    native::read(located, unsigned_params)
}
