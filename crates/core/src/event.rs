//! Events tell listeners what happens.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bitflags::bitflags;
use serde_json::{Map, Value, json};

use crate::function::JobError;
use crate::job::JobKey;
use crate::time::{Timestamp, Zone};

bitflags! {
    /// Which events a listener wants; the numbers are APScheduler's, those from 2^17 on are ours.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct EventMask: u32 {
        /// The scheduler was started.
        const SCHEDULER_STARTED = 1 << 0;
        /// The scheduler was shut down.
        const SCHEDULER_SHUTDOWN = 1 << 1;
        /// Job processing was paused.
        const SCHEDULER_PAUSED = 1 << 2;
        /// Job processing was resumed.
        const SCHEDULER_RESUMED = 1 << 3;
        /// An executor was added.
        const EXECUTOR_ADDED = 1 << 4;
        /// An executor was removed.
        const EXECUTOR_REMOVED = 1 << 5;
        /// A job store was added.
        const JOBSTORE_ADDED = 1 << 6;
        /// A job store was removed.
        const JOBSTORE_REMOVED = 1 << 7;
        /// All jobs of one store, or of all stores, were removed.
        const ALL_JOBS_REMOVED = 1 << 8;
        /// A job was added to a store.
        const JOB_ADDED = 1 << 9;
        /// A job was removed from its store.
        const JOB_REMOVED = 1 << 10;
        /// A job was modified from outside the scheduler.
        const JOB_MODIFIED = 1 << 11;
        /// A run ended well.
        const JOB_EXECUTED = 1 << 12;
        /// A run ended with an error or a panic.
        const JOB_ERROR = 1 << 13;
        /// A run would have started too late.
        const JOB_MISSED = 1 << 14;
        /// A job was handed to its executor.
        const JOB_SUBMITTED = 1 << 15;
        /// A run was skipped: the job has as many instances as it may have.
        const JOB_MAX_INSTANCES = 1 << 16;
        /// A store failed; it is tried again. (Not in APScheduler.)
        const JOBSTORE_ERROR = 1 << 17;
        /// A store that had failed works again. (Not in APScheduler.)
        const JOBSTORE_RECOVERED = 1 << 18;
        /// A record can't be restored; it was set aside. (Not in APScheduler.)
        const JOB_BROKEN = 1 << 19;
        /// A record that had been set aside was restored. (Not in APScheduler.)
        const JOB_RESTORED = 1 << 20;
        /// The jobs of a store are others than before: it was emptied, restored or replaced. (Not in APScheduler.)
        const JOBSTORE_REPLACED = 1 << 21;
        /// All of them.
        const ALL = (1 << 22) - 1;
    }
}

/// Why a run was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// How late the run would have started.
    pub lateness: Duration,
    /// How much of that it waited in the executor's queue.
    pub queued: Duration,
    /// How much of that the scheduler ran no jobs: it had not been started, or was paused. What is left of the lateness is a
    /// late wake-up.
    pub idle: Duration,
}

/// What happened, with what a listener may want to know of it. Times are UTC.
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
        /// What it said.
        error: Arc<str>,
    },
    /// A store that had failed works again.
    JobStoreRecovered {
        /// Its alias.
        alias: Arc<str>,
    },
    /// The jobs of a store are others than before: its place was emptied, restored or replaced while it was open. Jobs
    /// that this program declares may be missing, and have to be added again.
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
        /// Which one.
        job: JobKey,
        /// Why.
        reason: Arc<str>,
    },
    /// A record that could not be restored was.
    JobRestored(JobKey),
    /// A job was handed to its executor.
    JobSubmitted {
        /// Which one.
        job: JobKey,
        /// The run times that it was submitted for.
        scheduled_run_times: Arc<[Timestamp]>,
    },
    /// A job was not handed to its executor: it has as many instances as it may have.
    JobMaxInstances {
        /// Which one.
        job: JobKey,
        /// The run times that are skipped.
        scheduled_run_times: Arc<[Timestamp]>,
    },
    /// A run ended well.
    JobExecuted {
        /// Which job.
        job: JobKey,
        /// When the run was meant to start.
        scheduled_run_time: Timestamp,
        /// What the function returned.
        retval: Arc<Value>,
    },
    /// A run ended with an error or a panic.
    JobError {
        /// Which job.
        job: JobKey,
        /// When the run was meant to start.
        scheduled_run_time: Timestamp,
        /// What went wrong.
        error: Arc<JobError>,
    },
    /// A run was missed.
    JobMissed {
        /// Which job.
        job: JobKey,
        /// When the run was meant to start.
        scheduled_run_time: Timestamp,
        /// Why.
        missed: Missed,
    },
}

