//! Viewers with their players: they start films and live streams, pause, seek, reload the page, and leave.

use core::time::Duration;
use std::collections::HashMap;

use playgate::{KeyRing, Signer, UnixTime};

use crate::world::{HOST, Happening, KEYS, START, Seen, Weather, World};

/// How long a place is kept after the last request, in milliseconds.
pub(crate) const LEASE: u64 = 90_000;
const SEGMENT: u64 = 4_000;
/// What a player keeps ahead.
const BUFFER: u64 = 60_000;
/// How old a link may be if it is opened again.
const OPEN: u64 = 480_000;

/// What an honest viewer must never get.
const CUTS: [&str; 4] = ["already_used", "displaced", "revoked", "too_many_playbacks"];

/// How viewers behave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    /// Whether they have more playbacks at once than they may.
    pub(crate) cheats: bool,
    /// After the end of a playback that its page has told, it counts for so long as if it ran, in milliseconds.
    pub(crate) after_beacon: u64,
    /// The same beyond the lease, for one whose end nobody has told.
    pub(crate) after_lease: u64,
    /// Whether players tell that they have ended, and go on.
    pub(crate) pretends: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) playbacks: u64,
    pub(crate) segments: u64,
    pub(crate) unavailable: u64,
    /// Refusals because a playback was too many.
    pub(crate) stopped: u64,
    /// For how long more playbacks than allowed ran together, in milliseconds.
    pub(crate) longest: u64,
    pub(crate) pauses: u64,
    pub(crate) reloads: u64,
    pub(crate) beacons: u64,
    pub(crate) returns: u64,
    pub(crate) decided: u64,
    pub(crate) commands: u64,
    pub(crate) revoked: u64,
    /// What led to the first cut of a viewer who did nothing wrong.
    pub(crate) first: Option<String>,
}

struct Viewer {
    sub: String,
    max: u16,
    is_once: bool,
    players: Vec<usize>,
    /// Until when playbacks count that have ended.
    tails: Vec<u64>,
    /// Of playbacks that were served: since when without a gap, and when at last.
    served: HashMap<String, (u64, u64)>,
}

struct Player {
    viewer: usize,
    ip: String,
    colo: usize,
    isolate: usize,
    wakes_at: u64,
    session: Option<Session>,
    /// A playback whose page is hidden, and may be shown again as it was.
    hidden: Option<Session>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Manifest,
    /// The same once more, at the same time.
    Twin,
    Media,
    Reload,
    Segment,
    Beacon,
}

/// A playback in a player.
struct Session {
    link: String,
    made: u64,
    media: Option<String>,
    segment: Option<String>,
    sid: String,
    number: u64,
    is_live: bool,
    asks_in_pause: bool,
    /// Media time that is there, and that was played until `at`.
    buffered: u64,
    played: u64,
    at: u64,
    paused_until: Option<u64>,
    ends_at: u64,
    pauses_at: u64,
    seeks_at: u64,
    reloads_at: u64,
    pretends_at: u64,
    moves_at: u64,
    last_request: u64,
    waits_for: Option<u64>,
    is_leaving: bool,
}

pub(crate) struct Stage {
    world: World,
    manners: Manners,
    viewers: Vec<Viewer>,
    players: Vec<Player>,
    sent: HashMap<u64, (usize, What)>,
    signer: Signer,
    report: Report,
}

/// Lets so many viewers play for a while.
pub(crate) fn play(
    seed: u64,
    over_limit: &str,
    viewers: usize,
    seconds: u64,
    weather: Weather,
    manners: Manners,
) -> Report {
    let world = World::new(seed, over_limit, 8, weather);
    let signer = Signer::new(KeyRing::parse(KEYS).unwrap());
    let mut stage = Stage {
        world,
        manners,
        viewers: Vec::new(),
        players: Vec::new(),
        sent: HashMap::new(),
        signer,
        report: Report::default(),
    };
    for number in 0..viewers {
        stage.invite(number);
    }
    let end = START + seconds * 1000;
    while let Some(happening) = stage.world.next(end) {
        match happening {
            Happening::Player(player) if stage.players[player].wakes_at == stage.world.now => {
                stage.tick(player);
            }
            Happening::Player(_) => {}
            Happening::Response(player, request, seen) => stage.response(player, request, &seen),
        }
    }
    let Stage { world, mut report, .. } = stage;
    (report.decided, report.commands, report.revoked) =
        (world.decided, world.commands, world.revoked);
    report
}

