//! One data center: its isolates, each with the state machine of the gate, the cache that they share, and the requests
//! of its viewers.
//!
//! What waits and asks is a model of `crates/worker/entry.mjs`: `decideInformed`, `learn`, `askDenylist`, `inBackground`.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use playgate_edge::{
    Broken, Config, Decision, DenylistQuestion, Memory, Now, Replies, RequestParts, decide,
};
use playgate_state::TILE;

use crate::log::{Answer, Log};
use crate::random::Random;
use crate::totals::Totals;

/// How the caller asks: as `entry.mjs` does, or otherwise.
#[derive(Clone, Copy)]
pub(crate) struct Caller {
    /// One isolate asks one question at a time: those who need the answer wait for it.
    pub(crate) asks_once: bool,
    /// In the background, an isolate waits up to so long before it asks, in milliseconds.
    pub(crate) spread: u64,
    /// A question is about the entries from a multiple of this number on, so that isolates which know a little more or
    /// less ask the same.
    pub(crate) step: u64,
    /// Who asks with another epoch than the object's, or with none, is only told the right one, and asks again: then the
    /// first tile comes from the cache, too.
    pub(crate) asks_epoch: bool,
}

/// What all data centers have in common.
pub(crate) struct Scene<'a> {
    pub(crate) log: &'a Log,
    pub(crate) config: &'a Result<Config, Broken>,
    pub(crate) caller: Caller,
    /// The mean life of an isolate in milliseconds.
    pub(crate) life: f64,
    /// In Unix milliseconds. What happens before `counted` is not counted.
    pub(crate) start: u64,
    pub(crate) counted: u64,
    pub(crate) end: u64,
    /// The address of a segment.
    pub(crate) segment: &'a str,
    /// Addresses of viewers who are revoked in the simulation, as `Log::probes`.
    pub(crate) probes: &'a [String],
    pub(crate) refresh: u64,
    pub(crate) max_age: u64,
}

/// The slots of the wheel, one for each millisecond. No viewer waits longer for the next request.
const SLOTS: u64 = 8_192;
/// How long a gate pauses after a failure, in milliseconds. Only for deciding when to ask the gate itself.
const PAUSE: u64 = 1_000;

struct Isolate {
    memory: Memory,
    born: u64,
    ends: u64,
    /// What this model knows of the memory, so that it need not be asked at each request.
    epoch: Option<u64>,
    position: u64,
    known_at: Option<u64>,
    failed_at: Option<u64>,
    in_flight: u32,
    last_served: u64,
    /// When it asks in the background, if it is going to.
    planned: Option<u64>,
    /// Requests that wait for the question in flight.
    waiting: Vec<Waiter>,
}

/// A request that waits for an answer.
#[derive(Clone, Copy)]
struct Waiter {
    came: u64,
    /// When the denylist was asked for this request only, if it was.
    asked: Option<u64>,
}

/// One call of `learn`.
struct Chain {
    isolate: usize,
    born: u64,
    /// The request that waits for it. `None` in the background.
    waiter: Option<Waiter>,
    is_shared: bool,
    is_cold: bool,
    asked: u64,
    question: DenylistQuestion,
    /// The epoch that the object told.
    told: Option<u64>,
    next: Option<DenylistQuestion>,
}

enum Step {
    /// The cache is looked up.
    Lookup,
    /// The question arrives at the object.
    AtObject,
    /// The object tells its epoch.
    Told(u64),
    /// An answer arrives; when it was asked, and whether it is to be kept.
    Answered(Answer, u64, bool),
    /// The answer is in the cache.
    Stored(Answer, u64),
}

pub(crate) struct Colo<'a> {
    scene: &'a Scene<'a>,
    random: Random,
    isolates: Vec<Isolate>,
    cache: HashMap<(u64, u64), (Answer, u64)>,
    /// The way to the object, in milliseconds.
    distance: u64,
    chains: Vec<Chain>,
    free: Vec<usize>,
    events: BinaryHeap<Reverse<(u64, u64, usize)>>,
    steps: HashMap<u64, Step>,
    count: u64,
    seen: u64,
    totals: Totals,
}

