//! The executor.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::{Result, Shutdown};
use apscheduler_core::executor::{Executor, ExecutorCapabilities, ExecutorLoad, Run};
use apscheduler_plugin_kit::executor::warn_of_task_limit;
use tokio::runtime::Handle;

use crate::options::TokioOptions;
use crate::runtime::RuntimeChoice;
use crate::shared::Shared;

/// Runs async jobs as tasks of a tokio runtime, and plain ones on its blocking pool.
pub struct TokioExecutor {
    choice: RuntimeChoice,
    shared: Arc<Shared>,
}

impl TokioExecutor {
    /// An executor on the runtime in whose context its scheduler is started, or on one of its own where there is none.
    pub fn new() -> Self {
        Self::with_options(&TokioOptions::default())
    }

    /// An executor on this runtime.
    pub fn with_handle(handle: Handle) -> Self {
        Self::new().on(handle)
    }

    /// An executor with these options.
    pub fn with_options(options: &TokioOptions) -> Self {
        let limit = options.max_workers.map(|limit| limit.max(1));
        let threads = options.worker_threads.map(|threads| threads.max(1));
        Self {
            choice: RuntimeChoice { given: None, threads },
            shared: Arc::new(Shared::new(limit, options.grace())),
        }
    }

    /// The same on this runtime, whatever the options say.
    ///
    /// # Examples
    /// ```
    /// use apscheduler_executor_tokio::{TokioExecutor, TokioOptions};
    ///
    /// # fn example(handle: tokio::runtime::Handle) {
    /// let executor = TokioExecutor::with_options(&TokioOptions::default().max_workers(100)).on(handle);
    /// # drop(executor);
    /// # }
    /// ```
    pub fn on(mut self, handle: Handle) -> Self {
        self.choice.given = Some(handle);
        self
    }
}

impl Default for TokioExecutor {
    fn default() -> Self {
        Self::new()
    }
}

impl Executor for TokioExecutor {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities::new().in_process(true).sync_jobs(true).async_jobs(true)
    }

    fn start(&self, alias: &str) -> Result<()> {
        if let Some(threads) = self.choice.threads {
            warn_of_task_limit(alias, "worker_threads", threads);
        }
        self.shared.open(&self.choice, alias)
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

    fn load(&self) -> ExecutorLoad {
        self.shared.load()
    }

    fn shutdown(&self, shutdown: Shutdown) {
        let wait = shutdown == Shutdown::Wait;
        self.shared.close(wait);
        if wait {
            self.shared.wait_drained();
        }
    }
}

impl Drop for TokioExecutor {
    fn drop(&mut self) {
        self.shared.close(false);
    }
}

impl fmt::Debug for TokioExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioExecutor").field("load", &self.load()).finish_non_exhaustive()
    }
}