impl Stage {
    fn invite(&mut self, number: usize) {
        let max = 1 + (number % 3) as u16;
        let count = usize::from(max) + if self.manners.cheats { 1 + number % 2 } else { 1 };
        let mut viewer = Viewer {
            sub: format!("viewer-{number}"),
            max,
            is_once: !self.manners.cheats && number % 4 == 3,
            players: Vec::new(),
            tails: Vec::new(),
            served: HashMap::new(),
        };
        for player in 0..count {
            let at = self.players.len();
            let colo = self.world.random.below(2) as usize;
            self.players.push(Player {
                viewer: number,
                ip: format!("10.{}.{}.{player}", number / 256, number % 256),
                colo,
                isolate: 0,
                wakes_at: 0,
                session: None,
                hidden: None,
            });
            viewer.players.push(at);
            let first = self.world.random.below(60_000);
            self.wake(at, START + first);
        }
        self.viewers.push(viewer);
    }

    fn wake(&mut self, player: usize, at: u64) {
        let at = at.max(self.world.now + 1);
        self.players[player].wakes_at = at;
        self.world.wake(player, at);
    }

    fn wake_in(&mut self, player: usize, start: u64, end: u64) {
        let wait = self.world.random.between(start, end);
        self.wake(player, self.world.now + wait);
    }

    fn percent(&mut self, share: u64) -> bool {
        self.world.random.below(100) < share
    }

    fn note(&mut self, player: usize, text: String) {
        let sub = &self.viewers[self.players[player].viewer].sub;
        self.world.trace.push((
            self.world.now,
            format!("viewer/{sub}"),
            format!("  player {player} {text}"),
        ));
    }

    /// How many playbacks of a viewer count, beside that of this player.
    fn others(&self, player: usize) -> usize {
        let now = self.world.now;
        let viewer = &self.viewers[self.players[player].viewer];
        let tail = LEASE + self.manners.after_lease;
        let counts =
            |session: &Session| session.paused_until.is_none() || session.last_request + tail > now;
        let others = viewer.players.iter().filter(|other| **other != player);
        let running =
            others.filter(|other| self.players[**other].session.as_ref().is_some_and(counts));
        running.count() + viewer.tails.iter().filter(|until| **until > now).count()
    }

    /// Whether the player may run.
    fn has_room(&self, player: usize) -> bool {
        self.manners.cheats
            || self.others(player) < usize::from(self.viewers[self.players[player].viewer].max)
    }

    fn tick(&mut self, player: usize) {
        let now = self.world.now;
        let Some(session) = &mut self.players[player].session else {
            if self.has_room(player) && self.percent(60) {
                match self.players[player].hidden.take() {
                    Some(session) if self.percent(40) => self.show(player, session),
                    _ => self.start(player),
                }
            } else {
                self.wake_in(player, 3_000, 30_000);
            }
            return;
        };
        if session.is_leaving || session.waits_for.is_some() {
            return;
        }
        if session.paused_until.is_none() {
            session.played += now - session.at;
            session.played = session.played.min(session.buffered);
        }
        session.at = now;
        if now >= session.ends_at {
            return self.leave(player);
        }
        if let Some(until) = session.paused_until {
            if now < until {
                if session.is_live && session.asks_in_pause {
                    return self.ask_media(player, What::Reload);
                }
                return self.wake(player, until);
            }
            if !self.has_room(player) {
                return self.wake_in(player, 2_000, 10_000);
            }
            self.note(player, "resumes".into());
            self.players[player].session.as_mut().unwrap().paused_until = None;
        } else if now >= session.pauses_at {
            self.report.pauses += 1;
            let (share, random) = (self.world.random.below(100), &mut self.world.random);
            let length = match share {
                0..50 => random.between(1_000, 20_000),
                50..75 => random.between(20_000, 120_000),
                _ => random.between(120_000, 1_200_000),
            };
            let next = random.between(60_000, 900_000);
            let session = self.players[player].session.as_mut().unwrap();
            session.paused_until = Some(now + length);
            session.pauses_at = now + length + next;
            session.ends_at += length;
            self.note(player, format!("pauses for {} s", length / 1000));
            return self.wake(player, now + 1);
        }
        let session = self.players[player].session.as_mut().unwrap();
        if now >= session.reloads_at {
            return self.reload(player);
        }
        if now >= session.moves_at && session.made + OPEN < now && session.segment.is_some() {
            // The device is in another network. Its link is too old to be opened again, so nothing starts there.
            session.moves_at = now + 400_000;
            let other = self.world.random.below(250);
            let ip = &mut self.players[player].ip;
            *ip = format!("{}.{other}", ip.rsplit_once('.').unwrap().0);
        }
        let session = self.players[player].session.as_mut().unwrap();
        if now >= session.seeks_at {
            session.seeks_at = now + 200_000;
            (session.buffered, session.played) = (session.played, session.played);
            session.number = (session.number + 100) % 800;
        }
        if self.manners.pretends && now >= session.pretends_at {
            session.pretends_at = now + 2_000;
            let address = session.segment.clone().unwrap_or_default();
            if !address.is_empty() {
                self.beacon(player, &address);
            }
        }
        let session = self.players[player].session.as_ref().unwrap();
        if session.media.is_none() || session.segment.is_none() {
            return self.open(player);
        }
        if session.buffered < session.played + BUFFER {
            self.ask_segment(player);
        } else {
            self.wake(player, now + SEGMENT);
        }
    }

