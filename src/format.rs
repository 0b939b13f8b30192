//! Wire formats. Each has one file, with its submodules, and one entry in [`Rules`]. A format finds, reads, writes
//! and explains its tokens. It does not decide whether to accept them: [`verify`](crate::verify) does that, in the
//! same way for all formats.

#[cfg(feature = "alloc")]
mod forms;
#[cfg(feature = "jwt")]
pub(crate) mod jwt;
#[cfg(feature = "alloc")]
pub(crate) mod name;
mod native;
#[cfg(feature = "alloc")]
mod place;
#[cfg(feature = "timed-hmac")]
pub(crate) mod timed_hmac;
mod token;

use core::fmt;
#[cfg(feature = "alloc")]
use core::iter;
#[cfg(feature = "alloc")]
use core::ops::Range;

#[cfg(feature = "alloc")]
use alloc::{string::String, vec::Vec};

#[cfg(feature = "alloc")]
use crate::description::FieldDescription;
use crate::error::Refusal;
#[cfg(feature = "alloc")]
use crate::key::KeyRing;
#[cfg(feature = "alloc")]
use crate::options::{CheckedOptions, Extent, LinkOptions, SignError};
use crate::query::{ParamNames, SignedQuery};
#[cfg(feature = "alloc")]
use crate::request::is_signed;
use crate::request::{Placement, Request, UrlParts};
#[cfg(feature = "alloc")]
use crate::scope::Scope;

#[cfg(feature = "alloc")]
pub use self::native::SegmentSigner;
#[cfg(feature = "alloc")]
pub(crate) use self::native::fields as native_fields;
pub(crate) use self::token::{Kid, Located, SigningInput, UnverifiedToken};

/// A wire format as a gate reads it.
///
/// A token in a query is returned with the query before it, if any, and reaches to the end of the query:
/// [`read`](Self::read) finds where it ends. A token in a path is returned with the rest of the path.
pub(crate) trait Format: Send + Sync {
    /// Its name, in a key ring and in `FORMATS`.
    fn name(&self) -> &'static str;

    /// The token in the first segment of a path.
    fn in_path<'r>(&self, _path: &'r str) -> Option<(&'r str, &'r str)> {
        None
    }

    /// The first token in a query.
    fn in_query<'r>(&self, _query: &'r str) -> Option<(Option<&'r str>, &'r str)> {
        None
    }

    /// The token in an `Authorization` header.
    fn in_bearer<'r>(&self, _header: &'r str) -> Option<&'r str> {
        None
    }

    /// The token in a cookie, `name=value`.
    fn in_cookie<'r>(&self, _pair: &'r str) -> Option<&'r str> {
        None
    }

    /// Parses a located token in place, as it is large, and computes its scope from the request.
    ///
    /// # Errors
    /// The violation of the grammar.
    fn read<'r>(
        &'r self,
        token: &mut UnverifiedToken<'r>,
        unsigned_params: ParamNames<'r>,
    ) -> Result<(), Refusal>;

    /// The signing input.
    fn input<'r>(&self, token: &UnverifiedToken<'r>) -> SigningInput<'r>;

    /// The signing input if the request had another query. `None` if the tag covers no query.
    fn input_with<'r>(
        &self,
        _token: &UnverifiedToken<'r>,
        _query: SignedQuery<'r>,
    ) -> Option<SigningInput<'r>> {
        None
    }

    /// The text after a token in a query.
    fn after<'r>(&self, _text: &'r str) -> Option<&'r str> {
        None
    }

    /// The claims of a token as a JSON object in printable ASCII, if it has any.
    #[cfg(feature = "alloc")]
    fn claims(&self, _token: &UnverifiedToken<'_>) -> Option<String> {
        None
    }

    /// The required issuer of its tokens, if the operator configured one.
    #[cfg(feature = "jwt")]
    fn issuer(&self) -> Option<&str> {
        None
    }
}

impl fmt::Debug for dyn Format + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A wire format that can explain refused tokens. A separate trait, so that a gate that explains nothing does not
/// contain the code.
#[cfg(feature = "alloc")]
pub(crate) trait Explain: Format {
    /// The first name in a token that is not a field of the format.
    fn unknown_field<'r>(&self, _text: &'r str) -> Option<&'r str> {
        None
    }

    /// Describes each part of a token, which may be malformed.
    fn describe(&self, text: &str, scope: Option<&str>) -> Vec<FieldDescription>;

    /// The signing input, for display.
    fn displayed_input(&self, token: &UnverifiedToken<'_>) -> String;

    /// Explains why a token cannot be read.
    fn diagnose_grammar(
        &self,
        _rules: &Rules<'_>,
        _ring: &KeyRing,
        _request: &Request<'_>,
        _located: &Located<'_>,
    ) -> Vec<String> {
        Vec::new()
    }

    /// Finds changes with which the signature of a well-formed token fits.
    fn diagnose_signature(&self, ring: &KeyRing, token: &UnverifiedToken<'_>) -> Vec<String>;

    /// The likely cause if a signature fits nothing that was tried.
    fn likely_cause(&self) -> Option<&'static str> {
        None
    }
}

