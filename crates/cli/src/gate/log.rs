//! The log of a gate: JSON on stdout, a line at a time. A reader that does not read must not stop the gate.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread;
use std::time::SystemTime;

use playgate_server::Metrics;

/// How many lines may wait for the reader.
const WAITING: usize = 4_096;

#[derive(Clone)]
pub(super) struct Log {
    lines: SyncSender<String>,
    metrics: Arc<Metrics>,
}

impl Log {
    /// Starts to write.
    pub(super) fn start(metrics: Arc<Metrics>) -> io::Result<Self> {
        let (lines, waiting) = mpsc::sync_channel::<String>(WAITING);
        thread::Builder::new().name("log".into()).spawn(move || {
            for line in waiting {
                let mut out = io::stdout().lock();
                // There is nowhere to say that it cannot be written.
                let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
            }
        })?;
        Ok(Self { lines, metrics })
    }

    /// Writes a line, a JSON object, with the time.
    pub(super) fn write(&self, line: &str) {
        let time = humantime::format_rfc3339_millis(SystemTime::now());
        let rest = line.strip_prefix('{').unwrap_or_default();
        if self.lines.try_send(format!("{{\"time\":\"{time}\",{rest}\n")).is_err() {
            self.metrics.lost_line();
        }
    }
}
