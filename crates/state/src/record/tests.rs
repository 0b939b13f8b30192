//! Any interleaving of commands, with lost answers, repeated commands, and clocks that are set forward and back.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use playgate::UnixTime;
use proptest::prelude::*;

use super::{
    LEASE, Outcome, OverLimit, Play, Put, Record, RecordCommand, RecordReply, Redeem, apply,
    decode, encode,
};
use crate::record::viewer::LATE;
use crate::revocation::{Kind, Reason};

const START: u64 = 1_767_225_600;

/// A record at its home: every command is stored as the object stores it.
#[derive(Default)]
struct Home {
    stored: Option<Vec<u8>>,
    revoked: Vec<(String, Reason)>,
}

impl Home {
    fn send(&mut self, action: &RecordCommand, now: u64) -> RecordReply {
        let record = self.stored.as_ref().map(|bytes| decode::<Record>(bytes).unwrap());
        let action = decode::<RecordCommand>(&encode(action)).unwrap();
        let Outcome { record, reply, revocations, .. } =
            apply(record, action, UnixTime::from_secs(now));
        self.stored = record.as_ref().map(encode);
        self.revoked.extend(revocations.into_iter().map(|revocation| {
            assert_eq!(revocation.issued_before, None);
            assert!(matches!(revocation.kind, Kind::Sid | Kind::Jti));
            (revocation.value, revocation.reason)
        }));
        decode::<RecordReply>(&encode(&reply)).unwrap()
    }
}

fn redeem(client: u8, uses: u16) -> RecordCommand {
    RecordCommand::Redeem(Redeem { client: client.to_string(), uses, until: START + 1_000_000 })
}

fn play(sid: u8, start: Option<u64>, max: u16, over: OverLimit) -> RecordCommand {
    let until = START + 1_000_000;
    RecordCommand::Play(Play { sid: sid.to_string(), start, max, over, until })
}

/// The time of the first command. A clock that was never set is at 1970.
fn first() -> impl Strategy<Value = u64> {
    prop_oneof![4 => Just(START + 10_000), 1 => 0..2 * LEASE]
}

/// The time of the next command: usually a few seconds later, sometimes an hour away in either direction.
fn step() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 0..40_i64, 1 => Just(LEASE as i64), 1 => Just(3_600), 1 => Just(-3_600)]
}

