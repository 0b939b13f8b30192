//! Hash tables whose keys are keyed hashes already.

use core::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;

/// A table by [`hash`](crate::hash).
pub(crate) type Table<V> = HashMap<u64, V, BuildHasherDefault<AsIs>>;

/// Takes a number for its own hash. Nobody without the key can choose where an entry goes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Never called: all keys are `u64`.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
