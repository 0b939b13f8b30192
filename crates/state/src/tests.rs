//! Replicas against a model: a list of revocations, searched from the first to the last. The network loses, delays,
//! repeats and reorders answers, a cache keeps immutable ones for ever, and clocks are wrong by minutes in both
//! directions.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use playgate::UnixTime;
use proptest::prelude::*;

use crate::{
    Denylist, DenylistCommand, DenylistReply, Kind, Progress, Reason, Replica, Revocation, TILE,
    TokenFacts,
};
use crate::{Update, tile_end};

const KEY: [u8; 16] = [9; 16];
const START: u64 = 1_767_225_600;

/// What can be revoked.
const NAMES: [(Kind, &str); 12] = [
    (Kind::All, ""),
    (Kind::Dir, "/"),
    (Kind::Dir, "/a/"),
    (Kind::Dir, "/a/b/"),
    (Kind::Dir, "/b/"),
    (Kind::Jti, "a"),
    (Kind::Jti, "b"),
    (Kind::Kid, "a"),
    (Kind::Sid, "a"),
    (Kind::Sid, "b"),
    (Kind::Sub, "a"),
    (Kind::Sub, "b"),
];

/// What is revoked, and not taken back. It forgets nothing.
#[derive(Clone, Debug, Default)]
struct Model(Vec<Revocation>);

impl Model {
    fn revoke(&mut self, new: &Revocation, now: u64) {
        let is_same = |old: &&mut Revocation| (old.kind, &old.value) == (new.kind, &new.value);
        match self.0.iter_mut().find(is_same) {
            Some(old) if old.until > now => {
                old.until = old.until.max(new.until);
                old.issued_before = match (old.issued_before, new.issued_before) {
                    (Some(old), Some(new)) => Some(old.max(new)),
                    _ => None,
                };
                old.reason = new.reason;
            }
            Some(old) => *old = new.clone(),
            None => self.0.push(new.clone()),
        }
    }

    fn undo(&mut self, (kind, value): (Kind, &str)) {
        self.0.retain(|old| (old.kind, &*old.value) != (kind, value));
    }

    fn find(&self, asked: &TokenFacts<'_>, now: u64) -> Option<Reason> {
        let hits = self.0.iter().filter(|revocation| {
            let is = |id: Option<&str>| id == Some(&*revocation.value);
            let names = match revocation.kind {
                Kind::All => true,
                Kind::Dir => asked.path.starts_with(&*revocation.value),
                Kind::Jti => is(asked.jti),
                Kind::Kid => is(asked.kid),
                Kind::Sid => is(asked.sid),
                Kind::Sub => is(asked.sub),
            };
            let spares = revocation.issued_before.is_some_and(|t| asked.issued.unwrap_or(0) >= t);
            names && !spares && revocation.until > now
        });
        let reasons: Vec<_> = hits.map(|revocation| revocation.reason).collect();
        let order = [Reason::SessionEnded, Reason::Displaced, Reason::SignedOut, Reason::Revoked];
        order.into_iter().find(|reason| reasons.contains(reason))
    }
}

/// A question about one name alone, and two about several.
fn questions() -> Vec<TokenFacts<'static>> {
    let none = TokenFacts { path: "/c/f", ..TokenFacts::default() };
    let mut all = Vec::from([
        none,
        TokenFacts { jti: Some("b"), sid: Some("a"), sub: Some("a"), path: "/a/b/f", ..none },
        TokenFacts { jti: Some("a"), sid: Some("b"), kid: Some("a"), path: "/b/", ..none },
    ]);
    all.extend(NAMES.map(|(kind, value)| match kind {
        Kind::All => TokenFacts { kid: Some("c"), ..none },
        Kind::Dir => TokenFacts { path: value, ..none },
        Kind::Jti => TokenFacts { jti: Some(value), ..none },
        Kind::Kid => TokenFacts { kid: Some(value), ..none },
        Kind::Sid => TokenFacts { sid: Some(value), ..none },
        Kind::Sub => TokenFacts { sub: Some(value), ..none },
    }));
    all
}

#[derive(Clone, Debug)]
enum Event {
    /// A gate asks for what is new, perhaps through a cache. The answer is on its way.
    Ask {
        gate: usize,
        cached: bool,
    },
    /// The denylist starts a new epoch.
    Compact,
    /// Any answer there ever was arrives at a gate: late, or again.
    Deliver {
        gate: usize,
        answer: usize,
    },
    /// The newest answer arrives at a gate.
    DeliverNewest {
        gate: usize,
    },
    /// A gate frees memory.
    Purge {
        gate: usize,
    },
    Revoke {
        name: usize,
        issued_before: Option<u64>,
        length: u64,
        reason: usize,
    },
    Undo {
        name: usize,
    },
    Wait {
        secs: u64,
    },
}

