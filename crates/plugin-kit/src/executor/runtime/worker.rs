//! The base of tasks and threads: they take runs until none is left, and are counted until they are dropped.

use std::sync::Arc;

use apscheduler_core::Error;
use apscheduler_core::executor::{Run, RunWorker, Runtime, ThreadScope, ThreadScopeGuard};
use apscheduler_core::function::JobError;

use super::lanes::{Lane, Lanes, WorkerState};
use super::shared::Shared;

pub(super) struct Worker<R: Runtime> {
    pub(super) shared: Arc<Shared<R>>,
    pub(super) runtime: Arc<R>,
    lane: Lane,
    state: WorkerState,
    /// The start of the executor that it belongs to.
    start: u64,
}

impl<R: Runtime> Worker<R> {
    /// Creates a worker that is counted already.
    pub(super) fn new(shared: &Arc<Shared<R>>, runtime: &Arc<R>, lane: Lane, start: u64) -> Self {
        let (shared, runtime) = (Arc::clone(shared), Arc::clone(runtime));
        Self { shared, runtime, lane, state: WorkerState::Starting, start }
    }

    /// Returns the next run. The previous one must have been dropped.
    pub(super) fn next(&mut self) -> Option<Run> {
        self.shared.next(self.lane, &mut self.state)
    }

    /// Notes that the run has been suspended.
    pub(super) fn suspend(&mut self) {
        if self.state == WorkerState::Busy {
            self.state = WorkerState::Suspended;
            self.shared.change(Lanes::suspend);
        }
    }

    /// Marks the calling thread as executing the run of this worker.
    pub(super) fn enter(&self) -> ThreadScopeGuard {
        let worker = match (self.lane, self.state) {
            (Lane::Thread, _) => RunWorker::Thread,
            (Lane::Task, WorkerState::Suspended) => RunWorker::SuspendedTask,
            (Lane::Task, _) => RunWorker::Task,
        };
        ThreadScope::enter_run(&self.shared, worker)
    }
}

impl<R: Runtime> Drop for Worker<R> {
    fn drop(&mut self) {
        if self.state != WorkerState::Ended {
            self.shared.lose(self.lane, self.state, self.start);
        }
    }
}

/// The error of a job with a timeout on a runtime without timers.
pub(super) fn no_timers(cause: &Error) -> JobError {
    JobError::new(format!("its timeout can't be enforced: {cause}"))
}
