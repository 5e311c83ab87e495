//! A run time that is to be run now.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use crate::function::{Callable, JobContext, JobError, JobResult};
use crate::job::JobSpec;

/// A run time that is to be run now. Neither way to call its function lets a panic through.
#[derive(Clone, Debug)]
pub struct Started {
    job: Arc<JobSpec>,
    context: JobContext,
}

impl Started {
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
        match self.job.function().callable() {
            Callable::Sync(call) => caught(|| call(&self.context, self.job.arguments())),
            Callable::Async(_) => pollster::block_on(self.call_async()),
        }
    }

    /// Calls an async function. A plain one runs within the first poll.
    ///
    /// The future does not borrow, so it can be given to a task.
    ///
    /// # Errors
    /// What the function says; a panic.
    pub fn call_async(&self) -> impl Future<Output = JobResult> + Send + use<> {
        let started = self.clone();
        async move {
            let Callable::Async(call) = started.job.function().callable() else {
                return started.call();
            };
            // The function itself may panic before there is a future.
            let made = catch_unwind(AssertUnwindSafe(|| {
                call(started.context.clone(), started.job.arguments())
            }));
            let mut future = match made {
                Ok(future) => future,
                Err(payload) => return Err(JobError::from_panic(&*payload)),
            };
            poll_fn(|context| {
                catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)))
                    .unwrap_or_else(|payload| Poll::Ready(Err(JobError::from_panic(&*payload))))
            })
            .await
        }
    }
}

fn caught(call: impl FnOnce() -> JobResult) -> JobResult {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|payload| Err(JobError::from_panic(&*payload)))
}
