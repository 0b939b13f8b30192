//! What hostile manifests cost, beside harmless ones of their size.
//!
//! ```text
//! cargo bench --bench bounds
//! ```
//!
//! For each shape and size: the shortest of three runs, the most memory held at once, and that as a
//! multiple of the manifest.

#![allow(unsafe_code, reason = "GlobalAlloc is an unsafe trait; each call is handed on as it came")]
#![allow(
    dead_code,
    missing_debug_implementations,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a benchmark"
)]

use std::time::Instant;

use crate::gauge::measure;
use crate::shapes::Shape;

#[path = "../tests/common/gauge.rs"]
mod gauge;
#[path = "../tests/manifests/hostile.rs"]
mod hostile;
#[path = "../tests/memory/shapes.rs"]
mod shapes;

const SIZES: [usize; 3] = [256 << 10, 1 << 20, 2 << 20];

fn main() {
    // `cargo test --benches` asks for one run.
    let is_test = !std::env::args().any(|argument| argument == "--bench");
    println!("{:<52}{:>12}{:>12}{:>12}   ends with", "", "256 KiB", "1 MiB", "2 MiB");
    for shape in shapes::all() {
        row(&shape, if is_test { &SIZES[..1] } else { &SIZES });
    }
}

fn row(shape: &Shape, sizes: &[usize]) {
    let rewriter = shape.rewriter();
    let (mut times, mut peaks, mut factors) = (String::new(), String::new(), String::new());
    let mut end = String::new();
    for len in sizes {
        let manifest = shape.manifest(*len);
        let mut shortest = f64::MAX;
        let mut peak = 0;
        for _ in 0..3 {
            let start = Instant::now();
            let (out, taken) = measure(|| rewriter.rewrite(shape.kind, &manifest));
            shortest = shortest.min(start.elapsed().as_secs_f64() * 1000.0);
            peak = taken.peak;
            end = out.map_or_else(|error| format!("{error:?}"), |_| "ok".into());
        }
        times += &format!("{:>9.2} ms", shortest);
        peaks += &format!("{:>8.2} MiB", peak as f64 / (1 << 20) as f64);
        factors += &format!("{:>11.1}x", peak as f64 / manifest.len() as f64);
    }
    let preview = if shape.preview { "preview of " } else { "" };
    println!("{:<52}{times}   {end}", [preview, shape.name].concat());
    println!("{:<52}{peaks}", "");
    println!("{:<52}{factors}", "");
}
