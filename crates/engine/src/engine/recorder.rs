//! Records the outcomes of runs in the ledger of a store.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use apscheduler_core::ledger::{
    Appended, BatchId, History, RunLedger, RunRecord, RunState, Writes,
};
use apscheduler_core::run::OwnerId;
use apscheduler_core::time::{Clock, Waker};
use apscheduler_core::{Error, ErrorKind, Result};

use super::foreign::caught;
use super::lock::lock;

/// The most records of one transaction.
const GROUP: usize = 1000;

/// How long a record waits for others.
const DELAY: Duration = Duration::from_millis(50);

/// The most records that wait while the ledger fails.
const CAPACITY: usize = 100_000;

/// The pause after a failure.
const RETRY: Duration = Duration::from_secs(1);

/// Collects the records of a store's runs between a start and a shutdown, and appends them to its
/// ledger in groups, on a thread of its own. A ledger that does no I/O is written to at once, by the
/// thread that ends a run.
///
/// Writes that fail delay no run: the records wait, up to a limit.
pub(super) struct Recorder {
    alias: Arc<str>,
    ledger: Arc<dyn RunLedger>,
    history: History,
    state: Mutex<State>,
    changed: Condvar,
    worker: Mutex<Option<JoinHandle<()>>>,
    /// `None` if a worker writes the records.
    at_once: Option<AtOnce>,
}

/// What writing without a worker needs.
pub(super) struct AtOnce {
    /// Its monotonic time says when a write that failed is tried again.
    pub(super) clock: Arc<dyn Clock>,
    /// Wakes the event loop, whose turns try again.
    pub(super) wake: Waker,
    /// Held while records are written: a batch is closed after the last of its records was written.
    /// The ledger does no I/O.
    pub(super) writing: Mutex<()>,
}

#[derive(Default)]
struct State {
    records: Vec<RunRecord>,
    /// The runs of each batch that have not ended.
    open: HashMap<BatchId, usize>,
    closed: Vec<(OwnerId, BatchId)>,
    /// How many records were dropped because too many waited.
    dropped: u64,
    /// A write has failed, and is tried again at this time of the clock. Without a worker only.
    retry: Option<Duration>,
    is_stopped: bool,
}

/// Records that are appended in one transaction, and the batches whose runs have ended with them.
struct Group {
    records: Vec<RunRecord>,
    closed: Vec<(OwnerId, BatchId)>,
}

impl Group {
    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.closed.is_empty()
    }
}

impl State {
    /// Puts a group back, in front of what came in the meantime.
    fn put_back(&mut self, group: Group) {
        self.records.splice(0..0, group.records);
        self.closed.splice(0..0, group.closed);
    }
}

impl Recorder {
    /// Starts recording. `at_once` is given if the ledger does no I/O.
    ///
    /// # Errors
    /// [`ErrorKind::Other`] if no thread can be started.
    pub(super) fn start(
        alias: &Arc<str>,
        ledger: Arc<dyn RunLedger>,
        history: History,
        at_once: Option<AtOnce>,
    ) -> Result<Arc<Self>> {
        let has_worker = at_once.is_none();
        let recorder = Arc::new(Self {
            alias: Arc::clone(alias),
            ledger,
            history,
            state: Mutex::default(),
            changed: Condvar::new(),
            worker: Mutex::default(),
            at_once,
        });
        if has_worker {
            let working = Arc::clone(&recorder);
            let thread = std::thread::Builder::new().name(format!("apscheduler-ledger-{alias}"));
            let worker = thread.spawn(move || working.work()).map_err(|error| {
                Error::new(ErrorKind::Other, "can't start a thread").with_source(error)
            })?;
            *lock(&recorder.worker) = Some(worker);
        }
        Ok(recorder)
    }

    /// Notes that runs of a batch were claimed, before the first of them ends.
    pub(super) fn claimed(&self, batch: BatchId, runs: usize) {
        *lock(&self.state).open.entry(batch).or_default() += runs;
    }

    /// Returns whether a run with this outcome is recorded.
    pub(super) fn wants(&self, state: RunState) -> bool {
        match self.history {
            History::Off => false,
            History::Failures => state != RunState::Ok,
            History::All => true,
        }
    }

    /// Notes that runs of a batch have ended, with the record if they are recorded.
    pub(super) fn ended(
        &self,
        (owner, batch): (OwnerId, BatchId),
        runs: usize,
        record: Option<RunRecord>,
    ) {
        let mut state = lock(&self.state);
        if let Some(open) = state.open.get_mut(&batch) {
            *open = open.saturating_sub(runs);
            if *open == 0 {
                state.open.remove(&batch);
                state.closed.push((owner, batch));
            }
        }
        if let Some(record) = record {
            if state.records.len() >= CAPACITY {
                state.dropped += 1;
            } else {
                state.records.push(record);
            }
        }
        if let Some(at_once) = &self.at_once {
            let is_waiting = state.retry.is_some();
            drop(state);
            if !is_waiting {
                self.write(at_once);
            }
            return;
        }
        let waiting = state.records.len().max(state.closed.len());
        drop(state);
        if waiting == 1 || waiting == GROUP {
            self.changed.notify_one();
        }
    }

