//! Executors run jobs: the trait that they implement, and what it refers to.

mod capabilities;
mod event_loop;
mod invocation;
mod run;
mod runtime;
mod slot;

use std::fmt;

pub use capabilities::{ExecutorCapabilities, ExecutorLoad};
pub use event_loop::{LoopHandle, LoopTurns};
pub use invocation::Invocation;
pub use run::Run;
pub use runtime::Runtime;
pub use slot::{Fire, InstanceSlot, Outcome, RunBatch, RunSink, Started, Submission};

pub use crate::run::{CancellationToken, Cancelled, RunId};
pub use crate::thread_scope::{RunWorker, ThreadScope, ThreadScopeGuard};

use crate::{Result, Shutdown};

/// Takes runs and reports exactly one outcome for each of their run times.
///
/// The engine counts the instances of a job; a slot is free again when the [`Run`] is dropped.
pub trait Executor: fmt::Debug + Send + Sync + 'static {
    /// Returns which jobs it can run. The answer never changes.
    fn capabilities(&self) -> ExecutorCapabilities;

    /// Receives the event loop of the scheduler, before [`start`](Self::start). For executors that run jobs there.
    fn attach(&self, event_loop: &LoopHandle) {
        let _ = event_loop;
    }

    /// Starts threads and connections. Called once before the first [`submit`](Self::submit), and again after a
    /// shutdown; `alias` is the executor's name in the scheduler.
    ///
    /// # Errors
    /// The reason why it can't start.
    fn start(&self, alias: &str) -> Result<()> {
        let _ = alias;
        Ok(())
    }

    /// Takes a run, and runs it now or later. A run that is dropped is reported as an error, so no run is lost
    /// silently.
    fn submit(&self, run: Run);

    /// Takes several runs, in order. Override it if a batch is cheaper than single runs.
    fn submit_all(&self, runs: Vec<Run>) {
        for run in runs {
            self.submit(run);
        }
    }

    /// Returns how many more runs it would like to take now. The engine leaves jobs beyond that in their store, and asks
    /// again when a run starts or ends.
    fn room(&self) -> usize {
        usize::MAX
    }

    /// Returns how many runs it runs at the same time at most, such as the number of its workers. `None`, the default, means
    /// that there is no such limit, or that it is not known.
    fn capacity(&self) -> Option<usize> {
        None
    }

    /// Returns how many runs are queued and running.
    fn load(&self) -> ExecutorLoad {
        ExecutorLoad::default()
    }

    /// Stops taking runs.
    ///
    /// With [`Shutdown::Wait`] it returns when all submitted runs have ended; in one of the executor's own workers, when
    /// all others have. With [`Shutdown::Now`] it drops the runs that have not started, cancels the tokens of the others,
    /// and returns at once.
    fn shutdown(&self, shutdown: Shutdown);
}
