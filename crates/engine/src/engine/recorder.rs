//! Records the outcomes of runs in the ledger of a store.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use apscheduler_core::job::JobSpec;
use apscheduler_core::ledger::{
    Appended, BatchId, History, OpenStep, Retention, RunRecord, RunState, Writes,
};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::{Error, ErrorKind, Result};

use super::book::{AtOnce, Book, RecorderEvents};
use super::foreign::caught;
use super::group::Group;
use super::lease::Lease;
use super::lock::lock;
use super::unrecorded::{Ended, GROUP, State};
use super::unwritten::StepKey;

/// How long a record waits for others.
const DELAY: Duration = Duration::from_millis(50);

/// The pause after a failure.
const RETRY: Duration = Duration::from_secs(1);

/// Collects the records of a store's runs between a start and a shutdown, and appends them to its
/// ledger in groups, on a thread of its own. A ledger that does no I/O is written to at once, by the
/// thread that ends a run.
///
/// Writes that fail delay no run: the records wait, up to a limit.
pub(super) struct Recorder {
    book: Book,
    events: Box<dyn RecorderEvents>,
    state: Mutex<State>,
    changed: Condvar,
    worker: Mutex<Option<JoinHandle<()>>>,
    /// `None` if a worker writes the records.
    at_once: Option<AtOnce>,
}