impl<'a> Colo<'a> {
    pub(crate) fn new(scene: &'a Scene<'a>, isolates: u64, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let distance = random.between(5, 100);
        let mut colo = Self {
            scene,
            isolates: Vec::new(),
            cache: HashMap::new(),
            distance,
            chains: Vec::new(),
            free: Vec::new(),
            events: BinaryHeap::new(),
            steps: HashMap::new(),
            count: 0,
            seen: 0,
            totals: Totals::new((scene.end - scene.counted) / 1000),
            random,
        };
        // It has run for long: the full tiles are in the cache.
        let epoch = scene.log.since(None, 0, scene.start).epoch;
        let tiles = (0..).map(|tile| tile * TILE);
        let tiles = tiles.map(|from| scene.log.since(Some(epoch), from, scene.start));
        for answer in tiles.take_while(|answer| answer.is_full) {
            colo.cache.insert((epoch, answer.from), (answer, scene.start));
        }
        // They share an answer, as they soon would.
        let known_at = scene.start - 1 - colo.random.below(scene.refresh);
        for _ in 0..isolates {
            let mut isolate = colo.fresh(scene.start);
            colo.know(&mut isolate, known_at);
            colo.isolates.push(isolate);
        }
        colo
    }

    fn fresh(&mut self, now: u64) -> Isolate {
        Isolate {
            memory: Memory::default(),
            born: now,
            ends: now + self.random.until_next(self.scene.life) as u64 + 1,
            epoch: None,
            position: 0,
            known_at: None,
            failed_at: None,
            in_flight: 0,
            last_served: 0,
            planned: None,
            waiting: Vec::new(),
        }
    }

    /// An isolate that was there before the simulation: it has the log as it was.
    fn know(&self, isolate: &mut Isolate, at: u64) {
        let mut question = Some(isolate.memory.denylist.ask(at));
        while let Some(DenylistQuestion { epoch, from }) = question {
            let answer = self.scene.log.since(epoch, from, at);
            let bytes = self.scene.log.bytes(&answer);
            question = isolate.memory.denylist.answered(&bytes, at, at);
            (isolate.epoch, isolate.position) = (Some(answer.epoch), answer.end);
        }
        isolate.known_at = Some(at);
    }

    /// Lets the viewers ask for a segment every 4 to 6 seconds each.
    pub(crate) fn run(mut self, viewers: u64) -> Totals {
        let (start, end) = (self.scene.start, self.scene.end);
        let mut wheel: Vec<Vec<u32>> = vec![Vec::new(); SLOTS as usize];
        for viewer in 0..viewers {
            wheel[((start + self.random.below(5_000)) % SLOTS) as usize].push(viewer as u32);
        }
        let mut due = Vec::new();
        for now in start..end {
            while let Some(&Reverse((at, number, chain))) = self.events.peek()
                && at <= now
            {
                self.events.pop();
                let step = self.steps.remove(&number).unwrap();
                self.step(chain, step, at);
            }
            core::mem::swap(&mut due, &mut wheel[(now % SLOTS) as usize]);
            for viewer in due.drain(..) {
                let at = self.random.below(self.isolates.len() as u64) as usize;
                self.request(at, now);
                let next = now + self.random.between(4_000, 6_000);
                wheel[(next % SLOTS) as usize].push(viewer);
            }
        }
        self.totals
    }

    const fn counts(&self, now: u64) -> bool {
        now >= self.scene.counted && now < self.scene.end
    }

