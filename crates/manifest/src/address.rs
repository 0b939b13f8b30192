//! Addresses in a manifest, and where they lead.
//!
//! Addresses are resolved as players do it (WHATWG URL; RFC 3986, section 5.2). An ambiguous address is not
//! resolved, and so stays as it is.

use playgate::{
    CanonicalPath, Request,
    percent::{decode, push_encoded},
    query::is_query,
};

use crate::host::{Host, Scheme, Start, start};

/// What an address leads to. The distinction matters only in a preview.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// Another manifest.
    Manifest,
    /// Anything else: a segment, an initialization section, a key, a data file.
    Media,
}

/// The base of relative addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// Another host, or an unreadable address. Nothing relative to it ever gets a token.
    Foreign,
    /// A canonical path on this host, without the token. If it `inherits`, addresses relative to it have
    /// the token.
    Here { path: String, inherits: bool },
}

impl Base {
    /// The length of its path in bytes.
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Foreign => 0,
            Self::Here { path, .. } => path.len(),
        }
    }
}

/// Where an address on this host leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ResolvedAddress {
    /// The scheme that the address names; `None` if it takes the scheme of its base.
    pub(crate) scheme: Option<Scheme>,
    /// The canonical path.
    pub(crate) path: String,
    /// The query with its `?`, as a player sends it; empty if there is none.
    pub(crate) query: String,
    /// The fragment with its `#`; empty if there is none.
    pub(crate) fragment: String,
    /// Whether it inherits the token of its base.
    pub(crate) inherits: bool,
}

impl ResolvedAddress {
    /// Whether both lead to the same place, regardless of a token.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        let Self { scheme, path, query, fragment, inherits: _ } = self;
        (scheme, path, query, fragment)
            == (&other.scheme, &other.path, &other.query, &other.fragment)
    }
}

/// Resolves `reference` on `host`. Returns `None` if it leads to another host, is ambiguous, or is longer
/// than any request may be.
pub(crate) fn resolve(
    host: Option<&Host>,
    base: &Base,
    reference: &str,
    template: bool,
) -> Option<ResolvedAddress> {
    if base.len().saturating_add(reference.len()) > Request::MAX_URL_LEN {
        return None;
    }
    // URL parsers strip leading and trailing spaces.
    let (rest, fragment) = split_at(reference.trim_matches(' '), '#');
    let (rest, query) = split_at(rest, '?');
    if rest.contains('\\') || reference.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    let start = start(host, rest)?;
    let scheme = match start {
        Start::Host(scheme, _) => scheme,
        Start::Root(_) | Start::Base(_) => None,
    };
    let (path, inherits) = match (start, base) {
        (Start::Host(_, path), _) | (Start::Root(path), Base::Here { .. }) => {
            Resolved { path, segments: Vec::new(), inherits: false }.join(template)?
        }
        // The same path with another query.
        (Start::Base(""), Base::Here { path, inherits }) if !query.is_empty() => {
            (path.clone(), *inherits)
        }
        (Start::Base(""), _) | (_, Base::Foreign) => return None,
        (Start::Base(path), Base::Here { path: base, inherits }) => {
            let segments = base.strip_prefix('/')?.split('/').collect();
            Resolved { path, segments, inherits: *inherits }.join(template)?
        }
    };
    let query = encode(query, |byte| matches!(byte, b'"' | b'\'' | b'<' | b'>'));
    let asked = query.get(1..);
    if !asked.is_none_or(is_query) {
        return None;
    }
    Some(ResolvedAddress { scheme, path, query, fragment: fragment.to_owned(), inherits })
}

/// A path whose dot segments are being removed.
struct Resolved<'a> {
    path: &'a str,
    /// The initial segments; the last one is a file.
    segments: Vec<&'a str>,
    inherits: bool,
}

