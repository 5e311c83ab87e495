//! The queue between the scheduler and the workers.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use apscheduler_core::executor::Run;

/// How many runs may wait before the scheduler holds back.
const CAPACITY: usize = 10_000;

/// A queue that says when it has no room; it never refuses a run.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// There is a run, or the end has come.
    filled: Condvar,
    /// A worker has come to its end.
    drained: Condvar,
}

#[derive(Debug, Default)]
struct State {
    runs: VecDeque<Run>,
    /// Workers that wait for a run.
    idle: usize,
    /// Workers that were started and have not ended.
    workers: usize,
    closed: bool,
    /// It was full, and half of it is not worked off yet.
    holding_back: bool,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        // Jobs run outside of the lock, so a panic can't leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn open(&self) {
        self.state().closed = false;
    }

    /// Takes runs. Says how many more workers would help; those are counted as started.
    ///
    /// A closed queue gives the runs back.
    pub(crate) fn push(&self, runs: Vec<Run>, max_workers: usize) -> Result<usize, Vec<Run>> {
        let mut state = self.state();
        if state.closed {
            return Err(runs);
        }
        let added = runs.len();
        state.runs.extend(runs);
        let waiting = state.runs.len();
        state.holding_back |= waiting >= CAPACITY;
        let missing = max_workers.saturating_sub(state.workers);
        let more = missing.min(waiting.saturating_sub(state.idle));
        state.workers += more;
        let wake = state.idle.min(added);
        drop(state);
        for _ in 0..wake {
            self.filled.notify_one();
        }
        Ok(more)
    }

    /// The next run; `None` when the queue is closed and empty: the worker ends.
    pub(crate) fn pop(&self) -> Option<Run> {
        let mut state = self.state();
        loop {
            if let Some(run) = state.runs.pop_front() {
                if state.runs.len() <= CAPACITY / 2 {
                    state.holding_back = false;
                }
                return Some(run);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// The next run, if one waits.
    pub(crate) fn try_pop(&self) -> Option<Run> {
        self.state().runs.pop_front()
    }

    /// Counts a worker as ended.
    pub(crate) fn worker_ended(&self) {
        self.state().workers -= 1;
        self.drained.notify_all();
    }

    /// Lets workers end when nothing is left, and returns what is dropped without `drain`.
    pub(crate) fn close(&self, drain: bool) -> Vec<Run> {
        let mut state = self.state();
        state.closed = true;
        let dropped = if drain { Vec::new() } else { state.runs.drain(..).collect() };
        drop(state);
        self.filled.notify_all();
        dropped
    }

    /// Returns when at most `but` workers are left.
    pub(crate) fn wait_drained(&self, but: usize) {
        let mut state = self.state();
        while state.workers > but {
            state = self.drained.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(crate) fn room(&self) -> usize {
        let state = self.state();
        if state.holding_back { 0 } else { CAPACITY.saturating_sub(state.runs.len()) }
    }

    /// How many runs wait, and how many run.
    pub(crate) fn load(&self) -> (usize, usize) {
        let state = self.state();
        (state.runs.len(), state.workers - state.idle.min(state.workers))
    }
}
