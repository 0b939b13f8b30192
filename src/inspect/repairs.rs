//! What is done to links on their way by what carries them, and how to undo it.

use alloc::string::String;
use alloc::vec::Vec;

use crate::bytes::{replace, split_at};
use crate::format::native_fields;
use crate::percent::{decoded, push_encoded};
use crate::query::{name_of, push_query};
use crate::request::split_scheme;

/// What is said of the damage, and how it is undone.
pub(super) struct Repair {
    pub(super) said: &'static str,
    /// Whether the damage is seen by itself, whatever the signature says.
    pub(super) is_evident: bool,
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
    Repair { said, is_evident: false, undo: Undo::Replace(pairs) }
}

const fn undoes(said: &'static str, undo: fn(&str) -> Option<String>) -> Repair {
    Repair { said, is_evident: false, undo: Undo::By(undo) }
}

const fn evident(repair: Repair) -> Repair {
    Repair { is_evident: true, ..repair }
}

/// What is said of HTML.
pub(super) const HTML: &str =
    "the link is written as in HTML, with `&amp;` for `&`: decode it before it is used";

/// All repairs, the usual ones first.
pub(super) const REPAIRS: &[Repair] = &[
    evident(replaces(
        HTML,
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
    )),
    evident(replaces(
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
    )),
    evident(replaces(
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
    )),
    evident(replaces(
        "the token was percent-encoded: put it where it belongs as it is, `=` and `&` included",
        &[("%26", "&"), ("%3d", "="), ("%2e", ".")],
    )),
    evident(replaces(
        "the link was percent-encoded as a whole: decode it once",
        &[("%26", "&"), ("%3d", "="), ("%3f", "?"), ("%2f", "/"), ("%3a", ":")],
    )),
    evident(replaces(
        "it was encoded once more on the way: `%25` is where `%` was",
        &[("%25", "%")],
    )),
    replaces("`;` is between the fields of the token: write `&`", &[("%3b", "&"), (";", "&")]),
    evident(replaces(
        "there is a line break in the link: write it in one line",
        &[("\r", ""), ("\n", ""), ("\\r", ""), ("\\n", ""), ("%0d", ""), ("%0a", "")],
    )),
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
    evident(replaces(
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
    )),
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
    undoes("there is a `&` or a `?` too many: take it out", without_stray),
    undoes(
        "what follows the link belongs to the text around it, like a dot, a bracket, a quote or its `&quot;` in HTML: take it off",
        without_tail,
    ),
    evident(undoes("the link has no scheme: write https:// before the host", with_scheme)),
    undoes("a `;` in the path is not encoded: write %3B", with_encoded_semicolons),
    undoes(
        "a server put a parameter into the path, after a `;`: take it off",
        without_path_parameters,
    ),
    undoes("there is a second `?` before the token: write `&`", one_question_mark),
    undoes("the token is before other parameters that were signed: put it last", token_last),
    undoes(
        "the fields of the token are in another order, as where a proxy sorts the query: leave it as it is",
        in_order,
    ),
    evident(undoes("the link is a parameter of another address: use what is in it", unwrapped)),
    evident(undoes("there is another address or a text before the link: take it off", inner)),
    evident(undoes(
        "the token is in another parameter or cookie as its value: write it as it is, starting with `pg=1`",
        as_parameter,
    )),
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
    evident(undoes(
        "the fields of the token are in upper case: write them in lower case",
        with_lower_names,
    )),
    evident(replaces(
        "the signature is under another name: write `sig=`",
        &[
            ("&signature=", "&sig="),
            ("&hmac=", "&sig="),
            ("&mac=", "&sig="),
            ("&sign=", "&sig="),
            ("&hash=", "&sig="),
            ("&digest=", "&sig="),
            ("&tag=", "&sig="),
        ],
    )),
    evident(replaces(
        "a field of the token is under another name: write `exp=` for the expiry and `kid=` for the key",
        &[
            ("&expires=", "&exp="),
            ("&expiry=", "&exp="),
            ("&expires_at=", "&exp="),
            ("&key=", "&kid="),
            ("&keyid=", "&kid="),
            ("&key_id=", "&kid="),
        ],
    )),
    undoes(
        "a field that no token has was put into the token after it was signed: take it out",
        without_unknown,
    ),
    evident(undoes(
        "the parts of a JWT have no `=` at their ends: write base64url without padding",
        without_padding,
    )),
];

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
    let is_mark = |c: char| {
        c.is_whitespace()
            || ".,;:!?)]}>'\"`*|\\/".contains(c)
            || "\u{2026}\u{2019}\u{201d}\u{201c}\u{bb}\u{3002}\u{ff09}\u{200b}".contains(c)
    };
    let mut kept = text;
    loop {
        let encoded = ENCODED.iter().find_map(|mark| {
            let (before, end) = kept.split_at_checked(kept.len().checked_sub(mark.len())?)?;
            end.eq_ignore_ascii_case(mark).then_some(before)
        });
        let shorter = encoded.or_else(|| without_entity(kept));
        match shorter.or_else(|| kept.strip_suffix(is_mark)) {
            Some(shorter) => kept = shorter,
            None => return changed(text, kept.into()),
        }
    }
}

/// Without a reference to a character of HTML at the end: `&gt;`, `&#39;`.
fn without_entity(text: &str) -> Option<&str> {
    let (before, name) = text.strip_suffix(';')?.rsplit_once('&')?;
    is_entity(name).then_some(before)
}

