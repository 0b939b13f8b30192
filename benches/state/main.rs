//! A deployment of many data centers that follows one denylist: what the object gets to do, how soon a revocation takes
//! effect, and what the records get to do. Simulated, with the state machine of the gate, its decisions, and the log's
//! own encoding. Only what is between them is a model: the way to the object, the cache of a data center, and the
//! waiting in `crates/worker/entry.mjs`.
//!
//! ```text
//! cargo bench --bench state
//! ```
//!
//! The same in each run.

#![allow(
    missing_debug_implementations,
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark"
)]

mod colo;
mod log;
mod random;
mod records;
mod totals;

use core::time::Duration;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use playgate::{KeyRing, Signer, UnixTime};
use playgate_edge::{Binding, Broken, Config, Memory, Setting, Variables};

use crate::colo::{Caller, Colo, Scene};
use crate::log::{Growth, Log};
use crate::random::Random;
use crate::records::Landing;
use crate::totals::Totals;

const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const NOW: u64 = 1_767_225_000_000;
const SEED: u64 = 2026;
/// In milliseconds.
const REFRESH: u64 = 5_000;
const MAX_AGE: u64 = 10_000;
const LIFE: f64 = 1_800_000.0;

fn config() -> Result<Config, Broken> {
    let variables =
        Variables::read(Binding::Right, Binding::Right, Binding::Right, |name| match name {
            "PLAYGATE_KEYS" => Setting::Text(KEYS.into()),
            "ADMIN_SECRET" => Setting::Text("development-admin-secret".into()),
            _ => Setting::Unset,
        });
    let config = Config::read(&variables);
    assert_eq!(config.as_ref().map(Config::refresh).ok(), Some(REFRESH));
    config
}

fn address(signer: &Signer, viewer: &str) -> String {
    let link = signer.link("https://cdn.example.com/videos/42/7.ts").directory(2).in_path();
    let link = link.subject(viewer).expires_in(Duration::from_secs(86_400));
    link.sign(UnixTime::from_secs(NOW / 1000 - 60)).unwrap().as_str().into()
}

/// A deployment, and what happens in it.
#[derive(Clone, Copy)]
struct Deployment {
    colos: u64,
    isolates: u64,
    viewers: u64,
    /// Revocations per second.
    rate: f64,
    entries: u64,
    caller: Caller,
    /// In seconds: before anything is counted, and counted.
    warm: u64,
    counted: u64,
    is_compacted: bool,
}

/// Viewers by data center: the largest has about forty times as many as the smallest.
fn shares(colos: u64, viewers: u64) -> Vec<u64> {
    let weights: Vec<f64> =
        (0..colos).map(|rank| 1.0 / (rank as f64 / colos as f64 * 39.0 + 1.0)).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| ((viewers as f64 * weight / sum).round() as u64).max(1)).collect()
}

fn simulate(deployment: Deployment) -> Totals {
    let Deployment { colos, isolates, viewers, rate, entries, caller, warm, counted, .. } =
        deployment;
    let config = config();
    let (start, counted_from) = (NOW, NOW + warm * 1000);
    let end = counted_from + counted * 1000;
    let compacted = deployment.is_compacted.then_some(counted_from + counted * 500);
    let growth = Growth { base: entries, rate, start, end, compacted, viewers: 4_000 };
    let log = Log::new(growth, &mut Random::new(SEED));
    let signer = Signer::new(KeyRing::parse(KEYS).unwrap());
    let probes: Vec<_> = log.probes.iter().map(|probe| address(&signer, &probe.viewer)).collect();
    let segment = address(&signer, "viewer");
    let scene = Scene {
        log: &log,
        config: &config,
        caller,
        life: LIFE,
        start,
        counted: counted_from,
        end,
        segment: &segment,
        probes: &probes,
        refresh: REFRESH,
        max_age: MAX_AGE,
    };
    let shares = shares(colos, viewers);
    in_parallel(colos as usize, Totals::new(counted), |at| {
        let seed = SEED.wrapping_mul(1_000_003).wrapping_add(at as u64);
        Colo::new(&scene, isolates, seed).run(shares[at])
    })
}