fn any_event() -> impl Strategy<Value = Event> {
    let gate = || 0..2_usize;
    // Half of all revocations concern few names, so that they meet.
    let name = || prop_oneof![0..NAMES.len(), 10..NAMES.len()];
    let issued_before = proptest::option::of(START - 9..START + 9);
    let revoke = (name(), issued_before, 1..9000_u64, 0..Reason::ALL.len());
    prop_oneof![
        4 => (gate(), any::<bool>()).prop_map(|(gate, cached)| Event::Ask { gate, cached }),
        1 => Just(Event::Compact),
        3 => (gate(), any::<usize>()).prop_map(|(gate, answer)| Event::Deliver { gate, answer }),
        5 => gate().prop_map(|gate| Event::DeliverNewest { gate }),
        2 => gate().prop_map(|gate| Event::Purge { gate }),
        12 => revoke.prop_map(|(name, issued_before, length, reason)| Event::Revoke {
            issued_before: issued_before.filter(|_| NAMES[name].0.takes_issued_before()),
            name,
            length,
            reason,
        }),
        3 => name().prop_map(|name| Event::Undo { name }),
        2 => (0..4000_u64).prop_map(|secs| Event::Wait { secs }),
    ]
}

struct World {
    now: u64,
    denylist: Denylist,
    epochs: u64,
    model: Model,
    /// What the model was at a length of a log. An epoch starts with rows that were written in another one, so before
    /// these are read there is nothing to compare with.
    past: BTreeMap<(u64, u64), Model>,
    /// All answers there ever were, as bytes.
    answers: Vec<Vec<u8>>,
    /// Immutable answers by their question.
    cache: BTreeMap<(u64, u64), Vec<u8>>,
    gates: [Option<Replica>; 2],
}

impl World {
    fn new() -> Self {
        let past = BTreeMap::from([((0, 0), Model::default())]);
        Self {
            now: START,
            denylist: Denylist::new(0, KEY),
            epochs: 0,
            model: Model::default(),
            past,
            answers: Vec::new(),
            cache: BTreeMap::new(),
            gates: [None, None],
        }
    }

    fn length(&self) -> u64 {
        u64::try_from(self.denylist.rows().len()).unwrap()
    }

    /// What somebody's clock says: it is wrong by up to 10 minutes, now this way and now that.
    fn clock(&self, salt: usize) -> UnixTime {
        let wrong = [0, 600, 1200, 300][salt % 4];
        UnixTime::from_secs(self.now - 600 + wrong)
    }

    fn command(&mut self, command: DenylistCommand, now: UnixTime) {
        let before = self.length();
        let again = command.clone();
        let reply = self.denylist.apply(command, now);
        let appended = matches!(&reply, DenylistReply::Appended(row) if row.seq == before);
        assert_eq!(self.length(), before + u64::from(appended), "{reply:?}");
        // A client repeats what it got no reply to.
        let reply = self.denylist.apply(again, now);
        assert!(matches!(reply, DenylistReply::Unchanged(_) | DenylistReply::Unknown), "{reply:?}");
        self.past.insert((self.denylist.epoch(), self.length()), self.model.clone());
    }

    fn ask(&mut self, gate: usize, cached: bool) {
        let known = self.gates[gate].as_ref().map(|replica| (replica.epoch(), replica.position()));
        if let Some(bytes) = known.and_then(|known| self.cache.get(&known)).filter(|_| cached) {
            return self.answers.push(bytes.clone());
        }
        let (epoch, from) = known.map_or((None, 0), |(epoch, from)| (Some(epoch), from));
        let reply = self.denylist.apply(DenylistCommand::Since { epoch, from }, self.clock(gate));
        let DenylistReply::Update(update) = reply else { panic!("{reply:?}") };
        let bytes = update.encode();
        assert_eq!(update.end(), self.length().min(tile_end(update.from())));
        if update.is_immutable() && known == Some((update.epoch(), update.from())) {
            let before = self.cache.insert((update.epoch(), update.from()), bytes.clone());
            assert!(before.is_none_or(|before| before == bytes), "it is immutable");
        }
        self.answers.push(bytes);
    }

    /// Applies an answer as a gate does. Whether the gate then has everything that there was when it was made.
    fn deliver(&mut self, gate: usize, answer: usize) -> bool {
        let Some(bytes) = self.answers.get(answer) else { return false };
        let update = Update::parse(bytes).unwrap();
        let replica = &mut self.gates[gate];
        let progress = match replica {
            Some(known) => known.apply(&update),
            None => {
                let mut fresh = Replica::new(update.epoch(), *update.key());
                let progress = fresh.apply(&update);
                *replica = progress.is_ok().then_some(fresh);
                progress
            }
        };
        match (progress, replica) {
            (Ok(Progress::Complete), Some(known)) => {
                assert_eq!(known.position(), update.end());
                assert!(!update.is_immutable());
                true
            }
            (Ok(Progress::Next(next)), Some(known)) => {
                assert_eq!(known.position(), next);
                false
            }
            // Start again.
            (_, replica) => {
                *replica = None;
                false
            }
        }
    }

