//! A fast path for the most common paths: only unreserved characters and slashes.

#[cfg(not(target_arch = "wasm32"))]
use crate::bytes;
use crate::bytes::is_unreserved;

/// Whether a path consists of only unreserved characters and slashes, without a segment that is empty or starts
/// with a dot. Such a path is canonical and needs no further check.
#[inline]
#[must_use]
pub fn is_unreserved_path(path: &[u8]) -> bool {
    // The first byte is not the second of any pair, so it is checked separately.
    path.first() == Some(&b'/') && all_plain(path)
}

/// Whether all bytes after the first are plain, and no segment but the last is empty or starts with a dot.
#[cfg(not(target_arch = "wasm32"))]
#[inline(always)]
fn all_plain(path: &[u8]) -> bool {
    bytes::all_pairs(path, |a, b| {
        let plain = is_unreserved(b) | (b == b'/');
        plain & !((a == b'/') & ((b == b'/') | (b == b'.')))
    })
}

/// Byte by byte: WebAssembly has no vectors here, and a table lookup is cheaper than ten operations.
#[cfg(target_arch = "wasm32")]
fn all_plain(path: &[u8]) -> bool {
    const OTHER: u8 = 0;
    const PLAIN: u8 = 1;
    const DOT: u8 = 2;
    const SLASH: u8 = 3;
    #[expect(clippy::indexing_slicing, reason = "runs at compile time, with indices up to 127")]
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

/// [`is_unreserved_path`] for a relative path, which starts with its first segment.
#[inline]
#[must_use]
pub fn is_unreserved_relative(path: &[u8]) -> bool {
    path.first().is_some_and(|first| is_unreserved(*first) && *first != b'.') && all_plain(path)
}
