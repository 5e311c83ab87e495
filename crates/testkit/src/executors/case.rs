//! One case of the suite.

use std::sync::Arc;

use apscheduler_core::executor::{Executor, ExecutorCapabilities};

use super::{ExecutorHarness, Flavor, Lab};

/// What a case needs of an executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It has workers and a queue.
    Queue,
    /// It runs jobs in this process.
    InProcess,
    /// A shutdown that does not wait cancels what runs.
    Cancellation,
    /// It ends functions of the sort at hand that take too long.
    Timeout,
    /// It lives on when a job ends its process.
    WorkerDeath,
}

/// What a case is run with: an executor's harness, and the sort of function that its jobs call.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    harness: &'a ExecutorHarness,
    flavor: Flavor,
}

/// One case of the suite.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name: `theme::what_holds`.
    pub name: &'static str,
    /// What an executor must have, for the case to make sense.
    pub needs: &'static [Need],
    pub(super) check: fn(&Setup<'_>),
}

impl<'a> Setup<'a> {
    /// A case of this executor with jobs of this sort.
    pub fn new(harness: &'a ExecutorHarness, flavor: Flavor) -> Self {
        Self { harness, flavor }
    }

    /// The harness of the executor.
    pub fn harness(&self) -> &'a ExecutorHarness {
        self.harness
    }

    /// The sort of function that the jobs of the case call.
    pub fn flavor(&self) -> Flavor {
        self.flavor
    }

    /// A new executor, not started yet, that runs so many jobs at once.
    pub fn executor(&self, workers: usize) -> Arc<dyn Executor> {
        self.harness.executor(workers)
    }

    /// A running scheduler with a new executor that runs so many jobs at once.
    pub fn lab(&self, workers: usize) -> Lab {
        Lab::new(self, workers)
    }

    /// What the executor can do.
    pub fn capabilities(&self) -> ExecutorCapabilities {
        self.executor(1).capabilities()
    }

    /// What it lacks.
    fn unmet(&self, need: Need) -> Option<&'static str> {
        let (harness, can) = (self.harness, self.capabilities());
        let (met, reason) = match need {
            Need::Queue => (harness.queues, "the executor has no queue"),
            Need::InProcess => (can.in_process, "the executor leaves the process"),
            Need::Cancellation => (harness.cancels, "the executor cancels nothing"),
            Need::Timeout => {
                (harness.timeouts.contains(&self.flavor), "the executor can't end such a function")
            }
            Need::WorkerDeath => {
                (harness.survives_worker_death, "the executor shares a process with its jobs")
            }
        };
        (!met).then_some(reason)
    }
}

impl Case {
    /// Runs it. Returns the reason where the executor lacks what it needs.
    ///
    /// # Panics
    /// Where the executor does not do what it promises.
    pub fn run(&self, setup: &Setup<'_>) -> Option<&'static str> {
        let can = setup.capabilities();
        let unmet = match setup.flavor {
            Flavor::Sync if !can.sync_jobs => Some("the executor runs async functions only"),
            Flavor::Async if !can.async_jobs => Some("the executor runs plain functions only"),
            _ => self.needs.iter().find_map(|need| setup.unmet(*need)),
        };
        if unmet.is_none() {
            (self.check)(setup);
        }
        unmet
    }
}

/// The cases of a theme: for each its function, and what it needs.
macro_rules! cases {
    ($theme:literal: $($check:ident $([$($need:ident),+])?),+ $(,)?) => {
        pub(super) const CASES: &[$crate::executors::Case] = &[$($crate::executors::Case {
            name: concat!($theme, "::", stringify!($check)),
            needs: &[$($($crate::executors::Need::$need),+)?],
            check: $check,
        }),+];
    };
}
pub(super) use cases;
