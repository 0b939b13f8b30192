//! The native token, version 1:
//!
//! ```text
//! pg=1&exp=1767225600&kid=main[&name=value]...&sig=<43 characters of base64url>
//! ```
//!
//! Optional fields stand in alphabetical order, each at most once. One grant has one spelling, so
//! whatever departs from it is refused, never repaired: an unknown field may be a restriction.

#[cfg(feature = "alloc")]
mod mistakes;
#[cfg(feature = "alloc")]
mod notes;
#[cfg(feature = "alloc")]
mod segment_signer;
#[cfg(feature = "alloc")]
mod terms;
#[cfg(feature = "alloc")]
mod write;

use crate::bytes::{self, is_id, is_name};
use crate::error::{Fault, Field, ParseError, Refusal};
use crate::format::{Format, Found, Kid, Located, UnverifiedToken};
use crate::grant::{
    Countries, DownloadName, Grant, MAX_NUMBER, Networks, Text, parse_number, parse_text,
};
use crate::key::KeyId;
use crate::mac::EncodedTag;
use crate::path::CanonicalPath;
use crate::query::{ParamNames, SignedQuery, is_query};
use crate::request::{Placement, Request, Target};
use crate::scope::Scope;

#[cfg(feature = "alloc")]
pub(crate) use self::mistakes::{of_grammar, of_signature};
#[cfg(feature = "alloc")]
pub(crate) use self::notes::notes;
#[cfg(feature = "alloc")]
pub use self::segment_signer::SegmentSigner;
#[cfg(feature = "alloc")]
pub(crate) use self::terms::check;
#[cfg(feature = "alloc")]
pub(crate) use self::write::join;
#[cfg(feature = "alloc")]
pub(crate) use self::write::sign;

/// Bytes in the longest token.
pub(crate) const MAX_TOKEN_LEN: usize = 1024;
/// Bytes in the longest token up to `&sig=`.
const MAX_SIGNED_LEN: usize = MAX_TOKEN_LEN - "&sig=".len() - EncodedTag::LEN;
/// Bytes in the longest name or id but a key's.
pub(crate) const MAX_NAME_LEN: usize = 64;
/// The deepest directory scope.
pub(crate) const MAX_DIRECTORY: u8 = 64;

/// The name of the format.
#[cfg(feature = "alloc")]
pub(crate) const FORMAT: &str = Format::Native.name();

/// The name that a token goes by.
#[cfg(feature = "alloc")]
pub(crate) const NAME: &str = "pg";

/// How a token starts, in every placement.
const START: &str = "pg=";

/// Finds the token in the path, the query or the `Authorization` header.
pub(crate) fn find<'a>(target: &Target<'a>, request: &Request<'a>) -> Result<Located<'a>, Refusal> {
    let found = Found {
        in_query: target.query.and_then(find_param),
        in_path: split_path(target.path),
        in_bearer: request.authorization.and_then(bearer),
    };
    let located = Located::one(Format::Native, target, found)?;
    let again = located.placement == Placement::Path && split_path(located.path).is_some();
    if again { Err(Refusal::Ambiguous) } else { Ok(located) }
}

/// The token of a cookie: the pair `pg` as a whole.
pub(crate) fn in_cookie(pair: &str) -> Option<&str> {
    pair.starts_with(START).then_some(pair)
}

/// The token in a path's first segment, and the path without it.
fn split_path(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix('/').filter(|_| path.starts_with("/pg="))?;
    Some(rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or_default())
}

/// The query before the first parameter `pg`, if anything stands there, and from that parameter on.
fn find_param(query: &str) -> Option<(Option<&str>, &str)> {
    if starts_token(query) { Some((None, query)) } else { find_later_param(query) }
}

/// [`find_param`] behind the first `&`.
fn find_later_param(query: &str) -> Option<(Option<&str>, &str)> {
    query.match_indices('&').find_map(|(at, _)| {
        let (before, text) = query.split_at_checked(at)?;
        let text = text.get(1..)?;
        starts_token(text).then_some((Some(before), text))
    })
}

/// Whether a query starts with a parameter `pg`, with a value or without.
fn starts_token(query: &str) -> bool {
    matches!(query.as_bytes(), [b'p', b'g'] | [b'p', b'g', b'=' | b'&', ..])
}

/// The token of an `Authorization` header; other schemes and other tokens are not ours (RFC 6750,
/// section 2.1; RFC 9110, section 11.1 for the scheme's case).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, text) = header.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("Bearer") && text.starts_with(START)).then_some(text)
}

