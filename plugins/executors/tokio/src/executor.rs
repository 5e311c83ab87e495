//! The executor.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use apscheduler_core::executor::{Executor, ExecutorCapabilities, ExecutorLoad, Run};
use apscheduler_core::{Result, Shutdown};
use apscheduler_plugin_kit::executor::{RuntimeExecutor, warn_of_task_limit};
use tokio::runtime::Handle;

use crate::handle::TokioRuntime;
use crate::options::{CheckedOptions, TokioOptions};
use crate::own_runtime::OwnRuntime;

/// Runs async jobs as tasks of a tokio runtime, and plain ones on its blocking pool.
pub struct TokioExecutor {
    given: Option<TokioRuntime>,
    worker_threads: Option<usize>,
    /// The runtime of its own, until the last job on it has ended.
    own: Mutex<Weak<OwnRuntime>>,
    executor: RuntimeExecutor<TokioRuntime>,
}

impl TokioExecutor {
    /// Creates an executor on the runtime in whose context its scheduler is started, or on one of its own if there is
    /// none.
    pub fn new() -> Self {
        Self::with_checked(CheckedOptions::default())
    }

    /// Creates an executor on this runtime.
    pub fn with_handle(handle: Handle) -> Self {
        Self::new().on(handle)
    }

    /// Creates an executor with these options.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the option that makes no sense.
    pub fn with_options(options: &TokioOptions) -> Result<Self> {
        options.check().map(Self::with_checked)
    }

    fn with_checked(CheckedOptions { limits, worker_threads }: CheckedOptions) -> Self {
        Self {
            given: None,
            worker_threads,
            own: Mutex::default(),
            executor: RuntimeExecutor::with_limits(None, &limits),
        }
    }

    /// Sets the runtime, whatever the options say.
    ///
    /// # Examples
    /// ```
    /// use apscheduler_executor_tokio::{TokioExecutor, TokioOptions};
    ///
    /// # fn example(handle: tokio::runtime::Handle) -> apscheduler_core::Result<()> {
    /// let options = TokioOptions::default().max_workers(100);
    /// let executor = TokioExecutor::with_options(&options)?.on(handle);
    /// # drop(executor);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on(mut self, handle: Handle) -> Self {
        self.given = Some(TokioRuntime::from(handle));
        self
    }

    /// Returns the runtime of the program to use; `None` if the executor needs one of its own.
    fn foreign_runtime(&self) -> Option<TokioRuntime> {
        match (&self.given, self.worker_threads) {
            (Some(runtime), _) => Some(runtime.clone()),
            (None, Some(_)) => None,
            (None, None) => Handle::try_current().ok().map(TokioRuntime::from),
        }
    }

    /// Returns the runtime of its own. That of an earlier start is still there while its last jobs end.
    fn own_runtime(&self, alias: &str) -> Result<Arc<OwnRuntime>> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = own.upgrade() {
            return Ok(runtime);
        }
        let runtime = Arc::new(OwnRuntime::start(alias, self.worker_threads)?);
        *own = Arc::downgrade(&runtime);
        Ok(runtime)
    }
}

impl Default for TokioExecutor {
    fn default() -> Self {
        Self::new()
    }
}

impl Executor for TokioExecutor {
    fn capabilities(&self) -> ExecutorCapabilities {
        self.executor.capabilities()
    }

    fn start(&self, alias: &str) -> Result<()> {
        if let Some(threads) = self.worker_threads {
            warn_of_task_limit(alias, "worker_threads", threads);
        }
        if let Some(runtime) = self.foreign_runtime() {
            self.executor.start_on(runtime, None);
        } else {
            let own = self.own_runtime(alias)?;
            self.executor.start_on(TokioRuntime::from(own.handle()), Some(own));
        }
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

    fn capacity(&self) -> Option<usize> {
        self.executor.capacity()
    }

    fn load(&self) -> ExecutorLoad {
        self.executor.load()
    }

    fn shutdown(&self, shutdown: Shutdown) {
        self.executor.shutdown(shutdown);
    }
}

impl fmt::Debug for TokioExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioExecutor").field("load", &self.load()).finish_non_exhaustive()
    }
}
