//! How much a manifest may cost, whatever it says.

use crate::ManifestError;

/// Bytes in the largest manifest that comes of rewriting: a token is longer than many an address.
pub const MAX_LEN: usize = 32 << 20;

/// What every manifest may grow to, however short it is: 4,000 addresses with the longest of tokens.
const ALWAYS: usize = 16 << 20;

/// Room for the longest address, percent-encoded, and the longest token.
const ROOM: usize = 32 << 10;

/// How many times as long as it was a manifest may get beyond that.
const TIMES: usize = 16;

/// The most bytes that may come of a manifest of `len` bytes: 16 MiB, or 16 times as many, and never
/// more than [`MAX_LEN`].
pub(crate) const fn most(len: usize) -> usize {
    let times = len.saturating_mul(TIMES);
    let most = if times > ALWAYS { times } else { ALWAYS };
    if most < MAX_LEN { most } else { MAX_LEN }
}

/// That what came of a manifest of `len` bytes is not too large.
///
/// # Errors
/// [`ManifestError::TooLarge`].
pub(crate) const fn check(len: usize, written: usize) -> Result<(), ManifestError> {
    if written > most(len) { Err(ManifestError::TooLarge) } else { Ok(()) }
}

/// Makes room for `more` bytes in a text that gets no longer than `most`. A text doubles its room when it is full,
/// and would at last have twice what may be written.
pub(crate) fn reserve(out: &mut String, more: usize, most: usize) {
    if out.capacity().saturating_sub(out.len()) < more {
        let left = most.saturating_sub(out.len());
        let double = out.capacity().max(more);
        let is_last = out.len().saturating_add(double).saturating_add(more) >= most;
        out.reserve_exact(if is_last { left.max(more) } else { double });
    }
}

/// What was read and written of a manifest so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Growth {
    pub(crate) read: usize,
    written: usize,
    /// Bytes in the whole, where it is there.
    whole: usize,
}

impl Growth {
    /// Says how long the whole is.
    pub(crate) const fn whole(&mut self, len: usize) {
        self.whole = len;
    }

    /// Makes room for one more address, where the whole is to be written into `out`.
    pub(crate) fn reserve(&self, out: &mut String) {
        if self.whole > 0 {
            reserve(out, ROOM, most(self.whole).saturating_add(2 * ROOM));
        }
    }

    /// Counts what was written of a line.
    pub(crate) const fn wrote(&mut self, bytes: usize) {
        self.written = self.written.saturating_add(bytes);
    }

    /// That so many bytes more are not too many.
    ///
    /// # Errors
    /// [`ManifestError::TooLarge`].
    pub(crate) const fn check(&self, bytes: usize) -> Result<(), ManifestError> {
        let len = if self.read > self.whole { self.read } else { self.whole };
        check(len, self.written.saturating_add(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_gets_no_more_room_than_it_may_fill() {
        let most = 100_000;
        let mut out = String::new();
        let mut moves = 0;
        while out.len() < most {
            let before = out.capacity();
            reserve(&mut out, 1000, most);
            moves += usize::from(out.capacity() != before);
            assert!(out.capacity() <= most, "{}", out.capacity());
            out.push_str(&"a".repeat(1000));
        }
        assert!(moves < 10, "{moves}");
        assert_eq!(out.capacity(), most);
    }

    #[test]
    fn what_a_manifest_may_grow_to() {
        for (len, expected) in [
            (0, 16 << 20),
            (1 << 20, 16 << 20),
            ((1 << 20) + 1, (16 << 20) + 16),
            (2 << 20, MAX_LEN),
            (8 << 20, MAX_LEN),
            (usize::MAX, MAX_LEN),
        ] {
            assert_eq!(most(len), expected, "{len}");
        }
    }
}