/// A wire format whose tokens a gate passes on: in a cookie, in the addresses of a manifest, or exchanged. A separate
/// trait for the same reason as [`Explain`].
#[cfg(feature = "alloc")]
pub(crate) trait Exchange: Format {
    /// The name of its tokens in addresses and cookies.
    fn token_name(&self) -> &str;

    /// Whether a part of a request may contain a token that is bound to countries.
    fn may_name_countries(&self, _text: &str) -> bool {
        false
    }

    /// Checks that its tokens can carry this audience.
    ///
    /// # Errors
    /// What to write instead.
    fn check_audience(&self, _name: &str) -> Result<(), &'static str> {
        Ok(())
    }

    /// How a gate makes tokens in this format, if it can.
    fn mint(&self) -> Option<&'static dyn Mint> {
        None
    }

    /// A token with its name, as in a path or a cookie.
    fn named(&self, token: &UnverifiedToken<'_>) -> String;
}

/// A wire format as a signer writes it.
#[cfg(feature = "alloc")]
pub(crate) trait Writer: Send + Sync {
    /// The name of the format, in a key ring.
    fn name(&self) -> &'static str;

    /// The default lifetime of a link in seconds; `None` if the format has none.
    fn lifetime(&self) -> Option<u64> {
        None
    }

    /// Checks that a token can express all options.
    ///
    /// # Errors
    /// The first option that it cannot.
    fn check(&self, options: &LinkOptions<'_>) -> Result<(), SignError>;

    /// Signs one URL with checked options.
    ///
    /// # Errors
    /// What is wrong with the URL.
    fn write(&self, options: &CheckedOptions<'_, '_>, url: &str) -> Result<SignedUrl, SignError>;
}

#[cfg(feature = "alloc")]
impl fmt::Debug for dyn Writer + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The native format, the default of signers.
#[cfg(feature = "alloc")]
pub(crate) const NATIVE: &dyn Writer = &native::Native;

/// A URL with a token.
#[cfg(feature = "alloc")]
pub(crate) struct SignedUrl {
    pub(crate) url: String,
    /// The range of the token in the URL, without its name.
    pub(crate) token: Range<usize>,
    pub(crate) placement: Placement,
    /// What it allows. `None` if only the gate knows.
    pub(crate) scope: Option<Extent>,
}

/// A format in which a gate makes tokens.
#[cfg(feature = "alloc")]
pub(crate) trait Mint: Writer {
    /// Makes a token with its name, for a directory of the first `n` segments or for an exact scope.
    ///
    /// # Errors
    /// [`SignError::Field`] if it would be too long.
    fn token(
        &self,
        options: &CheckedOptions<'_, '_>,
        scope: Scope<'_>,
        n: Option<u8>,
    ) -> Result<String, SignError>;

    /// Signs single addresses with these options, without a directory or a preview.
    fn segment_signer(
        &self,
        options: &CheckedOptions<'_, '_>,
        unsigned_params: ParamNames<'_>,
    ) -> SegmentSigner;
}

/// The names of tokens in addresses and cookies: `pg`, and those of the other formats that a gate reads.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub struct TokenNames(Vec<String>);

#[cfg(feature = "alloc")]
impl TokenNames {
    pub(crate) fn of(rules: &Rules<'_>) -> Self {
        Self(rules.names().map(String::from).collect())
    }

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether an address has a token in its path or in its query.
    #[must_use]
    pub fn are_in(&self, path: &str, query: Option<&str>) -> bool {
        is_signed(self.iter(), path, query)
    }
}

/// What a gate must know to read a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) audience: Option<&'a str>,
    #[cfg(feature = "jwt")]
    pub(crate) jwt: Option<&'a jwt::JwtRules>,
    /// Whether native tokens are read.
    pub(crate) native: bool,
    #[cfg(feature = "timed-hmac")]
    pub(crate) timed_hmac: Option<&'a timed_hmac::TimedHmac>,
    pub(crate) unsigned_params: ParamNames<'a>,
}

