//! Contenders that take turns, so that a busy machine slows them alike.

use std::time::Instant;

use divan::black_box;

/// The time of a thousand calls.
pub(crate) fn time<T>(call: impl Fn() -> T) -> u128 {
    let start = Instant::now();
    for _ in 0..1000 {
        black_box(call());
    }
    start.elapsed().as_nanos()
}

/// The median of each of those that a round takes.
pub(crate) fn medians<const N: usize>(round: impl Fn() -> [u128; N]) -> [f64; N] {
    let rounds = [(); 301].map(|()| round());
    core::array::from_fn(|what| {
        let mut times = rounds.map(|round| round[what]);
        times.sort_unstable();
        times[times.len() / 2] as f64
    })
}