impl Event {
    /// The code of the event, one bit of the mask.
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
            Self::JobMaxInstances { .. } => EventMask::JOB_MAX_INSTANCES,
            Self::JobExecuted { .. } => EventMask::JOB_EXECUTED,
            Self::JobError { .. } => EventMask::JOB_ERROR,
            Self::JobMissed { .. } => EventMask::JOB_MISSED,
        }
    }

    /// The name of the code, as `JOB_EXECUTED`.
    pub fn name(&self) -> &'static str {
        self.code().iter_names().next().map_or("UNKNOWN", |(name, _)| name)
    }

    /// The job that the event is about, where it is about one.
    pub fn job(&self) -> Option<&JobKey> {
        match self {
            Self::JobAdded(job)
            | Self::JobRemoved(job)
            | Self::JobModified(job)
            | Self::JobRestored(job)
            | Self::JobBroken { job, .. }
            | Self::JobSubmitted { job, .. }
            | Self::JobMaxInstances { job, .. }
            | Self::JobExecuted { job, .. }
            | Self::JobError { job, .. }
            | Self::JobMissed { job, .. } => Some(job),
            _ => None,
        }
    }

    /// The alias of the store or executor that the event is about, where it is about one.
    pub fn alias(&self) -> Option<&str> {
        match self {
            Self::ExecutorAdded { alias }
            | Self::ExecutorRemoved { alias }
            | Self::JobStoreAdded { alias }
            | Self::JobStoreRemoved { alias }
            | Self::JobStoreError { alias, .. }
            | Self::JobStoreRecovered { alias }
            | Self::JobStoreReplaced { alias, .. } => Some(alias),
            Self::AllJobsRemoved { alias } => alias.as_deref(),
            _ => None,
        }
    }

    /// The run times that the event is about.
    pub fn scheduled_run_times(&self) -> &[Timestamp] {
        match self {
            Self::JobSubmitted { scheduled_run_times, .. }
            | Self::JobMaxInstances { scheduled_run_times, .. } => scheduled_run_times,
            Self::JobExecuted { scheduled_run_time, .. }
            | Self::JobError { scheduled_run_time, .. }
            | Self::JobMissed { scheduled_run_time, .. } => {
                std::slice::from_ref(scheduled_run_time)
            }
            _ => &[],
        }
    }

    /// The event as a JSON object, for event streams: `event`, `code` and what the event carries.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("event".to_owned(), json!(self.name()));
        object.insert("code".to_owned(), json!(self.code().bits()));
        let mut put = |key: &str, value: Value| drop(object.insert(key.to_owned(), value));
        if let Some(alias) = self.alias() {
            put("alias", json!(alias));
        }
        if let Some(job) = self.job() {
            put("job_id", json!(job.id()));
            put("jobstore", json!(job.jobstore()));
        }
        let iso = |time: &Timestamp| Zone::UTC.iso(*time);
        match self {
            Self::JobSubmitted { scheduled_run_times, .. }
            | Self::JobMaxInstances { scheduled_run_times, .. } => {
                put("scheduled_run_times", scheduled_run_times.iter().map(iso).collect());
            }
            Self::JobExecuted { scheduled_run_time, retval, .. } => {
                put("scheduled_run_time", json!(iso(scheduled_run_time)));
                put("retval", (**retval).clone());
            }
            Self::JobError { scheduled_run_time, error, .. } => {
                put("scheduled_run_time", json!(iso(scheduled_run_time)));
                put("exception", json!(error.to_string()));
                put("traceback", error.trace().map_or(Value::Null, |trace| json!(trace)));
            }
            Self::JobMissed { scheduled_run_time, missed, .. } => {
                put("scheduled_run_time", json!(iso(scheduled_run_time)));
                put("reason", json!(missed.reason()));
                put("lateness", json!(missed.lateness.as_secs_f64()));
            }
            Self::JobBroken { reason, .. } | Self::JobStoreReplaced { reason, .. } => {
                put("reason", json!(**reason));
            }
            Self::JobStoreError { error, .. } => put("exception", json!(**error)),
            _ => {}
        }
        Value::Object(object)
    }
}

impl Missed {
    /// The reason in words: the largest part of the lateness.
    pub fn reason(&self) -> Cow<'static, str> {
        if self.queued * 2 > self.lateness {
            format!("waited {:.3} s in the queue of the executor", self.queued.as_secs_f64()).into()
        } else if self.idle * 2 > self.lateness {
            "the scheduler was not running then".into()
        } else {
            "the scheduler woke up late".into()
        }
    }
}