/// Whether a parameter, or its name, starts with the rest of such a reference: `amp;utm_source`.
pub(super) fn starts_with_entity(param: &str) -> bool {
    param.split_once(';').is_some_and(|(name, _)| is_entity(name))
}

/// Whether a name is like one of a reference to a character: `amp`, `#38`.
fn is_entity(name: &str) -> bool {
    let is_one = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'#';
    (2..=8).contains(&name.len()) && name.bytes().all(is_one)
}

/// Without empty parameters, and without marks of a query that has none.
fn without_stray(text: &str) -> Option<String> {
    let mut kept = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '&' || !(kept.is_empty() || kept.ends_with(['&', '?'])) {
            kept.push(c);
        }
    }
    let end = kept.trim_end_matches(['&', '?']).len();
    kept.truncate(end);
    changed(text, kept)
}

/// With a scheme before a host.
fn with_scheme(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix("//") {
        return Some(["https://", rest].concat());
    }
    let (host, _) = text.split_once('/')?;
    let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    let is_host =
        host.bytes().all(is_of_host) && (host.contains('.') || host.contains("localhost"));
    is_host.then(|| ["https://", text].concat())
}

/// Everything up to the path, the path, and the rest.
fn around_path(text: &str) -> Option<[&str; 3]> {
    let (scheme, rest) = split_scheme(text);
    let start = scheme.len().saturating_add(rest.find('/')?);
    let (base, rest) = text.split_at_checked(start)?;
    let (path, query) = rest.split_at_checked(rest.find('?').unwrap_or(rest.len()))?;
    Some([base, path, query])
}

fn with_encoded_semicolons(text: &str) -> Option<String> {
    let [base, path, query] = around_path(text)?;
    Some([base, &replace(path, &[(";", "%3B")])?, query].concat())
}

fn without_path_parameters(text: &str) -> Option<String> {
    let [base, path, query] = around_path(text)?;
    let segments = path.split('/').map(|segment| segment.split(';').next().unwrap_or_default());
    let path = segments.collect::<Vec<_>>().join("/");
    changed(text, [base, &path, query].concat())
}

/// A text before and from its token on.
fn at_token(text: &str) -> Option<(&str, &str)> {
    let (before, _) = split_at(text, "pg=1&").or_else(|| split_at(text, "=eyJ"))?;
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
    let (_, sig) = split_at(token, "&sig=")?;
    let (_, after) = sig.split_once('&')?;
    let token = token.get(..token.len().saturating_sub(after.len()).saturating_sub(1))?;
    Some([before, after, "&", token].concat())
}

/// With the fields of a token in their order, behind all other parameters.
fn in_order(text: &str) -> Option<String> {
    let (path, query) = text.split_once('?')?;
    let named = |name: &'static str| query.split('&').filter(move |param| name_of(param) == name);
    let others = query.split('&').filter(|param| !is_field(param));
    let fields = native_fields().flat_map(|field| named(field.name()));
    let mut ordered = String::from(path);
    push_query(&mut ordered, others.chain(fields));
    changed(text, ordered)
}

/// Whether a parameter has the name of a field.
fn is_field(param: &str) -> bool {
    native_fields().any(|field| field.name() == name_of(param))
}

/// Without what is in a token and is no field of one.
fn without_unknown(text: &str) -> Option<String> {
    let (before, token) = at_token(text)?;
    let (fields, sig) = split_at(token, "&sig=")?;
    let fields: Vec<_> = fields.split('&').filter(|field| is_field(field)).collect();
    changed(text, [before, &fields.join("&"), "&sig=", sig].concat())
}

/// With the names of fields in lower case.
fn with_lower_names(text: &str) -> Option<String> {
    let mut lower = String::with_capacity(text.len());
    for part in text.split_inclusive(['?', '&', '/', ' ', ';']) {
        let name = name_of(part);
        let field = native_fields().find(|field| field.name().eq_ignore_ascii_case(name));
        lower.push_str(field.map_or(name, |field| field.name()));
        lower.push_str(part.get(name.len()..).unwrap_or_default());
    }
    changed(text, lower)
}

/// With the parts of a JWT as they have to be at their ends.
fn without_padding(text: &str) -> Option<String> {
    split_at(text, "eyJ")?;
    let mut kept = String::with_capacity(text.len());
    for part in text.split_inclusive(['.', '&', '/', ';', ' ']) {
        let end = part.trim_end_matches(['.', '&', '/', ';', ' ']);
        let mut bare = end;
        while let Some(shorter) = ["=", "%3D", "%3d"].iter().find_map(|pad| bare.strip_suffix(pad))
        {
            bare = shorter;
        }
        kept.push_str(bare);
        kept.push_str(part.get(end.len()..).unwrap_or_default());
    }
    changed(text, kept)
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
    let (before, _) = split_at(rest, "https://").or_else(|| split_at(rest, "http://"))?;
    let inner = rest.get(before.len()..)?;
    // Mail filters put their own part behind two underscores.
    let inner = split_at(inner, "__;").map_or(inner, |(inner, _)| inner);
    Some(inner.into())
}

fn as_parameter(text: &str) -> Option<String> {
    let (before, token) = split_at(text, "=pg=1&")?;
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
        if at > 1 && (segment.starts_with("pg=") || split_at(segment, "=eyJ").is_some()) {
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
