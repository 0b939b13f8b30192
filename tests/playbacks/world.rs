//! A deployment: isolates with the gate, the records, the denylist, and a network between them that is slow, loses
//! messages and delivers them late. It is driven as `crates/worker/entry.mjs`, `record.mjs` and `denylist.mjs` do it.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use playgate::UnixTime;
use playgate_edge::{
    Answered, Binding, Body, Broken, Call, Config, Decision, DenylistQuestion, Memory, Next, Now,
    Plan, RecordCall, RecordRequest, Replies, RequestParts, Response, Setting, Variables, decide,
    read_call,
};
use playgate_state::{
    Denylist, DenylistCommand, DenylistReply, Record, Update, apply, decode, encode,
};

use crate::random::Random;

pub(crate) const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/// Unix milliseconds.
pub(crate) const START: u64 = 1_767_225_000_000;
pub(crate) const HOST: &str = "https://cdn.example.com";
/// How long the caller waits for one answer, in milliseconds.
const PATIENCE: u64 = 2_000;
const REFRESH: u64 = 5_000;

const MASTER: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\nmedia.m3u8\n";
const MEDIA: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n0.ts\n";

/// What may go wrong. Shares are in percent, times in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// Commands in the background: lost, or late by up to so much.
    pub(crate) lost_reports: u64,
    pub(crate) late_reports: u64,
    pub(crate) lateness: u64,
    /// Commands for which a request waits: lost, its answer lost, or slow by up to so much.
    pub(crate) lost_commands: u64,
    pub(crate) slow_commands: u64,
    pub(crate) slowness: u64,
    /// Questions to the denylist: lost, or slow by up to six seconds.
    pub(crate) lost_questions: u64,
    pub(crate) slow_questions: u64,
    /// Whether the denylist, and the records, are out of reach for up to 40 seconds now and then.
    pub(crate) has_outages: bool,
    /// By how much clocks are off.
    pub(crate) clocks: u64,
    /// The mean life of an isolate.
    pub(crate) life: f64,
}

/// A response, as a player sees it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) reason: Option<String>,
    pub(crate) body: Option<String>,
}

pub(crate) struct Isolate {
    colo: usize,
    born: u64,
    ends: u64,
    /// How far its clock is ahead, in milliseconds.
    ahead: i64,
    memory: Memory,
    reports: Vec<RecordRequest>,
}

/// A request that is not answered yet.
struct Pending {
    isolate: usize,
    born: u64,
    method: &'static str,
    url: String,
    body: Option<String>,
    ip: String,
    replies: Replies,
    tries: u8,
    /// How many questions it has asked.
    questions: u32,
    question: Option<RecordRequest>,
    call: Option<RecordCall>,
}

/// One call of `learn`.
struct Chain {
    isolate: usize,
    born: u64,
    request: Option<u64>,
    is_shared: bool,
    asked: u64,
    question: DenylistQuestion,
    /// How many questions it has asked.
    questions: u32,
}

/// An update in the cache of a data center: when it was asked, and whether it is a full tile.
type Kept = (Vec<u8>, u64, bool);

/// The number of the question if it is a report, for which no request waits.
const REPORT: u32 = u32::MAX;

enum Event {
    /// A player wakes.
    Player(usize),
    /// A player gets the response to the request of this number.
    Response(usize, u64, Seen),
    /// A command arrives at its record; the request and its question that wait, and whether the answer is lost.
    Command(String, Vec<u8>, Option<(u64, u32)>, bool),
    /// The answer of a record arrives, or the patience for it ends.
    RecordReply(u64, u32, Option<Vec<u8>>),
    /// A question arrives at the denylist, in this chain, of this number.
    RecordRequest(u64, u32),
    /// The answer of the denylist, when it was asked, and whether to keep it; or the patience for it ends.
    Update(u64, u32, Option<(Vec<u8>, u64, bool)>),
    /// Clocks change, and outages come and go.
    Weather,
}

/// What the players learn of.
pub(crate) enum Happening {
    Player(usize),
    Response(usize, u64, Seen),
}

pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) random: Random,
    weather: Weather,
    config: Result<Config, Broken>,
    isolates: Vec<Isolate>,
    denylist: Denylist,
    denylist_ahead: i64,
    records: HashMap<String, Vec<u8>>,
    /// By epoch and first entry.
    caches: Vec<HashMap<(Option<u64>, u64), Kept>>,
    denylist_until: u64,
    records_until: u64,
    events: BinaryHeap<Reverse<(u64, u64)>>,
    bodies: HashMap<u64, Event>,
    requests: HashMap<u64, (usize, Pending)>,
    /// Reports that are on their way, with the isolate that sent them, and when it was born.
    reports: HashMap<u64, (usize, u64, RecordRequest)>,
    chains: HashMap<u64, Chain>,
    count: u64,
    /// What happened to the records, for whoever has to explain a failure.
    pub(crate) trace: Vec<(u64, String, String)>,
    pub(crate) decided: u64,
    pub(crate) commands: u64,
    pub(crate) revoked: u64,
}

thread_local! {
    static NUMBER: Cell<u64> = const { Cell::new(1) };
}

fn random_bytes() -> [u8; 16] {
    let number = NUMBER.get();
    NUMBER.set(number + 1);
    let mut random = Random::new(number);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&random.number().to_be_bytes());
    bytes[8..].copy_from_slice(&random.number().to_be_bytes());
    bytes
}

impl World {
    pub(crate) fn new(seed: u64, over_limit: &str, isolates: usize, weather: Weather) -> Self {
        NUMBER.set(seed.wrapping_mul(1 << 32) + 1);
        let variables =
            Variables::read(Binding::Absent, Binding::Right, Binding::Right, |name| match name {
                "ORIGIN" => Setting::Text("https://media.example.com".into()),
                "PLAYGATE_KEYS" => Setting::Text(KEYS.into()),
                "ADMIN_SECRET" => Setting::Text("development-admin-secret".into()),
                "PLAYBACKS_OVER_LIMIT" => Setting::Text(over_limit.into()),
                _ => Setting::Unset,
            });
        let config = Config::read(&variables);
        assert_eq!(config.as_ref().map(Config::refresh).ok(), Some(REFRESH));
        let mut world = Self {
            now: START,
            random: Random::new(seed),
            weather,
            config,
            isolates: Vec::new(),
            denylist: Denylist::new(seed | 1, [3; 16]),
            denylist_ahead: 0,
            records: HashMap::new(),
            caches: vec![HashMap::new(); 2],
            denylist_until: 0,
            records_until: 0,
            events: BinaryHeap::new(),
            bodies: HashMap::new(),
            requests: HashMap::new(),
            reports: HashMap::new(),
            chains: HashMap::new(),
            count: 0,
            trace: Vec::new(),
            decided: 0,
            commands: 0,
            revoked: 0,
        };
        for at in 0..isolates {
            let isolate = world.fresh(at % 2);
            world.isolates.push(isolate);
        }
        world.schedule(START + 1_000, Event::Weather);
        world
    }

    fn fresh(&mut self, colo: usize) -> Isolate {
        Isolate {
            colo,
            born: self.now,
            ends: self.now + self.random.until_next(self.weather.life) as u64 + 1,
            ahead: self.clock_error(),
            memory: Memory::default(),
            reports: Vec::new(),
        }
    }

    fn clock_error(&mut self) -> i64 {
        let most = self.weather.clocks;
        self.random.between(0, 2 * most) as i64 - most as i64
    }

    fn percent(&mut self, share: u64) -> bool {
        self.random.below(100) < share
    }

    fn schedule(&mut self, at: u64, event: Event) {
        self.count += 1;
        self.bodies.insert(self.count, event);
        self.events.push(Reverse((at.max(self.now), self.count)));
    }

    /// Wakes a player at a time.
    pub(crate) fn wake(&mut self, player: usize, at: u64) {
        self.schedule(at, Event::Player(player));
    }

    /// An isolate for a request from this data center: mostly the last one again.
    pub(crate) fn isolate(&mut self, colo: usize, last: usize) -> usize {
        let is_there = self.isolates[last].colo == colo;
        if is_there && self.percent(60) {
            return last;
        }
        let own: Vec<_> =
            (0..self.isolates.len()).filter(|at| self.isolates[*at].colo == colo).collect();
        own[self.random.below(own.len() as u64) as usize]
    }

