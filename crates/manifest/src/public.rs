//! Paths that are served without a token.

use core::fmt;

use playgate::CanonicalPath;

/// The paths that an operator opens to everybody, by directory and by the extension of files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicPaths {
    prefixes: Vec<String>,
    extensions: Vec<String>,
}

impl PublicPaths {
    /// Takes canonical paths, and extensions without their dot: `m4s`. Each opens what is below it, or what
    /// ends in it.
    #[must_use]
    pub const fn new(prefixes: Vec<String>, extensions: Vec<String>) -> Self {
        Self { prefixes, extensions }
    }

    /// Opens the directories of a list as well, as the variable `PUBLIC` has it: paths, separated by commas or
    /// newlines.
    ///
    /// # Errors
    /// A [`PublicPathsError`] that says how to write the entry.
    pub fn parse_prefixes(mut self, text: &str) -> Result<Self, PublicPathsError> {
        for (number, prefix) in list(text) {
            if prefix == "/" {
                return Err(in_entry(number, &"/ would open everything; name the directories"));
            }
            match CanonicalPath::parse(prefix) {
                Ok(path) => self.prefixes.push(path.to_string()),
                Err(error) => return Err(in_entry(number, &format!("the path {error}"))),
            }
        }
        Ok(self)
    }

    /// Opens the files of these extensions as well, as the variable `PUBLIC_EXTENSIONS` has them, separated by
    /// commas or newlines. What says where the media is or opens it stays behind the gate.
    ///
    /// # Errors
    /// A [`PublicPathsError`] that says how to write the entry.
    pub fn parse_extensions(mut self, text: &str) -> Result<Self, PublicPathsError> {
        for (number, extension) in list(text) {
            if !extension.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                let error = "write extensions without their dot: \"m4s, ts\"";
                return Err(in_entry(number, &error));
            }
            if ["m3u8", "mpd", "key"].iter().any(|gated| gated.eq_ignore_ascii_case(extension)) {
                return Err(in_entry(number, &"playlists and keys are what the gate is for"));
            }
            self.extensions.push(extension.into());
        }
        Ok(self)
    }

    /// Whether nothing is open.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.prefixes.is_empty() && self.extensions.is_empty()
    }

    /// Whether a canonical path needs no token. A prefix ends at the end of a segment: `/public` opens
    /// `/public` and `/public/a`, and never `/public-not`. Extensions are compared without regard to case,
    /// and count only where no server could find the end of the name before them: never in a path with an
    /// encoded `;`, `?`, `#` or `%`.
    ///
    /// `film.mp4/x.m4s` does count: a server that knows PATH_INFO (RFC 3875, section 4.1.5) would serve
    /// `film.mp4` for it, so it has to be told not to.
    #[must_use]
    pub fn contains(&self, path: &str) -> bool {
        let is_below = |prefix: &String| {
            path.strip_prefix(prefix.as_str()).is_some_and(|rest| {
                rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/')
            })
        };
        self.prefixes.iter().any(is_below)
            || extension(path).is_some_and(|found| {
                self.extensions.iter().any(|listed| listed.eq_ignore_ascii_case(found))
            })
    }
}

/// The elements of a list separated by commas or newlines, counted from 1. Blanks around them do not count.
fn list(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let elements = text.split([',', '\n']).map(str::trim).filter(|element| !element.is_empty());
    (1..).zip(elements)
}

fn in_entry(number: usize, error: &dyn fmt::Display) -> PublicPathsError {
    PublicPathsError(format!("entry {number}: {error}"))
}

/// An entry of a list of public paths or extensions that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicPathsError(String);

impl fmt::Display for PublicPathsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for PublicPathsError {}

/// What follows the last dot of a path's last segment.
fn extension(path: &str) -> Option<&str> {
    // Decoded on the way to another server, each would end the name there.
    let mut escapes = path.split('%').skip(1);
    if escapes.any(|escape| ["3B", "3F", "23", "25"].iter().any(|octet| escape.starts_with(octet)))
    {
        return None;
    }
    let (_, file) = path.rsplit_once('/')?;
    file.rsplit_once('.').map(|(_, extension)| extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_the_gate_reads_them() {
        let public = PublicPaths::default().parse_prefixes(" /a/ ,\n/b%2Dc,").unwrap();
        let public = public.parse_extensions("m4s, ts").unwrap();
        let expected =
            PublicPaths::new(vec!["/a/".into(), "/b-c".into()], vec!["m4s".into(), "ts".into()]);
        assert_eq!(public, expected);
        let empty = PublicPaths::default().parse_prefixes(" ").and_then(|p| p.parse_extensions(""));
        assert_eq!(empty, Ok(PublicPaths::default()));
        for (prefixes, error) in [
            ("/", "entry 1: / would open everything; name the directories"),
            ("/a, public", "entry 2: the path does not start with a slash"),
            ("/a/../b", "entry 1: the path has a segment . or .."),
        ] {
            let said = PublicPaths::default().parse_prefixes(prefixes).unwrap_err().to_string();
            assert!(said.starts_with(error), "{said}");
        }
        for (extensions, error) in [
            ("ts, .m4s", "entry 2: write extensions without their dot: \"m4s, ts\""),
            ("M3U8", "entry 1: playlists and keys are what the gate is for"),
        ] {
            let said = PublicPaths::default().parse_extensions(extensions).unwrap_err();
            assert_eq!(said.to_string(), error);
        }
    }

    #[test]
    fn prefixes_end_at_a_segment_and_extensions_at_the_end() {
        let public =
            PublicPaths::new(vec!["/public".into(), "/a/".into()], vec!["m4s".into(), "ts".into()]);
        for path in ["/public", "/public/", "/public/x", "/a/", "/a/b", "/v/1.m4s", "/v/1.TS"] {
            assert!(public.contains(path), "{path}");
        }
        assert!(public.contains("/v/S%C3%A3o%20(1).ts"));
        for path in ["/v/f.mp4%3Bx.ts", "/v/f.mp4%3Fx.ts", "/v/f.mp4%23x.ts", "/f.mp4%253Bx.ts"] {
            assert!(!public.contains(path), "{path}");
            assert!(public.contains(&["/public", path].concat()), "{path}");
        }
        for path in ["/v/f.mp4%3B/x.ts", "/v/f.mp4%3F/x.ts"] {
            assert!(!public.contains(path), "{path}");
        }
        for path in ["/public-not", "/a", "/", "/v/1.m4s/", "/v/ts", "/v.ts/1", "/v/1.mts", "/v/1."]
        {
            assert!(!public.contains(path), "{path}");
        }
    }
}
