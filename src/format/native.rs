//! The native token, version 1:
//!
//! ```text
//! pg=1&exp=1767225600&kid=main[&name=value]...&sig=<43 characters of base64url>
//! ```
//!
//! Optional fields are in alphabetical order, each at most once. A grant has exactly one spelling. Any deviation is
//! refused, never repaired: an unknown field may be a restriction.

#[cfg(feature = "alloc")]
mod description;
#[cfg(feature = "alloc")]
mod diagnosis;
mod fields;
#[cfg(feature = "alloc")]
mod segment_signer;
#[cfg(feature = "alloc")]
mod write;

use core::slice;

#[cfg(feature = "alloc")]
use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};

use crate::bytes::{self, is_id};
#[cfg(feature = "alloc")]
use crate::description::FieldDescription;
use crate::error::{Fault, Field, ParseError, Refusal, StateError};
#[cfg(feature = "alloc")]
use crate::format::{Exchange, Explain, Mint, Rules, SignedUrl, Writer};
use crate::format::{Format, Kid, Located, SigningInput, UnverifiedToken};
#[cfg(feature = "alloc")]
use crate::grant::Claims;
use crate::grant::{Grant, MAX_NUMBER, parse_number, parse_text};
use crate::key::KeyId;
#[cfg(feature = "alloc")]
use crate::key::KeyRing;
use crate::mac::EncodedTag;
#[cfg(feature = "alloc")]
use crate::options::{CheckedOptions, LinkOptions, SignError};
use crate::path::CanonicalPath;
use crate::query::{ParamNames, SignedQuery, is_query};
#[cfg(feature = "alloc")]
use crate::redact::{redacted, redacted_path};
use crate::request::Placement;
#[cfg(feature = "alloc")]
use crate::request::Request;
use crate::scope::Scope;

#[cfg(feature = "alloc")]
pub(crate) use self::fields::all as fields;
use self::fields::{OPTIONAL, Row, field_of};
#[cfg(feature = "alloc")]
pub use self::segment_signer::SegmentSigner;

/// The maximum length of a token in bytes.
const MAX_TOKEN_LEN: usize = 1024;
/// The maximum length in bytes up to `&sig=`.
const MAX_SIGNED_LEN: usize = MAX_TOKEN_LEN - "&sig=".len() - EncodedTag::LEN;

/// The name of a token.
#[cfg(feature = "alloc")]
pub(super) const NAME: &str = "pg";

/// What the value of `pg` starts with in a reference, and how many characters follow.
const REFERENCE: &str = "ref.";
const REFERENCE_LEN: usize = 43;

/// The start of a token in every placement.
const START: &str = "pg=";

#[derive(Debug)]
pub(super) struct Native;

impl Format for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn in_path<'r>(&self, path: &'r str) -> Option<(&'r str, &'r str)> {
        split_path(path)
    }

    fn in_query<'r>(&self, query: &'r str) -> Option<(Option<&'r str>, &'r str)> {
        find_param(query)
    }

    fn in_bearer<'r>(&self, header: &'r str) -> Option<&'r str> {
        bearer(header)
    }

    fn in_cookie<'r>(&self, pair: &'r str) -> Option<&'r str> {
        // The whole pair.
        pair.starts_with(START).then_some(pair)
    }

    fn read<'r>(
        &'r self,
        token: &mut UnverifiedToken<'r>,
        unsigned_params: ParamNames<'r>,
    ) -> Result<(), Refusal> {
        read(token, unsigned_params)
    }

    fn input<'r>(&self, token: &UnverifiedToken<'r>) -> SigningInput<'r> {
        SigningInput { scope: Some(token.scope()), texts: ["\n", token.signed, "", ""] }
    }

    fn input_with<'r>(
        &self,
        token: &UnverifiedToken<'r>,
        query: SignedQuery<'r>,
    ) -> Option<SigningInput<'r>> {
        let is_exact = token.grant.directory.is_none();
        let scope = is_exact.then(|| Scope::exact(token.path, query));
        scope.map(|scope| SigningInput { scope: Some(scope), ..self.input(token) })
    }

    #[cfg(feature = "alloc")]
    fn claims(&self, token: &UnverifiedToken<'_>) -> Option<String> {
        token.grant.claims.map(Claims::decode)
    }

    fn after<'r>(&self, text: &'r str) -> Option<&'r str> {
        let mut grant = Grant::UNREAD;
        parse(text, &mut grant).ok()?.after
    }
}

