//! What the simulation has found, as the shortest sequences of commands.

use playgate::UnixTime;
use playgate_state::{OverLimit, Play, Record, RecordCommand, RecordReply, apply};

const START: u64 = 1_767_225_000;

/// The record of a viewer.
struct Viewer {
    record: Option<Record>,
    now: u64,
    max: u16,
    over: OverLimit,
    /// The playbacks whose tokens are revoked.
    revoked: Vec<String>,
}

impl Viewer {
    fn new(max: u16, over: OverLimit) -> Self {
        Self { record: None, now: START, max, over, revoked: Vec::new() }
    }

    fn after(&mut self, seconds: u64) -> &mut Self {
        self.now += seconds;
        self
    }

    fn apply(&mut self, action: RecordCommand) -> RecordReply {
        let outcome = apply(self.record.take(), action, UnixTime::from_secs(self.now));
        self.record = outcome.record;
        self.revoked.extend(outcome.revocations.into_iter().map(|revocation| revocation.value));
        outcome.reply
    }

    /// A playlist is asked for with a link: the id of the playback, or nothing if it is refused.
    fn start(&mut self, sid: &str, start: u64) -> Option<String> {
        self.play(sid, Some(start))
    }

    /// A segment was asked for with a playback's own token: the report in the background.
    fn report(&mut self, sid: &str) -> Option<String> {
        self.play(sid, None)
    }

    fn play(&mut self, sid: &str, start: Option<u64>) -> Option<String> {
        let (max, over, until) = (self.max, self.over, START + 20_000);
        match self.apply(RecordCommand::Play(Play { sid: sid.into(), start, max, over, until })) {
            RecordReply::Playing { sid } => Some(sid),
            _ => None,
        }
    }

    /// The page tells that it closes.
    fn leave(&mut self, sid: &str) {
        assert!(
            self.apply(RecordCommand::End { sid: Some(sid.into()), revoke: false })
                == RecordReply::Done
        );
    }
}

/// The phone's page closes while it loads a segment. The gates' commands are on their way at the same time: the end
/// arrives first, then the report.
#[test]
fn a_report_that_comes_after_the_end_displaces_nobody() {
    let mut viewer = Viewer::new(1, OverLimit::Displace);
    viewer.start("phone", 1).unwrap();
    viewer.after(60).leave("phone");
    viewer.after(1).start("television", 2).unwrap();
    viewer.report("phone");
    assert_eq!(viewer.revoked, ["phone"], "it has made room");
    assert!(viewer.report("television").is_some());
}

#[test]
fn a_report_that_comes_after_the_end_holds_no_place() {
    let mut viewer = Viewer::new(1, OverLimit::Refuse);
    viewer.start("phone", 1).unwrap();
    viewer.after(60).leave("phone");
    viewer.report("phone");
    assert!(viewer.after(1).start("television", 2).is_some());
}

/// A page is opened again: its new playlist and the end of the old page are on their way at the same time. A player or a
/// retry asks for the playlist once more.
#[test]
fn a_page_that_is_opened_again_is_one_playback() {
    for over in [OverLimit::Displace, OverLimit::Refuse] {
        let mut viewer = Viewer::new(1, over);
        viewer.start("first", 1).unwrap();
        let again = viewer.after(60).start("second", 1).unwrap();
        assert_eq!(again, "first");
        viewer.leave("first");
        let once_more = viewer.start("third", 1).unwrap();
        viewer.report(&again);
        viewer.after(30).report(&once_more);
        viewer.report(&again);
        assert!(viewer.revoked.is_empty(), "{over:?} {:?}", viewer.revoked);
    }
}

/// After a long pause a page is opened again, twice. The first request goes to a gate that knows nothing; the second to
/// one that remembers the playback before the pause.
#[test]
fn a_gate_that_remembers_an_older_playback_of_the_page_changes_nothing() {
    for over in [OverLimit::Displace, OverLimit::Refuse] {
        let mut viewer = Viewer::new(1, over);
        viewer.start("before", 1).unwrap();
        let after = viewer.after(100).start("after", 1).unwrap();
        assert_eq!(viewer.start("before", 1), Some(after), "{over:?}");
        assert!(viewer.revoked.is_empty(), "{over:?} {:?}", viewer.revoked);
    }
}

/// Two players with a link for one tell of their end after each report, and go on.
#[test]
fn who_pretends_to_leave_keeps_no_more_playbacks() {
    for over in [OverLimit::Displace, OverLimit::Refuse] {
        let mut viewer = Viewer::new(1, over);
        for (sid, start) in [("one", 1), ("two", 2)] {
            viewer.start(sid, start).unwrap();
            viewer.leave(sid);
        }
        for _ in 0..20 {
            for sid in ["one", "two"] {
                viewer.after(15).report(sid);
                viewer.leave(sid);
            }
        }
        assert!(!viewer.revoked.is_empty(), "{over:?}: ten minutes of two playbacks");
    }
}
