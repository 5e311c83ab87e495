//! The state that the executor and its coroutines share.

use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apscheduler_core::Shutdown;
use apscheduler_core::executor::{ExecutorLoad, Run};
use apscheduler_plugin_kit::executor::{Next, WorkerQueue, WorkerState};
use may::sync::Semphore;
use may::sync::mpsc::{Receiver, Sender, channel};

/// The queue, in a mutex of `std`: no coroutine waits while it holds the lock, and no foreign code is called under it.
#[derive(Debug)]
pub(crate) struct Shared {
    stack_size: usize,
    state: Mutex<State>,
    /// Wakes the coroutines that found no run.
    wakes: Semphore,
}

#[derive(Debug)]
struct State {
    name: Arc<str>,
    queue: WorkerQueue,
    /// Dropped when nothing is left, which wakes the receivers.
    waiting: Vec<Sender<()>>,
}

impl State {
    /// Returns the senders to drop after the lock has been released.
    fn drained(&mut self) -> Vec<Sender<()>> {
        if self.queue.is_drained() { take(&mut self.waiting) } else { Vec::new() }
    }
}

impl Shared {
    pub(crate) fn new(max_workers: usize, stack_size: usize) -> Self {
        let queue = WorkerQueue::new(max_workers);
        let state = State { name: "apscheduler".into(), queue, waiting: Vec::new() };
        Self { stack_size, state: Mutex::new(state), wakes: Semphore::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, count: usize) {
        (0..count).for_each(|_| self.wakes.post());
    }

    pub(crate) fn name(&self) -> Arc<str> {
        Arc::clone(&self.state().name)
    }

    pub(crate) fn stack_size(&self) -> usize {
        self.stack_size
    }

    pub(crate) fn open(&self, name: &str) {
        let mut state = self.state();
        state.name = name.into();
        state.queue.open();
    }

    /// Adds runs. Returns how many coroutines to start, or the runs if the executor has been shut down.
    pub(crate) fn push(&self, runs: Vec<Run>) -> Result<usize, Vec<Run>> {
        let wanted = self.state().queue.push(runs)?;
        self.wake(wanted.wake);
        Ok(wanted.start)
    }

    pub(crate) fn close(&self, shutdown: Shutdown) {
        let (closed, woken) = self.state().queue.close(shutdown);
        self.wake(woken);
        // Listeners receive the outcomes of the dropped runs outside the lock.
        drop(closed);
    }

    pub(crate) fn room(&self) -> usize {
        self.state().queue.room()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.state().queue.max_workers()
    }

    pub(crate) fn load(&self) -> ExecutorLoad {
        self.state().queue.load()
    }

    /// Waits for the next run of a coroutine, whose previous run has ended. `None` means that the coroutine ends.
    pub(crate) fn next(&self, worker: &mut WorkerState) -> Option<Run> {
        loop {
            let next = self.state().queue.next(worker);
            match next {
                Next::Run(run) => return Some(run),
                Next::End => return None,
                Next::Wait => self.wakes.wait(),
            }
        }
    }

    /// Removes a coroutine that ends.
    pub(crate) fn leave(&self, worker: WorkerState) {
        let mut state = self.state();
        state.queue.leave(worker);
        let drained = state.drained();
        drop(state);
        drop(drained);
    }

    /// Drops the waiting runs if no coroutine is left to take them.
    pub(crate) fn drop_orphans(&self) {
        let mut state = self.state();
        let runs = state.queue.take_orphans();
        let drained = state.drained();
        drop(state);
        drop((runs, drained));
    }

    /// Lends the slot of a run that waits until all other runs have ended. Returns how many coroutines to start.
    pub(crate) fn lend_slot(&self) -> usize {
        let mut state = self.state();
        let wanted = state.queue.lend_slot();
        let drained = state.drained();
        drop(state);
        drop(drained);
        wanted
    }

    /// Takes back the slot that was lent.
    pub(crate) fn reclaim_slot(&self) {
        self.state().queue.reclaim_slot();
    }

    /// Returns a receiver that fails when only runs that have lent their slots are left; `None` if that is the case
    /// now.
    pub(crate) fn until_drained(&self) -> Option<Receiver<()>> {
        let mut state = self.state();
        if state.queue.is_drained() {
            return None;
        }
        let (sender, receiver) = channel();
        state.waiting.push(sender);
        Some(receiver)
    }
}
