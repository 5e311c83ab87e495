//! The passes over one store, from a start of its scheduler to the shutdown.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, ThreadId};

use super::backlog::BacklogSlot;
use super::lock::lock;
use super::unseen::Unseen;
use apscheduler_core::store::Watch;
use apscheduler_core::time::Timestamp;

/// The passes over a store between a start and a shutdown, and the thread that makes them.
pub(super) struct Session {
    state: Mutex<State>,
    pub(super) changed: Condvar,
    worker: Mutex<Option<JoinHandle<()>>>,
    watch: Mutex<Option<Watch>>,
    backlog_slot: Mutex<BacklogSlot>,
}

/// An outage of a store. Times are UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreFailure {
    /// When the first pass failed.
    pub since: Timestamp,
    /// The error of the last pass, with its causes. It contains no password.
    pub error: Arc<str>,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent yes-or-no facts")]
pub(super) struct State {
    /// The thread that is making a pass.
    pub(super) busy: Option<ThreadId>,
    /// A pass was requested.
    pub(super) requested: bool,
    /// The store has changed since the last pass began.
    pub(super) dirty: bool,
    /// When the next pass is due, as computed by the last one.
    pub(super) next: Option<Timestamp>,
    /// When the last pass began.
    pub(super) last: Option<Timestamp>,
    /// The store failed: no pass before `next`.
    pub(super) failure: Option<StoreFailure>,
    /// The run times that no pass before the current one could have seen.
    pub(super) unseen: Unseen,
    /// The watch has ended and is to be started again.
    pub(super) unwatched: bool,
    /// The next pass looks for jobs that wait too long.
    pub(super) look_for_distant: bool,
    pub(super) stop: bool,
}

impl Session {
    fn new(state: State) -> Self {
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            worker: Mutex::default(),
            watch: Mutex::default(),
            backlog_slot: Mutex::default(),
        }
    }

    /// Returns the session of a store that has just been started.
    pub(super) fn begun() -> Self {
        Self::new(State { dirty: true, look_for_distant: true, ..State::default() })
    }

    /// Returns the session of a store that has not been started yet.
    pub(super) fn ended() -> Self {
        Self::new(State { stop: true, ..State::default() })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn backlog_slot(&self) -> MutexGuard<'_, BacklogSlot> {
        lock(&self.backlog_slot)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.state().stop
    }

    pub(super) fn keep_worker(&self, worker: JoinHandle<()>) {
        *lock(&self.worker) = Some(worker);
    }

    pub(super) fn keep_watch(&self, watch: Option<Watch>) {
        let before = std::mem::replace(&mut *lock(&self.watch), watch);
        drop(before);
    }

    /// Stores a watch like [`keep_watch`](Self::keep_watch), unless the session was stopped in the
    /// meantime.
    pub(super) fn keep_new_watch(&self, watch: Option<Watch>) {
        let late = {
            let state = self.state();
            if state.stop { watch } else { std::mem::replace(&mut *lock(&self.watch), watch) }
        };
        drop(late);
    }

    /// Takes the watch. It is foreign and may take time to drop, so drop it without a lock.
    pub(super) fn take_watch(&self) -> Option<Watch> {
        lock(&self.watch).take()
    }

    /// Waits for a request for a pass. Returns `false` if no more passes are needed.
    pub(super) fn wait_for_request(&self) -> bool {
        let mut state = self.state();
        while !state.requested && !state.stop {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.stop
    }

    /// Stops passes. With `wait`, it returns when none is in progress, unless it is called within
    /// one.
    pub(super) fn stop(&self, alias: &str, wait: bool) {
        if wait {
            let watch = self.take_watch();
            drop(watch);
        }
        let mut state = self.state();
        state.stop = true;
        self.changed.notify_all();
        let me = std::thread::current().id();
        while wait && state.busy.is_some_and(|thread| thread != me) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        let worker = lock(&self.worker).take();
        if let Some(worker) = worker
            && wait
            && worker.thread().id() != me
            && worker.join().is_err()
        {
            tracing::error!(jobstore = alias, "the thread of the store panicked");
        }
    }
}

impl State {
    /// Notes that a pass begins. Returns whether it has to look for jobs that wait too long.
    pub(super) fn begin_pass(&mut self, now: Timestamp) -> bool {
        let last = self.last.filter(|_| self.failure.is_none());
        self.unseen = Unseen::since(last, self.next, now);
        self.busy = Some(std::thread::current().id());
        self.requested = false;
        self.dirty = false;
        self.next = None;
        self.last = Some(now);
        std::mem::take(&mut self.look_for_distant)
    }
}

/// Ends a pass when dropped, even after a panic.
pub(super) struct Done<'a>(&'a Session);

impl<'a> Done<'a> {
    pub(super) fn of(session: &'a Session) -> Self {
        Self(session)
    }
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.state().busy = None;
        self.0.changed.notify_all();
    }
}