    /// Sends a request. The response comes as a [`Happening`], with the number that is returned.
    pub(crate) fn send(
        &mut self,
        player: usize,
        isolate: usize,
        (method, url, body): (&'static str, &str, Option<&str>),
        ip: &str,
    ) -> u64 {
        if self.isolates[isolate].ends <= self.now {
            let colo = self.isolates[isolate].colo;
            self.isolates[isolate] = self.fresh(colo);
        }
        self.count += 1;
        let number = self.count;
        let pending = Pending {
            isolate,
            born: self.isolates[isolate].born,
            method,
            url: url.into(),
            body: body.map(String::from),
            ip: ip.into(),
            replies: Replies::default(),
            tries: 0,
            questions: 0,
            question: None,
            call: None,
        };
        self.requests.insert(number, (player, pending));
        self.decide(number);
        number
    }

    /// What happens next to a player, before `end`.
    pub(crate) fn next(&mut self, end: u64) -> Option<Happening> {
        loop {
            let &Reverse((at, number)) = self.events.peek()?;
            if at >= end {
                return None;
            }
            self.events.pop();
            self.now = at;
            match self.bodies.remove(&number).unwrap() {
                Event::Player(player) => return Some(Happening::Player(player)),
                Event::Response(player, request, seen) => {
                    return Some(Happening::Response(player, request, seen));
                }
                Event::Command(record, command, waiter, is_lost) => {
                    let answer = self.carry_out(&record, &command);
                    if let Some((request, question)) = waiter
                        && !is_lost
                    {
                        let way = self.random.between(5, 60);
                        self.schedule(
                            self.now + way,
                            Event::RecordReply(request, question, answer),
                        );
                    }
                }
                Event::RecordReply(request, question, answer) => {
                    self.settle(request, question, answer)
                }
                Event::RecordRequest(chain, question) => self.asked(chain, question),
                Event::Update(chain, question, update) => self.learned(chain, question, update),
                Event::Weather => self.change_weather(),
            }
        }
    }

    fn change_weather(&mut self) {
        for at in 0..self.isolates.len() {
            // A clock is set anew about every twenty minutes, now and then by half a minute.
            if self.random.below(1_200) == 0 {
                self.isolates[at].ahead = self.clock_error();
                if self.weather.clocks > 0 && self.percent(20) {
                    self.isolates[at].ahead += if self.percent(50) { 30_000 } else { -30_000 };
                }
            } else if self.isolates[at].ahead.unsigned_abs() > self.weather.clocks
                && self.percent(5)
            {
                self.isolates[at].ahead = self.clock_error();
            }
        }
        if self.random.below(1_200) == 0 {
            self.denylist_ahead = self.clock_error();
        }
        if self.weather.has_outages {
            if self.random.below(900) == 0 {
                self.denylist_until = self.now + self.random.between(5_000, 40_000);
            }
            if self.random.below(900) == 0 {
                self.records_until = self.now + self.random.between(5_000, 40_000);
            }
        }
        self.schedule(self.now + 1_000, Event::Weather);
    }

    fn clock(&self, isolate: usize) -> u64 {
        self.now.saturating_add_signed(self.isolates[isolate].ahead)
    }

    /// Whether the isolate of a request is still the one that it was sent to.
    fn is_there(&self, isolate: usize, born: u64) -> bool {
        self.isolates[isolate].born == born && self.isolates[isolate].ends > self.now
    }

    fn respond(&mut self, request: u64, seen: Seen) {
        if let Some((player, _)) = self.requests.remove(&request) {
            let way = self.random.between(10, 60);
            self.schedule(self.now + way, Event::Response(player, request, seen));
        }
    }

    fn decide(&mut self, request: u64) {
        self.decided += 1;
        let Some((_, pending)) = self.requests.get_mut(&request) else { return };
        let at = pending.isolate;
        if !(self.isolates[at].born == pending.born && self.isolates[at].ends > self.now) {
            let seen = Seen { status: 503, reason: Some("gone".into()), body: None };
            return self.respond(request, seen);
        }
        let isolate = &self.isolates[at];
        let millis = self.now.saturating_add_signed(isolate.ahead);
        let parts = RequestParts {
            method: pending.method,
            url: &pending.url,
            client_ip: pending.ip.parse().ok(),
            ..RequestParts::default()
        };
        let now = Now {
            secs: millis / 1000,
            millis,
            memory: Some(&isolate.memory),
            replies: &pending.replies,
            random: random_bytes,
        };
        let decision = decide(&self.config, &parts, now, || None);
        match decision {
            Decision::AskDenylist => {
                pending.tries += 1;
                let is_shared = pending.tries == 1;
                if !is_shared {
                    pending.replies.asked = Some(millis);
                }
                assert!(pending.tries <= 3, "it asks for ever");
                self.learn(at, Some(request), is_shared);
            }
            Decision::AskRecord(question) => {
                pending.questions += 1;
                let (number, command) = (pending.questions, question.encoded());
                assert!(number <= 4, "it asks for ever");
                let record = question.record.clone();
                pending.question = Some(*question);
                self.command(record, command, Some((request, number)));
            }
            Decision::Call => {
                let body = pending.body.clone().unwrap_or_default();
                match read_call(&self.config, &parts, Some(body.as_bytes()), millis / 1000) {
                    Ok(Call::Record(call)) => {
                        pending.questions += 1;
                        let (number, command) = (pending.questions, call.question.encoded());
                        let record = call.question.record.clone();
                        pending.call = Some(call);
                        self.command(record, command, Some((request, number)));
                    }
                    Ok(other) => panic!("{other:?}"),
                    Err(response) => self.respond(request, seen(&response)),
                }
            }
            Decision::Serve(plan, next, reports) => {
                self.isolates[at].reports.extend(reports);
                self.in_background(at);
                let seen = self.serve(*plan, next);
                self.respond(request, seen);
            }
            Decision::Respond(response, _) => {
                self.in_background(at);
                self.respond(request, seen(&response));
            }
        }
    }

    /// Carries out the steps of a plan.
    fn serve(&self, mut plan: Plan, mut next: Next) -> Seen {
        let Ok(config) = &self.config else { unreachable!() };
        let mut text = "";
        for _ in 0..8 {
            next = match next {
                Next::Respond(response) => return seen(&response),
                Next::Ask(playgate_edge::Step::Fetch { url, .. }) => {
                    let kind = match url.rsplit('.').next() {
                        Some("m3u8") => "application/vnd.apple.mpegurl",
                        _ => "video/mp2t",
                    };
                    text = if url.ends_with("master.m3u8") { MASTER } else { MEDIA };
                    plan.fetched(config, 200, &[("content-type", kind)], true)
                }
                Next::Read { .. } => Next::Respond(plan.rewrite(Some(text.as_bytes()))),
                Next::Ask(step) => panic!("{step:?}"),
            };
        }
        panic!("a plan without end")
    }

    fn in_background(&mut self, at: usize) {
        let Ok(config) = &self.config else { unreachable!() };
        let millis = self.clock(at);
        if config.asks(&self.isolates[at].memory, millis) {
            self.learn(at, None, true);
        }
        while let Some(question) = self.isolates[at].reports.pop() {
            self.isolates[at].memory.reported(&question, millis);
            let (record, command) = (question.record.clone(), question.encoded());
            self.count += 1;
            self.reports.insert(self.count, (at, self.isolates[at].born, question));
            self.command(record, command, Some((self.count, REPORT)));
        }
    }

    // The records

    /// Sends a command; a request may wait for the answer.
    fn command(&mut self, record: String, command: Vec<u8>, waiter: Option<(u64, u32)>) {
        let Weather {
            lost_reports,
            late_reports,
            lateness,
            lost_commands,
            slow_commands,
            slowness,
            ..
        } = self.weather;
        let (lost, slow, most) = match waiter {
            Some((_, REPORT)) | None => (lost_reports, late_reports, lateness),
            Some(_) => (lost_commands, slow_commands, slowness),
        };
        if let Some((request, question)) = waiter.filter(|(_, question)| *question != REPORT) {
            self.schedule(self.now + PATIENCE, Event::RecordReply(request, question, None));
        }
        let is_down = self.records_until > self.now;
        if is_down || self.percent(lost) {
            return;
        }
        let mut way = self.random.between(10, 150);
        if self.percent(slow) {
            way += self.random.between(200, most.max(200));
        }
        let is_lost = self.percent(lost);
        self.schedule(self.now + way, Event::Command(record, command, waiter, is_lost));
    }

    /// `Record.carryOut`. No answer if it fails.
    fn carry_out(&mut self, name: &str, command: &[u8]) -> Option<Vec<u8>> {
        self.commands += 1;
        // Each record is on a machine with a clock of its own.
        let hash = name.bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(31) + u64::from(byte));
        let most = self.weather.clocks;
        let ahead = (hash % (2 * most + 1)) as i64 - most as i64;
        let now = UnixTime::from_secs(self.now.saturating_add_signed(ahead) / 1000);
        let stored: Option<Record> = self.records.get(name).map(|bytes| decode(bytes).unwrap());
        let action = decode(command).unwrap();
        let shown = shown(&action);
        let outcome = apply(stored, action, now);
        let mut text = format!("{shown} -> {:?}", outcome.reply);
        if !outcome.revocations.is_empty() {
            text.push_str(&format!(
                ", revokes {:?}",
                outcome.revocations.iter().map(|one| &one.value[..4]).collect::<Vec<_>>()
            ));
            if self.denylist_until > self.now {
                self.trace.push((self.now, name.into(), text + ", which fails"));
                return None;
            }
            let clock = self.now.saturating_add_signed(self.denylist_ahead) / 1000;
            for revocation in outcome.revocations {
                self.revoked += 1;
                self.denylist
                    .apply(DenylistCommand::Revoke(revocation), UnixTime::from_secs(clock));
            }
        }
        self.trace.push((self.now, name.into(), text));
        match outcome.record {
            Some(record) => self.records.insert(name.into(), encode(&record)),
            None => self.records.remove(name),
        };
        Some(encode(&outcome.reply))
    }