impl Recorder {
    /// Starts recording. `at_once` is given if the ledger does no I/O.
    ///
    /// # Errors
    /// [`ErrorKind::Other`] if no thread can be started.
    pub(super) fn start(
        book: Book,
        events: Box<dyn RecorderEvents>,
        at_once: Option<AtOnce>,
    ) -> Result<Arc<Self>> {
        let has_worker = at_once.is_none();
        let recorder = Arc::new(Self {
            book,
            events,
            state: Mutex::default(),
            changed: Condvar::new(),
            worker: Mutex::default(),
            at_once,
        });
        if has_worker {
            let working = Arc::clone(&recorder);
            let name = format!("apscheduler-ledger-{}", recorder.book.alias);
            let thread = std::thread::Builder::new().name(name);
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

    /// Notes that more claims of a batch may be found later: its journal entry stays until a whole pass has found none.
    pub(super) fn doubt(&self, owner: OwnerId, batch: BatchId) {
        lock(&self.state).doubt(owner, batch);
    }

    /// Notes that a pass has found all claims that were in doubt.
    pub(super) fn end_pass(&self) {
        let mut state = lock(&self.state);
        state.end_pass();
        let is_any_closed = !state.closed.is_empty();
        drop(state);
        match &self.at_once {
            Some(at_once) if is_any_closed => self.write(at_once),
            None if is_any_closed => self.changed.notify_one(),
            _ => {}
        }
    }

    /// Returns which runs are recorded, if their job asks for nothing else.
    pub(super) fn level(&self) -> History {
        self.book.history
    }

    /// Returns which runs of a job are recorded.
    pub(super) fn level_of(&self, job: &JobSpec) -> History {
        match job.policies().history.unwrap_or(self.book.history) {
            History::All => History::All,
            // What others follow is found by its records.
            _ if self.book.followers.concerns(job.id()) => History::All,
            level => level,
        }
    }

    /// Returns how much of a result or an error is recorded.
    pub(super) fn retention(&self) -> &Retention {
        &self.book.retention
    }

    /// Returns the lease of the owner, if others watch it.
    pub(super) fn lease(&self) -> Option<&Lease> {
        self.book.lease.as_deref()
    }

    pub(super) fn has_open_runs(&self) -> bool {
        self.book.ledger.has_open_runs()
    }

    /// Notes the end of a run.
    pub(super) fn ended(&self, ended: Ended) {
        let left = match &self.at_once {
            Some(at_once) => self.write_alone(at_once, ended),
            None => Some(ended),
        };
        if let Some(ended) = left {
            self.ended_together([ended]);
        }
    }

    /// Writes a record that nothing has to be written with, as those of most runs. Returns what is left to do.
    fn write_alone(&self, at_once: &AtOnce, mut ended: Ended) -> Option<Ended> {
        let writing = lock(&at_once.writing);
        if !lock(&self.state).end_alone(&mut ended) {
            return Some(ended);
        }
        let record = ended.record.as_slice();
        let write = || self.append_of(ended.owner, &Writes::new().records(record));
        let written = caught("the ledger", write);
        drop(writing);
        // One that could not be written waits, as any other, and is tried again at once.
        written.is_err().then_some(ended)
    }

    /// Notes what belongs together: it is written in one transaction, unless there are more records and steps than one
    /// transaction takes.
    pub(super) fn ended_together(&self, all: impl IntoIterator<Item = Ended>) {
        let mut state = lock(&self.state);
        let before = state.waiting();
        for ended in all {
            state.end(ended);
        }
        if let Some(at_once) = &self.at_once {
            let is_waiting = state.retry.is_some();
            drop(state);
            if !is_waiting {
                self.write(at_once);
            }
            return;
        }
        let waiting = state.waiting();
        drop(state);
        let is_first = before == 0 && waiting > 0;
        if is_first || (before < GROUP && waiting >= GROUP) {
            self.changed.notify_one();
        }
    }

    /// Returns whether a run is being put back into the ledger, as far as is known. Its row must not be claimed again before
    /// that is certain: a step that is written once more would find it as it was before the first time.
    pub(super) fn is_putting_back(&self) -> bool {
        lock(&self.state).steps.is_putting_back()
    }

    /// Returns the runs whose rows may not be written yet.
    pub(super) fn unwritten_runs(&self) -> Vec<RunId> {
        lock(&self.state).steps.runs()
    }

    /// Tries to write again if that is due, without a worker. Returns when to call again.
    pub(super) fn turn(&self) -> Option<Duration> {
        let at_once = self.at_once.as_ref()?;
        let left = |retry: Duration| retry.saturating_sub(self.book.clock.elapsed());
        if left(lock(&self.state).retry?).is_zero() {
            self.write(at_once);
        }
        lock(&self.state).retry.map(left)
    }

    /// Writes what waits, on this thread.
    fn write(&self, at_once: &AtOnce) {
        let writing = lock(&at_once.writing);
        loop {
            let group = lock(&self.state).take_group();
            if group.is_empty() {
                lock(&self.state).retry = None;
                return;
            }
            if let Err(group) = self.append(group) {
                let mut state = lock(&self.state);
                state.unwritten = Some(*group);
                state.retry = Some(self.book.clock.elapsed() + RETRY);
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
            let Err(group) = self.append(group) else { continue };
            let mut state = lock(&self.state);
            state.unwritten = Some(*group);
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
        let is_idle = |state: &mut State| !state.is_stopped && state.is_empty();
        state = self.changed.wait_while(state, is_idle).unwrap_or_else(PoisonError::into_inner);
        let end = Instant::now() + DELAY;
        while !state.is_stopped && state.unwritten.is_none() && state.waiting() < GROUP {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.take_group()
    }

    /// Appends a group of any owners, in the order in which runs of theirs ended.
    ///
    /// # Errors
    /// The group, if the write failed.
    fn append(&self, mut group: Group) -> Result<(), Box<Group>> {
        let appended = caught("the ledger", || {
            group.complete(&*self.book.ledger, self.book.clock.now())?;
            self.append_all(&group)
        });
        let Err(error) = appended else {
            self.note_success(&group.unwritten);
            return Ok(());
        };
        let (count, message) = (group.records.len(), error.chain());
        tracing::warn!(
            jobstore = &*self.book.alias,
            "writing {count} records of runs failed, and is tried again: {message}"
        );
        if !std::mem::replace(&mut lock(&self.state).is_failing, true) {
            self.events.failed(&error);
        }
        Err(Box::new(group))
    }

    fn append_all(&self, group: &Group) -> Result<()> {
        let owners = group.owners();
        let append = |owner: OwnerId| {
            let closed = group.closed.iter().filter(|(other, _)| *other == owner);
            let closed: Vec<BatchId> = closed.map(|(_, batch)| *batch).collect();
            let steps = group.steps.iter().filter(|(other, _)| *other == owner);
            let steps: Vec<OpenStep> = steps.map(|(_, step)| step.clone()).collect();
            let writes = Writes::new().closed(&closed).steps(&steps);
            if owners.len() == 1 {
                return self.append_of(owner, &writes.records(&group.records));
            }
            let records = group.records.iter().filter(|record| record.owner == owner).cloned();
            self.append_of(owner, &writes.records(&records.collect::<Vec<_>>()))
        };
        owners.iter().copied().try_for_each(append)
    }

    fn append_of(&self, owner: OwnerId, writes: &Writes<'_>) -> Result<()> {
        if self.book.ledger.append(owner, writes)? == Appended::Fenced {
            let is_change = |record: &&RunRecord| record.state == RunState::Changed;
            let (changes, outcomes): (Vec<&RunRecord>, Vec<&RunRecord>) =
                writes.records.iter().partition(is_change);
            if !changes.is_empty() {
                // A change was made, whoever made it: no fence applies to its record.
                let changes: Vec<RunRecord> = changes.into_iter().cloned().collect();
                self.book.ledger.append(OwnerId::random(), &Writes::new().records(&changes))?;
            }
            for record in outcomes {
                tracing::error!(
                    jobstore = &*self.book.alias,
                    job_id = &*record.job_id,
                    "the outcome of the run {} was refused: the run had been given up as lost, and it ended as {}",
                    record.run_id,
                    record.state
                );
                self.events.fenced(record);
            }
            return Ok(());
        }
        if self.book.followers.note_ended(writes.records) {
            self.events.followed();
        }
        if let Some(due) = writes.steps.iter().filter_map(|step| step.to.as_ref()?.due).min() {
            self.events.waiting(due);
        }
        Ok(())
    }

    /// Tells what an outage has cost, when it is over and nothing waits any more.
    fn note_success(&self, written: &[StepKey]) {
        let dropped = {
            let mut state = lock(&self.state);
            state.steps.remove(written);
            if !state.is_failing || state.waiting() > GROUP {
                return;
            }
            state.is_failing = false;
            std::mem::take(&mut state.dropped)
        };
        if dropped > 0 {
            tracing::error!(
                jobstore = &*self.book.alias,
                "{dropped} records of runs were not kept: too many waited for the ledger"
            );
        }
        self.events.recovered(dropped);
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
            tracing::error!(jobstore = &*self.book.alias, "the thread of the ledger panicked");
        }
        if let Some(at_once) = &self.at_once {
            self.write(at_once);
        }
        let left = lock(&self.state).waiting();
        if left > 0 {
            tracing::error!(
                jobstore = &*self.book.alias,
                "{left} records of runs were not written"
            );
        }
    }
}