#[cfg(feature = "alloc")]
impl Exchange for Native {
    fn token_name(&self) -> &str {
        NAME
    }

    fn may_name_countries(&self, text: &str) -> bool {
        // The field is never the first in a token, and never encoded.
        text.contains("&cc=")
    }

    fn check_audience(&self, name: &str) -> Result<(), &'static str> {
        fields::check_audience(name).map_err(|_| "write 1 to 64 of A-Z a-z 0-9 - _ .")
    }

    fn mint(&self) -> Option<&'static dyn Mint> {
        Some(&Self)
    }

    fn named(&self, token: &UnverifiedToken<'_>) -> String {
        write::join(token.signed, token.tag.as_str())
    }
}

#[cfg(feature = "alloc")]
impl Explain for Native {
    fn unknown_field<'r>(&self, text: &'r str) -> Option<&'r str> {
        let names = text.split('&').map(crate::query::name_of).take_while(|name| *name != "sig");
        names.into_iter().find(|name| !name.is_empty() && field_of(name).is_none())
    }

    fn describe(&self, text: &str, scope: Option<&str>) -> Vec<FieldDescription> {
        description::describe(text, scope)
    }

    fn displayed_input(&self, token: &UnverifiedToken<'_>) -> String {
        let scope = token.scope().to_string();
        [&redacted_path(&scope), "\n", &redacted(token.signed)].concat()
    }

    fn diagnose_grammar(
        &self,
        rules: &Rules<'_>,
        ring: &KeyRing,
        request: &Request<'_>,
        located: &Located<'_>,
    ) -> Vec<String> {
        diagnosis::of_grammar(rules, ring, request, located)
    }

    fn diagnose_signature(&self, ring: &KeyRing, token: &UnverifiedToken<'_>) -> Vec<String> {
        diagnosis::of_signature(ring, token)
    }
}

#[cfg(feature = "alloc")]
impl Writer for Native {
    fn name(&self) -> &'static str {
        Format::name(self)
    }

    fn check(&self, options: &LinkOptions<'_>) -> Result<(), SignError> {
        fields::check(options)
    }

    fn write(&self, options: &CheckedOptions<'_, '_>, url: &str) -> Result<SignedUrl, SignError> {
        write::write(options, url)
    }
}

#[cfg(feature = "alloc")]
impl Mint for Native {
    fn token(
        &self,
        options: &CheckedOptions<'_, '_>,
        scope: Scope<'_>,
        n: Option<u8>,
    ) -> Result<String, SignError> {
        let mut token = String::new();
        write::push_token(options, scope, n, &mut token)?;
        Ok(token)
    }

    fn segment_signer(
        &self,
        options: &CheckedOptions<'_, '_>,
        unsigned_params: ParamNames<'_>,
    ) -> SegmentSigner {
        SegmentSigner::new(options, unsigned_params)
    }
}

/// The token in the first path segment, and the rest of the path.
fn split_path(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix('/').filter(|_| path.starts_with("/pg="))?;
    Some(rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or_default())
}

/// Splits a query at its first parameter `pg`.
fn find_param(query: &str) -> Option<(Option<&str>, &str)> {
    if starts_token(query) { Some((None, query)) } else { find_later_param(query) }
}

/// [`find_param`] after the first `&`.
fn find_later_param(query: &str) -> Option<(Option<&str>, &str)> {
    query.match_indices('&').find_map(|(at, _)| {
        let (before, text) = query.split_at_checked(at)?;
        let text = text.get(1..)?;
        starts_token(text).then_some((Some(before), text))
    })
}

/// Whether a query starts with a parameter `pg`, with or without a value.
fn starts_token(query: &str) -> bool {
    matches!(query.as_bytes(), [b'p', b'g'] | [b'p', b'g', b'=' | b'&', ..])
}

/// The token of an `Authorization` header. Ignores other schemes and other tokens (RFC 6750, section 2.1;
/// RFC 9110, section 11.1 for the scheme's case).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, text) = header.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("Bearer") && text.starts_with(START)).then_some(text)
}

