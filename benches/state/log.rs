//! The log of the denylist, as the object serves it at each moment.

use playgate_state::{Entry, Kind, Reason, Revocation, Update, hash, tile_end};

use crate::random::Random;

const KEY: [u8; 16] = [7; 16];

/// One log, under one epoch.
pub(crate) struct Epoch {
    pub(crate) id: u64,
    /// How many entries it had before the simulation.
    base: u64,
    /// When each of the others came, in milliseconds.
    times: Vec<u64>,
    bytes: Vec<u8>,
    /// Where each entry starts in `bytes`; at last, where they end.
    offsets: Vec<u32>,
}

/// The log, or two of them, of which one replaces the other.
pub(crate) struct Log {
    epochs: Vec<(u64, Epoch)>,
    /// The revocations that are checked with a link of the viewer: when they came, and the viewer.
    pub(crate) probes: Vec<Probe>,
}

pub(crate) struct Probe {
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    pub(crate) viewer: String,
}

/// What the object answers: the entries of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) epoch: u64,
    pub(crate) from: u64,
    pub(crate) end: u64,
    /// The same question will always get the same answer.
    pub(crate) is_full: bool,
}

/// How a log grows.
#[derive(Clone, Copy)]
pub(crate) struct Growth {
    pub(crate) base: u64,
    /// New entries per second.
    pub(crate) rate: f64,
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// When a new epoch replaces the log with one of half the length, if it does.
    pub(crate) compacted: Option<u64>,
    /// Of how many viewers the entries are that the log has at first. Copies of few viewers are small, so that those of
    /// thousands of isolates have room; what an entry takes on the wire does not depend on it.
    pub(crate) viewers: u64,
}

impl Log {
    pub(crate) fn new(growth: Growth, random: &mut Random) -> Self {
        let Growth { base, start, end, compacted, .. } = growth;
        let mut probes = Vec::new();
        let first =
            Epoch::new(11, base, start..compacted.unwrap_or(end), growth, random, &mut probes);
        let mut epochs = vec![(0, first)];
        if let Some(at) = compacted {
            let second = Epoch::new(12, base / 2, at..end, growth, random, &mut probes);
            epochs.push((at, second));
        }
        Self { epochs, probes }
    }

    pub(crate) fn epoch(&self, id: u64) -> &Epoch {
        let found = self.epochs.iter().find(|(_, epoch)| epoch.id == id);
        &found.unwrap().1
    }

    /// What `denylist.mjs` answers at a time.
    pub(crate) fn since(&self, asked: Option<u64>, from: u64, now: u64) -> Answer {
        let (_, epoch) = self.epochs.iter().rev().find(|(start, _)| *start <= now).unwrap();
        let is_known = asked == Some(epoch.id);
        let start = if is_known { from } else { 0 };
        let end = epoch.len(now).min(tile_end(start));
        let is_full = is_known && end == tile_end(start);
        Answer { epoch: epoch.id, from: start, end, is_full }
    }

    pub(crate) fn bytes(&self, answer: &Answer) -> Vec<u8> {
        let epoch = self.epoch(answer.epoch);
        let mut bytes = Update::header(answer.epoch, &KEY, answer.from, answer.end);
        let at = |seq: u64| epoch.offsets[seq as usize] as usize;
        bytes.extend_from_slice(&epoch.bytes[at(answer.from)..at(answer.end)]);
        bytes
    }

    pub(crate) fn size(&self, answer: &Answer) -> u64 {
        let epoch = self.epoch(answer.epoch);
        let at = |seq: u64| u64::from(epoch.offsets[seq as usize]);
        44 + at(answer.end) - at(answer.from)
    }
}

impl Epoch {
    fn new(
        id: u64,
        base: u64,
        span: core::ops::Range<u64>,
        growth: Growth,
        random: &mut Random,
        probes: &mut Vec<Probe>,
    ) -> Self {
        let mut epoch = Self { id, base, times: Vec::new(), bytes: Vec::new(), offsets: vec![0] };
        let until = span.end / 1000 + 86_400;
        for _ in 0..base {
            let name = format!("v{}", random.below(growth.viewers));
            epoch.push(&revocation(&name, random.below(4) > 0, until));
        }
        let mut at = span.start as f64;
        // About fifteen are checked.
        let spacing = ((span.end - span.start) as f64 * growth.rate / 15_000.0).max(1.0) as usize;
        loop {
            at += random.until_next(1000.0 / growth.rate);
            if at >= span.end as f64 {
                break;
            }
            let seq = base + epoch.times.len() as u64;
            if epoch.times.len() % spacing == spacing / 2 {
                let viewer = format!("probe-{id}-{seq}");
                epoch.push(&revocation(&viewer, false, until));
                probes.push(Probe { epoch: id, seq, viewer });
            } else {
                let name = format!("n{}", random.below(growth.viewers));
                epoch.push(&revocation(&name, random.below(4) > 0, until));
            }
            epoch.times.push(at.ceil() as u64);
        }
        epoch
    }

    fn push(&mut self, revocation: &Revocation) {
        let hash = hash(&KEY, revocation.kind, &revocation.value);
        self.bytes.extend(Entry::new(hash, revocation, false).encode());
        self.offsets.push(u32::try_from(self.bytes.len()).unwrap());
    }

    fn len(&self, now: u64) -> u64 {
        self.base + self.times.partition_point(|time| *time <= now) as u64
    }

    /// When an entry came; `None` if it was there before.
    pub(crate) fn time(&self, seq: u64) -> Option<u64> {
        self.times.get(seq.checked_sub(self.base)? as usize).copied()
    }
}

/// A playback that was displaced, or a viewer who has signed out.
fn revocation(name: &str, is_playback: bool, until: u64) -> Revocation {
    let (kind, reason) = match is_playback {
        true => (Kind::Sid, Reason::Displaced),
        false => (Kind::Sub, Reason::SignedOut),
    };
    let issued_before = (!is_playback).then_some(until - 3_600);
    Revocation { kind, value: name.into(), issued_before, until, reason }
}
