//! What is done to links on their way by what carries them, and how to undo it.

use alloc::string::String;

use crate::bytes::around;
use crate::percent::{decoded, push_encoded};
use crate::query::{name_of, push_query};
use crate::request::split_scheme;

/// What is said of the damage, and how it is undone.
pub(super) struct Repair {
    pub(super) said: &'static str,
    undo: Undo,
}

enum Undo {
    By(fn(&str) -> Option<String>),
    /// Each of these, in any case, is written as the other.
    Replace(&'static [(&'static str, &'static str)]),
}

impl Repair {
    /// The text without the damage; `None` where there is none.
    pub(super) fn undo(&self, text: &str) -> Option<String> {
        match self.undo {
            Undo::By(undo) => undo(text),
            Undo::Replace(pairs) => replace(text, pairs),
        }
    }
}

const fn replaces(said: &'static str, pairs: &'static [(&'static str, &'static str)]) -> Repair {
    Repair { said, undo: Undo::Replace(pairs) }
}

const fn undoes(said: &'static str, undo: fn(&str) -> Option<String>) -> Repair {
    Repair { said, undo: Undo::By(undo) }
}

/// All repairs, the usual ones first.
pub(super) const REPAIRS: &[Repair] = &[
    replaces(
        "the link is written as in HTML, with `&amp;` for `&`: decode it before it is used",
        &[
            ("&amp;", "&"),
            ("&#38;", "&"),
            ("&#038;", "&"),
            ("&#x26;", "&"),
            ("&#x00026;", "&"),
            ("&equals;", "="),
            ("&#61;", "="),
            ("&#x3d;", "="),
            ("&quest;", "?"),
            ("&#63;", "?"),
            ("&#x3f;", "?"),
            ("&#47;", "/"),
            ("&#x2f;", "/"),
            ("%26amp%3b", "&"),
            ("&amp%3b", "&"),
            ("%26amp;", "&"),
        ],
    ),
    replaces(
        "the link is written as in JSON or a script, with `\\u0026` for `&`: decode it before it is used",
        &[
            ("\\u0026", "&"),
            ("\\u003d", "="),
            ("\\u003f", "?"),
            ("\\u002f", "/"),
            ("\\x26", "&"),
            ("\\x3d", "="),
            ("\\x3f", "?"),
            ("%5cu0026", "&"),
            ("%5cu003d", "="),
            ("\\/", "/"),
            ("\\&", "&"),
            ("\\=", "="),
            ("\\?", "?"),
        ],
    ),
    replaces(
        "the link is written as quoted-printable, as in an e-mail's source, with `=3D` for `=`: decode it before it is used",
        &[
            ("=\r\n", ""),
            ("=\n", ""),
            ("=0d=0a", ""),
            ("=3d", "="),
            ("=26", "&"),
            ("=3f", "?"),
            ("=2e", "."),
            ("=5f", "_"),
        ],
    ),
    replaces(
        "the token was percent-encoded: put it into the URL as it is, `=` and `&` included",
        &[("%26", "&"), ("%3d", "="), ("%2e", ".")],
    ),
    replaces(
        "the link was percent-encoded as a whole: decode it once",
        &[("%26", "&"), ("%3d", "="), ("%3f", "?"), ("%2f", "/"), ("%3a", ":")],
    ),
    replaces("it was encoded once more on the way: `%25` is where `%` was", &[("%25", "%")]),
    replaces("`;` is between the fields of the token: write `&`", &[("%3b", "&"), (";", "&")]),
    replaces(
        "there is a line break in the link: write it in one line",
        &[("\r", ""), ("\n", ""), ("\\r", ""), ("\\n", ""), ("%0d", ""), ("%0a", "")],
    ),
    undoes("a space or another character is not encoded: percent-encode it", encoded),
    replaces(
        "there is a space in the link: take it out",
        &[
            (" ", ""),
            ("\t", ""),
            ("%20", ""),
            ("%09", ""),
            ("+", ""),
            ("\u{a0}", ""),
            ("%c2%a0", ""),
        ],
    ),
    replaces(
        "there is an invisible character in the link, as chat programs and word processors put there: take it out",
        &[
            ("\u{ad}", ""),
            ("%c2%ad", ""),
            ("\u{200b}", ""),
            ("\u{200c}", ""),
            ("\u{200d}", ""),
            ("\u{200e}", ""),
            ("\u{200f}", ""),
            ("%e2%80%8b", ""),
            ("%e2%80%8c", ""),
            ("%e2%80%8d", ""),
            ("%e2%80%8e", ""),
            ("%e2%80%8f", ""),
            ("\u{2060}", ""),
            ("%e2%81%a0", ""),
            ("\u{feff}", ""),
            ("%ef%bb%bf", ""),
            ("&shy;", ""),
            ("&#8203;", ""),
        ],
    ),
    replaces(
        "a word processor made a dash of a hyphen: write `-`",
        &[
            ("\u{2010}", "-"),
            ("\u{2011}", "-"),
            ("\u{2013}", "-"),
            ("\u{2014}", "--"),
            ("%e2%80%91", "-"),
            ("%e2%80%93", "-"),
            ("%e2%80%94", "--"),
        ],
    ),
    undoes(
        "what follows the link belongs to the text around it, like a dot, a bracket or a quote: take it off",
        without_tail,
    ),
    undoes("there is a second `?` before the token: write `&`", one_question_mark),
    undoes("the token is before other parameters that were signed: put it last", token_last),
    undoes(
        "the fields of the token are in another order, as where a proxy sorts the query: leave it as it is",
        in_order,
    ),
    undoes("the link is a parameter of another address: use what is in it", unwrapped),
    undoes("there is another address or a text before the link: take it off", inner),
    undoes(
        "the token is in another parameter as its value: put it into the query as it is",
        as_parameter,
    ),
    undoes("there are two slashes in a row where one was signed", one_slash),
    undoes(
        "the token is not the first segment of the path: take what a proxy put before it off before the gate",
        without_prefix,
    ),
    undoes(
        "the token is not the first segment of the path: put it first, before the directory",
        token_first,
    ),
    replaces("there are quotes around the token: take them off", &[("\"", ""), ("%22", "")]),
    replaces(
        "the fields of the token are in upper case: write them in lower case",
        &[("pg=", "pg="), ("exp=", "exp="), ("kid=", "kid="), ("sig=", "sig="), ("dir=", "dir=")],
    ),
];

/// A text with all of these replaced, in upper case or lower; `None` where there is not one.
pub(crate) fn replace(text: &str, pairs: &[(&str, &str)]) -> Option<String> {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let byte = rest.as_bytes().first().map(u8::to_ascii_lowercase);
        let found = pairs.iter().find(|(from, _)| {
            // One look is enough for most.
            let starts = from.as_bytes().first().map(u8::to_ascii_lowercase) == byte;
            starts && rest.get(..from.len()).is_some_and(|start| start.eq_ignore_ascii_case(from))
        });
        match found {
            Some((from, to)) => {
                replaced.push_str(to);
                rest = rest.get(from.len()..).unwrap_or_default();
            }
            None => {
                replaced.push(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
    }
    changed(text, replaced)
}

fn changed(text: &str, replaced: String) -> Option<String> {
    Some(replaced).filter(|replaced| replaced != text)
}

/// With everything percent-encoded that is in no URL.
fn encoded(text: &str) -> Option<String> {
    let mut encoded = String::with_capacity(text.len());
    let is_kept = |octet: u8| octet.is_ascii_graphic() && !b"\"<>^`{|}".contains(&octet);
    push_encoded(text, is_kept, &mut encoded);
    changed(text, encoded)
}

/// Without the marks at the end that no link ends in, plain or percent-encoded.
fn without_tail(text: &str) -> Option<String> {
    const ENCODED: &[&str] = &[
        "%22",
        "%27",
        "%29",
        "%2c",
        "%2e",
        "%3b",
        "%3e",
        "%5d",
        "%7d",
        "%60",
        "%e2%80%a6",
        "%e2%80%99",
        "%e2%80%9d",
        "%c2%bb",
    ];
    let mut kept = text;
    loop {
        kept = kept.trim_end_matches(|c: char| {
            c.is_whitespace()
                || ".,;:!?)]}>'\"`*|\\/".contains(c)
                || "\u{2026}\u{2019}\u{201d}\u{201c}\u{bb}\u{3002}\u{ff09}\u{200b}".contains(c)
        });
        let encoded = ENCODED.iter().find(|mark| {
            let at = kept.len().checked_sub(mark.len());
            at.and_then(|at| kept.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(mark))
        });
        match encoded {
            Some(mark) => {
                kept = kept.get(..kept.len().saturating_sub(mark.len())).unwrap_or_default()
            }
            None => return changed(text, kept.into()),
        }
    }
}

/// A text before and from its token on.
fn at_token(text: &str) -> Option<(&str, &str)> {
    let (before, _) = around(text, "pg=1&").or_else(|| around(text, "=eyJ"))?;
    text.split_at_checked(before.len())
}

fn one_question_mark(text: &str) -> Option<String> {
    let (before, token) = at_token(text)?;
    let (path, query) = before.split_once('?')?;
    let query = replace(query, &[("?", "&")])?;
    Some([path, "?", &query, token].concat())
}

/// With the token behind the parameters that follow it.
fn token_last(text: &str) -> Option<String> {
    let (before, token) = at_token(text)?;
    let (_, sig) = around(token, "&sig=")?;
    let (_, after) = sig.split_once('&')?;
    let token = token.get(..token.len().saturating_sub(after.len()).saturating_sub(1))?;
    Some([before, after, "&", token].concat())
}

/// The fields of a token in their order.
const FIELDS: [&str; 16] = [
    "pg", "exp", "kid", "aud", "cc", "dir", "dl", "iat", "ip", "jti", "nbf", "pre", "run", "sid",
    "sub", "sig",
];

/// With the fields of a token in their order, behind all other parameters.
fn in_order(text: &str) -> Option<String> {
    let (path, query) = text.split_once('?')?;
    let named = |name: &'static str| query.split('&').filter(move |param| name_of(param) == name);
    let others = query.split('&').filter(|param| !FIELDS.contains(&name_of(param)));
    let mut ordered = String::from(path);
    push_query(&mut ordered, others.chain(FIELDS.into_iter().flat_map(named)));
    changed(text, ordered)
}

/// The address in a parameter of another one, as mail filters and search engines wrap it.
fn unwrapped(text: &str) -> Option<String> {
    let (_, query) = text.split_once('?')?;
    query.split('&').find_map(|param| {
        let (_, value) = param.split_once('=')?;
        let inner = decoded(value);
        inner.starts_with("http").then_some(inner)
    })
}

/// The address in another one, behind it.
fn inner(text: &str) -> Option<String> {
    let (_, rest) = split_scheme(text);
    let (before, _) = around(rest, "https://").or_else(|| around(rest, "http://"))?;
    let inner = rest.get(before.len()..)?;
    // Mail filters put their own part behind two underscores.
    let inner = around(inner, "__;").map_or(inner, |(inner, _)| inner);
    Some(inner.into())
}

fn as_parameter(text: &str) -> Option<String> {
    let (before, token) = around(text, "=pg=1&")?;
    let name = before.bytes().rev().take_while(u8::is_ascii_alphanumeric).count();
    Some([before.get(..before.len().saturating_sub(name))?, "pg=1&", token].concat())
}

fn one_slash(text: &str) -> Option<String> {
    let (scheme, rest) = split_scheme(text);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = replace(path, &[("///", "/"), ("//", "/")])?;
    let mark = if query.is_empty() { "" } else { "?" };
    Some([scheme, &path, mark, query].concat())
}

/// A path's token with what is before it and behind it, where something is before it: scheme and host, the
/// prefix, the token, the rest.
fn around_segment(text: &str) -> Option<[&str; 4]> {
    let (scheme, rest) = split_scheme(text);
    let (host, _) = rest.split_once('/')?;
    let (base, path) = text.split_at_checked(scheme.len().saturating_add(host.len()))?;
    let mut at: usize = 0;
    for segment in path.split('/') {
        let end = at.saturating_add(segment.len());
        if at > 1 && (segment.starts_with("pg=") || around(segment, "=eyJ").is_some()) {
            let start = at.saturating_sub(1);
            return Some([base, path.get(..start)?, path.get(start..end)?, path.get(end..)?]);
        }
        if segment.contains('?') {
            return None;
        }
        at = end.saturating_add(1);
    }
    None
}

fn without_prefix(text: &str) -> Option<String> {
    let [base, _, token, rest] = around_segment(text)?;
    Some([base, token, rest].concat())
}

fn token_first(text: &str) -> Option<String> {
    let [base, prefix, token, rest] = around_segment(text)?;
    Some([base, token, prefix, rest].concat())
}
