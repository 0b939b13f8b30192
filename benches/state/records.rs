//! What the records of viewers get to do: with each request, the gate's own decision says whether a command is sent.

use core::time::Duration;

use playgate::{Signer, UnixTime};
use playgate_edge::{Broken, Config, Decision, Memory, Now, Replies, RequestParts, decide};
use playgate_state::{RecordCommand, RecordReply, Update, encode};

use crate::random::Random;

const SLOTS: u64 = 8_192;

/// Commands to records, and what led to them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Commands {
    pub(crate) requests: u64,
    pub(crate) starts: u64,
    pub(crate) keeps: u64,
    /// The bytes of the commands.
    pub(crate) bytes: u64,
}

/// Which isolate a viewer's request comes to.
#[derive(Clone, Copy)]
pub(crate) enum Landing {
    /// Any of the data center.
    Random,
    /// The same for a while, of this mean in milliseconds, as the requests of one connection.
    Same(f64),
}

struct Viewer {
    name: String,
    segment: String,
    ends: u64,
    isolate: usize,
    moves: u64,
}

pub(crate) struct Colo<'a> {
    pub(crate) config: &'a Result<Config, Broken>,
    pub(crate) signer: &'a Signer,
    pub(crate) landing: Landing,
    /// The mean length of a playback in milliseconds.
    pub(crate) length: f64,
    pub(crate) start: u64,
    pub(crate) counted: u64,
    pub(crate) end: u64,
}

impl Colo<'_> {
    pub(crate) fn run(&self, viewers: u64, isolates: u64, seed: u64) -> Commands {
        let mut random = Random::new(seed);
        let mut memories: Vec<Memory> = (0..isolates).map(|_| Memory::default()).collect();
        let mut commands = Commands::default();
        let mut wheel: Vec<Vec<u32>> = vec![Vec::new(); SLOTS as usize];
        let mut all: Vec<Viewer> = Vec::new();
        for number in 0..viewers {
            let name = format!("v{seed:x}-{number}");
            let segment = self.segment(&name, &format!("s{number}"), self.start);
            let ends = self.start + random.until_next(self.length) as u64;
            all.push(Viewer { name, segment, ends, isolate: 0, moves: 0 });
            wheel[((self.start + random.below(5_000)) % SLOTS) as usize].push(number as u32);
        }
        let mut due = Vec::new();
        for now in self.start..self.end {
            core::mem::swap(&mut due, &mut wheel[(now % SLOTS) as usize]);
            for number in due.drain(..) {
                let viewer = &mut all[number as usize];
                if now >= viewer.moves {
                    viewer.isolate = random.below(isolates) as usize;
                    viewer.moves = match self.landing {
                        Landing::Random => now,
                        Landing::Same(mean) => now + random.until_next(mean) as u64 + 1,
                    };
                }
                let memory = &mut memories[viewer.isolate];
                self.know(memory, now);
                let counts = now >= self.counted;
                commands.requests += u64::from(counts);
                if now >= viewer.ends {
                    let sid = self.open(memory, &viewer.name, now, counts, &mut commands);
                    viewer.segment = self.segment(&viewer.name, &sid, now);
                    viewer.ends = now + random.until_next(self.length) as u64;
                } else {
                    self.go_on(memory, &viewer.segment, now, counts, &mut commands);
                }
                wheel[((now + random.between(4_000, 6_000)) % SLOTS) as usize].push(number);
            }
        }
        commands
    }

    /// Nothing is revoked.
    fn know(&self, memory: &mut Memory, now: u64) {
        let Ok(config) = self.config else { unreachable!() };
        if config.asks(memory, now) {
            memory.denylist.ask(now);
            memory.denylist.answered(&Update::header(1, &[0; 16], 0, 0), now, now);
        }
    }

    fn segment(&self, viewer: &str, sid: &str, now: u64) -> String {
        let link =
            self.signer.link("https://cdn.example.com/videos/42/7.ts").directory(2).in_path();
        let link = link.subject(viewer).session(sid).max_playbacks(2);
        let link = link.expires_in(Duration::from_secs(14_400));
        link.sign(UnixTime::from_secs(now / 1000)).unwrap().as_str().into()
    }

    /// A playback starts: its playlist is asked for. Returns its id.
    fn open(
        &self,
        memory: &mut Memory,
        viewer: &str,
        now: u64,
        counts: bool,
        commands: &mut Commands,
    ) -> String {
        let link =
            self.signer.link("https://cdn.example.com/videos/42/master.m3u8").subject(viewer);
        let link = link.max_playbacks(2).run(Duration::from_secs(14_400));
        let link = link.sign(UnixTime::from_secs(now / 1000)).unwrap();
        let mut answers = Replies::default();
        let Decision::AskRecord(question) = self.decide(memory, &answers, link.as_str(), now)
        else {
            panic!("a start that is not counted")
        };
        let RecordCommand::Play(play) = &question.command else { panic!("{question:?}") };
        let sid = play.sid.clone();
        let answer = encode(&RecordReply::Playing { sid: sid.clone() });
        commands.starts += u64::from(counts);
        commands.bytes += u64::from(counts) * question.encoded().len() as u64;
        memory.settle(&mut answers, &question, Some(&answer), now);
        sid
    }

    fn go_on(
        &self,
        memory: &mut Memory,
        url: &str,
        now: u64,
        counts: bool,
        commands: &mut Commands,
    ) {
        let question = match self.decide(memory, &Replies::default(), url, now) {
            Decision::Serve(_, _, mut reports) => match reports.pop() {
                None => return,
                Some(report) => report,
            },
            // An isolate that does not know the playback asks first.
            Decision::AskRecord(question) => *question,
            other => panic!("{other:?}"),
        };
        let RecordCommand::Play(play) = &question.command else { panic!("{question:?}") };
        let answer = encode(&RecordReply::Playing { sid: play.sid.clone() });
        memory.reported(&question, now);
        memory.settle(&mut Replies::default(), &question, Some(&answer), now);
        commands.keeps += u64::from(counts);
        commands.bytes += u64::from(counts) * question.encoded().len() as u64;
    }

    fn decide(&self, memory: &Memory, answers: &Replies, url: &str, now: u64) -> Decision {
        let client_ip = Some([203, 0, 113, 1].into());
        let parts = RequestParts { method: "GET", url, client_ip, ..RequestParts::default() };
        let time = Now {
            secs: now / 1000,
            millis: now,
            memory: Some(memory),
            replies: answers,
            random: || [7; 16],
        };
        decide(self.config, &parts, time, || None)
    }
}
