//! What a function can find out about its run.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::Extensions;
use crate::run::{CancellationToken, Fence, RunId};
use crate::time::Timestamp;

/// The scheduler that runs a job, as far as the job's context needs it.
pub trait JobHost: Any + Send + Sync {
    /// Returns the values that the application shares with its jobs.
    fn extensions(&self) -> &Extensions;
}

/// The run that a function is called for. Clones refer to the same run.
#[derive(Clone)]
pub struct JobContext {
    job_id: Arc<str>,
    job_name: Arc<str>,
    jobstore: Arc<str>,
    scheduled_run_time: Timestamp,
    run_id: RunId,
    fence: Fence,
    is_recovering: bool,
    /// `None` if the run can't be cancelled. That is most runs, so they need no token.
    cancellation: Option<CancellationToken>,
    origin: Origin,
}

/// Where the run takes place: in the scheduler's process or in a worker process.
#[derive(Clone)]
enum Origin {
    Scheduler(Arc<dyn JobHost>),
    Worker(Extensions),
}

impl JobContext {
    /// Creates the context of a run in the scheduler's process.
    pub fn in_scheduler(
        scheduler: Arc<dyn JobHost>,
        [job_id, job_name, jobstore]: [Arc<str>; 3],
        scheduled_run_time: Timestamp,
        run_id: RunId,
        cancellation: Option<CancellationToken>,
    ) -> Self {
        let origin = Origin::Scheduler(scheduler);
        Self {
            job_id,
            job_name,
            jobstore,
            scheduled_run_time,
            run_id,
            fence: Fence::new(0, 1),
            is_recovering: false,
            cancellation,
            origin,
        }
    }

    /// Sets the fence, with the attempt number.
    #[must_use]
    pub fn with_fence(mut self, fence: Fence) -> Self {
        self.fence = fence;
        self
    }

    /// Notes that the scheduler of the attempt before died.
    #[must_use]
    pub fn after_crash(mut self, is_recovering: bool) -> Self {
        self.is_recovering = is_recovering;
        self
    }

    /// Creates the context of a run in a worker process, from the parts that its executor sent.
    pub fn in_worker(
        parts: ContextParts,
        extensions: Extensions,
        cancellation: CancellationToken,
    ) -> Self {
        let ContextParts {
            job_id,
            job_name,
            jobstore,
            scheduled_run_time,
            run_id,
            fence,
            is_recovering,
        } = parts;
        let origin = Origin::Worker(extensions);
        Self {
            job_id: job_id.into(),
            job_name: job_name.into(),
            jobstore: jobstore.into(),
            scheduled_run_time,
            run_id,
            fence,
            is_recovering,
            cancellation: Some(cancellation),
            origin,
        }
    }

    /// Returns the parts that an executor sends to a worker process, for [`in_worker`](Self::in_worker) there.
    pub fn parts(&self) -> ContextParts {
        ContextParts {
            job_id: self.job_id.to_string(),
            job_name: self.job_name.to_string(),
            jobstore: self.jobstore.to_string(),
            scheduled_run_time: self.scheduled_run_time,
            run_id: self.run_id,
            fence: self.fence,
            is_recovering: self.is_recovering,
        }
    }

    /// Returns the id of the job.
    pub fn job_id(&self) -> &str {
        &self.job_id
    }

    /// Returns the name of the job.
    pub fn job_name(&self) -> &str {
        &self.job_name
    }

    /// Returns the alias of the store that keeps the job.
    pub fn jobstore(&self) -> &str {
        &self.jobstore
    }

    /// Returns the scheduled start of the run.
    pub fn scheduled_run_time(&self) -> Timestamp {
        self.scheduled_run_time
    }

    /// Returns the id of this run, which no other run has.
    pub fn run_id(&self) -> RunId {
        self.run_id
    }

    /// Returns the attempt number, from 1.
    pub fn attempt(&self) -> u32 {
        self.fence.attempt()
    }

    /// Returns a number that grows with each claim of the job, and with each attempt. What the job writes to can refuse one
    /// that is lower than it has seen.
    pub fn fence(&self) -> Fence {
        self.fence
    }

    /// Returns whether the scheduler of the attempt before died, so that nobody knows how far that attempt came.
    pub fn recovering(&self) -> bool {
        self.is_recovering
    }

    /// Returns the token that asks the run to end early.
    pub fn cancellation(&self) -> &CancellationToken {
        static NEVER: LazyLock<CancellationToken> = LazyLock::new(CancellationToken::new);
        self.cancellation.as_ref().unwrap_or(&NEVER)
    }

    /// Returns the token, if the run can be cancelled.
    pub(crate) fn own_cancellation(&self) -> Option<&CancellationToken> {
        self.cancellation.as_ref()
    }

    /// Returns the value of this type that the application shares with its jobs: through its scheduler, or through the
    /// worker hook in a worker process.
    pub fn extension<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        match &self.origin {
            Origin::Scheduler(scheduler) => scheduler.extensions().get(),
            Origin::Worker(extensions) => extensions.get(),
        }
    }

    /// Returns the scheduler that runs the job, or `None` in a worker process. An extension trait of the engine returns it
    /// as a handle.
    pub fn host(&self) -> Option<&Arc<dyn JobHost>> {
        match &self.origin {
            Origin::Scheduler(scheduler) => Some(scheduler),
            Origin::Worker(_) => None,
        }
    }
}

/// The part of a context that can be sent to another process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContextParts {
    /// The id of the job.
    pub job_id: String,
    /// The name of the job.
    pub job_name: String,
    /// The alias of its store.
    pub jobstore: String,
    /// The scheduled start of the run.
    pub scheduled_run_time: Timestamp,
    /// The id of the run.
    pub run_id: RunId,
    /// The fence, with the attempt number.
    pub fence: Fence,
    /// Whether the scheduler of the attempt before died.
    pub is_recovering: bool,
}

impl ContextParts {
    /// Creates the parts of a first attempt.
    pub fn new(
        job_id: impl Into<String>,
        jobstore: impl Into<String>,
        scheduled_run_time: Timestamp,
        run_id: RunId,
    ) -> Self {
        let job_id = job_id.into();
        Self {
            job_name: job_id.clone(),
            job_id,
            jobstore: jobstore.into(),
            scheduled_run_time,
            run_id,
            fence: Fence::new(0, 1),
            is_recovering: false,
        }
    }

    /// Sets the name of the job. Default: its id.
    pub fn job_name(mut self, name: impl Into<String>) -> Self {
        self.job_name = name.into();
        self
    }

    /// Sets the fence, with the attempt number.
    pub fn fence(mut self, fence: Fence) -> Self {
        self.fence = fence;
        self
    }

    /// Sets whether the scheduler of the attempt before died.
    pub fn after_crash(mut self, is_recovering: bool) -> Self {
        self.is_recovering = is_recovering;
        self
    }
}

impl fmt::Debug for JobContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobContext")
            .field("job_id", &self.job_id)
            .field("jobstore", &self.jobstore)
            .field("scheduled_run_time", &self.scheduled_run_time)
            .field("run_id", &self.run_id)
            .finish_non_exhaustive()
    }
}
