//! Links with one byte changed, and a second, simple reading of links to compare verdicts with.

use proptest::prelude::*;
use proptest::sample::Index;

/// The host of all links here. It is not signed, so changes are made after it.
pub(crate) const HOST: &str = "https://cdn.example.com";

/// A change of one byte, or of its spelling.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    Replace(u8),
    Remove,
    Insert(u8),
    /// The next letter in the other case.
    OtherCase,
    /// The byte percent-encoded.
    Encode,
    /// The next escape of ASCII decoded. Without one, a byte is removed.
    Decode,
}

/// A change, and its place: anywhere after the host, or outside the token.
pub(crate) fn change() -> impl Strategy<Value = (Change, bool, Index)> {
    let marks = prop::sample::select(&b"/%?&=;#.-_+aAfF09"[..]);
    let byte = || prop_oneof![0_u8..0x80, marks.clone()];
    let change = prop_oneof![
        3 => byte().prop_map(Change::Replace),
        2 => Just(Change::Remove),
        3 => byte().prop_map(Change::Insert),
        1 => Just(Change::OtherCase),
        1 => Just(Change::Encode),
        1 => Just(Change::Decode),
    ];
    (change, any::<bool>(), any::<Index>())
}

/// Any text, with pieces of tokens in it.
pub(crate) fn text(most: usize) -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "pg", "pg=1", "pg=ref.", "exp=", "kid=", "main", "sig=", "dir=", "token=", "eyJ", "=", "&",
        "/", "?", "%", ".", ";", ",",
    ];
    let piece = prop_oneof![
        4 => (b' '..=b'~').prop_map(|byte| char::from(byte).to_string()),
        2 => prop::sample::select(PIECES).prop_map(String::from),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..=most).prop_map(|pieces| pieces.concat())
}

/// Whether an odd request is also explained: one in twenty, as that takes 40 ms in a debug build.
pub(crate) fn is_explained() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.05)
}

/// A link with this change. It is the same link if a byte replaces itself.
pub(crate) fn changed(link: &str, token: &str, change: (Change, bool, Index)) -> String {
    let (host, rest) = link.split_at(HOST.len());
    assert_eq!(host, HOST);
    let (change, outside, at) = change;
    let token = rest.find(token).map(|start| start..start + token.len()).unwrap();
    let places: Vec<_> = (0..rest.len()).filter(|at| !(outside && token.contains(at))).collect();
    let at = places[at.index(places.len())];
    let (start, end, with) = match change {
        Change::Replace(byte) => (at, at + 1, char::from(byte).to_string()),
        Change::Remove => (at, at + 1, String::new()),
        // Not before the first slash, where it would be part of the host.
        Change::Insert(byte) => (at + 1, at + 1, char::from(byte).to_string()),
        Change::OtherCase => {
            let bytes = rest.as_bytes();
            let mut places = (at..rest.len()).chain(0..at);
            let at = places.find(|at| bytes[*at].is_ascii_alphabetic()).unwrap();
            (at, at + 1, char::from(bytes[at] ^ 0x20).to_string())
        }
        Change::Encode => (at, at + 1, format!("%{:02X}", rest.as_bytes()[at])),
        Change::Decode => {
            let octet_at = |at: usize| {
                let digits = rest[at..].strip_prefix('%')?.get(..2)?;
                u8::from_str_radix(digits, 16).ok().filter(u8::is_ascii)
            };
            let mut places = (at..rest.len()).chain(0..at);
            let escape = places.find_map(|at| Some((at, octet_at(at)?)));
            escape.map_or((at, at + 1, String::new()), |(at, octet)| {
                (at, at + 3, char::from(octet).to_string())
            })
        }
    };
    [host, &rest[..start], &with, &rest[end..]].concat()
}

