//! Wire formats. Each is one file that turns a request into an [`UnverifiedToken`], and terms into a link;
//! nothing outside this folder knows which one it was.

#[cfg(feature = "alloc")]
mod forms;
#[cfg(feature = "jwt")]
pub(crate) mod jwt;
pub(crate) mod native;
mod token;

#[cfg(feature = "alloc")]
use core::iter;

#[cfg(feature = "alloc")]
use alloc::{string::String, vec::Vec};

use crate::error::Refusal;
#[cfg(feature = "alloc")]
use crate::inspect::FieldNote;
#[cfg(feature = "alloc")]
use crate::key::KeyRing;
use crate::query::ParamNames;
#[cfg(feature = "alloc")]
use crate::query::name_of;
#[cfg(feature = "alloc")]
use crate::redact::{redacted, redacted_path};
#[cfg(feature = "jwt")]
use crate::request::Placement;
use crate::request::{Request, Target};
#[cfg(feature = "alloc")]
use crate::sign::{CheckedTerms, Link, SignError, Terms};

pub(crate) use self::token::{Found, Kid, Located, UnverifiedToken};

/// What a token is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    #[cfg(feature = "jwt")]
    Jwt,
    Native,
}

impl Format {
    /// Its name, in a key ring and in `FORMATS`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "jwt")]
            Self::Jwt => "jwt",
            Self::Native => "native",
        }
    }
}

/// What a gate has to know to read a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) audience: Option<&'a str>,
    #[cfg(feature = "jwt")]
    pub(crate) jwt: Option<&'a jwt::JwtRules>,
    /// Whether native tokens are read.
    pub(crate) native: bool,
    pub(crate) unsigned_params: ParamNames<'a>,
}

impl<'a> Rules<'a> {
    /// Those of a gate that reads native tokens alone.
    pub(crate) const NATIVE: Self = Self {
        audience: None,
        #[cfg(feature = "jwt")]
        jwt: None,
        native: true,
        unsigned_params: ParamNames::new(""),
    };

    /// Finds the one token of a request that is not in a cookie.
    ///
    /// # Errors
    /// [`Refusal::Missing`], [`Refusal::Ambiguous`], or what is wrong with the URL.
    pub(crate) fn locate<'r>(&self, request: &Request<'r>) -> Result<Located<'r>, Refusal> {
        let target = Target::parse(request.url)?;
        #[cfg(feature = "jwt")]
        if let Some(jwt) = self.jwt {
            return self.locate_either(jwt, &target, request);
        }
        if self.native { native::find(&target, request) } else { Err(Refusal::Missing) }
    }

    /// The tokens in the `Cookie` header (RFC 6265, section 4.2.1), in its order, eight at most. They count
    /// where there is no token elsewhere, so that an old cookie never spoils a new link.
    pub(crate) fn locate_cookies<'r>(
        &self,
        request: &Request<'r>,
    ) -> impl Iterator<Item = Located<'r>> + use<'_, 'a, 'r> {
        const MOST: usize = 8;
        let target = Target::parse(request.url).ok();
        let pairs = request.cookie.unwrap_or_default().split(';').map(str::trim);
        let tokens = pairs.filter_map(|pair| self.in_cookie(pair)).take(MOST);
        tokens.filter_map(move |(format, text)| Some(Located::in_cookie(format, &target?, text)))
    }

    /// The token of a cookie, `name=value`.
    fn in_cookie<'r>(&self, pair: &'r str) -> Option<(Format, &'r str)> {
        #[cfg(feature = "jwt")]
        if let Some(token) = self.jwt.and_then(|jwt| jwt.value(pair)) {
            return Some((Format::Jwt, token));
        }
        let token = native::in_cookie(pair).filter(|_| self.native);
        token.map(|token| (Format::Native, token))
    }

    /// The one token of a request in the formats that are read.
    #[cfg(feature = "jwt")]
    fn locate_either<'r>(
        &self,
        jwt: &jwt::JwtRules,
        target: &Target<'r>,
        request: &Request<'r>,
    ) -> Result<Located<'r>, Refusal> {
        let one = |native, jwt| match (native, jwt) {
            (Ok(_), Ok(_)) => Err(Refusal::Ambiguous),
            (Err(Refusal::Missing), found) | (found, Err(Refusal::Missing)) => found,
            (Err(refusal), _) | (_, Err(refusal)) => Err(refusal),
        };
        let native =
            if self.native { native::find(target, request) } else { Err(Refusal::Missing) };
        let located = one(native, jwt.find(target, request))?;
        // After a token in the path, one of the other format.
        let in_path = located.placement == Placement::Path;
        let again =
            (self.native && leads(native::NAME, located.path)) || leads(&jwt.name, located.path);
        if in_path && again { Err(Refusal::Ambiguous) } else { Ok(located) }
    }

    /// Check 2: reads the token, and computes from the request what it has to cover.
    ///
    /// # Errors
    /// What breaks the grammar.
    pub(crate) fn read<'r>(&self, located: &Located<'r>) -> Result<UnverifiedToken<'r>, Refusal>
    where
        'a: 'r,
    {
        #[cfg(feature = "jwt")]
        if let (Format::Jwt, Some(jwt)) = (located.format, self.jwt) {
            return jwt.read(located, self.audience);
        }
        native::read(located, self.unsigned_params)
    }

    /// What would explain that a token was not read.
    #[cfg(feature = "alloc")]
    pub(crate) fn mistakes_of_grammar(
        &self,
        ring: &KeyRing,
        request: &Request<'_>,
        located: &Located<'_>,
    ) -> Vec<String> {
        #[cfg(feature = "jwt")]
        if let (Format::Jwt, Some(jwt)) = (located.format, self.jwt) {
            return jwt.of_grammar(ring, located);
        }
        native::of_grammar(self, ring, request, located)
    }

    /// The names that tokens go by in addresses and cookies.
    #[cfg(feature = "alloc")]
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        #[cfg(feature = "jwt")]
        let more = self.jwt.map(|jwt| jwt.name.as_str());
        #[cfg(not(feature = "jwt"))]
        let more = None;
        iter::once(native::NAME).chain(more)
    }

    /// A token as it stands in a path or a cookie: with its name.
    #[cfg(feature = "alloc")]
    pub(crate) fn named(&self, token: &UnverifiedToken<'_>) -> String {
        #[cfg(feature = "jwt")]
        if let (Format::Jwt, Some(jwt)) = (token.located.format, self.jwt) {
            return jwt.named(token);
        }
        native::join(token.signed, token.tag.as_str())
    }
}

