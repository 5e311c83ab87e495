//! The scheduler's side of a run.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::Value;

use crate::event::Missed;
use crate::function::{JobContext, JobError};
use crate::job::JobSpec;
use crate::run::CancellationToken;
use crate::time::Timestamp;

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

/// What the scheduler knows of a run that it has submitted.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The alias of the store that keeps the job.
    pub jobstore: Arc<str>,
    /// The scheduler's number for that store.
    pub store: u32,
    /// When the run was submitted.
    pub submitted: Timestamp,
    /// How long nobody could have known of the run times: that does not count as lateness.
    pub unseen: TimeDelta,
    /// More run times of the job wait in the store until this run has ended.
    pub catching_up: bool,
}

/// The scheduler that a run belongs to: it counts the instances of its jobs, and receives every outcome.
pub trait RunSink: Send + Sync {
    /// Returns how late the run time is, if that is later than the job allows.
    fn missed(&self, job: &JobSpec, run: &Submission, run_time: Timestamp) -> Option<Missed>;

    /// Creates the context that the function is called with.
    fn context(
        self: Arc<Self>,
        job: &Arc<JobSpec>,
        run: &Submission,
        run_time: Timestamp,
        cancellation: Option<CancellationToken>,
    ) -> JobContext;

    /// Tells the listeners the outcome of a run time.
    fn report(&self, job: &Arc<JobSpec>, run: &Submission, run_time: Timestamp, outcome: Outcome);

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
}

impl InstanceSlot {
    /// Wraps a slot that the scheduler has taken for this job.
    pub fn new(sink: Arc<dyn RunSink>, job: Arc<JobSpec>, run: Submission) -> Self {
        Self { sink, job, run, is_taken: true }
    }

    pub(super) fn job(&self) -> &Arc<JobSpec> {
        &self.job
    }

    pub(super) fn jobstore(&self) -> &str {
        &self.run.jobstore
    }

    pub(super) fn missed(&self, run_time: Timestamp) -> Option<Missed> {
        self.sink.missed(&self.job, &self.run, run_time)
    }

    pub(super) fn context(
        &self,
        run_time: Timestamp,
        cancellation: Option<CancellationToken>,
    ) -> JobContext {
        Arc::clone(&self.sink).context(&self.job, &self.run, run_time, cancellation)
    }

    /// Reports an outcome. The last one frees the slot first, so that a listener may add the job again.
    pub(super) fn report(&mut self, run_time: Timestamp, outcome: Outcome, is_last: bool) {
        if is_last {
            self.free();
        }
        self.sink.report(&self.job, &self.run, run_time, outcome);
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
