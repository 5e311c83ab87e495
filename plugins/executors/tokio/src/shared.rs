//! What the executor and its workers share.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::executor::{CancellationToken, ExecutorLoad, Run};
use tokio::runtime::{Handle, Runtime};

use crate::queue::{Place, Queue, Sort, Taken, Wanted};
use crate::runtime::{RuntimeChoice, blocking, has_one_thread};
use crate::worker::{Inside, Worker};
use crate::{tasks, threads};

#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Nothing has or wants a place any more.
    drained: Condvar,
    grace: Duration,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    handle: Option<Handle>,
    /// The runtime that nobody but us ends.
    own: Option<Runtime>,
    /// How often it was opened: workers of an earlier time know nothing of the runtime of this one.
    time: u64,
    /// Where the runtime has one thread for all tasks: the thread that was last seen to be it.
    driver: Option<ThreadId>,
}

/// What is to be done when the lock is free.
struct After {
    wanted: Wanted,
    handle: Option<Handle>,
    time: u64,
    ended: Option<Runtime>,
    drained: bool,
}

impl State {
    fn after(&mut self) -> After {
        let wanted = self.queue.wanted();
        let over = !self.queue.is_open() && self.queue.is_idle();
        let ended = if over { self.own.take() } else { None };
        let handle = if wanted == Wanted::default() { None } else { self.handle.clone() };
        After { wanted, handle, time: self.time, ended, drained: self.queue.is_drained() }
    }

    fn has_one_thread(&self) -> bool {
        self.handle.as_ref().is_some_and(has_one_thread)
    }
}

impl Shared {
    pub(crate) fn new(limit: Option<usize>, grace: Duration) -> Self {
        let queue = Queue::new(limit);
        let state = State { queue, handle: None, own: None, time: 0, driver: None };
        Self { state: Mutex::new(state), drained: Condvar::new(), grace }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that could panic half way happens under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn room(&self) -> usize {
        self.state().queue.room()
    }

    pub(crate) fn load(&self) -> ExecutorLoad {
        self.state().queue.load()
    }

    /// How long a run may go on after it was cancelled.
    pub(crate) fn grace(&self) -> Duration {
        self.grace
    }

    pub(crate) fn open(self: &Arc<Self>, choice: &RuntimeChoice, alias: &str) -> Result<()> {
        let handle = if let Some(handle) = choice.foreign() {
            handle
        } else {
            // That of an earlier time is still there while its last jobs end.
            let own = self.state().own.take();
            let own = own.map_or_else(|| choice.own(alias), Ok)?;
            let handle = own.handle().clone();
            self.state().own = Some(own);
            handle
        };
        let mut state = self.state();
        state.driver = None;
        state.time += 1;
        state.queue.open(handle.metrics().num_workers());
        state.handle = Some(handle.clone());
        drop(state);
        if has_one_thread(&handle) {
            let shared = Arc::clone(self);
            handle.spawn(async move {
                shared.state().driver = Some(std::thread::current().id());
            });
        }
        Ok(())
    }

    pub(crate) fn submit(self: &Arc<Self>, runs: Vec<Run>) {
        if let Err(runs) = self.change(|queue| queue.push(runs)) {
            // Their end is told to the listeners outside of the lock.
            drop(runs);
        }
    }

    /// The next run for a worker, which has done with the one before.
    pub(crate) fn next(self: &Arc<Self>, worker: &mut Worker) -> Option<Taken> {
        let mut state = self.state();
        let taken = state.queue.next(worker.sort, &mut worker.place, &mut worker.number);
        if worker.sort == Sort::Task && state.has_one_thread() {
            state.driver = Some(std::thread::current().id());
        }
        let after = state.after();
        drop(state);
        self.settle(after);
        taken
    }

    /// A new token for the run of a worker, unless what runs should come to an end.
    pub(crate) fn renew(&self, number: usize) -> Option<CancellationToken> {
        let mut state = self.state();
        (!state.queue.is_abandoned()).then(|| state.queue.renew(number))
    }

    /// Changes the queue, and does what follows from that.
    pub(crate) fn change<R>(self: &Arc<Self>, change: impl FnOnce(&mut Queue) -> R) -> R {
        let mut state = self.state();
        let result = change(&mut state.queue);
        let after = state.after();
        drop(state);
        self.settle(after);
        result
    }

    /// A worker is gone that has not found the queue empty. If it never began, the runtime has ended, and nobody would
    /// ever run what waits.
    pub(crate) fn lose(self: &Arc<Self>, worker: &Worker) {
        let mut state = self.state();
        state.queue.lose(worker.sort, worker.place, worker.number);
        let refused = worker.place == Place::Starting && worker.time == state.time;
        let runs = if refused { state.queue.drain() } else { Vec::new() };
        let after = state.after();
        drop(state);
        self.give_up(runs);
        self.settle(after);
    }

    fn give_up(self: &Arc<Self>, runs: Vec<Run>) {
        if !runs.is_empty() {
            tracing::error!("the tokio runtime has ended, and {} runs with it", runs.len());
        }
        // This thread may be about to drop the tasks of the runtime: who listens must not wait for those here.
        Inside::nowhere(self, || drop(runs));
    }

    /// Takes no more runs. Without `drain`, what waits is dropped, and what runs is asked to end.
    pub(crate) fn close(self: &Arc<Self>, drain: bool) {
        let (runs, tokens) = self.change(|queue| {
            if drain {
                queue.close();
                return (Vec::new(), Vec::new());
            }
            queue.abandon()
        });
        for token in tokens {
            token.cancel();
        }
        drop(runs);
    }

    /// Returns when all runs have ended but the one that calls it, or at once where this thread must not be blocked.
    pub(crate) fn wait_drained(self: &Arc<Self>) {
        let state = self.state();
        let (Some(handle), driver) = (state.handle.clone(), state.driver) else {
            return;
        };
        drop(state);
        match Inside::of(self) {
            None => blocking(&handle, driver, || self.block_until_drained()),
            Some((_, Place::Ended)) => {}
            Some((Sort::Task, _)) if has_one_thread(&handle) => {
                tracing::debug!("a job can't wait for others on the only thread of their runtime");
            }
            Some((sort, place)) => {
                let seeks = sort == Sort::Task && place == Place::Busy;
                self.change(|queue| queue.lend_place(sort, seeks));
                match sort {
                    Sort::Task => blocking(&handle, None, || self.block_until_drained()),
                    Sort::Thread => self.block_until_drained(),
                }
                self.state().queue.take_place_back(sort, seeks);
            }
        }
    }

    fn block_until_drained(&self) {
        let mut state = self.state();
        while !state.queue.is_drained() {
            state = self.drained.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn settle(self: &Arc<Self>, after: After) {
        if after.drained {
            self.drained.notify_all();
        }
        if let Some(runtime) = after.ended {
            // This may be one of its own threads.
            runtime.shutdown_background();
        }
        let Some(handle) = after.handle else { return };
        for _ in 0..after.wanted.tasks {
            handle.spawn(tasks::work(Worker::new(self, Sort::Task, after.time)));
        }
        for _ in 0..after.wanted.threads {
            let worker = Worker::new(self, Sort::Thread, after.time);
            let spawn = || drop(handle.spawn_blocking(move || threads::work(worker)));
            if catch_unwind(AssertUnwindSafe(spawn)).is_err() {
                // The system gives no thread, and the runtime has none that would come to it later.
                let runs = self.change(|queue| {
                    queue.forget_thread();
                    queue.drain()
                });
                self.give_up(runs);
                return;
            }
        }
    }
}
