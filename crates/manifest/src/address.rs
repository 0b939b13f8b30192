//! Addresses in a manifest, and where they lead.
//!
//! They are resolved as players do (WHATWG URL; RFC 3986, section 5.2), and whatever players might read in
//! two ways leads nowhere here: then it stays as it is.

use playgate::{CanonicalPath, Request, percent::push_encoded, query::is_query};

use crate::host::{Host, Scheme, Start, start};

/// What an address leads to. The two differ in a preview alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// Another manifest.
    Manifest,
    /// Anything else: a segment, an initialization section, a key, a file of data.
    Media,
}

/// Where relative addresses start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// Another host, or an address that cannot be read: nothing there ever gets a token.
    Foreign,
    /// A canonical path on this host, without a token. Addresses that are relative to it have the token
    /// where it `inherits`.
    Here { path: String, inherits: bool },
}

impl Base {
    /// The bytes in its path.
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
    /// The scheme that the address names; `None` where it takes that of its base.
    pub(crate) scheme: Option<Scheme>,
    /// The canonical path.
    pub(crate) path: String,
    /// The query with its `?`, as a player sends it; empty where there is none.
    pub(crate) query: String,
    /// The fragment with its `#`, or nothing.
    pub(crate) fragment: String,
    /// Whether the token of the base comes along.
    pub(crate) inherits: bool,
}

impl ResolvedAddress {
    /// Whether another leads to the same place, with a token or without.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        let Self { scheme, path, query, fragment, inherits: _ } = self;
        (scheme, path, query, fragment)
            == (&other.scheme, &other.path, &other.query, &other.fragment)
    }
}

/// Resolves `reference` on `host`. `None` where it leads to another host, can be read in more than one way,
/// or is longer than any request may be.
pub(crate) fn resolve(
    host: Option<&Host>,
    base: &Base,
    reference: &str,
    template: bool,
) -> Option<ResolvedAddress> {
    if base.len().saturating_add(reference.len()) > Request::MAX_URL_LEN {
        return None;
    }
    // URL parsers drop blanks at both ends.
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
        // Another query of the same path.
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

/// A path on its way to be one without dot segments.
struct Resolved<'a> {
    path: &'a str,
    /// The segments that it starts from, the last one of them a file.
    segments: Vec<&'a str>,
    inherits: bool,
}

impl Resolved<'_> {
    /// The canonical path, and whether the token of its base is still there: it is a segment before the
    /// first, so a `..` too many takes it away.
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

/// Whether a segment is one dot or two, however written.
fn dots(segment: &str) -> Option<usize> {
    match segment {
        "." => Some(1),
        ".." => Some(2),
        _ if segment.contains('%') => {
            match segment.to_ascii_lowercase().replace("%2e", ".").as_str() {
                "." => Some(1),
                ".." => Some(2),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Splits a text before the first `mark`.
fn split_at(text: &str, mark: char) -> (&str, &str) {
    text.split_at_checked(text.find(mark).unwrap_or(text.len())).unwrap_or((text, ""))
}

/// Writes what a URL parser encodes as it does: spaces, what is outside ASCII, and `more`.
fn encode(text: &str, more: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    push_encoded(text, |octet| octet.is_ascii_graphic() && !more(octet), &mut out);
    out
}

/// The conversions that players know: by ISO/IEC 23009-1, section 5.3.9.4.4, only `d`, but Shaka Player reads
/// all of these, and ExoPlayer `x` and `X`.
const CONVERSIONS: [char; 6] = ['d', 'i', 'o', 'u', 'x', 'X'];

/// Reads the format of an identifier, `%05d`: the digits of its width, and its conversion. Without one it is
/// `d`, as in ExoPlayer.
pub(crate) fn read_format(format: &str) -> Option<(&str, char)> {
    let rest = format.strip_prefix("%0")?;
    let width = rest.strip_suffix(CONVERSIONS).unwrap_or(rest);
    let conversion = rest.get(width.len()..)?.chars().next().unwrap_or('d');
    let is_number = !width.is_empty() && width.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then_some((width, conversion))
}

/// Takes the formats out of the identifiers of a template, as a path has another meaning for `%`:
/// `$Number%05d$` becomes `$Number$`. `None` where it is no template.
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

/// Puts them back.
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
