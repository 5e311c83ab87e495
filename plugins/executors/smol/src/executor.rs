//! The executor.

use apscheduler_core::executor::{Executor, ExecutorCapabilities, ExecutorLoad, Run};
use apscheduler_core::{Result, Shutdown};
use apscheduler_plugin_kit::executor::{RuntimeExecutor, RuntimeLimits};

use crate::handle::SmolRuntime;
use crate::options::SmolOptions;

/// Runs async jobs as tasks of smol, and plain ones in the threads of `smol::unblock`.
#[derive(Debug)]
pub struct SmolExecutor(RuntimeExecutor<SmolRuntime>);

impl SmolExecutor {
    /// Creates an executor on the global executor of smol, or on the one whose blocking call starts the scheduler.
    pub fn new() -> Self {
        Self::with_limits(RuntimeLimits::new())
    }

    /// Creates an executor with these options.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the option that makes no sense.
    pub fn with_options(options: &SmolOptions) -> Result<Self> {
        options.check().map(Self::with_limits)
    }

    fn with_limits(limits: RuntimeLimits) -> Self {
        // The threads of `smol::unblock` have a limit of their own.
        let limits = limits.max_threads(usize::MAX / 2);
        Self(RuntimeExecutor::with_limits(None, &limits))
    }

    /// Sets the executor of smol that jobs run on.
    pub fn on(mut self, runtime: SmolRuntime) -> Self {
        self.0.set_runtime(runtime);
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
        self.0.capabilities()
    }

    fn start(&self, alias: &str) -> Result<()> {
        self.0.start(alias)
    }

    fn submit(&self, run: Run) {
        self.0.submit(run);
    }

    fn submit_all(&self, runs: Vec<Run>) {
        self.0.submit_all(runs);
    }

    fn room(&self) -> usize {
        self.0.room()
    }

    fn capacity(&self) -> Option<usize> {
        self.0.capacity()
    }

    fn load(&self) -> ExecutorLoad {
        self.0.load()
    }

    fn shutdown(&self, shutdown: Shutdown) {
        self.0.shutdown(shutdown);
    }
}