    fn settle(&mut self, request: u64, number: u32, answer: Option<Vec<u8>>) {
        if number == REPORT {
            let Some((at, born, question)) = self.reports.remove(&request) else { return };
            if self.isolates[at].born == born {
                let millis = self.now.saturating_add_signed(self.isolates[at].ahead);
                let memory = &mut self.isolates[at].memory;
                memory.settle(&mut Replies::default(), &question, answer.as_deref(), millis);
            }
            return;
        }
        let Some((_, pending)) = self.requests.get_mut(&request) else { return };
        if pending.questions != number || (pending.question.is_none() && pending.call.is_none()) {
            return;
        }
        let (at, born) = (pending.isolate, pending.born);
        if let Some(call) = pending.call.take() {
            let Answered::Respond(response) = call.answered(answer.as_deref()) else { panic!() };
            return self.respond(request, seen(&response));
        }
        let question = pending.question.take().unwrap();
        if self.isolates[at].born == born {
            let millis = self.now.saturating_add_signed(self.isolates[at].ahead);
            let memory = &mut self.isolates[at].memory;
            memory.settle(&mut pending.replies, &question, answer.as_deref(), millis);
        }
        self.decide(request);
    }

    // The denylist

    fn learn(&mut self, at: usize, request: Option<u64>, is_shared: bool) {
        let asked = self.clock(at);
        let isolate = &mut self.isolates[at];
        let question = isolate.memory.denylist.ask(asked);
        self.count += 1;
        let number = self.count;
        let chain = Chain {
            isolate: at,
            born: isolate.born,
            request,
            is_shared,
            asked,
            question,
            questions: 0,
        };
        self.chains.insert(number, chain);
        self.ask(number);
    }

