//! The scheduler's side of a run.

use std::num::NonZeroU64;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::Value;

use crate::event::Missed;
use crate::function::{JobContext, JobError};
use crate::job::JobSpec;
use crate::ledger::{BatchId, OpenRun, Reason};
use crate::run::{CancellationToken, Fence, Owner, RunId};
use crate::time::{Timestamp, from_micros, to_micros};

/// The outcome of a run time.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The function returned this value.
    Executed(Value),
    /// The function failed or panicked, or its executor dropped the run.
    Error(JobError),
    /// The run would have started too late.
    Missed(Missed),
}

/// What the runs of one claimed batch have in common.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunBatch {
    /// The scheduler that claimed them.
    pub owner: Arc<Owner>,
    /// The alias of the store that keeps the jobs.
    pub jobstore: Arc<str>,
    /// The scheduler's number for that store.
    pub store: u32,
    /// When they were claimed.
    pub claimed: Timestamp,
    /// The batch in the journal of the store, if the runs are recorded.
    pub journal: Option<BatchId>,
    /// What kept their job from being claimed before, if anything did.
    pub hindered: Option<Reason>,
}

impl RunBatch {
    /// The runs that this scheduler claimed at this time, from the store with this alias and number.
    pub fn new(owner: Arc<Owner>, jobstore: Arc<str>, store: u32, claimed: Timestamp) -> Self {
        Self { owner, jobstore, store, claimed, journal: None, hindered: None }
    }

    /// Sets the batch in the journal of the store.
    #[must_use]
    pub fn journal(mut self, batch: impl Into<Option<BatchId>>) -> Self {
        self.journal = batch.into();
        self
    }

    /// Sets what kept their job from being claimed before.
    #[must_use]
    pub fn hindered(mut self, by: impl Into<Option<Reason>>) -> Self {
        self.hindered = by.into();
        self
    }
}

/// What the scheduler knows of a run that it has submitted.
#[derive(Clone, Debug)]
pub struct Submission {
    batch: Arc<RunBatch>,
    first_run: RunId,
    /// In milliseconds, because many runs wait in queues.
    unseen: u32,
    catching_up: bool,
    /// The revision of the job at the claim.
    revision: u64,
    /// The row of its first run time, if it has one in the ledger.
    open: Option<Arc<OpenRun>>,
}

impl Submission {
    /// A run of this batch. `first_run` identifies its first run time, and those that follow it the others.
    pub fn new(batch: Arc<RunBatch>, first_run: RunId) -> Self {
        Self { batch, first_run, unseen: 0, catching_up: false, revision: 0, open: None }
    }

    /// Sets how long nobody could have known of the run times: that does not count as lateness.
    #[must_use]
    pub fn unseen(mut self, unseen: TimeDelta) -> Self {
        let millis = unseen.num_milliseconds() + i64::from(unseen.subsec_nanos() % 1_000_000 > 0);
        self.unseen = u32::try_from(millis.max(0)).unwrap_or(u32::MAX);
        self
    }

    /// Sets whether more run times of the job wait in the store until this run has ended.
    #[must_use]
    pub fn catching_up(mut self, catching_up: bool) -> Self {
        self.catching_up = catching_up;
        self
    }

    /// Sets the revision of the job at the claim.
    #[must_use]
    pub fn revision(mut self, revision: u64) -> Self {
        self.revision = revision;
        self
    }

    /// Sets the row of its first run time in the ledger, if there is one.
    #[must_use]
    pub fn open(mut self, run: impl Into<Option<Arc<OpenRun>>>) -> Self {
        self.open = run.into();
        self
    }

    /// Returns what it has in common with other runs.
    pub fn batch(&self) -> &RunBatch {
        &self.batch
    }

    /// Returns the identifier of the first run time.
    pub fn first_run(&self) -> RunId {
        self.first_run
    }

    /// Returns how long nobody could have known of the run times.
    pub fn unseen_for(&self) -> TimeDelta {
        TimeDelta::milliseconds(i64::from(self.unseen))
    }

    /// Returns whether more run times of the job wait in the store until this run has ended.
    pub fn is_catching_up(&self) -> bool {
        self.catching_up
    }

    /// Returns the attempt number, from 1.
    pub fn attempt(&self) -> u32 {
        self.open.as_ref().map_or(1, |run| run.attempt)
    }

    /// Returns its fence.
    pub fn fence(&self) -> Fence {
        Fence::new(self.revision, self.attempt())
    }

    /// Returns the row of its first run time in the ledger, if there is one.
    pub fn open_run(&self) -> Option<&Arc<OpenRun>> {
        self.open.as_ref()
    }
}

/// One run time of a run.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Fire {
    /// The identifier of the run.
    pub run_id: RunId,
    /// The scheduled start.
    pub scheduled_run_time: Timestamp,
    /// When the function was called. `None` if it was not called, or if nobody asks.
    pub started: Option<Started>,
}

