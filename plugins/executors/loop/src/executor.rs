//! Runs jobs in the turns of the event loop.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use apscheduler_core::{Result, Shutdown};
use apscheduler_core::executor::{
    CancellationToken, Executor, ExecutorCapabilities, ExecutorLoad, LoopHandle, Run,
};
use apscheduler_plugin_kit::executor::RunExt as _;

/// How many runs may wait before the scheduler holds back.
const CAPACITY: usize = 10_000;

/// Runs jobs in the thread of the scheduler's event loop, one after the other: where the widgets of a window are, say.
///
/// The loop stays alive between jobs, not within one: a job that takes long belongs to another executor. Async functions
/// are refused, since they would block the loop while they wait.
///
/// A shutdown that waits runs what is left right there if it is called in the thread of the loop; elsewhere it waits
/// for the loop. Runs that a loop leaves behind when it ends are errors.
#[derive(Debug, Default)]
pub struct LoopExecutor(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Nothing waits and nothing runs.
    idle: Condvar,
}

#[derive(Debug, Default)]
struct State {
    event_loop: Option<LoopHandle>,
    runs: VecDeque<Run>,
    running: usize,
    open: bool,
    /// It was full, and half of it is not worked off yet.
    holding_back: bool,
    token: CancellationToken,
    /// How often it was started: a loop of an earlier time says nothing about the runs of this one.
    time: u64,
}

impl LoopExecutor {
    /// An executor on the loop of whichever scheduler it is started in.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Jobs run outside of the lock, so a panic can't leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the first that waits, in the time of this start; `false` where none does.
    fn run_next(&self, time: u64) -> bool {
        let (mut run, token) = {
            let mut state = self.state();
            if state.time != time {
                return false;
            }
            let Some(run) = state.runs.pop_front() else { return false };
            state.holding_back &= state.runs.len() > CAPACITY / 2;
            state.running += 1;
            (run, state.token.clone())
        };
        run.set_cancellation(token);
        run.execute();
        self.state().running -= 1;
        self.idle.notify_all();
        true
    }

    /// Gives up what waits.
    fn drop_all(&self) {
        let runs = {
            let mut state = self.state();
            state.holding_back = false;
            std::mem::take(&mut state.runs)
        };
        // Their end is told to the listeners outside of the lock.
        drop(runs);
        self.idle.notify_all();
    }
}

/// The turn of one run. The loop that drops it unused has ended, and everything that waits with it.
struct Ticket {
    shared: Arc<Shared>,
    time: u64,
    redeemed: bool,
}

impl Ticket {
    fn redeem(mut self) {
        self.redeemed = true;
        // A shutdown may have run or dropped it meanwhile.
        self.shared.run_next(self.time);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.redeemed && self.shared.state().time == self.time {
            self.shared.drop_all();
        }
    }
}

impl Executor for LoopExecutor {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities::new().in_process(true).sync_jobs(true)
    }

    fn attach(&self, event_loop: &LoopHandle) {
        let before = self.0.state().event_loop.replace(event_loop.clone());
        // What waits in an earlier loop may go with it.
        drop(before);
    }

    fn start(&self, _alias: &str) -> Result<()> {
        let mut state = self.0.state();
        state.open = true;
        state.time += 1;
        state.token = CancellationToken::new();
        Ok(())
    }

    fn submit(&self, run: Run) {
        self.submit_all(vec![run]);
    }

    fn submit_all(&self, runs: Vec<Run>) {
        let count = runs.len();
        let mut state = self.0.state();
        let Some(event_loop) = state.event_loop.clone().filter(|_| state.open) else {
            drop(state);
            return drop(runs);
        };
        state.runs.extend(runs);
        state.holding_back |= state.runs.len() >= CAPACITY;
        let time = state.time;
        drop(state);
        for _ in 0..count {
            let ticket = Ticket { shared: Arc::clone(&self.0), time, redeemed: false };
            event_loop.post(move || ticket.redeem());
        }
    }

    fn room(&self) -> usize {
        let state = self.0.state();
        if state.holding_back { 0 } else { CAPACITY.saturating_sub(state.runs.len()) }
    }

    fn load(&self) -> ExecutorLoad {
        let state = self.0.state();
        ExecutorLoad::new().queued(state.runs.len()).running(state.running)
    }

    fn shutdown(&self, shutdown: Shutdown) {
        let wait = shutdown == Shutdown::Wait;
        let (event_loop, token, time) = {
            let mut state = self.0.state();
            state.open = false;
            (state.event_loop.clone(), state.token.clone(), state.time)
        };
        if !wait {
            token.cancel();
            return self.0.drop_all();
        }
        if event_loop.is_some_and(|event_loop| event_loop.is_current()) {
            // Nobody else would ever run them.
            while self.0.run_next(time) {}
            return;
        }
        let mut state = self.0.state();
        while state.running > 0 || !state.runs.is_empty() {
            state = self.0.idle.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for LoopExecutor {
    fn drop(&mut self) {
        self.shutdown(Shutdown::Now);
    }
}
