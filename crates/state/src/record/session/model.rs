//! Every interleaving of two tabs, a thief, lost answers and clock steps, to a depth.
//!
//! The two tabs share one cookie, as in a browser, and refresh when their tokens are due. Each has at most one request
//! under way. It takes five seconds at most, and so does its answer: together the grace of two tabs. Either may be lost.
//! The thief copies the cookie at any time, and uses what he gets as he likes. Equal states are visited once.

use alloc::string::String;
use alloc::vec::Vec;
use core::hash::{Hash as _, Hasher as _};
use std::collections::HashSet;
use std::hash::DefaultHasher;
use std::{env, format, println};

use playgate::UnixTime;

use super::super::{Record, RecordCommand, RecordReply, apply, encode};
use super::tests::{START, refresh, start};
use super::{GRACE, UNSEEN_GRACE};
use crate::revocation::Reason;

/// How many steps are tried after the start.
const DEPTH: usize = 8;

/// How long a request is under way, and then its answer, in seconds.
const DELAY: u64 = 5;

/// After a step of so many seconds, tokens are due.
const DUE: i64 = 61;

const STEPS: [i64; 5] = [5, 11, DUE, 3_600, -30];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A tab sends the cookie that the browser has then.
    Send(usize),
    /// The request of a tab arrives.
    Arrive(usize),
    /// A tab gets its answer.
    Receive(usize),
    /// Request or answer is lost, and the tab gives up.
    Lose(usize),
    /// The player of a tab uses its access token.
    Use(usize),
    Steal,
    ThiefSends,
    ThiefUses,
    Wait(i64),
}

/// A request of a tab.
#[derive(Clone, Copy, Hash)]
enum Pending {
    /// It carries this generation.
    Sent(u32),
    /// The answer carries this generation, or that the session has ended.
    Answered(Option<u32>),
}

/// What happens if a step is possible.
#[derive(Clone)]
struct World {
    record: Option<Record>,
    now: u64,
    /// The generation in the browser's cookie.
    cookie: u32,
    /// What each tab waits for, and since when it is under way.
    pending: [Option<(Pending, u64)>; 2],
    /// The generation of each tab's access token.
    access: [u32; 2],
    is_due: [bool; 2],
    /// The thief's refresh token, and the generation of his access token.
    stolen: Option<u32>,
    thief_access: Option<u32>,
    /// Whether the thief has ever got an answer.
    thief_acted: bool,
    /// When the thief made an exchange of his own, and of which generation.
    exchanged: Option<(u64, u32)>,
    /// Whether a client has used tokens of the newest generation.
    is_seen: bool,
    newest: u32,
    has_ended: bool,
    thefts: usize,
}

impl World {
    fn new() -> Self {
        let outcome = apply(None, start("s", START), UnixTime::from_secs(START));
        assert!(matches!(outcome.reply, RecordReply::Session(_)));
        Self {
            record: outcome.record,
            now: START,
            cookie: 1,
            pending: [None; 2],
            access: [1; 2],
            is_due: [true; 2],
            stolen: None,
            thief_access: None,
            thief_acted: false,
            exchanged: None,
            is_seen: false,
            newest: 1,
            has_ended: false,
            thefts: 0,
        }
    }

    /// Sends a refresh token. Returns the generation of the answer.
    fn send(&mut self, generation: u32, from: &str) -> Option<u32> {
        let command = refresh("s", generation, from);
        let outcome = apply(self.record.take(), command, UnixTime::from_secs(self.now));
        self.record = outcome.record;
        self.thefts += usize::from(outcome.theft.is_some());
        match outcome.reply {
            RecordReply::Session(session) => {
                assert!(!self.has_ended, "what has ended goes on");
                assert_eq!(session.generation, generation + 1, "a token has one successor");
                assert!(
                    (self.newest..=self.newest + 1).contains(&session.generation),
                    "two branches live: {} beside {}",
                    session.generation,
                    self.newest
                );
                if session.generation > self.newest {
                    (self.newest, self.is_seen) = (session.generation, false);
                }
                Some(session.generation)
            }
            RecordReply::SessionEnded => {
                let revoked = outcome.revocations.iter().map(|one| one.reason);
                let expected: &[_] = if self.has_ended { &[] } else { &[Reason::SessionEnded] };
                assert_eq!(revoked.collect::<Vec<_>>(), expected, "the denylist learns of it once");
                self.has_ended = true;
                None
            }
            other => panic!("{other:?}"),
        }
    }

    fn uses(&mut self, generation: u32) {
        self.is_seen |= generation == self.newest;
        let command = RecordCommand::Seen { sid: "s".into(), generation };
        self.record = apply(self.record.take(), command, UnixTime::from_secs(self.now)).record;
    }

