//! The state that the executor and its workers share.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use apscheduler_core::Shutdown;
use apscheduler_core::executor::{ExecutorLoad, Run, RunWorker, Runtime, ThreadScope};

use super::lanes::{Lane, Lanes, WantedWorkers, WorkerState};
use super::limits::RuntimeLimits;

/// Spawns workers, which are counted already. A function pointer, since workers know this module.
pub(super) type Spawn<R> = fn(&Arc<Shared<R>>, &Arc<R>, WantedWorkers, u64);

pub(super) struct Shared<R> {
    state: Mutex<State<R>>,
    /// No run has a place or waits for one.
    drained: Condvar,
    grace: Duration,
    spawn: Spawn<R>,
}

struct State<R> {
    lanes: Lanes,
    /// In an `Arc`, since cloning or dropping it under the lock would call foreign code.
    runtime: Option<Arc<R>>,
    /// A value that lives until the executor is shut down and its last run has ended.
    kept: Option<Arc<dyn Any + Send + Sync>>,
    /// If all tasks need one thread: the thread that was last seen to run them.
    driver: Option<ThreadId>,
}

/// What is to be done after the lock has been released.
struct AfterUnlock<R> {
    wanted: WantedWorkers,
    runtime: Option<Arc<R>>,
    start: u64,
    ended: Option<Arc<dyn Any + Send + Sync>>,
    drained: bool,
}

impl<R> State<R> {
    fn after_unlock(&mut self) -> AfterUnlock<R> {
        let wanted = self.lanes.wanted();
        let ended = if self.lanes.has_ended() { self.kept.take() } else { None };
        let runtime = if wanted == WantedWorkers::default() { None } else { self.runtime.clone() };
        let (start, drained) = (self.lanes.starts(), self.lanes.is_drained());
        AfterUnlock { wanted, runtime, start, ended, drained }
    }
}

impl<R: Runtime> Shared<R> {
    pub(super) fn new(limits: &RuntimeLimits, spawn: Spawn<R>) -> Self {
        let lanes = Lanes::new(limits.places(), limits.threads());
        let state = State { lanes, runtime: None, kept: None, driver: None };
        Self {
            state: Mutex::new(state),
            drained: Condvar::new(),
            grace: limits.cancel_grace_time,
            spawn,
        }
    }