/// What a token says, part by part and in words. It may be broken.
#[cfg(feature = "alloc")]
pub(crate) fn notes(located: &Located<'_>, scope: Option<&str>) -> Vec<FieldNote> {
    match located.format {
        #[cfg(feature = "jwt")]
        Format::Jwt => jwt::notes(located.text),
        Format::Native => native::notes(located.text, scope),
    }
}

/// What would make the signature of a well-formed token fit.
#[cfg(feature = "alloc")]
pub(crate) fn mistakes_of_signature(ring: &KeyRing, token: &UnverifiedToken<'_>) -> Vec<String> {
    match token.located.format {
        #[cfg(feature = "jwt")]
        Format::Jwt => jwt::of_signature(ring, token),
        Format::Native => native::of_signature(ring, token),
    }
}

/// What is likely where a signature does not fit, and nothing that was tried does.
#[cfg(feature = "alloc")]
pub(crate) fn guess_of_signature(token: &UnverifiedToken<'_>) -> Option<String> {
    match token.located.format {
        #[cfg(feature = "jwt")]
        Format::Jwt => Some(jwt::GUESS.into()),
        Format::Native => None,
    }
}

/// The bytes under the MAC, to be shown. Those of a JWT are its header and its claims, and were read.
#[cfg(feature = "alloc")]
pub(crate) fn shown_input(token: &UnverifiedToken<'_>) -> String {
    let input = alloc::string::ToString::to_string(&token.input());
    match token.located.format {
        #[cfg(feature = "jwt")]
        Format::Jwt => input,
        Format::Native => {
            let (scope, text) = input.split_once('\n').unwrap_or_default();
            [&redacted_path(scope), "\n", &redacted(text)].concat()
        }
    }
}

/// The format that `terms` ask for.
#[cfg(feature = "alloc")]
pub(crate) const fn of(terms: &Terms<'_>) -> Format {
    #[cfg(feature = "jwt")]
    if terms.jwt.is_some() {
        return Format::Jwt;
    }
    #[cfg(not(feature = "jwt"))]
    let _ = terms;
    Format::Native
}

/// Checks that a token of the format that `terms` ask for can say all of them.
///
/// # Errors
/// The first term that it cannot.
#[cfg(feature = "alloc")]
pub(crate) fn check(terms: &Terms<'_>) -> Result<(), SignError> {
    #[cfg(feature = "jwt")]
    if let Some(jwt) = &terms.jwt {
        return jwt::check(jwt, terms);
    }
    native::check(terms)
}

/// Signs one URL on terms that were checked.
///
/// # Errors
/// What is wrong with the URL.
#[cfg(feature = "alloc")]
pub(crate) fn sign(terms: &CheckedTerms<'_, '_>, url: &str) -> Result<Link, SignError> {
    #[cfg(feature = "jwt")]
    if let Some(jwt) = &terms.terms.jwt {
        return jwt::sign(jwt, terms, url);
    }
    native::sign(terms, url)
}

/// The names that tokens go by in addresses and cookies: `pg`, and the name of JWTs.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub struct TokenNames(Vec<String>);

#[cfg(feature = "alloc")]
impl TokenNames {
    /// Those of a gate that reads native tokens, and JWTs by these rules.
    #[cfg(feature = "jwt")]
    #[must_use]
    pub fn of(jwt: Option<&jwt::JwtRules>) -> Self {
        Self::new(Rules { jwt, ..Rules::NATIVE }.names())
    }

    pub(crate) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        Self(names.map(String::from).collect())
    }

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether an address carries a token, in its path or in its query.
    #[must_use]
    pub fn are_in(&self, path: &str, query: Option<&str>) -> bool {
        is_signed(self.iter(), path, query)
    }
}

/// Whether an address carries a token that goes by one of `names`, in its path or in its query.
#[cfg(feature = "alloc")]
pub(crate) fn is_signed<'n>(
    mut names: impl Iterator<Item = &'n str>,
    path: &str,
    query: Option<&str>,
) -> bool {
    names.any(|name| {
        let is_token = |param| name_of(param) == name;
        leads(name, path) || query.is_some_and(|query| query.split('&').any(is_token))
    })
}

/// Whether the first segment of a path is a token of this name.
#[cfg(feature = "alloc")]
fn leads(name: &str, path: &str) -> bool {
    let rest = path.strip_prefix('/').and_then(|path| path.strip_prefix(name));
    rest.is_some_and(|rest| rest.starts_with('='))
}
