//! The runs of a runtime in two lanes, one for each kind of worker. No method calls foreign code: all of it happens under a
//! lock.

use std::collections::VecDeque;

use apscheduler_core::Shutdown;
use apscheduler_core::executor::{ExecutorLoad, Run};

use crate::executor::run_queue::{ClosedRuns, RunQueue};

/// A kind of worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// A task, for async functions.
    Task,
    /// A thread for blocking calls, for plain functions.
    Thread,
}

/// The state of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WorkerState {
    /// It was spawned, and has not looked for a run yet.
    Starting,
    /// It has a run, and occupies its thread.
    Busy,
    /// It has a run that has been suspended.
    Suspended,
    /// It found no run.
    Ended,
}

/// How many workers to spawn. They are counted already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WantedWorkers {
    pub(super) tasks: usize,
    pub(super) threads: usize,
}

#[derive(Debug)]
pub(super) struct Lanes {
    /// Runs without a place.
    queue: RunQueue,
    /// How many runs may have a place at once.
    max_places: usize,
    /// How many plain functions run at once.
    max_threads: usize,
    /// How many threads run the tasks.
    parallelism: usize,
    /// Runs with a place that wait for a worker of their kind.
    tasks: VecDeque<Run>,
    threads: VecDeque<Run>,
    /// How many places are taken, by the runs in the lanes and by those that run.
    places: usize,
    /// Tasks that will look for another run before they are suspended; some of them have not started yet.
    seeking_tasks: usize,
    starting_tasks: usize,
    /// Threads that have not ended; some of them have not started yet.
    live_threads: usize,
    starting_threads: usize,
}

impl Lanes {
    /// Creates closed lanes with at most this many places.
    pub(super) fn new(max_places: usize, max_threads: usize) -> Self {
        Self {
            queue: RunQueue::new(),
            max_places,
            max_threads,
            parallelism: 1,
            tasks: VecDeque::new(),
            threads: VecDeque::new(),
            places: 0,
            seeking_tasks: 0,
            starting_tasks: 0,
            live_threads: 0,
            starting_threads: 0,
        }
    }

    pub(super) fn open(&mut self, parallelism: usize) {
        self.queue.open();
        self.parallelism = parallelism.max(1);
    }

    /// Accepts no more runs. With [`Shutdown::Now`] the result holds the runs that have not started.
    pub(super) fn close(&mut self, shutdown: Shutdown) -> ClosedRuns {
        let mut closed = self.queue.close(shutdown);
        if shutdown == Shutdown::Now {
            let reserved = self.drain_lanes();
            closed.dropped.splice(..0, reserved);
        }
        closed
    }

    /// Removes all runs that have not started.
    pub(super) fn drain(&mut self) -> Vec<Run> {
        let mut runs = self.drain_lanes();
        runs.extend(self.queue.drain());
        runs
    }

    fn drain_lanes(&mut self) -> Vec<Run> {
        let runs: Vec<Run> = self.tasks.drain(..).chain(self.threads.drain(..)).collect();
        self.places -= runs.len();
        self.queue.forget_reserved(runs.len());
        runs
    }

    /// Returns how often it has been opened.
    pub(super) fn starts(&self) -> u64 {
        self.queue.starts()
    }

    pub(super) fn room(&self) -> usize {
        self.queue.room()
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        Some(self.max_places).filter(|places| *places != usize::MAX)
    }

    pub(super) fn load(&self) -> ExecutorLoad {
        self.queue.load()
    }

    /// Returns whether no run has a place or waits for one.
    pub(super) fn is_drained(&self) -> bool {
        self.places == 0 && self.queue.waiting() == 0
    }

    /// Returns whether it is closed and nothing is left on the runtime.
    pub(super) fn has_ended(&self) -> bool {
        !self.queue.is_open() && self.is_drained() && self.queue.is_idle()
    }

    /// Adds runs, in order.
    ///
    /// # Errors
    /// The runs themselves if it is closed.
    pub(super) fn push(&mut self, runs: Vec<Run>) -> Result<(), Vec<Run>> {
        self.queue.push(runs)
    }

