//! The paths that most are: unreserved characters and slashes, canonical at a glance.

#[cfg(not(target_arch = "wasm32"))]
use crate::bytes;
use crate::bytes::is_unreserved;

/// Whether a path has unreserved characters and slashes alone, and no segment that starts with a dot
/// or is empty: then it is canonical, and nothing needs a closer look.
#[inline]
#[must_use]
pub fn is_unreserved_path(path: &[u8]) -> bool {
    // The first byte is no pair's second, so it is looked at by itself.
    path.first() == Some(&b'/') && all_plain(path)
}

/// Whether all bytes but the first are plain, and none but the last is an empty segment or starts one with
/// a dot.
#[cfg(not(target_arch = "wasm32"))]
#[inline(always)]
fn all_plain(path: &[u8]) -> bool {
    bytes::all_pairs(path, |a, b| {
        let plain = is_unreserved(b) | (b == b'/');
        plain & !((a == b'/') & ((b == b'/') | (b == b'.')))
    })
}

/// Byte by byte: WebAssembly has no vectors here, and a look into a table is less than ten operations.
#[cfg(target_arch = "wasm32")]
fn all_plain(path: &[u8]) -> bool {
    const OTHER: u8 = 0;
    const PLAIN: u8 = 1;
    const DOT: u8 = 2;
    const SLASH: u8 = 3;
    #[expect(clippy::indexing_slicing, reason = "the compiler runs it, and counts to 127")]
    const CLASSES: [u8; 256] = {
        let mut classes = [OTHER; 256];
        let mut byte = 0;
        while byte < 128 {
            classes[byte] = match byte as u8 {
                b'/' => SLASH,
                b'.' => DOT,
                plain if is_unreserved(plain) => PLAIN,
                _ => OTHER,
            };
            byte += 1;
        }
        classes
    };
    let mut before = PLAIN;
    path.iter().all(|&byte| {
        let class = CLASSES.get(usize::from(byte)).copied().unwrap_or(OTHER);
        let fits = class != OTHER && !(before == SLASH && class >= DOT);
        before = class;
        fits
    })
}

/// [`is_unreserved_path`] for a path that is relative: it starts with its first segment.
#[inline]
#[must_use]
pub fn is_unreserved_relative(path: &[u8]) -> bool {
    path.first().is_some_and(|first| is_unreserved(*first) && *first != b'.') && all_plain(path)
}
