//! An executor whose runs wait until a test executes them, one by one and in any order.

use std::sync::{Arc, Mutex, MutexGuard};

use apscheduler_core::Shutdown;
use apscheduler_core::executor::{Executor, ExecutorCapabilities, Run};
use apscheduler_plugin_kit::executor::RunExt;

/// Holds a limited number of runs. Clones are the same executor.
#[derive(Clone, Debug)]
pub(crate) struct HeldRuns {
    runs: Arc<Mutex<Vec<Run>>>,
    size: usize,
}

impl HeldRuns {
    /// Returns an executor with room for `size` runs.
    pub(crate) fn new(size: usize) -> Self {
        Self { runs: Arc::default(), size }
    }

    /// Returns how many runs wait.
    pub(crate) fn len(&self) -> usize {
        self.runs().len()
    }

    /// Executes the run at this position.
    pub(crate) fn execute(&self, place: usize) {
        let run = self.runs().remove(place);
        run.execute();
    }

    /// Executes all runs, in order. Returns how many there were.
    pub(crate) fn execute_all(&self) -> usize {
        let runs = std::mem::take(&mut *self.runs());
        let count = runs.len();
        runs.into_iter().for_each(RunExt::execute);
        count
    }

    fn runs(&self) -> MutexGuard<'_, Vec<Run>> {
        self.runs.lock().unwrap()
    }
}

impl Executor for HeldRuns {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities::new().in_process(true).sync_jobs(true)
    }

    fn submit(&self, run: Run) {
        self.runs().push(run);
    }

    fn room(&self) -> usize {
        self.size.saturating_sub(self.len())
    }

    fn shutdown(&self, _shutdown: Shutdown) {}
}
