//! The queue between a scheduler and the threads that work for it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use apscheduler_core::executor::{CancellationToken, ExecutorLoad, Run};

/// How many runs may wait before the scheduler holds back.
const CAPACITY: usize = 10_000;

/// A queue that says when it has no room; it never refuses a run for want of it.
#[derive(Debug, Default)]
pub(super) struct RunQueue {
    state: Mutex<State>,
    /// There is a run, or the end has come.
    filled: Condvar,
    /// A worker has come to its end.
    drained: Condvar,
}

#[derive(Debug, Default)]
struct State {
    runs: VecDeque<Run>,
    /// Workers that were started and have not ended.
    workers: usize,
    /// Those of them that have not asked for a run yet.
    starting: usize,
    /// Those of them that wait for a run.
    idle: usize,
    /// Those of them that have a run.
    busy: usize,
    /// Those of them that were told that there are no more, and take none if there are again.
    leaving: usize,
    closed: bool,
    /// Of all runs since it was opened.
    token: CancellationToken,
    /// It was full, and half of it is not worked off yet.
    holding_back: bool,
}

impl RunQueue {
    fn state(&self) -> MutexGuard<'_, State> {
        // Jobs run outside of the lock, so a panic can't leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open(&self) {
        let mut state = self.state();
        state.closed = false;
        if state.token.is_cancelled() {
            state.token = CancellationToken::new();
        }
    }

    /// Takes runs. Says how many more workers would help; each is counted from now on, and needs its
    /// [`QueuedRuns`].
    ///
    /// A closed queue gives the runs back.
    pub(super) fn push(&self, runs: Vec<Run>, max_workers: usize) -> Result<usize, Vec<Run>> {
        let mut state = self.state();
        if state.closed {
            return Err(runs);
        }
        let added = runs.len();
        state.runs.extend(runs);
        let waiting = state.runs.len();
        state.holding_back |= waiting >= CAPACITY;
        let missing = max_workers.saturating_sub(state.workers - state.leaving);
        let more = missing.min(waiting.saturating_sub(state.idle + state.starting));
        state.workers += more;
        state.starting += more;
        let wake = state.idle.min(added);
        drop(state);
        for _ in 0..wake {
            self.filled.notify_one();
        }
        Ok(more)
    }

    /// Lets workers end when nothing is left. Without `drain` it asks what runs to end, and returns what is dropped.
    pub(super) fn close(&self, drain: bool) -> Vec<Run> {
        let mut state = self.state();
        state.closed = true;
        let token = state.token.clone();
        let dropped = if drain { Vec::new() } else { state.runs.drain(..).collect() };
        drop(state);
        if !drain {
            token.cancel();
        }
        self.filled.notify_all();
        dropped
    }

    /// Returns when at most `but` workers are left.
    pub(super) fn wait_drained(&self, but: usize) {
        let mut state = self.state();
        while state.workers > but {
            state = self.drained.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn room(&self) -> usize {
        let state = self.state();
        if state.holding_back { 0 } else { CAPACITY.saturating_sub(state.runs.len()) }
    }

    pub(super) fn load(&self) -> ExecutorLoad {
        let state = self.state();
        ExecutorLoad::new().queued(state.runs.len()).running(state.busy)
    }

    pub(super) fn workers(&self) -> usize {
        self.state().workers
    }
}

/// Where a worker of a [`RunThreads`](super::RunThreads) is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Starting,
    Idle,
    Busy,
    Leaving,
}

/// The runs for one thread of a [`RunThreads`](super::RunThreads): waits for the next one, and comes to its end when the
/// executor is shut down and nothing is left.
///
/// Whoever asks for the next run has done with the one before.
#[derive(Debug)]
pub struct QueuedRuns {
    queue: Arc<RunQueue>,
    place: Place,
    /// Without, it ends as soon as no run waits.
    patient: bool,
}

impl QueuedRuns {
    /// For a worker that [`RunQueue::push`] has counted.
    pub(super) fn new(queue: &Arc<RunQueue>) -> Self {
        Self { queue: Arc::clone(queue), place: Place::Starting, patient: true }
    }

    /// The runs that wait now, for a thread that has to go on with something else.
    pub(super) fn impatient(mut self) -> Self {
        self.patient = false;
        self
    }
}

impl State {
    fn change(&mut self, from: &mut Place, to: Place) {
        *self.count(*from) -= 1;
        *self.count(to) += 1;
        *from = to;
    }

    fn count(&mut self, place: Place) -> &mut usize {
        match place {
            Place::Starting => &mut self.starting,
            Place::Idle => &mut self.idle,
            Place::Busy => &mut self.busy,
            Place::Leaving => &mut self.leaving,
        }
    }
}

impl Iterator for QueuedRuns {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        let mut state = self.queue.state();
        state.change(&mut self.place, Place::Idle);
        loop {
            if let Some(mut run) = state.runs.pop_front() {
                run.set_cancellation(state.token.clone());
                if state.runs.len() <= CAPACITY / 2 {
                    state.holding_back = false;
                }
                state.change(&mut self.place, Place::Busy);
                return Some(run);
            }
            if state.closed || !self.patient {
                state.change(&mut self.place, Place::Leaving);
                return None;
            }
            state = self.queue.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for QueuedRuns {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        *state.count(self.place) -= 1;
        state.workers -= 1;
        drop(state);
        self.queue.drained.notify_all();
    }
}
