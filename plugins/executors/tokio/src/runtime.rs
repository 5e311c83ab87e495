//! Which runtime the jobs run on, and where its threads may be blocked.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::thread::ThreadId;
use std::time::Duration;

use apscheduler_core::function::JobError;
use apscheduler_core::{Error, ErrorKind, Result};
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};
use tokio::time::Sleep;

/// What was said of the runtime when the executor was made.
#[derive(Debug)]
pub(crate) struct RuntimeChoice {
    pub(crate) given: Option<Handle>,
    pub(crate) threads: Option<usize>,
}

impl RuntimeChoice {
    /// The runtime of somebody else; `None` where the executor needs one of its own.
    pub(crate) fn foreign(&self) -> Option<Handle> {
        match (&self.given, self.threads) {
            (Some(handle), _) => Some(handle.clone()),
            (None, Some(_)) => None,
            (None, None) => Handle::try_current().ok(),
        }
    }

    /// A runtime of the executor's own.
    pub(crate) fn own(&self, alias: &str) -> Result<Runtime> {
        let mut builder = Builder::new_multi_thread();
        builder.enable_all().thread_name(format!("apscheduler-{alias}"));
        if let Some(threads) = self.threads {
            builder.worker_threads(threads);
        }
        builder.build().map_err(|error| {
            Error::new(ErrorKind::Other, "can't start a tokio runtime").with_source(error)
        })
    }
}

pub(crate) fn has_one_thread(handle: &Handle) -> bool {
    handle.runtime_flavor() == RuntimeFlavor::CurrentThread
}

/// Calls `wait`, which blocks, unless this thread must not be blocked: it is the one that the runtime's tasks need.
///
/// `driver` is the thread that was last seen to run a task of this runtime, if that has only one.
pub(crate) fn blocking(handle: &Handle, driver: Option<ThreadId>, wait: impl FnOnce()) {
    let in_context = Handle::try_current().is_ok_and(|current| current.id() == handle.id());
    if !in_context {
        wait();
    } else if driver == Some(std::thread::current().id()) {
        tracing::debug!("the only thread of the runtime can't wait for the jobs that it runs");
    } else if catch_unwind(AssertUnwindSafe(|| tokio::task::block_in_place(wait))).is_err() {
        // Tokio refuses in a `LocalSet` too, and in a current-thread runtime that has run no task of ours yet.
        tracing::debug!("tokio does not allow this thread to wait for the jobs that still run");
    }
}

/// The timer of the current runtime.
pub(crate) fn sleep(duration: Duration) -> std::result::Result<Pin<Box<Sleep>>, JobError> {
    catch_unwind(|| Box::pin(tokio::time::sleep(duration))).map_err(|_payload| {
        JobError::new(
            "its timeout can't be kept: the tokio runtime was built without `enable_time`",
        )
    })
}
