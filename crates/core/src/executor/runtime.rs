//! What an async runtime has to have for a scheduler to run on it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::Executor;
use crate::Result;

/// An async runtime, on which schedulers run as tasks, and executors run jobs.
///
/// It is a handle: clones mean the same runtime. When the runtime has ended, tasks and calls that it is given are dropped;
/// nothing here panics or blocks then.
pub trait Runtime: Clone + fmt::Debug + Send + Sync + 'static {
    /// The name of the executor plugin for this runtime, the default executor of its schedulers.
    const EXECUTOR: &'static str;

    /// An executor that runs async jobs as tasks of this runtime, or of the one in whose context the scheduler is started:
    /// the default executor where the registry has no plugin [`EXECUTOR`](Self::EXECUTOR).
    fn executor(runtime: Option<Self>) -> Arc<dyn Executor>;

    /// The runtime in whose context this is called.
    ///
    /// # Errors
    /// That there is none, or that it has no timers, and what to do about it.
    fn current() -> Result<Self>;

    /// Whether a scheduler can run on it, which needs timers.
    ///
    /// # Errors
    /// What it lacks, and what to do about it.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Runs a task.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);

    /// Makes a call that may block, where it holds up no task, and in the context of this runtime.
    fn spawn_blocking(&self, call: impl FnOnce() + Send + 'static);

    /// Completes after this time. Awaited in a task of this runtime.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;

    /// Completes when other tasks, timers and sockets had their turn. Awaited in a task of this runtime.
    fn yield_now(&self) -> impl Future<Output = ()> + Send;
}
