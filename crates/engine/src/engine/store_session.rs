//! Looking into one store, from one start of its scheduler to the shutdown.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, ThreadId};

use super::backlog::Shelf;
use super::lock;
use super::unseen::Unseen;
use apscheduler_core::store::Watch;
use apscheduler_core::time::Timestamp;

/// The passes over a store between a start and a shutdown, and who makes them.
pub(super) struct Session {
    state: Mutex<State>,
    pub(super) changed: Condvar,
    worker: Mutex<Option<JoinHandle<()>>>,
    watch: Mutex<Option<Watch>>,
    shelf: Mutex<Shelf>,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent yes-or-no facts")]
pub(super) struct State {
    /// The thread that makes a pass.
    pub(super) busy: Option<ThreadId>,
    /// Somebody asked for a pass.
    pub(super) requested: bool,
    /// The store changed since the last pass began.
    pub(super) dirty: bool,
    /// When the next pass is due, as the last one found.
    pub(super) next: Option<Timestamp>,
    /// When the last pass began.
    pub(super) last: Option<Timestamp>,
    /// The store failed: no pass before `next`.
    pub(super) failing: bool,
    /// What nobody could have seen before the pass under way.
    pub(super) unseen: Unseen,
    /// Nobody tells of changes: the watch is to be started again.
    pub(super) unwatched: bool,
    /// Jobs that wait for too long are to be looked for.
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
            shelf: Mutex::default(),
        }
    }

    /// That of a store that was just started.
    pub(super) fn begun() -> Self {
        Self::new(State { dirty: true, look_for_distant: true, ..State::default() })
    }

    /// That of a store that was not started yet.
    pub(super) fn ended() -> Self {
        Self::new(State { stop: true, ..State::default() })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        lock(&self.shelf)
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

    /// As [`keep_watch`](Self::keep_watch), unless the session was stopped meanwhile.
    pub(super) fn keep_new_watch(&self, watch: Option<Watch>) {
        let late = {
            let state = self.state();
            if state.stop { watch } else { std::mem::replace(&mut *lock(&self.watch), watch) }
        };
        drop(late);
    }

    /// What tells of changes. It is the store's, so its end may take time, and must not come under a lock.
    pub(super) fn take_watch(&self) -> Option<Watch> {
        lock(&self.watch).take()
    }

    /// Returns when a pass is asked for; `false` where no more are wanted.
    pub(super) fn wait_for_request(&self) -> bool {
        let mut state = self.state();
        while !state.requested && !state.stop {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.stop
    }

    /// Ends passes. With `wait` it returns when none is under way, unless it is called from within one.
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
    /// Notes that a pass begins. Returns whether it is to look for jobs that wait for too long.
    pub(super) fn begin_pass(&mut self, now: Timestamp) -> bool {
        let last = self.last.filter(|_| !self.failing);
        self.unseen = Unseen::since(last, self.next, now);
        self.busy = Some(std::thread::current().id());
        self.requested = false;
        self.dirty = false;
        self.next = None;
        self.last = Some(now);
        std::mem::take(&mut self.look_for_distant)
    }
}

/// The end of a pass, however that comes.
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