    /// Compares a gate with the model as it was at the same length of the same log.
    fn check(&self, gate: usize) {
        let Some(replica) = &self.gates[gate] else { return };
        let Some(model) = self.past.get(&(replica.epoch(), replica.position())) else { return };
        let issued = [None, Some(START - 5), Some(START), Some(START + 9)];
        for (asked, issued) in questions().into_iter().flat_map(|one| issued.map(|t| (one, t))) {
            for clock in 0..3 {
                // Gates round the end of an entry up to 4 seconds.
                let now = self.clock(clock).as_secs().next_multiple_of(4);
                let asked = TokenFacts { issued, ..asked };
                let found = replica.find(&asked, UnixTime::from_secs(now));
                assert_eq!(found, model.find(&asked, now), "{asked:?} {now} {model:?}");
            }
        }
    }

    fn happen(&mut self, number: usize, event: &Event) {
        let now = self.clock(number);
        match *event {
            Event::Ask { gate, cached } => self.ask(gate, cached),
            Event::Compact => {
                self.epochs += 1;
                self.denylist.compact(now, self.epochs);
                self.past.insert((self.epochs, self.length()), self.model.clone());
            }
            Event::Deliver { gate, answer } => {
                let answer = answer.checked_rem(self.answers.len()).unwrap_or(0);
                self.deliver(gate, answer);
                self.check(gate);
            }
            Event::DeliverNewest { gate } => {
                self.deliver(gate, self.answers.len().saturating_sub(1));
                self.check(gate);
            }
            Event::Purge { gate } => {
                if let Some(replica) = &mut self.gates[gate] {
                    replica.purge(now);
                }
                self.check(gate);
            }
            Event::Revoke { name, issued_before, length, reason } => {
                let (kind, value) = NAMES[name];
                let value = value.into();
                let (until, reason) = (now.as_secs() + length, Reason::ALL[reason]);
                let issued_before = issued_before.map(|before| before.min(until));
                let revocation = Revocation { kind, value, issued_before, until, reason };
                assert_eq!(revocation.check(now), Ok(()));
                self.model.revoke(&revocation, now.as_secs());
                self.command(DenylistCommand::Revoke(revocation), now);
            }
            Event::Undo { name } => {
                let (kind, value) = NAMES[name];
                self.model.undo((kind, value));
                self.command(DenylistCommand::Undo { kind, value: value.into() }, now);
            }
            Event::Wait { secs } => self.now += secs,
        }
    }

    /// The network works: the gate gets everything in as many answers as there are tiles, and a few more. It may have
    /// to read through cached tiles of an old epoch to its head, before it learns of the new one.
    fn catch_up(&mut self, gate: usize) {
        let tiles = usize::try_from(self.length() / TILE).unwrap();
        for _ in 0..tiles + self.cache.len() + 3 {
            self.ask(gate, true);
            if self.deliver(gate, self.answers.len() - 1) {
                let replica = self.gates[gate].as_ref().unwrap();
                let newest = (self.denylist.epoch(), self.length());
                assert_eq!((replica.epoch(), replica.position()), newest);
                return self.check(gate);
            }
        }
        panic!("gate {gate} does not catch up");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_replica_agrees_with_the_denylist(
        events in proptest::collection::vec(any_event(), 1..120),
    ) {
        let mut world = World::new();
        for (number, event) in events.iter().enumerate() {
            world.happen(number, event);
        }
        for gate in 0..2 {
            world.catch_up(gate);
        }
    }

    /// Without undo, whatever was revoked stays revoked until its end, in every gate that has seen its row.
    #[test]
    fn a_replica_forgets_nothing_that_is_live(
        events in proptest::collection::vec(any_event(), 1..120),
    ) {
        let mut world = World::new();
        // Of each revocation: the epochs in which it has a known row, and the length of the log with it.
        let mut told: Vec<(usize, u64, Option<u64>, u64, u64)> = Vec::new();
        for (number, event) in events.iter().enumerate() {
            let now = world.clock(number).as_secs();
            match *event {
                Event::Undo { .. } => continue,
                Event::Revoke { name, issued_before, length, .. } => {
                    world.happen(number, event);
                    let (epoch, seen) = (world.denylist.epoch(), world.length());
                    told.push((name, now + length, issued_before, epoch, seen));
                }
                _ => world.happen(number, event),
            }
            for replica in world.gates.iter().flatten() {
                for &(name, until, issued_before, epoch, seen) in &told {
                    let first = world.past.keys().find(|(of, _)| *of == replica.epoch());
                    let has_row = if replica.epoch() == epoch {
                        replica.position() >= seen
                    } else {
                        replica.epoch() > epoch && first.is_some_and(|(_, all)| replica.position() >= *all)
                    };
                    // Every clock agrees that it has not ended.
                    if has_row && until > world.now + 600 {
                        let issued = issued_before.map(|before| before.min(until) - 1);
                        let (_, value) = NAMES[name];
                        let asked = questions()[3 + name];
                        let asked = TokenFacts { issued, ..asked };
                        let found = replica.find(&asked, UnixTime::from_secs(world.now));
                        prop_assert!(found.is_some(), "{value} {until}");
                    }
                }
            }
        }
    }
}
