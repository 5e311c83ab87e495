//! The executor.

use apscheduler_core::executor::{Executor, ExecutorCapabilities, ExecutorLoad, Run, Runtime as _};
use apscheduler_core::{Result, Shutdown};
use apscheduler_plugin_kit::executor::{RuntimeExecutor, RuntimeLimits};

use crate::handle::SmolRuntime;
use crate::options::{CheckedOptions, SmolOptions};

/// Runs async jobs as tasks of smol, and plain ones in the threads of `smol::unblock`.
#[derive(Debug)]
pub struct SmolExecutor {
    given: Option<SmolRuntime>,
    executor: RuntimeExecutor<SmolRuntime>,
}

impl SmolExecutor {
    /// Creates an executor on the global executor of smol, or on the one whose blocking call starts the scheduler.
    pub fn new() -> Self {
        Self::with_checked(CheckedOptions::default())
    }

    /// Creates an executor with these options.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the option that makes no sense.
    pub fn with_options(options: &SmolOptions) -> Result<Self> {
        options.check().map(Self::with_checked)
    }

    fn with_checked(CheckedOptions { max_workers, cancel_grace_time }: CheckedOptions) -> Self {
        // The threads of `smol::unblock` have a limit of their own.
        let limits =
            RuntimeLimits::new().max_threads(usize::MAX / 2).cancel_grace_time(cancel_grace_time);
        let limits = match max_workers {
            Some(max_workers) => limits.max_workers(max_workers),
            None => limits,
        };
        Self { given: None, executor: RuntimeExecutor::with_limits(None, &limits) }
    }

    /// Sets the executor of smol that jobs run on.
    pub fn on(mut self, runtime: SmolRuntime) -> Self {
        self.given = Some(runtime);
        self
    }
}

impl Default for SmolExecutor {
    fn default() -> Self {
        Self::new()
    }
}

impl Executor for SmolExecutor {
    fn capabilities(&self) -> ExecutorCapabilities {
        self.executor.capabilities()
    }

    fn start(&self, _alias: &str) -> Result<()> {
        let runtime = self.given.clone().map_or_else(SmolRuntime::current, Ok)?;
        self.executor.start_on(runtime, None);
        Ok(())
    }

    fn submit(&self, run: Run) {
        self.executor.submit(run);
    }

    fn submit_all(&self, runs: Vec<Run>) {
        self.executor.submit_all(runs);
    }

    fn room(&self) -> usize {
        self.executor.room()
    }

    fn load(&self) -> ExecutorLoad {
        self.executor.load()
    }

    fn shutdown(&self, shutdown: Shutdown) {
        self.executor.shutdown(shutdown);
    }
}
