//! A SQLite store on a thread of its own: its calls wait for the disk.

use core::fmt;
use core::time::Duration;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Instant;

use playgate::UnixTime;
use playgate_state::{DenylistCommand, DenylistReply, Outcome, RecordCommand};
use serde_json::json;
use tokio::sync::{Notify, oneshot};

use super::{SqliteStore, StoreError};
use crate::events::{Due, EventQueue, StoredEvent};
use crate::state::{State, StateFailure, Told, Waiting};
use crate::surroundings::Surroundings;

/// How many commands may wait. Beyond that the state gives no answer.
const QUEUE: usize = 1_024;

/// How often it is looked for what is no longer needed.
const SWEEP: Duration = Duration::from_secs(300);

type Job = Box<dyn FnOnce(&mut SqliteStore) + Send>;

/// A SQLite store for many requests. What waits is done in its order.
#[derive(Clone)]
pub struct StateThread {
    jobs: SyncSender<Job>,
    has_events: Arc<Notify>,
    surroundings: Arc<dyn Surroundings>,
}

impl fmt::Debug for StateThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateThread").finish_non_exhaustive()
    }
}

impl StateThread {
    /// Starts the thread. It ends with the last of these. `surroundings` tell the time, and get the lines about events.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(store: SqliteStore, surroundings: Arc<dyn Surroundings>) -> io::Result<Self> {
        let (jobs, queue) = mpsc::sync_channel(QUEUE);
        let has_events = Arc::new(Notify::new());
        let own = Arc::clone(&surroundings);
        let worker = Worker { store, surroundings, has_events: Arc::clone(&has_events) };
        thread::Builder::new().name("state".into()).spawn(move || worker.run(&queue))?;
        Ok(Self { jobs, has_events, surroundings: own })
    }

    /// Does something with the store.
    pub fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Waiting<T> {
        let (sender, reply) = oneshot::channel();
        let surroundings = Arc::clone(&self.surroundings);
        let job: Job = Box::new(move |store| {
            let result = work(store);
            if let Err(error) = &result
                && !matches!(error, StoreError::Full)
            {
                let line = json!({ "decision": "error", "reason": "state_failed", "error": error.to_string() });
                surroundings.log(line.to_string());
            }
            // Who asked may have given up. A command that was sent is performed all the same.
            let _ = sender.send(result);
        });
        let is_sent = self.jobs.try_send(job).is_ok();
        Box::pin(async move {
            if !is_sent {
                return Err(StateFailure::Unavailable);
            }
            let reply = reply.await.map_err(|_| StateFailure::Unavailable)?;
            reply.map_err(|error| match error {
                StoreError::Full => StateFailure::Full,
                _ => StateFailure::Unavailable,
            })
        })
    }
}

impl State for StateThread {
    fn denylist(&self, command: DenylistCommand, now: UnixTime) -> Waiting<DenylistReply> {
        self.ask(move |store| store.denylist(command, now))
    }

    fn record(&self, name: String, command: RecordCommand, now: UnixTime) -> Waiting<Outcome> {
        self.ask(move |store| store.record(&name, command, now))
    }
}

impl EventQueue for StateThread {
    fn due(&self, now: u64) -> Waiting<Due> {
        self.ask(move |store| store.due_events(now))
    }

    fn sent(&self, event: StoredEvent, again: Option<u64>) -> Waiting<()> {
        self.ask(move |store| store.event_sent(&event.id, again))
    }

    fn event(&self) -> Told {
        let has_events = Arc::clone(&self.has_events);
        Box::pin(async move { has_events.notified().await })
    }
}

/// What the thread has.
struct Worker {
    store: SqliteStore,
    surroundings: Arc<dyn Surroundings>,
    has_events: Arc<Notify>,
}

impl Worker {
    fn run(mut self, queue: &Receiver<Job>) {
        let mut swept = Instant::now();
        loop {
            match queue.recv_timeout(SWEEP) {
                // After a panic the transaction is rolled back, and whoever asked gets no reply.
                Ok(job) => drop(catch_unwind(AssertUnwindSafe(|| job(&mut self.store)))),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if swept.elapsed() >= SWEEP {
                // The next time will do.
                let _ = self.store.sweep(UnixTime::from_secs(self.surroundings.now() / 1000));
                swept = Instant::now();
            }
            let lines = self.store.take_lines();
            if !lines.is_empty() {
                self.has_events.notify_one();
            }
            for line in lines {
                self.surroundings.log(line);
            }
        }
    }
}
