//! The queue of an executor: runs that wait, counts of those that run.

use std::collections::VecDeque;

use apscheduler_core::Shutdown;
use apscheduler_core::executor::{CancellationToken, ExecutorLoad, Run};

/// How many runs may wait before the scheduler holds back.
const CAPACITY: usize = 10_000;

/// The queue of an executor: holds the runs that wait, and counts those that run.
///
/// It is open between a start and a shutdown of the executor. It never refuses a run for lack of room; when 10,000 runs
/// wait, its [`room`](Self::room) is zero until half of them have been taken.
///
/// The queue has no lock and never waits: threads, tasks, coroutines and event loops share it under their own locks,
/// and have their own ways to wait. No method calls foreign code. Dropping a run does, because its listeners are
/// called, so drop the values that a method returns only after the lock has been released.
///
/// # Examples
/// ```
/// use apscheduler_core::Shutdown;
/// use apscheduler_plugin_kit::executor::RunQueue;
///
/// let mut queue = RunQueue::new();
/// assert!(queue.push(Vec::new()).is_err(), "it is closed");
/// queue.open();
/// assert!(queue.push(Vec::new()).is_ok());
/// assert!(queue.take().is_none());
/// drop(queue.close(Shutdown::Now));
/// ```
#[derive(Debug, Default)]
pub struct RunQueue {
    waiting: VecDeque<Run>,
    /// Runs that were reserved and have not started.
    reserved: usize,
    running: usize,
    open: bool,
    /// It was full, and fewer than half of the runs have been taken since.
    holding_back: bool,
    /// The token of all runs since the start.
    token: CancellationToken,
    starts: u64,
}

/// The runs and the token of a queue that was closed with [`Shutdown::Now`]. Dropping it cancels the token and drops the
/// runs, so do that after the lock has been released.
#[derive(Debug, Default)]
#[must_use = "drop it after the lock has been released"]
pub struct ClosedRuns {
    token: Option<CancellationToken>,
    pub(super) dropped: Vec<Run>,
}

impl Drop for ClosedRuns {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            token.cancel();
        }
    }
}

impl RunQueue {
    /// Creates a closed queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Accepts runs, again after a shutdown. Runs of an earlier start keep their token.
    pub fn open(&mut self) {
        self.open = true;
        self.starts += 1;
        if self.token.is_cancelled() {
            self.token = CancellationToken::new();
        }
    }

    /// Returns whether it accepts runs.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Returns how often it has been opened, which tells one start from the next.
    pub fn starts(&self) -> u64 {
        self.starts
    }

    /// Adds runs, in order.
    ///
    /// # Errors
    /// The runs themselves if the queue is closed.
    pub fn push(&mut self, runs: Vec<Run>) -> Result<(), Vec<Run>> {
        if !self.open {
            return Err(runs);
        }
        self.waiting.extend(runs);
        self.holding_back |= self.queued() >= CAPACITY;
        Ok(())
    }

    /// Removes the next run and counts it as running. Its cancellation token is set. Each such run needs a call of
    /// [`finish`](Self::finish).
    #[inline]
    pub fn take(&mut self) -> Option<Run> {
        let mut run = self.reserve()?;
        self.start_reserved(&mut run);
        Some(run)
    }

    /// Removes the next run for a worker that will start it later. Until then it counts as queued. Each such run needs a
    /// call of [`start_reserved`](Self::start_reserved) or [`forget_reserved`](Self::forget_reserved).
    #[inline]
    pub fn reserve(&mut self) -> Option<Run> {
        let run = self.waiting.pop_front()?;
        self.reserved += 1;
        Some(run)
    }

    /// Counts a reserved run as running and sets its cancellation token. The run needs a call of
    /// [`finish`](Self::finish).
    #[inline]
    pub fn start_reserved(&mut self, run: &mut Run) {
        self.reserved -= 1;
        self.running += 1;
        self.holding_back &= self.queued() > CAPACITY / 2;
        run.set_cancellation(self.token.clone());
    }

    /// Forgets reserved runs that will never start.
    pub fn forget_reserved(&mut self, count: usize) {
        self.reserved -= count;
        self.holding_back &= self.queued() > CAPACITY / 2;
    }

    /// Notes that a run has ended.
    #[inline]
    pub fn finish(&mut self) {
        self.running -= 1;
    }

    /// Accepts no more runs. With [`Shutdown::Now`] the result holds the runs that wait and the token of the others.
    pub fn close(&mut self, shutdown: Shutdown) -> ClosedRuns {
        self.open = false;
        match shutdown {
            Shutdown::Wait => ClosedRuns::default(),
            Shutdown::Now => ClosedRuns { token: Some(self.token.clone()), dropped: self.drain() },
        }
    }

    /// Removes all runs that wait, because no worker will ever take them.
    #[must_use = "drop the runs after the lock has been released"]
    pub fn drain(&mut self) -> Vec<Run> {
        let runs = std::mem::take(&mut self.waiting);
        self.holding_back &= self.queued() > CAPACITY / 2;
        runs.into()
    }

    /// Returns how many runs wait and are not reserved.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Returns how many more runs the executor would like to take, as [`Executor::room`].
    ///
    /// [`Executor::room`]: apscheduler_core::executor::Executor::room
    pub fn room(&self) -> usize {
        if self.holding_back { 0 } else { CAPACITY.saturating_sub(self.queued()) }
    }

    /// Returns how many runs are queued and running, as [`Executor::load`].
    ///
    /// [`Executor::load`]: apscheduler_core::executor::Executor::load
    pub fn load(&self) -> ExecutorLoad {
        ExecutorLoad::new().queued(self.queued()).running(self.running)
    }

    /// Returns whether no run waits, is reserved or runs.
    pub fn is_idle(&self) -> bool {
        self.queued() == 0 && self.running == 0
    }

    fn queued(&self) -> usize {
        self.waiting.len() + self.reserved
    }
}
