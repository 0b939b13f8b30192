//! The canonical path: the only spelling that is signed, verified and fetched.
//!
//! Octets written as `%XX` get uppercase hex, and unreserved ones are decoded (RFC 3986, sections 6.2.2.1 and
//! 6.2.2.2); nothing else changes. Anything that servers, proxies or browsers could interpret differently is refused,
//! not repaired: dot segments, empty segments, encoded slashes, control characters, and path parameters. A Java server
//! reads `film.mp4;x.m4s` as `film.mp4`, and `..;` as `..` (RFC 3986, section 3.3, allows such parameters but does not
//! define their meaning).

mod fast_path;

use core::fmt::{self, Write as _};

#[cfg(feature = "alloc")]
use alloc::{borrow::Cow, string::String};

pub use self::fast_path::{is_unreserved_path, is_unreserved_relative};
use crate::bytes::is_unreserved;
use crate::percent::escaped;

/// A valid path, as written.
///
/// It prints in canonical form without allocating: most paths are already canonical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanonicalPath<'a> {
    written: &'a str,
    /// Canonical as written.
    verbatim: bool,
}

impl<'a> CanonicalPath<'a> {
    /// The path of a token that is not parsed yet.
    pub(crate) const UNREAD: Self = Self { written: "", verbatim: true };

    /// Checks the path of a URL, from its first `/` to the `?`.
    ///
    /// # Errors
    /// A [`PathError`] with what to write instead.
    pub fn parse(written: &'a str) -> Result<Self, PathError> {
        if is_unreserved_path(written.as_bytes()) {
            return Ok(Self { written, verbatim: true });
        }
        Self::parse_segments(written)
    }

    /// [`CanonicalPath::parse`], segment by segment.
    fn parse_segments(written: &'a str) -> Result<Self, PathError> {
        let segments = written.strip_prefix('/').ok_or(PathError::NotAbsolute)?;
        let mut verbatim = true;
        let mut unless_last = None;
        for segment in segments.split('/') {
            if let Some(error) = unless_last {
                return Err(error);
            }
            verbatim &= check_segment(segment)?;
            unless_last = match segment.as_bytes() {
                // Only the last segment may be empty: a trailing slash.
                [] => Some(PathError::EmptySegment),
                // A server that decodes before it removes a parameter reads an empty name.
                [b'%', b'3', b'B' | b'b', ..] => Some(PathError::EmptyName),
                _ => None,
            };
        }
        Ok(Self { written, verbatim })
    }

    /// Whether it is named like an HLS or DASH manifest: `.m3u8` or `.mpd`, in any case.
    #[must_use]
    pub fn is_manifest(self) -> bool {
        // One comparison rules out most paths.
        let last = self.written.as_bytes().last();
        let may_be = !self.verbatim || matches!(last, Some(b'8' | b'D' | b'd'));
        may_be && self.ends_as_manifest()
    }

    fn ends_as_manifest(self) -> bool {
        let mut end = End::default();
        // The sink never fails.
        let _ = write!(end, "{self}");
        let End([dot, name @ ..]) = end;
        (dot == b'.' && name.eq_ignore_ascii_case(b"m3u8")) || name.eq_ignore_ascii_case(b".mpd")
    }

    /// The number of directories: two for `/videos/42/film.mp4`.
    #[cfg(feature = "alloc")]
    pub(crate) fn depth(self) -> usize {
        self.written.bytes().filter(|byte| *byte == b'/').count().saturating_sub(1)
    }

    /// The path of the first `n` segments, ending in `/`; `None` if there are fewer directories.
    #[must_use]
    pub fn directory(self, n: u8) -> Option<Self> {
        // Escapes contain no `/`, so the slashes as written are those of the canonical form.
        let mut slashes = self.written.bytes().enumerate().filter(|(_, byte)| *byte == b'/');
        let (end, _) = slashes.nth(usize::from(n))?;
        self.written.get(..=end).map(|written| Self { written, ..self })
    }

    /// The canonical form, if it is as written.
    pub(crate) fn as_canonical(self) -> Option<&'a str> {
        self.verbatim.then_some(self.written)
    }

    /// Passes the canonical form to `sink` in pieces.
    #[inline]
    pub(crate) fn pieces(self, sink: &mut impl FnMut(&str)) {
        if self.verbatim {
            return sink(self.written);
        }
        let mut rest = self.written;
        while let Some((literal, tail)) = rest.split_once('%') {
            sink(literal);
            let Some((digits, tail)) = tail.split_at_checked(2) else { break };
            match escaped(digits).and_then(unreserved) {
                Some(character) => sink(character),
                None => {
                    sink("%");
                    digits.bytes().filter_map(upper_hex).for_each(&mut *sink);
                }
            }
            rest = tail;
        }
        sink(rest);
    }

    /// The canonical form, borrowed if it is as written.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn to_cow(self) -> Cow<'a, str> {
        if self.verbatim {
            return Cow::Borrowed(self.written);
        }
        let mut text = String::with_capacity(self.written.len());
        self.pieces(&mut |piece| text.push_str(piece));
        Cow::Owned(text)
    }
}

