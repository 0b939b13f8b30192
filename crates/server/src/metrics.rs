//! Counts for operators, in the text format of Prometheus.

use core::time::Duration;
use std::fmt::{self, Write as _};

use playgate_edge::LogEntry;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The bounds of the histogram, in seconds: from a decision alone to a slow media server.
const BOUNDS: [f64; 12] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// What a decision was.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decided {
    decision: &'static str,
    reason: &'static str,
}

/// The counts of one gate.
pub struct Metrics {
    registry: Registry,
    decisions: Family<Decided, Counter>,
    seconds: Histogram,
    reloads: Family<[(&'static str, &'static str); 1], Counter>,
    lost_lines: Counter,
    denylist_age: Gauge,
    playbacks: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("playgate");
        let decisions = Family::default();
        registry.register("decisions", "Decisions on requests", decisions.clone());
        let seconds = Histogram::new(BOUNDS);
        let help = "Time from a request's head to its answer's head, in seconds";
        registry.register("answer_seconds", help, seconds.clone());
        let reloads = Family::default();
        registry.register("reloads", "Configurations that were read again", reloads.clone());
        let lost_lines = Counter::default();
        let help = "Lines that the log lost, because nobody took them";
        registry.register("lost_lines", help, lost_lines.clone());
        let denylist_age = Gauge::default();
        let help = "Age of the knowledge of the denylist, in milliseconds; -1 if there is none";
        registry.register("denylist_age_milliseconds", help, denylist_age.clone());
        let playbacks = Gauge::default();
        let help = "Playbacks with a limit that this gate has served within the last lease";
        registry.register("playbacks", help, playbacks.clone());
        Self { registry, decisions, seconds, reloads, lost_lines, denylist_age, playbacks }
    }
}

impl Metrics {
    /// Counts a decision, and how long its answer took.
    pub fn decided(&self, entry: &LogEntry, took: Duration) {
        let (decision, reason) = (entry.decision, entry.reason.unwrap_or_default());
        self.decisions.get_or_create(&Decided { decision, reason }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// Counts that the configuration was read again.
    pub fn reloaded(&self, is_good: bool) {
        let result = if is_good { "good" } else { "bad" };
        self.reloads.get_or_create(&[("result", result)]).inc();
    }

    /// Counts a line of the log that was lost.
    pub fn lost_line(&self) {
        self.lost_lines.inc();
    }

    /// All counts, with what is true now: the age of the denylist in milliseconds, if there is one, and the playbacks.
    #[must_use]
    pub fn text(&self, denylist_age: Option<u64>, playbacks: usize) -> String {
        let age = denylist_age.and_then(|age| i64::try_from(age).ok());
        self.denylist_age.set(age.unwrap_or(-1));
        self.playbacks.set(i64::try_from(playbacks).unwrap_or(i64::MAX));
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            // Writing to memory cannot fail.
            let _ = text.write_str("# EOF\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_are_counted_by_their_reason() {
        let metrics = Metrics::default();
        let allowed = LogEntry { decision: "allow", status: 200, ..LogEntry::default() };
        let expired = LogEntry { decision: "deny", reason: Some("expired"), ..allowed.clone() };
        for entry in [&allowed, &expired, &allowed] {
            metrics.decided(entry, Duration::from_millis(2));
        }
        metrics.reloaded(false);
        let text = metrics.text(Some(1_234), 7);
        for line in [
            r#"playgate_decisions_total{decision="allow",reason=""} 2"#,
            r#"playgate_decisions_total{decision="deny",reason="expired"} 1"#,
            r#"playgate_answer_seconds_bucket{le="0.0025"} 3"#,
            r#"playgate_answer_seconds_bucket{le="0.001"} 0"#,
            "playgate_answer_seconds_count 3",
            r#"playgate_reloads_total{result="bad"} 1"#,
            "playgate_denylist_age_milliseconds 1234",
            "playgate_playbacks 7",
            "# EOF",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} in {text}");
        }
        assert!(metrics.text(None, 0).contains("playgate_denylist_age_milliseconds -1"));
    }
}