/// Parses the token, then checks it against the path and query of the request.
fn read<'a>(
    token: &mut UnverifiedToken<'a>,
    unsigned_params: ParamNames<'a>,
) -> Result<(), Refusal> {
    let located = token.located;
    let Located { placement, query, text, .. } = located;
    let in_query = placement == Placement::Query;
    let grant = &mut token.grant;
    let TokenFields { kid, tag, signed, after } =
        parse(text, grant).map_err(|error| of_reference(&located).unwrap_or(error.into()))?;
    grant.check_names()?;
    if grant.preview.is_some() && grant.directory.is_none() {
        return Err(malformed(Field::Pre, Fault::NeedsDirectory).into());
    }
    if signed.len() > MAX_SIGNED_LEN {
        return Err(malformed(Field::Token, Fault::WrongLength).into());
    }
    let path = around(&located, after)?;
    let scope = match grant.directory {
        Some(n) => Scope::directory(path, n).ok_or(ParseError::OutsideScope)?,
        None => {
            let is_unsigned = |param| unsigned_params.leave_unsigned(param);
            if !after.is_none_or(|after| after.split('&').all(is_unsigned)) {
                return Err(ParseError::UnsignedParameter.into());
            }
            Scope::exact(
                path,
                match query {
                    None => SignedQuery::None,
                    Some(query) if in_query => SignedQuery::Whole(query),
                    Some(query) => SignedQuery::Without(query, unsigned_params),
                },
            )
        }
    };
    token.kid = Kid::Shown(kid);
    token.opens = Some(scope);
    token.signed = signed;
    token.tag = tag;
    token.path = path;
    token.after = after;
    Ok(())
}

/// Checks what is around a token, with the text after it. Returns the path.
fn around<'a>(located: &Located<'a>, after: Option<&str>) -> Result<CanonicalPath<'a>, Refusal> {
    if let Some(after) = after
        && located.placement != Placement::Query
    {
        // Outside a query, nothing may follow a token.
        let (name, _) = split_field(after);
        let field = field_of(name).ok_or(ParseError::UnknownField)?;
        return Err(malformed(field, Fault::OutOfOrder).into());
    }
    check_query(located.query)?;
    check_query(after)?;
    Ok(CanonicalPath::parse(located.path)?)
}

/// Checks a part of the query outside the token.
fn check_query(part: Option<&str>) -> Result<(), Refusal> {
    match part {
        Some(part) if find_param(part).is_some() => Err(Refusal::Ambiguous),
        Some(part) if !is_query(part) => Err(malformed(Field::Url, Fault::Character).into()),
        _ => Ok(()),
    }
}

/// The parts of a token besides its grant.
struct TokenFields<'a> {
    kid: &'a str,
    tag: EncodedTag<'a>,
    /// The token up to `&sig=`.
    signed: &'a str,
    /// The text after the token and a `&`.
    after: Option<&'a str>,
}

fn parse<'a>(text: &'a str, grant: &mut Grant<'a>) -> Result<TokenFields<'a>, ParseError> {
    // One comparison for the version and the name of the next field.
    let Some(rest) = text.strip_prefix("pg=1&exp=") else { return Err(bad_start(text)) };
    let (exp, rest) = split_value(rest);
    grant.expires = number(Field::Exp, exp, 0)?;
    let Some(rest) = rest.strip_prefix("kid=") else { return Err(misplaced(Field::Kid, rest)) };
    let (kid, mut rest) = split_value(rest);
    let kid =
        parse_text(kid, KeyId::MAX_LEN, is_id).map_err(|fault| malformed(Field::Kid, fault))?;
    let (mut previous, mut rows) = (Field::Kid, OPTIONAL.iter());
    loop {
        if let Some((tag, after)) = rest.strip_prefix("sig=").and_then(EncodedTag::split) {
            let end = text.len().saturating_sub(rest.len()).saturating_sub("&".len());
            let signed = text.get(..end).unwrap_or_default();
            return Ok(TokenFields { kid, tag, signed, after });
        }
        (previous, rest) = optional(grant, &mut rows, previous, rest)?;
    }
}