/// Reads the token, then holds it against the path and query that it came with.
pub(crate) fn read<'a>(
    located: &Located<'a>,
    unsigned_params: ParamNames<'a>,
) -> Result<UnverifiedToken<'a>, Refusal> {
    let Located { placement, query, .. } = *located;
    let in_query = placement == Placement::Query;
    let Fields { grant, kid, tag, signed, after } = parse(located.text)?;
    if grant.preview.is_some() && grant.directory.is_none() {
        return Err(malformed(Field::Pre, Fault::NeedsDirectory).into());
    }
    if signed.len() > MAX_SIGNED_LEN {
        return Err(malformed(Field::Token, Fault::WrongLength).into());
    }
    if let Some(after) = after
        && !in_query
    {
        // Elsewhere than in a query nothing may follow `sig`.
        let (name, _) = split_field(after);
        let field = field_of(name).ok_or(ParseError::UnknownField)?;
        return Err(malformed(field, Fault::OutOfOrder).into());
    }
    check_query(query)?;
    check_query(after)?;

    let path = CanonicalPath::parse(located.path)?;
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
    Ok(UnverifiedToken {
        located: *located,
        kid: Kid::Shown(kid),
        grant,
        scope,
        #[cfg(feature = "jwt")]
        outside: false,
        #[cfg(feature = "jwt")]
        foreign_issuer: false,
        signed,
        tag,
        path,
        after,
    })
}

/// Refuses what may not stand in a part of the query beside the token.
fn check_query(part: Option<&str>) -> Result<(), Refusal> {
    match part {
        Some(part) if find_param(part).is_some() => Err(Refusal::Ambiguous),
        Some(part) if !is_query(part) => Err(malformed(Field::Url, Fault::Character).into()),
        _ => Ok(()),
    }
}

/// A token, read from left to right.
struct Fields<'a> {
    grant: Grant<'a>,
    kid: &'a str,
    tag: EncodedTag<'a>,
    /// The token up to `&sig=`.
    signed: &'a str,
    /// What follows the token behind a `&`.
    after: Option<&'a str>,
}

fn parse(text: &str) -> Result<Fields<'_>, ParseError> {
    // The version and the name of the next field in one comparison.
    let Some(rest) = text.strip_prefix("pg=1&exp=") else { return Err(bad_start(text)) };
    let (exp, rest) = split_value(rest);
    let mut grant = Grant { expires: number(Field::Exp, exp, 0)?, ..Grant::default() };
    let Some(rest) = rest.strip_prefix("kid=") else { return Err(misplaced(Field::Kid, rest)) };
    let (kid, mut rest) = split_value(rest);
    let kid =
        parse_text(kid, KeyId::MAX_LEN, is_id).map_err(|fault| malformed(Field::Kid, fault))?;
    let mut previous = Field::Kid;
    loop {
        if let Some((tag, after)) = rest.strip_prefix("sig=").and_then(EncodedTag::split) {
            let end = text.len().saturating_sub(rest.len()).saturating_sub("&".len());
            let signed = text.get(..end).unwrap_or_default();
            return Ok(Fields { grant, kid, tag, signed, after });
        }
        (previous, rest) = optional(&mut grant, previous, rest)?;
    }
}

/// What follows a token in a query.
pub(crate) fn after(text: &str) -> Option<&str> {
    parse(text).ok()?.after
}

/// What is wrong with a token that does not start as it has to.
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

/// What stands where `field` has to.
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

/// Reads the field that `text` starts with: an optional one behind `previous`.
fn optional<'a>(
    grant: &mut Grant<'a>,
    previous: Field,
    text: &'a str,
) -> Result<(Field, &'a str), ParseError> {
    let Some((field, rest)) = split_name(text) else { return Err(bad_field(previous, text)) };
    let (value, rest) = split_value(rest);
    if field <= previous {
        return Err(malformed(field, Fault::OutOfOrder));
    }
    if value.is_empty() {
        return Err(malformed(field, Fault::Empty));
    }
    read_optional(grant, field, value)?;
    Ok((field, rest))
}

