//! Paths that are served without a token.

use alloc::string::String;
use alloc::vec::Vec;

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

    /// Whether nothing is open.
    pub(crate) const fn is_empty(&self) -> bool {
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
    use alloc::vec;

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