/// The sum over data centers. They are independent of each other, so their order does not matter.
fn in_parallel(count: usize, sum: Totals, run: impl Fn(usize) -> Totals + Sync) -> Totals {
    let (next, sum) = (AtomicUsize::new(0), Mutex::new(sum));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        break;
                    }
                    let totals = run(at);
                    sum.lock().unwrap().merge(&totals);
                }
            });
        }
    });
    sum.into_inner().unwrap()
}

/// Every request and every isolate for itself.
const ALONE: Caller = Caller { asks_once: false, spread: 0, step: 1, asks_epoch: false };
/// What makes the isolates of a data center share their answers, one after the other.
const CALLERS: [(&str, Caller); 5] = [
    ("each for itself", ALONE),
    ("+ one question at a time in an isolate", Caller { asks_once: true, ..ALONE }),
    ("+ up to 1 s later, at random", Caller { asks_once: true, spread: 1_000, ..ALONE }),
    ("+ from a multiple of 256 on: as entry.mjs", SHARING),
    ("+ the epoch first", Caller { asks_epoch: true, ..SHARING }),
];
/// As `entry.mjs` does.
const SHARING: Caller = Caller { asks_once: true, spread: 1_000, step: 256, asks_epoch: false };

const FULL: Deployment = Deployment {
    colos: 300,
    isolates: 50,
    viewers: 5_000_000,
    rate: 10.0,
    entries: 10_000,
    caller: SHARING,
    warm: 60,
    counted: 60,
    is_compacted: false,
};

/// What one Durable Object is good for, in questions a second.
const OBJECT: f64 = 1_000.0;
/// What `since` takes in workerd, for each question and for each entry of the answer.
const QUESTION_MILLIS: f64 = 0.08;
const ROW_MICROS: f64 = 0.9;

fn main() {
    // `cargo test --benches` asks for one run.
    let is_test = !std::env::args().any(|argument| argument == "--bench");
    let started = Instant::now();
    let full = match is_test {
        true => Deployment { colos: 6, isolates: 5, viewers: 3_000, warm: 15, counted: 20, ..FULL },
        false => FULL,
    };
    let Deployment { colos, isolates, viewers, .. } = full;
    println!(
        "{colos} data centers with {isolates} isolates each (which live for 30 minutes on average), {viewers} viewers, \
         request by request.\nThe seed is {SEED}. Each row: {} s, after {} s that are not counted.\n",
        full.counted, full.warm
    );
    denylist(full, is_test);
    cold_start(if is_test { &[10_000] } else { &[10_000, 100_000, 1_000_000] });
    records(full, is_test);
    if !is_test {
        limits();
    }
    println!("\n{:.0} s", started.elapsed().as_secs_f64());
}

/// The questions that the object gets, and how soon revocations take effect.
fn denylist(full: Deployment, is_test: bool) {
    println!(
        "The denylist. `known`: from a revocation until an isolate has it. `served`: until the last request that an \
         isolate serves without it.\n`busy`: of the object's one thread, with {QUESTION_MILLIS} ms for each question and \
         {ROW_MICROS} us for each row, as measured in workerd."
    );
    println!(
        "{:<44}{:^29}{:^21}{:^18}{:^13}{:>8}{:>9}",
        "", "questions/s", "per 1000 viewers, hour", "known (s)", "served (s)", "waited", "KB from"
    );
    println!(
        "{:<44}{:>7}{:>8}{:>6}{:>8}{:>12}{:>9}  {:^16}  {:^13}{:>7}{:>9}",
        "",
        "mean",
        "worst",
        "busy",
        "MB/s",
        "questions",
        "MB",
        "least med. most",
        "med. most",
        "(s)",
        "cold"
    );
    let shown = |name: &str, deployment: Deployment, scale: f64| {
        let totals = simulate(deployment);
        row(name, &totals, scale, full.viewers);
        let most = totals.effective.at(1.0);
        assert!(most <= MAX_AGE as f64 / 1000.0, "served for {most} s");
        assert!(totals.probes > 0 && totals.refused == 0);
    };
    for rate in [0.1, 10.0, 100.0] {
        if is_test && rate < 1.0 {
            continue;
        }
        println!("{rate} revocations/s, {} entries", full.entries);
        for (name, caller) in &CALLERS[..4] {
            shown(name, Deployment { rate, caller: *caller, ..full }, 1.0);
        }
    }
    if is_test {
        return;
    }
    // They are independent of each other, so ten times as much is what all would do.
    println!("Every tenth data center, times ten; 10 revocations/s");
    let (colos, viewers) = (full.colos / 10, full.viewers / 10);
    let tenth = Deployment { colos, viewers, warm: 30, counted: 30, ..full };
    for (entries, is_compacted) in [(100_000, false), (1_000_000, false), (100_000, true)] {
        let end = if is_compacted { ", and after 15 s a new epoch with 50000" } else { "" };
        println!("{entries} entries{end}");
        for (name, caller) in [CALLERS[0], CALLERS[3], CALLERS[4]] {
            shown(name, Deployment { entries, caller, is_compacted, ..tenth }, 10.0);
        }
    }
}

