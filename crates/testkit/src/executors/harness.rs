//! What an executor crate says of its executor.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::executor::Executor;

type Make = dyn Fn(usize) -> Arc<dyn Executor> + Send + Sync;

/// Makes executors, and says what they can do beside running jobs. What it does not say it can is not asked for.
pub struct ExecutorHarness {
    name: String,
    make: Box<Make>,
    pub(super) queues: bool,
    pub(super) cancels: bool,
    pub(super) timeouts: Vec<Flavor>,
    pub(super) survives_worker_death: bool,
    divisor: usize,
}

/// The two sorts of function that a job can call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// A plain function.
    Sync,
    /// An async function.
    Async,
}

impl ExecutorHarness {
    /// The executors that `make` makes: called with the number of jobs that may run at once, it returns one that is
    /// not started yet.
    ///
    /// An executor that always runs one job at a time leaves the number out of account.
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

    /// It has workers and a queue, and tells their load. Without this, jobs run in the thread that submits them.
    pub fn queues(mut self) -> Self {
        self.queues = true;
        self
    }

    /// A shutdown that does not wait cancels the tokens of what runs.
    pub fn cancels(mut self) -> Self {
        self.cancels = true;
        self
    }

    /// It ends functions of this sort that take longer than the `timeout` of their job, whatever they do.
    pub fn keeps_timeouts(mut self, flavor: Flavor) -> Self {
        self.timeouts.push(flavor);
        self
    }

    /// A job that ends the process that it runs in is an error of its own run, and nothing more.
    pub fn survives_worker_death(mut self) -> Self {
        self.survives_worker_death = true;
        self
    }

    /// By what the numbers of runs in the large cases are divided, for slow executors.
    pub fn divisor(mut self, divisor: usize) -> Self {
        self.divisor = divisor.max(1);
        self
    }

    /// The name that its cases begin with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A new executor, not started yet.
    pub fn executor(&self, workers: usize) -> Arc<dyn Executor> {
        (self.make)(workers)
    }

    /// The size of a large case.
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
    /// Both sorts.
    pub const ALL: [Self; 2] = [Self::Sync, Self::Async];

    /// `sync` or `async`: what names of cases and of functions have in them.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Async => "async",
        }
    }
}