    fn ask(&mut self, number: u64) {
        let chain = self.chains.get_mut(&number).unwrap();
        chain.questions += 1;
        let (questions, asked) = (chain.questions, chain.asked);
        let DenylistQuestion { epoch, from } = chain.question;
        let colo = self.isolates[chain.isolate].colo;
        self.schedule(self.now + PATIENCE, Event::Update(number, questions, None));
        let chain = &self.chains[&number];
        if chain.is_shared
            && epoch.is_some()
            && let Some((update, at, is_full)) = self.caches[colo].get(&(epoch, from))
            && (*is_full || (*at <= asked && *at > asked - REFRESH))
        {
            let update = Some((update.clone(), *at, false));
            let way = self.random.between(1, 6);
            return self.schedule(self.now + way, Event::Update(number, questions, update));
        }
        if self.denylist_until > self.now || self.percent(self.weather.lost_questions) {
            return;
        }
        let mut way = self.random.between(5, 120);
        if self.percent(self.weather.slow_questions) {
            way += self.random.between(500, 6_000);
        }
        self.schedule(self.now + way, Event::RecordRequest(number, questions));
    }

    fn asked(&mut self, number: u64, question: u32) {
        let Some(chain) = self.chains.get(&number).filter(|chain| chain.questions == question)
        else {
            return;
        };
        let DenylistQuestion { epoch, from } = chain.question;
        let (asked, is_kept) = (chain.asked, chain.is_shared && epoch.is_some());
        let DenylistReply::Update(update) =
            self.denylist.apply(DenylistCommand::Since { epoch, from }, UnixTime::from_secs(0))
        else {
            unreachable!()
        };
        let update = Some((update.encode(), asked, is_kept));
        let way = self.random.between(5, 120);
        self.schedule(self.now + way, Event::Update(number, question, update));
    }

