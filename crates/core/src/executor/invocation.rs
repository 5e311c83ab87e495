//! A run time that is to be run now.

use std::future::Future;
use std::sync::Arc;

use crate::function::{JobContext, JobResult};
use crate::job::JobSpec;

/// A run time that is to be run now. Neither way to call its function lets a panic through.
#[derive(Clone, Debug)]
pub struct Invocation {
    job: Arc<JobSpec>,
    context: JobContext,
}

impl Invocation {
    pub(super) fn new(job: Arc<JobSpec>, context: JobContext) -> Self {
        Self { job, context }
    }

    /// What the function is told.
    pub fn context(&self) -> &JobContext {
        &self.context
    }

    /// Calls the function, and returns when it has ended. An async one is driven to its end without a runtime.
    ///
    /// # Errors
    /// What the function says; a panic.
    pub fn call(&self) -> JobResult {
        self.job.function().call(&self.context, self.job.arguments())
    }

    /// Calls an async function. A plain one runs within the first poll.
    ///
    /// The future does not borrow, so it can be given to a task.
    ///
    /// # Errors
    /// What the function says; a panic.
    pub fn call_async(&self) -> impl Future<Output = JobResult> + Send + use<> {
        let Self { job, context } = self.clone();
        async move { job.function().call_async(&context, job.arguments()).await }
    }
}