    /// Tries to write again if that is due, without a worker. Returns when to call again.
    pub(super) fn turn(&self) -> Option<Duration> {
        let at_once = self.at_once.as_ref()?;
        let left = |retry: Duration| retry.saturating_sub(at_once.clock.elapsed());
        if left(lock(&self.state).retry?).is_zero() {
            self.write(at_once);
        }
        lock(&self.state).retry.map(left)
    }

    /// Writes what waits, on this thread.
    fn write(&self, at_once: &AtOnce) {
        let writing = lock(&at_once.writing);
        loop {
            let group = self.take_group(&mut lock(&self.state));
            if group.is_empty() {
                lock(&self.state).retry = None;
                return;
            }
            if !self.append(&group) {
                let mut state = lock(&self.state);
                state.put_back(group);
                state.retry = Some(at_once.clock.elapsed() + RETRY);
                break;
            }
        }
        drop(writing);
        (at_once.wake)();
    }

    fn work(&self) {
        loop {
            let group = self.next_group();
            if group.is_empty() {
                return;
            }
            if self.append(&group) {
                continue;
            }
            let mut state = lock(&self.state);
            state.put_back(group);
            if state.is_stopped {
                return;
            }
            let waited = self.changed.wait_timeout_while(state, RETRY, |state| !state.is_stopped);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Waits for records, and for more that follow soon. Returns nothing when the recorder was
    /// stopped.
    fn next_group(&self) -> Group {
        let mut state = lock(&self.state);
        let is_empty = |state: &mut State| {
            !state.is_stopped && state.records.is_empty() && state.closed.is_empty()
        };
        state = self.changed.wait_while(state, is_empty).unwrap_or_else(PoisonError::into_inner);
        let end = Instant::now() + DELAY;
        while !state.is_stopped && state.records.len() < GROUP && state.closed.len() < GROUP {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        self.take_group(&mut state)
    }

    fn take_group(&self, state: &mut State) -> Group {
        let count = state.records.len().min(GROUP);
        let records: Vec<RunRecord> = state.records.drain(..count).collect();
        // A batch is closed only after the last of its records was written.
        let closed =
            if state.records.is_empty() { std::mem::take(&mut state.closed) } else { Vec::new() };
        if state.dropped > 0 && state.records.is_empty() {
            let dropped = std::mem::take(&mut state.dropped);
            tracing::error!(
                jobstore = &*self.alias,
                "{dropped} records of runs were not kept: too many waited for the ledger"
            );
        }
        Group { records, closed }
    }

    /// Appends records of any owners, in the order in which runs of theirs ended. Returns whether
    /// that succeeded.
    fn append(&self, Group { records, closed }: &Group) -> bool {
        let mut owners: Vec<OwnerId> = Vec::new();
        // Nearly always one: the owner changes only if others have found it dead.
        let all = records.iter().map(|record| record.owner);
        for owner in all.chain(closed.iter().map(|(owner, _)| *owner)) {
            if !owners.contains(&owner) {
                owners.push(owner);
            }
        }
        let append = |owner: OwnerId| {
            let closed = closed.iter().filter(|(other, _)| *other == owner);
            let closed: Vec<BatchId> = closed.map(|(_, batch)| *batch).collect();
            if owners.len() == 1 {
                return self.append_of(owner, records, &closed);
            }
            let records = records.iter().filter(|record| record.owner == owner).cloned();
            self.append_of(owner, &records.collect::<Vec<_>>(), &closed)
        };
        let appended = caught("the ledger", || owners.iter().copied().try_for_each(append));
        if let Err(error) = &appended {
            let (count, message) = (records.len(), error.chain());
            tracing::warn!(
                jobstore = &*self.alias,
                "writing {count} records of runs failed, and is tried again: {message}"
            );
        }
        appended.is_ok()
    }

    fn append_of(&self, owner: OwnerId, records: &[RunRecord], closed: &[BatchId]) -> Result<()> {
        if self.ledger.append(owner, &Writes::new().records(records).closed(closed))?
            == Appended::Fenced
        {
            for record in records {
                tracing::error!(
                    jobstore = &*self.alias,
                    job_id = &*record.job_id,
                    "the outcome of the run {} was refused: the run had been given up as lost, and it ended as {}",
                    record.run_id,
                    record.state
                );
            }
        }
        Ok(())
    }

    /// Writes what waits, and stops.
    pub(super) fn stop(&self) {
        lock(&self.state).is_stopped = true;
        self.changed.notify_all();
        let worker = lock(&self.worker).take();
        if let Some(worker) = worker
            && worker.thread().id() != std::thread::current().id()
            && worker.join().is_err()
        {
            tracing::error!(jobstore = &*self.alias, "the thread of the ledger panicked");
        }
        if let Some(at_once) = &self.at_once {
            self.write(at_once);
        }
        let left = lock(&self.state).records.len();
        if left > 0 {
            tracing::error!(jobstore = &*self.alias, "{left} records of runs were not written");
        }
    }
}
