//! What executors report about themselves.

/// The jobs that an executor can run.
///
/// # Examples
/// ```
/// use apscheduler_core::executor::ExecutorCapabilities;
///
/// const PLAIN_FUNCTIONS: ExecutorCapabilities =
///     ExecutorCapabilities::new().in_process(true).sync_jobs(true);
/// assert!(PLAIN_FUNCTIONS.in_process && !PLAIN_FUNCTIONS.async_jobs);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExecutorCapabilities {
    /// Whether jobs run in this process, so that closures can be run.
    pub in_process: bool,
    /// Whether it runs plain functions.
    pub sync_jobs: bool,
    /// Whether it runs async functions.
    pub async_jobs: bool,
}

impl ExecutorCapabilities {
    /// Creates capabilities of an executor that can run nothing.
    pub const fn new() -> Self {
        Self { in_process: false, sync_jobs: false, async_jobs: false }
    }

    /// Sets whether jobs run in this process, so that closures can be run.
    pub const fn in_process(mut self, in_process: bool) -> Self {
        self.in_process = in_process;
        self
    }

    /// Sets whether the executor runs plain functions.
    pub const fn sync_jobs(mut self, sync_jobs: bool) -> Self {
        self.sync_jobs = sync_jobs;
        self
    }

    /// Sets whether the executor runs async functions.
    pub const fn async_jobs(mut self, async_jobs: bool) -> Self {
        self.async_jobs = async_jobs;
        self
    }
}

/// How many runs an executor has at the moment.
///
/// # Examples
/// ```
/// use apscheduler_core::executor::ExecutorLoad;
///
/// let load = ExecutorLoad::new().queued(3).running(1);
/// assert_eq!((load.queued, load.running), (3, 1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExecutorLoad {
    /// Runs that wait for a worker.
    pub queued: usize,
    /// Runs that have started and not ended.
    pub running: usize,
}

impl ExecutorLoad {
    /// Creates the load of an idle executor.
    pub const fn new() -> Self {
        Self { queued: 0, running: 0 }
    }

    /// Sets how many runs wait for a worker.
    pub const fn queued(mut self, queued: usize) -> Self {
        self.queued = queued;
        self
    }

    /// Sets how many runs have started and not ended.
    pub const fn running(mut self, running: usize) -> Self {
        self.running = running;
        self
    }
}
