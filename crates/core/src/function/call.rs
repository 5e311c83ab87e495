//! Calls functions and catches their panics.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use super::{Arguments, Callable, Function, JobContext, JobError, JobResult};
use crate::thread_scope::ThreadScope;

impl Function {
    /// Calls it, and returns when it has ended. An async function is run to its end without a runtime.
    ///
    /// # Errors
    /// The error of the function, or its panic.
    pub fn call(&self, context: &JobContext, arguments: &Arguments) -> JobResult {
        match &self.callable {
            Callable::Sync(call) => catch_unwind(AssertUnwindSafe(|| call(context, arguments)))
                .unwrap_or_else(|payload| Err(JobError::from_panic(&*payload))),
            Callable::Async(_) => pollster::block_on(self.call_async(context, arguments)),
        }
    }

    /// Calls it within a task. A plain function runs in the first poll.
    ///
    /// # Errors
    /// The error of the function, or its panic.
    pub async fn call_async(&self, context: &JobContext, arguments: &Arguments) -> JobResult {
        let Callable::Async(call) = &self.callable else {
            return self.call(context, arguments);
        };
        // It may panic before it returns a future.
        let made = catch_unwind(AssertUnwindSafe(|| call(context.clone(), arguments)));
        let mut future = match made {
            Ok(future) => future,
            Err(payload) => return Err(JobError::from_panic(&*payload)),
        };
        let scheduler = context.host();
        poll_fn(|context| {
            let _polled = scheduler.map(ThreadScope::enter_poll);
            catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)))
                .unwrap_or_else(|payload| Poll::Ready(Err(JobError::from_panic(&*payload))))
        })
        .await
    }
}
