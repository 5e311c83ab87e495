//! What an async runtime has to have for a scheduler to run on it.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use crate::Result;

/// An async runtime, of which a [`RuntimeScheduler`](super::RuntimeScheduler) is a task: a scheduler crate implements it.
///
/// It is a handle: clones mean the same runtime. When the runtime has ended, tasks and calls that it is given are dropped;
/// nothing here panics or blocks then.
pub trait Runtime: Clone + fmt::Debug + Send + Sync + 'static {
    /// The name of the executor plugin for this runtime. Where the registry has none, a
    /// [`RuntimeExecutor`](crate::executor::RuntimeExecutor) is the default executor.
    const EXECUTOR: &'static str;

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
