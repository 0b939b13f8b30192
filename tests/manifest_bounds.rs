//! However a presentation is made up, it takes time and memory by its size.

#![allow(unsafe_code, reason = "GlobalAlloc is an unsafe trait; each call is handed on as it came")]
#![allow(
    dead_code,
    missing_debug_implementations,
    missing_docs,
    unreachable_pub,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "tests"
)]

use core::time::Duration;
use std::time::Instant;

use playgate::manifest::{Kind, ManifestError};

use crate::asked::{Asked, Place};
use crate::gauge::peak;

#[path = "manifests/asked.rs"]
mod asked;
#[path = "common/gauge.rs"]
mod gauge;
#[path = "manifests/hostile.rs"]
mod hostile;

/// Bytes held at once, beside the presentation itself, for each of its bytes.
const FACTOR: usize = 24;

/// What the answer may take whatever the size of the presentation: it is held twice while it is put together.
const ANSWER: usize = 2 * playgate::manifest::MAX_LEN;

/// In a build without optimization, for 256 KiB.
const LONGEST: Duration = Duration::from_secs(20);

#[test]
fn time_and_memory_go_by_the_size_of_a_presentation() {
    const LEN: usize = 256 << 10;
    for (name, make) in hostile::PRESENTATIONS {
        let text = make(LEN);
        for (place, preview) in
            [(Place::Path, None), (Place::Query, None), (Place::Query, Some(300))]
        {
            let carrier = Asked::new("a.mpd", place, preview).carrier();
            let start = Instant::now();
            let (rewritten, peak) = peak(|| carrier.rewrite(Kind::Dash, &text));
            let took = start.elapsed();
            let (len, said) = match rewritten {
                Ok(text) => (text.len(), "rewritten"),
                Err(ManifestError::TooComplex) => (0, "too complex"),
                Err(ManifestError::TooLarge) => (0, "too large"),
                Err(ManifestError::NoPreview) => (0, "no preview"),
                Err(error) => panic!("{name}: {error}"),
            };
            println!(
                "{name}, {place:?}, {preview:?}: {said}, {} KiB, {} ms, {:.1} bytes a byte",
                len >> 10,
                took.as_millis(),
                peak as f64 / text.len() as f64
            );
            assert!(took < LONGEST, "{name}: {took:?}");
            let most = FACTOR * text.len() + if said == "rewritten" { 2 * len } else { ANSWER };
            assert!(peak < most, "{name}: {peak} bytes");
        }
    }
}