fn row(name: &str, totals: &Totals, scale: f64, viewers: u64) {
    let worst = totals.worst() as f64 * scale;
    let [questions, bytes, rows] =
        [totals.mean(), totals.bytes_per_second(), totals.rows_per_second()].map(|sum| sum * scale);
    let hourly = 3_600.0 * 1_000.0 / viewers as f64;
    let cold = totals.cold_object_bytes as f64 / totals.cold_starts.max(1) as f64 / 1000.0;
    println!(
        "  {name:<42}{questions:>7.0}{worst:>8.0}{:>5.0}%{:>8.2}{:>12.0}{:>9.2}  {:>5.2} {:>4.2} {:>5.2}  {:>6.2} {:>5.2} \
         {:>6.2}{cold:>9.0}",
        busy(questions, rows) * 100.0,
        bytes / 1e6,
        questions * hourly,
        bytes / 1e6 * hourly,
        totals.known.at(0.0),
        totals.known.at(0.5),
        totals.known.at(1.0),
        totals.effective.at(0.5),
        totals.effective.at(1.0),
        totals.waits.at(1.0),
    );
}

/// The share of its time for which the object is busy.
fn busy(questions: f64, rows: f64) -> f64 {
    questions * QUESTION_MILLIS / 1e3 + rows * ROW_MICROS / 1e6
}

/// What a new isolate reads, in one call of `learn`, and what that takes natively.
fn cold_start(lengths: &[u64]) {
    println!("\nA new isolate that is alone:");
    for entries in lengths {
        let growth = Growth {
            base: *entries,
            rate: 0.001,
            start: NOW,
            end: NOW + 1_000,
            compacted: None,
            viewers: 1 << 60,
        };
        let log = Log::new(growth, &mut Random::new(SEED));
        let mut memory = Memory::default();
        let (mut questions, mut bytes, mut first) = (0, 0, 0);
        let mut time = Duration::ZERO;
        let mut question = Some(memory.denylist.ask(NOW));
        while let Some(asked) = question {
            let answer = log.bytes(&log.since(asked.epoch, asked.from, NOW));
            questions += 1;
            bytes += answer.len();
            first = if questions == 1 { answer.len() } else { first };
            let start = Instant::now();
            question = memory.denylist.answered(&answer, NOW, NOW);
            time += start.elapsed();
        }
        println!(
            "{entries:>10} entries: {questions} questions, {:.0} KB, of which {:.0} KB come from the object each time; \
             {:.0} ms natively",
            bytes as f64 / 1000.0,
            first as f64 / 1000.0,
            time.as_secs_f64() * 1000.0
        );
    }
}

