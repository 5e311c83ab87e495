//! Calls foreign code that may panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

use apscheduler_core::executor::{Executor, Run};
use apscheduler_core::function::JobError;
use apscheduler_core::{Error, ErrorKind, Result, printable};

/// Calls a store or its ledger. `what` names it in the error that a panic becomes.
///
/// # Errors
/// Any error of the call; [`ErrorKind::Store`] if it panicked.
pub(super) fn caught<T>(what: &str, call: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| {
        let message = format!("{what} {}", JobError::from_panic(&*payload));
        Err(Error::new(ErrorKind::Store, message))
    })
}

/// Submits runs. Those that an executor that panics has dropped have been reported when it returns.
pub(super) fn submit(jobstore: &str, executor: &dyn Executor, runs: Vec<Run>) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| executor.submit_all(runs))) {
        let panic = JobError::from_panic(&*payload).to_string();
        let panic = printable::lines(&panic);
        tracing::error!(jobstore, "an executor {panic}");
    }
}