    /// Assigns the free places, in order.
    fn admit(&mut self) {
        while self.places < self.max_places
            && let Some(run) = self.queue.reserve()
        {
            self.places += 1;
            let is_async = run.job().function().is_async();
            let lane = if is_async { &mut self.tasks } else { &mut self.threads };
            lane.push_back(run);
        }
    }

    /// Assigns the free places, and returns which workers to spawn.
    pub(super) fn wanted(&mut self) -> WantedWorkers {
        self.admit();
        // One task for each thread of the runtime is enough, and one more starts as long as runs wait: a task that blocks its
        // thread in a legal way (`block_in_place`) must not keep the others from starting.
        let fitting = self.tasks.len().min(self.parallelism).saturating_sub(self.seeking_tasks);
        let spare = usize::from(!self.tasks.is_empty() && self.starting_tasks == 0);
        let tasks = fitting.max(spare);
        self.seeking_tasks += tasks;
        self.starting_tasks += tasks;
        // Plain functions may block for as long as they like: each has a thread of its own.
        let threads = (self.threads.len())
            .saturating_sub(self.starting_threads)
            .min(self.max_threads.saturating_sub(self.live_threads));
        self.live_threads += threads;
        self.starting_threads += threads;
        WantedWorkers { tasks, threads }
    }

    /// Removes a thread that could not be spawned.
    pub(super) fn forget_thread(&mut self) {
        self.live_threads = self.live_threads.saturating_sub(1);
        self.starting_threads = self.starting_threads.saturating_sub(1);
    }

    /// Returns the next run for a worker, whose previous run has ended. Without one the worker ends.
    pub(super) fn next(&mut self, lane: Lane, worker: &mut WorkerState) -> Option<Run> {
        self.leave(lane, *worker);
        self.admit();
        let runs = match lane {
            Lane::Task => &mut self.tasks,
            Lane::Thread => &mut self.threads,
        };
        let Some(mut run) = runs.pop_front() else {
            *worker = WorkerState::Ended;
            self.end(lane);
            return None;
        };
        *worker = WorkerState::Busy;
        self.queue.start_reserved(&mut run);
        Some(run)
    }

    /// Removes a worker from the count of its state; it seeks afterwards.
    fn leave(&mut self, lane: Lane, worker: WorkerState) {
        match (worker, lane) {
            (WorkerState::Starting, Lane::Task) => self.starting_tasks -= 1,
            (WorkerState::Starting, Lane::Thread) => {
                self.starting_threads = self.starting_threads.saturating_sub(1);
            }
            (WorkerState::Busy | WorkerState::Suspended, _) => {
                self.queue.finish();
                self.places -= 1;
            }
            (WorkerState::Ended, _) => {}
        }
        if worker == WorkerState::Suspended {
            self.seeking_tasks += 1;
        }
    }

    fn end(&mut self, lane: Lane) {
        match lane {
            Lane::Task => self.seeking_tasks -= 1,
            Lane::Thread => self.live_threads = self.live_threads.saturating_sub(1),
        }
    }

    /// Removes a worker that ended without looking for a run: it panicked, or the runtime dropped it.
    pub(super) fn lose(&mut self, lane: Lane, worker: WorkerState) {
        self.leave(lane, worker);
        self.end(lane);
    }

    /// Notes that the run of a task has been suspended: its thread is free.
    pub(super) fn suspend(&mut self) {
        self.seeking_tasks -= 1;
    }

    /// Lends the place of a run that waits until all other runs have ended. If it occupies a thread, the others may have
    /// one more. `seeks` is true for a task that has not been suspended.
    pub(super) fn lend_slot(&mut self, lane: Lane, seeks: bool) {
        self.places -= 1;
        self.seeking_tasks -= usize::from(seeks);
        self.max_threads += usize::from(lane == Lane::Thread);
    }

    /// Takes back the place that was lent.
    pub(super) fn reclaim_slot(&mut self, lane: Lane, seeks: bool) {
        self.places += 1;
        self.seeking_tasks += usize::from(seeks);
        self.max_threads -= usize::from(lane == Lane::Thread);
    }
}