    fn request(&mut self, at: usize, now: u64) {
        if self.isolates[at].ends <= now {
            self.isolates[at] = self.fresh(now);
            self.totals.cold_starts += u64::from(self.counts(now));
        }
        self.totals.requests += u64::from(self.counts(now));
        let (refresh, max_age) = (self.scene.refresh, self.scene.max_age);
        self.seen += 1;
        let seen = self.seen;
        let isolate = &mut self.isolates[at];
        let age = isolate.known_at.map_or(u64::MAX, |known| now - known);
        let pauses = isolate.failed_at.is_some_and(|failed| now - failed < PAUSE);
        // Then the gate serves, and there is nothing to ask or it is asked already; every thousandth time, the gate
        // itself says so.
        let is_quiet =
            age < refresh || isolate.in_flight > 0 || isolate.planned.is_some_and(|at| now < at);
        if age < max_age && is_quiet && !pauses {
            isolate.last_served = now;
            if seen.is_multiple_of(1000) {
                assert!(matches!(self.decide(at, now, None, self.scene.segment), Outcome::Served));
            }
            return;
        }
        match self.decide(at, now, None, self.scene.segment) {
            Outcome::Served => self.isolates[at].last_served = now,
            Outcome::Asks => {
                self.totals.waited += u64::from(self.counts(now));
                return self.wait(at, now, Waiter { came: now, asked: None });
            }
            Outcome::Refused => self.totals.refused += u64::from(self.counts(now)),
        }
        self.in_background(at, now);
    }

    /// Asks in the background, if the gate says so.
    fn in_background(&mut self, at: usize, now: u64) {
        let Ok(config) = self.scene.config else { unreachable!() };
        let isolate = &mut self.isolates[at];
        if !config.asks(&isolate.memory, now) {
            return;
        }
        let Caller { spread, asks_once, .. } = self.scene.caller;
        if asks_once && isolate.in_flight > 0 {
            return;
        }
        if spread > 0 {
            let planned =
                *isolate.planned.get_or_insert_with(|| now + self.random.below(spread + 1));
            if now < planned {
                return;
            }
            isolate.planned = None;
        }
        self.learn(at, now, None, true);
    }

    /// A request that cannot be decided without asking.
    fn wait(&mut self, at: usize, now: u64, waiter: Waiter) {
        if self.scene.caller.asks_once && self.isolates[at].in_flight > 0 {
            self.isolates[at].waiting.push(waiter);
        } else {
            self.learn(at, now, Some(waiter), waiter.asked.is_none());
        }
    }

    fn learn(&mut self, at: usize, now: u64, waiter: Option<Waiter>, is_shared: bool) {
        let isolate = &mut self.isolates[at];
        isolate.in_flight += 1;
        isolate.planned = None;
        let question = isolate.memory.denylist.ask(now);
        let chain = Chain {
            isolate: at,
            born: isolate.born,
            waiter,
            is_shared,
            is_cold: isolate.known_at.is_none(),
            asked: now,
            question,
            told: None,
            next: None,
        };
        let number = match self.free.pop() {
            Some(free) => {
                self.chains[free] = chain;
                free
            }
            None => {
                self.chains.push(chain);
                self.chains.len() - 1
            }
        };
        self.ask(number, now);
    }

    /// `askDenylist`.
    fn ask(&mut self, chain: usize, now: u64) {
        let is_cached = self.key(&self.chains[chain]).is_some();
        match is_cached {
            true => {
                let wait = self.random.between(1, 6);
                self.schedule(chain, now + wait, Step::Lookup);
            }
            false => self.send(chain, now),
        }
    }

    fn send(&mut self, chain: usize, now: u64) {
        let wait = self.distance + self.random.below(self.distance / 2 + 1);
        self.schedule(chain, now + wait, Step::AtObject);
    }

    fn schedule(&mut self, chain: usize, at: u64, step: Step) {
        self.count += 1;
        self.steps.insert(self.count, step);
        self.events.push(Reverse((at, self.count, chain)));
    }

    /// What is asked.
    fn question(&self, chain: &Chain) -> DenylistQuestion {
        let step = self.scene.caller.step;
        match (chain.told, chain.question) {
            (None, DenylistQuestion { epoch, from }) => {
                DenylistQuestion { epoch, from: from / step * step }
            }
            (told, _) => DenylistQuestion { epoch: told, from: 0 },
        }
    }

