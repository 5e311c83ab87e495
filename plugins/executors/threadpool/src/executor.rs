//! The pool.

use apscheduler_core::executor::{Executor, ExecutorCapabilities, ExecutorLoad, Run};
use apscheduler_core::{Result, Shutdown};
use apscheduler_plugin_kit::executor::{RunExt, RunThreads};

use crate::options::{CheckedOptions, ThreadPoolOptions};

/// Runs jobs in up to `max_workers` threads, which are started as they are needed.
#[derive(Debug)]
pub struct ThreadPoolExecutor {
    thread_name_prefix: Option<String>,
    threads: RunThreads,
}

impl ThreadPoolExecutor {
    /// Creates a pool of at most this many threads, and at least one.
    pub fn new(max_workers: usize) -> Self {
        Self::with_checked(CheckedOptions { max_workers, thread_name_prefix: None })
    }

    /// Creates a pool with these options.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the option that makes no sense.
    pub fn with_options(options: &ThreadPoolOptions) -> Result<Self> {
        options.check().map(Self::with_checked)
    }

    fn with_checked(options: CheckedOptions) -> Self {
        Self {
            thread_name_prefix: options.thread_name_prefix,
            threads: RunThreads::new(options.max_workers, |runs| runs.for_each(RunExt::execute)),
        }
    }
}

impl Executor for ThreadPoolExecutor {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities::new().in_process(true).sync_jobs(true).async_jobs(true)
    }

    fn start(&self, alias: &str) -> Result<()> {
        match &self.thread_name_prefix {
            Some(prefix) => self.threads.open(prefix),
            None => self.threads.open(&format!("apscheduler-{alias}")),
        }
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
    }
}
