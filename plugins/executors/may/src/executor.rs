//! The executor.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::executor::{Executor, ExecutorCapabilities, ExecutorLoad, Run};
use apscheduler_core::{Result, Shutdown};
use apscheduler_plugin_kit::executor::Timer;

use crate::options::{CheckedOptions, MayOptions};
use crate::shared::Shared;
use crate::worker;

/// Runs jobs in up to `max_workers` coroutines, which are started on demand.
pub struct MayExecutor(Arc<Shared>);

impl MayExecutor {
    /// Creates an executor that runs at most this many jobs at once, and at least one.
    pub fn new(max_workers: usize) -> Self {
        let max_workers = max_workers.max(1);
        Self::with_checked(CheckedOptions { max_workers, ..CheckedOptions::default() })
    }

    /// Creates an executor with these options.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the invalid option.
    pub fn with_options(options: &MayOptions) -> Result<Self> {
        options.check().map(Self::with_checked)
    }

    fn with_checked(CheckedOptions { max_workers, stack_size }: CheckedOptions) -> Self {
        Self(Arc::new(Shared::new(max_workers, stack_size)))
    }
}

impl Default for MayExecutor {
    fn default() -> Self {
        Self::with_checked(CheckedOptions::default())
    }
}

impl Executor for MayExecutor {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities::new().in_process(true).sync_jobs(true).async_jobs(true)
    }

    fn start(&self, alias: &str) -> Result<()> {
        Timer::prepare()?;
        self.0.open(&format!("apscheduler-{alias}"));
        Ok(())
    }

    fn submit(&self, run: Run) {
        self.submit_all(vec![run]);
    }

    fn submit_all(&self, runs: Vec<Run>) {
        match self.0.push(runs) {
            Ok(wanted) => worker::start(&self.0, wanted),
            // Listeners receive their outcomes outside the lock.
            Err(runs) => drop(runs),
        }
    }

    fn room(&self) -> usize {
        self.0.room()
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.0.capacity())
    }

    fn load(&self) -> ExecutorLoad {
        self.0.load()
    }

    fn shutdown(&self, shutdown: Shutdown) {
        self.0.close(shutdown);
        if shutdown == Shutdown::Wait {
            worker::wait_drained(&self.0);
        }
    }
}

impl Drop for MayExecutor {
    fn drop(&mut self) {
        self.shutdown(Shutdown::Now);
    }
}

impl fmt::Debug for MayExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MayExecutor").field("load", &self.load()).finish_non_exhaustive()
    }
}
