//! The async runtimes that schedulers and executors can use.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::thread::ThreadId;
use std::time::Duration;

use super::Executor;
use crate::Result;

/// A handle to an async runtime. Schedulers run on it as tasks, and executors run jobs on it.
///
/// Clones refer to the same runtime. When the runtime has ended, the tasks and calls that it is given are dropped; no method
/// panics or blocks then.
pub trait Runtime: Clone + fmt::Debug + Send + Sync + 'static {
    /// The name of the executor plugin for this runtime, the default executor of its schedulers.
    const EXECUTOR: &'static str;

    /// Creates an executor on this runtime, or on the one in whose context the scheduler is started: the default executor
    /// if the registry has no plugin [`EXECUTOR`](Self::EXECUTOR).
    fn executor(runtime: Option<Self>) -> Arc<dyn Executor>;

    /// Returns the runtime in whose context this is called.
    ///
    /// # Errors
    /// There is no runtime, or it has no timers. The message says what to do about it.
    fn current() -> Result<Self>;

    /// Checks that the runtime has timers, without which no scheduler can run on it.
    ///
    /// # Errors
    /// What it lacks, and what to do about it.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Spawns a task.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);

    /// Makes a call that may block, in the context of this runtime and where it holds up no task.
    fn spawn_blocking(&self, call: impl FnOnce() + Send + 'static);

    /// Completes after this time. Awaited in a task of this runtime.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;

    /// Completes after other tasks, timers and sockets had their turn. Awaited in a task of this runtime.
    fn yield_now(&self) -> impl Future<Output = ()> + Send;

    /// Returns how many threads run its tasks, as far as that is known. Default: 1.
    fn parallelism(&self) -> usize {
        1
    }

    /// Returns whether a task may block its thread by [`block`](Self::block) while other tasks continue in other threads.
    /// Default: `false`, as for a runtime with one thread.
    fn may_block_tasks(&self) -> bool {
        false
    }

    /// Calls `wait`, which blocks the calling thread until tasks of this runtime have ended; or returns without calling it
    /// if the runtime needs this very thread to run them.
    ///
    /// `driver` is the thread that was last seen to run tasks, if all tasks share one. The default implementation always
    /// calls `wait`.
    fn block(&self, driver: Option<ThreadId>, wait: impl FnOnce()) {
        let _ = driver;
        wait();
    }
}