/// The refusal of a reference: only a gate with state knows the token that it stands for. `None` if it is none.
#[cold]
fn of_reference(located: &Located<'_>) -> Option<Refusal> {
    let rest = located.text.strip_prefix(START)?.strip_prefix(REFERENCE)?;
    let (id, after) = match rest.split_once('&') {
        Some((id, after)) => (id, Some(after)),
        None => (rest, None),
    };
    let fault = match parse_text(id, REFERENCE_LEN, is_id) {
        Ok(id) if id.len() == REFERENCE_LEN => {
            // The grammar of the rest comes before the state.
            return Some(around(located, after).err().unwrap_or(StateError::Required.into()));
        }
        Ok(_) => Fault::WrongLength,
        Err(fault) => fault,
    };
    Some(malformed(Field::Pg, fault).into())
}

/// The reference, with its name, that a text starts with.
#[cfg(feature = "alloc")]
pub(super) fn reference(text: &str) -> Option<&str> {
    let (reference, _) = split_value(text);
    let id = reference.strip_prefix(START)?.strip_prefix(REFERENCE)?;
    (id.len() == REFERENCE_LEN).then_some(reference)
}

/// Why the start of a token is invalid.
#[cold]
fn bad_start(text: &str) -> ParseError {
    let Some(value) = text.strip_prefix(START) else { return misplaced(Field::Pg, text) };
    match split_value(value) {
        ("1", rest) => misplaced(Field::Exp, rest),
        (version, _) => match parse_number(version, 0, u64::MAX) {
            Ok(_) => ParseError::UnsupportedVersion,
            Err(fault) => malformed(Field::Pg, fault),
        },
    }
}

/// Why a text does not start with `field`.
#[cold]
fn misplaced(field: Field, text: &str) -> ParseError {
    let (name, _) = split_field(text);
    match field_of(name) {
        Some(same) if same == field => malformed(field, Fault::Empty),
        Some(repeated) if repeated < field => malformed(repeated, Fault::OutOfOrder),
        None if !name.is_empty() => ParseError::UnknownField,
        _ => malformed(field, Fault::Missing),
    }
}

/// Parses the optional field that `text` starts with: one of `rows`, after `previous`.
fn optional<'a>(
    grant: &mut Grant<'a>,
    rows: &mut slice::Iter<'_, Row>,
    previous: Field,
    text: &'a str,
) -> Result<(Field, &'a str), ParseError> {
    let named = |row: &'_ Row| text.strip_prefix(row.field.name())?.strip_prefix('=');
    let Some((row, rest)) = rows.find_map(|row| Some((row, named(row)?))) else {
        return Err(bad_field(previous, text));
    };
    let (value, rest) = split_value(rest);
    if value.is_empty() {
        return Err(malformed(row.field, Fault::Empty));
    }
    (row.parse)(grant, value).map_err(|fault| malformed(row.field, fault))?;
    Ok((row.field, rest))
}

/// Why a text starts with neither an optional field nor a valid signature.
#[cold]
fn bad_field(previous: Field, text: &str) -> ParseError {
    let (name, value) = split_field(text);
    let fault = |field| {
        if field <= previous { Fault::OutOfOrder } else { EncodedTag::fault(value) }
    };
    match field_of(name) {
        Some(field) => malformed(field, fault(field)),
        None if text.is_empty() => malformed(Field::Sig, Fault::Missing),
        None => ParseError::UnknownField,
    }
}

/// Splits `value&rest`.
fn split_value(text: &str) -> (&str, &str) {
    let end = bytes::position(text.as_bytes(), [b'&']).unwrap_or(text.len());
    let (value, rest) = text.split_at_checked(end).unwrap_or_default();
    (value, rest.get(1..).unwrap_or_default())
}

/// The name and the value of the field `name=value` at the start of a text.
fn split_field(text: &str) -> (&str, &str) {
    let (field, _) = split_value(text);
    let equals = field.bytes().position(|byte| byte == b'=').unwrap_or(field.len());
    let (name, value) = field.split_at_checked(equals).unwrap_or_default();
    (name, value.get(1..).unwrap_or_default())
}

const fn malformed(field: Field, fault: Fault) -> ParseError {
    ParseError::Malformed(field, fault)
}

fn number(field: Field, value: &str, least: u64) -> Result<u64, ParseError> {
    parse_number(value, least, MAX_NUMBER).map_err(|fault| malformed(field, fault))
}
