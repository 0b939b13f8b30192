//! What the state reads: updates of the denylist, records and commands. And any sequence of commands.

use std::collections::BTreeSet;

use playgate::UnixTime;
use playgate_state::{
    Client, OverLimit, Play, Put, Reason, Record, RecordCommand, RecordReply, Redeem, Refresh,
    Replica, SessionLink, Update, apply, decode, encode,
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
    // How many sessions were started; the playback of the last one that went on, and when its token expires.
    let (mut sessions, mut playback) = (0, None::<(String, u64)>);
    for bytes in input.chunks_exact(4) {
        let [what, id, step, flags] = *bytes else { return };
        // At most an hour in either direction.
        now = now.saturating_add_signed(i64::from(step as i8) * 30);
        let (sid, until) = ((id % 8).to_string(), 2_000_000);
        if now >= until {
            // Every token has expired, so nothing has to be remembered.
            return;
        }
        // Nobody can play with a token that has expired, and it stays so if the clock is set back.
        playback = playback.filter(|(_, until)| now < *until);
        let over = if flags & 1 == 0 { OverLimit::Displace } else { OverLimit::Refuse };
        let start = (flags & 2 != 0).then_some(u64::from(id % 4));
        let revoke = flags & 4 != 0;
        let session = format!("s{}", u32::from(id) % (sessions + 1));
        let generation = u32::from(flags >> 4);
        let network = start.map(|start| start.to_string());
        let client = Client { network, ..Client::default() };
        let action = match what % 14 {
            0 => RecordCommand::Delete,
            1 => RecordCommand::End { sid: (flags & 8 == 0).then_some(sid), revoke },
            2 => RecordCommand::Get,
            3 => RecordCommand::List,
            4 => RecordCommand::Put(Put { token: sid, jti: "j".into(), until }),
            5 => RecordCommand::Redeem(Redeem { client: sid, uses: max, until }),
            6 => RecordCommand::Sweep,
            7 => {
                sessions += 1;
                let link =
                    Box::new(link(format!("s{sessions}"), now, (flags & 1 == 0).then_some(max)));
                RecordCommand::StartSession { link, client }
            }
            8 | 9 => RecordCommand::Refresh(Refresh { sid: session, generation, client }),
            10 => RecordCommand::Seen { sid: session, generation },
            11 => {
                let started_before = (flags & 1 != 0).then_some(now);
                let sid = (flags & 8 == 0).then_some(session);
                RecordCommand::EndSessions { sid, started_before, reason: Reason::SignedOut }
            }
            12 => RecordCommand::ListSessions,
            _ => {
                let of_session = playback.clone().filter(|_| flags & 16 != 0);
                let (sid, until) = of_session.unwrap_or((sid, until));
                RecordCommand::Play(Play { sid, start, max, over, until })
            }
        };
        let outcome = apply(record, action, UnixTime::from_secs(now));
        for revocation in outcome.revocations {
            if revocation.kind.name() == "sid" {
                assert!(ended.insert(revocation.value), "a playback ends once");
            }
        }
        match outcome.reply {
            RecordReply::Playing { sid } => {
                let session = sid.split_once('-').map_or(&*sid, |(session, _)| session);
                assert!(!ended.contains(&sid) && !ended.contains(session), "what has ended runs");
            }
            RecordReply::Playbacks(running) => {
                assert!(running.len() <= usize::from(max), "too many run");
            }
            RecordReply::Session(session) => {
                assert!(!ended.contains(&session.playback_id()), "what has ended goes on");
                let is_counted = session.link.max.is_some();
                playback = is_counted.then(|| (session.playback_id(), now + session.link.access));
            }
            RecordReply::Sessions(running) => {
                assert!(running.iter().all(|session| session.until() > now), "one has expired");
            }
            _ => {}
        }
        record = outcome.record;
    }
}

fn link(sid: String, started: u64, max: Option<u16>) -> SessionLink {
    let (access, idle, absolute) = (600, 3_600, 36_000);
    let (kid, directories, claims) = ("main".into(), ["/a/".into()].into(), None);
    let until = started + 60;
    SessionLink { sid, started, kid, access, idle, absolute, directories, max, claims, until }
}