    /// The key of the question in the cache, if it is looked up there.
    fn key(&self, chain: &Chain) -> Option<(u64, u64)> {
        let DenylistQuestion { epoch, from } = self.question(chain);
        epoch.filter(|_| chain.is_shared).map(|epoch| (epoch, from))
    }

    fn step(&mut self, number: usize, step: Step, now: u64) {
        let Chain { isolate, born, asked, is_cold, .. } = self.chains[number];
        if self.isolates[isolate].born != born {
            // The isolate is gone, and with it who waits.
            self.free.push(number);
            return;
        }
        let key = self.key(&self.chains[number]);
        match step {
            Step::Lookup => {
                let kept = key.and_then(|key| self.cache.get(&key)).copied();
                let age = self.scene.refresh;
                let good = kept.filter(|(answer, at)| {
                    answer.is_full || (*at <= asked && *at > asked.saturating_sub(age))
                });
                match good {
                    Some((answer, at)) => {
                        if is_cold && self.counts(now) {
                            self.totals.cold_bytes += self.scene.log.size(&answer);
                        }
                        self.answered(number, answer, at, false, now);
                    }
                    None => self.send(number, now),
                }
            }
            Step::AtObject => {
                let DenylistQuestion { epoch, from } = self.question(&self.chains[number]);
                let answer = self.scene.log.since(epoch, from, now);
                let is_told = self.scene.caller.asks_epoch && epoch != Some(answer.epoch);
                let size = if is_told { 8 } else { self.scene.log.size(&answer) };
                let rows = if is_told { 0 } else { answer.end - answer.from };
                if self.counts(now) {
                    let second = ((now - self.scene.counted) / 1000) as usize;
                    self.totals.questions[second] += 1;
                    self.totals.bytes[second] += size;
                    self.totals.rows[second] += rows;
                    if is_cold {
                        self.totals.cold_questions += 1;
                        self.totals.cold_object_bytes += size;
                        self.totals.cold_bytes += size;
                    }
                }
                let wait = self.distance + self.random.below(self.distance / 2 + 1);
                let step = match is_told {
                    true => Step::Told(answer.epoch),
                    false => Step::Answered(answer, asked, key.is_some()),
                };
                self.schedule(number, now + wait, step);
            }
            Step::Told(epoch) => {
                self.chains[number].told = Some(epoch);
                self.ask(number, now);
            }
            Step::Answered(answer, at, is_kept) => self.answered(number, answer, at, is_kept, now),
            Step::Stored(answer, at) => {
                if let Some(key) = key {
                    self.cache.insert(key, (answer, at));
                }
                self.go_on(number, now);
            }
        }
    }

    fn answered(&mut self, number: usize, answer: Answer, at: u64, is_kept: bool, now: u64) {
        let index = self.chains[number].isolate;
        let bytes = self.scene.log.bytes(&answer);
        self.check_probes(index, &answer, now, false);
        let isolate = &mut self.isolates[index];
        let next = isolate.memory.denylist.answered(&bytes, at, now);
        if next.is_none() {
            // Complete, unless the answer is of a log that another one has replaced.
            let is_same = isolate.epoch == Some(answer.epoch);
            let is_outdated = !is_same && isolate.known_at.is_some_and(|known| at < known);
            if !is_outdated {
                let first = if is_same { isolate.position } else { answer.end };
                let counts = now >= self.scene.counted;
                for seq in first..answer.end {
                    let came = self.scene.log.epoch(answer.epoch).time(seq);
                    if let Some(came) = came.filter(|came| counts && *came >= self.scene.counted) {
                        self.totals.known.add(now.saturating_sub(came));
                        self.totals.effective.add(isolate.last_served.saturating_sub(came));
                    }
                }
                if isolate.known_at.is_none() && counts {
                    self.totals.cold_complete += 1;
                    self.totals.cold_time.add(now - isolate.born);
                }
                isolate.epoch = Some(answer.epoch);
                isolate.position = answer.end.max(if is_same { isolate.position } else { 0 });
                isolate.known_at = isolate.known_at.max(Some(at));
                isolate.failed_at = None;
            }
        } else if isolate.epoch == Some(answer.epoch) && answer.end > isolate.position {
            // A full tile: what it has counts at once, though the copy is not complete.
            isolate.position = answer.end;
        }
        self.check_probes(index, &answer, now, true);
        let chain = &mut self.chains[number];
        chain.next = next;
        if is_kept {
            let asked = chain.asked;
            let wait = self.random.between(2, 10);
            self.schedule(number, now + wait, Step::Stored(answer, asked));
        } else {
            self.go_on(number, now);
        }
    }

