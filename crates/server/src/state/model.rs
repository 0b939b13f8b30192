//! What every store has to do: what one denylist and one map of records in memory do.

#![allow(clippy::panic, reason = "tests")]

use std::collections::HashMap;

use playgate::UnixTime;
use playgate_state::{
    Denylist, DenylistCommand, DenylistReply, Kind, Outcome, OverLimit, Play, Put, Reason, Record,
    RecordCommand, Redeem, Revocation, SessionLink, Update, apply, should_compact,
};
use proptest::prelude::*;

pub(crate) const NOW: u64 = 1_767_225_600;

/// Two connections to the same store. `n` says by which of them a command comes.
pub(crate) trait Tested {
    fn denylist(&mut self, n: usize, command: DenylistCommand, now: UnixTime) -> DenylistReply;
    fn record(&mut self, n: usize, name: &str, command: RecordCommand, now: UnixTime) -> Outcome;
    fn sweep(&mut self, n: usize, now: UnixTime);
}

/// A session that starts at [`NOW`].
pub(crate) fn session_link() -> SessionLink {
    SessionLink {
        sid: "s".into(),
        started: NOW,
        kid: "main".into(),
        access: 200_000,
        idle: 600_000,
        absolute: 900_000,
        directories: ["/a/".into()].into(),
        max: None,
        claims: None,
        until: NOW + 60,
    }
}

fn any_revocation() -> impl Strategy<Value = Revocation> {
    let kind = prop_oneof![Just(Kind::Sub), Just(Kind::Sid), Just(Kind::All)];
    let reason = prop_oneof![Just(Reason::Revoked), Just(Reason::SignedOut)];
    let issued_before = proptest::option::of(NOW - 9..NOW + 9);
    (kind, 0..3_u8, issued_before, NOW - 50..NOW + 9_000, reason).prop_map(
        |(kind, value, issued_before, until, reason)| Revocation {
            kind,
            value: if kind == Kind::All { String::new() } else { format!("it's {value}") },
            issued_before: issued_before.filter(|_| kind.takes_issued_before()),
            until,
            reason,
        },
    )
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Denylist(DenylistCommand),
    Record(u8, RecordCommand),
    Sweep,
    Wait(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let names = prop_oneof![Just(Kind::Sub), Just(Kind::Sid)];
    let undo = (names, 0..3_u8)
        .prop_map(|(kind, value)| DenylistCommand::Undo { kind, value: format!("it's {value}") });
    let list = (proptest::option::of(0..9_u64), 0..5_usize)
        .prop_map(|(after, limit)| DenylistCommand::List { after, limit });
    let play = (0..4_u8, 60..9_000_u64).prop_map(|(sid, length)| {
        let until = NOW + 50_000 + length;
        let (sid, start, max, over) = (sid.to_string(), None, 1, OverLimit::Displace);
        RecordCommand::Play(Play { sid, start, max, over, until })
    });
    let redeem = (0..3_u8).prop_map(|client| {
        let client = client.to_string();
        RecordCommand::Redeem(Redeem { client, uses: 2, until: NOW + 5_000 })
    });
    let put = (0..2_u8).prop_map(|token| {
        let (token, jti) = (token.to_string(), "j".into());
        RecordCommand::Put(Put { token, jti, until: NOW + 5_000 })
    });
    let end = any::<bool>().prop_map(|revoke| RecordCommand::End { sid: None, revoke });
    let others = prop_oneof![
        Just(RecordCommand::Delete),
        Just(RecordCommand::Get),
        Just(RecordCommand::List),
        Just(RecordCommand::Sweep),
    ];
    prop_oneof![
        4 => any_revocation().prop_map(|one| Step::Denylist(DenylistCommand::Revoke(one))),
        2 => undo.prop_map(Step::Denylist),
        2 => list.prop_map(Step::Denylist),
        6 => (0..3_u8, prop_oneof![play, redeem, put, end, others])
            .prop_map(|(name, command)| Step::Record(name, command)),
        1 => Just(Step::Sweep),
        2 => prop_oneof![0..3_000_u64, Just(90_000)].prop_map(Step::Wait),
    ]
}

pub(crate) fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(any_step(), 1..60)
}

fn whole_log(store: &mut impl Tested) -> Update {
    let command = DenylistCommand::Since { epoch: None, from: 0 };
    match store.denylist(0, command, UnixTime::from_secs(NOW)) {
        DenylistReply::Update(update) => update,
        reply => panic!("{reply:?}"),
    }
}

/// Takes steps by both connections in turns, and compares.
pub(crate) fn check(store: &mut impl Tested, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let at = UnixTime::from_secs;
    let update = whole_log(store);
    let mut denylist = Denylist::new(update.epoch(), *update.key());
    let mut records: HashMap<u8, Record> = HashMap::new();
    let mut now = NOW;
    for (n, step) in steps.into_iter().enumerate() {
        let n = n % 2;
        match step {
            Step::Wait(secs) => now += secs,
            Step::Sweep => {
                store.sweep(n, at(now));
                let epoch = whole_log(store).epoch();
                if epoch != denylist.epoch() {
                    let (len, live) = (denylist.rows().len() as u64, denylist.live(at(now)));
                    prop_assert!(should_compact(len, live, None));
                    denylist.compact(at(now), epoch);
                }
            }
            Step::Denylist(command) => {
                let expected = denylist.apply(command.clone(), at(now));
                prop_assert_eq!(store.denylist(n, command, at(now)), expected);
            }
            Step::Record(name, command) => {
                let expected = apply(records.remove(&name), command.clone(), at(now));
                for one in &expected.revocations {
                    denylist.apply(DenylistCommand::Revoke(one.clone()), at(now));
                }
                records.extend(expected.record.clone().map(|record| (name, record)));
                prop_assert_eq!(store.record(n, &name.to_string(), command, at(now)), expected);
            }
        }
    }
    let whole = DenylistCommand::Since { epoch: None, from: 0 };
    let DenylistReply::Update(expected) = denylist.apply(whole, at(now)) else { panic!() };
    prop_assert_eq!(whole_log(store), expected);
    Ok(())
}
