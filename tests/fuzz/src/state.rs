//! What the state reads: updates of the denylist, records and commands. And any sequence of commands.

use std::collections::BTreeSet;

use playgate::UnixTime;
use playgate_state::{
    OverLimit, Play, Put, Record, RecordCommand, RecordReply, Redeem, Replica, Update, apply,
    decode, encode,
};

/// Bytes as they are, and then as a sequence of commands, four bytes each.
pub fn state(input: &[u8]) {
    if let Ok(update) = Update::parse(input) {
        assert_eq!(update.encode(), input, "an update has one spelling");
        let mut replica = Replica::new(update.epoch(), *update.key());
        let _ = replica.apply(&update);
    }
    if let Some(record) = decode::<Record>(input) {
        let again = decode::<Record>(&encode(&record));
        assert_eq!(again.as_ref(), Some(&record));
        for action in [RecordCommand::Sweep, RecordCommand::List, RecordCommand::Get] {
            let _ = apply(Some(record.clone()), action, UnixTime::from_secs(record.until()));
        }
    }
    let _ = (decode::<RecordCommand>(input), decode::<RecordReply>(input));
    for max in [1, 2] {
        commands(input, max);
    }
}

fn commands(input: &[u8], max: u16) {
    let (mut record, mut now) = (None, 1_000_000_u64);
    let mut ended: BTreeSet<String> = BTreeSet::new();
    for bytes in input.chunks_exact(4) {
        let [what, id, step, flags] = *bytes else { return };
        // At most an hour in either direction.
        now = now.saturating_add_signed(i64::from(step as i8) * 30);
        let (sid, until) = ((id % 8).to_string(), 2_000_000);
        if now >= until {
            // Every token has expired, so nothing has to be remembered.
            return;
        }
        let over = if flags & 1 == 0 { OverLimit::Displace } else { OverLimit::Refuse };
        let start = (flags & 2 != 0).then_some(u64::from(id % 4));
        let revoke = flags & 4 != 0;
        let action = match what % 8 {
            0 => RecordCommand::Delete,
            1 => RecordCommand::End { sid: (flags & 8 == 0).then_some(sid), revoke },
            2 => RecordCommand::Get,
            3 => RecordCommand::List,
            4 => RecordCommand::Put(Put { token: sid, jti: "j".into(), until }),
            5 => RecordCommand::Redeem(Redeem { client: sid, uses: max, until }),
            6 => RecordCommand::Sweep,
            _ => RecordCommand::Play(Play { sid, start, max, over, until }),
        };
        let outcome = apply(record, action, UnixTime::from_secs(now));
        for revocation in outcome.revocations {
            if revocation.kind.name() == "sid" {
                assert!(ended.insert(revocation.value), "a playback ends once");
            }
        }
        match outcome.reply {
            RecordReply::Playing { sid } => assert!(!ended.contains(&sid), "what has ended runs"),
            RecordReply::Playbacks(running) => {
                assert!(running.len() <= usize::from(max), "too many run");
            }
            _ => {}
        }
        record = outcome.record;
    }
}