    /// Takes a step, unless it is impossible. Returns whether it was possible.
    fn take(&mut self, step: Step) -> bool {
        match step {
            Step::Send(tab) => {
                if !self.is_due[tab] || self.pending[tab].is_some() {
                    return false;
                }
                self.pending[tab] = Some((Pending::Sent(self.cookie), self.now));
            }
            Step::Arrive(tab) => {
                let Some((Pending::Sent(generation), _)) = self.pending[tab] else {
                    return false;
                };
                let answer = self.honest_send(generation);
                self.pending[tab] = Some((Pending::Answered(answer), self.now));
            }
            Step::Receive(tab) => {
                let Some((Pending::Answered(answer), _)) = self.pending[tab] else { return false };
                self.pending[tab] = None;
                if let Some(generation) = answer {
                    (self.cookie, self.access[tab]) = (generation, generation);
                }
                self.is_due[tab] = false;
            }
            Step::Lose(tab) => {
                if self.pending[tab].take().is_none() {
                    return false;
                }
            }
            Step::Use(tab) => self.uses(self.access[tab]),
            Step::Steal => self.stolen = Some(self.cookie),
            Step::ThiefSends => {
                let Some(generation) = self.stolen else { return false };
                let before = self.newest;
                if let Some(next) = self.send(generation, "away") {
                    (self.stolen, self.thief_access) = (Some(next), Some(next));
                    self.thief_acted = true;
                    if next > before {
                        self.exchanged = Some((self.now, generation));
                    }
                }
            }
            Step::ThiefUses => {
                let Some(generation) = self.thief_access else { return false };
                self.uses(generation);
            }
            Step::Wait(seconds) => {
                self.now = self.now.saturating_add_signed(seconds);
                if let Some((at, _)) = &mut self.exchanged {
                    // Grace is counted from now on if the clock is set back.
                    *at = (*at).min(self.now);
                }
                for pending in &mut self.pending {
                    // A clock that is set back does not make a request last longer.
                    let lasts =
                        |since: u64| self.now.checked_sub(since).is_some_and(|age| age <= DELAY);
                    *pending = pending.filter(|(_, since)| lasts(*since));
                }
                if seconds >= DUE {
                    self.is_due = [true; 2];
                }
                // The object looks at its clock at each command.
                let sweep = RecordCommand::Sweep;
                self.record =
                    apply(self.record.take(), sweep, UnixTime::from_secs(self.now)).record;
            }
        }
        true
    }

    fn honest_send(&mut self, cookie: u32) -> Option<u32> {
        let had_ended = self.has_ended;
        let answer = self.send(cookie, "home");
        if answer.is_none() && !had_ended {
            assert!(self.thief_acted, "an honest viewer is signed out");
        }
        if let Some((at, generation)) = self.exchanged
            && cookie <= generation
            && answer.is_some()
        {
            // The thief was faster, and the viewer goes on: only while nobody can tell.
            let age = self.now - at;
            assert!(
                age <= GRACE || !self.is_seen && age <= UNSEEN_GRACE,
                "a thief is not noticed {age} seconds later"
            );
        }
        if answer.is_some() {
            // He holds the viewer's own token now, or none that is good.
            self.exchanged = self.exchanged.filter(|(_, generation)| cookie <= *generation);
        }
        answer
    }

    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let record = self.record.as_ref().map(encode);
        (record, self.now, self.cookie, self.pending, self.access, self.is_due).hash(&mut hasher);
        (
            self.stolen,
            self.thief_access,
            self.thief_acted,
            self.exchanged,
            self.is_seen,
            self.newest,
        )
            .hash(&mut hasher);
        (self.has_ended, self.thefts).hash(&mut hasher);
        hasher.finish()
    }
}

fn steps() -> Vec<Step> {
    let tabs = [0, 1].into_iter();
    let of_tabs = tabs.flat_map(|tab| {
        [Step::Send(tab), Step::Arrive(tab), Step::Receive(tab), Step::Lose(tab), Step::Use(tab)]
    });
    let of_thief = [Step::Steal, Step::ThiefSends, Step::ThiefUses];
    of_tabs.chain(of_thief).chain(STEPS.map(Step::Wait)).collect()
}

#[test]
fn every_interleaving() {
    let depth = env::var("PLAYGATE_MODEL_DEPTH").ok().and_then(|depth| depth.parse().ok());
    let steps = steps();
    let mut seen = HashSet::new();
    let mut worlds: Vec<(World, Vec<Step>)> = [(World::new(), Vec::new())].into();
    let (mut ended, mut taken) = (0_u64, 0_u64);
    for _ in 0..depth.unwrap_or(DEPTH) {
        let mut next = Vec::new();
        for (world, path) in worlds {
            for step in &steps {
                let mut after = world.clone();
                let told =
                    std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| after.take(*step)));
                match told {
                    Ok(false) => continue,
                    Ok(true) => {}
                    Err(_) => panic!("after {path:?} {step:?}"),
                }
                taken += 1;
                if seen.insert(after.fingerprint()) {
                    ended += u64::from(after.has_ended && !world.has_ended);
                    let path = path.iter().copied().chain([*step]).collect();
                    next.push((after, path));
                }
            }
        }
        worlds = next;
    }
    let story: String = format!("{taken} steps, {} states, {ended} ends", seen.len());
    println!("{story}");
    assert!(seen.len() > 10_000 && ended > 100, "{story}");
}