    fn start(&mut self, player: usize) {
        let now = self.world.now;
        let viewer = &self.viewers[self.players[player].viewer];
        let random = &mut self.world.random;
        let number = random.number();
        let id = format!("j{number:016x}");
        let path = if random.below(3) == 0 { "live/7" } else { "videos/42" };
        let url = format!("{HOST}/{path}/master.m3u8");
        let mut link = self.signer.link(&url).subject(&viewer.sub).max_playbacks(viewer.max);
        // A few have no `run`: they are exchanged all the same.
        let has_run = random.below(8) > 0;
        link = match has_run {
            true => link.expires_in(Duration::from_secs(600)).run(Duration::from_secs(14_400)),
            false => link.expires_in(Duration::from_secs(14_400)),
        };
        if viewer.is_once {
            link = link.uses(1).token_id(&id);
        }
        // The origin's clock is right; links are good at once at gates whose clock is behind.
        let link = link.sign(UnixTime::from_secs(now / 1000 - 5)).unwrap().as_str().to_string();
        let length = random.between(30_000, 2_400_000);
        let session = Session {
            link,
            made: now,
            media: None,
            segment: None,
            sid: String::new(),
            number: random.below(800),
            is_live: path.starts_with("live"),
            asks_in_pause: random.below(2) == 0,
            buffered: 0,
            played: 0,
            at: now,
            paused_until: None,
            ends_at: now + length,
            pauses_at: now + random.between(20_000, 900_000),
            seeks_at: now + random.between(20_000, 600_000),
            reloads_at: now + random.between(30_000, 1_800_000),
            pretends_at: now + random.between(5_000, 20_000),
            moves_at: now + random.between(30_000, 900_000),
            last_request: now,
            waits_for: None,
            is_leaving: false,
        };
        self.players[player].session = Some(session);
        self.report.playbacks += 1;
        self.note(player, "starts".into());
        self.open(player);
    }

    /// The page of a playback that has ended is shown again, and the player goes on.
    fn show(&mut self, player: usize, mut session: Session) {
        let now = self.world.now;
        self.report.returns += 1;
        self.note(player, "is shown again".into());
        // A playback that ends and goes on all the time keeps its place.
        let length = self.world.random.between(100_000, 900_000);
        (session.ends_at, session.at) = (now + length, now);
        (session.is_leaving, session.waits_for) = (false, None);
        self.players[player].session = Some(session);
        self.wake(player, now + 1);
    }

    /// Asks for the playlist of the link, or for the next one.
    fn open(&mut self, player: usize) {
        let session = self.players[player].session.as_ref().unwrap();
        if session.media.is_some() {
            return self.ask_media(player, What::Media);
        }
        let link = session.link.clone();
        if self.percent(20) {
            self.send(player, What::Twin, &link);
        }
        self.send(player, What::Manifest, &link);
    }