    fn go_on(&mut self, number: usize, now: u64) {
        let chain = &mut self.chains[number];
        let last = chain.question;
        match chain.next.take() {
            Some(question) if question != last => {
                // `asked` is when the answer before it came; storing takes a little longer.
                (chain.question, chain.asked, chain.told) = (question, now, None);
                self.ask(number, now);
            }
            next => {
                let (at, waiter) = (chain.isolate, chain.waiter);
                let isolate = &mut self.isolates[at];
                if next.is_some() {
                    isolate.memory.denylist.unanswered(now);
                    isolate.failed_at = Some(now);
                    self.totals.failed += u64::from(self.counts(now));
                }
                self.isolates[at].in_flight -= 1;
                self.free.push(number);
                let joined = match self.isolates[at].in_flight {
                    0 => core::mem::take(&mut self.isolates[at].waiting),
                    _ => Vec::new(),
                };
                waiter.into_iter().chain(joined).for_each(|waiter| self.again(at, now, waiter));
            }
        }
    }

    /// Decides again on a request that has asked.
    fn again(&mut self, at: usize, now: u64, waiter: Waiter) {
        let Waiter { came, asked } = waiter;
        match self.decide(at, now, asked, self.scene.segment) {
            Outcome::Served => {
                self.isolates[at].last_served = now;
                if self.counts(now) {
                    self.totals.waits.add(now - came);
                }
            }
            Outcome::Refused => self.totals.refused += u64::from(self.counts(now)),
            // The answer was too old, so this one is not shared.
            Outcome::Asks => return self.wait(at, now, Waiter { came, asked: Some(now) }),
        }
        self.in_background(at, now);
    }

    /// The gate's own decision.
    fn decide(&self, at: usize, now: u64, asked: Option<u64>, url: &str) -> Outcome {
        let mut answers = Replies::default();
        answers.asked = asked;
        let time = Now {
            secs: now / 1000,
            millis: now,
            memory: Some(&self.isolates[at].memory),
            replies: &answers,
            random: || [0; 16],
        };
        let parts = RequestParts { method: "GET", url, ..RequestParts::default() };
        match decide(self.scene.config, &parts, time, || None) {
            Decision::Serve(..) => Outcome::Served,
            Decision::AskDenylist => Outcome::Asks,
            Decision::Respond(..) => Outcome::Refused,
            other => panic!("{other:?}"),
        }
    }

    /// The gate itself refuses the viewers who were revoked, once it has the entry.
    fn check_probes(&mut self, at: usize, answer: &Answer, now: u64, is_known: bool) {
        let isolate = &self.isolates[at];
        if isolate.known_at.is_none_or(|known| now - known >= self.scene.max_age) {
            return;
        }
        let (epoch, position) = (isolate.epoch, isolate.position);
        for (probe, url) in self.scene.log.probes.iter().zip(self.scene.probes) {
            let is_new =
                (answer.from.max(position.min(answer.end))..answer.end).contains(&probe.seq);
            let just = (answer.from..answer.end).contains(&probe.seq) && probe.seq < position;
            let is_meant = if is_known { just } else { is_new };
            if Some(probe.epoch) == epoch && answer.epoch == probe.epoch && is_meant {
                let outcome = self.decide(at, now, None, url);
                let expected = if is_known { Outcome::Refused } else { Outcome::Served };
                assert_eq!(outcome, expected, "{}", probe.viewer);
                self.totals.probes += u64::from(is_known);
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Served,
    Asks,
    Refused,
}
