//! The pool.

use std::sync::Arc;

use apscheduler_core::executor::{Executor, ExecutorCapabilities, ExecutorLoad, Run};
use apscheduler_core::{Result, Shutdown};
use apscheduler_plugin_kit::executor::RunThreads;

use crate::options::{CheckedOptions, ProcessPoolOptions};
use crate::service::Pool;
use crate::worker;

/// Runs jobs in up to `max_workers` processes, which are started as they are needed.
#[derive(Debug)]
pub struct ProcessPoolExecutor {
    pool: Arc<Pool>,
    /// One thread for each worker process.
    threads: RunThreads,
}

impl ProcessPoolExecutor {
    /// Creates a pool of at most this many processes, and at least one.
    pub fn new(max_workers: usize) -> Self {
        Self::with_checked(CheckedOptions { max_workers, max_tasks_per_child: None })
    }

    /// Creates a pool with these options.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the option that makes no sense.
    pub fn with_options(options: &ProcessPoolOptions) -> Result<Self> {
        options.check().map(Self::with_checked)
    }

    fn with_checked(options: CheckedOptions) -> Self {
        let pool = Arc::new(Pool::new(options.max_tasks_per_child));
        let threads = {
            let pool = Arc::clone(&pool);
            RunThreads::new(options.max_workers, move |runs| pool.serve(runs))
        };
        Self { pool, threads }
    }
}

impl Executor for ProcessPoolExecutor {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities::new().sync_jobs(true).async_jobs(true)
    }

    fn start(&self, alias: &str) -> Result<()> {
        self.pool.start()?;
        worker::check_hook()?;
        self.threads.open(&format!("apscheduler-{alias}"));
        Ok(())
    }

    fn submit(&self, run: Run) {
        self.threads.submit(vec![run]);
    }

    fn submit_all(&self, runs: Vec<Run>) {
        self.threads.submit(runs);
    }

    fn room(&self) -> usize {
        self.threads.room()
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.threads.capacity())
    }

    fn load(&self) -> ExecutorLoad {
        self.threads.load()
    }

    fn shutdown(&self, shutdown: Shutdown) {
        self.threads.shutdown(shutdown);
        if shutdown == Shutdown::Now {
            self.pool.stop();
        }
    }
}

impl Drop for ProcessPoolExecutor {
    fn drop(&mut self) {
        self.shutdown(Shutdown::Now);
    }
}
