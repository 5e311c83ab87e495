//! Events that schedulers send to their listeners.

mod json;
mod mask;
mod missed;

use std::sync::Arc;

use serde_json::Value;

pub use mask::EventMask;
pub use missed::Missed;

use crate::function::JobError;
use crate::job::JobKey;
use crate::ledger::RunState;
use crate::run::{Owner, RunId, RunInfo};
use crate::time::Timestamp;

/// What happened, with its data. Times are UTC.
///
/// An event serializes as a table: `serde_json::json!(event)` is one JSON object.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The scheduler was started.
    SchedulerStarted,
    /// The scheduler was shut down.
    SchedulerShutdown,
    /// Job processing was paused.
    SchedulerPaused,
    /// Job processing was resumed.
    SchedulerResumed,
    /// An executor was added.
    ExecutorAdded {
        /// Its alias.
        alias: Arc<str>,
    },
    /// An executor was removed.
    ExecutorRemoved {
        /// Its alias.
        alias: Arc<str>,
    },
    /// A job store was added.
    JobStoreAdded {
        /// Its alias.
        alias: Arc<str>,
    },
    /// A job store was removed.
    JobStoreRemoved {
        /// Its alias.
        alias: Arc<str>,
    },
    /// All jobs were removed.
    AllJobsRemoved {
        /// The alias of the store; `None` for all stores.
        alias: Option<Arc<str>>,
    },
    /// A store failed; the scheduler tries again.
    JobStoreError {
        /// Its alias.
        alias: Arc<str>,
        /// The message of the error.
        error: Arc<str>,
    },
    /// A store that had failed works again.
    JobStoreRecovered {
        /// Its alias.
        alias: Arc<str>,
    },
    /// The jobs of a store were emptied, restored or replaced while it was open. Jobs that this program declares may be
    /// missing, and have to be added again.
    JobStoreReplaced {
        /// Its alias.
        alias: Arc<str>,
        /// What was found.
        reason: Arc<str>,
    },
    /// A job was added to a store.
    JobAdded(JobKey),
    /// A job was removed: by a call, or because it has finished.
    JobRemoved(JobKey),
    /// A job was modified.
    JobModified(JobKey),
    /// A record can't be restored.
    JobBroken {
        /// The job.
        job: JobKey,
        /// Why.
        reason: Arc<str>,
    },
    /// A record that could not be restored before was restored.
    JobRestored(JobKey),
    /// A job was handed to its executor.
    JobSubmitted {
        /// The job.
        job: JobKey,
        /// The first of the runs. The identifiers of the others follow: see [`run_ids`](Event::run_ids).
        run: RunInfo,
        /// The run times that it was submitted for.
        scheduled_run_times: Arc<[Timestamp]>,
    },
    /// The function of a job is about to be called.
    JobStarted {
        /// The job.
        job: JobKey,
        /// The run.
        run: RunInfo,
        /// The scheduled start of the run.
        scheduled_run_time: Timestamp,
    },
    /// A job was not handed to its executor: it has as many instances as it may have.
    JobMaxInstances {
        /// The job.
        job: JobKey,
        /// The first of the runs, which did not start. The identifiers of the others follow.
        run: RunInfo,
        /// The run times that are skipped.
        scheduled_run_times: Arc<[Timestamp]>,
    },
    /// A run succeeded.
    JobExecuted {
        /// The job.
        job: JobKey,
        /// The run.
        run: RunInfo,
        /// The scheduled start of the run.
        scheduled_run_time: Timestamp,
        /// The return value of the function.
        retval: Arc<Value>,
    },
    /// A run ended with an error or a panic.
    JobError {
        /// The job.
        job: JobKey,
        /// The run.
        run: RunInfo,
        /// The scheduled start of the run.
        scheduled_run_time: Timestamp,
        /// The error or panic.
        error: Arc<JobError>,
    },
    /// A run of another scheduler is lost: nobody knows how it ended, because that scheduler has died.
    JobLost {
        /// The job.
        job: JobKey,
        /// The run.
        run_id: RunId,
        /// The scheduled start of the run.
        scheduled_run_time: Timestamp,
        /// The scheduler that had claimed it.
        owner: Arc<Owner>,
    },
    /// The outcome of a run was refused: its scheduler was found dead, and the run was given up. What it did outside was done.
    RunFenced {
        /// The job.
        job: JobKey,
        /// The run.
        run_id: RunId,
        /// The attempt number, from 1.
        attempt: u32,
        /// The scheduled start of the run.
        scheduled_run_time: Timestamp,
        /// How the run ended.
        state: RunState,
    },
    /// A run has not succeeded within the deadline of its job.
    JobOverdue {
        /// The job.
        job: JobKey,
        /// The run.
        run_id: RunId,
        /// The scheduled start of the run.
        scheduled_run_time: Timestamp,
        /// When it should have succeeded.
        deadline: Timestamp,
    },
    /// Records of runs can't be written to the ledger of a store. They wait in memory, and runs go on.
    LedgerError {
        /// The alias of the store.
        alias: Arc<str>,
        /// The message of the error.
        error: Arc<str>,
    },
    /// The ledger of a store can be written to again.
    LedgerRecovered {
        /// The alias of the store.
        alias: Arc<str>,
        /// How many records were not kept, because too many waited.
        dropped: u64,
    },
    /// A run was missed.
    JobMissed {
        /// The job.
        job: JobKey,
        /// The run, which did not start.
        run: RunInfo,
        /// The scheduled start of the run.
        scheduled_run_time: Timestamp,
        /// Why.
        missed: Missed,
    },
}