/// Splits the name of an optional field off, and the `=`.
fn split_name(text: &str) -> Option<(Field, &str)> {
    let (field, len) = match text.as_bytes() {
        [b'a', b'u', b'd', b'=', ..] => (Field::Aud, 4),
        [b'c', b'c', b'=', ..] => (Field::Cc, 3),
        [b'd', b'i', b'r', b'=', ..] => (Field::Dir, 4),
        [b'd', b'l', b'=', ..] => (Field::Dl, 3),
        [b'i', b'a', b't', b'=', ..] => (Field::Iat, 4),
        [b'i', b'p', b'=', ..] => (Field::Ip, 3),
        [b'j', b't', b'i', b'=', ..] => (Field::Jti, 4),
        [b'n', b'b', b'f', b'=', ..] => (Field::Nbf, 4),
        [b'p', b'r', b'e', b'=', ..] => (Field::Pre, 4),
        [b'r', b'u', b'n', b'=', ..] => (Field::Run, 4),
        [b's', b'i', b'd', b'=', ..] => (Field::Sid, 4),
        [b's', b'u', b'b', b'=', ..] => (Field::Sub, 4),
        _ => return None,
    };
    text.get(len..).map(|rest| (field, rest))
}

/// What is wrong with a field that is neither an optional one nor a signature that is one.
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

fn read_optional<'a>(
    grant: &mut Grant<'a>,
    field: Field,
    value: &'a str,
) -> Result<(), ParseError> {
    let fault = |fault| malformed(field, fault);
    let id = || parse_text(value, MAX_NAME_LEN, is_id).map_err(fault);
    match field {
        Field::Aud => {
            let name = parse_text(value, MAX_NAME_LEN, is_name).map_err(fault)?;
            grant.audience = Some(name);
        }
        Field::Cc => grant.countries = Some(Countries::parse(value).map_err(fault)?),
        Field::Dir => {
            let n = parse_number(value, 1, MAX_DIRECTORY.into()).map_err(fault)?;
            grant.directory = u8::try_from(n).ok();
        }
        Field::Dl => grant.download = Some(DownloadName::parse(value).map_err(fault)?),
        Field::Iat => grant.issued = Some(number(field, value, 0)?),
        Field::Ip => grant.networks = Some(Networks::parse(value).map_err(fault)?),
        Field::Jti => grant.token_id = Some(Text::new(id()?)),
        Field::Nbf => grant.not_before = Some(number(field, value, 0)?),
        Field::Pre => grant.preview = Some(number(field, value, 1)?),
        Field::Run => grant.run = Some(number(field, value, 1)?),
        Field::Sid => grant.session = Some(Text::new(id()?)),
        Field::Sub => grant.subject = Some(Text::new(id()?)),
        // No other is optional.
        _ => return Err(ParseError::UnknownField),
    }
    Ok(())
}

/// Splits `value&rest`.
fn split_value(text: &str) -> (&str, &str) {
    let end = bytes::position(text.as_bytes(), [b'&']).unwrap_or(text.len());
    let (value, rest) = text.split_at_checked(end).unwrap_or_default();
    (value, rest.get(1..).unwrap_or_default())
}

/// The name and the value of the field `name=value` that a text starts with.
fn split_field(text: &str) -> (&str, &str) {
    let (field, _) = split_value(text);
    let equals = field.bytes().position(|byte| byte == b'=').unwrap_or(field.len());
    let (name, value) = field.split_at_checked(equals).unwrap_or_default();
    (name, value.get(1..).unwrap_or_default())
}

/// The fields of a token, in their order.
pub(crate) const FIELDS: [Field; 16] = {
    use Field::{Aud, Cc, Dir, Dl, Exp, Iat, Ip, Jti, Kid, Nbf, Pg, Pre, Run, Sid, Sig, Sub};
    [Pg, Exp, Kid, Aud, Cc, Dir, Dl, Iat, Ip, Jti, Nbf, Pre, Run, Sid, Sub, Sig]
};

/// The field of a name.
fn field_of(name: &str) -> Option<Field> {
    FIELDS.into_iter().find(|field| field.name() == name)
}

/// The name of the first field that no token has.
#[cfg(feature = "alloc")]
pub(crate) fn unknown_field(text: &str) -> Option<&str> {
    let names = text.split('&').map(crate::query::name_of).take_while(|name| *name != "sig");
    names.into_iter().find(|name| !name.is_empty() && field_of(name).is_none())
}

const fn malformed(field: Field, fault: Fault) -> ParseError {
    ParseError::Malformed(field, fault)
}

fn number(field: Field, value: &str, least: u64) -> Result<u64, ParseError> {
    parse_number(value, least, MAX_NUMBER).map_err(|fault| malformed(field, fault))
}
