//! The description of an executor for the suite.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::executor::Executor;

type Make = dyn Fn(usize) -> Arc<dyn Executor> + Send + Sync;

/// Makes executors, and declares what they can do beyond running jobs. Only declared features are
/// tested.
pub struct ExecutorHarness {
    name: String,
    make: Box<Make>,
    pub(super) queues: bool,
    pub(super) cancels: bool,
    pub(super) timeouts: Vec<Flavor>,
    pub(super) survives_worker_death: bool,
    divisor: usize,
}

/// The two kinds of function that a job can call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// A plain function.
    Sync,
    /// An async function.
    Async,
}

impl ExecutorHarness {
    /// Returns a harness for the executors that `make` returns. `make` receives the number of jobs
    /// that may run at once, and returns an executor that is not started yet.
    ///
    /// An executor that always runs one job at a time ignores the number.
    pub fn new(
        name: impl Into<String>,
        make: impl Fn(usize) -> Arc<dyn Executor> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            make: Box::new(make),
            queues: false,
            cancels: false,
            timeouts: Vec::new(),
            survives_worker_death: false,
            divisor: 1,
        }
    }

    /// Declares that it has workers and a queue, and reports their load. Otherwise, jobs run on the
    /// thread that submits them.
    pub fn queues(mut self) -> Self {
        self.queues = true;
        self
    }

    /// Declares that a shutdown that does not wait cancels the tokens of running jobs.
    pub fn cancels(mut self) -> Self {
        self.cancels = true;
        self
    }

    /// Declares that it terminates functions of this flavor that exceed the `timeout` of their job,
    /// whatever they do.
    pub fn keeps_timeouts(mut self, flavor: Flavor) -> Self {
        self.timeouts.push(flavor);
        self
    }

    /// Declares that a job that ends its process fails only its own run.
    pub fn survives_worker_death(mut self) -> Self {
        self.survives_worker_death = true;
        self
    }

    /// Sets the divisor for the numbers of runs in large cases, for slow executors.
    pub fn divisor(mut self, divisor: usize) -> Self {
        self.divisor = divisor.max(1);
        self
    }

    /// Returns the prefix of its case names.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns a new executor, not started yet.
    pub fn executor(&self, workers: usize) -> Arc<dyn Executor> {
        (self.make)(workers)
    }

    /// Returns the size of a large case.
    pub fn scaled(&self, count: usize) -> usize {
        (count / self.divisor).max(40)
    }
}

impl fmt::Debug for ExecutorHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecutorHarness").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Flavor {
    /// Both flavors.
    pub const ALL: [Self; 2] = [Self::Sync, Self::Async];

    /// Returns `sync` or `async`, as in the names of cases and functions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Async => "async",
        }
    }
}
