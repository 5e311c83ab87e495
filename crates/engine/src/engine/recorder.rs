//! Records the outcomes of runs in the ledger of a store.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use apscheduler_core::ledger::{
    Appended, BatchId, History, RunLedger, RunRecord, RunState, Writes,
};
use apscheduler_core::run::OwnerId;
use apscheduler_core::{Error, ErrorKind, Result};

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
/// ledger in groups, on a thread of its own. A ledger that does no I/O is written to at once.
///
/// Writes that fail delay no run: the records wait, up to a limit.
pub(super) struct Recorder {
    alias: Arc<str>,
    ledger: Arc<dyn RunLedger>,
    history: History,
    state: Mutex<State>,
    changed: Condvar,
    worker: Mutex<Option<JoinHandle<()>>>,
    /// Whether a thread writes the records, and not the thread that ends a run.
    has_worker: bool,
}

#[derive(Default)]
struct State {
    records: Vec<RunRecord>,
    /// The runs of each batch that have not ended.
    open: HashMap<BatchId, usize>,
    closed: Vec<(OwnerId, BatchId)>,
    /// How many records were dropped because too many waited.
    dropped: u64,
    is_stopped: bool,
}

impl Recorder {
    /// Starts recording. `blocking` says whether the ledger does I/O.
    ///
    /// # Errors
    /// [`ErrorKind::Other`] if no thread can be started.
    pub(super) fn start(
        alias: &Arc<str>,
        ledger: Arc<dyn RunLedger>,
        history: History,
        blocking: bool,
    ) -> Result<Arc<Self>> {
        let recorder = Arc::new(Self {
            alias: Arc::clone(alias),
            ledger,
            history,
            state: Mutex::default(),
            changed: Condvar::new(),
            worker: Mutex::default(),
            has_worker: blocking,
        });
        if blocking {
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
            if !self.has_worker {
                state.closed.clear();
                drop(state);
                self.append(&[record], &[]);
                return;
            }
            if state.records.len() >= CAPACITY {
                state.dropped += 1;
            } else {
                state.records.push(record);
            }
        }
        let waiting = state.records.len().max(state.closed.len());
        drop(state);
        if waiting == 1 || waiting == GROUP {
            self.changed.notify_one();
        }
    }

    fn work(&self) {
        loop {
            let (records, closed, is_stopped) = self.next_group();
            if records.is_empty() && closed.is_empty() {
                return;
            }
            if self.append(&records, &closed) {
                continue;
            }
            let mut state = lock(&self.state);
            // In front of those that came in the meantime.
            state.records.splice(0..0, records);
            state.closed.splice(0..0, closed);
            if is_stopped {
                let count = state.records.len();
                tracing::error!(
                    jobstore = &*self.alias,
                    "{count} records of runs were not written"
                );
                return;
            }
            let waited = self.changed.wait_timeout_while(state, RETRY, |state| !state.is_stopped);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Waits for records, and for more that follow soon. Returns nothing when the recorder was
    /// stopped.
    fn next_group(&self) -> (Vec<RunRecord>, Vec<(OwnerId, BatchId)>, bool) {
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
        (records, closed, state.is_stopped)
    }

    /// Appends records of any owners. Returns whether that succeeded.
    fn append(&self, records: &[RunRecord], closed: &[(OwnerId, BatchId)]) -> bool {
        let owners = records.iter().map(|record| record.owner);
        let mut owners: Vec<OwnerId> =
            owners.chain(closed.iter().map(|(owner, _)| *owner)).collect();
        owners.dedup();
        // Nearly always: the owner changes only if others have found it dead.
        let appended = if let [owner] = owners[..] {
            let closed: Vec<BatchId> = closed.iter().map(|(_, batch)| *batch).collect();
            self.append_of(owner, records, &closed)
        } else {
            owners.sort_unstable();
            owners.dedup();
            owners.into_iter().try_for_each(|owner| {
                let records = records.iter().filter(|record| record.owner == owner).cloned();
                let closed = closed.iter().filter(|(other, _)| *other == owner);
                let closed: Vec<BatchId> = closed.map(|(_, batch)| *batch).collect();
                self.append_of(owner, &records.collect::<Vec<_>>(), &closed)
            })
        };
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
    }
}