    fn state(&self) -> MutexGuard<'_, State<R>> {
        // Nothing under the lock can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn room(&self) -> usize {
        self.state().lanes.room()
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        self.state().lanes.capacity()
    }

    pub(super) fn load(&self) -> ExecutorLoad {
        self.state().lanes.load()
    }

    /// Returns how long a run may continue after it was cancelled.
    pub(super) fn grace(&self) -> Duration {
        self.grace
    }

    pub(super) fn open(self: &Arc<Self>, runtime: R, kept: Option<Arc<dyn Any + Send + Sync>>) {
        let parallelism = runtime.parallelism();
        let runtime = Arc::new(runtime);
        let mut state = self.state();
        state.driver = None;
        state.lanes.open(parallelism);
        let previous = state.runtime.replace(Arc::clone(&runtime));
        // Without a new value the previous one lives on: runs of the earlier start may need it.
        let previously_kept = kept.and_then(|kept| state.kept.replace(kept));
        drop(state);
        drop((previous, previously_kept));
        if !runtime.may_block_tasks() {
            let shared = Arc::clone(self);
            runtime.spawn(async move { shared.note_driver() });
        }
    }

    fn note_driver(&self) {
        self.state().driver = Some(std::thread::current().id());
    }

    pub(super) fn submit(self: &Arc<Self>, runs: Vec<Run>) {
        if let Err(runs) = self.change(|lanes| lanes.push(runs)) {
            // Listeners receive their outcomes outside the lock.
            drop(runs);
        }
    }

    /// Returns the next run for a worker, whose previous run has ended.
    pub(super) fn next(self: &Arc<Self>, lane: Lane, worker: &mut WorkerState) -> Option<Run> {
        let mut state = self.state();
        let run = state.lanes.next(lane, worker);
        if lane == Lane::Task && state.driver.is_some() {
            state.driver = Some(std::thread::current().id());
        }
        let after = state.after_unlock();
        drop(state);
        self.settle(after);
        run
    }

    /// Changes the lanes, and does what follows from that.
    pub(super) fn change<T>(self: &Arc<Self>, change: impl FnOnce(&mut Lanes) -> T) -> T {
        let mut state = self.state();
        let result = change(&mut state.lanes);
        let after = state.after_unlock();
        drop(state);
        self.settle(after);
        result
    }

    /// Removes a worker that ended without finding its lane empty. If it never began, the runtime has ended, and nobody
    /// would ever execute the runs that wait.
    pub(super) fn lose(self: &Arc<Self>, lane: Lane, worker: WorkerState, start: u64) {
        let mut state = self.state();
        state.lanes.lose(lane, worker);
        let refused = worker == WorkerState::Starting && start == state.lanes.starts();
        let runs = if refused { state.lanes.drain() } else { Vec::new() };
        let after = state.after_unlock();
        drop(state);
        self.give_up(runs);
        self.settle(after);
    }

    /// Drops all runs that wait, since a thread could not be spawned.
    pub(super) fn give_up_thread(self: &Arc<Self>) {
        let runs = self.change(|lanes| {
            lanes.forget_thread();
            lanes.drain()
        });
        self.give_up(runs);
    }

    fn give_up(self: &Arc<Self>, runs: Vec<Run>) {
        if !runs.is_empty() {
            let name = R::EXECUTOR;
            tracing::error!("the {name} runtime has ended, and {} runs with it", runs.len());
        }
        // This thread may be dropping the tasks of the runtime, so a listener must not wait for them here.
        let _ended = ThreadScope::enter_run(self, RunWorker::Ended);
        drop(runs);
    }

    pub(super) fn close(self: &Arc<Self>, shutdown: Shutdown) {
        let closed = self.change(|lanes| lanes.close(shutdown));
        drop(closed);
    }

    /// Returns when all runs have ended but the calling one, or at once if this thread must not be blocked.
    pub(super) fn wait_drained(self: &Arc<Self>) {
        let state = self.state();
        let (Some(runtime), driver) = (state.runtime.clone(), state.driver) else {
            return;
        };
        drop(state);
        let scope = ThreadScope::current();
        let may_block = runtime.may_block_tasks();
        match scope.worker_of(self) {
            None if scope.is_turn() && !may_block => only_thread(),
            None => runtime.block(driver, || self.block_until_drained()),
            Some(RunWorker::Task | RunWorker::SuspendedTask) if !may_block => only_thread(),
            Some(RunWorker::Thread) => {
                self.lend_slot(Lane::Thread, false, || self.block_until_drained());
            }
            Some(worker @ (RunWorker::Task | RunWorker::SuspendedTask)) => {
                self.lend_slot(Lane::Task, worker == RunWorker::Task, || {
                    runtime.block(None, || self.block_until_drained());
                });
            }
            Some(_) => {}
        }
    }

    fn lend_slot(self: &Arc<Self>, lane: Lane, seeks: bool, wait: impl FnOnce()) {
        self.change(|lanes| lanes.lend_slot(lane, seeks));
        wait();
        self.state().lanes.reclaim_slot(lane, seeks);
    }

    fn block_until_drained(&self) {
        let mut state = self.state();
        while !state.lanes.is_drained() {
            state = self.drained.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn settle(self: &Arc<Self>, after: AfterUnlock<R>) {
        if after.drained {
            self.drained.notify_all();
        }
        drop(after.ended);
        if let Some(runtime) = &after.runtime {
            (self.spawn)(self, runtime, after.wanted, after.start);
        }
    }
}

fn only_thread() {
    tracing::debug!("the only thread of a runtime can't wait for the jobs that it runs");
}

impl<R> fmt::Debug for Shared<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("grace", &self.grace).finish_non_exhaustive()
    }
}
