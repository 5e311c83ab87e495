//! What schedulers and executors do with a tokio runtime.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::ThreadId;
use std::time::Duration;

use apscheduler_core::executor::{Executor, Runtime};
use apscheduler_core::{Error, ErrorKind, Result};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::executor::TokioExecutor;
use crate::handle::TokioRuntime;

impl Runtime for TokioRuntime {
    const EXECUTOR: &'static str = "tokio";

    fn executor(runtime: Option<Self>) -> Arc<dyn Executor> {
        let executor = TokioExecutor::new();
        Arc::new(match runtime {
            Some(runtime) => executor.on(runtime.0),
            None => executor,
        })
    }

    fn current() -> Result<Self> {
        let handle = Handle::try_current().map_err(|error| {
            Error::new(
                ErrorKind::Other,
                "there is no tokio runtime here: start the scheduler in an async function of one (`#[tokio::main]`), \
                 or make it with `TokioScheduler::on` and a handle",
            )
            .with_source(error)
        })?;
        let runtime = Self::from(handle);
        runtime.check()?;
        Ok(runtime)
    }

    fn check(&self) -> Result<()> {
        // Tokio has no such query, but refuses to make a sleep.
        let _context = self.0.enter();
        catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))).map_err(|_panic| {
            Error::new(
                ErrorKind::Other,
                "the tokio runtime has no timers: build it with `enable_time` or `enable_all`",
            )
        })
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(task);
    }

    fn spawn_blocking(&self, call: impl FnOnce() + Send + 'static) {
        self.0.spawn_blocking(call);
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn yield_now(&self) {
        tokio::task::yield_now().await;
    }

    fn parallelism(&self) -> usize {
        self.0.metrics().num_workers()
    }

    fn may_block_tasks(&self) -> bool {
        self.0.runtime_flavor() != RuntimeFlavor::CurrentThread
    }

    fn block(&self, driver: Option<ThreadId>, wait: impl FnOnce()) {
        let in_context = Handle::try_current().is_ok_and(|current| current.id() == self.0.id());
        if !in_context {
            wait();
        } else if driver == Some(std::thread::current().id()) {
            tracing::debug!("the only thread of the runtime can't wait for the jobs that it runs");
        } else if catch_unwind(AssertUnwindSafe(|| tokio::task::block_in_place(wait))).is_err() {
            // Tokio also refuses in a `LocalSet`, and in a current-thread runtime that has run no task of ours yet.
            tracing::debug!("tokio does not allow this thread to wait for the jobs that still run");
        }
    }
}
