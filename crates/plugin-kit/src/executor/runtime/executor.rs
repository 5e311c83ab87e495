//! The executor.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use apscheduler_core::executor::{Executor, ExecutorCapabilities, ExecutorLoad, Run, Runtime};
use apscheduler_core::{Result, Shutdown};

use super::lanes::{Lane, WantedWorkers};
use super::limits::RuntimeLimits;
use super::shared::Shared;
use super::worker::Worker;
use super::{blocking, tasks};

/// Runs async functions as tasks of a runtime, and plain ones where it makes blocking calls.
///
/// A shutdown that does not wait, and the `timeout` of a job, cancel the token of a run. An async function that does not end
/// within the [grace time](RuntimeLimits::cancel_grace_time) is dropped where it awaits something, and its run is an error.
/// If the runtime ends first, the runs on it are errors.
///
/// A shutdown that waits blocks its caller, unless the runtime [needs that thread](Runtime::block) for the jobs that still
/// run; then it returns at once. Async programs await the `shutdown` of their scheduler instead.
pub struct RuntimeExecutor<R: Runtime> {
    given: Option<R>,
    shared: Arc<Shared<R>>,
}

impl<R: Runtime> RuntimeExecutor<R> {
    /// Creates an executor on the runtime in whose context its scheduler is started.
    pub fn new() -> Self {
        Self::with_limits(None, &RuntimeLimits::new())
    }

    /// Creates an executor on this runtime.
    pub fn on(runtime: R) -> Self {
        Self::with_limits(Some(runtime), &RuntimeLimits::new())
    }

    /// Creates an executor with these limits, on this runtime or on the one in whose context its scheduler is started.
    pub fn with_limits(runtime: Option<R>, limits: &RuntimeLimits) -> Self {
        Self { given: runtime, shared: Arc::new(Shared::new(limits, spawn)) }
    }

    /// Sets the runtime, from the next start on.
    pub fn set_runtime(&mut self, runtime: R) {
        self.given = Some(runtime);
    }

    /// Starts the executor on this runtime, whatever it was created with. `kept` is dropped when the executor has been shut
    /// down and its last run has ended: it may own the runtime.
    pub fn start_on(&self, runtime: R, kept: Option<Arc<dyn Any + Send + Sync>>) {
        self.shared.open(runtime, kept);
    }
}

fn spawn<R: Runtime>(shared: &Arc<Shared<R>>, runtime: &Arc<R>, wanted: WantedWorkers, start: u64) {
    for _ in 0..wanted.tasks {
        runtime.spawn(tasks::work(Worker::new(shared, runtime, Lane::Task, start)));
    }
    for _ in 0..wanted.threads {
        let worker = Worker::new(shared, runtime, Lane::Thread, start);
        let spawn = || runtime.spawn_blocking(move || blocking::work(worker));
        if catch_unwind(AssertUnwindSafe(spawn)).is_err() {
            // The system has no thread left, and the runtime has none that would take the worker later.
            shared.give_up_thread();
            return;
        }
    }
}

impl<R: Runtime> Default for RuntimeExecutor<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Runtime> Executor for RuntimeExecutor<R> {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities::new().in_process(true).sync_jobs(true).async_jobs(true)
    }

    fn start(&self, _alias: &str) -> Result<()> {
        let runtime = self.given.clone().map_or_else(R::current, Ok)?;
        self.start_on(runtime, None);
        Ok(())
    }

    fn submit(&self, run: Run) {
        self.shared.submit(vec![run]);
    }

    fn submit_all(&self, runs: Vec<Run>) {
        self.shared.submit(runs);
    }

    fn room(&self) -> usize {
        self.shared.room()
    }

    /// The maximum that was set. Without one, async functions have no limit.
    fn capacity(&self) -> Option<usize> {
        self.shared.capacity()
    }

    fn load(&self) -> ExecutorLoad {
        self.shared.load()
    }

    fn shutdown(&self, shutdown: Shutdown) {
        self.shared.close(shutdown);
        if shutdown == Shutdown::Wait {
            self.shared.wait_drained();
        }
    }
}

impl<R: Runtime> Drop for RuntimeExecutor<R> {
    fn drop(&mut self) {
        self.shared.close(Shutdown::Now);
    }
}

impl<R: Runtime> fmt::Debug for RuntimeExecutor<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeExecutor")
            .field("given", &self.given)
            .field("load", &self.load())
            .finish_non_exhaustive()
    }
}