proptest! {
    #[test]
    fn no_more_clients_redeem_than_may(
        clients in proptest::collection::vec((0..6_u8, step()), 1..60),
        uses in 1..4_u16,
        first in first(),
    ) {
        let (mut home, mut now) = (Home::default(), first);
        let mut redeemed = BTreeSet::new();
        for (client, step) in clients {
            now = now.saturating_add_signed(step);
            let answer = home.send(&redeem(client, uses), now);
            // The answer may be lost: the same command again gets the same answer.
            prop_assert_eq!(&home.send(&redeem(client, uses), now), &answer);
            let may = redeemed.contains(&client) || redeemed.len() < usize::from(uses);
            prop_assert_eq!(answer == RecordReply::Redeemed, may);
            if may {
                redeemed.insert(client);
            }
        }
    }

    /// Against a model that remembers when each playback last had a place.
    #[test]
    fn no_more_playbacks_run_than_may(
        commands in proptest::collection::vec((0..5_u8, 0..12_u8, step()), 1..80),
        max in 1..4_u16,
        refuses in any::<bool>(),
        first in first(),
    ) {
        let over = if refuses { OverLimit::Refuse } else { OverLimit::Displace };
        let (mut home, mut now) = (Home::default(), first);
        // When each one got its place, as a number, and when it was last kept.
        let mut running: BTreeMap<u8, (usize, u64)> = BTreeMap::new();
        let mut left: BTreeMap<u8, u64> = BTreeMap::new();
        let mut known: BTreeSet<u8> = BTreeSet::new();
        let mut ended: BTreeMap<u8, RecordReply> = BTreeMap::new();
        for (turn, (sid, what, step)) in commands.into_iter().enumerate() {
            now = now.saturating_add_signed(step);
            running.values_mut().for_each(|(_, kept)| *kept = (*kept).min(now));
            left.values_mut().for_each(|left| *left = (*left).min(now));
            running.retain(|_, (_, kept)| *kept + LEASE > now);
            match what {
                0 | 1 => {
                    let revoke = what == 1;
                    let action = RecordCommand::End { sid: Some(sid.to_string()), revoke };
                    let is_known = known.contains(&sid);
                    let expected = if is_known { RecordReply::Done } else { RecordReply::Unknown };
                    prop_assert_eq!(home.send(&action, now), expected);
                    if is_known {
                        left.entry(sid).or_insert(now);
                        if revoke {
                            running.remove(&sid);
                            ended.entry(sid).or_insert(RecordReply::Revoked);
                        }
                    }
                }
                2 => {
                    let RecordReply::Playbacks(listed) = home.send(&RecordCommand::List, now) else { panic!() };
                    let listed: BTreeSet<_> = listed.into_iter().map(|one| one.sid).collect();
                    let expected = running.keys().filter(|sid| !left.contains_key(sid));
                    let expected: BTreeSet<_> = expected.map(|sid| sid.to_string()).collect();
                    prop_assert_eq!(listed, expected);
                }
                3 => {
                    home.send(&RecordCommand::Sweep, now);
                }
                _ => {
                    let command = play(sid, None, max, over);
                    let answer = home.send(&command, now);
                    let count = home.revoked.len();
                    let again = home.send(&command, now);
                    prop_assert_eq!(home.revoked.len(), count, "nothing is revoked twice");
                    prop_assert_eq!(&again, &answer);
                    if let Some(why) = ended.get(&sid) {
                        prop_assert_eq!(&answer, why);
                        continue;
                    }
                    // A segment that was on its way when the viewer left.
                    let is_late = left.get(&sid).is_some_and(|left| left + LATE > now);
                    if !is_late {
                        left.remove(&sid);
                    }
                    if let Some((_, kept)) = running.get_mut(&sid) {
                        *kept = now;
                    } else if !is_late {
                        let stay = running.keys().filter(|sid| !left.contains_key(sid)).count();
                        if stay >= usize::from(max) && refuses {
                            prop_assert_eq!(answer, RecordReply::TooManyPlaybacks);
                            continue;
                        }
                        while running.len() >= usize::from(max) {
                            let first = |(sid, (at, kept)): &(&u8, &(usize, u64))| {
                                (left.get(sid).map_or(u64::MAX, |left| kept.saturating_sub(*left)), *at)
                            };
                            let oldest = *running.iter().min_by_key(first).unwrap().0;
                            running.remove(&oldest);
                            ended.insert(oldest, RecordReply::Displaced);
                        }
                        running.insert(sid, (turn, now));
                        known.insert(sid);
                    }
                    prop_assert_eq!(&answer, &RecordReply::Playing { sid: sid.to_string() });
                }
            }
            prop_assert!(running.len() <= usize::from(max));
            let told: BTreeSet<u8> = home.revoked.iter().map(|(sid, _)| sid.parse().unwrap()).collect();
            prop_assert_eq!(told, ended.keys().copied().collect::<BTreeSet<_>>(), "the denylist learns of each one");
            prop_assert_eq!(home.revoked.len(), ended.len(), "once");
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        for bytes in [bytes.clone(), [&[1], bytes.as_slice()].concat()] {
            let _ = (decode::<Record>(&bytes), decode::<RecordCommand>(&bytes), decode::<RecordReply>(&bytes));
        }
    }
}

#[test]
fn the_same_start_is_the_same_playback() {
    let mut home = Home::default();
    let start = |sid, start| play(sid, Some(start), 1, OverLimit::Displace);
    let playing = |sid: &str| RecordReply::Playing { sid: sid.into() };
    assert_eq!(home.send(&start(1, 7), START), playing("1"));
    assert_eq!(home.send(&start(2, 7), START + 60), playing("1"));
    assert_eq!(home.send(&start(3, 8), START + 61), playing("3"));
    assert_eq!(home.revoked, [("1".into(), Reason::Displaced)]);
    // One that was displaced does not go on as a new one, as long as somebody asks.
    for seconds in [62, 130, 200, 280] {
        assert_eq!(home.send(&start(4, 7), START + seconds), RecordReply::Displaced);
        assert_eq!(home.send(&start(5, 8), START + seconds), playing("3"));
    }
    // A viewer who comes back later starts a new one.
    assert_eq!(home.send(&start(6, 7), START + 280 + LEASE), playing("6"));
    assert_eq!(home.revoked.len(), 1, "the other one has paused for long");
}

#[test]
fn who_leaves_and_stays_is_displaced() {
    let mut home = Home::default();
    let play = |sid| play(sid, None, 1, OverLimit::Refuse);
    let leave = |sid: &str| RecordCommand::End { sid: Some(sid.into()), revoke: false };
    let playing = |sid: &str| RecordReply::Playing { sid: sid.into() };
    assert_eq!(home.send(&play(1), START), playing("1"));
    assert_eq!(home.send(&leave("1"), START + 1), RecordReply::Done);
    // A segment that was on its way does not say that he stays. Later ones do.
    assert_eq!(home.send(&play(1), START + 2), playing("1"), "nobody took the place");
    assert_eq!(home.send(&play(1), START + 1 + LATE), playing("1"));
    assert_eq!(home.send(&play(2), START + 20), RecordReply::TooManyPlaybacks);
    assert_eq!(home.send(&leave("1"), START + 21), RecordReply::Done);
    assert_eq!(home.send(&play(1), START + 22), playing("1"));
    assert_eq!(home.send(&play(2), START + 23), playing("2"));
    assert_eq!(home.send(&play(1), START + 24), RecordReply::Displaced);
    assert_eq!(home.revoked, [("1".into(), Reason::Displaced)]);
}

#[test]
fn all_playbacks_end_with_those_that_pause() {
    let mut home = Home::default();
    for sid in [1, 2] {
        home.send(&play(sid, None, 2, OverLimit::Displace), START);
    }
    let all = RecordCommand::End { sid: None, revoke: true };
    assert_eq!(home.send(&all, START + 1_000), RecordReply::Done);
    assert_eq!(home.send(&all, START + 1_001), RecordReply::Done);
    let expected = ["1", "2"].map(|sid| (sid.into(), Reason::Revoked));
    assert_eq!(home.revoked, expected);
    let unknown = RecordCommand::End { sid: Some("3".into()), revoke: true };
    assert_eq!(home.send(&unknown, START), RecordReply::Unknown);
}

#[test]
fn one_viewer_cannot_fill_the_denylist() {
    let mut home = Home::default();
    let mut refused = 0;
    for n in 0..500_u64 {
        let (sid, until, over) = (n.to_string(), START + 1_000_000, OverLimit::Displace);
        let play = Play { sid, start: None, max: 2, over, until };
        match home.send(&RecordCommand::Play(play), START + n) {
            RecordReply::Playing { .. } => {}
            answer => {
                assert_eq!(answer, RecordReply::TooManyPlaybacks);
                refused += 1;
            }
        }
    }
    // Some of those that paused for long made room.
    assert!(refused > 400 && home.revoked.len() <= 20, "{refused} {}", home.revoked.len());
    assert!(home.stored.unwrap().len() < 50 * 40);
}

#[test]
fn a_reference_holds_one_token() {
    let mut home = Home::default();
    let put = |token: &str| {
        RecordCommand::Put(Put { token: token.into(), jti: "j".into(), until: START + 100 })
    };
    assert_eq!(home.send(&RecordCommand::Get, START), RecordReply::Unknown);
    assert_eq!(home.send(&RecordCommand::Delete, START), RecordReply::Unknown);
    assert_eq!(home.send(&put("a"), START), RecordReply::Done);
    assert_eq!(home.send(&put("a"), START), RecordReply::Done);
    assert_eq!(home.send(&put("b"), START), RecordReply::Taken);
    assert_eq!(home.send(&redeem(1, 1), START), RecordReply::Unknown, "it is no redemption");
    assert_eq!(
        home.send(&RecordCommand::Get, START + 99),
        RecordReply::Token { token: "a".into() }
    );
    assert_eq!(home.send(&RecordCommand::Delete, START + 99), RecordReply::Done);
    assert_eq!(home.revoked, [("j".into(), Reason::Revoked)]);
    assert!(home.stored.is_none());
    home.send(&put("c"), START);
    home.send(&RecordCommand::Sweep, START + 100);
    assert!(home.stored.is_none(), "it has expired");
}

#[test]
fn another_version_is_not_read() {
    let bytes = encode(&RecordReply::Redeemed);
    assert_eq!(decode(&bytes), Some(RecordReply::Redeemed));
    let [_, rest @ ..] = bytes.as_slice() else { panic!() };
    for version in [0, 1, 255] {
        assert_eq!(decode::<RecordReply>(&[&[version], rest].concat()), None);
    }
    assert_eq!(decode::<RecordReply>(&[&bytes[..], &[0]].concat()), None);
    assert_eq!(decode::<RecordReply>(&[]), None);
}

#[test]
fn debug_shows_no_id() {
    let put = Put { token: "secret".into(), jti: "secret".into(), until: 9 };
    let redeem = Redeem { client: "secret".into(), uses: 1, until: 9 };
    let mut text = format!("{put:?} {redeem:?}");
    let (sid, over) = (String::from("secret"), OverLimit::Refuse);
    let play = Play { sid, start: None, max: 1, over, until: 9 };
    text += &format!("{play:?} {:?}", RecordReply::Token { token: "secret".into() });
    for action in
        [RecordCommand::Put(put), RecordCommand::Redeem(redeem), RecordCommand::Play(play)]
    {
        text += &format!("{action:?} {:?}", apply(None, action.clone(), UnixTime::from_secs(1)));
    }
    assert!(text.contains("Playback") && !text.contains("secret"), "{text}");
}
