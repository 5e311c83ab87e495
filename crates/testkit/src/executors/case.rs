//! A case of the suite.

use std::sync::Arc;

use apscheduler_core::executor::{Executor, ExecutorCapabilities};

use super::{ExecutorHarness, Flavor};

/// A requirement of a case on the executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The executor has workers and a queue.
    Queue,
    /// The executor runs jobs in this process.
    InProcess,
    /// A shutdown that does not wait cancels running jobs.
    Cancellation,
    /// The executor enforces the timeout of functions of this flavor.
    Timeout,
    /// The executor survives a job that ends its process.
    WorkerDeath,
}

/// The setup of a case: an executor's harness, and the kind of function that its jobs call.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    harness: &'a ExecutorHarness,
    flavor: Flavor,
}

/// A case of the suite.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The name: `theme::what_holds`.
    pub name: &'static str,
    /// The requirements on the executor.
    pub needs: &'static [Need],
    pub(super) check: fn(&Setup<'_>),
}

impl<'a> Setup<'a> {
    /// Returns the setup for this executor with jobs of this flavor.
    pub fn new(harness: &'a ExecutorHarness, flavor: Flavor) -> Self {
        Self { harness, flavor }
    }

    /// Returns the harness of the executor.
    pub fn harness(&self) -> &'a ExecutorHarness {
        self.harness
    }

    /// Returns the kind of function that the jobs of the case call.
    pub fn flavor(&self) -> Flavor {
        self.flavor
    }

    /// Returns a new executor, not started yet, that runs up to `workers` jobs at once.
    pub fn executor(&self, workers: usize) -> Arc<dyn Executor> {
        self.harness.executor(workers)
    }

    /// Returns the capabilities of the executor.
    pub fn capabilities(&self) -> ExecutorCapabilities {
        self.executor(1).capabilities()
    }

    /// Returns why the executor does not meet a requirement.
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
    /// Runs the case. If the executor does not meet a requirement, returns the reason.
    ///
    /// # Panics
    /// If the executor violates its contract.
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

/// Lists the cases of a theme: for each, its function and its requirements.
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
