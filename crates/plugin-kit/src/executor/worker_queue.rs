//! A run queue with workers that wait for runs: threads, coroutines.

use apscheduler_core::Shutdown;
use apscheduler_core::executor::{ExecutorLoad, Run};

use super::run_queue::{ClosedRuns, RunQueue};

/// A [`RunQueue`] with a limited number of workers that wait for runs until the executor is shut down.
///
/// It counts the workers, and reports how many to start and to wake. How they wait is up to the executor: threads wait for
/// a condition variable, coroutines for a semaphore.
///
/// Like the [`RunQueue`], it is used under a lock.
#[derive(Debug)]
pub struct WorkerQueue {
    runs: RunQueue,
    max_workers: usize,
    /// Workers that have not ended, in whatever state.
    workers: usize,
    /// Those of them that were started or woken and have not looked for a run yet.
    seeking: usize,
    /// Those of them that wait to be woken.
    idle: usize,
    /// Those of them that were told to end.
    leaving: usize,
    /// Those of them whose run waits until all other runs have ended.
    lent: usize,
}

/// The state of a worker, which the worker itself keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// It was started or woken, and will look for a run. The state of a new worker.
    Seeking,
    /// It has a run.
    Busy,
    /// It was told to end.
    Leaving,
}

/// The workers that new runs need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "start and wake these workers"]
pub struct WantedWorkers {
    /// How many to start. They are counted from now on.
    pub start: usize,
    /// How many to wake.
    pub wake: usize,
}

/// What a worker does next.
#[derive(Debug)]
pub enum Next {
    /// It executes this run.
    Run(Run),
    /// It waits until it is woken, and looks again.
    Wait,
    /// It ends.
    End,
}

impl WorkerQueue {
    /// Creates a closed queue with at most this many workers.
    pub fn new(max_workers: usize) -> Self {
        Self {
            runs: RunQueue::new(),
            max_workers,
            workers: 0,
            seeking: 0,
            idle: 0,
            leaving: 0,
            lent: 0,
        }
    }

    /// Accepts runs, again after a shutdown.
    pub fn open(&mut self) {
        self.runs.open();
    }

    /// Adds runs, in order.
    ///
    /// # Errors
    /// The runs themselves if the queue is closed.
    pub fn push(&mut self, runs: Vec<Run>) -> Result<WantedWorkers, Vec<Run>> {
        let added = runs.len();
        self.runs.push(runs)?;
        let wake = self.wake(added);
        Ok(WantedWorkers { start: self.missing(), wake })
    }

    /// Accepts no more runs, and lets the workers end when none are left. Returns how many workers to wake.
    pub fn close(&mut self, shutdown: Shutdown) -> (ClosedRuns, usize) {
        let closed = self.runs.close(shutdown);
        (closed, self.wake(usize::MAX))
    }

    /// Returns what a worker does next; its run, if it had one, has ended.
    #[inline]
    pub fn next(&mut self, worker: &mut WorkerState) -> Next {
        match self.next_run(worker) {
            Some(run) => Next::Run(run),
            None if self.runs.is_open() => {
                // Its next state; until then it counts as idle.
                *worker = WorkerState::Seeking;
                self.idle += 1;
                Next::Wait
            }
            None => self.end(worker),
        }
    }

    /// Returns what a worker that ends when no run waits does next; its run, if it had one, has ended.
    #[inline]
    pub fn next_or_end(&mut self, worker: &mut WorkerState) -> Next {
        match self.next_run(worker) {
            Some(run) => Next::Run(run),
            None => self.end(worker),
        }
    }

    #[inline]
    fn next_run(&mut self, worker: &mut WorkerState) -> Option<Run> {
        self.leave_state(*worker);
        let run = self.runs.take()?;
        *worker = WorkerState::Busy;
        Some(run)
    }

    fn end(&mut self, worker: &mut WorkerState) -> Next {
        *worker = WorkerState::Leaving;
        self.leaving += 1;
        Next::End
    }

    /// Removes a worker that ends. One that waits must be woken first.
    pub fn leave(&mut self, worker: WorkerState) {
        self.leave_state(worker);
        self.workers -= 1;
    }

    /// Lends the place of a worker whose run waits until all other runs have ended. Returns how many workers to start.
    pub fn lend_slot(&mut self) -> usize {
        self.lent += 1;
        self.missing()
    }

    /// Takes back the place that was lent.
    pub fn reclaim_slot(&mut self) {
        self.lent -= 1;
    }

    /// Removes all runs that wait if there is no worker that could take them.
    #[must_use = "drop the runs after the lock has been released"]
    pub fn take_orphans(&mut self) -> Vec<Run> {
        if self.workers == 0 { self.runs.drain() } else { Vec::new() }
    }

    /// Returns whether nothing is left but workers that have lent their places.
    pub fn is_drained(&self) -> bool {
        self.runs.waiting() == 0 && self.workers == self.lent
    }

    /// Returns how many workers have not ended.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// Returns how many more runs the executor would like to take.
    pub fn room(&self) -> usize {
        self.runs.room()
    }

    /// Returns how many workers may have a run at the same time.
    pub fn max_workers(&self) -> usize {
        self.max_workers
    }

    /// Returns how many runs are queued and running.
    pub fn load(&self) -> ExecutorLoad {
        self.runs.load()
    }

    /// Returns how many more workers would help, and counts them.
    fn missing(&mut self) -> usize {
        let active = self.workers - self.leaving;
        let allowed = (self.max_workers + self.lent).saturating_sub(active);
        let missing = allowed.min(self.runs.waiting().saturating_sub(self.seeking));
        self.workers += missing;
        self.seeking += missing;
        missing
    }

    /// Counts idle workers as woken, at most this many, and returns their number.
    fn wake(&mut self, count: usize) -> usize {
        let woken = self.idle.min(count);
        self.idle -= woken;
        self.seeking += woken;
        woken
    }

    fn leave_state(&mut self, worker: WorkerState) {
        match worker {
            WorkerState::Seeking => self.seeking -= 1,
            WorkerState::Busy => self.runs.finish(),
            WorkerState::Leaving => self.leaving -= 1,
        }
    }
}
