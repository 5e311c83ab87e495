//! The executor.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::{Result, Shutdown};
use apscheduler_core::executor::{Executor, ExecutorCapabilities, ExecutorLoad, Run};
use apscheduler_plugin_kit::executor::Timer;

use crate::options::MayOptions;
use crate::queue::Queue;
use crate::worker;

/// Runs jobs in up to `max_workers` coroutines, which are started as they are needed.
pub struct MayExecutor(Arc<Queue>);

impl MayExecutor {
    /// An executor that runs so many jobs at once, and at least one.
    pub fn new(max_workers: usize) -> Self {
        Self::with_options(&MayOptions::default().max_workers(max_workers))
    }

    /// An executor with these options.
    pub fn with_options(options: &MayOptions) -> Self {
        let (max_workers, stack_size) = options.at_least_the_least();
        Self(Arc::new(Queue::new(max_workers, stack_size)))
    }
}

impl Default for MayExecutor {
    fn default() -> Self {
        Self::with_options(&MayOptions::default())
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
            // Their end is told to the listeners outside of the lock.
            Err(runs) => drop(runs),
        }
    }

    fn room(&self) -> usize {
        self.0.room()
    }

    fn load(&self) -> ExecutorLoad {
        self.0.load()
    }

    fn shutdown(&self, shutdown: Shutdown) {
        let wait = shutdown == Shutdown::Wait;
        let dropped = self.0.close(wait);
        drop(dropped);
        if wait {
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
