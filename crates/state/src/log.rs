//! The log that gates follow: entries that are only ever appended, and the updates that carry them.
//!
//! An entry is a keyed hash instead of the id itself: it is small, says nothing about viewers, and nobody without the
//! key can make two ids collide.

mod update;

use core::hash::Hasher as _;

use siphasher::sip::SipHasher24;

pub use self::update::{Update, UpdateError, tile_end};
use crate::revocation::{Kind, Reason, Revocation};

/// The log is served in tiles of this many entries. A full one never changes.
// Small in this crate's own tests, so that they cross many boundaries.
pub const TILE: u64 = if cfg!(test) { 8 } else { 16_384 };

/// The time in seconds for which an entry that has ended is kept. A gate whose clock is behind, or that has a leeway,
/// may still admit its tokens.
pub const CLOCK_SLACK: u64 = 3_600;

/// One entry of the log. A later one with the same hash replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The [`hash`] of kind and value.
    pub hash: u64,
    /// From this time on it has ended, in unix seconds. An [`Update`] carries at most 2^40-1.
    pub until: u64,
    /// If present, it concerns only tokens issued before this time, in unix seconds. At most 2^40-1, too.
    pub issued_before: Option<u64>,
    /// Why.
    pub reason: Reason,
    /// Whether it undoes the earlier entry instead.
    pub removed: bool,
}

impl Entry {
    /// The entry of a revocation, or the one that undoes it. `hash` is that of its kind and value.
    #[must_use]
    pub const fn new(hash: u64, revocation: &Revocation, removed: bool) -> Self {
        let Revocation { until, issued_before, reason, .. } = *revocation;
        Self { hash, until, issued_before, reason, removed }
    }
}

/// The hash of a kind and a value: SipHash-2-4 of the kind's name, a zero byte, and the value.
#[must_use]
pub fn hash(key: &[u8; 16], kind: Kind, value: &str) -> u64 {
    let mut hasher = started(key, kind);
    hasher.write(value.as_bytes());
    hasher.finish()
}

/// The hashes of the directories that a canonical path is in, from `/` on.
pub(crate) fn directory_hashes(key: &[u8; 16], path: &str) -> impl Iterator<Item = u64> {
    let mut hasher = started(key, Kind::Dir);
    // The first slash is that of `/`, which is no segment.
    let depth = Revocation::MAX_SEGMENTS.saturating_add(1);
    let directories = path.split_inclusive('/').take(depth).filter(|part| part.ends_with('/'));
    directories.map(move |part| {
        hasher.write(part.as_bytes());
        hasher.finish()
    })
}

fn started(key: &[u8; 16], kind: Kind) -> SipHasher24 {
    let mut hasher = SipHasher24::new_with_key(key);
    // Only whole slices: the other methods of a `Hasher` may add something.
    hasher.write(kind.name().as_bytes());
    hasher.write(&[0]);
    hasher
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, vec::Vec};

    const KEY: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    /// The one of the standard library, written by others.
    #[expect(deprecated, reason = "the only SipHash-2-4 in the standard library")]
    fn independent(key: &[u8; 16], text: &[u8]) -> u64 {
        let [k0, k1] = [0, 8].map(|at| u64::from_le_bytes(key[at..at + 8].try_into().unwrap()));
        let mut hasher = core::hash::SipHasher::new_with_keys(k0, k1);
        hasher.write(text);
        hasher.finish()
    }

    #[test]
    fn the_hash_is_sip_hash_2_4() {
        // The vector of the paper, appendix A: the bytes 0 to 14.
        let vector = 0xa129_ca61_49be_45e5;
        assert_eq!(independent(&KEY, &KEY[..15]), vector);
        let mut hasher = SipHasher24::new_with_key(&KEY);
        hasher.write(&KEY[..15]);
        assert_eq!(hasher.finish(), vector);
        for length in 0..40 {
            let value = "x".repeat(length);
            let text = format!("sub\0{value}");
            assert_eq!(hash(&KEY, Kind::Sub, &value), independent(&KEY, text.as_bytes()));
        }
        assert_ne!(hash(&KEY, Kind::Sub, "a"), hash(&KEY, Kind::Sid, "a"));
        assert_ne!(hash(&KEY, Kind::Sub, "a"), hash(&[0; 16], Kind::Sub, "a"));
    }

    #[test]
    fn a_path_is_in_each_directory_above_it() {
        let hashes = |path| directory_hashes(&KEY, path).collect::<Vec<_>>();
        let expected = |directories: &[&str]| -> Vec<_> {
            directories.iter().map(|directory| hash(&KEY, Kind::Dir, directory)).collect()
        };
        assert_eq!(hashes("/videos/42/film.mp4"), expected(&["/", "/videos/", "/videos/42/"]));
        assert_eq!(hashes("/videos/42/"), expected(&["/", "/videos/", "/videos/42/"]));
        assert_eq!(hashes("/videos"), expected(&["/"]));
        assert!(hashes("").is_empty());
        let deepest = format!("/{}", "a/".repeat(64));
        assert_eq!(hashes(&format!("{deepest}a/f")).last(), expected(&[&deepest]).last());
    }
}
