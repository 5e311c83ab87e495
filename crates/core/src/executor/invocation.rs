//! One call of a job's function.

use std::future::Future;
use std::sync::Arc;

use crate::function::{JobContext, JobResult};
use crate::job::JobSpec;

/// One call of a job's function, for one run time. Panics of the function are returned as errors.
#[derive(Clone, Debug)]
pub struct Invocation {
    job: Arc<JobSpec>,
    context: JobContext,
}

impl Invocation {
    pub(super) fn new(job: Arc<JobSpec>, context: JobContext) -> Self {
        Self { job, context }
    }

    /// Returns the context of the function.
    pub fn context(&self) -> &JobContext {
        &self.context
    }

    /// Calls the function, and returns when it has ended. An async one is driven to its end without a runtime.
    ///
    /// # Errors
    /// The error of the function, or its panic.
    pub fn call(&self) -> JobResult {
        self.job.function().call(&self.context, self.job.arguments())
    }

    /// Calls an async function. A plain one runs within the first poll.
    ///
    /// The future borrows nothing, so it can be spawned.
    ///
    /// # Errors
    /// The error of the function, or its panic.
    pub fn call_async(&self) -> impl Future<Output = JobResult> + Send + use<> {
        let Self { job, context } = self.clone();
        async move { job.function().call_async(&context, job.arguments()).await }
    }
}