/// The formats that these rules read, as trait objects. This is the only list of formats: it is used to find tokens,
/// to explain them and to pass them on.
macro_rules! registered {
    ($rules:expr, $trait:path) => {{
        let formats: [Option<&dyn $trait>; _] = [
            if $rules.native { Some(&native::Native) } else { None },
            #[cfg(feature = "jwt")]
            $rules.jwt.map(|format| format as _),
            #[cfg(feature = "timed-hmac")]
            $rules.timed_hmac.map(|format| format as _),
        ];
        formats.into_iter().flatten()
    }};
}

impl<'a> Rules<'a> {
    /// The rules of a gate that reads only native tokens.
    pub(crate) const NATIVE: Self = Self {
        audience: None,
        #[cfg(feature = "jwt")]
        jwt: None,
        native: true,
        #[cfg(feature = "timed-hmac")]
        timed_hmac: None,
        unsigned_params: ParamNames::new(""),
    };

    /// The formats that are read.
    pub(crate) fn formats(&self) -> impl Iterator<Item = &'a dyn Format> + use<'a> {
        registered!(self, Format)
    }

    /// The formats that are read, for passing tokens on.
    #[cfg(feature = "alloc")]
    pub(crate) fn exchanges(&self) -> impl Iterator<Item = &'a dyn Exchange> + use<'a> {
        registered!(self, Exchange)
    }

    /// Finds the explanations for a format.
    #[cfg(feature = "alloc")]
    pub(crate) fn explainer(&self, format: &dyn Format) -> Option<&'a dyn Explain> {
        registered!(self, Explain).find(|known| known.name() == format.name())
    }

    /// Finds the only token of a request outside cookies.
    ///
    /// # Errors
    /// [`Refusal::Missing`], [`Refusal::Ambiguous`], or what is wrong with the URL.
    pub(crate) fn locate<'r>(&self, request: &Request<'r>) -> Result<Located<'r>, Refusal>
    where
        'a: 'r,
    {
        let target = UrlParts::parse(request.url)?;
        let UrlParts { base, path, query } = target;
        let mut found = Err(Refusal::Missing);
        for format in self.formats() {
            let mut add = |placement, text, path, query| {
                found = match found {
                    Err(Refusal::Missing) => {
                        Ok(Located { format, placement, text, base, path, query })
                    }
                    _ => Err(Refusal::Ambiguous),
                };
            };
            if let Some((before, text)) = query.and_then(|query| format.in_query(query)) {
                add(Placement::Query, text, path, before);
            }
            if let Some((text, path)) = format.in_path(path) {
                add(Placement::Path, text, path, query);
            }
            if let Some(text) = request.authorization.and_then(|header| format.in_bearer(header)) {
                add(Placement::Bearer, text, path, query);
            }
        }
        let located = found?;
        // A second token in the path, after the first.
        let again = |format: &dyn Format| format.in_path(located.path).is_some();
        if located.placement == Placement::Path && self.formats().any(again) {
            return Err(Refusal::Ambiguous);
        }
        Ok(located)
    }

    /// The tokens in the `Cookie` header (RFC 6265, section 4.2.1), in order, eight at most. They count only if
    /// there is no token elsewhere, so an old cookie never breaks a new link.
    pub(crate) fn locate_cookies<'r>(
        &self,
        request: &Request<'r>,
    ) -> impl Iterator<Item = Located<'r>> + use<'_, 'a, 'r>
    where
        'a: 'r,
    {
        const MOST: usize = 8;
        let target = UrlParts::parse(request.url).ok();
        let pairs = request.cookie.unwrap_or_default().split(';').map(str::trim);
        let tokens = pairs.filter_map(|pair| {
            self.formats().find_map(|format| Some((format, format.in_cookie(pair)?)))
        });
        tokens.take(MOST).filter_map(move |(format, text)| {
            let UrlParts { base, path, query } = target?;
            Some(Located { format, placement: Placement::Cookie, text, base, path, query })
        })
    }

    /// Check 2: parses the token, and computes from the request what it must cover.
    ///
    /// # Errors
    /// The violation of the grammar.
    pub(crate) fn read<'r>(&self, located: &Located<'r>) -> Result<UnverifiedToken<'r>, Refusal>
    where
        'a: 'r,
    {
        let mut token = UnverifiedToken::unread(*located);
        located.format.read(&mut token, self.unsigned_params)?;
        Ok(token)
    }

    /// The names of tokens in addresses and cookies, always including that of native tokens.
    #[cfg(feature = "alloc")]
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let others =
            self.exchanges().map(Exchange::token_name).filter(|name| *name != native::NAME);
        iter::once(native::NAME).chain(others)
    }

    /// How this gate makes tokens; `None` if it reads no format that allows this.
    #[cfg(feature = "alloc")]
    pub(crate) fn mint(&self) -> Option<&'static dyn Mint> {
        self.exchanges().find_map(Exchange::mint)
    }
}