/// The commands that the records get.
fn records(full: Deployment, is_test: bool) {
    let config = config();
    let signer = Signer::new(KeyRing::parse(KEYS).unwrap());
    let step = if is_test { 2 } else { 20 };
    let shares: Vec<_> =
        shares(full.colos, full.viewers).into_iter().skip(step / 2).step_by(step).collect();
    let viewers: u64 = shares.iter().sum();
    println!(
        "\nThe records, if every link has `max`: {} of the data centers with {viewers} viewers, whose playbacks last 40 \
         minutes on average.",
        shares.len()
    );
    for (name, landing) in [
        ("any isolate of the data center", Landing::Random),
        ("the same isolate for a minute", Landing::Same(60_000.0)),
        ("the same isolate for ten minutes", Landing::Same(600_000.0)),
    ] {
        let (start, counted) = (NOW, NOW + full.warm * 1000);
        let end = counted + full.counted * 1000;
        let (config, signer) = (&config, &signer);
        let colo =
            records::Colo { config, signer, landing, length: 2_400_000.0, start, counted, end };
        let mut sum = records::Commands::default();
        let all = Mutex::new(Vec::new());
        in_parallel(shares.len(), Totals::new(1), |at| {
            let commands = colo.run(shares[at], full.isolates, SEED + at as u64);
            all.lock().unwrap().push(commands);
            Totals::new(1)
        });
        for one in all.into_inner().unwrap() {
            sum.requests += one.requests;
            sum.starts += one.starts;
            sum.keeps += one.keeps;
            sum.bytes += one.bytes;
        }
        let hourly = 3_600.0 / full.counted as f64 * 1_000.0 / viewers as f64;
        let commands = sum.starts + sum.keeps;
        let each = commands as f64 / full.counted as f64 / viewers as f64;
        println!(
            "{name:<34}{:>9.0} commands/s in all, {:.3} for each record; per 1,000 viewers and hour {:.0} starts, {:.0} \
             keeps, {:.1} MB; {:.0}% of the requests send one",
            each * full.viewers as f64,
            each,
            sum.starts as f64 * hourly,
            sum.keeps as f64 * hourly,
            sum.bytes as f64 * hourly / 1e6,
            commands as f64 * 100.0 / sum.requests as f64,
        );
    }
}

/// Up to where one object is enough.
fn limits() {
    println!(
        "\nUp to where the denylist's object is enough: {OBJECT} questions/s on average, or busy all the time. 10 \
         revocations/s, 10000 entries;\nevery fifth data center, times five; 20 s."
    );
    let short = Deployment { warm: 20, counted: 20, ..FULL };
    let load = |deployment: Deployment| {
        let (colos, viewers) = (deployment.colos / 5, deployment.viewers / 5);
        let totals = simulate(Deployment { colos, viewers, ..deployment });
        let (questions, rows) = (totals.mean() * 5.0, totals.rows_per_second() * 5.0);
        (questions, (questions / OBJECT).max(busy(questions, rows)))
    };
    type Scaled = fn(Deployment, u64) -> Deployment;
    let scales: [(&str, &[u64], Scaled); 3] = [
        (
            "viewers, at 300 data centers with 50 isolates",
            &[15_000, 50_000, 150_000, 500_000, 1_500_000, 5_000_000],
            |one, viewers| Deployment { viewers, ..one },
        ),
        (
            "isolates in each of 300 data centers, for 5000000 viewers",
            &[5, 10, 20, 50, 200, 500, 1_000],
            |one, isolates| Deployment { isolates, ..one },
        ),
        (
            "data centers with 50 isolates and 16667 viewers each",
            &[50, 100, 200, 300, 1_000, 2_000],
            |one, colos| Deployment { colos, viewers: colos * 16_667, ..one },
        ),
    ];
    for (name, values, scaled) in scales {
        println!("{name}:");
        for (caller_name, caller) in [CALLERS[0], CALLERS[3]] {
            let mut line = format!("  {caller_name:<36}");
            let mut before = (0, 0.0);
            let mut limit = None;
            for value in values {
                let (questions, share) = load(scaled(Deployment { caller, ..short }, *value));
                line += &format!(" {value}: {questions:.0}/s");
                let (low, least) = before;
                if limit.is_none() && share >= 1.0 {
                    let part = (1.0 - least) / (share - least);
                    limit = Some(low as f64 + (*value - low) as f64 * part);
                }
                before = (*value, share);
            }
            match limit {
                Some(limit) => println!("{line}. Enough up to about {limit:.0}"),
                None => println!("{line}. Always enough"),
            }
        }
    }
    println!(
        "The records of viewers, tokens and references are one object each: however many there are, each gets what is \
         said above."
    );
}
