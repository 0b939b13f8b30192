//! Buffers for reading files.
//!
//! A few large ones take most segments in one piece, which is a sixth faster than in two. They are used again: a new one
//! would have to be zeroed. Slow clients may hold them all, so that there is a bound on memory: what then is read goes
//! through small ones.

use std::sync::{Mutex, PoisonError};

/// The size of a large buffer, in bytes, and how many there are: 32 MB.
const LARGE: usize = 512 * 1024;
const MAX_LARGE: usize = 64;

/// The size of a small buffer, in bytes.
const SMALL: usize = 32 * 1024;

/// The large buffers.
struct Pool {
    made: usize,
    waiting: Vec<Box<[u8]>>,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { made: 0, waiting: Vec::new() });

impl Pool {
    fn take(&mut self) -> Option<Box<[u8]>> {
        if let Some(bytes) = self.waiting.pop() {
            return Some(bytes);
        }
        if self.made >= MAX_LARGE {
            return None;
        }
        self.made = self.made.saturating_add(1);
        Some(vec![0; LARGE].into())
    }
}

/// A part of a file.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Box<[u8]>,
    len: usize,
}

impl Buffer {
    /// A buffer for at most so many bytes.
    pub(super) fn take(most: u64) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let large = if most > SMALL { pool(Pool::take) } else { None };
        let bytes = large.unwrap_or_else(|| vec![0; most.min(SMALL)].into());
        let len = most.min(bytes.len());
        Self { bytes, len }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Where to read to.
    pub(super) fn space(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.len).unwrap_or_default()
    }

    /// Notes how many bytes were read.
    pub(super) fn filled(&mut self, read: usize) {
        self.len = read.min(self.len);
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.bytes.len() == LARGE {
            let bytes = core::mem::take(&mut self.bytes);
            pool(|pool| pool.waiting.push(bytes));
        }
    }
}

fn pool<T>(work: impl FnOnce(&mut Pool) -> T) -> T {
    work(&mut POOL.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_are_large_and_each_comes_back() {
        for _ in 0..3 {
            let taken: Vec<_> = (0..MAX_LARGE + 10).map(|_| Buffer::take(1 << 40)).collect();
            let large = taken.iter().filter(|buffer| buffer.len() == LARGE).count();
            // Other tests may have some.
            assert!((1..=MAX_LARGE).contains(&large), "{large}");
            assert!(taken.iter().all(|buffer| [SMALL, LARGE].contains(&buffer.len())));
        }
        assert_eq!(Buffer::take(10).as_ref(), [0; 10]);
        assert_eq!(Buffer::take(SMALL as u64).bytes.len(), SMALL);
        let mut buffer = Buffer::take(100_000);
        buffer.filled(7);
        assert_eq!(buffer.as_ref().len(), 7);
    }
}
