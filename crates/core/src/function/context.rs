//! What a function may ask about the run that it is called for.

use std::fmt;
use std::sync::Arc;

use crate::engine::Scheduler;
use crate::job::JobSpec;
use crate::time::Timestamp;

/// The run that a function is called for.
#[derive(Clone)]
pub struct JobContext {
    pub(crate) job: Arc<JobSpec>,
    pub(crate) jobstore: Arc<str>,
    pub(crate) scheduled_run_time: Timestamp,
    pub(crate) scheduler: Option<Scheduler>,
}

impl JobContext {
    /// The id of the job.
    pub fn job_id(&self) -> &str {
        self.job.id()
    }

    /// The name of the job.
    pub fn job_name(&self) -> &str {
        self.job.name()
    }

    /// The alias of the store that keeps the job.
    pub fn jobstore(&self) -> &str {
        &self.jobstore
    }

    /// When the run was meant to start.
    pub fn scheduled_run_time(&self) -> Timestamp {
        self.scheduled_run_time
    }

    /// The scheduler that runs the job; `None` where the job runs in another process.
    ///
    /// All of its methods work from within a job, `shutdown` and `remove_job` among them.
    pub fn scheduler(&self) -> Option<&Scheduler> {
        self.scheduler.as_ref()
    }
}

impl fmt::Debug for JobContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobContext")
            .field("job_id", &self.job_id())
            .field("jobstore", &self.jobstore)
            .field("scheduled_run_time", &self.scheduled_run_time)
            .finish_non_exhaustive()
    }
}