/// Keeps the last bytes that are written to it.
#[derive(Default)]
struct End([u8; 5]);

impl fmt::Write for End {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            let [_, b, c, d, e] = self.0;
            self.0 = [b, c, d, e, byte];
        }
        Ok(())
    }
}

impl fmt::Display for CanonicalPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        self.pieces(&mut |piece| result = result.and_then(|()| f.write_str(piece)));
        result
    }
}

/// Whether the segment is canonical as written.
fn check_segment(segment: &str) -> Result<bool, PathError> {
    let mut verbatim = true;
    let mut dots: usize = 0;
    let mut others = false;
    // A server that decodes before it removes a parameter, a query or a fragment reads `..%3B` as `..`.
    let mut is_name = true;
    let mut rest = segment.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let octet = if byte == b'%' {
            let (digits, tail) = tail.split_at_checked(2).ok_or(PathError::Escape)?;
            let octet = core::str::from_utf8(digits).ok().and_then(escaped);
            let octet = octet.ok_or(PathError::Escape)?;
            rest = tail;
            match octet {
                b'/' | b'\\' => return Err(PathError::EncodedSlash),
                // They start overlong forms of ASCII, such as %C0%AE for a dot, and never occur in UTF-8.
                0xc0 | 0xc1 => return Err(PathError::Overlong),
                0..0x20 | 0x7f => return Err(PathError::Control),
                _ => {
                    verbatim &= !is_unreserved(octet) && !digits.iter().any(u8::is_ascii_lowercase)
                }
            }
            octet
        } else {
            check_written(byte)?;
            byte
        };
        match octet {
            b';' | b'?' | b'#' => is_name = false,
            b'.' if is_name => dots = dots.saturating_add(1),
            _ => others |= is_name,
        }
    }
    if !others && (dots == 1 || dots == 2) { Err(PathError::DotSegment) } else { Ok(verbatim) }
}

fn check_written(byte: u8) -> Result<(), PathError> {
    match byte {
        b'\\' => Err(PathError::Backslash),
        b' ' => Err(PathError::Space),
        b';' => Err(PathError::Parameter),
        0..0x20 | 0x7f => Err(PathError::Control),
        0x80.. => Err(PathError::NonAscii),
        // Browsers encode these in a path (WHATWG URL, path percent-encode set; the bar only in Chromium). Signed
        // raw, they would arrive encoded, and the signature would not match.
        b'"' | b'#' | b'<' | b'>' | b'?' | b'^' | b'`' | b'{' | b'|' | b'}' => {
            Err(PathError::Reserved)
        }
        _ => Ok(()),
    }
}

/// An unreserved octet as text.
fn unreserved(octet: u8) -> Option<&'static str> {
    const ALL: &str = "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";
    let at = ALL.bytes().position(|byte| byte == octet)?;
    ALL.get(at..=at)
}

/// A hex digit in uppercase.
fn upper_hex(digit: u8) -> Option<&'static str> {
    const ALL: &str = "0123456789ABCDEF";
    let at = ALL.bytes().position(|byte| byte == digit.to_ascii_uppercase())?;
    ALL.get(at..=at)
}

/// Why a path is refused. Each message continues "the path".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// A backslash, which browsers turn into a slash.
    Backslash,
    /// A control character, encoded or not.
    Control,
    /// A segment `.` or `..`, encoded or not.
    DotSegment,
    /// A segment that starts with `%3B` and is not the last: a server that decodes it before it removes
    /// parameters reads two consecutive slashes.
    EmptyName,
    /// Two consecutive slashes.
    EmptySegment,
    /// `%2F` or `%5C`, which some servers decode before they split the path.
    EncodedSlash,
    /// A `%` without two hex digits.
    Escape,
    /// A byte outside ASCII.
    NonAscii,
    /// It does not start with `/`.
    NotAbsolute,
    /// `%C0` or `%C1`, which are invalid in UTF-8: some servers read `%C0%AE` as a dot.
    Overlong,
    /// A `;`: Java servers read the text after it as a parameter, and serve the path before it.
    Parameter,
    /// A character that browsers encode: one of `" # < > ? ^ { | }` or a backtick.
    Reserved,
    /// A raw space.
    Space,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Backslash => "has a backslash; write /",
            Self::Control => "has a control character; rename the file",
            Self::DotSegment => "has a segment . or ..; write the path without it",
            Self::EmptyName => {
                "has a directory that starts with %3B, which some servers read as //; rename it"
            }
            Self::EmptySegment => "has two slashes in a row; write one",
            Self::EncodedSlash => "has %2F or %5C; a slash in a file name cannot be signed",
            Self::Escape => "has a % without two hex digits; write %25 for a percent sign",
            Self::NonAscii => "has a non-ASCII character; percent-encode its UTF-8 bytes",
            Self::NotAbsolute => "does not start with a slash",
            Self::Overlong => "has %C0 or %C1, never in UTF-8; percent-encode the name as UTF-8",
            Self::Parameter => "has a ;, which some servers read as the end of the name; write %3B",
            Self::Reserved => {
                "has one of \" # < > ? ^ ` { | }; percent-encode it, as browsers do (%22 %23 ...)"
            }
            Self::Space => "has a space; write %20",
        })
    }
}