    fn learned(&mut self, number: u64, question: u32, update: Option<(Vec<u8>, u64, bool)>) {
        let Some(chain) = self.chains.get(&number).filter(|chain| chain.questions == question)
        else {
            return;
        };
        let (at, request, last) = (chain.isolate, chain.request, chain.question);
        if !self.is_there(at, chain.born) {
            self.chains.remove(&number);
            return request.map_or((), |request| self.decide(request));
        }
        let now = self.clock(at);
        let denylist = &mut self.isolates[at].memory.denylist;
        let next = match update {
            None => {
                denylist.unanswered(now);
                None
            }
            Some((bytes, asked, is_kept)) => {
                let next = denylist.answered(&bytes, asked, now);
                if next == Some(last) {
                    denylist.unanswered(now);
                }
                if is_kept {
                    let update = Update::parse(&bytes).unwrap();
                    let is_full = update.is_immutable() && Some(update.epoch()) == last.epoch;
                    let colo = self.isolates[at].colo;
                    self.caches[colo].insert((last.epoch, last.from), (bytes, asked, is_full));
                }
                next.filter(|next| *next != last)
            }
        };
        match next {
            Some(next) => {
                let chain = self.chains.get_mut(&number).unwrap();
                (chain.question, chain.asked) = (next, now);
                self.ask(number);
            }
            None => {
                self.chains.remove(&number);
                if let Some(request) = request {
                    self.decide(request);
                }
            }
        }
    }
}

fn seen(response: &Response) -> Seen {
    let find = |wanted: &str| response.headers.iter().find(|(name, _)| *name == wanted);
    let body = match &response.body {
        Body::Text(text) => Some(text.clone()),
        Body::None | Body::Stored => None,
    };
    let reason = find("Playgate-Reason").map(|(_, value)| value.to_string());
    Seen { status: response.status, reason, body }
}

fn shown(action: &playgate_state::RecordCommand) -> String {
    use playgate_state::RecordCommand;
    match action {
        RecordCommand::Play(play) => format!(
            "Play sid={} start={} max={}",
            play.sid.get(..4).unwrap_or(&play.sid),
            play.start.map_or_else(|| "-".into(), |start| format!("{:04x}", start >> 48)),
            play.max
        ),
        RecordCommand::End { sid, .. } => {
            format!("End sid={}", sid.as_deref().unwrap_or("-").get(..4).unwrap_or("-"))
        }
        other => format!("{other:?}"),
    }
}
