//! Executors run jobs.

mod activity;
mod cancellation;
mod event_loop;
mod invocation;
mod run;
mod run_id;
mod runtime;

use std::fmt;

pub use activity::{Activity, ActivityGuard};
pub use cancellation::{CancellationToken, Cancelled};
pub use event_loop::{LoopHandle, LoopTurns};
pub use invocation::Invocation;
pub use run::{Outcome, Run, RunSink};
pub use run_id::RunId;
pub use runtime::Runtime;

use crate::Result;

/// What an executor can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutorCapabilities {
    /// It runs jobs in this process, so closures can be run.
    pub in_process: bool,
    /// It runs plain functions.
    pub sync_jobs: bool,
    /// It runs async functions.
    pub async_jobs: bool,
}

/// How much an executor has to do at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExecutorLoad {
    /// Runs that wait for a worker.
    pub queued: usize,
    /// Runs that have started.
    pub running: usize,
}

/// Takes runs and reports exactly one outcome for each of their run times.
///
/// The engine counts the instances of a job; a slot is free again when the [`Run`] is dropped.
pub trait Executor: fmt::Debug + Send + Sync + 'static {
    /// What it can run. The answer never changes.
    fn capabilities(&self) -> ExecutorCapabilities;

    /// Shows it the event loop of the scheduler that it is about to be started in. For executors that run jobs there.
    fn attach(&self, event_loop: &LoopHandle) {
        let _ = event_loop;
    }

    /// Starts threads and the like. Called once before the first [`submit`](Self::submit), and again after a
    /// shutdown; `alias` is the name in the scheduler.
    ///
    /// # Errors
    /// What keeps it from starting.
    fn start(&self, alias: &str) -> Result<()> {
        let _ = alias;
        Ok(())
    }

    /// Takes a run, to [`execute`](Run::execute) it now or later. A run that is dropped is an ERROR event, so nothing
    /// is lost in silence.
    fn submit(&self, run: Run);

    /// Takes many runs, in order. An executor that can take them in one go should.
    fn submit_all(&self, runs: Vec<Run>) {
        for run in runs {
            self.submit(run);
        }
    }

    /// How many runs it takes at the moment without their piling up. The engine leaves in the store what finds no room
    /// and asks again when a run starts or ends.
    fn room(&self) -> usize {
        usize::MAX
    }

    /// How many runs wait and run.
    fn load(&self) -> ExecutorLoad {
        ExecutorLoad::default()
    }

    /// Stops taking runs. With `wait` it returns when all submitted runs have ended, unless the caller is itself one of
    /// its workers; without, runs that have not started are dropped.
    fn shutdown(&self, wait: bool);
}
