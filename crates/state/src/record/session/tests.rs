//! Single rules of sessions, and any sequence of commands. The interleavings are in [`model`](super::model).

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use playgate::UnixTime;
use proptest::prelude::*;

use super::super::{OverLimit, Play, Record, RecordCommand, RecordReply, apply, decode, encode};
use super::{Client, Refresh, Session, SessionLink, Theft};
use crate::revocation::{Kind, Reason, Revocation};

pub(super) const START: u64 = 1_767_225_600;
pub(super) const ACCESS: u64 = 600;
pub(super) const IDLE: u64 = 7 * 86_400;
pub(super) const ABSOLUTE: u64 = 30 * 86_400;

pub(super) fn client(name: &str) -> Client {
    Client { network: Some(name.into()), user_agent: "a browser".into() }
}

pub(super) fn start(sid: &str, now: u64) -> RecordCommand {
    let link = SessionLink {
        sid: sid.into(),
        started: now,
        kid: "main".into(),
        access: ACCESS,
        idle: IDLE,
        absolute: ABSOLUTE,
        directories: ["/videos/42/".into()].into(),
        max: None,
        claims: Some(r#"{"role":"viewer"}"#.into()),
        until: now + 60,
    };
    RecordCommand::StartSession { link: Box::new(link), client: client("home") }
}

pub(super) fn refresh(sid: &str, generation: u32, from: &str) -> RecordCommand {
    RecordCommand::Refresh(Refresh { sid: sid.into(), generation, client: client(from) })
}

/// A record at its home: every command is stored as the object stores it.
#[derive(Clone, Default)]
struct Home {
    stored: Option<Vec<u8>>,
    revoked: Vec<Revocation>,
    thefts: usize,
}

impl Home {
    fn send(&mut self, command: &RecordCommand, now: u64) -> RecordReply {
        let record = self.stored.as_ref().map(|bytes| decode::<Record>(bytes).unwrap());
        let command = decode::<RecordCommand>(&encode(command)).unwrap();
        let outcome = apply(record, command, UnixTime::from_secs(now));
        self.stored = outcome.record.as_ref().map(encode);
        self.revoked.extend(outcome.revocations);
        self.thefts += usize::from(outcome.theft.is_some());
        decode::<RecordReply>(&encode(&outcome.reply)).unwrap()
    }

    #[track_caller]
    fn goes_on(&mut self, command: &RecordCommand, now: u64) -> Session {
        match self.send(command, now) {
            RecordReply::Session(session) => *session,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_session_says_what_its_link_said() {
    let mut home = Home::default();
    let session = home.goes_on(&start("s", START), START + 5);
    assert_eq!((session.generation, session.link.started), (1, START));
    assert_eq!(session.access_until, START + 5 + ACCESS);
    assert_eq!(session.until(), START + 5 + IDLE);
    assert_eq!(session.expires(), START + ABSOLUTE);
    assert_eq!((session.playback_id().as_str(), session.link.directories.len()), ("s", 1));
    let refreshed = home.goes_on(&refresh("s", 1, "home"), START + 500);
    assert_eq!((refreshed.generation, refreshed.until()), (2, START + 500 + IDLE));
    assert_eq!(refreshed.link, session.link);
}

#[test]
fn a_link_starts_one_session() {
    let mut home = Home::default();
    home.goes_on(&start("s", START), START);
    assert_eq!(home.send(&start("s", START), START + 1), RecordReply::AlreadyUsed);
    let end =
        RecordCommand::EndSessions { sid: None, started_before: None, reason: Reason::SignedOut };
    assert_eq!(home.send(&end, START + 2), RecordReply::Done);
    assert_eq!(
        home.send(&start("s", START), START + 59),
        RecordReply::AlreadyUsed,
        "nor after its end"
    );
    home.send(&RecordCommand::Sweep, START + 2 + 7_200);
    assert!(home.stored.is_none(), "then no gate takes the link");
}

#[test]
fn it_ends_when_it_is_idle_and_at_its_end() {
    let mut home = Home::default();
    home.goes_on(&start("s", START), START);
    let mut now = START;
    for generation in 1..=4 {
        now += IDLE - 1;
        home.goes_on(&refresh("s", generation, "home"), now);
    }
    let last = home.goes_on(&refresh("s", 5, "home"), START + ABSOLUTE - 1);
    assert_eq!((last.access_until, last.until()), (START + ABSOLUTE, START + ABSOLUTE));
    assert_eq!(home.send(&refresh("s", 6, "home"), START + ABSOLUTE), RecordReply::SessionEnded);
    assert!(home.stored.is_none() && home.revoked.is_empty());
    home.goes_on(&start("t", START), START);
    assert_eq!(home.send(&refresh("t", 1, "home"), START + IDLE), RecordReply::SessionEnded);
    // A link that is older than its session.
    assert_eq!(home.send(&start("u", START), START + ABSOLUTE), RecordReply::SessionEnded);
}

#[test]
fn grace_is_not_longer_if_the_clock_is_set_back() {
    for (after, is_theft) in [(30, false), (31, true)] {
        let mut home = Home::default();
        home.goes_on(&start("s", START), START);
        home.goes_on(&refresh("s", 1, "home"), START);
        home.send(&RecordCommand::Seen { sid: "s".into(), generation: 2 }, START + 900);
        home.send(&RecordCommand::Sweep, START + 20);
        home.send(&refresh("s", 1, "home"), START + after);
        assert_eq!(home.thefts, usize::from(is_theft), "{after}");
    }
}

#[test]
fn grace() {
    // When the old token comes again, when the new one was seen by then, from where, and whether it is theft.
    for (after, seen, from, is_theft) in [
        (0, None, "away", false),
        (10, Some(0), "away", false),
        (11, Some(0), "away", true),
        (11, Some(0), "home", true),
        (11, Some(1), "away", true),
        (11, Some(1), "home", false),
        (11, None, "away", false),
        (60, None, "away", false),
        (61, None, "away", true),
        (61, None, "home", false),
        (86_400, None, "home", false),
        (86_400, Some(0), "home", true),
        (86_400, Some(86_390), "home", false),
        (86_400, Some(86_389), "home", true),
    ] {
        let mut home = Home::default();
        home.goes_on(&start("s", START), START);
        let now = START + 500;
        let first = home.goes_on(&refresh("s", 1, "home"), now);
        if let Some(seen) = seen {
            // A second time changes nothing.
            for later in [0, 1] {
                home.send(
                    &RecordCommand::Seen { sid: "s".into(), generation: 2 },
                    now + seen + later,
                );
            }
        }
        let again = home.send(&refresh("s", 1, from), now + after);
        let case = format!("{after} {seen:?} {from}");
        assert_eq!(home.thefts, usize::from(is_theft), "{case}");
        if is_theft {
            assert_eq!(again, RecordReply::SessionEnded, "{case}");
            let [revocation] = home.revoked.as_slice() else { panic!() };
            let Revocation { kind, value, until, reason, .. } = revocation;
            assert_eq!((*kind, value.as_str(), *reason), (Kind::Sid, "s", Reason::SessionEnded));
            assert_eq!(*until, first.access_until);
            for generation in 1..4 {
                let reply = home.send(&refresh("s", generation, "home"), now + after);
                assert_eq!(reply, RecordReply::SessionEnded, "neither goes on");
            }
        } else {
            let RecordReply::Session(again) = again else { panic!("{case}") };
            assert_eq!(again.generation, 2, "the same successor");
            assert_eq!(again.until(), first.until(), "{case}");
        }
    }
}

#[test]
fn what_is_older_is_theft_at_once() {
    let mut home = Home::default();
    home.goes_on(&start("s", START), START);
    home.goes_on(&refresh("s", 1, "home"), START + 1);
    home.goes_on(&refresh("s", 2, "home"), START + 2);
    assert_eq!(home.send(&refresh("s", 1, "home"), START + 3), RecordReply::SessionEnded);
    assert_eq!(home.thefts, 1);
}

#[test]
fn a_generation_ahead_changes_nothing() {
    let mut home = Home::default();
    home.goes_on(&start("s", START), START);
    let stored = home.stored.clone();
    for generation in [2, 3, u32::MAX] {
        let reply = home.send(&refresh("s", generation, "away"), START + 1);
        assert_eq!(reply, RecordReply::SessionEnded);
        home.send(&RecordCommand::Seen { sid: "s".into(), generation }, START + 1);
    }
    assert_eq!((home.stored.clone(), home.thefts), (stored, 0));
    home.goes_on(&refresh("s", 1, "home"), START + 2);
}

#[test]
fn who_was_displaced_comes_back_with_another_playback() {
    let mut home = Home::default();
    for sid in ["tv", "phone"] {
        let RecordCommand::StartSession { mut link, client } = start(sid, START) else { panic!() };
        link.max = Some(1);
        let session = home.goes_on(&RecordCommand::StartSession { link, client }, START);
        assert_eq!(session.playback_id(), format!("{sid}-1"));
    }
    let play = |home: &mut Home, sid: &str, now| {
        let (sid, until, over) = (sid.to_string(), now + ACCESS, OverLimit::Displace);
        home.send(&RecordCommand::Play(Play { sid, start: None, max: 1, over, until }), now)
    };
    let playing = |sid: &str| RecordReply::Playing { sid: sid.into() };
    assert_eq!(play(&mut home, "tv-1", START), playing("tv-1"));
    assert_eq!(play(&mut home, "phone-1", START + 1), playing("phone-1"));
    assert_eq!(play(&mut home, "tv-1", START + 2), RecordReply::Displaced);
    let tv = home.goes_on(&refresh("tv", 1, "home"), START + 3);
    assert_eq!((tv.link.sid.as_str(), tv.playback_id().as_str()), ("tv", "tv-2"));
    assert_eq!(play(&mut home, "tv-2", START + 4), playing("tv-2"));
    assert_eq!(play(&mut home, "phone-1", START + 5), RecordReply::Displaced);
    // The end of the session ends the playback, too.
    let end = RecordCommand::EndSessions {
        sid: Some("tv".into()),
        started_before: None,
        reason: Reason::SignedOut,
    };
    assert_eq!(home.send(&end, START + 6), RecordReply::Done);
    assert_eq!(home.send(&end, START + 6), RecordReply::Unknown);
    assert_eq!(home.send(&RecordCommand::List, START + 7), RecordReply::Playbacks([].into()));
    let revoked: Vec<_> = home.revoked.iter().map(|one| (one.value.as_str(), one.reason)).collect();
    let displaced = Reason::Displaced;
    assert_eq!(revoked, [("tv-1", displaced), ("phone-1", displaced), ("tv", Reason::SignedOut)]);
}

#[test]
fn a_late_report_takes_no_place_of_the_next_session() {
    let mut home = Home::default();
    let sign_in = |home: &mut Home, sid: &str, now| {
        let RecordCommand::StartSession { mut link, client } = start(sid, now) else { panic!() };
        link.max = Some(1);
        home.goes_on(&RecordCommand::StartSession { link, client }, now)
    };
    let play = |sid: &str| {
        let (sid, over, until) = (sid.into(), OverLimit::Refuse, START + ACCESS);
        RecordCommand::Play(Play { sid, start: None, max: 1, over, until })
    };
    sign_in(&mut home, "old", START);
    let (sid, started_before, reason) = (Some("old".into()), None, Reason::SignedOut);
    home.send(&RecordCommand::EndSessions { sid, started_before, reason }, START + 1);
    sign_in(&mut home, "new", START + 2);
    // Of a gate that has not heard of the end.
    assert_eq!(home.send(&play("old-1"), START + 3), RecordReply::Revoked);
    let playing = RecordReply::Playing { sid: "new-1".into() };
    assert_eq!(home.send(&play("new-1"), START + 4), playing);
}

#[test]
fn a_playback_that_is_ended_stays_ended_as_long_as_its_tokens_last() {
    let mut home = Home::default();
    let RecordCommand::StartSession { mut link, client } = start("s", START) else { panic!() };
    link.max = Some(1);
    home.goes_on(&RecordCommand::StartSession { link, client }, START);
    let play = |until| {
        let (sid, over) = (String::from("s-1"), OverLimit::Displace);
        RecordCommand::Play(Play { sid, start: None, max: 1, over, until })
    };
    home.send(&play(START + ACCESS), START);
    // The tokens that follow have not been reported yet.
    let session = home.goes_on(&refresh("s", 1, "home"), START + 500);
    home.send(&RecordCommand::End { sid: Some("s-1".into()), revoke: true }, START + 501);
    let [revocation] = home.revoked.as_slice() else { panic!() };
    assert_eq!(revocation.until, session.access_until);
    // Long after the record has forgotten the playback.
    let later = START + 501 + 2 * ACCESS;
    assert_eq!(home.goes_on(&refresh("s", 2, "home"), later).playback_id(), "s-2");
}

#[test]
fn a_link_that_is_not_used_yet_ends_with_the_sessions() {
    let mut home = Home::default();
    let end = |started_before| RecordCommand::EndSessions {
        sid: None,
        started_before,
        reason: Reason::SignedOut,
    };
    home.send(&end(Some(START + 5)), START + 6);
    assert_eq!(home.send(&start("before", START + 4), START + 7), RecordReply::SessionEnded);
    home.goes_on(&start("after", START + 5), START + 7);
    home.send(&end(None), START + 8);
    assert_eq!(home.send(&start("same", START + 8), START + 8), RecordReply::SessionEnded);
    home.goes_on(&start("new", START + 9), START + 9);
    let one = RecordCommand::EndSessions {
        sid: Some("new".into()),
        started_before: None,
        reason: Reason::SignedOut,
    };
    home.send(&one, START + 10);
    home.goes_on(&start("other", START + 10), START + 11);
    home.send(&end(None), START + 12);
    home.send(&RecordCommand::Sweep, START + 12 + 7_200);
    assert!(home.stored.is_none(), "then no gate takes such a link");
}

#[test]
fn what_has_expired_is_not_revoked() {
    let mut home = Home::default();
    home.goes_on(&start("s", START), START);
    let end =
        RecordCommand::EndSessions { sid: None, started_before: None, reason: Reason::SignedOut };
    home.send(&end, START + ACCESS + 3_600);
    assert!(home.revoked.is_empty());
    assert_eq!(
        home.send(&refresh("s", 1, "home"), START + ACCESS + 3_600),
        RecordReply::SessionEnded
    );
}

#[test]
fn what_started_before_ends() {
    let mut home = Home::default();
    home.goes_on(&start("old", START), START);
    home.goes_on(&start("new", START + 10), START + 10);
    let end = RecordCommand::EndSessions {
        sid: None,
        started_before: Some(START + 10),
        reason: Reason::SignedOut,
    };
    assert_eq!(home.send(&end, START + 20), RecordReply::Done);
    let RecordReply::Sessions(sessions) = home.send(&RecordCommand::ListSessions, START + 20)
    else {
        panic!()
    };
    assert_eq!(sessions.iter().map(|one| one.link.sid.as_str()).collect::<Vec<_>>(), ["new"]);
    assert_eq!(home.revoked.len(), 1);
}

#[test]
fn one_session_too_many_ends_the_one_that_was_refreshed_the_longest_time_ago() {
    let mut home = Home::default();
    for sid in ["a", "b", "c"] {
        home.goes_on(&start(sid, START), START);
    }
    home.goes_on(&refresh("a", 1, "home"), START + 1);
    home.goes_on(&start("d", START + 2), START + 2);
    let ended: Vec<_> = home.revoked.iter().map(|one| one.value.as_str()).collect();
    assert_eq!(ended, ["b"]);
}

#[test]
fn debug_shows_nothing() {
    let mut home = Home::default();
    let session = home.goes_on(&start("secret", START), START);
    let record = decode::<Record>(home.stored.as_ref().unwrap()).unwrap();
    let theft =
        Theft { sid: "secret".into(), first: (1, client("secret")), second: (2, client("secret")) };
    let RecordCommand::StartSession { link, .. } = start("secret", START) else { panic!() };
    let Refresh { client, .. } =
        Refresh { sid: "secret".into(), generation: 1, client: client("secret") };
    let text = format!(
        "{session:?} {record:?} {:?} {theft:?} {link:?} {client:?}",
        start("secret", START)
    );
    assert!(
        text.contains("StartSession") && !text.contains("secret") && !text.contains("role"),
        "{text}"
    );
}

/// How many bytes a record has at most while one viewer signs in and out again and again, each time a minute later.
fn largest_record(times: u64) -> usize {
    let (mut home, mut largest) = (Home::default(), 0);
    for n in 0..times {
        let (sid, now) = (format!("session-{n}"), START + 60 * n);
        home.goes_on(&start(&sid, now), now);
        home.goes_on(&refresh(&sid, 1, "home"), now + 30);
        let end = RecordCommand::EndSessions {
            sid: Some(sid),
            started_before: None,
            reason: Reason::SignedOut,
        };
        assert_eq!(home.send(&end, now + 40), RecordReply::Done);
        home.revoked.clear();
        largest = largest.max(home.stored.as_ref().map_or(0, Vec::len));
    }
    home.send(&RecordCommand::Sweep, START + 60 * times + 60);
    assert!(home.stored.is_none());
    largest
}

#[test]
fn ended_sessions_leave_nothing() {
    // The ids get longer.
    let (few, many) = (largest_record(10), largest_record(1_000));
    assert!(many < few + 8, "of those that ended long ago, something is left: {few} {many}");
}

/// cargo test --release -p playgate-state -- --ignored --nocapture a_million
#[test]
#[ignore = "takes a while"]
fn a_million_ended_sessions_leave_nothing() {
    std::println!("the largest record has {} bytes", largest_record(1_000_000));
}

proptest! {
    /// Whatever happens: a refresh token is answered with its successor or not at all, a session that has ended stays
    /// ended, and each end is on the denylist once.
    #[test]
    fn generations_never_branch(
        commands in proptest::collection::vec((0..3_u8, 0..8_u8, 0..6_u32, 0..2_u8, -40..90_i64), 1..80),
    ) {
        let (mut home, mut now) = (Home::default(), START);
        let mut newest = [0_u32; 3];
        let mut ended = BTreeSet::new();
        for (sid, what, back, from, step) in commands {
            now = now.saturating_add_signed(step);
            let (at, name) = (usize::from(sid), sid.to_string());
            let from = ["home", "away"][usize::from(from)];
            match what {
                0 if newest[at] == 0 => {
                    newest[at] = home.goes_on(&start(&name, now), now).generation;
                }
                1 => {
                    let generation = newest[at].saturating_sub(back);
                    home.send(&RecordCommand::Seen { sid: name, generation }, now);
                }
                2 => {
                    let command = RecordCommand::EndSessions {
                        sid: Some(name),
                        started_before: None,
                        reason: Reason::SignedOut,
                    };
                    if home.send(&command, now) == RecordReply::Done {
                        prop_assert!(newest[at] > 0 && ended.insert(sid));
                    }
                }
                _ => {
                    let generation = (newest[at] + 1).saturating_sub(back);
                    let reply = home.send(&refresh(&name, generation, from), now);
                    // The reply may be lost: the same again.
                    match reply {
                        RecordReply::Session(session) => {
                            prop_assert!(newest[at] > 0 && !ended.contains(&sid));
                            prop_assert_eq!(session.generation, generation + 1);
                            prop_assert!(session.generation >= newest[at] && session.generation <= newest[at] + 1);
                            newest[at] = session.generation;
                            let again = home.goes_on(&refresh(&name, generation, from), now);
                            prop_assert_eq!(again.generation, session.generation);
                        }
                        RecordReply::SessionEnded if generation <= newest[at] && newest[at] > 0 => {
                            ended.insert(sid);
                        }
                        RecordReply::SessionEnded => {}
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
            }
            let told: BTreeSet<String> = home.revoked.iter().map(|one| one.value.clone()).collect();
            prop_assert_eq!(told.len(), home.revoked.len(), "once");
            prop_assert_eq!(told, ended.iter().map(|sid| sid.to_string()).collect::<BTreeSet<_>>());
        }
    }
}