/// Every change of one byte after the host, to any byte of ASCII, and every byte percent-encoded.
pub(crate) fn every_change(link: &str) -> impl Iterator<Item = String> {
    let bytes = move |at: usize, end: usize| {
        (0..0x80_u8)
            .map(move |byte| [&link[..at], &char::from(byte).to_string(), &link[end..]].concat())
    };
    let start = HOST.len();
    let replaced = (start..link.len()).flat_map(move |at| bytes(at, at + 1));
    let removed = (start..link.len()).map(|at| [&link[..at], &link[at + 1..]].concat());
    let inserted = (start + 1..=link.len()).flat_map(move |at| bytes(at, at));
    let encoded = (start..link.len()).map(|at| {
        [&link[..at], &format!("%{:02X}", link.as_bytes()[at]), &link[at + 1..]].concat()
    });
    let changes = replaced.chain(removed).chain(inserted).chain(encoded);
    changes.filter(move |changed| changed != link)
}

/// The canonical spelling of a path. `None` if a link may not have it.
pub(crate) fn canonical(path: &str) -> Option<String> {
    let segments: Vec<_> = path.strip_prefix('/')?.split('/').collect();
    let (_, directories) = segments.split_last()?;
    let mut spelled = String::new();
    for segment in &segments {
        let (octets, canonical) = octets(segment)?;
        // A server may cut off what follows one of these, also if they are encoded.
        let name = octets.split(|octet| b";?#".contains(octet)).next()?;
        if [&b"."[..], b".."].contains(&name) {
            return None;
        }
        spelled.push('/');
        spelled.push_str(&canonical);
    }
    let has_name =
        |segment: &&str| !segment.is_empty() && !segment.to_ascii_uppercase().starts_with("%3B");
    directories.iter().all(has_name).then_some(spelled)
}

/// The octets of a segment, and its canonical spelling.
fn octets(segment: &str) -> Option<(Vec<u8>, String)> {
    let is_unreserved = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~".contains(&octet);
    let (mut octets, mut canonical) = (Vec::new(), String::new());
    let mut rest = segment;
    while let Some(first) = rest.chars().next() {
        let octet = if first == '%' {
            let digits = rest.get(1..3)?;
            let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            let octet = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
            if octet < 0x20 || [0x7f, b'/', b'\\', 0xc0, 0xc1].contains(&octet) {
                return None;
            }
            rest = &rest[3..];
            if is_unreserved(octet) {
                canonical.push(octet.into());
            } else {
                canonical.push_str(&format!("%{octet:02X}"));
            }
            octet
        } else {
            let octet = u8::try_from(first).ok()?;
            if !is_unreserved(octet) && !b"!$&'()*+,:=@[]".contains(&octet) {
                return None;
            }
            rest = &rest[1..];
            canonical.push(first);
            octet
        };
        octets.push(octet);
    }
    Some((octets, canonical))
}

/// The host, the path, and the query of a link.
pub(crate) fn split(link: &str) -> (&str, &str, Option<&str>) {
    let start = "https://".len();
    let end = link[start..].find(['/', '?', '#']).map_or(link.len(), |at| start + at);
    let (host, rest) = link.split_at(end);
    match rest.split_once('?') {
        Some((path, query)) => (host, path, Some(query)),
        None => (host, rest, None),
    }
}

/// What is before and after a token in a query. `None` if the token is not a whole parameter of it.
pub(crate) fn around<'q>(
    query: &'q str,
    token: &str,
) -> Option<(Option<&'q str>, Option<&'q str>)> {
    let (before, rest) = match query.strip_prefix(token) {
        Some(rest) => (None, rest),
        None => {
            let (before, rest) = query.split_once(&format!("&{token}"))?;
            (Some(before), rest)
        }
    };
    match rest.strip_prefix('&') {
        Some(after) => Some((before, Some(after))),
        None => rest.is_empty().then_some((before, None)),
    }
}

/// Whether a query may be beside a token: printable ASCII without `#`, and no parameter of these names.
pub(crate) fn is_fine(query: &str, names: &[&str]) -> bool {
    let is_printable = query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    let mut params = query.split('&').map(|param| param.split('=').next().unwrap());
    is_printable && !params.any(|name| names.contains(&name))
}

/// The refusals before anything that the token says is believed.
pub(crate) const BEFORE_THE_TERMS: &[&str] = &[
    "ambiguous",
    "bad_signature",
    "malformed",
    "missing",
    "missing_claim",
    "outside_scope",
    "path_not_canonical",
    "unknown_field",
    "unknown_key",
    "unsigned_parameter",
    "unsupported_algorithm",
    "unsupported_version",
];
