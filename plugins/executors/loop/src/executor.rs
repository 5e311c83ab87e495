//! Runs jobs in the turns of the event loop.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use apscheduler_core::executor::{Executor, ExecutorCapabilities, ExecutorLoad, LoopHandle, Run};
use apscheduler_core::{Result, Shutdown};
use apscheduler_plugin_kit::executor::{RunExt as _, RunQueue};

/// Runs jobs in the thread of the scheduler's event loop, one after another: in the thread of a program's windows, for
/// example.
///
/// The loop stays responsive between jobs, not during one: give a job that takes long to another executor. Async functions
/// are refused, since they would block the loop while they wait.
///
/// A shutdown that waits runs the remaining jobs at once if it is called in the thread of the loop; elsewhere it waits for the
/// loop. Runs that are left when a loop ends are errors.
#[derive(Debug, Default)]
pub struct LoopExecutor(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Notified when a run has ended or been dropped.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    event_loop: Option<LoopHandle>,
    queue: RunQueue,
}

impl LoopExecutor {
    /// Creates an executor on the loop of the scheduler that it is started in.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Jobs run outside of the lock, so a panic can't leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Executes the next run that waits, if the executor has not been started again since `start`. Returns whether there
    /// was one.
    fn run_next(&self, start: u64) -> bool {
        let run = {
            let mut state = self.state();
            if state.queue.starts() == start { state.queue.take() } else { None }
        };
        let Some(run) = run else { return false };
        run.execute();
        self.state().queue.finish();
        self.ended.notify_all();
        true
    }

    /// Drops the runs that wait.
    fn drop_waiting(&self) {
        let runs = self.state().queue.drain();
        // Listeners receive their outcomes outside the lock.
        drop(runs);
        self.ended.notify_all();
    }
}

/// The turn of one run. If a loop drops it unused, the loop has ended, and the runs that wait are dropped.
struct Ticket {
    shared: Arc<Shared>,
    start: u64,
    used: bool,
}

impl Ticket {
    fn use_up(mut self) {
        self.used = true;
        // A shutdown may have executed or dropped the run already.
        self.shared.run_next(self.start);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // The end of a loop of an earlier start does not affect the runs of this one.
        if !self.used && self.shared.state().queue.starts() == self.start {
            self.shared.drop_waiting();
        }
    }
}

impl Executor for LoopExecutor {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities::new().in_process(true).sync_jobs(true)
    }

    fn attach(&self, event_loop: &LoopHandle) {
        let previous = self.0.state().event_loop.replace(event_loop.clone());
        // This may drop the tickets that wait in an earlier loop.
        drop(previous);
    }

    fn start(&self, _alias: &str) -> Result<()> {
        self.0.state().queue.open();
        Ok(())
    }

    fn submit(&self, run: Run) {
        self.submit_all(vec![run]);
    }

    fn submit_all(&self, runs: Vec<Run>) {
        let count = runs.len();
        let mut state = self.0.state();
        let Some(event_loop) = state.event_loop.clone() else {
            drop(state);
            return drop(runs);
        };
        let pushed = state.queue.push(runs);
        let start = state.queue.starts();
        drop(state);
        if let Err(runs) = pushed {
            return drop(runs);
        }
        for _ in 0..count {
            let ticket = Ticket { shared: Arc::clone(&self.0), start, used: false };
            event_loop.post(move || ticket.use_up());
        }
    }

    fn room(&self) -> usize {
        self.0.state().queue.room()
    }

    /// The loop runs one at a time.
    fn capacity(&self) -> Option<usize> {
        Some(1)
    }

    fn load(&self) -> ExecutorLoad {
        self.0.state().queue.load()
    }

    fn shutdown(&self, shutdown: Shutdown) {
        let mut state = self.0.state();
        let closed = state.queue.close(shutdown);
        let (event_loop, start) = (state.event_loop.clone(), state.queue.starts());
        drop(state);
        drop(closed);
        self.0.ended.notify_all();
        if shutdown == Shutdown::Now {
            return;
        }
        if event_loop.is_some_and(|event_loop| event_loop.is_current()) {
            // The loop can't do it while this thread waits.
            while self.0.run_next(start) {}
            return;
        }
        let mut state = self.0.state();
        while !state.queue.is_idle() {
            state = self.0.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for LoopExecutor {
    fn drop(&mut self) {
        self.shutdown(Shutdown::Now);
    }
}
