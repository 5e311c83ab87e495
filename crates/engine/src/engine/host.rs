//! Gives jobs access to their scheduler.

use std::any::Any;
use std::sync::Arc;

use apscheduler_core::Extensions;
use apscheduler_core::executor::ThreadScope;
use apscheduler_core::function::{JobContext, JobHost};

use super::scheduler::Scheduler;
use super::state::Engine;

impl Scheduler {
    /// Returns whether this is called within an async job of this scheduler.
    pub(crate) fn polls_job(&self) -> bool {
        ThreadScope::current().polls_job_of(&*self.0)
    }
}

impl JobHost for Engine {
    fn extensions(&self) -> &Extensions {
        &self.extensions
    }
}

/// Gives a job access to the scheduler that runs it.
pub trait JobContextExt {
    /// Returns the scheduler that runs the job; `None` in a worker process.
    ///
    /// All of its methods work within a job, including `shutdown` and `remove_job`.
    fn scheduler(&self) -> Option<Scheduler>;
}

impl JobContextExt for JobContext {
    fn scheduler(&self) -> Option<Scheduler> {
        let host: Arc<dyn Any + Send + Sync> = Arc::clone(self.host()?) as _;
        host.downcast().ok().map(Scheduler::of)
    }
}
