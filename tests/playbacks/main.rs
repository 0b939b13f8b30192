//! Viewers who never have more playbacks at once than they may are never cut; those who do are stopped soon. Simulated,
//! with the gate's own decisions and the records' own commands, in a network that is slow, loses messages and delivers
//! them late.
//!
//! ```text
//! cargo test --release -p playgate-edge --test playbacks -- --ignored --nocapture long_    # 80 hours of 40 viewers
//! ```

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_debug_implementations,
    reason = "tests"
)]

mod faults;
#[path = "../../benches/state/random.rs"]
mod random;
mod viewers;
mod world;

use core::ops::Range;

use crate::viewers::{LEASE, Manners, play};
use crate::world::Weather;

/// By how much a command in the background may be late, in milliseconds.
const LATENESS: u64 = 8_000;
/// By how much clocks are off.
const CLOCKS: u64 = 2_000;

/// Everything goes wrong now and then.
const STORMY: Weather = Weather {
    lost_reports: 15,
    late_reports: 20,
    lateness: LATENESS,
    lost_commands: 3,
    slow_commands: 5,
    slowness: 6_000,
    lost_questions: 5,
    slow_questions: 5,
    has_outages: true,
    clocks: CLOCKS,
    life: 600_000.0,
};

/// Nothing is lost, and little is late.
const FAIR: Weather = Weather {
    lost_reports: 0,
    late_reports: 10,
    lateness: 1_000,
    lost_commands: 0,
    slow_commands: 0,
    slowness: 0,
    lost_questions: 0,
    slow_questions: 0,
    has_outages: false,
    clocks: CLOCKS,
    life: 600_000.0,
};

const POLICIES: [&str; 2] = ["displace", "refuse"];

/// They count on a place to be free when the page has told that a playback has ended; and 90 seconds after the last
/// request otherwise, as a record may learn of it late.
const HONEST: Manners =
    Manners { cheats: false, after_beacon: 0, after_lease: LATENESS + 2 * CLOCKS, pretends: false };
/// What the page tells is worth nothing to them.
const PATIENT: Manners = Manners { after_beacon: LEASE + LATENESS + 2 * CLOCKS, ..HONEST };
const CHEATERS: Manners =
    Manners { cheats: true, after_beacon: 0, after_lease: 0, pretends: false };
/// They tell of the end all the time, and go on.
const PRETENDERS: Manners = Manners { pretends: true, ..CHEATERS };

/// The age of revocations, the time between two reports, and what clocks and reports are off.
const MOST: u64 = 10_000 + 30_000 + 2 * CLOCKS + 1_200;

fn nobody_is_cut(
    seeds: Range<u64>,
    viewers: usize,
    seconds: u64,
    weather: Weather,
    manners: Manners,
) {
    let (mut playbacks, mut segments, mut reloads, mut pauses, mut cuts) = (0, 0, 0, 0, 0);
    let mut first = None;
    for policy in POLICIES {
        for seed in seeds.clone() {
            let report = play(seed, policy, viewers, seconds, weather, manners);
            playbacks += report.playbacks;
            segments += report.segments;
            reloads += report.reloads;
            pauses += report.pauses;
            cuts += report.stopped;
            first = first.or(report.first.map(|story| format!("{policy}, seed {seed}: {story}")));
        }
    }
    println!(
        "{playbacks} playbacks with {segments} segments, {pauses} pauses and {reloads} reloads: {cuts} refusals"
    );
    assert!(first.is_none(), "{cuts} refusals; {}", first.unwrap_or_default());
    assert!(playbacks > 0 && segments > 0 && reloads > 0 && pauses > 0);
}

fn all_are_stopped(seeds: Range<u64>, viewers: usize, seconds: u64, manners: Manners, most: u64) {
    for policy in POLICIES {
        let (mut playbacks, mut stopped, mut longest) = (0, 0, 0);
        for seed in seeds.clone() {
            let report = play(seed, policy, viewers, seconds, FAIR, manners);
            playbacks += report.playbacks;
            stopped += report.stopped;
            longest = longest.max(report.longest);
        }
        let seconds = longest as f64 / 1000.0;
        println!(
            "{policy}: {playbacks} playbacks, {stopped} refusals, at most {seconds} s with one too many"
        );
        assert!(longest <= most, "{policy}: {seconds} s");
        assert!(stopped > playbacks / 2);
    }
}

#[test]
fn who_waits_is_never_cut() {
    nobody_is_cut(0..2, 9, 1_200, STORMY, PATIENT);
}

#[test]
fn who_plays_too_much_is_stopped() {
    all_are_stopped(0..2, 6, 600, CHEATERS, MOST);
}

#[test]
fn who_leaves_is_never_cut() {
    nobody_is_cut(0..2, 9, 1_200, FAIR, HONEST);
    nobody_is_cut(0..2, 9, 1_200, STORMY, HONEST);
}

#[test]
fn who_pretends_is_stopped() {
    all_are_stopped(0..2, 6, 600, PRETENDERS, 150_000);
}

#[test]
#[ignore = "takes a minute"]
fn long_who_waits_is_never_cut() {
    nobody_is_cut(100..140, 40, 3_600, STORMY, PATIENT);
}

#[test]
#[ignore = "takes a minute"]
fn long_who_plays_too_much_is_stopped() {
    all_are_stopped(100..120, 40, 3_600, CHEATERS, MOST);
}

#[test]
#[ignore = "takes a minute"]
fn long_who_leaves_is_never_cut() {
    nobody_is_cut(100..140, 40, 3_600, STORMY, HONEST);
}

#[test]
#[ignore = "takes a minute"]
fn long_who_pretends_is_stopped() {
    all_are_stopped(100..120, 40, 3_600, PRETENDERS, 150_000);
}