impl Resolved<'_> {
    /// Returns the canonical path, and whether it still has the token of its base. The token precedes the
    /// first segment, so one `..` too many removes it.
    fn join(self, template: bool) -> Option<(String, bool)> {
        let Self { path, mut segments, mut inherits } = self;
        segments.pop();
        let mut rest = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
        while let Some(segment) = rest.next() {
            let is_last = rest.peek().is_none();
            match dots(segment) {
                Some(dots) => {
                    if dots == 2 && segments.pop().is_none() {
                        inherits = false;
                    }
                    if is_last {
                        segments.push("");
                    }
                }
                None => segments.push(segment),
            }
        }
        let mut joined = String::new();
        for segment in segments {
            joined.push('/');
            joined.push_str(segment);
        }
        let (joined, formats) =
            if template { take_formats(&joined)? } else { (joined, Vec::new()) };
        let joined = encode(&joined, |byte| {
            matches!(byte, b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
        });
        let path = CanonicalPath::parse(&joined).ok()?.to_cow().into_owned();
        let path = if template { put_formats(&path, &formats)? } else { path };
        Some((path, inherits))
    }
}

/// Counts the dots of a dot segment, percent-encoded or not.
fn dots(segment: &str) -> Option<usize> {
    let decoded = if segment.contains('%') { decode(segment) } else { None };
    match decoded.as_deref().unwrap_or(segment) {
        "." => Some(1),
        ".." => Some(2),
        _ => None,
    }
}

/// Splits a text before the first `mark`.
fn split_at(text: &str, mark: char) -> (&str, &str) {
    text.split_at_checked(text.find(mark).unwrap_or(text.len())).unwrap_or((text, ""))
}

/// Percent-encodes what a URL parser would: spaces, characters outside ASCII, and `more`.
fn encode(text: &str, more: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    push_encoded(text, |octet| octet.is_ascii_graphic() && !more(octet), &mut out);
    out
}

/// The conversions that players support. ISO/IEC 23009-1, section 5.3.9.4.4, defines only `d`, but Shaka
/// Player supports all of these, and ExoPlayer `x` and `X`.
const CONVERSIONS: [char; 6] = ['d', 'i', 'o', 'u', 'x', 'X'];

/// Reads the format of an identifier (`%05d`): the digits of its width, and its conversion. The conversion
/// defaults to `d`, as in ExoPlayer.
pub(crate) fn read_format(format: &str) -> Option<(&str, char)> {
    let rest = format.strip_prefix("%0")?;
    let width = rest.strip_suffix(CONVERSIONS).unwrap_or(rest);
    let conversion = rest.get(width.len()..)?.chars().next().unwrap_or('d');
    let is_number = !width.is_empty() && width.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then_some((width, conversion))
}

/// Removes the formats from the identifiers of a template, because `%` has another meaning in a path:
/// `$Number%05d$` becomes `$Number$`. Returns `None` if the text is not a template.
fn take_formats(template: &str) -> Option<(String, Vec<&str>)> {
    let mut out = String::with_capacity(template.len());
    let mut formats = Vec::new();
    for (n, part) in template.split('$').enumerate() {
        if n > 0 {
            out.push('$');
        }
        if n % 2 == 0 {
            out.push_str(part);
            continue;
        }
        let (name, format) = split_at(part, '%');
        let is_format = format.is_empty() || read_format(format).is_some();
        if !is_format || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return None;
        }
        out.push_str(name);
        formats.push(format);
    }
    (template.split('$').count() % 2 == 1).then_some((out, formats))
}

/// Restores the formats that [`take_formats`] removed.
fn put_formats(path: &str, formats: &[&str]) -> Option<String> {
    let mut out = String::with_capacity(path.len());
    let mut formats = formats.iter();
    for (n, part) in path.split('$').enumerate() {
        if n > 0 {
            out.push('$');
        }
        out.push_str(part);
        if n % 2 == 1 {
            out.push_str(formats.next()?);
        }
    }
    Some(out)
}