impl Event {
    /// Returns the code of the event, one bit of the mask.
    pub fn code(&self) -> EventMask {
        match self {
            Self::SchedulerStarted => EventMask::SCHEDULER_STARTED,
            Self::SchedulerShutdown => EventMask::SCHEDULER_SHUTDOWN,
            Self::SchedulerPaused => EventMask::SCHEDULER_PAUSED,
            Self::SchedulerResumed => EventMask::SCHEDULER_RESUMED,
            Self::ExecutorAdded { .. } => EventMask::EXECUTOR_ADDED,
            Self::ExecutorRemoved { .. } => EventMask::EXECUTOR_REMOVED,
            Self::JobStoreAdded { .. } => EventMask::JOBSTORE_ADDED,
            Self::JobStoreRemoved { .. } => EventMask::JOBSTORE_REMOVED,
            Self::AllJobsRemoved { .. } => EventMask::ALL_JOBS_REMOVED,
            Self::JobStoreError { .. } => EventMask::JOBSTORE_ERROR,
            Self::JobStoreRecovered { .. } => EventMask::JOBSTORE_RECOVERED,
            Self::JobStoreReplaced { .. } => EventMask::JOBSTORE_REPLACED,
            Self::JobAdded(_) => EventMask::JOB_ADDED,
            Self::JobRemoved(_) => EventMask::JOB_REMOVED,
            Self::JobModified(_) => EventMask::JOB_MODIFIED,
            Self::JobBroken { .. } => EventMask::JOB_BROKEN,
            Self::JobRestored(_) => EventMask::JOB_RESTORED,
            Self::JobSubmitted { .. } => EventMask::JOB_SUBMITTED,
            Self::JobStarted { .. } => EventMask::JOB_STARTED,
            Self::JobMaxInstances { .. } => EventMask::JOB_MAX_INSTANCES,
            Self::JobExecuted { .. } => EventMask::JOB_EXECUTED,
            Self::JobError { .. } => EventMask::JOB_ERROR,
            Self::JobMissed { .. } => EventMask::JOB_MISSED,
            Self::JobLost { .. } => EventMask::JOB_LOST,
            Self::RunFenced { .. } => EventMask::RUN_FENCED,
            Self::JobOverdue { .. } => EventMask::JOB_OVERDUE,
            Self::LedgerError { .. } => EventMask::LEDGER_ERROR,
            Self::LedgerRecovered { .. } => EventMask::LEDGER_RECOVERED,
        }
    }

    /// Returns the name of the code, such as `JOB_EXECUTED`.
    pub fn name(&self) -> &'static str {
        self.code().iter_names().next().map_or("UNKNOWN", |(name, _)| name)
    }

    /// Returns the job that the event is about, if there is one.
    pub fn job(&self) -> Option<&JobKey> {
        match self {
            Self::JobAdded(job)
            | Self::JobRemoved(job)
            | Self::JobModified(job)
            | Self::JobRestored(job)
            | Self::JobBroken { job, .. }
            | Self::JobSubmitted { job, .. }
            | Self::JobStarted { job, .. }
            | Self::JobMaxInstances { job, .. }
            | Self::JobExecuted { job, .. }
            | Self::JobError { job, .. }
            | Self::JobMissed { job, .. }
            | Self::JobLost { job, .. }
            | Self::RunFenced { job, .. }
            | Self::JobOverdue { job, .. } => Some(job),
            _ => None,
        }
    }

    /// Returns the alias of the store or executor that the event is about, if there is one.
    pub fn alias(&self) -> Option<&str> {
        match self {
            Self::ExecutorAdded { alias }
            | Self::ExecutorRemoved { alias }
            | Self::JobStoreAdded { alias }
            | Self::JobStoreRemoved { alias }
            | Self::JobStoreError { alias, .. }
            | Self::JobStoreRecovered { alias }
            | Self::JobStoreReplaced { alias, .. }
            | Self::LedgerError { alias, .. }
            | Self::LedgerRecovered { alias, .. } => Some(alias),
            Self::AllJobsRemoved { alias } => alias.as_deref(),
            _ => None,
        }
    }

    /// Returns the run that the event is about; the first one, if there are several.
    pub fn run(&self) -> Option<&RunInfo> {
        match self {
            Self::JobSubmitted { run, .. }
            | Self::JobStarted { run, .. }
            | Self::JobMaxInstances { run, .. }
            | Self::JobExecuted { run, .. }
            | Self::JobError { run, .. }
            | Self::JobMissed { run, .. } => Some(run),
            _ => None,
        }
    }

    /// Returns the identifiers of the runs that the event is about, one for each of its
    /// [run times](Self::scheduled_run_times).
    pub fn run_ids(&self) -> impl Iterator<Item = RunId> + use<> {
        let (first, count) = (self.run().map(|run| run.id), self.scheduled_run_times().len());
        first.into_iter().flat_map(move |first| (0..count).map(move |index| first.nth(index)))
    }

    /// Returns the run times that the event is about.
    pub fn scheduled_run_times(&self) -> &[Timestamp] {
        match self {
            Self::JobSubmitted { scheduled_run_times, .. }
            | Self::JobMaxInstances { scheduled_run_times, .. } => scheduled_run_times,
            Self::JobStarted { scheduled_run_time, .. }
            | Self::JobExecuted { scheduled_run_time, .. }
            | Self::JobError { scheduled_run_time, .. }
            | Self::JobMissed { scheduled_run_time, .. }
            | Self::JobLost { scheduled_run_time, .. }
            | Self::RunFenced { scheduled_run_time, .. }
            | Self::JobOverdue { scheduled_run_time, .. } => {
                std::slice::from_ref(scheduled_run_time)
            }
            _ => &[],
        }
    }
}