    fn ask_media(&mut self, player: usize, what: What) {
        let media = self.players[player].session.as_ref().and_then(|session| session.media.clone());
        match media {
            Some(media) => self.send(player, what, &media),
            None => self.wake_in(player, 1_000, 4_000),
        }
    }

    fn ask_segment(&mut self, player: usize) {
        let session = self.players[player].session.as_mut().unwrap();
        session.number += 1;
        let url =
            session.segment.as_ref().unwrap().replace("/0.ts", &format!("/{}.ts", session.number));
        self.send(player, What::Segment, &url);
    }

    fn send(&mut self, player: usize, what: What, url: &str) {
        let (colo, last) = (self.players[player].colo, self.players[player].isolate);
        let isolate = self.world.isolate(colo, last);
        let request = (if what == What::Beacon { "POST" } else { "GET" }, url, None);
        self.dispatch(player, what, isolate, request);
    }

    fn dispatch(
        &mut self,
        player: usize,
        what: What,
        isolate: usize,
        request: (&'static str, &str, Option<&str>),
    ) {
        self.players[player].isolate = isolate;
        let ip = self.players[player].ip.clone();
        let number = self.world.send(player, isolate, request, &ip);
        self.sent.insert(number, (player, what));
        let now = self.world.now;
        let session = self.players[player].session.as_mut().unwrap();
        if what != What::Beacon {
            session.last_request = now;
        }
        if !matches!(what, What::Twin | What::Beacon) {
            session.waits_for = Some(number);
        }
    }

    fn beacon(&mut self, player: usize, address: &str) {
        self.report.beacons += 1;
        let (colo, last) = (self.players[player].colo, self.players[player].isolate);
        let isolate = self.world.isolate(colo, last);
        let url = format!("{HOST}/.playgate/playbacks/end");
        self.dispatch(player, What::Beacon, isolate, ("POST", &url, Some(address)));
    }

    /// The page closes. Mostly it tells so.
    fn leave(&mut self, player: usize) {
        let tells = self.percent(60);
        let session = self.players[player].session.as_ref().unwrap();
        let address = session.segment.clone().filter(|_| tells);
        let runs = session.paused_until.is_none();
        self.note(
            player,
            if address.is_some() { "leaves and tells".into() } else { "leaves".into() },
        );
        match address {
            Some(address) => {
                if runs && self.percent(50) {
                    // A request is on its way.
                    self.ask_segment(player);
                }
                self.beacon(player, &address);
                self.players[player].session.as_mut().unwrap().is_leaving = true;
            }
            None => self.gone(player, false),
        }
    }

    /// The session is over.
    fn gone(&mut self, player: usize, is_told: bool) {
        let now = self.world.now;
        let session = self.players[player].session.take().unwrap();
        let until = match is_told {
            true => now + self.manners.after_beacon,
            false => session.last_request + LEASE + self.manners.after_lease,
        };
        self.viewers[self.players[player].viewer].tails.push(until);
        // A page that may be shown again tells nothing.
        if !is_told {
            self.players[player].hidden = Some(session);
        }
        self.wake_in(player, 500, 60_000);
    }

    /// The page is opened again with the same link.
    fn reload(&mut self, player: usize) {
        let now = self.world.now;
        let tells = self.manners.after_beacon == 0 && self.percent(50);
        let session = self.players[player].session.as_mut().unwrap();
        session.reloads_at = now + 700_000;
        if now > session.made + OPEN {
            return self.wake(player, now + 1);
        }
        self.report.reloads += 1;
        let address = session.segment.clone();
        (session.media, session.segment) = (None, None);
        (session.buffered, session.played) = (0, 0);
        self.note(
            player,
            format!("reloads, {}", if tells { "and tells" } else { "and does not tell" }),
        );
        if let Some(address) = address.filter(|_| tells) {
            self.beacon(player, &address);
        }
        self.open(player);
    }

    fn response(&mut self, player: usize, request: u64, seen: &Seen) {
        let Some((_, what)) = self.sent.remove(&request) else { return };
        let reason = seen.reason.as_deref().unwrap_or_default();
        self.report.unavailable += u64::from(seen.status == 503);
        if what != What::Segment || seen.status != 200 {
            self.note(player, format!("{what:?} {} {reason}", seen.status));
        }
        if CUTS.contains(&reason) && self.is_of_now(player, request, what) {
            self.report.stopped += 1;
            if !self.manners.cheats && self.report.first.is_none() {
                self.report.first = Some(self.story(player, reason));
            }
            if self.players[player].session.is_some() && what != What::Beacon {
                self.gone(player, false);
                return self.wake_in(player, 3_000, 60_000);
            }
        }
        let now = self.world.now;
        let Some(session) = &mut self.players[player].session else { return };
        if what == What::Beacon {
            if session.is_leaving {
                let is_told = seen.status == 204;
                self.gone(player, is_told);
            }
            return;
        }
        if session.waits_for != Some(request) {
            return;
        }
        session.waits_for = None;
        if session.is_leaving {
            return;
        }
        if seen.status != 200 {
            // Another try, unless the link has expired.
            if seen.status == 503 {
                return self.wake_in(player, 1_000, 3_000);
            }
            return self.gone(player, false);
        }
        match what {
            What::Manifest => {
                let body = seen.body.as_deref().unwrap_or_default();
                let line = body.lines().find(|line| line.starts_with('/')).unwrap();
                let sid = line.split_once("&sid=").unwrap().1.split('&').next().unwrap();
                session.sid = sid.into();
                session.media = Some(format!("{HOST}{line}"));
                self.note(player, format!("has sid {}", &line.split_once("&sid=").unwrap().1[..4]));
                self.ask_media(player, What::Media);
            }
            What::Media => {
                let media = session.media.as_ref().unwrap();
                session.segment = Some(media.replace("media.m3u8", "0.ts"));
                self.wake(player, now + 1);
            }
            What::Reload => self.wake(player, now + SEGMENT),
            What::Segment => {
                self.report.segments += 1;
                session.buffered += SEGMENT;
                let (is_live, played, buffered) =
                    (session.is_live, session.played, session.buffered);
                let sid = session.sid.clone();
                self.served(player, sid);
                if is_live {
                    // There is nothing ahead; the playlist tells what is next.
                    let session = self.players[player].session.as_mut().unwrap();
                    session.played = session.played.max(buffered.saturating_sub(SEGMENT));
                    self.wake(player, now + SEGMENT);
                    if self.percent(60) {
                        self.ask_media(player, What::Reload);
                    }
                } else if buffered < played + BUFFER {
                    self.wake_in(player, 50, 400);
                } else {
                    self.wake(player, now + SEGMENT);
                }
            }
            What::Twin | What::Beacon => {}
        }
    }

    /// Whether a refusal concerns what the player does now, and not what it has left behind.
    fn is_of_now(&self, player: usize, request: u64, what: What) -> bool {
        let session = self.players[player].session.as_ref();
        session.is_some_and(|session| {
            !session.is_leaving && (session.waits_for == Some(request) || what == What::Twin)
        })
    }

    /// What happened to a viewer in the last minutes.
    fn story(&self, player: usize, reason: &str) -> String {
        let name = format!("viewer/{}", self.viewers[self.players[player].viewer].sub);
        let max = self.viewers[self.players[player].viewer].max;
        let now = self.world.now;
        let lines =
            self.world.trace.iter().filter(|(at, about, _)| *about == name && at + 240_000 > now);
        let lines: Vec<_> = lines
            .map(|(at, _, text)| format!("{:9.3} {text}", (at - START) as f64 / 1000.0))
            .collect();
        let last = lines.len().saturating_sub(70);
        format!("{name} (max {max}): player {player} got {reason}\n{}", lines[last..].join("\n"))
    }

    /// A segment of a playback was served.
    fn served(&mut self, player: usize, sid: String) {
        const GAP: u64 = 12_000;
        let now = self.world.now;
        let viewer = &mut self.viewers[self.players[player].viewer];
        let max = usize::from(viewer.max);
        let (since, last) = viewer.served.get(&sid).copied().unwrap_or((now, now));
        let since = if now - last > GAP { now } else { since };
        viewer.served.insert(sid, (since, now));
        viewer.served.retain(|_, (_, last)| now - *last <= GAP);
        let mut all: Vec<_> = viewer.served.values().copied().collect();
        all.sort_unstable();
        if let Some((since, _)) = all.get(max) {
            let together = all.iter().take(max + 1).map(|(_, last)| *last).min().unwrap_or(0);
            let length = together.saturating_sub(*since);
            if length > self.report.longest {
                self.report.longest = length;
            }
        }
    }
}