/// When the function of a run was called.
// As small as it goes: many runs wait in queues.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    micros: i64,
    /// In nanoseconds after `ORIGIN`, and one more.
    instant: NonZeroU64,
}

/// Where monotonic times begin: a number is smaller than an `Instant`.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Returns the nanoseconds since the first call: enough for centuries.
fn nanos() -> u64 {
    u64::try_from(ORIGIN.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

impl Started {
    /// A call at this time of the scheduler's clock, now.
    pub fn now(time: Timestamp) -> Self {
        Self { micros: to_micros(time), instant: NonZeroU64::MIN.saturating_add(nanos()) }
    }

    /// Returns the time by the scheduler's clock.
    pub fn time(self) -> Timestamp {
        from_micros(self.micros)
    }

    /// Returns how long ago it was, by a clock that is never put back.
    pub fn elapsed(self) -> Duration {
        Duration::from_nanos((nanos() + 1).saturating_sub(self.instant.get()))
    }
}

impl Fire {
    /// The run time with this identifier, which has not been started.
    pub fn new(run_id: RunId, scheduled_run_time: Timestamp) -> Self {
        Self { run_id, scheduled_run_time, started: None }
    }
}

/// The scheduler that a run belongs to: it counts the instances of its jobs, and receives every outcome.
pub trait RunSink: Send + Sync {
    /// Returns how late the run time is, if that is later than the job allows.
    fn missed(&self, job: &JobSpec, run: &Submission, run_time: Timestamp) -> Option<Missed>;

    /// Returns why a run time must not begin: somebody has cancelled it, or its scheduler was found dead and it was given up.
    /// The default is that it may.
    fn refused(&self, run: &Submission, run_id: RunId) -> Option<JobError> {
        let _ = (run, run_id);
        None
    }

    /// Tells the listeners that the function is about to be called, and creates the context that it is called with. Sets
    /// `fire.started`, if somebody will ask for it.
    fn begin(
        self: Arc<Self>,
        job: &Arc<JobSpec>,
        run: &Submission,
        fire: &mut Fire,
        cancellation: Option<CancellationToken>,
    ) -> JobContext;

    /// Tells the listeners the outcome of a run time.
    fn report(&self, job: &Arc<JobSpec>, run: &Submission, fire: &Fire, outcome: Outcome);

    /// Frees a slot of the job: another instance may start.
    fn free_slot(&self, job: &Arc<JobSpec>, run: &Submission);

    /// Called when the executor has dropped the run, after every outcome.
    fn on_dropped(&self, job: &Arc<JobSpec>, run: &Submission);
}

/// The slot that one instance of a job takes. It is freed with the last outcome, or when it is dropped.
///
/// A [`Run`](super::Run) holds it by value, so that a run costs no allocation.
pub struct InstanceSlot {
    sink: Arc<dyn RunSink>,
    job: Arc<JobSpec>,
    run: Submission,
    is_taken: bool,
    // Of the run that holds the slot. They are here because they need no memory of their own here.
    /// The index of the run time that is next, or has begun.
    pub(super) next: u32,
    /// Whether it has begun.
    pub(super) begun: bool,
}

impl InstanceSlot {
    /// Wraps a slot that the scheduler has taken for this job.
    pub fn new(sink: Arc<dyn RunSink>, job: Arc<JobSpec>, run: Submission) -> Self {
        Self { sink, job, run, is_taken: true, next: 0, begun: false }
    }

    pub(super) fn job(&self) -> &Arc<JobSpec> {
        &self.job
    }

    pub(super) fn submission(&self) -> &Submission {
        &self.run
    }

    pub(super) fn missed(&self, run_time: Timestamp) -> Option<Missed> {
        self.sink.missed(&self.job, &self.run, run_time)
    }

    pub(super) fn refused(&self, run_id: RunId) -> Option<JobError> {
        self.sink.refused(&self.run, run_id)
    }

    pub(super) fn begin(
        &self,
        fire: &mut Fire,
        cancellation: Option<CancellationToken>,
    ) -> JobContext {
        Arc::clone(&self.sink).begin(&self.job, &self.run, fire, cancellation)
    }

    /// Reports an outcome. The last one frees the slot first, so that a listener may add the job again.
    pub(super) fn report(&mut self, fire: &Fire, outcome: Outcome, is_last: bool) {
        if is_last {
            self.free();
        }
        self.sink.report(&self.job, &self.run, fire, outcome);
    }

    fn free(&mut self) {
        if std::mem::take(&mut self.is_taken) {
            self.sink.free_slot(&self.job, &self.run);
        }
    }
}

impl Drop for InstanceSlot {
    fn drop(&mut self) {
        self.free();
        self.sink.on_dropped(&self.job, &self.run);
    }
}

impl std::fmt::Debug for InstanceSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InstanceSlot")
            .field("job_id", &self.job.id())
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}
