//! Whatever a manifest says, it costs time and memory in proportion to its length. Nothing here looks at
//! a clock: what is counted are the bytes that the rewriter asks for.

use playgate_manifest::{MAX_LEN, ManifestError};

use crate::gauge::{Taken, measure};
use crate::shapes::{self, HARMLESS, Shape};

const SIZES: [usize; 2] = [64 << 10, 512 << 10];

/// What a manifest may take for each byte of it, beside what is handed out.
const TIMES: usize = 24;

/// The most that may be handed out: see `ManifestError::TooLarge`.
fn most(len: usize) -> usize {
    (16 * len).clamp(16 << 20, MAX_LEN)
}

struct Cost {
    len: usize,
    out: Result<usize, ManifestError>,
    taken: Taken,
}

fn cost(shape: &Shape, len: usize) -> Cost {
    let manifest = shape.manifest(len);
    assert!(manifest.len() >= len / 2 && manifest.len() < len + 20_000, "{}", manifest.len());
    let rewriter = shape.rewriter();
    let (out, taken) = measure(|| rewriter.rewrite(shape.kind, &manifest).map(|out| out.len()));
    Cost { len: manifest.len(), out, taken }
}

#[test]
fn memory_and_work_are_in_proportion() {
    for shape in shapes::all() {
        let costs = SIZES.map(|len| cost(&shape, len));
        for Cost { len, out, taken } in &costs {
            let times = taken.peak as f64 / *len as f64;
            eprintln!("{:<48} {len:>8} {out:?}: peak {times:.1} times", shape.name);
            // A text that grows is copied as it doubles; of an MPD the edits are held beside it.
            let written = out.unwrap_or(most(*len));
            assert!(taken.peak <= TIMES * len + 3 * written, "{}: {taken:?}, {len}", shape.name);
            match out {
                Ok(written) => assert!(*written <= most(*len), "{}: {written}", shape.name),
                Err(ManifestError::NoPreview) => assert!(shape.preview),
                Err(error) => assert_ne!(*error, ManifestError::Malformed, "{}", shape.name),
            }
        }
        // Eight times as long. What doubles takes up to twice as much in all; the square would be 64.
        let [few, many] = costs.map(|cost| cost.taken.total.max(64 << 10));
        assert!(many <= 20 * few, "{}: {few} bytes, then {many}", shape.name);
    }
}

#[test]
fn what_people_write_is_under_every_bound() {
    for shape in &HARMLESS {
        for len in [64 << 10, 1 << 20, 2 << 20] {
            assert!(cost(shape, len).out.is_ok(), "{}", shape.name);
        }
    }
}