impl core::error::Error for PathError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[track_caller]
    fn canonical(written: &str, expected: &str) {
        let path = CanonicalPath::parse(written).unwrap();
        assert_eq!(path.to_string(), expected);
        assert_eq!(path.verbatim, written == expected);
        assert_eq!(CanonicalPath::parse(expected).unwrap().to_string(), expected, "idempotent");
    }

    #[track_caller]
    fn refused(written: &str, error: PathError) {
        assert_eq!(CanonicalPath::parse(written), Err(error));
    }

    #[test]
    fn canonical_form() {
        canonical("/", "/");
        canonical("/videos/42/film.mp4", "/videos/42/film.mp4");
        canonical("/videos/42/", "/videos/42/");
        canonical("/%7euser/%41%2d", "/~user/A-");
        canonical("/b%c3%bccher", "/b%C3%BCcher");
        canonical("/B%C3%BCcher%20(1)/a+b,c=e:@!$&'*[x]", "/B%C3%BCcher%20(1)/a+b,c=e:@!$&'*[x]");
        canonical("/.well-known/...", "/.well-known/...");
        canonical("/%252e", "/%252e");
        canonical("/a%3bb/.a%3B/%3b..", "/a%3Bb/.a%3B/%3B..");
    }

    #[test]
    fn refusals() {
        for path in ["/a/./b", "/a/..", "/%2e/a", "/.%2E/a", "/%2E%2e", "/a/%2e%2E/"] {
            refused(path, PathError::DotSegment);
        }
        for path in ["/..%3b/a", "/a/..%3B", "/.%3Bx/a", "/%2e.%3b..", "/..%3b%3b"] {
            refused(path, PathError::DotSegment);
        }
        for path in ["/..%3fa", "/a/.%23/b", "/%2e%2E%3F/"] {
            refused(path, PathError::DotSegment);
        }
        for path in ["/%C0%AE%C0%AE/a", "/%c1%9c", "/a%C0"] {
            refused(path, PathError::Overlong);
        }
        canonical("/%C3%80%E9%F6?".trim_end_matches('?'), "/%C3%80%E9%F6");
        for path in ["/a;", "/..;/a", "/film.mp4;x.m4s", "/;", "/a;jsessionid=1/b"] {
            refused(path, PathError::Parameter);
        }
        for path in ["//", "//a", "/a//b", "/a//"] {
            refused(path, PathError::EmptySegment);
        }
        for path in ["/%3B/", "/a/%3bx/b", "/a/%3B../b", "/%3B%3B/", "/%3b%2e//"] {
            refused(path, PathError::EmptyName);
        }
        for path in ["/a/%3Bx", "/a/%3B", "/%23a/b", "/a/%3Fx/b", "/%23/", "/%3F%3B/", "/a%3B/b"] {
            canonical(path, path);
        }
        for path in ["/a%2fb", "/a%2Fb", "/a%5cb", "/a%5Cb"] {
            refused(path, PathError::EncodedSlash);
        }
        for path in ["/%", "/%2", "/%zz", "/%+1", "/a%2/"] {
            refused(path, PathError::Escape);
        }
        for path in ["/a\0", "/a%00", "/a%0a", "/a%1F", "/a%7f", "/a\n", "/a\u{7f}"] {
            refused(path, PathError::Control);
        }
        refused("", PathError::NotAbsolute);
        refused("a/b", PathError::NotAbsolute);
        refused("/a\\b", PathError::Backslash);
        refused("/a b", PathError::Space);
        refused("/bücher", PathError::NonAscii);
        for path in ["/a\"", "/a#", "/a<", "/a>", "/a?", "/a^", "/a`", "/a{", "/a|", "/a}"] {
            refused(path, PathError::Reserved);
        }
    }

    #[test]
    fn directories_end_at_a_segment_boundary() {
        let path = CanonicalPath::parse("/videos/%34%32/film.mp4").unwrap();
        assert_eq!(path.directory(1).unwrap().to_string(), "/videos/");
        assert_eq!(path.directory(2).unwrap().to_string(), "/videos/42/");
        assert_eq!(path.directory(3), None);
        assert_eq!(CanonicalPath::parse("/videos/42").unwrap().directory(2), None);
    }
}
